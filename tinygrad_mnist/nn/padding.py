"""Padding: more elements around a tensor, or fewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.nn.layer import Layer
from tinygrad_mnist.nn.spatial import Ints, per_dim
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import copying, named
from tinygrad_mnist.tensor.joining import cat

Widths = list[tuple[int, int]]
"""How many elements go before and after each dimension."""

PadMode: TypeAlias = Literal["constant", "reflect", "replicate", "circular"]


@named
@copying
def pad(
    input: Tensor, pad: Sequence[int], mode: PadMode = "constant", value: float | None = None
) -> Tensor:
    """Put elements around a tensor, or cut them off.

    Follows ``torch.nn.functional.pad``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    pad
        Two numbers for each dimension, before and after it, from the last dimension backwards; a
        negative number cuts elements off.
    mode
        What is put there: ``"constant"``, the value; ``"reflect"``, the elements mirrored at the
        border; ``"replicate"``, the border itself; ``"circular"``, the elements of the other end.
    value
        The number for ``"constant"``; 0 unless given.

    Returns
    -------
    A tensor with as many dimensions.

    Raises
    ------
    RuntimeError, ValueError
        When the numbers don't fit the dimensions; when there are too few elements to mirror or
        to repeat.
    NotImplementedError
        For an unknown mode.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.tensor([[1.0, 2.0, 3.0]])
    >>> F.pad(x, (1, 2))
    tensor([[0., 1., 2., 3., 0., 0.]])
    >>> F.pad(x, (1, 2), mode="reflect")
    tensor([[2., 1., 2., 3., 2., 1.]])
    >>> F.pad(x, (-1, 0))
    tensor([[2., 3.]])
    """
    widths = _widths(pad, input.ndim)
    if mode == "constant":
        return _constant(input, widths, 0.0 if value is None else value)
    if mode not in _SIDES:
        raise NotImplementedError(
            f"unknown mode {mode!r}; the modes are 'constant', {', '.join(map(repr, _SIDES))}"
        )
    if value is not None and value != 0:
        raise ValueError(f"mode {mode!r} takes no value, got {value}")
    if len(pad) // 2 not in (input.ndim - 2, input.ndim - 1) or len(pad) not in (2, 4, 6):
        raise NotImplementedError(
            f"mode {mode!r} is for the last dimensions of (C, *S) or (N, C, *S), so {len(pad)} "
            f"widths don't fit an input of {input.ndim} dimensions"
        )
    # What comes from the other end is what is left there, as in PyTorch.
    out = _cut(input, widths) if mode == "circular" else input
    for dim, (before, after) in enumerate(widths):
        if before > 0 or after > 0:
            _check(mode, out.shape[dim], before, after, dim)
            left, right = _SIDES[mode](out, dim, max(before, 0), max(after, 0))
            out = cat([part for part in (left, out, right) if part is not None], dim)
    return out if mode == "circular" else _cut(out, widths)


def padded(x: Tensor, pad: Sequence[int], value: float = 0.0) -> Tensor:
    """Put a number around a tensor; where there is nothing to do, it is the tensor itself."""
    return _constant(x, _widths(pad, x.ndim), value) if any(pad) else x


def _constant(x: Tensor, widths: Widths, value: float) -> Tensor:
    if any(n > 0 for width in widths for n in width):
        around = tuple((max(a, 0), max(b, 0)) for a, b in widths)
        x = apply(ops.pad, x, widths=around, value=value)
    return _cut(x, widths)


def _widths(pad: Sequence[int], ndim: int) -> Widths:
    """Return the numbers before and after each dimension, from the first one on."""
    if len(pad) % 2:
        raise RuntimeError(f"needs two numbers for each dimension, got {len(pad)}: {pad}")
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            f"got {len(pad)} numbers, for {len(pad) // 2} dimensions, but the input has {ndim}"
        )
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def _cut(x: Tensor, widths: Widths) -> Tensor:
    """Cut off what negative numbers say."""
    cuts = tuple((max(-before, 0), max(-after, 0)) for before, after in widths)
    for n, (before, after) in zip(x.shape, cuts, strict=True):
        if before + after > n:
            raise RuntimeError(
                f"cutting off {before} and {after} elements leaves a negative length of a "
                f"dimension of {n}"
            )
    return apply(ops.crop, x, widths=cuts) if any(map(any, cuts)) else x


def _check(mode: str, length: int, before: int, after: int, dim: int) -> None:
    most = {"reflect": length - 1, "circular": length}.get(mode)
    if most is not None and max(before, after) > most:
        raise RuntimeError(
            f"mode {mode!r} can add at most {most} elements to dimension {dim}, of length "
            f"{length}, got {before} and {after}"
        )
    if not length:
        raise RuntimeError(f"mode {mode!r} can't pad dimension {dim}, which has no elements")


Sides = tuple[Tensor | None, Tensor | None]
"""Parts that are put before and after a dimension."""


def _reflected(x: Tensor, dim: int, before: int, after: int) -> Sides:
    n = x.shape[dim]
    return (
        x.narrow(dim, 1, before).flip(dim) if before else None,
        x.narrow(dim, n - 1 - after, after).flip(dim) if after else None,
    )


def _replicated(x: Tensor, dim: int, before: int, after: int) -> Sides:
    def repeated(position: int, times: int) -> Tensor | None:
        shape = (*x.shape[:dim], times, *x.shape[dim + 1 :])
        return x.narrow(dim, position, 1).expand(shape) if times else None

    return repeated(0, before), repeated(x.shape[dim] - 1, after)


def _wrapped(x: Tensor, dim: int, before: int, after: int) -> Sides:
    n = x.shape[dim]
    return (
        x.narrow(dim, n - before, before) if before else None,
        x.narrow(dim, 0, after) if after else None,
    )


_SIDES = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}


class _Pad(Layer):
    """Padding by numbers before and after each dimension, from the last one backwards."""

    _shown = "padding"
    mode: PadMode = "constant"
    value: float | None = None

    def __init__(self, padding: Ints) -> None:
        super().__init__()
        self.padding = per_dim("padding", padding, 2 * self.dims)

    def forward(self, input: Tensor) -> Tensor:
        return pad(input, self.padding, self.mode, self.value)


class _ConstantPad(_Pad):
    _shown = "padding= value="

    def __init__(self, padding: Ints, value: float) -> None:
        super().__init__(padding)
        self.value = value


class ConstantPad1d(_ConstantPad, dims=1):
    """Put a number around signals.

    Shapes: input and output (N, C, L) or (C, L). Follows ``torch.nn.ConstantPad1d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or two of them, left and right; a
        negative one cuts elements off.
    value
        The number.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ConstantPad1d(1, 5.0)(torch.ones(1, 1, 3))
    tensor([[[5., 1., 1., 1., 5.]]])
    """


class ConstantPad2d(_ConstantPad, dims=2):
    """Put a number around images.

    Shapes: input and output (N, C, H, W) or (C, H, W). Follows ``torch.nn.ConstantPad2d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or four of them, left, right, top and
        bottom; a negative one cuts elements off.
    value
        The number.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ConstantPad2d(1, 5.0)(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[5., 5., 5., 5.],
              [5., 1., 2., 5.],
              [5., 5., 5., 5.]]]])
    """


class ConstantPad3d(_ConstantPad, dims=3):
    """Put a number around volumes.

    Shapes: input and output (N, C, D, H, W) or (C, D, H, W). Follows ``torch.nn.ConstantPad3d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or six of them, left, right, top, bottom,
        front and back; a negative one cuts elements off.
    value
        The number.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ConstantPad3d(1, 5.0)(torch.ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """


class ZeroPad1d(_Pad, dims=1):
    """Put zeros around signals.

    Shapes: input and output (N, C, L) or (C, L). Follows ``torch.nn.ZeroPad1d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or two of them, left and right; a
        negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ZeroPad1d((0, 2))(torch.ones(1, 1, 3))
    tensor([[[1., 1., 1., 0., 0.]]])
    """


class ZeroPad2d(_Pad, dims=2):
    """Put zeros around images.

    Shapes: input and output (N, C, H, W) or (C, H, W). Follows ``torch.nn.ZeroPad2d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or four of them, left, right, top and
        bottom; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ZeroPad2d(1)(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[0., 0., 0., 0.],
              [0., 1., 2., 0.],
              [0., 0., 0., 0.]]]])
    """


class ZeroPad3d(_Pad, dims=3):
    """Put zeros around volumes.

    Shapes: input and output (N, C, D, H, W) or (C, D, H, W). Follows ``torch.nn.ZeroPad3d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or six of them, left, right, top, bottom,
        front and back; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ZeroPad3d(1)(torch.ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """


class _ReflectionPad(_Pad):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPad, dims=1):
    """Mirror signals at their border.

    Shapes: input and output (N, C, L) or (C, L). Follows ``torch.nn.ReflectionPad1d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or two of them, left and right; a
        negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReflectionPad1d(2)(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[3., 2., 1., 2., 3., 2., 1.]]])
    """


class ReflectionPad2d(_ReflectionPad, dims=2):
    """Mirror images at their border.

    Shapes: input and output (N, C, H, W) or (C, H, W). Follows ``torch.nn.ReflectionPad2d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or four of them, left, right, top and
        bottom; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReflectionPad2d((1, 1, 0, 0))(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[2., 1., 2., 1.]]]])
    """


class ReflectionPad3d(_ReflectionPad, dims=3):
    """Mirror volumes at their border.

    Shapes: input and output (N, C, D, H, W) or (C, D, H, W). Follows ``torch.nn.ReflectionPad3d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or six of them, left, right, top, bottom,
        front and back; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReflectionPad3d(1)(torch.ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """


class _ReplicationPad(_Pad):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPad, dims=1):
    """Repeat the border of signals.

    Shapes: input and output (N, C, L) or (C, L). Follows ``torch.nn.ReplicationPad1d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or two of them, left and right; a
        negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReplicationPad1d(2)(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[1., 1., 1., 2., 3., 3., 3.]]])
    """


class ReplicationPad2d(_ReplicationPad, dims=2):
    """Repeat the border of images.

    Shapes: input and output (N, C, H, W) or (C, H, W). Follows ``torch.nn.ReplicationPad2d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or four of them, left, right, top and
        bottom; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReplicationPad2d((1, 1, 0, 0))(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1., 1., 2., 2.]]]])
    """


class ReplicationPad3d(_ReplicationPad, dims=3):
    """Repeat the border of volumes.

    Shapes: input and output (N, C, D, H, W) or (C, D, H, W). Follows ``torch.nn.ReplicationPad3d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or six of them, left, right, top, bottom,
        front and back; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReplicationPad3d(1)(torch.ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """


class _CircularPad(_Pad):
    mode = "circular"


class CircularPad1d(_CircularPad, dims=1):
    """Put the other end at each end of signals.

    Shapes: input and output (N, C, L) or (C, L). Follows ``torch.nn.CircularPad1d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or two of them, left and right; a
        negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.CircularPad1d(2)(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[2., 3., 1., 2., 3., 1., 2.]]])
    """


class CircularPad2d(_CircularPad, dims=2):
    """Put the other end at each end of images.

    Shapes: input and output (N, C, H, W) or (C, H, W). Follows ``torch.nn.CircularPad2d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or four of them, left, right, top and
        bottom; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.CircularPad2d((1, 1, 0, 0))(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[2., 1., 2., 1.]]]])
    """


class CircularPad3d(_CircularPad, dims=3):
    """Put the other end at each end of volumes.

    Shapes: input and output (N, C, D, H, W) or (C, D, H, W). Follows ``torch.nn.CircularPad3d``.

    Parameters
    ----------
    padding
        How many elements to put at each side: one number, or six of them, left, right, top, bottom,
        front and back; a negative one cuts elements off.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.CircularPad3d(1)(torch.ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """
