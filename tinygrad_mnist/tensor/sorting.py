"""Sorting, and what order tells: the largest, medians, quantiles, distinct elements, positions.

The values are gathered by indices that NumPy finds, so that each gets its gradient back. NaN
counts as larger than every number, as in PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import return_types
from tinygrad_mnist.tensor.arguments import as_dim, as_int, as_number, named, need_tensor, with_out
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.indexing import dim_with_elements, values_at

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.return_types import ValuesIndices
    from tinygrad_mnist.tensor.types import Number


def _order(x: np.ndarray, dim: int, descending: bool = False) -> np.ndarray:
    """Return the indices that sort along a dimension, equal elements staying in their order."""
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    backwards = np.argsort(np.flip(x, dim), axis=dim, kind="stable")
    order: np.ndarray = x.shape[dim] - 1 - np.flip(backwards, dim)
    return order


def _no_bools(x: Tensor, dim: int | None) -> None:
    if dim is not None:
        as_dim(dim, x._array.ndim)
    if x._array.dtype.kind == "b":
        raise NotImplementedError("not implemented for bools; convert them with int()")


@export(takes="axis")
@node_name("SortBackward0")
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = False
) -> ValuesIndices:
    """Sort along a dimension; return values and indices.

    Equal elements always stay in their order, also without ``stable``. NaN comes after all numbers.
    Follows ``torch.sort``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    descending
        Whether the largest comes first.
    stable
        Accepted: the order is always stable.

    Returns
    -------
    A named pair ``(values, indices)`` of tensors of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[3, 1, 2], [0, 9, 5]])
    >>> values, indices = x.sort()
    >>> values
    tensor([[1, 2, 3],
            [0, 5, 9]])
    >>> indices
    tensor([[1, 2, 0],
            [0, 2, 1]])
    """
    d = as_dim(dim, input._array.ndim)
    return values_at(
        return_types.sort, input, d, _order(np.atleast_1d(input._array), d, bool(descending))
    )


@export(takes="axis")
def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = False
) -> Tensor:
    """Return the indices that sort along a dimension. Follows ``torch.argsort``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    descending
        Whether the largest comes first.
    stable
        Accepted: the order is always stable.

    Returns
    -------
    An int64 tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> scores, names = torch.tensor([0.2, 0.9, 0.5]), "abc"
    >>> [names[i] for i in scores.argsort(descending=True)]
    ['b', 'c', 'a']
    """
    return sort(input, dim, descending, stable=stable).indices


@export(takes="out")
def msort(input: Tensor) -> Tensor:
    """Return the values sorted along the first dimension. Follows ``torch.msort``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.msort(torch.tensor([[3, 1], [2, 5]]))
    tensor([[2, 1],
            [3, 5]])
    """
    return sort(input, 0).values


@export(takes="out")
@node_name("TopkBackward0")
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> ValuesIndices:
    """Return the k largest (or smallest) along a dimension, in order, and their indices.

    Of equal elements the first are chosen. Follows ``torch.topk``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    k
        How many.
    dim
        The dimension; a negative one counts from the end.
    largest
        Whether the largest are wanted, or the smallest.
    sorted
        Accepted: they are always in order.

    Returns
    -------
    A named pair ``(values, indices)`` of tensors of shape (*) with k in the place of the
    dimension's length.

    Raises
    ------
    RuntimeError
        When there aren't as many, or the tensor holds bools.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> logits = torch.tensor([[0.1, 2.0, 0.3], [1.0, 0.0, 3.0]])
    >>> labels = torch.tensor([2, 0])
    >>> best = logits.topk(2).indices
    >>> (best == labels.unsqueeze(1)).any(1)  # right among the best two
    tensor([True, True])
    """
    d, count = as_dim(dim, input._array.ndim), as_int("k", k)
    if input._array.dtype.kind == "b":
        raise RuntimeError("not implemented for bools; convert the tensor with int()")
    array = np.atleast_1d(input._array)
    length = array.shape[d]
    if not 0 <= count <= length:
        raise RuntimeError(
            f"selected index k out of range: k is {count}, and dimension {d} has {length} elements"
        )
    order = _order(array, d, bool(largest))[(slice(None),) * d + (slice(count),)]
    return values_at(return_types.topk, input, d, order)


@export(takes="axis")
@node_name("KthvalueBackward0")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Return the k-th smallest along a dimension, counted from 1. Follows ``torch.kthvalue``.

    Parameters
    ----------
    input
        A tensor of shape (*), not of bools.
    k
        Which one.
    dim
        The dimension; a negative one counts from the end.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A named pair ``(values, indices)`` of tensors of shape (*) without the dimension.

    Raises
    ------
    RuntimeError
        When there is no k-th.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([4.0, 1.0, 3.0, 2.0]).kthvalue(2).values
    tensor(2.)
    """
    _no_bools(input, dim)
    d, count = dim_with_elements(input, dim), as_int("k", k)
    length = input._array.shape[d] if input._array.ndim else 1
    if not 1 <= count <= length:
        raise RuntimeError(
            f"selected number k out of range: k is {count}, and dimension {d} has {length} elements"
        )
    return _nth(return_types.kthvalue, input, d, count - 1, keepdim)


def _nth(
    kind: type[ValuesIndices], x: Tensor, dim: int, position: int | np.ndarray, keepdim: bool
) -> ValuesIndices:
    """Return the elements at a position in the order along a dimension."""
    order = _order(np.atleast_1d(x._array), dim)
    where = np.broadcast_to(position, (*x.shape[:dim], 1, *x.shape[dim + 1 :]))
    return values_at(kind, x, dim, np.take_along_axis(order, where, dim), bool(keepdim))


@overload
def median(input: Tensor) -> Tensor: ...
@overload
def median(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@export
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor | ValuesIndices:
    """Return the middle element, the lower of two; along a dimension, with its index.

    Without a dimension, equal elements share the gradient. NaN where there is a NaN. Follows
    ``torch.median``.

    Parameters
    ----------
    input
        A tensor of shape (*), not of bools.
    dim
        The dimension, negative from the end. None: of all elements.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A tensor of shape (); or a named pair ``(values, indices)`` of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([4.0, 1.0, 2.0, 1000.0]).median()
    tensor(2.)
    >>> torch.tensor([[3, 1, 2], [9, 7, 8]]).median(1).values
    tensor([2, 8])
    """
    _no_bools(input, dim)
    if dim is None:
        kind = input._array.dtype
        if not input._array.size and kind.kind == "f":
            return input.sum() + np.nan
        if not input._array.size:
            return wrap(np.full((), np.iinfo(kind).min, kind))
        return apply(ops.median, input)
    d = dim_with_elements(input, dim)
    array = np.atleast_1d(input._array)
    nan, middle = np.isnan(array), [(array.shape[d] - 1) // 2]
    where = np.where(
        nan.any(axis=d, keepdims=True),
        nan.argmax(axis=d, keepdims=True),
        np.take(_order(array, d), middle, axis=d),
    )
    return values_at(return_types.median, input, d, where, bool(keepdim))


@overload
def nanmedian(input: Tensor) -> Tensor: ...
@overload
def nanmedian(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@export
def nanmedian(
    input: Tensor, dim: int | None = None, keepdim: bool = False
) -> Tensor | ValuesIndices:
    """Return the middle of the elements that aren't NaN, as :func:`median` does.

    Follows ``torch.nanmedian``.

    Parameters
    ----------
    input
        A tensor of shape (*), not of bools.
    dim
        The dimension, negative from the end. None: of all elements.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A tensor of shape (); or a named pair ``(values, indices)`` of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([float("nan"), 1.0, 2.0, 3.0]).nanmedian()
    tensor(2.)
    """
    _no_bools(input, dim)
    if dim is None:
        kept = input[~input.isnan()]
        return median(kept if kept._array.size else input.reshape(-1))
    d = dim_with_elements(input, dim)
    count = (~np.isnan(np.atleast_1d(input._array))).sum(axis=d, keepdims=True)
    return _nth(return_types.nanmedian, input, d, np.maximum(count - 1, 0) // 2, keepdim)


@export(takes="axis")
@node_name("ModeBackward0")
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Return the most frequent element along a dimension, the smallest of several.

    The index is that of its last appearance. Follows ``torch.mode``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A named pair ``(values, indices)`` of tensors of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> votes = torch.tensor([[1, 2, 2], [0, 0, 3]])  # of three models, for two digits
    >>> votes.mode(1).values
    tensor([2, 0])
    """
    d = dim_with_elements(input, dim)
    rows = np.moveaxis(np.atleast_1d(input._array), d, -1)
    order = _order(rows, -1)
    rows = np.take_along_axis(rows, order, -1)
    # Elements of a run of equal ones count how far it goes back; the highest count ends the run.
    steps = np.arange(rows.shape[-1])
    begins = np.ones_like(rows, bool)
    begins[..., 1:] = rows[..., 1:] != rows[..., :-1]
    length = steps - np.maximum.accumulate(np.where(begins, steps, 0), axis=-1)
    last = np.argmax(length, axis=-1, keepdims=True)
    where = np.moveaxis(np.take_along_axis(order, last, -1), -1, d)
    return values_at(return_types.mode, input, d, where, bool(keepdim))


def _running(kind: type[ValuesIndices], x: Tensor, dim: int, keep: np.ufunc) -> ValuesIndices:
    """Return running extremes along a dimension, and the last index that reached each."""
    d = as_dim(dim, x._array.ndim)
    array = np.atleast_1d(x._array)
    with np.errstate(invalid="ignore"):
        best = keep.accumulate(array, axis=d)
    new = (array == best) | np.isnan(array)
    steps = np.arange(array.shape[d]).reshape([-1 if i == d else 1 for i in range(array.ndim)])
    return values_at(kind, x, d, np.maximum.accumulate(np.where(new, steps, 0), axis=d))


@export(takes="out")
@node_name("CummaxBackward0")
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """Return the largest so far along a dimension, and where it was. Follows ``torch.cummax``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A named pair ``(values, indices)`` of tensors of shape (*); of equal elements the last is meant.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1, 3, 2, 5]).cummax(0).values
    tensor([1, 3, 3, 5])
    """
    return _running(return_types.cummax, input, dim, np.maximum)


@export(takes="out")
@node_name("CumminBackward0")
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """Return the smallest so far along a dimension, and where it was. Follows ``torch.cummin``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A named pair ``(values, indices)`` of tensors of shape (*); of equal elements the last is meant.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> losses = torch.tensor([0.9, 0.5, 0.7, 0.4])
    >>> losses.cummin(0).values  # the best so far
    tensor([0.9000, 0.5000, 0.5000, 0.4000])
    """
    return _running(return_types.cummin, input, dim, np.minimum)


_ROUNDING = ("linear", "lower", "higher", "midpoint", "nearest")


@one_call
def _check_shares(shares: np.ndarray, q: Any) -> None:
    """Refuse what are no shares."""
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise RuntimeError(f"q must be a number in [0, 1], or a vector of them, got {q}")


def _quantile(
    x: Tensor, q: Number, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool
) -> Tensor:
    if x._array.dtype not in (np.float32, np.float64):
        raise RuntimeError(f"the input must be of float or double dtype, not {x.dtype}")
    if isinstance(q, TensorBase):
        if q._array.dtype != x._array.dtype:
            raise RuntimeError(f"q must have the dtype of the input, {x.dtype}")
        wanted = q
    else:
        wanted = wrap(np.asarray(as_number("q", q), x._array.dtype))
    shares = wanted._array
    _check_shares(shares, q)
    if interpolation not in _ROUNDING:
        raise RuntimeError(f"interpolation must be one of {_ROUNDING}, not {interpolation}")
    d = 0 if dim is None else as_dim(dim, x._array.ndim)
    ndim = x._array.ndim
    rows = x.reshape(-1) if dim is None or not ndim else x.movedim(d, -1)
    count = rows._array.shape[-1]
    if not rows._array.size:
        raise RuntimeError("the input must be non-empty")
    rows = sort(rows, -1).values
    nan = np.isnan(rows._array)
    filled = (~nan).sum(-1, keepdims=True) if skip_nan else count
    last = dtypes.as_array(filled - 1, shares.dtype)
    ranks = (wanted.reshape(-1) * wrap(last)).expand(*rows.shape[:-1], shares.size)
    if skip_nan:
        ranks = ranks.masked_fill(ranks < 0, 0)
    else:  # NaN comes last: a row that has one gives NaN
        ranks = ranks.masked_fill(wrap(nan.any(-1, keepdims=True)), count - 1)
    rank = ranks._array
    if interpolation in ("linear", "midpoint"):
        low = np.floor(rank)
        below = rows.gather(-1, wrap(low.astype(np.int64)))
        above = rows.gather(-1, wrap(np.ceil(rank).astype(np.int64)))
        out = below.lerp(above, ranks - wrap(low) if interpolation == "linear" else 0.5)
    else:
        rounding = {"nearest": np.rint, "lower": np.floor, "higher": np.ceil}[interpolation]
        out = rows.gather(-1, wrap(rounding(rank).astype(np.int64)))
    out = out.movedim(-1, 0)
    if keepdim and ndim:
        shape = [1] * ndim if dim is None else [1 if i == d else n for i, n in enumerate(x.shape)]
        out = out.reshape((-1, *shape))
    return out.squeeze(0) if shares.ndim == 0 else out


@export(takes="axis")
def quantile(
    input: Tensor,
    q: Number,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """Return the values below which given shares of the elements lie. Follows ``torch.quantile``.

    Parameters
    ----------
    input
        A tensor of shape (*), of float32 or float64.
    q
        Shares from 0 to 1: a number, or a vector of k, of input's dtype.
    dim
        The dimension, negative from the end. None: of all elements.
    keepdim
        Whether a reduced dimension stays, of length 1.
    interpolation
        What to do between two elements: ``"linear"``, ``"lower"``, ``"higher"``, ``"midpoint"`` or
        ``"nearest"``.

    Returns
    -------
    A tensor of shape (*) without the dimension, of shape (k, ...) for a vector of shares; NaN where
    there is a NaN.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(11.0)
    >>> x.quantile(0.25), x.quantile(torch.tensor([0.0, 0.5, 1.0]))
    (tensor(2.5000), tensor([ 0.,  5., 10.]))
    """
    return _quantile(input, q, dim, keepdim, interpolation, False)


@export(takes="axis")
def nanquantile(
    input: Tensor,
    q: Number,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """Return quantiles of the elements that aren't NaN. Follows ``torch.nanquantile``.

    Parameters
    ----------
    input
        A tensor of shape (*), of float32 or float64.
    q
        Shares from 0 to 1: a number, or a vector of k, of input's dtype.
    dim
        The dimension, negative from the end. None: of all elements.
    keepdim
        Whether a reduced dimension stays, of length 1.
    interpolation
        What to do between two elements, as in :func:`quantile`.

    Returns
    -------
    A tensor of shape (*) without the dimension, of shape (k, ...) for a vector of shares.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([float("nan"), 1.0, 2.0]).nanquantile(0.5)
    tensor(1.5000)
    """
    return _quantile(input, q, dim, keepdim, interpolation, True)


def _distinct(
    x: Tensor, chosen: np.ndarray, dim: int | None, *others: tuple[bool, np.ndarray]
) -> Tensor | tuple[Tensor, ...]:
    """Return distinct elements, and what else was asked for; each gets its first one's gradient."""
    flat = x.reshape(-1) if dim is None else x
    values = flat.index_select(0 if dim is None else dim, wrap(chosen.astype(np.int64)))
    also = [wrap(dtypes.as_array(part, np.int64)) for wanted, part in others if wanted]
    return (values, *also) if also else values


@overload
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: Literal[False] = False,
    return_counts: Literal[False] = False,
    dim: int | None = None,
) -> Tensor: ...
@overload
def unique(
    input: Tensor,
    sorted: bool = True,
    *,
    return_inverse: Literal[True],
    return_counts: Literal[False] = False,
    dim: int | None = None,
) -> tuple[Tensor, Tensor]: ...
@overload
def unique(
    input: Tensor,
    sorted: bool = True,
    *,
    return_inverse: Literal[False] = False,
    return_counts: Literal[True],
    dim: int | None = None,
) -> tuple[Tensor, Tensor]: ...
@overload
def unique(
    input: Tensor,
    sorted: bool = True,
    *,
    return_inverse: Literal[True],
    return_counts: Literal[True],
    dim: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]: ...
@overload
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]: ...
@export
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """Return the distinct elements in order, or the distinct slices along a dimension.

    With ``return_inverse``, also where each element is among them; with ``return_counts``, how
    often it appears. Follows ``torch.unique``; its gradient goes to the first of equal elements.

    Parameters
    ----------
    input
        A tensor of shape (*).
    sorted
        Accepted: they are always in order.
    return_inverse
        Whether to return, for each element, its place among the distinct ones.
    return_counts
        Whether to return how often each appears.
    dim
        The dimension whose slices are compared. None: elements are.

    Returns
    -------
    A vector of the distinct elements, or a tensor of the distinct slices; then inverse and counts,
    if asked for.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> labels = torch.tensor([3, 1, 3, 1, 1])
    >>> labels.unique(return_counts=True)
    (tensor([1, 3]), tensor([3, 2]))
    >>> values, inverse = labels.unique(return_inverse=True)
    >>> values[inverse]
    tensor([3, 1, 3, 1, 1])
    """
    d = None if dim is None else as_dim(dim, input._array.ndim)
    if d is not None and not input._array.ndim:
        raise IndexError("a 0-d tensor has no dimension to search")
    array = input._array
    if d is not None and not array.size and array.shape[d]:
        raise RuntimeError("a dimension of a tensor without elements can't be searched")
    _, first, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True, axis=d, equal_nan=False
    )
    inverse = inverse.reshape(array.shape if d is None else -1)
    return _distinct(input, first, d, (return_inverse, inverse), (return_counts, counts))


@overload
def unique_consecutive(
    input: Tensor,
    return_inverse: Literal[False] = False,
    return_counts: Literal[False] = False,
    dim: int | None = None,
) -> Tensor: ...
@overload
def unique_consecutive(
    input: Tensor,
    *,
    return_inverse: Literal[True],
    return_counts: Literal[False] = False,
    dim: int | None = None,
) -> tuple[Tensor, Tensor]: ...
@overload
def unique_consecutive(
    input: Tensor,
    *,
    return_inverse: Literal[False] = False,
    return_counts: Literal[True],
    dim: int | None = None,
) -> tuple[Tensor, Tensor]: ...
@overload
def unique_consecutive(
    input: Tensor,
    *,
    return_inverse: Literal[True],
    return_counts: Literal[True],
    dim: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]: ...
@overload
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Tensor | tuple[Tensor, ...]: ...
@export
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Tensor | tuple[Tensor, ...]:
    """Return the elements without those equal to the one before.

    Follows ``torch.unique_consecutive``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    return_inverse
        Whether to return, for each element, its place in the result.
    return_counts
        Whether to return how long each run is.
    dim
        The dimension whose slices are compared. None: elements are.

    Returns
    -------
    A vector of elements, or a tensor of slices; then inverse and counts, if asked for.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1, 1, 2, 1]).unique_consecutive(return_counts=True)
    (tensor([1, 2, 1]), tensor([2, 1, 1]))
    """
    d = None if dim is None else as_dim(dim, input._array.ndim)
    if d is not None and not input._array.ndim:
        raise IndexError("a 0-d tensor has no dimension to search")
    rows = input._array.reshape(-1, 1) if d is None else np.moveaxis(input._array, d, 0)
    rows = rows.reshape(len(rows), -1) if rows.size else rows.reshape(len(rows), 0)
    begins = np.ones(len(rows), bool)
    begins[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    first = np.flatnonzero(begins)
    inverse = (np.cumsum(begins) - 1).reshape(input._array.shape if d is None else -1)
    counts = np.diff([*first, len(rows)])
    return _distinct(input, first, d, (return_inverse, inverse), (return_counts, counts))


@with_out
def searchsorted(
    sorted_sequence: Tensor,
    input: Number,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where values would have to be put in, to keep sorted rows sorted.

    Rows of shape (..., n) and values (..., m) have equal leading dimensions; one row serves values
    of any shape. Follows ``torch.searchsorted``.

    Parameters
    ----------
    sorted_sequence
        A tensor of shape (..., n), whose rows rise.
    input
        Values: a tensor of shape (..., m), or a number.
    out_int32
        Whether the answer is int32 instead of int64.
    right
        Whether to go behind equal elements, not in front of them.
    side
        The same in words: ``"left"`` or ``"right"``.
    sorter
        An index that sorts rows which don't rise, as :func:`argsort` gives it.

    Returns
    -------
    A tensor of integers from 0 to n, of input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1, 3, 5])
    >>> torch.searchsorted(x, torch.tensor([3, 6])), torch.searchsorted(x, 3, right=True)
    (tensor([1, 3]), tensor(2))
    """
    rows = need_tensor("sorted_sequence", sorted_sequence)._array
    if side not in (None, "left", "right") or (side == "left" and right):
        raise RuntimeError(f"side must be 'left' or 'right', and agree, got {side!r}")
    if sorter is not None:
        rows = np.take_along_axis(rows, need_tensor("sorter", sorter)._array, -1)
    if not rows.ndim:
        raise RuntimeError("the sorted rows must have at least 1 dimension")
    if isinstance(input, TensorBase):
        wanted = input._array
    else:
        wanted = np.asarray(as_number("input", input))
    if rows.dtype.kind == wanted.dtype.kind == "b" and rows.size:
        raise NotImplementedError("not implemented for bools; convert them")
    which: Literal["left", "right"] = "right" if right or side == "right" else "left"
    if rows.ndim > 1 and (rows.shape[:-1] != wanted.shape[:-1] or not wanted.ndim):
        raise RuntimeError(
            f"rows of shape {list(rows.shape)} and values of shape "
            f"{list(wanted.shape)} must agree in all but the last dimension"
        )
    found = (np.searchsorted if rows.ndim == 1 else _search_rows)(rows, wanted, which)
    return wrap(dtypes.as_array(found, np.int32 if out_int32 else np.int64))


@array_function
def _search_rows(rows: np.ndarray, wanted: np.ndarray, side: Any) -> np.ndarray:
    """Search each row for its own numbers."""
    found = np.empty(wanted.shape, np.int64)
    for place in np.ndindex(wanted.shape[:-1]):
        found[place] = np.searchsorted(rows[place], wanted[place], side)
    return found


@with_out
def bucketize(
    input: Number, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """Return the numbers of the intervals between boundaries that elements lie in.

    Follows ``torch.bucketize``.

    Parameters
    ----------
    input
        A tensor of shape (*), or a number.
    boundaries
        A vector of n numbers that rise.
    out_int32
        Whether the answer is int32 instead of int64.
    right
        Whether an interval holds its left end instead of its right one.

    Returns
    -------
    A tensor of integers from 0 to n, of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> ages, limits = torch.tensor([5, 18, 70]), torch.tensor([18, 65])
    >>> torch.bucketize(ages, limits), torch.bucketize(ages, limits, right=True)
    (tensor([0, 0, 2]), tensor([0, 1, 2]))
    """
    if need_tensor("boundaries", boundaries)._array.ndim != 1:
        raise RuntimeError(f"boundaries must be a vector, got shape {list(boundaries.shape)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@named
def isin(
    elements: Number, test_elements: Number, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Return which elements are among others; one of the two may be a number.

    Follows ``torch.isin``.

    Parameters
    ----------
    elements
        A tensor of shape (*), or a number.
    test_elements
        A tensor, or a number.
    assume_unique
        Accepted, and changes nothing.
    invert
        Whether to return which are not among them.

    Returns
    -------
    A tensor of bools, of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> digits = torch.tensor([3, 8, 1, 5])
    >>> digits[torch.isin(digits, torch.tensor([3, 5, 8]))]
    tensor([3, 8, 5])
    """
    if not isinstance(elements, TensorBase) and not isinstance(test_elements, TensorBase):
        raise TypeError("one of elements and test_elements must be a Tensor")
    arrays = [
        x._array if isinstance(x, TensorBase) else np.asarray(as_number("elements", x))
        for x in (elements, test_elements)
    ]
    if any(x.dtype.kind == "b" for x in arrays):
        raise RuntimeError("bools are not supported; convert them with int()")
    return wrap(np.isin(arrays[0], arrays[1], invert=bool(invert)))


if not TYPE_CHECKING:
    __all__ = publish(globals(), "searchsorted", "bucketize", "isin")
