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
    """Return a copy, through which gradients flow. Follows ``torch.clone``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    memory_format
        The order of the copy in memory. Default: input's.

    Returns
    -------
    A tensor of shape (*), on memory of its own.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x.clone()
    >>> y.detach()[0] = 5
    >>> y.sum().backward()
    >>> x.detach(), x.grad
    (tensor([1., 2.]), tensor([1., 1.]))
    """
    out = apply(ops.clone, input)
    return out if memory_format in (None, preserve_format) else out.contiguous(memory_format)


@export
def _contiguous(input: Tensor, memory_format: memory_format | None = None) -> Tensor:
    """Return self if its memory is in an order, row-major if none is named; else a copy.

    ``channels_last`` is the order of images (N, C, H, W) as if they were (N, H, W, C). Follows
    ``torch.Tensor.contiguous``.

    Parameters
    ----------
    memory_format
        The order. Default: row-major.

    Returns
    -------
    A tensor of self's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(6).reshape(2, 3).t()
    >>> x.stride(), x.contiguous().stride()
    ((1, 3), (2, 1))
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
    """Return the same elements in another shape, in row-major order.

    It is a view where the order in memory allows it, else a copy. Follows ``torch.reshape``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    shape
        The lengths; one may be -1, and is computed from the others.

    Returns
    -------
    A tensor of that shape.

    Raises
    ------
    RuntimeError
        When the shape has another number of elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(6)
    >>> x.reshape(2, 3)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    >>> torch.zeros(32, 1, 28, 28).reshape(32, -1).shape
    torch.Size([32, 784])
    """
    return apply(ops.reshape, input, to=as_size(shape))


@export
def _view(
    input: Tensor, *size: int | Sequence[int] | dtypes.dtype | type, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the same memory in another shape; one length may be -1. Follows ``torch.Tensor.view``.

    Parameters
    ----------
    size
        The lengths; or a dtype, in which to read the same bits.
    dtype
        The same, by name.

    Returns
    -------
    A tensor of that shape; what is written to one is written to the other.

    Raises
    ------
    RuntimeError
        When the memory order doesn't allow it without a copy: use :meth:`reshape`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(6)
    >>> y = x.view(2, -1)
    >>> y[0] = 0
    >>> x
    tensor([0, 0, 0, 3, 4, 5])
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
    """Return the same memory in another tensor's shape. Follows ``torch.Tensor.view_as``.

    Parameters
    ----------
    other
        A tensor of as many elements.

    Returns
    -------
    A tensor of other's shape, on self's memory.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(4).view_as(torch.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return input.view(other.shape)


@export
def _reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the same elements in another tensor's shape. Follows ``torch.Tensor.reshape_as``.

    Parameters
    ----------
    other
        A tensor of as many elements.

    Returns
    -------
    A tensor of other's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(4).reshape_as(torch.zeros(2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return input.reshape(other.shape)


@export
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the elements with a range of dimensions made one. Follows ``torch.flatten``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    start_dim
        The first dimension of the range.
    end_dim
        The last one; negative ones count from the end.

    Returns
    -------
    A tensor whose dimensions from ``start_dim`` to ``end_dim`` are one, of their product's length.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> images = torch.zeros(32, 1, 28, 28)
    >>> images.flatten(1).shape
    torch.Size([32, 784])
    """
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
    """Return all elements in one dimension. Follows ``torch.ravel``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A vector of all elements, in row-major order.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2], [3, 4]]).ravel()
    tensor([1, 2, 3, 4])
    """
    return input.reshape(-1)


@export
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return the elements with one dimension split into several. Follows ``torch.unflatten``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension to split.
    sizes
        The lengths of the new dimensions; one may be -1.

    Returns
    -------
    A tensor in whose shape ``sizes`` stand in the place of ``dim``.

    Raises
    ------
    RuntimeError
        When the sizes don't multiply up to the dimension's length.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> heads = torch.zeros(2, 5, 64).unflatten(-1, (8, -1))
    >>> heads.shape
    torch.Size([2, 5, 8, 8])
    """
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
    """Return a view without dimensions of length 1: all of them, or those named.

    Follows ``torch.squeeze``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple: only these, and only if they have length 1.

    Returns
    -------
    A tensor on the same memory, of shape (*) without them.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.zeros(1, 3, 1)
    >>> x.squeeze().shape, x.squeeze(-1).shape, x.squeeze(1).shape
    (torch.Size([3]), torch.Size([1, 3]), torch.Size([1, 3, 1]))
    """
    shape = input._array.shape
    dims = range(len(shape)) if dim is None else each_dim(dim, len(shape))
    return input.reshape(tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims))


@export(takes="axis", inplace=view_in_place)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return a view with a dimension of length 1 inserted. Follows ``torch.unsqueeze``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        Where the new dimension shall stand.

    Returns
    -------
    A tensor on the same memory, of shape (*) with a 1 put in.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1, 2, 3])
    >>> x.unsqueeze(0).shape, x.unsqueeze(-1).shape
    (torch.Size([1, 3]), torch.Size([3, 1]))
    >>> x.unsqueeze(1) * x  # a table of products
    tensor([[1, 2, 3],
            [2, 4, 6],
            [3, 6, 9]])
    """
    shape = input._array.shape
    d = as_dim(dim, len(shape) + 1)
    return input.reshape((*shape[:d], 1, *shape[d:]))


@export(takes="out", inplace=view_in_place)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view with two dimensions exchanged. Follows ``torch.transpose``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim0, dim1
        The dimensions; negative ones count from the end.

    Returns
    -------
    A tensor on the same memory, of shape (*) with two lengths exchanged.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(6).reshape(2, 3)
    >>> x.transpose(0, 1)
    tensor([[0, 3],
            [1, 4],
            [2, 5]])
    """
    ndim = input._array.ndim
    d0, d1 = as_dim(dim0, ndim), as_dim(dim1, ndim)
    if not ndim:
        return input.reshape(())
    return apply(ops.transpose, input, dim0=d0, dim1=d1)


swapaxes = swapdims = transpose


@export
def permute(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return a view with the dimensions in another order.

    Dimension i of the view is dimension ``dims[i]`` of input. Follows ``torch.permute``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dims
        Every dimension once.

    Returns
    -------
    A tensor on the same memory.

    Raises
    ------
    RuntimeError
        When a dimension is missing or named twice.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> image = torch.zeros(28, 30, 3)  # height, width, channels
    >>> image.permute(2, 0, 1).shape
    torch.Size([3, 28, 30])
    """
    named = as_size(dims)
    if len(named) != input._array.ndim:
        raise RuntimeError(
            f"{len(named)} dimensions were given for a tensor that has "
            f"{input._array.ndim}; name each of them once"
        )
    return apply(ops.permute, input, dims=each_dim(named, input._array.ndim))


@export
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return a view with dimensions moved to other places. Follows ``torch.movedim``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    source
        The dimensions to move.
    destination
        Where they shall stand; the others stay in their order.

    Returns
    -------
    A tensor on the same memory.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros(2, 3, 4, 5).movedim(1, -1).shape
    torch.Size([2, 4, 5, 3])
    """
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
    """Return the transpose of a matrix; a vector stays as it is. Follows ``torch.t``.

    Parameters
    ----------
    input
        A tensor of shape (n, m), (n) or ().

    Returns
    -------
    A tensor on the same memory, of shape (m, n), (n) or ().

    Raises
    ------
    RuntimeError
        When it has more than two dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2, 3], [4, 5, 6]]).t()
    tensor([[1, 4],
            [2, 5],
            [3, 6]])
    """
    if input._array.ndim > 2:
        raise RuntimeError(
            f"expects a tensor with at most 2 dimensions, but it has {input._array.ndim}; "
            f"use transpose(dim0, dim1)"
        )
    return input.transpose(0, 1) if input._array.ndim == 2 else input.reshape(input._array.shape)


@export
def _expand(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return a view with dimensions of length 1 repeated; -1 keeps a length.

    Nothing is copied: all repetitions are the same memory, so the view can't be written to as a
    whole. The gradient is summed over them. Follows ``torch.Tensor.expand``.

    Parameters
    ----------
    size
        The shape: further dimensions may come in front.

    Returns
    -------
    A tensor of that shape, on self's memory.

    Raises
    ------
    RuntimeError
        When a length other than 1 would change.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0], [2.0]], requires_grad=True)
    >>> y = x.expand(2, 3)
    >>> y.sum().backward()
    >>> y.detach()
    tensor([[1., 1., 1.],
            [2., 2., 2.]])
    >>> x.grad
    tensor([[3.],
            [3.]])
    """
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
    """Return a view expanded to another tensor's shape. Follows ``torch.Tensor.expand_as``.

    Parameters
    ----------
    other
        A tensor of the shape to expand to.

    Returns
    -------
    A tensor of other's shape, on self's memory.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1], [2]]).expand_as(torch.zeros(2, 3))
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    return input.expand(other.shape)


@export
def broadcast_to(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return a view expanded to a shape. Follows ``torch.broadcast_to``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    size
        The shape: lengths of 1 are repeated, and further dimensions come in front.

    Returns
    -------
    A tensor of that shape, on the same memory.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return input.expand(*size)


@export
def _unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return a view of all windows of a size, a step apart, along a dimension.

    What is in a window becomes the last dimension. The view is read-only, since windows overlap.
    Follows ``torch.Tensor.unfold``.

    Parameters
    ----------
    dimension
        The dimension, of length n.
    size
        The length of a window.
    step
        From one window to the next.

    Returns
    -------
    A tensor with ``(n - size) // step + 1`` in the place of n, and ``size`` as the last dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    >>> torch.arange(10.0).unfold(0, 4, 1).mean(1)  # a moving average
    tensor([1.5000, 2.5000, 3.5000, 4.5000, 5.5000, 6.5000, 7.5000])
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

    Parameters
    ----------
    input
        A tensor of shape (*).
    size
        The shape of the view.
    stride
        The step in each dimension, in elements.
    storage_offset
        Where the first element stands. Default: where input's does.

    Returns
    -------
    A tensor of that shape, on the same memory.

    Raises
    ------
    RuntimeError
        When the view would reach beyond that memory.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.as_strided(torch.arange(5), (3, 3), (1, 1))
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
    """Return where the first element stands in the memory that the tensor is a view of.

    Follows ``torch.Tensor.storage_offset``.

    Returns
    -------
    A number of elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(10)[3:].storage_offset()
    3
    """
    return owner_of(input._array)[1] // input._array.itemsize


@export
def _sum_to_size(input: Tensor, *size: int | Sequence[int]) -> Tensor:
    """Return the sum over the dimensions that a tensor of this size would be expanded along.

    This undoes broadcasting: it is how a gradient gets its input's shape. Follows
    ``torch.Tensor.sum_to_size``.

    Parameters
    ----------
    size
        A shape that expands to self's.

    Returns
    -------
    A tensor of that shape.

    Raises
    ------
    RuntimeError
        When it doesn't expand to self's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(4, 3).sum_to_size(1, 3)
    tensor([[4., 4., 4.]])
    """
    to, have = as_size(size), input._array.shape
    if not expands(to, have):
        raise RuntimeError(f"size {list(to)} is not expandable to size {list(have)}")
    lead = len(have) - len(to)
    dims = tuple(i for i, n in enumerate(have) if i < lead or to[i - lead] != n)
    total = apply(ops.sum, input, dim=dims, keepdim=True) if dims else input
    return total.reshape(to)


@export
def _as_subclass(input: Tensor, cls: type[_T]) -> _T:
    """Return the tensor as one of a subclass of Tensor, on the same memory.

    Follows ``torch.Tensor.as_subclass``.

    Parameters
    ----------
    cls
        The subclass.

    Returns
    -------
    A tensor of self's shape, of that class.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> class Pixels(torch.Tensor):
    ...     def brightness(self):
    ...         return self.mean().item()
    >>> torch.ones(2, 2).as_subclass(Pixels).brightness()
    1.0
    """
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

    The elements stay in their order. What comes to them is whatever lies in memory, and then the
    memory is new: views of the old one don't follow. ``resize_(0)`` makes room for ``out=``.
    Follows ``torch.Tensor.resize_``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    memory_format
        Accepted, and changes nothing.

    Returns
    -------
    self.

    Raises
    ------
    RuntimeError
        When a gradient is asked for, or the elements aren't in row-major order.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(6)
    >>> x.resize_(2, 2)
    tensor([[0, 1],
            [2, 3]])
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
    """Give self the shape of another tensor, as :meth:`resize_` does.

    Follows ``torch.Tensor.resize_as_``.

    Parameters
    ----------
    other
        A tensor of the shape to take.
    memory_format
        Accepted, and changes nothing.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(6).resize_as_(torch.zeros(2, 3))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return _resize_(input, need_tensor("other", other)._array.shape)


if not TYPE_CHECKING:
    __all__ = publish(globals())
