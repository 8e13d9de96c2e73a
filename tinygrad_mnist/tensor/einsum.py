"""einsum and tensordot: sums of products over named dimensions, by matrix products.

Each operand is first brought to distinct labels that are still needed: a repeated label takes the
diagonal, and one that nothing else has is summed. Then two operands at a time become one. Their
labels are of four kinds: those of only one of them are rows or columns; those of both are a batch
where somebody still needs them, and otherwise what a matrix product sums over.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.tensor.arguments import as_dims, as_int, named, write_out
from tinygrad_mnist.tensor.core import Tensor

Label = str | int
"""A letter; or, for a dimension under an ellipsis, its position counted from the right."""
Labels = tuple[Label, ...]


@named
def einsum(*args: str | Tensor | Sequence[Tensor]) -> Tensor:
    """Return sums of products of the operands' elements, along dimensions named by letters.

    ``einsum("bij,bjk->bik", x, y)`` is a batch of matrix products. A letter that isn't in the
    output is summed over; one that an operand repeats takes the diagonal; an ellipsis stands for
    any dimensions, which broadcast. Without ``->`` the output has the letters that appear once, in
    alphabetical order. Three and more operands are multiplied in the order that keeps what lies
    between small. Follows ``torch.einsum``.

    Parameters
    ----------
    args
        The equation, and the operands (or a list of them).

    Returns
    -------
    A tensor whose dimensions are the letters of the output.

    Raises
    ------
    RuntimeError
        When the equation is malformed, or the operands' shapes don't fit to it.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(4.0).reshape(2, 2)
    >>> torch.einsum("ij,kj->ik", x, x)  # x @ x.T
    tensor([[ 1.,  3.],
            [ 3., 13.]])
    >>> torch.einsum("ii", x), torch.einsum("ij->j", x)
    (tensor(3.), tensor([2., 4.]))
    >>> queries, keys = torch.ones(2, 5, 8, 16), torch.ones(2, 7, 8, 16)
    >>> torch.einsum("bqhd,bkhd->bhqk", queries, keys).shape  # attention's scores
    torch.Size([2, 8, 5, 7])
    """
    if len(args) < 2 or not isinstance(args[0], str):
        raise ValueError("must specify the equation string and at least one tensor")
    equation, *rest = args
    operands: list[Any] = rest
    if len(rest) == 1 and isinstance(rest[0], list | tuple):
        operands = list(rest[0])
    for i, x in enumerate(operands):
        if not isinstance(x, TensorBase):
            raise TypeError(f"tensor {i} must be a Tensor, not {type(x).__name__}")
    terms, output = _parse(equation, tuple([x._array.ndim for x in operands]))
    sizes = _sizes(terms, [x._array.shape for x in operands])
    parts = [_unspread(x, labels, sizes) for x, labels in zip(operands, terms, strict=True)]
    while len(parts) > 1:
        i, j = (0, 1) if len(parts) == 2 else _cheapest(parts, output, sizes)
        y, x = parts.pop(j), parts.pop(i)
        needed = {*output, *(label for _, labels in parts for label in labels)}
        parts.insert(0, _contract(*x, *y, needed))
    x, labels = _single(*parts[0], output)
    order = tuple([labels.index(label) for label in output])
    if order != tuple(range(len(order))):
        return apply(ops.permute, x, dims=order)
    return x if x is not operands[0] else apply(ops.identity, x)


@lru_cache(256)
def _parse(equation: str, ndims: tuple[int, ...]) -> tuple[list[Labels], Labels]:
    """Return the labels of each operand's dimensions, and those of the output."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise RuntimeError(
            f"{'fewer' if len(terms) > len(ndims) else 'more'} tensors were provided "
            f"than specified in the equation {equation!r}: it has {len(terms)}, got {len(ndims)}"
        )
    read = [
        _labels(equation, term, ndim, i)
        for i, (term, ndim) in enumerate(zip(terms, ndims, strict=True))
    ]
    seen = [label for labels in read for label in labels]
    hidden = sorted({label for label in seen if isinstance(label, int)})
    if not arrow:
        once = sorted(s for s in seen if isinstance(s, str) and seen.count(s) == 1)
        return read, (*hidden, *once)
    output = _labels(equation, right, len(right.replace("...", "")) + len(hidden), None)
    for label in output:
        if output.count(label) > 1 or label not in seen:
            what = "appears more than once" if label in seen else "does not appear in any tensor"
            raise RuntimeError(f"output subscript {label} {what} in {equation!r}")
    return read, output


def _labels(equation: str, term: str, ndim: int, operand: int | None) -> Labels:
    """Read the subscripts of an operand, or of the output (None)."""
    before, ellipsis, after = term.partition("...")
    for letter in before + after:
        if not (letter.isascii() and letter.isalpha()):
            raise RuntimeError(
                f"invalid subscript {letter!r} in the equation {equation!r}; subscripts "
                f"must be in [a-zA-Z], with at most one ellipsis per tensor"
            )
    hidden = ndim - len(before) - len(after)
    if hidden < 0 or (hidden and not ellipsis and operand is not None):
        raise RuntimeError(
            f"the number of subscripts in {term!r} does not match the number of "
            f"dimensions ({ndim}) for tensor {operand}; an ellipsis stands for any further ones"
        )
    return (*before, *(range(-hidden, 0) if ellipsis else ()), *after)


def _sizes(terms: Sequence[Labels], shapes: Sequence[tuple[int, ...]]) -> dict[Label, int]:
    """Return the length of each label; lengths of 1 broadcast."""
    sizes: dict[Label, int] = {}
    for operand, (labels, shape) in enumerate(zip(terms, shapes, strict=True)):
        own: dict[Label, int] = {}
        for label, n in zip(labels, shape, strict=True):
            if own.setdefault(label, n) != n:
                raise RuntimeError(
                    f"subscript {label} is repeated for tensor {operand} but the sizes "
                    f"don't match, {n} != {own[label]}"
                )
            if sizes.get(label, 1) == 1:
                sizes[label] = n
            elif n not in (1, sizes[label]):
                raise RuntimeError(
                    f"subscript {label} has size {n} for tensor {operand} which does "
                    f"not broadcast with previously seen size {sizes[label]}"
                )
    return sizes


def _unspread(x: Tensor, labels: Labels, sizes: dict[Label, int]) -> tuple[Tensor, Labels]:
    """Drop the dimensions of length 1 that would have to be broadcast."""
    shape = x._array.shape
    kept = [i for i, label in enumerate(labels) if shape[i] == sizes[label]]
    if len(kept) == len(labels):
        return x, labels
    return x.reshape([shape[i] for i in kept]), tuple(labels[i] for i in kept)


def _single(x: Tensor, labels: Labels, needed: Collection[Label]) -> tuple[Tensor, Labels]:
    """Take diagonals of repeated labels, and sum over those that aren't needed."""
    if len(set(labels)) < len(labels):
        distinct = tuple(dict.fromkeys(labels))
        lengths = [x._array.shape[labels.index(label)] for label in distinct]
        steps = dict(zip(distinct, np.ix_(*map(np.arange, lengths)), strict=True))
        x = apply(ops.getitem, x, index=tuple([steps[label] for label in labels]))
        labels = distinct
    spare = tuple([i for i, label in enumerate(labels) if label not in needed])
    if spare:
        x = apply(ops.sum, x, dim=spare, keepdim=False)
        labels = tuple([label for label in labels if label in needed])
    return x, labels


def _contract(
    x: Tensor, xs: Labels, y: Tensor, ys: Labels, needed: Collection[Label]
) -> tuple[Tensor, Labels]:
    """Multiply two operands, and sum over the labels that both have and nobody else needs."""
    x, xs = _single(x, xs, {*needed, *ys})
    y, ys = _single(y, ys, {*needed, *xs})
    batch = [label for label in xs if label in ys and label in needed]
    inner = [label for label in xs if label in ys and label not in needed]
    rows = [label for label in xs if label not in ys]
    columns = [label for label in ys if label not in xs]
    sizes = dict(zip(xs + ys, x._array.shape + y._array.shape, strict=True))
    lead, high, wide = ([sizes[label] for label in part] for part in (batch, rows, columns))
    out = (*batch, *rows, *columns)
    if inner:
        k = math.prod(sizes[label] for label in inner)
        x = _arranged(x, xs, [*batch, *rows, *inner], [*lead, math.prod(high), k])
        y = _arranged(y, ys, [*batch, *inner, *columns], [*lead, k, math.prod(wide)])
        return _reshaped(apply(ops.matmul, x, y), [*lead, *high, *wide]), out
    x = _arranged(x, xs, [*batch, *rows], [*lead, *high, *[1] * len(wide)])
    y = _arranged(y, ys, [*batch, *columns], [*lead, *[1] * len(high), *wide])
    return apply(ops.mul, x, y), out


def _arranged(x: Tensor, labels: Labels, order: Sequence[Label], shape: list[int]) -> Tensor:
    """Bring the dimensions into an order, and then into a shape."""
    dims = tuple([labels.index(label) for label in order])
    if dims != tuple(range(len(dims))):
        x = apply(ops.permute, x, dims=dims)
    return _reshaped(x, shape)


def _reshaped(x: Tensor, shape: list[int]) -> Tensor:
    to = tuple(shape)
    return x if x._array.shape == to else apply(ops.reshape, x, to=to)


def _cheapest(
    parts: Sequence[tuple[Tensor, Labels]], output: Labels, sizes: dict[Label, int]
) -> tuple[int, int]:
    """Return the pair whose product takes the fewest multiplications, the first of several."""

    def costs() -> Iterator[tuple[int, int, int]]:
        for j, (_, ys) in enumerate(parts):
            for i, (_, xs) in enumerate(parts[:j]):
                yield math.prod(sizes[label] for label in {*xs, *ys}), i, j

    _, i, j = min(costs())
    return i, j


@named
def tensordot(
    a: Tensor,
    b: Tensor,
    dims: int | Sequence[Sequence[int]] | Tensor = 2,
    out: Tensor | None = None,
) -> Tensor:
    """Return the sum of products over the last dimensions of a and the first of b.

    Follows ``torch.tensordot``.

    Parameters
    ----------
    a, b
        Tensors of one dtype.
    dims
        How many dimensions; or two lists: which ones of a, and which ones of b.
    out
        A tensor to write the result to.

    Returns
    -------
    A tensor of a's dimensions that are left, then b's.

    Raises
    ------
    RuntimeError
        When the dimensions differ in number or length.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x, y = torch.ones(2, 3, 4), torch.ones(3, 4, 5)
    >>> torch.tensordot(x, y, 2).shape, torch.tensordot(x, y, ([1], [0])).shape
    (torch.Size([2, 5]), torch.Size([2, 4, 4, 5]))
    """
    first, second = _pairs(a, b, dims.tolist() if isinstance(dims, Tensor) else dims)
    shapes = a._array.shape, b._array.shape
    for i, j in zip(first, second, strict=True):
        if shapes[0][i] != shapes[1][j] and 1 not in (shapes[0][i], shapes[1][j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size "
                f"{shapes[0][i]} in dim {i} and second has size {shapes[1][j]} in dim {j}"
            )
    if a._array.dtype != b._array.dtype:
        raise RuntimeError(f"both inputs should have the same dtype, got {a.dtype} and {b.dtype}")
    xs: Labels = tuple(range(a.ndim))
    ys: Labels = tuple(first[second.index(j)] if j in second else a.ndim + j for j in range(b.ndim))
    needed = [label for label in xs + ys if label not in first]
    sizes = _sizes([xs, ys], shapes)
    x, y = _unspread(a, xs, sizes), _unspread(b, ys, sizes)
    return write_out("tensordot", _contract(*x, *y, needed)[0], out)


def _pairs(a: Tensor, b: Tensor, dims: Any) -> tuple[list[int], list[int]]:
    """Return the dimensions to sum over, counted from the front."""
    if not isinstance(dims, tuple | list):
        dims = as_int("dims", dims)
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise RuntimeError(f"expects dims from 0 to {min(a.ndim, b.ndim)}, but got dims={dims}")
        return list(range(a.ndim - dims, a.ndim)), list(range(dims))
    first, second = dims
    if isinstance(first, int) or isinstance(second, int):
        raise TypeError(f"dims must be an int or two lists of ints, not {dims!r}")
    if len(first) != len(second):
        raise RuntimeError(f"both dimension lists should have same length, got {dims}")
    read = []
    for x, chosen in ((a, first), (b, second)):
        given = as_dims(tuple(chosen), x.ndim)
        read.append([given] if isinstance(given, int) else list(given or ()))
    return read[0], read[1]


__all__ = ["einsum", "tensordot"]
