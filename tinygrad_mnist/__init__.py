"""A mini deep-learning framework on NumPy, under PyTorch's names."""

from tinygrad_mnist.tensor import *
