"""Writing by index into a copy: scatter, index_add and its kin, masks.

The in-place methods (``scatter_``, ``index_add_``) write the same results into the tensor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.modes import modes, one_call
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.indexing import along
from tinygrad_mnist.tensor.arguments import as_dim, as_number, broadcast, need_tensor
from tinygrad_mnist.tensor.comparison import value_for
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.indexing import (
    as_index,
    check_along,
    index_array,
    long_index,
    mask_array,
)
from tinygrad_mnist.tensor.precision import in_float32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Number


def _same_dtype(x: Tensor, source: Tensor) -> None:
    if x._array.dtype != source._array.dtype:
        raise RuntimeError(
            f"the source must have the tensor's dtype, {x.dtype}, but has {source.dtype}"
        )


def _scattered(
    x: Tensor, dim: int, index: Tensor, src: Tensor | float
) -> tuple[np.ndarray, Tensor, int]:
    """Check the arguments of a scatter; return index and source as arrays, and the dimension."""
    where = long_index(index)
    if not isinstance(src, TensorBase):
        number = as_number("value", src)
        src = wrap(dtypes.convert(np.full(where.shape, number), x._array.dtype))
    _same_dtype(x, src)
    if not where.size:
        return where, src, as_dim(dim, x._array.ndim)
    d = check_along(x._array.shape, where, dim)
    sizes = src._array.shape
    if len(sizes) != where.ndim or any(n > m for n, m in zip(where.shape, sizes, strict=True)):
        raise RuntimeError(
            f"the index has shape {list(where.shape)}, which does not lie within the "
            f"source's, {list(sizes)}"
        )
    return where, src, d


def _unwritten(x: Tensor, src: Tensor) -> Tensor:
    """Return a copy into which nothing is written; the source takes part, with a gradient of 0."""
    return x + src.reshape(-1)[:0].sum() if src.requires_grad else x.clone()


@export(inplace=True)
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | float | None = None,
    *,
    value: Number | None = None,
    reduce: str | None = None,
) -> Tensor:
    """Return a copy with a source, or one number, written along a dimension where the index says.

    ``out[index[i, j], j] = src[i, j]`` for ``dim=0``. Where an index repeats, the last one counts.
    ``reduce`` may be ``"add"`` or ``"multiply"``. Follows ``torch.scatter``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        A tensor of int64, of as many dimensions, not longer than input in the others.
    src
        A tensor of input's dtype, at least as long as index in every dimension; or a number.
    value
        A number, in place of src.
    reduce
        None to overwrite, ``"add"`` or ``"multiply"``.

    Returns
    -------
    A tensor of shape (*).

    Raises
    ------
    RuntimeError
        When an index is out of range, or the shapes or dtypes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> labels = torch.tensor([2, 0])
    >>> torch.zeros(2, 3).scatter(1, labels.unsqueeze(1), 1.0)  # one-hot rows
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if (src is None) == (value is None):
        raise TypeError("give one of src (a Tensor) and value (a number)")
    if value is not None and isinstance(value, TensorBase) and value._array.ndim:
        raise TypeError("argument 'value' must be Number, not Tensor; pass it as src")
    source: Any = value if src is None else src
    if reduce is not None and reduce not in ("add", "multiply"):
        raise RuntimeError(f"reduce must be 'add' or 'multiply', not {reduce!r}")
    if isinstance(source, TensorBase) and value is not None:
        source = source._array.item()
    where, source, d = _scattered(input, dim, index, source)
    if not where.size:
        return _unwritten(input, source)
    if reduce == "add":
        return apply(ops.scatter_add, input, where, source, dim=d)
    if reduce == "multiply":
        return scatter_reduce(input, dim, index, source, "prod")
    return apply(ops.scatter, input, where, source, dim=d)


_REDUCTIONS = {
    "sum": np.add, "prod": np.multiply, "mean": np.add, "amax": np.maximum, "amin": np.minimum,
}  # fmt: skip


@export(inplace=True)
@in_float32
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Return a copy in which the source is gathered up along a dimension where the index says.

    ``reduce`` is ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``; without
    ``include_self`` the elements that are written to don't take part. Follows
    ``torch.scatter_reduce``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        A tensor of int64, of as many dimensions, not longer than input in the others.
    src
        A tensor of input's dtype, at least as long as index in every dimension.
    reduce
        How: one of the five.
    include_self
        Whether input's elements take part.

    Returns
    -------
    A tensor of shape (*).

    Raises
    ------
    NotImplementedError
        For the derivative of ``"prod"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> groups, values = torch.tensor([0, 1, 1]), torch.tensor([3.0, 1.0, 2.0])
    >>> zeros = torch.zeros(2)
    >>> zeros.scatter_reduce(0, groups, values, "amax")
    tensor([3., 2.])
    >>> zeros.scatter_reduce(0, groups, values, "mean", include_self=False)
    tensor([3.0000, 1.5000])
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"reduce must be one of {list(_REDUCTIONS)}, not {reduce!r}")
    as_dim(dim, input._array.ndim)
    if reduce == "mean" and input._array.dtype.kind == "b":
        raise NotImplementedError("'mean' is not implemented for bools")
    where, src, d = _scattered(input, dim, index, need_tensor("src", src))
    if not where.size:
        return _unwritten(input, src)
    if not input._array.ndim:
        return scatter_reduce(
            input.reshape(1),
            0,
            wrap(where.reshape(1)),
            src.reshape(1),
            reduce,
            include_self=include_self,
        ).reshape(())
    src = src[tuple(slice(n) for n in where.shape)]
    counts = ops.scatter_add(
        np.full(input._array.shape, int(include_self)), where, np.ones_like(where), dim=d
    )
    untouched = np.zeros(0, bool) if include_self else counts == 0
    if reduce in ("sum", "mean"):
        start = input if include_self else input.masked_fill(wrap(~untouched), 0)
        total = apply(ops.scatter_add, start, where, src, dim=d)
        if reduce == "sum":
            return total
        mode = "floor" if input._array.dtype.kind != "f" else None
        return total.div(wrap(np.maximum(counts, 1).astype(input._array.dtype)), rounding_mode=mode)
    return _extreme(input, where, src, d, reduce, bool(include_self))


def _extremes_of(kind: np.dtype[Any]) -> tuple[float, float]:
    """Return the smallest and the largest number of a dtype."""
    if kind.kind == "f":
        return -np.inf, np.inf
    return (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)


def _extreme(
    x: Tensor, where: np.ndarray, src: Tensor, dim: int, reduce: str, keep: bool
) -> Tensor:
    """Reduce by product or extremes; the chosen elements share the gradient."""
    full = along(where, dim, x._array.ndim)
    out = x._array.copy()
    kind = out.dtype
    if not keep:
        low, high = _extremes_of(kind)
        out[full] = {"prod": 1, "amax": low, "amin": high}[reduce]
    _REDUCTIONS[reduce].at(out, full, src._array)
    if not (modes.enabled and (x.requires_grad or src.requires_grad)):
        return wrap(out)
    if reduce == "prod":
        raise NotImplementedError(
            "the derivative of 'prod' (reduce='multiply') is not implemented; "
            "detach() the tensors, or use another reduction"
        )
    mine = x._array == out
    if not keep:
        mine[full] = False
        untouched = np.ones(out.shape, bool)
        untouched[full] = False
        mine |= untouched
    theirs = src._array == out[full]
    count = mine.astype(kind)
    np.add.at(count, full, theirs.astype(kind))
    chosen = apply(ops.where, mine, x, np.zeros((), kind))
    given = apply(ops.where, theirs, src, np.zeros((), kind))
    return apply(ops.scatter_add, chosen, where, given, dim=dim) / wrap(count)


def _index_arguments(x: Tensor, dim: int, index: Tensor) -> tuple[int, np.ndarray]:
    """Check a dimension and an index of places in it."""
    d, where = as_dim(dim, x._array.ndim), long_index(index)
    if where.ndim > 1:
        raise IndexError(f"the index must be a vector, but has shape {list(where.shape)}")
    _check_range(where, d, x._array.shape[d] if x._array.ndim else 1)
    return d, where.reshape(-1)


@one_call
def _check_range(where: np.ndarray, dim: int, length: int) -> None:
    """Refuse places that a dimension doesn't have."""
    if where.size and not (-length <= where.min() and where.max() < length):
        raise IndexError(f"index out of range for dimension {dim} with size {length}")


def _index_source(x: Tensor, dim: int, where: np.ndarray, source: Tensor) -> Tensor:
    """Check the source that goes to the places of an index; return it in their shape."""
    _same_dtype(x, need_tensor("source", source))
    shape = list(x._array.shape)
    if shape:
        shape[dim] = where.size
    if list(source._array.shape) != shape:
        if source._array.ndim or where.size != 1 or len(shape) > 1:
            raise RuntimeError(
                f"the source must have shape {shape} for an index of {where.size} "
                f"elements, but has {list(source._array.shape)}"
            )
        source = source.reshape(shape)
    return source


@one_call
def _refuse_negative(where: np.ndarray) -> None:
    """Refuse to count from the end."""
    if where.size and where.min() < 0:
        raise IndexError(f"index {int(where.min())} is out of range; none is negative")


def _along_dim(x: Tensor, dim: int, where: np.ndarray) -> tuple[slice | np.ndarray, ...]:
    return (slice(None),) * dim + (where,) if x._array.ndim else ()


@export(inplace=True)
@in_float32
@node_name("IndexAddBackward0")
def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1
) -> Tensor:
    """Return a copy with alpha times the source's slices added where the index says.

    ``out[index[i]] += alpha * source[i]`` for ``dim=0``; repeated indices add up. Follows
    ``torch.index_add``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        A vector of int64, n of them.
    source
        A tensor of input's dtype, of shape (*) with n in the place of the dimension's length.
    alpha
        A factor of the source.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros(3).index_add(0, torch.tensor([0, 2, 2]), torch.ones(3))
    tensor([1., 0., 2.])
    """
    d, where = _index_arguments(input, dim, index)
    source = _index_source(input, d, where, source)
    if alpha != 1:
        source = source * as_number("alpha", alpha)
        source = source.to(input.dtype)
    _refuse_negative(where)
    place = _along_dim(input, d, where)
    if not input._array.ndim:
        return input + source.reshape(())
    return input + apply(ops.scatter_into_zeros, source, to=input._array.shape, index=place)


@export(inplace=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Return a copy with the source's slices written where the index says.

    ``out[index[i]] = source[i]`` for ``dim=0``. Follows ``torch.index_copy``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        A vector of int64, n of them.
    source
        A tensor of input's dtype, of shape (*) with n in the place of the dimension's length.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> rows = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
    >>> torch.zeros(3, 2).index_copy(0, torch.tensor([2, 0]), rows)
    tensor([[2., 2.],
            [0., 0.],
            [1., 1.]])
    """
    d, where = _index_arguments(input, dim, index)
    _refuse_negative(where)
    source = _index_source(input, d, where, source)
    return apply(ops.setitem, input, source, index=_along_dim(input, d, where))


@export(inplace=True)
@node_name("IndexFillBackward0")
def index_fill(input: Tensor, dim: int, index: Tensor, value: Number) -> Tensor:
    """Return a copy with a number written where the index says. Follows ``torch.index_fill``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        A vector of int64; negative ones count from the end.
    value
        A number, or a tensor of shape ().

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros(2, 3).index_fill(1, torch.tensor([0, 2]), 5.0)
    tensor([[5., 0., 5.],
            [5., 0., 5.]])
    """
    d, where = _index_arguments(input, dim, index)
    number = value_for(input, value)
    return apply(ops.setitem, input, number, index=_along_dim(input, d, where))


@export(inplace=True)
@in_float32
def index_put(
    input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Return a copy with values written, or added, at a tuple of index tensors.

    It is ``out[indices] = values``, or ``+=``, where repeated places add up. Follows
    ``torch.index_put``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    indices
        Tensors of integers or bools, one for each of the first dimensions.
    values
        A tensor of input's dtype, whose shape broadcasts to that of ``input[indices]``.
    accumulate
        Whether to add.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> hits = torch.tensor([0, 0, 2])
    >>> torch.zeros(3).index_put((hits,), torch.ones(3), accumulate=True)
    tensor([2., 0., 1.])
    """
    if not isinstance(indices, tuple | list):
        raise TypeError(
            f"argument 'indices' must be tuple of Tensors, not {type(indices).__name__}"
        )
    for part in indices:
        need_tensor("indices", part)
    _same_dtype(input, need_tensor("values", values))
    place = as_index(tuple(indices))
    if not accumulate:
        return apply(ops.setitem, input, values, index=place)
    shape = input._array[place].shape
    if broadcast(shape, values._array.shape) != shape:
        raise RuntimeError(
            f"values of shape {list(values.shape)} do not broadcast to the indexed "
            f"shape {list(shape)}"
        )
    full = values.broadcast_to(shape)
    return input + apply(ops.scatter_into_zeros, full, to=input._array.shape, index=place)


@export(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return a copy with the source's elements written, in turn, where the mask is true.

    Follows ``torch.masked_scatter``.

    Parameters
    ----------
    input
        A tensor whose shape broadcasts with mask's to (*).
    mask
        A tensor of bools.
    source
        A tensor of input's dtype, with at least as many elements as the mask has that are true.

    Returns
    -------
    A tensor of shape (*).

    Raises
    ------
    RuntimeError
        When the source has too few elements, or another dtype.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> mask = torch.tensor([True, False, True])
    >>> torch.zeros(3).masked_scatter(mask, torch.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    _same_dtype(input, need_tensor("source", source))
    where = mask_array(input, mask)
    count = int(where.sum())
    if source._array.size < count:
        raise RuntimeError(
            f"the source has {source._array.size} elements, fewer than the "
            f"{count} places of the mask"
        )
    given = source.reshape(-1)[:count]
    return apply(ops.setitem, input.broadcast_to(where.shape), given, index=where)


@export(inplace=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return a copy with src added in along a dimension, where the index says.

    ``out[i, index[i, j]] += src[i, j]`` for ``dim=1``; it is what the gradient of :func:`gather` is
    made of. Follows ``torch.scatter_add``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        A tensor of int64, of as many dimensions, not longer than input in the others.
    src
        A tensor of input's dtype, at least as long as index in every dimension.

    Returns
    -------
    A tensor of shape (*).

    Raises
    ------
    RuntimeError
        When an index is out of range, or the shapes or dtypes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> groups, values = torch.tensor([0, 1, 1]), torch.tensor([3.0, 1.0, 2.0])
    >>> torch.zeros(2).scatter_add(0, groups, values)  # sums by group
    tensor([3., 3.])
    """
    array = index_array(index)
    d = check_along(input._array.shape, array, dim)
    _same_dtype(input, need_tensor("src", src))
    if any(n > have for n, have in zip(array.shape, src._array.shape, strict=False)):
        raise RuntimeError(
            f"the index has shape {list(array.shape)}, which is longer than src, "
            f"{list(src._array.shape)}"
        )
    return apply(ops.scatter_add, input, index, src, dim=d)


if not TYPE_CHECKING:
    __all__ = publish(globals())
