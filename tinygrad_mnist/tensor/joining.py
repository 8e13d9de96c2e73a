"""Joining tensors, splitting them, and bringing several to one shape."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.names import name_nodes
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_int,
    as_size,
    as_tensors,
    broadcast,
    named,
    need_tensor,
    write_out,
)
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.types import Size

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor

# Joining


@named
def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Join tensors along a dimension that they have. Follows ``torch.cat``.

    Each gets its part of the gradient; :func:`stack` makes a new dimension.

    Parameters
    ----------
    tensors
        Tensors of shape (..., n_i, ...), equal but for the length in ``dim``.
    dim
        The dimension; a negative one counts from the end.
    out
        A tensor to write the result to.

    Returns
    -------
    A tensor of shape (..., sum of n_i, ...).

    Raises
    ------
    RuntimeError
        When they differ in another dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cat([torch.ones(2, 1), torch.zeros(2, 2)], dim=1)
    tensor([[1., 0., 0.],
            [1., 0., 0.]])
    """
    if isinstance(tensors, list | tuple) and not tensors:
        raise ValueError("expected a non-empty list of Tensors")
    found = as_tensors(tensors)
    ndim = max(x.ndim for x in found)
    # PyTorch lets an empty vector be joined with anything.
    kept = [x for x in found if x.shape != (0,)] or found
    if kept is found and ndim == 1:
        dim = 0
    if not ndim:
        raise RuntimeError("zero-dimensional tensors cannot be concatenated; use stack()")
    d = as_dim(dim, ndim)
    for x in kept:
        if x.ndim != ndim or any(
            n != m for i, (n, m) in enumerate(zip(x.shape, kept[0].shape, strict=True)) if i != d
        ):
            raise RuntimeError(
                f"sizes of tensors must match except in dimension {d}, but got shapes "
                f"{list(kept[0].shape)} and {list(x.shape)}"
            )
    joined = apply(ops.cat, *kept, dim=d)
    if len(kept) < len(found):  # what was left out still has a say in the dtype
        arrays = (x._array if isinstance(x, TensorBase) else x for x in found)
        joined = joined.to(dtypes.result_type(*arrays))
    return write_out("cat", joined, out)


concat = concatenate = cat


@named
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Join tensors of one shape along a new dimension. Follows ``torch.stack``.

    Parameters
    ----------
    tensors
        Tensors of one shape, n of them.
    dim
        Where the new dimension shall stand.
    out
        A tensor to write the result to.

    Returns
    -------
    A tensor of that shape with n put in at ``dim``.

    Raises
    ------
    RuntimeError
        When their shapes differ.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a, b = torch.tensor([1, 2]), torch.tensor([3, 4])
    >>> torch.stack([a, b]), torch.stack([a, b], dim=1)
    (tensor([[1, 2],
            [3, 4]]), tensor([[1, 3],
            [2, 4]]))
    """
    found = as_tensors(tensors)
    shapes = [x.shape for x in found]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise RuntimeError(
                f"expects each tensor to be of equal size, but got {list(shapes[0])} at entry 0 "
                f"and {list(shape)} at entry {i}"
            )
    joined = apply(ops.stack, *found, dim=as_dim(dim, found[0].ndim + 1))
    return write_out("stack", joined, out)


@named
def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join tensors side by side: along the second dimension, vectors along the first.

    Follows ``torch.hstack``.

    Parameters
    ----------
    tensors
        Tensors, equal in all but that dimension.
    out
        A tensor to write the result to.

    Returns
    -------
    A tensor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.hstack([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    >>> torch.hstack([torch.tensor([[1], [2]]), torch.tensor([[3], [4]])])
    tensor([[1, 3],
            [2, 4]])
    """
    parts = [_at_least_1d(x) for x in as_tensors(tensors)]
    return cat(parts, 0 if parts[0]._array.ndim == 1 else 1, out=out)


@named
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join tensors one below the other; vectors are rows. Follows ``torch.vstack``.

    Parameters
    ----------
    tensors
        Vectors of n elements, or tensors equal in all but the first dimension.
    out
        A tensor to write the result to.

    Returns
    -------
    A tensor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.vstack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([_at_least_2d(x) for x in as_tensors(tensors)], 0, out=out)


row_stack = vstack


@named
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join tensors along the third dimension. Follows ``torch.dstack``.

    Parameters
    ----------
    tensors
        Tensors, equal in all but the third dimension; (n) counts as (1, n, 1), (n, m) as (n, m, 1).
    out
        A tensor to write the result to.

    Returns
    -------
    A tensor of at least three dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> red, green = torch.zeros(4, 4), torch.ones(4, 4)
    >>> torch.dstack([red, green]).shape
    torch.Size([4, 4, 2])
    """
    return cat([_at_least_3d(x) for x in as_tensors(tensors)], 2, out=out)


@named
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join tensors side by side; vectors are columns. Follows ``torch.column_stack``.

    Parameters
    ----------
    tensors
        Vectors of n elements, or matrices of n rows.
    out
        A tensor to write the result to.

    Returns
    -------
    A matrix of n rows.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, 2.0, 3.0])
    >>> torch.column_stack([torch.ones(3), x, x**2])  # the features of a parabola
    tensor([[1., 1., 1.],
            [1., 2., 4.],
            [1., 3., 9.]])
    """
    found = as_tensors(tensors)
    parts = [x.reshape(-1, 1) if x._array.ndim < 2 else x for x in found]
    return cat(parts, 1, out=out)


@named
def block_diag(*tensors: Tensor) -> Tensor:
    """Return a matrix with matrices on its diagonal, and zeros elsewhere.

    Follows ``torch.block_diag``.

    Parameters
    ----------
    tensors
        Tensors of at most two dimensions; vectors are rows.

    Returns
    -------
    A matrix of as many rows, and columns, as they have together.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    blocks = [_at_least_2d(x) for x in _several(tensors)]
    if any(x._array.ndim > 2 for x in blocks):
        raise RuntimeError("input tensors must have 2 or fewer dimensions")
    width = sum(x._array.shape[1] for x in blocks)
    rows, column = [], 0
    for x in blocks:
        n, m = x._array.shape
        index = (slice(None), slice(column, column + m))
        rows.append(apply(ops.scatter_into_zeros, x, to=(n, width), index=index))
        column += m
    return cat(rows)


# Common shapes


def _several(tensors: tuple[Tensor | Sequence[Tensor], ...]) -> list[Tensor]:
    """Return tensors given one by one or as one sequence."""
    given: Any = tensors
    if len(tensors) == 1 and not isinstance(tensors[0], TensorBase):
        given = tensors[0]
    return [need_tensor("tensors", x) for x in as_tensors(given)]


def _at_least_1d(x: Tensor) -> Tensor:
    return x if x._array.ndim else x.reshape(1)


def _at_least_2d(x: Tensor) -> Tensor:
    return x.reshape(1, -1) if x._array.ndim < 2 else x


def _at_least_3d(x: Tensor) -> Tensor:
    if x._array.ndim >= 3:
        return x
    return x.unsqueeze(-1) if x._array.ndim == 2 else x.reshape(1, -1, 1)


class OneOrSeveral(Protocol):
    """A function of a tensor, or of each of several."""

    @overload
    def __call__(self, tensor: Tensor, /) -> Tensor: ...
    @overload
    def __call__(self, tensors: Sequence[Tensor], /) -> tuple[Tensor, ...]: ...
    @overload
    def __call__(self, first: Tensor, second: Tensor, /, *others: Tensor) -> tuple[Tensor, ...]: ...


def _of_each(name: str, make: Callable[[Tensor], Tensor], doc: str) -> OneOrSeveral:
    def call(*tensors: Tensor | Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        if len(tensors) == 1 and isinstance(tensors[0], TensorBase):
            return make(need_tensor("tensors", tensors[0]))
        return tuple(map(make, _several(tensors)))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    made: Any = named(call)  # to type checkers, which of the two results it is depends on the call
    public: OneOrSeveral = made
    return public


atleast_1d = _of_each(
    "atleast_1d",
    _at_least_1d,
    """Return a tensor, or a tuple of them, of at least 1 dimension. Follows ``torch.atleast_1d``.

    Parameters
    ----------
    tensors
        A tensor, several, or a sequence of them.

    Returns
    -------
    A view of it; of several a tuple of views.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.atleast_1d(torch.tensor(3))
    tensor([3])
    """,
)
atleast_2d = _of_each(
    "atleast_2d",
    _at_least_2d,
    """Return a tensor, or a tuple of them, of at least 2 dimensions: a vector becomes a row.

    Follows ``torch.atleast_2d``.

    Parameters
    ----------
    tensors
        A tensor, several, or a sequence of them.

    Returns
    -------
    A view of it; of several a tuple of views.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.atleast_2d(torch.tensor([1, 2]))
    tensor([[1, 2]])
    """,
)
atleast_3d = _of_each(
    "atleast_3d",
    _at_least_3d,
    """Return a tensor, or a tuple of them, of at least 3 dimensions: (n) becomes (1, n, 1).

    Follows ``torch.atleast_3d``.

    Parameters
    ----------
    tensors
        A tensor, several, or a sequence of them.

    Returns
    -------
    A view of it; of several a tuple of views.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.atleast_3d(torch.zeros(28, 30)).shape
    torch.Size([28, 30, 1])
    """,
)


@named
def broadcast_shapes(*shapes: int | Sequence[int]) -> Size:
    """Return the shape that shapes broadcast to.

    They are aligned from the right; lengths must be equal, or one of them 1. Follows
    ``torch.broadcast_shapes``.

    Parameters
    ----------
    shapes
        Shapes, or single lengths.

    Returns
    -------
    The shape.

    Raises
    ------
    RuntimeError
        When they don't broadcast.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    sizes = [as_size([s if isinstance(s, tuple | list) else (s,)]) for s in shapes]
    if any(n < 0 for size in sizes for n in size):
        raise RuntimeError(f"a length can't be negative, got {shapes}")
    return Size(broadcast(*sizes))


@named
def broadcast_tensors(*tensors: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return views expanded to a common shape. Follows ``torch.broadcast_tensors``.

    Parameters
    ----------
    tensors
        Tensors whose shapes broadcast.

    Returns
    -------
    A tuple of tensors of one shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x, y = torch.broadcast_tensors(torch.tensor([[1], [2]]), torch.tensor([3, 4, 5]))
    >>> x
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    found = _several(tensors)
    shape = broadcast(*(x._array.shape for x in found))
    return tuple(x.expand(shape) for x in found)


@named
def meshgrid(
    *tensors: Tensor | Sequence[Tensor], indexing: str | None = None
) -> tuple[Tensor, ...]:
    """Return grids of coordinates, one for each vector: of its value at every place of the grid.

    With ``indexing="ij"`` (which it is if left out) the first vector goes down the rows, with
    ``"xy"`` along them. Follows ``torch.meshgrid``.

    Parameters
    ----------
    tensors
        Vectors, or numbers, n of them.
    indexing
        ``"ij"`` or ``"xy"``.

    Returns
    -------
    A tuple of n tensors of n dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x, y = torch.tensor([1, 2]), torch.tensor([3, 4, 5])
    >>> rows, columns = torch.meshgrid(x, y, indexing="ij")
    >>> rows
    tensor([[1, 1, 1],
            [2, 2, 2]])
    >>> rows * 10 + columns
    tensor([[13, 14, 15],
            [23, 24, 25]])
    """
    found = _several(tensors)
    if indexing is None:
        warn(
            "meshgrid: name the indexing: 'ij', which it is without, goes down the rows; 'xy', "
            "which is NumPy's, along them"
        )
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"indexing must be 'ij' or 'xy', but got {indexing!r}")
    if any(x._array.ndim > 1 for x in found):
        raise RuntimeError("expected scalars or vectors, got tensors of more dimensions")
    if len({x._array.dtype for x in found}) > 1:
        raise RuntimeError("expects all tensors to have the same dtype")
    lengths = tuple(x._array.size for x in found)
    grids = [
        x.reshape([-1 if i == d else 1 for i in range(len(found))]).expand(lengths)
        for d, x in enumerate(found)
    ]
    if indexing == "xy" and len(grids) > 1:
        grids = [grid.transpose(0, 1) for grid in grids]
    return tuple(grids)


@named
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return all combinations of elements of vectors, as rows. Follows ``torch.cartesian_prod``.

    Parameters
    ----------
    tensors
        Vectors, n of them.

    Returns
    -------
    A matrix of n columns; the last vector changes fastest.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> rates, sizes = torch.tensor([1, 2]), torch.tensor([32, 64])
    >>> torch.cartesian_prod(rates, sizes)
    tensor([[ 1, 32],
            [ 1, 64],
            [ 2, 32],
            [ 2, 64]])
    """
    found = _several(tensors)
    if any(x._array.ndim != 1 for x in found):
        raise RuntimeError("expected one-dimensional tensors")
    if len(found) == 1:
        return found[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*found, indexing="ij")], 1)


# Splitting


def _parts(input: Tensor, dim: int, indices: Iterable[int | slice]) -> list[Tensor]:
    """Return views of what stands at indices of a dimension."""
    lead = (slice(None),) * dim
    return [apply(ops.getitem, input, index=(*lead, i)) for i in indices]


def _together(name: str, views: list[Tensor]) -> tuple[Tensor, ...]:
    """Mark views that one call made: as in PyTorch, none of them can get a history of its own."""
    for view in views:
        view._origin = view._origin or f"by {name}, together with others,"
    return name_nodes(f"{name.capitalize()}Backward0", tuple(views))


@export
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along a dimension, without it. Follows ``torch.unbind``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tuple of views, of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x, y = torch.tensor([[1, 2], [3, 4]]).unbind(1)
    >>> x, y
    (tensor([1, 3]), tensor([2, 4]))
    """
    d = as_dim(dim, input._array.ndim)
    if not input._array.ndim:
        raise IndexError("a 0-d tensor has no dimension to unbind")
    return _together("unbind", _parts(input, d, range(input._array.shape[d])))


def _split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along a dimension: of one length, or of given lengths.

    Follows ``torch.Tensor.split``.

    Parameters
    ----------
    split_size
        The length of a piece, the last one may be shorter; or the lengths of all.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tuple of views.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    d = _split_dim(input, dim)
    length = input._array.shape[d]
    if isinstance(split_size, tuple | list):
        sections = list(split_size)
    else:
        size = as_int("split_size", split_size)
        if size < 0 or (size == 0 and length):
            raise RuntimeError(f"the length of a piece must be positive, not {size}")
        count = max(-(-length // size), 1) if size else 1
        sections = [min(size, length - i * size) for i in range(count)]
    if sum(sections) != length or min(sections, default=0) < 0:
        raise RuntimeError(
            f"the lengths {sections} must add up to {length}, the length of dimension {d}, and "
            f"none may be negative"
        )
    cuts = itertools.pairwise(np.cumsum([0, *sections]).tolist())
    return _together("split", _parts(input, d, itertools.starmap(slice, cuts)))


@export(method=_split)
def split(
    tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Return views of pieces along a dimension: of one length, or of given lengths.

    Follows ``torch.split``.

    Parameters
    ----------
    tensor
        A tensor of shape (*).
    split_size_or_sections
        The length of a piece, the last one may be shorter; or the lengths of all.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tuple of views.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.split(torch.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> gates = torch.zeros(32, 4 * 128)
    >>> [x.shape for x in gates.split([128, 256, 128], dim=1)]
    [torch.Size([32, 128]), torch.Size([32, 256]), torch.Size([32, 128])]
    """
    return tensor.split(split_size_or_sections, dim)


@export
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a dimension into parts of given lengths. Follows ``torch.split_with_sizes``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    split_sizes
        The lengths, which add up to the dimension's.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tuple of views.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.split_with_sizes(torch.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    return input.split(list(split_sizes), dim)


unsafe_split_with_sizes = split_with_sizes


def _split_dim(input: Tensor, dim: int) -> int:
    if not input._array.ndim:
        raise RuntimeError("expects at least a 1-dimensional tensor, got a 0-d one")
    return as_dim(dim, input._array.ndim)


@export
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most so many views of equal length along a dimension; the last may be shorter.

    Follows ``torch.chunk``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    chunks
        How many pieces at most.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tuple of views; the last one may be shorter, and where it doesn't work out they are fewer.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    >>> i, f, g, o = torch.zeros(32, 512).chunk(4, dim=1)  # an LSTM's gates
    >>> o.shape
    torch.Size([32, 128])
    """
    chunks = as_int("chunks", chunks)
    if chunks <= 0:
        raise RuntimeError(f"the number of chunks must be positive, not {chunks}")
    d = _split_dim(input, dim)
    length = input._array.shape[d]
    return input.split(-(-length // chunks) if length else [0] * chunks, d)


_unsafe_split, _unsafe_chunk = split, chunk


@export
def tensor_split(
    input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0
) -> tuple[Tensor, ...]:
    """Return views of parts along a dimension: so many, nearly equal; or cut at indices.

    Follows ``torch.tensor_split``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    indices_or_sections
        How many parts, the first ones longer by 1 if need be; or where to cut.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tuple of views.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(5)
    >>> x.tensor_split(3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> x.tensor_split((1, 3))
    (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    sections = indices_or_sections
    if not input._array.ndim:
        raise RuntimeError("expected at least a one-dimensional tensor")
    d = as_dim(dim, input._array.ndim)
    length = input._array.shape[d]
    if isinstance(sections, TensorBase):
        sections = sections._array.tolist()
    if isinstance(sections, tuple | list):
        cuts = list(as_size([tuple(sections)]))
    else:
        count = as_int("indices_or_sections", sections)
        if count <= 0:
            raise RuntimeError(f"the number of sections must be larger than 0, got {count}")
        small, more = divmod(length, count)
        cuts = [i * small + min(i, more) for i in range(1, count)]
    ends = itertools.pairwise([None, *cuts, None])
    return tuple(_parts(input, d, itertools.starmap(slice, ends)))


def _even_split(
    input: Tensor, sections: int | Sequence[int] | Tensor, dim: int, least: int
) -> tuple[Tensor, ...]:
    """Split a dimension, into a number of parts only if these are equal."""
    if input._array.ndim < least:
        raise RuntimeError(f"requires at least {least} dimensions, got {input._array.ndim}")
    if not isinstance(sections, Sequence | TensorBase):
        count, length = as_int("indices_or_sections", sections), input._array.shape[dim]
        if count <= 0 or length % count:
            raise RuntimeError(
                f"attempted to split dimension {dim} of length {length} into {count} equal parts"
            )
    return tensor_split(input, sections, dim)


@export
def hsplit(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> tuple[Tensor, ...]:
    """Return parts side by side, of the second dimension (of a vector the first).

    Follows ``torch.hsplit``.

    Parameters
    ----------
    input
        A tensor of shape (n) or (m, n, ...).
    indices_or_sections
        How many equal parts, or where to cut.

    Returns
    -------
    A tuple of views.

    Raises
    ------
    RuntimeError
        When the parts wouldn't be equal.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> left, right = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]).hsplit(2)
    >>> right
    tensor([[3, 4],
            [7, 8]])
    """
    return _even_split(input, indices_or_sections, 1 if input._array.ndim > 1 else 0, 1)


@export
def vsplit(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> tuple[Tensor, ...]:
    """Return parts one below the other, of the first dimension. Follows ``torch.vsplit``.

    Parameters
    ----------
    input
        A tensor of shape (n, m, ...).
    indices_or_sections
        How many equal parts, or where to cut.

    Returns
    -------
    A tuple of views.

    Raises
    ------
    RuntimeError
        When the parts wouldn't be equal.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> top, bottom = torch.tensor([[1, 2], [3, 4], [5, 6]]).vsplit([1])
    >>> bottom
    tensor([[3, 4],
            [5, 6]])
    """
    return _even_split(input, indices_or_sections, 0, 2)


@export
def dsplit(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> tuple[Tensor, ...]:
    """Return parts one behind the other, of the third dimension. Follows ``torch.dsplit``.

    Parameters
    ----------
    input
        A tensor of shape (n, m, k, ...).
    indices_or_sections
        How many equal parts, or where to cut.

    Returns
    -------
    A tuple of views.

    Raises
    ------
    RuntimeError
        When the parts wouldn't be equal.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> [x.shape for x in torch.zeros(28, 28, 4).dsplit(2)]
    [torch.Size([28, 28, 2]), torch.Size([28, 28, 2])]
    """
    return _even_split(input, indices_or_sections, 2, 3)


if not TYPE_CHECKING:
    __all__ = publish(
        globals(),
        *"""atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes concat
        broadcast_tensors cartesian_prod cat column_stack concatenate dstack hstack meshgrid
        row_stack stack vstack""".split(),
    )
