"""Padding layers."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.functional.spatial import per_dim
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class _Pad(Module):
    """What padding layers share: numbers before and after each dimension, from the last one."""

    dims: int
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = per_dim(type(self).__name__, "padding", padding, 2 * self.dims)

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, padded."""
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Put a number around a signal (N, C, L).

    Follows ``torch.nn.ConstantPad1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ConstantPad1d(1, 5.0)(ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    dims = 1


class ConstantPad2d(_ConstantPad):
    """Put a number around an image (N, C, H, W).

    Follows ``torch.nn.ConstantPad2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ConstantPad2d(1, 5.0)(ones(1, 1, 3, 4)).shape
    torch.Size([1, 1, 5, 6])
    """

    dims = 2


class ZeroPad1d(_Pad):
    """Put zeros around a signal (N, C, L).

    Follows ``torch.nn.ZeroPad1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ZeroPad1d(1)(ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    dims = 1


class ZeroPad2d(_Pad):
    """Put zeros around an image (N, C, H, W).

    Follows ``torch.nn.ZeroPad2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ZeroPad2d(1)(ones(1, 1, 3, 4)).shape
    torch.Size([1, 1, 5, 6])
    """

    dims = 2


class ReflectionPad1d(_Pad):
    """Put its elements, mirrored at the border around a signal (N, C, L).

    Follows ``torch.nn.ReflectionPad1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ReflectionPad1d(1)(ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    dims = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Put its elements, mirrored at the border around an image (N, C, H, W).

    Follows ``torch.nn.ReflectionPad2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ReflectionPad2d(1)(ones(1, 1, 3, 4)).shape
    torch.Size([1, 1, 5, 6])
    """

    dims = 2
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Put its border around a signal (N, C, L).

    Follows ``torch.nn.ReplicationPad1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ReplicationPad1d(1)(ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    dims = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Put its border around an image (N, C, H, W).

    Follows ``torch.nn.ReplicationPad2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ReplicationPad2d(1)(ones(1, 1, 3, 4)).shape
    torch.Size([1, 1, 5, 6])
    """

    dims = 2
    mode = "replicate"


class CircularPad1d(_Pad):
    """Put the elements of its other end around a signal (N, C, L).

    Follows ``torch.nn.CircularPad1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.CircularPad1d(1)(ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    dims = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """Put the elements of its other end around an image (N, C, H, W).

    Follows ``torch.nn.CircularPad2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.CircularPad2d(1)(ones(1, 1, 3, 4)).shape
    torch.Size([1, 1, 5, 6])
    """

    dims = 2
    mode = "circular"
