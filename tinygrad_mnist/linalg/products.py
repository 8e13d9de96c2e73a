"""Products of vectors and matrices, and the diagonal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import as_int, named, need_tensor, with_out
from tinygrad_mnist.tensor.factorization import check_float


@with_out
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product over the last two dimensions. Follows ``torch.matmul``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, k), or a vector of k elements.
    other
        A tensor of shape (..., k, m), or a vector of k elements. The dimensions in front broadcast.

    Returns
    -------
    A tensor of shape (..., n, m), without the dimension of a side that is a vector.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.matmul(torch.ones(5, 2, 3), torch.ones(3, 4)).shape
    torch.Size([5, 2, 4])
    """
    return input.matmul(other)


@with_out
@node_name("LinalgCrossBackward0")
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the cross products of vectors along a dimension. Follows ``torch.linalg.cross``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*), of length 3 in ``dim``.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tensor of shape (*); each vector is at right angles to both.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.cross(torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    return input.cross(other, dim)


@with_out
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the inner products of vectors along a dimension. Follows ``torch.linalg.vecdot``.

    Parameters
    ----------
    x, y
        Tensors of one floating dtype, whose shapes broadcast to (*).
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tensor of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.vecdot(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, 1.0]))
    tensor([3., 7.])
    """
    check_float(x, half=True)
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"expected x and y to have the same dtype, but found x of type "
            f"{x.dtype} and y of type {y.dtype}"
        )
    return (x * y).sum(dim)


@named
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return the diagonals of matrices in two dimensions. Follows ``torch.linalg.diagonal``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, m).
    offset
        Which diagonal: 0 is the main one, a positive one lies above it.
    dim1, dim2
        The dimensions of rows and of columns.

    Returns
    -------
    A view, with the diagonal as the last dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.diagonal(torch.arange(6).reshape(2, 3), offset=1)
    tensor([1, 5])
    """
    return A.diagonal(offset, dim1, dim2)


@with_out
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Return the product of several matrices, in the order that takes the fewest operations.

    The first and the last may be vectors. Follows ``torch.linalg.multi_dot``.

    Parameters
    ----------
    tensors
        At least two matrices, whose lengths fit.

    Returns
    -------
    A matrix; without its first or last dimension where a vector stands.

    Raises
    ------
    RuntimeError
        When the lengths don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a, b, c = torch.ones(2, 100), torch.ones(100, 3), torch.ones(3)
    >>> torch.linalg.multi_dot([a, b, c])
    tensor([300., 300.])
    """
    count = len(tensors)
    if count < 2:
        raise RuntimeError(f"expected at least 2 tensors but got {count}")
    for i, x in enumerate(tensors):
        if x.ndim != 2 and not (x.ndim == 1 and i in (0, count - 1)):
            raise RuntimeError(f"tensor {i} must be 2D but got {x.ndim}D")
        if i and tensors[i - 1].shape[-1] != x.shape[0]:
            raise RuntimeError(
                f"tensors {i - 1} and {i} with shapes {list(tensors[i - 1].shape)} "
                f"and {list(x.shape)} cannot be multiplied"
            )
    # cost[i, j], split[i, j]: the best way to multiply tensors i ... j.
    lengths = [1 if tensors[0].ndim == 1 else tensors[0].shape[0]]
    lengths += [1 if x.ndim == 1 and i else x.shape[-1] for i, x in enumerate(tensors)]
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for width in range(1, count):
        for i in range(count - width):
            j = i + width
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1], k)
                for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return tensors[i]
        return product(i, split[i, j]) @ product(split[i, j] + 1, j)

    return product(0, count - 1)


@with_out
def chain_matmul(*matrices: Tensor) -> Tensor:
    """Return the product of matrices; newer code calls ``linalg.multi_dot``.

    Follows ``torch.chain_matmul``.

    Parameters
    ----------
    matrices
        Matrices, whose lengths fit.

    Returns
    -------
    A matrix.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.chain_matmul(torch.ones(2, 5), torch.ones(5, 3), torch.ones(3, 1))
    tensor([[15.],
            [15.]])
    """
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


@named
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Return the rising powers of vectors. Follows ``torch.linalg.vander``.

    Parameters
    ----------
    x
        A tensor of shape (..., n).
    N
        How many powers, from 0 on. Default: n.

    Returns
    -------
    A tensor of shape (..., n, N).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.vander(torch.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    count = need_tensor("x", x).shape[-1] if N is None else as_int("N", N)
    if count < 2:
        raise RuntimeError(f"N must be greater than 1, got {count}")
    return x.unsqueeze(-1) ** wrap(np.arange(count))
