"""Norms of vectors and matrices, condition number, and rank."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.ops import LinAlgError
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor import Tensor, stack
from tinygrad_mnist.tensor.arguments import as_dims, as_int, with_out
from tinygrad_mnist.tensor.factorization import (
    check_float,
    check_matrix,
    eigvalsh,
    inv,
    svdvals,
    tolerances,
)
from tinygrad_mnist.tensor.types import Dims, Number


@with_out
def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    r"""Return the p-norm of all elements, or along dimensions.

    .. math:: \left(\textstyle\sum_i |x_i|^p\right)^{1/p}

    ord = inf is the largest size, -inf the smallest, and 0 counts what isn't 0. Where the norm is 0
    so is its gradient. Follows ``torch.linalg.vector_norm``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> vector_norm(tensor([3.0, -4.0])), vector_norm(tensor([3.0, -4.0]), 1)
    (tensor(5.), tensor(7.))
    """
    check_float(x, half=True)
    if isinstance(ord, bool) or not isinstance(ord, int | float):
        raise TypeError(f"ord must be a number, not {ord!r}")
    return (x if dtype is None else x.to(dtype)).norm(ord, dim, keepdim)


@with_out
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Return a norm of the matrices in two dimensions.

    ``"fro"`` is the root of the sum of squares, ``"nuc"`` the sum of singular values, 2 the largest
    of them and -2 the smallest; 1 and -1 are the largest and smallest sum of sizes in a column, inf
    and -inf those in a row. Follows ``torch.linalg.matrix_norm``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> a = tensor([[3.0, 0.0], [0.0, -4.0]])
    >>> matrix_norm(a), matrix_norm(a, "nuc"), matrix_norm(a, 2)
    (tensor(5.), tensor(7.), tensor(4.))
    """
    check_matrix(A, half=ord not in ("nuc", 2, -2))
    x = A if dtype is None else A.to(dtype)
    dims = as_dims(tuple(dim), x.ndim)
    if not isinstance(dims, tuple) or len(dims) != 2:
        raise RuntimeError(f"dim must be a 2-tuple, got {dim}")
    rows, columns = dims
    if ord in ("fro", "nuc"):
        return x.norm(ord, dims, keepdim)
    if ord in (1, -1, math.inf, -math.inf):
        first, second = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = x.abs().sum(first, keepdim=True)
        out = sums.amax(second, keepdim=True) if ord > 0 else sums.amin(second, keepdim=True)
    elif ord in (2, -2):
        values = svdvals(x.movedim(dims, (-2, -1)))
        out = values.amax(-1) if ord == 2 else values.amin(-1)
        for d in sorted(dims):
            out = out.unsqueeze(d)
    else:
        raise RuntimeError(
            f"order {ord!r} not supported; expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        )
    return out if keepdim else out.squeeze(dims)


@with_out
def norm(
    input: Tensor,
    ord: float | str | None = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Return a vector or a matrix norm.

    With an ord, a dim of two dimensions (or, without dim, a 2-d tensor) means a matrix norm;
    otherwise it is the norm of a vector, of order 2 unless given. Follows ``torch.linalg.norm``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> norm(tensor([[3.0, 4.0]])), norm(tensor([[3.0, 4.0]]), 1)
    (tensor(5.), tensor(4.))
    """
    check_float(input, half=True)
    dims = dim if dim is None or isinstance(dim, tuple | list) else [as_int("dim", dim)]
    if ord is None:
        return vector_norm(input, 2, dims, keepdim, dtype=dtype)
    if dims is None:
        if input.ndim not in (1, 2):
            raise RuntimeError(
                f"if ord is specified but dim is not, the input must be 1-d or 2-d, "
                f"got shape {list(input.shape)}"
            )
        dims = list(range(input.ndim))
    if len(dims) == 2:
        return matrix_norm(input, ord, dims, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"ord={ord!r} is a matrix norm; dim must be a 2-tuple")
    return vector_norm(input, ord, dims, keepdim, dtype=dtype)


@with_out
def cond(A: Tensor, p: float | str | None = None) -> Tensor:
    """Return the condition number: by how much a matrix may magnify relative errors.

    The largest singular value by the smallest; or for another norm p (of :func:`matrix_norm`) that
    of the matrix times that of its inverse, infinite where there is none. Follows
    ``torch.linalg.cond``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cond(tensor([[4.0, 0.0], [0.0, 2.0]]))
    tensor(2.)
    """
    check_matrix(A, square=p not in (None, 2, -2))
    if not A.numel():
        return wrap(np.zeros(A.shape[:-2], A._array.dtype))
    if p in (None, 2, -2):
        values = svdvals(A)
        first, last = values.select(-1, 0), values.select(-1, -1)
        return last / first if p == -2 else first / last
    try:
        inverse = inv(A)
    except LinAlgError:
        if A.ndim > 2:
            rows = [cond(part, p) for part in A.reshape(-1, *A.shape[-2:])]
            return stack(rows).reshape(A.shape[:-2])
        return wrap(np.array(np.inf, A._array.dtype))
    return matrix_norm(A, p) * matrix_norm(inverse, p)


@with_out
def matrix_rank(
    A: Tensor,
    tol: Number | None = None,
    hermitian: bool = False,
    *,
    atol: Number | None = None,
    rtol: Number | None = None,
) -> Tensor:
    """Return how many singular values are greater than ``max(atol, rtol * largest)``.

    rtol is, unless something is given, the precision of the dtype times the longer side. Follows
    ``torch.linalg.matrix_rank``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> matrix_rank(ones(3, 3))
    tensor(1)
    """
    check_matrix(A, square=hermitian)
    x = A.detach()
    values = eigvalsh(x).abs() if hermitian else svdvals(x)
    absolute, relative = tolerances(A, {"atol": atol, "tol": tol}, {"rtol": rtol})
    if not values.shape[-1]:
        return wrap(np.zeros(A.shape[:-2], np.int64))
    cutoff = (values.amax(-1, keepdim=True) * relative).clamp(min=absolute)
    return (values > cutoff).sum(-1)
