"""Padding: more elements around a tensor, or fewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import copying, named
from tinygrad_mnist.tensor.joining import cat


@named
@copying
def pad(
    input: Tensor,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Tensor:
    """Put elements around a tensor. Follows ``torch.nn.functional.pad``.

    ``pad`` has two numbers for each dimension, before and after it, from the last dimension
    backwards; a negative number cuts elements off. The mode says what is put there: a
    ``"constant"`` value, the elements mirrored at the border (``"reflect"``), the border itself
    (``"replicate"``), or the elements of the other end (``"circular"``).

    Raises
    ------
    RuntimeError, ValueError
        When the numbers don't fit the dimensions; when there are too few elements to mirror or
        to repeat.
    NotImplementedError
        For an unknown mode.

    Examples
    --------
    >>> from tinygrad_mnist import nn, tensor
    >>> x = tensor([[1.0, 2.0, 3.0]])
    >>> nn.functional.pad(x, (1, 2))
    tensor([[0., 1., 2., 3., 0., 0.]])
    >>> nn.functional.pad(x, (1, 2), mode="reflect")
    tensor([[2., 1., 2., 3., 2., 1.]])
    """
    widths = _widths(pad, input.ndim)
    if mode == "constant":
        out = input
        if any(n > 0 for width in widths for n in width):
            around = tuple((max(a, 0), max(b, 0)) for a, b in widths)
            out = apply(ops.pad, out, widths=around, value=0.0 if value is None else value)
        return _cut(out, widths)
    if mode not in _SIDES:
        raise NotImplementedError(
            f"pad: unknown mode {mode!r}; the modes are 'constant', {', '.join(map(repr, _SIDES))}"
        )
    if value is not None and value != 0:
        raise ValueError(f"pad: mode {mode!r} takes no value, got {value}")
    if len(pad) // 2 not in (input.ndim - 2, input.ndim - 1) or len(pad) not in (2, 4, 6):
        raise NotImplementedError(
            f"pad: mode {mode!r} is for the last dimensions of (C, *S) or (N, C, *S), so "
            f"{len(pad)} widths don't fit an input of {input.ndim} dimensions"
        )
    # What comes from the other end is what is left there, as in PyTorch.
    out = _cut(input, widths) if mode == "circular" else input
    for dim, (before, after) in enumerate(widths):
        if before > 0 or after > 0:
            _check(mode, out.shape[dim], before, after, dim)
            left, right = _SIDES[mode](out, dim, max(before, 0), max(after, 0))
            out = cat([part for part in (left, out, right) if part is not None], dim)
    return out if mode == "circular" else _cut(out, widths)


def _widths(pad: Sequence[int], ndim: int) -> list[tuple[int, int]]:
    """Return the numbers before and after each dimension, from the first one on."""
    if len(pad) % 2:
        raise RuntimeError(f"pad: needs two numbers for each dimension, got {len(pad)}: {pad}")
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            f"pad: got {len(pad)} numbers, for {len(pad) // 2} dimensions, but the input has {ndim}"
        )
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def _cut(x: Tensor, widths: list[tuple[int, int]]) -> Tensor:
    """Cut off what negative numbers say."""
    cuts = tuple((max(-before, 0), max(-after, 0)) for before, after in widths)
    for n, (before, after) in zip(x.shape, cuts, strict=True):
        if before + after > n:
            raise RuntimeError(
                f"pad: cutting off {before} and {after} elements leaves a negative length of a "
                f"dimension of {n}"
            )
    return apply(ops.crop, x, widths=cuts) if any(map(any, cuts)) else x


def _check(mode: str, length: int, before: int, after: int, dim: int) -> None:
    most = {"reflect": length - 1, "circular": length}.get(mode)
    if most is not None and max(before, after) > most:
        raise RuntimeError(
            f"pad: mode {mode!r} can add at most {most} elements to dimension {dim}, of length "
            f"{length}, got {before} and {after}"
        )
    if not length:
        raise RuntimeError(f"pad: mode {mode!r} can't pad dimension {dim}, which has no elements")


def _reflected(x: Tensor, dim: int, before: int, after: int) -> Any:
    n = x.shape[dim]
    return (
        x.narrow(dim, 1, before).flip(dim) if before else None,
        x.narrow(dim, n - 1 - after, after).flip(dim) if after else None,
    )


def _replicated(x: Tensor, dim: int, before: int, after: int) -> Any:
    def repeated(position: int, times: int) -> Tensor | None:
        shape = (*x.shape[:dim], times, *x.shape[dim + 1 :])
        return x.narrow(dim, position, 1).expand(shape) if times else None

    return repeated(0, before), repeated(x.shape[dim] - 1, after)


def _wrapped(x: Tensor, dim: int, before: int, after: int) -> Any:
    n = x.shape[dim]
    return (
        x.narrow(dim, n - before, before) if before else None,
        x.narrow(dim, 0, after) if after else None,
    )


_SIDES = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}
