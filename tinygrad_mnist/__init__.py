"""A mini deep-learning framework on NumPy, under PyTorch's names."""

from tinygrad_mnist.tensor import *
from tinygrad_mnist import nn, autograd, optim, utils
from tinygrad_mnist.autograd import no_grad
