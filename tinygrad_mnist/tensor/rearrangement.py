"""Elements in other places: repeated, turned, moved; diagonals and triangles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops.views import diagonal_index
from tinygrad_mnist.tensor.arguments import as_dim, as_int, as_ints, as_size, each_dim
from tinygrad_mnist.tensor.export import export, publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Dims


@export
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a view of the diagonal of two dimensions, as the last dimension.

    Follows ``torch.diagonal``.

    Parameters
    ----------
    input
        A tensor of shape (*), of at least two dimensions.
    offset
        Which diagonal: 0 is the main one, a positive one lies above it.
    dim1, dim2
        The dimensions of rows and of columns.

    Returns
    -------
    A tensor on the same memory, without the two dimensions, with the diagonal as the last one.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1, 2], [3, 4]])
    >>> x.diagonal(), x.diagonal(1)
    (tensor([1, 4]), tensor([2]))
    """
    ndim = input._array.ndim
    d1, d2 = as_dim(dim1, ndim), as_dim(dim2, ndim)
    if d1 == d2:
        raise RuntimeError(f"the two dimensions can't be the same, got {dim1} and {dim2}")
    return apply(ops.diagonal, input, offset=as_int("offset", offset), dim1=d1, dim2=d2)


@export
@node_name("DiagEmbedBackward0")
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return matrices of zeros with the last dimension on a diagonal. Follows ``torch.diag_embed``.

    Parameters
    ----------
    input
        A tensor of shape (..., n).
    offset
        Which diagonal: 0 is the main one, a positive one lies above it.
    dim1, dim2
        Where the dimensions of rows and of columns shall stand.

    Returns
    -------
    A tensor of shape (..., m, m), where m = n + abs(offset).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.diag_embed(torch.tensor([[1, 2], [3, 4]]))
    tensor([[[1, 0],
             [0, 2]],
    <BLANKLINE>
            [[3, 0],
             [0, 4]]])
    """
    move, ndim = as_int("offset", offset), input._array.ndim
    if not ndim:
        raise IndexError("a 0-d tensor has no dimension to put on a diagonal")
    d1, d2 = as_dim(dim1, ndim + 1), as_dim(dim2, ndim + 1)
    if d1 == d2:
        raise RuntimeError(f"the two dimensions can't be the same, got {dim1}, {dim2}")
    count = input._array.shape[-1]
    side = count + abs(move)
    rows, columns = diagonal_index(count, move)
    to = (*input._array.shape[:-1], side, side)
    out = apply(ops.scatter_into_zeros, input, to=to, index=(..., rows, columns))
    return out.movedim((-2, -1), (d1, d2))


@export(takes="out")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return a matrix with a vector on its diagonal, or the diagonal of a matrix.

    Follows ``torch.diag``.

    Parameters
    ----------
    input
        A vector of n elements, or a matrix, which has shape (n, m).
    diagonal
        Which diagonal: 0 is the main one, a positive one lies above it.

    Returns
    -------
    A matrix; or a vector, not a view.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.diag(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    >>> torch.diag(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    if input._array.ndim == 1:
        return diag_embed(input, diagonal)
    if input._array.ndim != 2:
        raise RuntimeError(f"supports 1-d or 2-d tensors, got shape {list(input._array.shape)}")
    return input.diagonal(diagonal).clone()


@export
def repeat_interleave(
    input: Tensor,
    repeats: int | Tensor | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Return each element repeated in its place, a number of times or by numbers of their own.

    Without ``dim`` the tensor is flattened; given numbers alone, return the repeated positions.
    Follows ``torch.repeat_interleave``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    repeats
        How often: one number, or a vector of one for each slice.
    dim
        The dimension. None: input is flattened.
    output_size
        How long the dimension becomes; it is checked.

    Returns
    -------
    A tensor of shape (*) that is longer along the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1, 2])
    >>> x.repeat_interleave(2), x.repeat_interleave(torch.tensor([0, 3]))
    (tensor([1, 1, 2, 2]), tensor([2, 2, 2]))
    """
    if repeats is None:
        times = _times(input)
        if input._array.ndim != 1:
            raise RuntimeError(f"repeats must be a vector, got shape {list(input.shape)}")
        where = np.repeat(np.arange(len(times)), times).astype(times.dtype)
        _check_count(where.size, output_size)
        return wrap(where)
    if dim is not None and not input._array.ndim:
        raise IndexError(f"a 0-d tensor has no dimension {dim}")
    x, d = (input.reshape(-1), 0) if dim is None or not input._array.ndim else (input, dim)
    d = as_dim(d, x._array.ndim)
    times = _times(repeats)
    length = x._array.shape[d]
    if times.size not in (1, length):
        raise RuntimeError(
            f"repeats must have one number, or {length} as dimension {d}, got {times.size}"
        )
    where = np.repeat(np.arange(length), times if times.size == length else times[0])
    _check_count(where.size, output_size)
    return x.index_select(d, wrap(where))


def _check_count(count: int, wanted: int | None) -> None:
    if wanted is not None and wanted != count:
        raise RuntimeError(f"output_size must be {count} here, not {wanted}")


def _times(repeats: int | Tensor) -> np.ndarray:
    if isinstance(repeats, TensorBase):
        times = repeats._array
        if times.dtype not in (np.int64, np.int32) or times.ndim > 1:
            raise RuntimeError(f"repeats must be a vector of int64, got {repeats.dtype}")
    else:
        times = np.asarray(as_int("repeats", repeats))
    if (times < 0).any():
        raise RuntimeError(f"repeats can not be negative, got {times.tolist()}")
    return times.reshape(-1)


@export
@node_name("Rot90Backward0")
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turn by 90 degrees, k times, from the first of two dimensions to the second.

    Follows ``torch.rot90``.

    Parameters
    ----------
    input
        A tensor of shape (*), of at least two dimensions.
    k
        How many times; negative ones turn back.
    dims
        The two dimensions of the plane.

    Returns
    -------
    A tensor, not a view; for odd k the two lengths are exchanged, as in shape (m, n) of (n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2], [3, 4]]).rot90()
    tensor([[2, 4],
            [1, 3]])
    """
    turns, pair = as_int("k", k) % 4, as_size([dims])
    if len(pair) != 2 or input._array.ndim < 2:
        raise RuntimeError(f"expected two dimensions of a matrix or more, got dims={dims}")
    d0, d1 = (as_dim(d, input._array.ndim) for d in pair)
    if d0 == d1:
        raise RuntimeError(f"the two dimensions must differ, got {dims}")
    if turns == 0:
        return input.clone()
    if turns == 2:
        return input.flip(d0, d1)
    return input.transpose(d0, d1).flip(d0 if turns == 1 else d1)


@export
def fliplr(input: Tensor) -> Tensor:
    """Exchange left and right: reverse the second dimension. Follows ``torch.fliplr``.

    Parameters
    ----------
    input
        A tensor of shape (n, m, ...).

    Returns
    -------
    A tensor of that shape, not a view.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2], [3, 4]]).fliplr()
    tensor([[2, 1],
            [4, 3]])
    """
    if input._array.ndim < 2:
        raise RuntimeError(f"the input must be >= 2-d, got {list(input._array.shape)}")
    return input.flip(1)


@export
def flipud(input: Tensor) -> Tensor:
    """Exchange up and down: reverse the first dimension. Follows ``torch.flipud``.

    Parameters
    ----------
    input
        A tensor of shape (n, ...).

    Returns
    -------
    A tensor of that shape, not a view.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2], [3, 4]]).flipud()
    tensor([[3, 4],
            [1, 2]])
    """
    if input._array.ndim < 1:
        raise RuntimeError("the input must be >= 1-d, got a 0-d tensor")
    return input.flip(0)


@export
def _repeat(input: Tensor, *repeats: int | Sequence[int]) -> Tensor:
    """Return the whole tensor repeated along each dimension.

    :func:`repeat_interleave` repeats each element in its place. Follows ``torch.Tensor.repeat``.

    Parameters
    ----------
    repeats
        How often along each dimension; further numbers stand for new dimensions in front.

    Returns
    -------
    A tensor of self's lengths times these numbers; the gradient is summed over repetitions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    times, shape = as_size(repeats), input._array.shape
    lead = len(times) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"{len(times)} numbers were given for a tensor that has {len(shape)} "
            f"dimensions; give one for each, or more for new ones in front"
        )
    if min(times, default=0) < 0:
        raise RuntimeError(f"a tensor can't be repeated {min(times)} times: {times}")
    return apply(ops.repeat, input, times=times)


@export
def tile(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return the tensor repeated along each dimension; missing leading counts are 1.

    Follows ``torch.tile``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dims
        How often along each dimension; numbers that are missing in front are 1.

    Returns
    -------
    A tensor of the lengths times these numbers.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tile(torch.tensor([[1, 2], [3, 4]]), (2,))
    tensor([[1, 2, 1, 2],
            [3, 4, 3, 4]])
    """
    times = as_size(dims)
    return input.repeat((1,) * (input._array.ndim - len(times)) + times)


@export
def flip(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Return the elements in reverse order along dimensions. Follows ``torch.flip``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dims
        The dimensions; negative ones count from the end.

    Returns
    -------
    A tensor of shape (*), not a view.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2], [3, 4]]).flip(0, 1)
    tensor([[4, 3],
            [2, 1]])
    """
    order = each_dim(as_size(dims), input._array.ndim)
    return apply(ops.flip, input, dims=order)


@export
@node_name("RollBackward0")
def roll(input: Tensor, shifts: int | Sequence[int], dims: Dims = None) -> Tensor:
    """Return the elements moved along dimensions; those beyond the end come in at the start.

    Follows ``torch.roll``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    shifts
        By how many places: one number for each dimension.
    dims
        The dimensions. None: the flattened tensor is moved.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1, 2, 3, 4]).roll(1)
    tensor([4, 1, 2, 3])
    >>> torch.tensor([[1, 2], [3, 4]]).roll(1, dims=0)
    tensor([[3, 4],
            [1, 2]])
    """
    moves = as_ints("shifts", shifts)
    if not moves:
        raise RuntimeError("at least one shift is required")
    if not input._array.size:
        return input.clone()
    if dims is None or (len(moves) == 1 and isinstance(dims, tuple | list) and not dims):
        if len(moves) > 1:
            raise RuntimeError(
                f"{len(moves)} shifts were given for 0 dims; name the dims, one for each"
            )
        flat = apply(ops.roll, input.reshape(-1), shifts=moves, dims=(0,) * len(moves))
        return flat.reshape(input._array.shape)
    along = as_ints("dims", dims)
    if len(along) != len(moves):
        raise RuntimeError(f"{len(moves)} shifts were given for {len(along)} dims")
    along = tuple(as_dim(d, input._array.ndim) for d in along)
    return apply(ops.roll, input, shifts=moves, dims=along)


@export(takes="out", inplace=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the lower triangle, with zeros above the diagonal. Follows ``torch.tril``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, m).
    diagonal
        The last diagonal that stays: 0 is the main one, a positive one lies above it.

    Returns
    -------
    A tensor of shape (..., n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(3, 3).tril()  # what a token of a sequence may look at
    tensor([[1., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]])
    """
    _need_matrix(input)
    return apply(ops.tril, input, diagonal=as_int("diagonal", diagonal))


@export(takes="out", inplace=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the upper triangle, with zeros below the diagonal. Follows ``torch.triu``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, m).
    diagonal
        The first diagonal that stays: 0 is the main one, a positive one lies above it.

    Returns
    -------
    A tensor of shape (..., n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(3, 3).triu(1)
    tensor([[0., 1., 1.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    _need_matrix(input)
    return apply(ops.triu, input, diagonal=as_int("diagonal", diagonal))


def _need_matrix(input: Tensor) -> None:
    if input._array.ndim < 2:
        raise RuntimeError(
            f"the input must have at least 2 dimensions, but has shape {list(input._array.shape)}"
        )


if not TYPE_CHECKING:
    __all__ = publish(globals())
