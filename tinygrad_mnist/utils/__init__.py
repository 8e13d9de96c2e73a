"""Utilities."""

from tinygrad_mnist.utils import checkpoint as checkpoint
from tinygrad_mnist.utils import data as data
