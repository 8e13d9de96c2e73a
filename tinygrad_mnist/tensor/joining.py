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
    """Join tensors along a dimension. Follows ``torch.cat``.

    Raises
    ------
    RuntimeError
        When they differ in another dimension.

    Examples
    --------
    >>> from tinygrad_mnist import ones, zeros
    >>> cat([ones(1), zeros(2)])
    tensor([1., 0., 0.])
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

    Raises
    ------
    RuntimeError
        When their shapes differ.

    Examples
    --------
    >>> from tinygrad_mnist import ones, zeros
    >>> stack([ones(2), zeros(2)])
    tensor([[1., 1.],
            [0., 0.]])
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

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> hstack((tensor([1, 2]), tensor([3])))
    tensor([1, 2, 3])
    """
    parts = [_at_least_1d(x) for x in as_tensors(tensors)]
    return cat(parts, 0 if parts[0]._array.ndim == 1 else 1, out=out)


@named
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join tensors one below the other; vectors are rows. Follows ``torch.vstack``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> vstack((tensor([1, 2]), tensor([3, 4])))
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([_at_least_2d(x) for x in as_tensors(tensors)], 0, out=out)


row_stack = vstack


@named
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join tensors along the third dimension. Follows ``torch.dstack``."""
    return cat([_at_least_3d(x) for x in as_tensors(tensors)], 2, out=out)


@named
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join tensors side by side; vectors are columns. Follows ``torch.column_stack``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> column_stack((tensor([1, 2]), tensor([3, 4])))
    tensor([[1, 3],
            [2, 4]])
    """
    found = as_tensors(tensors)
    parts = [x.reshape(-1, 1) if x._array.ndim < 2 else x for x in found]
    return cat(parts, 1, out=out)


@named
def block_diag(*tensors: Tensor) -> Tensor:
    """Return a matrix with matrices on its diagonal, and zeros elsewhere.

    Follows ``torch.block_diag``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> block_diag(tensor([[1, 2]]), tensor([[3]]))
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

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> atleast_1d(tensor(3))
    tensor([3])
    """,
)
atleast_2d = _of_each(
    "atleast_2d",
    _at_least_2d,
    """Return a tensor, or a tuple of them, of at least 2 dimensions: a vector becomes a row.

    Follows ``torch.atleast_2d``.
    """,
)
atleast_3d = _of_each(
    "atleast_3d",
    _at_least_3d,
    """Return a tensor, or a tuple of them, of at least 3 dimensions: (n) becomes (1, n, 1).

    Follows ``torch.atleast_3d``.
    """,
)


@named
def broadcast_shapes(*shapes: int | Sequence[int]) -> Size:
    """Return the shape that shapes broadcast to. Follows ``torch.broadcast_shapes``.

    Examples
    --------
    >>> broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    sizes = [as_size([s if isinstance(s, tuple | list) else (s,)]) for s in shapes]
    if any(n < 0 for size in sizes for n in size):
        raise RuntimeError(f"a length can't be negative, got {shapes}")
    return Size(broadcast(*sizes))


@named
def broadcast_tensors(*tensors: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return views expanded to a common shape. Follows ``torch.broadcast_tensors``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> [x.shape for x in broadcast_tensors(zeros(2, 1), zeros(3))]
    [torch.Size([2, 3]), torch.Size([2, 3])]
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

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> meshgrid(tensor([1, 2]), tensor([3, 4, 5]), indexing="ij")[0]
    tensor([[1, 1, 1],
            [2, 2, 2]])
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

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cartesian_prod(tensor([1, 2]), tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
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
    """Return the slices along a dimension, without it."""
    d = as_dim(dim, input._array.ndim)
    if not input._array.ndim:
        raise IndexError("a 0-d tensor has no dimension to unbind")
    return _together("unbind", _parts(input, d, range(input._array.shape[d])))


def _split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along a dimension: of one length, or of given lengths."""
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

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> split(tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    return tensor.split(split_size_or_sections, dim)


@export
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Cut a dimension into parts of given lengths. Follows ``torch.split_with_sizes``."""
    return input.split(list(split_sizes), dim)


unsafe_split_with_sizes = split_with_sizes


def _split_dim(input: Tensor, dim: int) -> int:
    if not input._array.ndim:
        raise RuntimeError("expects at least a 1-dimensional tensor, got a 0-d one")
    return as_dim(dim, input._array.ndim)


@export
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most so many views of equal length along a dimension; the last may be shorter."""
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

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> tensor_split(arange(4), (1, 3))
    (tensor([0]), tensor([1, 2]), tensor([3]))
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
    """
    return _even_split(input, indices_or_sections, 1 if input._array.ndim > 1 else 0, 1)


@export
def vsplit(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> tuple[Tensor, ...]:
    """Return parts one below the other, of the first dimension. Follows ``torch.vsplit``."""
    return _even_split(input, indices_or_sections, 0, 2)


@export
def dsplit(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor) -> tuple[Tensor, ...]:
    """Return parts one behind the other, of the third dimension. Follows ``torch.dsplit``."""
    return _even_split(input, indices_or_sections, 2, 3)


if not TYPE_CHECKING:
    __all__ = publish(
        globals(),
        *"""atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes concat
        broadcast_tensors cartesian_prod cat column_stack concatenate dstack hstack meshgrid
        row_stack stack vstack""".split(),
    )
