"""The base of layers."""

from tinygrad_mnist.nn.module import Module as Module
