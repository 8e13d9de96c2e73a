"""Batch normalisation, and what its layers have in common."""

from tinygrad_mnist.nn.normalization import BatchNorm1d as BatchNorm1d
from tinygrad_mnist.nn.normalization import BatchNorm2d as BatchNorm2d
from tinygrad_mnist.nn.normalization import BatchNorm3d as BatchNorm3d
from tinygrad_mnist.nn.normalization import _BatchNorm as _BatchNorm
