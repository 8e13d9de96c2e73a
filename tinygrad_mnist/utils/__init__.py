"""Utilities."""

from tinygrad_mnist.utils import data as data
