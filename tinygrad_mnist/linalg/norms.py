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

    Parameters
    ----------
    x
        A tensor of shape (*), floating point.
    ord
        The order p, a number.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of shape (*) without the dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([3.0, -4.0, 0.0])
    >>> torch.linalg.vector_norm(x), torch.linalg.vector_norm(x, 1), torch.linalg.vector_norm(x, 0)
    (tensor(5.), tensor(7.), tensor(2.))
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), floating point.
    ord
        Which norm: ``"fro"``, ``"nuc"``, 1, -1, 2, -2, inf or -inf.
    dim
        The two dimensions of the matrices.
    keepdim
        Whether these stay, of length 1.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of the shape (...).

    Raises
    ------
    RuntimeError
        When there is no such norm, or dim doesn't name two dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = torch.tensor([[3.0, 0.0], [0.0, -4.0]])
    >>> torch.linalg.matrix_norm(a), torch.linalg.matrix_norm(a, "nuc")
    (tensor(5.), tensor(7.))
    >>> torch.linalg.matrix_norm(a, 2), torch.linalg.matrix_norm(a, 1)
    (tensor(4.), tensor(4.))
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

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    ord
        Which norm: of vectors a number, of matrices also ``"fro"`` or ``"nuc"``. None: the root of
        the sum of squares, whatever the shape.
    dim
        One dimension, for a vector norm, or two, for a matrix norm. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of shape (*) without the dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    >>> torch.linalg.norm(x), torch.linalg.norm(x, dim=1), torch.linalg.norm(x, 1)
    (tensor(5.), tensor([5., 0.]), tensor(4.))
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), of float32 or float64; square unless p is None, 2 or -2.
    p
        Which norm: that of :func:`matrix_norm`. None: 2.

    Returns
    -------
    A tensor of the shape (...).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> hessian = torch.tensor([[100.0, 0.0], [0.0, 1.0]])
    >>> torch.linalg.cond(hessian)  # gradient descent is slow in such a valley
    tensor(100.)
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), of float32 or float64.
    tol
        An older name of atol.
    hermitian
        Whether A is symmetric.
    atol, rtol
        The absolute and the relative tolerance.

    Returns
    -------
    An int64 tensor of the shape (...).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.matrix_rank(torch.tensor([[1.0, 2.0], [2.0, 4.0]]))
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
