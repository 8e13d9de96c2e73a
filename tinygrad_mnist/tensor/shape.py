"""The same elements in another shape or order of dimensions: reshaping, transposing, views."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, Version, apply, is_tracked, share
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.views import owner_of
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_int,
    as_ints,
    as_lengths,
    as_size,
    each_dim,
    expands,
    need_tensor,
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

_T = TypeVar("_T", bound=TensorBase)


@export
def clone(input: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """Return a copy, through which gradients flow."""
    out = apply(ops.clone, input)
    return out if memory_format in (None, preserve_format) else out.contiguous(memory_format)


@export
def _contiguous(input: Tensor, memory_format: memory_format | None = None) -> Tensor:
    """Return self if its memory is in an order, row-major if none is named; else a copy.

    ``channels_last`` is the order of images (N, C, H, W) as if they were (N, H, W, C).
    """
    if memory_format in (channels_last, channels_last_3d):
        ndim = input._array.ndim
        if ndim != (4 if memory_format is channels_last else 5):
            raise RuntimeError(f"{memory_format} is for images, but got {ndim}-d")
        if input.is_contiguous(memory_format=memory_format):
            return input
        return input.movedim(1, -1).contiguous().movedim(-1, 1)
    if input._array.flags.c_contiguous or not input._fixed_order:
        return input
    return apply(ops.contiguous, input)


@export
def reshape(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Return the same elements in another shape; one length may be -1."""
    return apply(ops.reshape, input, to=as_size(shape))


@export
def _view(
    input: Tensor, *size: int | Sequence[int] | dtypes.dtype | type, dtype: DTypeLike | None = None
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
    to = as_size(size)
    out = apply(ops.reshape, input, to=to)
    if input._array.size and not np.may_share_memory(out._array, input._array):
        raise RuntimeError(
            f"shape {list(input._array.shape)} with strides {input._array.strides} can't "
            f"be seen as {list(to)} without a copy; use reshape() instead"
        )
    return out


def _reinterpreted(input: Tensor, dtype: dtypes.dtype) -> Tensor:
    """Return the same bits as numbers of another dtype."""
    if input._node is not None or input._requires_grad:
        raise RuntimeError("bits of another dtype have no derivative; detach() first")
    if dtype.itemsize != input._array.itemsize and not input._array.flags.c_contiguous:
        raise RuntimeError("the tensor must be contiguous to change the size of elements")
    return share(input.memory().view(dtype.numpy), input._version)


@export
def _view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the same memory in another tensor's shape."""
    return input.view(other.shape)


@export
def _reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the same elements in another tensor's shape."""
    return input.reshape(other.shape)


@export
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the elements with the dimensions from start_dim to end_dim joined into one."""
    shape = input._array.shape
    start = as_dim(start_dim, len(shape))
    end = as_dim(end_dim, len(shape))
    if not shape:
        return input.reshape(1)
    if start > end:
        raise RuntimeError(f"start_dim {start_dim} comes after end_dim {end_dim}; exchange them")
    length = math.prod(shape[start : end + 1])
    return input.reshape((*shape[:start], length, *shape[end + 1 :]))


@export
def ravel(input: Tensor) -> Tensor:
    """Return all elements in one dimension."""
    return input.reshape(-1)


@export
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return the elements with one dimension split into several."""
    d = as_dim(dim, input._array.ndim)
    if not input._array.ndim:
        raise RuntimeError("a 0-d tensor has no dimension to split")
    shape = input._array.shape
    lengths = as_size([tuple(sizes)])
    known = math.prod(n for n in lengths if n != -1)
    full = tuple(shape[d] // max(known, 1) if n == -1 else n for n in lengths)
    if lengths.count(-1) > 1 or math.prod(full) != shape[d]:
        raise RuntimeError(
            f"the sizes {list(lengths)} don't multiply up to {shape[d]}, the length "
            f"of dimension {d}"
        )
    return input.reshape(shape[:d] + full + shape[d + 1 :])


@export(takes="axis", inplace=view_in_place)
def squeeze(input: Tensor, dim: Dims = None) -> Tensor:
    """Return a view without dimensions of length 1: all of them, or those named."""
    shape = input._array.shape
    dims = range(len(shape)) if dim is None else each_dim(dim, len(shape))
    return input.reshape(tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims))


@export(takes="axis", inplace=view_in_place)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return a view with a dimension of length 1 inserted."""
    shape = input._array.shape
    d = as_dim(dim, len(shape) + 1)
    return input.reshape((*shape[:d], 1, *shape[d:]))


@export(takes="out", inplace=view_in_place)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two dimensions exchanged."""
    ndim = input._array.ndim
    d0, d1 = as_dim(dim0, ndim), as_dim(dim1, ndim)
    if not ndim:
        return input.reshape(())
    return apply(ops.transpose, input, dim0=d0, dim1=d1)


swapaxes = swapdims = transpose


@export
def permute(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return a view with the dimensions in another order."""
    named = as_size(dims)
    if len(named) != input._array.ndim:
        raise RuntimeError(
            f"{len(named)} dimensions were given for a tensor that has "
            f"{input._array.ndim}; name each of them once"
        )
    return apply(ops.permute, input, dims=each_dim(named, input._array.ndim))


@export
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return a view with dimensions moved to other places."""
    ndim = input._array.ndim
    sources = list(as_ints("source", source))
    targets = list(as_ints("destination", destination))
    if len(sources) != len(targets):
        raise RuntimeError(
            f"source {source} and destination {destination} must name equally many dimensions"
        )
    sources = [as_dim(d, ndim) for d in sources]
    targets = [as_dim(d, ndim) for d in targets]
    for which, dims in (("source", sources), ("destination", targets)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"the same dimension appears twice in {which} ({dims})")
    if not ndim:
        return input.reshape(())
    order = [d for d in range(ndim) if d not in sources]
    for target, moved in sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return input.permute(order)


moveaxis = movedim


@export(inplace=view_in_place)
@node_name("TBackward0")
def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; a vector stays as it is."""
    if input._array.ndim > 2:
        raise RuntimeError(
            f"expects a tensor with at most 2 dimensions, but it has {input._array.ndim}; "
            f"use transpose(dim0, dim1)"
        )
    return input.transpose(0, 1) if input._array.ndim == 2 else input.reshape(input._array.shape)


@export
def _expand(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return a view with dimensions of length 1 repeated; -1 keeps a length."""
    to, shape = as_size(size), input._array.shape
    lead = len(to) - len(shape)
    full = tuple(shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(to))
    if not expands(shape, full):
        raise RuntimeError(
            f"a tensor of shape {list(shape)} can't be expanded to {list(to)}; only "
            f"dimensions of length 1 can be repeated, and new ones come in front"
        )
    return apply(ops.expand, input, to=full)


@export
def _expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return a view expanded to another tensor's shape."""
    return input.expand(other.shape)


@export
def broadcast_to(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return a view expanded to a shape."""
    return input.expand(*size)


@export
def _unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return a view of all windows of a size, a step apart, along a dimension.

    What is in a window becomes the last dimension. The view is read-only, since windows overlap.
    Follows ``torch.Tensor.unfold``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    d = as_dim(dimension, input._array.ndim)
    length, far = as_int("size", size), as_int("step", step)
    have = input._array.shape[d] if input._array.ndim else 1
    if not 0 <= length <= have:
        raise RuntimeError(
            f"size {length} must lie between 0 and {have}, the length of dimension {d}"
        )
    if far <= 0:
        raise RuntimeError(f"step is {far} but must be > 0")
    if not input._array.ndim:
        return input.reshape(1)[:length]
    return apply(ops.unfold, input, dim=d, size=length, step=far)


@export
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """Return a view with a shape and steps in memory, in elements.

    Steps are taken in the whole memory that the tensor is a view of, from its own first element
    unless an offset is given. Follows ``torch.as_strided``.

    Raises
    ------
    RuntimeError
        When the view would reach beyond that memory.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> as_strided(arange(5), (3, 3), (1, 1))
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    shape, steps = as_size([size]), as_size([stride])
    if len(shape) != len(steps):
        raise RuntimeError(f"mismatch in length of strides and shape: {steps}, {shape}")
    if min((*shape, *steps), default=0) < 0:
        raise RuntimeError(f"sizes and strides can't be negative, got {shape}, {steps}")
    whole: Any = input if input._base is None else input._base
    order = sorted(range(whole._array.ndim), key=lambda d: -whole.memory().strides[d])
    whole = whole.permute(order) if order != [*range(len(order))] else whole
    if not whole._array.flags.c_contiguous:
        raise RuntimeError(
            "the tensor was made from a part of an array, with gaps; take contiguous()"
        )
    own, first = input.storage_offset(), whole.storage_offset()
    start = own if storage_offset is None else as_int("storage_offset", storage_offset)
    last = start - first + sum(step * (n - 1) for n, step in zip(shape, steps, strict=True))
    if start < first or (min(shape, default=1) and last >= whole._array.size):
        raise RuntimeError(
            f"size {list(shape)}, stride {list(steps)} and storage offset {start} reach "
            f"beyond the {whole._array.size} elements in memory"
        )
    return apply(ops.as_strided, whole, to=shape, steps=steps, start=start - first)


@export
def _storage_offset(input: Tensor) -> int:
    """Return where the first element stands in the memory that the tensor is a view of."""
    return owner_of(input._array)[1] // input._array.itemsize


@export
def _sum_to_size(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return the sum over the dimensions that a tensor of this size would be expanded along."""
    to, have = as_size(size), input._array.shape
    if not expands(to, have):
        raise RuntimeError(f"size {list(to)} is not expandable to size {list(have)}")
    lead = len(have) - len(to)
    dims = tuple(i for i, n in enumerate(have) if i < lead or to[i - lead] != n)
    total = apply(ops.sum, input, dim=dims, keepdim=True) if dims else input
    return total.reshape(to)


@export
def _as_subclass(input: Tensor, cls: type[_T]) -> _T:
    """Return the tensor as one of a subclass of Tensor, on the same memory."""
    if not (isinstance(cls, type) and issubclass(cls, TensorBase)):
        raise RuntimeError(f"expected a subclass of Tensor, got {cls!r}")
    view: Any = input.view_as(input)
    view.__class__ = cls
    out: _T = view
    return out


@export
def _resize_(
    input: _T, *size: int | Sequence[int], memory_format: memory_format | None = None
) -> _T:
    """Give self another shape, and as many elements as that takes; return it.

    The elements stay in their order. What comes to them is whatever lies in memory, and then
    the memory is new: views of the old one don't follow. ``resize_(0)`` makes room for
    ``out=``.

    Raises
    ------
    RuntimeError
        When a gradient is asked for, or the elements aren't in row-major order.
    """
    shape, array = as_lengths(size), input._array
    if is_tracked(input):
        raise RuntimeError("can't resize a tensor that requires grad; detach() it")
    if shape == array.shape:
        return input
    if not array.flags.c_contiguous:
        raise RuntimeError("the elements must be in row-major order; use contiguous()")
    number = math.prod(shape)
    if number <= array.size:
        input._array = array.reshape(-1)[:number].reshape(shape)
    else:
        input._array = np.empty(shape, array.dtype)
        input._array.reshape(-1)[: array.size] = array.reshape(-1)
        input._version = Version()
    input._base = None
    return input


@export
def _resize_as_(input: _T, other: Tensor, *, memory_format: memory_format | None = None) -> _T:
    """Give self the shape of another tensor, as :meth:`resize_` does."""
    return _resize_(input, need_tensor("other", other)._array.shape)


if not TYPE_CHECKING:
    __all__ = publish(globals())
