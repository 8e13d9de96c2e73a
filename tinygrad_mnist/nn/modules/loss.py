"""The base class of losses."""

from tinygrad_mnist.nn.cross_entropy import CrossEntropyLoss as CrossEntropyLoss
from tinygrad_mnist.nn.loss import _Loss as _Loss
from tinygrad_mnist.nn.loss import _WeightedLoss as _WeightedLoss
