"""PyTorch's folder of layers: scripts import some names from there."""

from tinygrad_mnist.nn.modules import batchnorm as batchnorm
from tinygrad_mnist.nn.modules import conv as conv
from tinygrad_mnist.nn.modules import loss as loss
from tinygrad_mnist.nn.modules import module as module
from tinygrad_mnist.nn.modules import sparse as sparse
from tinygrad_mnist.nn.modules import utils as utils


def __getattr__(name: str) -> object:
    """Return a layer by its name."""
    from tinygrad_mnist import nn

    return getattr(nn, name)
