"""Choosing elements by index: ``x[i]``, gather, select, take, masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.errors import operation_error
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.inplace import (
    check_writable,
    is_part,
    memory_of,
    rebase_history,
    record_write,
)
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_dim, as_int, broadcast, need_tensor
from tinygrad_mnist.tensor.export import export, publish

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.return_types import ValuesIndices
    from tinygrad_mnist.tensor.types import Index


def as_index(index: Any) -> Any:
    """Turn an index of Tensors, lists and ranges into one of NumPy's."""
    kind = type(index)
    if kind is int or kind is slice:
        return index
    if kind is tuple:
        return tuple([_as_part(part) for part in index])
    return _as_part(index)


def _as_part(part: Any) -> Any:
    kind = type(part)
    if kind is int or kind is slice:
        return part
    if isinstance(part, TensorBase):
        array = part._array
        if array.dtype.kind == "f":
            raise IndexError(
                f"getitem: tensors used as indices must be integer or bool, not {array.dtype}; "
                f"convert the index with long()"
            )
        mask = array.dtype.kind == "b" or array.dtype == np.uint8
        if array.ndim == 0 and not mask:
            return int(array)
        # A copy, because the index must stay what it was until backward.
        return array.astype(bool if mask else np.int64)
    if isinstance(part, list | range | tuple):
        try:
            array = np.array([x._array if isinstance(x, TensorBase) else x for x in part])
        except ValueError:
            raise IndexError(
                "getitem: the parts of a list as index must have equal lengths; index with a tuple "
                "to name several dimensions"
            ) from None
        return array if array.size else array.astype(np.int64)
    if isinstance(part, np.integer):
        return int(part)
    return part


def in_two_steps(index: Any) -> tuple[Any, Any] | None:
    """Split an index that PyTorch reads otherwise than NumPy: into a basic index, and arrays.

    In ``x[0, :, i]`` NumPy counts the number among the arrays, and as they stand apart, puts their
    dimensions first. PyTorch takes ``x[0]`` first, and then ``i`` stands alone.
    """
    if type(index) is not tuple or np.ndarray not in [part.__class__ for part in index]:
        return None
    letter = {np.ndarray: "a", int: "n"}
    kinds = "".join(letter.get(part.__class__, ".") for part in index)
    if "n" not in kinds or "." not in kinds.strip("."):
        return None
    basic: list[Any] = []
    rest: list[Any] = []
    for kind, part in zip(kinds, index, strict=True):
        if kind == "a":
            basic += [slice(None)] * (part.ndim if part.dtype == bool else 1)
            rest.append(part)
        else:
            basic.append(part)
            rest += [] if kind == "n" else [... if part is ... else slice(None)]
    return tuple(basic), tuple(rest)


def choose(x: Tensor, index: Index) -> Tensor:
    """Return the elements at an index; a basic index gives a view."""
    index = as_index(index)
    if (steps := in_two_steps(index)) is not None:
        return x[steps[0]][steps[1]]
    return apply(ops.getitem, x, index=index)


def assign(x: Tensor, index: Index, value: Any) -> None:
    """Write to the elements of a tensor at an index, and record it where a gradient needs it."""
    index = as_index(index)
    if (steps := in_two_steps(index)) is not None:
        x[steps[0]][steps[1]] = value
        return
    if index is not ... and not x._array.flags.writeable and ops.is_basic(index):
        # The parts of an expanded view may be written to, where it as a whole may not.
        x[index][...] = value
        return
    if value is None:
        raise TypeError("setitem: expected a number or a Tensor to be written, but got None")
    if isinstance(value, TensorBase) and is_part(value, x, index):
        return  # x[0] += 1 has written to x already, and then assigns x[0] to itself
    check_writable("setitem", x, value, copies=True)
    array = value._array if isinstance(value, TensorBase) else value
    if isinstance(array, np.ndarray) and array.size == 1:
        array = array.reshape(())  # its dimensions of length 1 don't matter
    if isinstance(array, np.ndarray):
        if array.dtype is not x._array.dtype:
            array = dtypes.convert(array, x._array.dtype, copy=False)
    elif type(array) is float and (x._array.dtype.kind != "f" or not -65504 <= array <= 65504):
        array = dtypes.convert(np.asarray(array), x._array.dtype)
    try:
        memory_of(x)[index] = array
    except (ValueError, IndexError, TypeError) as error:
        try:
            given: list[Any] = [x._array, np.asarray(array)]
        except ValueError:  # nested lists of different lengths
            given = [x._array, 0]
        raise operation_error(ops.setitem, given, {"index": index}, error) from error
    rebase_history("setitem", x, record_write(ops.setitem, x, value, index=index))


def index_array(index: Tensor | np.ndarray) -> np.ndarray:
    """Return an index of integers as an array."""
    array = index._array if isinstance(index, TensorBase) else np.asarray(index)
    if array.dtype.kind not in "iu":
        raise RuntimeError(
            f"expected an index of integers (int64), got {array.dtype}; convert it with long()"
        )
    return array


@one_call
def _check_selection(index: np.ndarray, dim: int, length: int) -> None:
    """Refuse to select what isn't there."""
    if index.size and (index.min() < 0 or index.max() >= length):
        raise IndexError(f"index out of range for dimension {dim} with size {length}")


def check_along(shape: tuple[int, ...], index: np.ndarray, dim: int) -> int:
    """Check an index for gather and scatter; return the dimension counted from the front."""
    d = as_dim(dim, len(shape))
    if index.ndim != len(shape):
        raise RuntimeError(
            f"the index has {index.ndim} dimensions and the input {len(shape)}; they must "
            f"have equally many"
        )
    for i, (n, have) in enumerate(zip(index.shape, shape, strict=True)):
        if i != d and n > have:
            raise RuntimeError(
                f"the index has shape {list(index.shape)}, which is longer in dimension "
                f"{i} than the input, {list(shape)}"
            )
    length = shape[d] if shape else 1
    _check_bounds(index, d, length)
    return d


@one_call
def _check_bounds(index: np.ndarray, dim: int, length: int) -> None:
    """Refuse an index that lies beyond a dimension, or is negative."""
    if index.size and (index.min() < 0 or index.max() >= length):
        wrong = index[(index < 0) | (index >= length)].flat[0]
        raise RuntimeError(
            f"index {int(wrong)} is out of bounds for dimension {dim} with size {length}"
        )


def dim_with_elements(x: Tensor, dim: int) -> int:
    """Check a dimension to choose from, which must have elements."""
    d = as_dim(dim, x._array.ndim)
    if x._array.ndim and x._array.shape[d] == 0:
        raise IndexError(f"expected dimension {d} to have elements, but it is empty")
    return d


def values_at(
    kind: type[ValuesIndices], x: Tensor, dim: int, index: np.ndarray, keepdim: bool = True
) -> ValuesIndices:
    """Return the elements at indices along a dimension, and the indices, as a named pair."""
    if x._array.ndim == 0:
        return kind(apply(ops.clone, x), wrap(np.zeros((), np.int64)))
    index = index.astype(np.int64, order="C", copy=False)
    values, indices = apply(ops.gather, x, index, dim=dim), wrap(index)
    if not keepdim:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return kind(values, indices)


@export(takes="out")
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Return elements picked along a dimension: the index says which, at each place.

    ``out[i, j] = input[i, index[i, j]]`` for ``dim=1``. An element that is picked twice gets both
    gradients. Follows ``torch.gather``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        A tensor of int64, of as many dimensions; in the others it isn't longer than input.
    sparse_grad
        Accepted, and changes nothing: the gradient is dense.

    Returns
    -------
    A tensor of index's shape.

    Raises
    ------
    RuntimeError
        When an index is out of range, negative ones too, or the shapes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    >>> labels = torch.tensor([0, 2])
    >>> probabilities.gather(1, labels.unsqueeze(1))  # that of the right class
    tensor([[0.7000],
            [0.6000]])
    """
    array = index_array(index)
    if not array.ndim and input._array.ndim == 1:  # a number is as good as a vector of one
        return input.gather(dim, index.reshape(1)).reshape(())
    d = check_along(input._array.shape, array, dim)
    return apply(ops.gather, input, index, dim=d)


@export(takes="out")
@node_name("IndexSelectBackward0")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return slices along a dimension, in the order of an index. Follows ``torch.index_select``.

    Parameters
    ----------
    input
        A tensor of shape (*), of at least one dimension.
    dim
        The dimension; a negative one counts from the end.
    index
        A vector of integers, n of them.

    Returns
    -------
    A tensor of shape (*) with n in the place of the dimension's length; not a view.

    Raises
    ------
    IndexError
        When an index is out of range, negative ones too.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x.index_select(1, torch.tensor([2, 0]))
    tensor([[3, 1],
            [6, 4]])
    """
    array = index_array(index)
    d = as_dim(dim, input._array.ndim)
    if not input._array.ndim:
        raise RuntimeError("a 0-d tensor has no dimension to select from")
    _check_selection(array, d, input._array.shape[d])
    lead = (slice(None),) * d
    return apply(ops.getitem, input, index=(*lead, array.reshape(-1).copy()))


@export(takes="out")
@node_name("MaskedSelectBackward0")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where a mask is true, in one dimension. Follows ``torch.masked_select``.

    Parameters
    ----------
    input
        A tensor whose shape broadcasts with mask's.
    mask
        A tensor of bools.

    Returns
    -------
    A vector of as many elements as the mask has that are true; not a view.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1, -2], [-3, 4]])
    >>> x.masked_select(x > 0)
    tensor([1, 4])
    """
    array = mask_array(input, mask)
    return apply(ops.getitem, apply(ops.expand, input, to=array.shape), index=array)


def mask_array(x: Tensor, mask: Tensor) -> np.ndarray:
    """Return a mask that must hold bools, as a copy in the shape that it and a tensor have."""
    array = need_tensor("mask", mask)._array
    if array.dtype.kind != "b":
        raise RuntimeError(f"expected a mask of bools, got {array.dtype}")
    return np.broadcast_to(array, broadcast(x._array.shape, array.shape)).copy()


@export
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a view of a stretch of a dimension: from start on, so many. Follows ``torch.narrow``.

    Parameters
    ----------
    input
        A tensor of shape (*), of at least one dimension.
    dim
        The dimension; a negative one counts from the end.
    start
        Where it begins; a negative number counts from the end.
    length
        How long it is.

    Returns
    -------
    A tensor on the same memory, of shape (*) with ``length`` in the place of the dimension's.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(10).narrow(0, 3, 4)
    tensor([3, 4, 5, 6])
    """
    if not input._array.ndim:
        raise RuntimeError("a 0-d tensor has no dimension to narrow")
    d = as_dim(dim, input._array.ndim)
    size = input._array.shape[d]
    start, length = as_int("start", start), as_int("length", length)
    if length < 0:
        raise RuntimeError(f"length must be non-negative, got {length}")
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    first = start + size if start < 0 else start
    if not (0 <= first <= size and 0 <= length <= size - first):
        raise RuntimeError(
            f"start {start} and length {length} go beyond dimension {d} with size {size}"
        )
    lead = (slice(None),) * d
    return apply(ops.getitem, input, index=(*lead, slice(first, first + length)))


@export
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return a view of one slice along a dimension, without it. Follows ``torch.select``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    index
        Which slice; a negative number counts from the end.

    Returns
    -------
    A tensor on the same memory, of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2], [3, 4]]).select(1, -1)
    tensor([2, 4])
    """
    d = as_dim(dim, input._array.ndim)
    number = as_int("index", index)
    return apply(ops.getitem, input, index=((slice(None),) * d + (number,)))


@overload
def nonzero(input: Tensor, *, as_tuple: Literal[False] = False) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
@export
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]:
    """Return the positions of the elements that aren't 0, in row-major order.

    Follows ``torch.nonzero``.

    Parameters
    ----------
    input
        A tensor of shape (*), of k dimensions.
    as_tuple
        Whether to return one index vector for each dimension instead.

    Returns
    -------
    An int64 tensor of shape (n, k), a row for each element; or a tuple of k vectors of n.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[0, 5], [7, 0]])
    >>> x.nonzero()
    tensor([[0, 1],
            [1, 0]])
    >>> x[x.nonzero(as_tuple=True)]
    tensor([5, 7])
    """
    if as_tuple:
        return tuple(map(wrap, np.nonzero(np.atleast_1d(input._array))))
    return wrap(np.argwhere(input._array))


argwhere = nonzero


def long_index(index: Tensor) -> np.ndarray:
    """Return an index that must be a tensor of int64 (or int32), as a copy."""
    array = index_array(need_tensor("index", index))
    if array.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"expected dtype int64 for the index, got {array.dtype}")
    return array.astype(np.int64)  # a copy, because it must stay what it was until backward


@export
@node_name("TakeBackward0")
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at indices into the flattened tensor. Follows ``torch.take``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    index
        A tensor of int64; negative ones count from the end.

    Returns
    -------
    A tensor of index's shape.

    Raises
    ------
    IndexError
        When an index is out of range.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0, 3]))
    tensor([1, 4])
    """
    where = long_index(index)
    _check_numbers(where, input._array.size)
    return apply(ops.getitem, input.reshape(-1), index=where)


@one_call
def _check_numbers(where: np.ndarray, size: int) -> None:
    """Refuse numbers of elements that there aren't."""
    if where.size and not (-size <= where.min() and where.max() < size):
        raise IndexError(f"out of range: an index doesn't lie in a tensor of {size} elements")


@export(takes="out")
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return elements picked along a dimension, as ``argsort`` and ``argmax`` point at them.

    All other dimensions broadcast; without ``dim`` both are flattened. Follows
    ``torch.take_along_dim``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    indices
        A tensor of int64, of as many dimensions.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tensor of the shape that they broadcast to, with indices' length in the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[3, 1, 2], [9, 8, 7]])
    >>> torch.take_along_dim(x, x.argsort(1), 1)
    tensor([[1, 2, 3],
            [7, 8, 9]])
    """
    if need_tensor("indices", indices)._array.dtype != np.int64:
        raise RuntimeError(f"indices must be int64, but are {indices.dtype}; convert with long()")
    where = long_index(indices)
    if dim is None:
        return input.reshape(-1).gather(0, wrap(where.reshape(-1)))
    d = as_dim(dim, input._array.ndim)
    if where.ndim != input._array.ndim:
        raise RuntimeError(
            f"input and indices must have equally many dimensions, got shapes "
            f"{list(input._array.shape)} and {list(where.shape)}"
        )

    def apart(shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:d], 1, *shape[d + 1 :])

    shape = broadcast(apart(input._array.shape), apart(where.shape))
    if not shape:
        return input.gather(0, wrap(where))
    x = input.expand(*shape[:d], input._array.shape[d], *shape[d + 1 :])
    full = np.broadcast_to(where, (*shape[:d], where.shape[d], *shape[d + 1 :]))
    return x.gather(d, wrap(full.copy(order="C")))


if not TYPE_CHECKING:
    __all__ = publish(globals())
