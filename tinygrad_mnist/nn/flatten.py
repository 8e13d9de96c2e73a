"""Layers that change shapes."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class Flatten(Module):
    """Make a range of dimensions one; by default all but the first.

    Shapes: input (N, *), output (N, product of the others). Follows ``torch.nn.Flatten``.

    Parameters
    ----------
    start_dim, end_dim
        The first and the last of the range; negative ones count from the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.Flatten()(torch.ones(2, 28, 28)).shape
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
    """Split one dimension into several.

    Shapes: input (..., product, ...), output (..., *lengths, ...). Follows ``torch.nn.Unflatten``.

    Parameters
    ----------
    dim
        The dimension to split.
    unflattened_size
        The lengths that take its place; one may be -1, and is worked out.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.Unflatten(1, (28, 28))(torch.ones(2, 784)).shape
    torch.Size([2, 28, 28])
    """

    _shown = "dim= unflattened_size="

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)
