"""Optimizers, one family a file."""

from tinygrad_mnist.optim.adam import Adam as Adam
from tinygrad_mnist.optim.adam import AdamW as AdamW
from tinygrad_mnist.optim.optimizer import Optimizer as Optimizer
from tinygrad_mnist.optim.rmsprop import RMSprop as RMSprop
from tinygrad_mnist.optim.sgd import SGD as SGD
