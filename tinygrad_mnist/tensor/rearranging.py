"""Diagonals, windows, strides, repetitions and turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.ops.views import diagonal_index
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_int,
    as_size,
    expands,
)
from tinygrad_mnist.tensor.export import export, publish

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor

_T = TypeVar("_T", bound=TensorBase)


@export
def diagonal(
    input: Tensor,
    offset: int = 0,
    dim1: int = 0,
    dim2: int = 1,
) -> Tensor:
    """Return a view of the diagonal of two dimensions, as the last dimension.

    Follows ``torch.diagonal``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> diagonal(tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    ndim = input._array.ndim
    d1, d2 = as_dim("diagonal", dim1, ndim), as_dim("diagonal", dim2, ndim)
    if d1 == d2:
        raise RuntimeError(f"diagonal: the two dimensions can't be the same, got {dim1} and {dim2}")
    return apply(ops.diagonal, input, offset=as_int("diagonal", "offset", offset), dim1=d1, dim2=d2)


@export
@one_node("DiagEmbedBackward0")
def diag_embed(
    input: Tensor,
    offset: int = 0,
    dim1: int = -2,
    dim2: int = -1,
) -> Tensor:
    """Return matrices of zeros with the last dimension on a diagonal.

    Follows ``torch.diag_embed``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> diag_embed(tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    move, ndim = as_int("diag_embed", "offset", offset), input._array.ndim
    if not ndim:
        raise IndexError("diag_embed: a 0-d tensor has no dimension to put on a diagonal")
    d1, d2 = as_dim("diag_embed", dim1, ndim + 1), as_dim("diag_embed", dim2, ndim + 1)
    if d1 == d2:
        raise RuntimeError(f"diag_embed: the two dimensions can't be the same, got {dim1}, {dim2}")
    count = input._array.shape[-1]
    side = count + abs(move)
    rows, columns = diagonal_index(count, move)
    to = (*input._array.shape[:-1], side, side)
    out: Tensor = apply(ops.scatter_into_zeros, input, to=to, index=(..., rows, columns))
    return out.movedim((-2, -1), (d1, d2))


@export
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return a matrix with a vector on its diagonal, or the diagonal of a matrix.

    Follows ``torch.diag``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> diag(tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    if input._array.ndim == 1:
        return diag_embed(input, diagonal)
    if input._array.ndim != 2:
        raise RuntimeError(
            f"diag: supports 1-d or 2-d tensors, got shape {list(input._array.shape)}"
        )
    return input.diagonal(diagonal).clone()


@export(function=False)
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
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
    d = as_dim("unfold", dimension, input._array.ndim)
    length, far = as_int("unfold", "size", size), as_int("unfold", "step", step)
    have = input._array.shape[d] if input._array.ndim else 1
    if not 0 <= length <= have:
        raise RuntimeError(
            f"unfold: size {length} must lie between 0 and {have}, the length of dimension {d}"
        )
    if far <= 0:
        raise RuntimeError(f"unfold: step is {far} but must be > 0")
    if not input._array.ndim:
        return input.reshape(1)[:length]
    return apply(ops.unfold, input, dim=d, size=length, step=far)


@export
def as_strided(
    input: Tensor,
    size: Any,
    stride: Any,
    storage_offset: int | None = None,
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
    name = "as_strided"
    shape, steps = as_size(name, [size]), as_size(name, [stride])
    if len(shape) != len(steps):
        raise RuntimeError(f"{name}: mismatch in length of strides and shape: {steps}, {shape}")
    if min((*shape, *steps), default=0) < 0:
        raise RuntimeError(f"{name}: sizes and strides can't be negative, got {shape}, {steps}")
    whole = input if input._base is None else input._base
    order = sorted(range(whole._array.ndim), key=lambda d: -whole.memory().strides[d])
    whole = whole.permute(order) if order != [*range(len(order))] else whole  # type: ignore[attr-defined]
    if not whole._array.flags.c_contiguous:
        raise RuntimeError(
            f"{name}: the tensor was made from a part of an array, with gaps; take contiguous()"
        )
    own, first = storage_offset_of(input), storage_offset_of(whole)
    start = own if storage_offset is None else as_int(name, "storage_offset", storage_offset)
    last = start - first + sum(step * (n - 1) for n, step in zip(shape, steps, strict=True))
    if start < first or (min(shape, default=1) and last >= whole._array.size):
        raise RuntimeError(
            f"{name}: size {list(shape)}, stride {list(steps)} and storage offset {start} reach "
            f"beyond the {whole._array.size} elements in memory"
        )
    return apply(ops.as_strided, whole, to=shape, steps=steps, start=start - first)


def storage_offset_of(x: Any) -> int:
    """Return where a tensor's first element stands in the array that it is a view of."""
    array = root = x._array
    while isinstance(root.base, np.ndarray):
        root = root.base
    first, own = (a.__array_interface__["data"][0] for a in (root, array))
    return int((own - first) // array.itemsize)


@export
def repeat_interleave(
    input: Tensor,
    repeats: Any = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Return each element repeated in its place, a number of times or by numbers of their own.

    Without ``dim`` the tensor is flattened; given numbers alone, return the repeated positions.
    Follows ``torch.repeat_interleave``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> repeat_interleave(tensor([1, 2]), 2), repeat_interleave(tensor([1, 2]), tensor([0, 3]))
    (tensor([1, 1, 2, 2]), tensor([2, 2, 2]))
    """
    name = "repeat_interleave"
    if repeats is None:
        times = _times(name, input)
        if input._array.ndim != 1:
            raise RuntimeError(f"{name}: repeats must be a vector, got shape {list(input.shape)}")
        where = np.repeat(np.arange(len(times)), times).astype(times.dtype)
        _check_count(where.size, output_size)
        return wrap(where)
    if dim is not None and not input._array.ndim:
        raise IndexError(f"{name}: a 0-d tensor has no dimension {dim}")
    x, d = (input.reshape(-1), 0) if dim is None or not input._array.ndim else (input, dim)
    d = as_dim(name, d, x._array.ndim)
    times = _times(name, repeats)
    length = x._array.shape[d]
    if times.size not in (1, length):
        raise RuntimeError(
            f"{name}: repeats must have one number, or {length} as dimension {d}, got {times.size}"
        )
    where = np.repeat(np.arange(length), times if times.size == length else times[0])
    _check_count(where.size, output_size)
    return x.index_select(d, wrap(where))


def _check_count(count: int, wanted: int | None) -> None:
    if wanted is not None and wanted != count:
        raise RuntimeError(f"repeat_interleave: output_size must be {count} here, not {wanted}")


def _times(name: str, repeats: Any) -> np.ndarray:
    if isinstance(repeats, TensorBase):
        times = repeats._array
        if times.dtype not in (np.int64, np.int32) or times.ndim > 1:
            raise RuntimeError(f"{name}: repeats must be a vector of int64, got {repeats.dtype}")  # type: ignore[attr-defined]
    else:
        times = np.asarray(as_int(name, "repeats", repeats))
    if (times < 0).any():
        raise RuntimeError(f"{name}: repeats can not be negative, got {times.tolist()}")
    return times.reshape(-1)


@export
@one_node("Rot90Backward0")
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turn by 90 degrees, k times, from the first of two dimensions to the second.

    Follows ``torch.rot90``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> rot90(tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    turns, pair = as_int("rot90", "k", k) % 4, as_size("rot90", [dims])
    if len(pair) != 2 or input._array.ndim < 2:
        raise RuntimeError(f"rot90: expected two dimensions of a matrix or more, got dims={dims}")
    d0, d1 = (as_dim("rot90", d, input._array.ndim) for d in pair)
    if d0 == d1:
        raise RuntimeError(f"rot90: the two dimensions must differ, got {dims}")
    if turns == 0:
        return input.clone()
    if turns == 2:
        return input.flip(d0, d1)
    return input.transpose(d0, d1).flip(d0 if turns == 1 else d1)


@export
def fliplr(input: Tensor) -> Tensor:
    """Exchange left and right: reverse the second dimension. Follows ``torch.fliplr``."""
    if input._array.ndim < 2:
        raise RuntimeError(f"fliplr: the input must be >= 2-d, got {list(input._array.shape)}")
    return input.flip(1)


@export
def flipud(input: Tensor) -> Tensor:
    """Exchange up and down: reverse the first dimension. Follows ``torch.flipud``."""
    if input._array.ndim < 1:
        raise RuntimeError("flipud: the input must be >= 1-d, got a 0-d tensor")
    return input.flip(0)


@export
def tensor_split(
    input: Tensor,
    indices_or_sections: Any,
    dim: int = 0,
) -> tuple[Tensor, ...]:
    """Return views of parts along a dimension: so many, nearly equal; or cut at indices.

    Follows ``torch.tensor_split``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> tensor_split(arange(4), (1, 3))
    (tensor([0]), tensor([1, 2]), tensor([3]))
    """
    name, sections = "tensor_split", indices_or_sections
    if not input._array.ndim:
        raise RuntimeError(f"{name}: expected at least a one-dimensional tensor")
    d = as_dim(name, dim, input._array.ndim)
    length = input._array.shape[d]
    if isinstance(sections, TensorBase):
        sections = sections._array.tolist()
    if isinstance(sections, tuple | list):
        cuts = list(as_size(name, [tuple(sections)]))
    else:
        count = as_int(name, "indices_or_sections", sections)
        if count <= 0:
            raise RuntimeError(f"{name}: the number of sections must be larger than 0, got {count}")
        small, more = divmod(length, count)
        cuts = [i * small + min(i, more) for i in range(1, count)]
    lead = (slice(None),) * d
    return tuple(
        apply(ops.getitem, input, index=(*lead, slice(start, end)))
        for start, end in zip([None, *cuts], [*cuts, None], strict=True)
    )


@export
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Return parts side by side, of the second dimension (of a vector the first).

    Follows ``torch.hsplit``.
    """
    return _even_split("hsplit", input, indices_or_sections, 1 if input._array.ndim > 1 else 0, 1)


@export
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Return parts one below the other, of the first dimension. Follows ``torch.vsplit``."""
    return _even_split("vsplit", input, indices_or_sections, 0, 2)


def _even_split(name: str, x: Any, sections: Any, dim: int, least: int) -> tuple[Tensor, ...]:
    if x._array.ndim < least:
        raise RuntimeError(f"{name}: requires at least {least} dimensions, got {x._array.ndim}")
    if not isinstance(sections, tuple | list | TensorBase) and (
        sections <= 0 or x._array.shape[dim] % sections
    ):
        raise RuntimeError(
            f"{name}: attempted to split dimension {dim} of length {x._array.shape[dim]} into "
            f"{sections} equal parts"
        )
    return tensor_split(x, sections, dim)


@export(function=False)
def storage_offset(input: Tensor) -> int:
    """Return where the first element stands in the memory that the tensor is a view of."""
    return storage_offset_of(input)


@export(function=False)
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Return the sum over the dimensions that a tensor of this size would be expanded along."""
    to, have = as_size("sum_to_size", size), input._array.shape
    if not expands(to, have):
        raise RuntimeError(f"sum_to_size: size {list(to)} is not expandable to size {list(have)}")
    lead = len(have) - len(to)
    dims = tuple(i for i, n in enumerate(have) if i < lead or to[i - lead] != n)
    total = apply(ops.sum, input, dim=dims, keepdim=True) if dims else input
    return total.reshape(to)


@export(function=False)
def as_subclass(input: Tensor, cls: type[_T]) -> _T:
    """Return the tensor as one of a subclass of Tensor, on the same memory."""
    if not (isinstance(cls, type) and issubclass(cls, TensorBase)):
        raise RuntimeError(f"as_subclass: expected a subclass of Tensor, got {cls!r}")
    out: Any = input.view_as(input)
    out.__class__ = cls
    return out  # type: ignore[no-any-return]  # its class was changed


if not TYPE_CHECKING:
    __all__ = publish(globals())
