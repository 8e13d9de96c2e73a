"""Shapes and dimensions: reshaping, reordering, repeating, splitting."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply, share
from tinygrad_mnist.autograd.names import name_nodes, one_node
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_dims,
    as_int,
    as_ints,
    as_size,
    expands,
)
from tinygrad_mnist.tensor.export import export, publish, view_in_place
from tinygrad_mnist.tensor.types import (
    channels_last,
    channels_last_3d,
    memory_format,
    preserve_format,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tinygrad_mnist.ops.dtypes import DTypeLike
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Dims


def is_dense(array: np.ndarray) -> bool:
    """Whether an array lies in memory without gaps, whatever the order of its dimensions."""
    order = sorted(range(array.ndim), key=array.strides.__getitem__, reverse=True)
    return array.flags.c_contiguous or array.transpose(order).flags.c_contiguous


def _together(name: str, views: list[Tensor]) -> tuple[Tensor, ...]:
    """Mark views that one call made: as in PyTorch, none of them can get a history of its own."""
    for view in views:
        view._origin = view._origin or f"by {name}, together with others,"
    together: tuple[Tensor, ...] = name_nodes(f"{name.capitalize()}Backward0", tuple(views))
    return together


@export
def clone(input: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """Return a copy, through which gradients flow."""
    out = apply(ops.clone, input)
    return out if memory_format in (None, preserve_format) else out.contiguous(memory_format)


@export(function=False)
def contiguous(input: Tensor, memory_format: memory_format | None = None) -> Tensor:
    """Return self if its memory is in an order, row-major if none is named; else a copy.

    ``channels_last`` is the order of images (N, C, H, W) as if they were (N, H, W, C).
    """
    if memory_format in (channels_last, channels_last_3d):
        ndim = input._array.ndim
        if ndim != (4 if memory_format is channels_last else 5):
            raise RuntimeError(f"contiguous: {memory_format} is for images, but got {ndim}-d")
        if input.is_contiguous(memory_format=memory_format):
            return input
        return input.movedim(1, -1).contiguous().movedim(-1, 1)
    if input._array.flags.c_contiguous or not input._fixed_order:
        return input
    return apply(ops.contiguous, input)


@export
def reshape(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Return the same elements in another shape; one length may be -1."""
    return apply(ops.reshape, input, to=as_size("reshape", shape))


@export(function=False)
def view(
    input: Tensor, *size: int | Sequence[int] | DTypeLike, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the same memory in another shape; one length may be -1.

    Raises
    ------
    RuntimeError
        When the memory order doesn't allow it without a copy: use :meth:`reshape`.
    """
    if dtype is None and len(size) == 1 and isinstance(size[0], dtypes.dtype | type):
        dtype = size[0]
    if dtype is not None:
        return _reinterpreted(input, dtypes.of(dtypes.as_numpy(dtype)))
    to = as_size("view", size)
    out = apply(ops.reshape, input, to=to)
    if input._array.size and not np.may_share_memory(out._array, input._array):
        raise RuntimeError(
            f"view: shape {list(input._array.shape)} with strides {input._array.strides} can't "
            f"be seen as {list(to)} without a copy; use reshape() instead"
        )
    return out


def _reinterpreted(input: Tensor, dtype: dtypes.dtype) -> Tensor:
    """Return the same bits as numbers of another dtype."""
    if input._node is not None or input._requires_grad:
        raise RuntimeError("view: bits of another dtype have no derivative; detach() first")
    if dtype.itemsize != input._array.itemsize and not input._array.flags.c_contiguous:
        raise RuntimeError("view: the tensor must be contiguous to change the size of elements")
    return share(input.memory().view(dtype.numpy), input._version)


@export(function=False)
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the same memory in another tensor's shape."""
    return input.view(other.shape)


@export(function=False)
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the same elements in another tensor's shape."""
    return input.reshape(other.shape)


@export
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the elements with a range of dimensions made one."""
    shape = input._array.shape
    start = as_dim("flatten", start_dim, len(shape))
    end = as_dim("flatten", end_dim, len(shape))
    if not shape:
        return input.reshape(1)
    if start > end:
        raise RuntimeError(
            f"flatten: start_dim {start_dim} comes after end_dim {end_dim}; exchange them"
        )
    length = int(np.prod(shape[start : end + 1]))
    return input.reshape((*shape[:start], length, *shape[end + 1 :]))


@export
def ravel(input: Tensor) -> Tensor:
    """Return all elements in one dimension."""
    return input.reshape(-1)


@export
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return the elements with one dimension split into several."""
    d = as_dim("unflatten", dim, input._array.ndim)
    if not input._array.ndim:
        raise RuntimeError("unflatten: a 0-d tensor has no dimension to split")
    shape = input._array.shape
    lengths = as_size("unflatten", [tuple(sizes)])
    known = math.prod(n for n in lengths if n != -1)
    full = tuple(shape[d] // max(known, 1) if n == -1 else n for n in lengths)
    if lengths.count(-1) > 1 or math.prod(full) != shape[d]:
        raise RuntimeError(
            f"unflatten: the sizes {list(lengths)} don't multiply up to {shape[d]}, the length "
            f"of dimension {d}"
        )
    return input.reshape(shape[:d] + full + shape[d + 1 :])


@export(inplace=view_in_place)
def squeeze(input: Tensor, dim: Dims = None) -> Tensor:
    """Return a view without dimensions of length 1: all of them, or those named."""
    shape = input._array.shape
    dims = as_dims("squeeze", dim, len(shape))
    if dim is None:
        dims = tuple(range(len(shape)))
    elif dims is None:
        dims = ()
    elif isinstance(dims, int):
        dims = (dims,)
    kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims)
    return input.reshape(kept)


@export(inplace=view_in_place)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return a view with a dimension of length 1 put in."""
    shape = input._array.shape
    d = as_dim("unsqueeze", dim, len(shape) + 1)
    return input.reshape((*shape[:d], 1, *shape[d:]))


@export(inplace=view_in_place)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two dimensions exchanged."""
    ndim = input._array.ndim
    d0, d1 = as_dim("transpose", dim0, ndim), as_dim("transpose", dim1, ndim)
    if not ndim:
        return input.reshape(())
    return apply(ops.transpose, input, dim0=d0, dim1=d1)


swapaxes = swapdims = transpose


@export
def permute(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return a view with the dimensions in another order."""
    named = as_size("permute", dims)
    if len(named) != input._array.ndim:
        raise RuntimeError(
            f"permute: {len(named)} dimensions were given for a tensor that has "
            f"{input._array.ndim}; name each of them once"
        )
    order = as_dims("permute", named, input._array.ndim)
    order = () if order is None else (order,) if isinstance(order, int) else order
    return apply(ops.permute, input, dims=order)


@export
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return a view with dimensions moved to other places."""
    ndim = input._array.ndim
    sources = list(as_ints("movedim", "source", source))
    targets = list(as_ints("movedim", "destination", destination))
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: source {source} and destination {destination} must name equally many "
            f"dimensions"
        )
    sources = [as_dim("movedim", d, ndim) for d in sources]
    targets = [as_dim("movedim", d, ndim) for d in targets]
    for which, dims in (("source", sources), ("destination", targets)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: the same dimension appears twice in {which}: {dims}")
    if not ndim:
        return input.reshape(())
    order = [d for d in range(ndim) if d not in sources]
    for target, moved in sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return input.permute(order)


moveaxis = movedim


@export(inplace=view_in_place)
@one_node("TBackward0")
def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; a vector stays as it is."""
    if input._array.ndim > 2:
        raise RuntimeError(
            f"t: expects a tensor with at most 2 dimensions, but it has {input._array.ndim}; "
            f"use transpose(dim0, dim1)"
        )
    return input.transpose(0, 1) if input._array.ndim == 2 else input.reshape(input._array.shape)


@export(function=False)
def expand(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return a view with dimensions of length 1 repeated; -1 keeps a length."""
    to, shape = as_size("expand", size), input._array.shape
    lead = len(to) - len(shape)
    full = tuple(shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(to))
    if not expands(shape, full):
        raise RuntimeError(
            f"expand: a tensor of shape {list(shape)} can't be expanded to {list(to)}; only "
            f"dimensions of length 1 can be repeated, and new ones come in front"
        )
    return apply(ops.expand, input, to=full)


@export(function=False)
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return a view expanded to another tensor's shape."""
    return input.expand(other.shape)


@export
def broadcast_to(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return a view expanded to a shape."""
    return input.expand(*size)


@export(function=False)
def repeat(input: Tensor, *repeats: int | Sequence[int]) -> Tensor:
    """Return the tensor repeated along each dimension."""
    times, shape = as_size("repeat", repeats), input._array.shape
    lead = len(times) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"repeat: {len(times)} numbers were given for a tensor that has {len(shape)} "
            f"dimensions; give one for each, or more for new ones in front"
        )
    if min(times, default=0) < 0:
        raise RuntimeError(f"repeat: a tensor can't be repeated {min(times)} times: {times}")
    return apply(ops.repeat, input, times=times)


@export
def tile(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return the tensor repeated; missing numbers are 1."""
    times = as_size("tile", dims)
    return input.repeat((1,) * (input._array.ndim - len(times)) + times)


@export
def flip(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return the elements in reverse order along dimensions."""
    order = as_dims("flip", as_size("flip", dims), input._array.ndim)
    order = (order,) if isinstance(order, int) else order or ()
    return apply(ops.flip, input, dims=order)


@export
@one_node("RollBackward0")
def roll(input: Tensor, shifts: int | Sequence[int], dims: Dims = None) -> Tensor:
    """Return the elements moved along dimensions, around the ends."""
    moves = as_ints("roll", "shifts", shifts)
    if not moves:
        raise RuntimeError("roll: at least one shift is required")
    if not input._array.size:
        return input.clone()
    if dims is None or (len(moves) == 1 and isinstance(dims, tuple | list) and not dims):
        if len(moves) > 1:
            raise RuntimeError(
                f"roll: {len(moves)} shifts were given for 0 dims; name the dims, one for each"
            )
        flat = apply(ops.roll, input.reshape(-1), shifts=moves, dims=(0,) * len(moves))
        return flat.reshape(input._array.shape)
    along = as_ints("roll", "dims", dims)
    if len(along) != len(moves):
        raise RuntimeError(f"roll: {len(moves)} shifts were given for {len(along)} dims")
    along = tuple(as_dim("roll", d, input._array.ndim) for d in along)
    return apply(ops.roll, input, shifts=moves, dims=along)


@export(inplace=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the lower triangle, with zeros above the diagonal."""
    _need_matrix(input, "tril")
    return apply(ops.tril, input, diagonal=as_int("tril", "diagonal", diagonal))


@export(inplace=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the upper triangle, with zeros below the diagonal."""
    _need_matrix(input, "triu")
    return apply(ops.triu, input, diagonal=as_int("triu", "diagonal", diagonal))


def _need_matrix(input: Tensor, name: str) -> None:
    if input._array.ndim < 2:
        raise RuntimeError(
            f"{name}: the input must have at least 2 dimensions, but has shape "
            f"{list(input._array.shape)}"
        )


@export
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along a dimension, without it."""
    d = as_dim("unbind", dim, input._array.ndim)
    if not input._array.ndim:
        raise IndexError("unbind: a 0-d tensor has no dimension to unbind")
    lead = (slice(None),) * d
    return _together(
        "unbind",
        [apply(ops.getitem, input, index=(*lead, i)) for i in range(input._array.shape[d])],
    )


def _split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along a dimension: of one length, or of given lengths."""
    d = _split_dim(input, "split", dim)
    length, sections = input._array.shape[d], split_size
    if not isinstance(sections, tuple | list):
        sections = as_int("split", "split_size", sections)
        if sections < 0 or (sections == 0 and length):
            raise RuntimeError(f"split: the length of a piece must be positive, not {sections}")
        count = max(-(-length // sections), 1) if sections else 1
        sections = [min(sections, length - i * sections) for i in range(count)]
    if sum(sections) != length or min(sections, default=0) < 0:
        raise RuntimeError(
            f"split: the lengths {list(sections)} must add up to {length}, the length of "
            f"dimension {d}, and none may be negative"
        )
    ends = np.cumsum([0, *sections]).tolist()
    lead = (slice(None),) * d
    return _together(
        "split",
        [
            apply(ops.getitem, input, index=(*lead, slice(start, end)))
            for start, end in itertools.pairwise(ends)
        ],
    )


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


def _split_dim(input: Tensor, name: str, dim: int) -> int:
    if not input._array.ndim:
        raise RuntimeError(f"{name}: expects at least a 1-dimensional tensor, got a 0-d one")
    return as_dim(name, dim, input._array.ndim)


@export
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of about equally long pieces along a dimension, at most so many."""
    chunks = as_int("chunk", "chunks", chunks)
    if chunks <= 0:
        raise RuntimeError(f"chunk: the number of chunks must be positive, not {chunks}")
    d = _split_dim(input, "chunk", dim)
    length = input._array.shape[d]
    if not length:
        return input.split([0] * chunks, d)
    return input.split(-(-length // chunks), d)


@export(function=False)
def unsafe_split(input: Tensor, split_size: Any, dim: int = 0) -> Any:
    """Cut a dimension into parts. Follows ``torch.Tensor.unsafe_split``."""
    return input.split(split_size, dim)


@export(function=False)
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> Any:
    """Cut a dimension into so many parts. Follows ``torch.Tensor.unsafe_chunk``."""
    return input.chunk(chunks, dim)


if not TYPE_CHECKING:
    __all__ = publish(globals())
