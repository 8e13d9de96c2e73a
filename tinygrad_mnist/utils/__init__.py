"""Utilities: datasets and loaders, checkpointing, DLPack, a table of a model's layers."""

from tinygrad_mnist.utils import checkpoint as checkpoint
from tinygrad_mnist.utils import data as data
from tinygrad_mnist.utils import dlpack as dlpack
from tinygrad_mnist.utils.summary import Summary as Summary
from tinygrad_mnist.utils.summary import summary as summary
