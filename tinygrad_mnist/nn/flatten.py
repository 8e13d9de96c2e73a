"""Layers that change shapes."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class Flatten(Module):
    """Make a range of dimensions one; by default all but the first. Follows ``torch.nn.Flatten``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Flatten()(ones(2, 28, 28)).shape
    torch.Size([2, 784])
    """

    _shown = "start_dim= end_dim="

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)


class Unflatten(Module):
    """Split one dimension into several. Follows ``torch.nn.Unflatten``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Unflatten(1, (28, 28))(ones(2, 784)).shape
    torch.Size([2, 28, 28])
    """

    _shown = "dim= unflattened_size="

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)
