"""Inverses, determinants and factors of matrices, under the names they have in torch itself.

What they compute is in :mod:`~tinygrad_mnist.tensor.factorization`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply, apply_multi, wrap
from tinygrad_mnist.tensor import factorization
from tinygrad_mnist.tensor.export import export, publish

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.factorization import QR, OldSVD, SlogDet


@export(takes="out")
def inverse(input: Tensor) -> Tensor:
    """Return the inverse matrix. Follows ``torch.inverse``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, n), floating point.

    Returns
    -------
    A tensor of shape (..., n, n), for which ``input @ out`` is the identity.

    Raises
    ------
    LinAlgError
        When a matrix is singular.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.inverse(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return factorization.inv(input)


@export
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return the pseudo-inverse; singular values up to rcond times the largest count as 0.

    Follows ``torch.pinverse``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, m), floating point.
    rcond
        Which part of the largest singular value counts as 0.

    Returns
    -------
    A tensor of shape (..., m, n).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.pinverse(torch.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    return factorization.pinv(input, rcond)


@export
def det(input: Tensor) -> Tensor:
    """Return the determinant. Follows ``torch.det``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, n), floating point.

    Returns
    -------
    A tensor of the shape (...).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.det(torch.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor(3.)
    """
    return factorization.det(input)


@export
def slogdet(input: Tensor) -> SlogDet:
    """Return the sign of the determinant and the logarithm of its absolute value.

    Follows ``torch.slogdet``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, n), floating point.

    Returns
    -------
    A named pair ``(sign, logabsdet)`` of tensors of the shape (...).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> huge = torch.eye(2) * 1e30
    >>> huge.det(), huge.slogdet().logabsdet
    (tensor(inf), tensor(138.1551))
    """
    return factorization.slogdet(input)


@export
def logdet(input: Tensor) -> Tensor:
    """Return the logarithm of the determinant, NaN where that is negative.

    Follows ``torch.logdet``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, n), floating point.

    Returns
    -------
    A tensor of the shape (...): minus infinity where a matrix is singular.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.logdet(torch.eye(2) * 1e30)
    tensor(138.1551)
    """
    factorization.check_matrix(input, square=True)
    sign, size = apply_multi(ops.slogdet, input)
    return apply(ops.where, sign._array < 0, math.nan, size)


@export(takes="out")
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Return the lower triangular factor of a positive-definite matrix, or the upper one.

    Follows ``torch.cholesky``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, n), floating point, symmetric.
    upper
        Whether to return the transpose of L.

    Returns
    -------
    L with ``L @ L.mT = input``, of shape (..., n, n).

    Raises
    ------
    LinAlgError
        When a matrix is not positive-definite.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cholesky(torch.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    return factorization.cholesky(input, upper=upper)


@export(takes="out")
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """Return X with ``A @ X = input``, given the Cholesky factor of A.

    Follows ``torch.cholesky_solve``.

    Parameters
    ----------
    input
        The right side, of shape (..., n, m).
    input2
        The Cholesky factor of A, of shape (..., n, n).
    upper
        Whether the factor is the upper triangular one.

    Returns
    -------
    A tensor of shape (..., n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a, b = torch.tensor([[4.0, 2.0], [2.0, 2.0]]), torch.tensor([[8.0], [6.0]])
    >>> x = torch.cholesky_solve(b, torch.cholesky(a))
    >>> x, a @ x
    (tensor([[1.],
            [2.]]), tensor([[8.],
            [6.]]))
    """
    lower, higher = (input2.mT, input2) if upper else (input2, input2.mT)
    half = factorization.solve_triangular(lower, input, upper=False)
    return factorization.solve_triangular(higher, half, upper=True)


@export(takes="out")
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of the matrix whose Cholesky factor this is.

    Follows ``torch.cholesky_inverse``.

    Parameters
    ----------
    input
        The Cholesky factor, of shape (..., n, n).
    upper
        Whether the factor is the upper triangular one.

    Returns
    -------
    A tensor of shape (..., n, n).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = torch.tensor([[4.0, 2.0], [2.0, 2.0]])
    >>> torch.cholesky_inverse(torch.cholesky(a)) @ a
    tensor([[1., 0.],
            [0., 1.]])
    """
    factorization.check_matrix(input, square=True)
    eye = wrap(np.eye(input._array.shape[-1], dtype=input._array.dtype))
    return eye.cholesky_solve(input, upper)


@export(takes="out")
def qr(input: Tensor, some: bool = True) -> QR:
    """Return Q and R, reduced if some; newer code calls ``linalg.qr``. Follows ``torch.qr``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, m), floating point.
    some
        Whether Q has only min(n, m) columns.

    Returns
    -------
    A named pair ``(Q, R)``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> q, r = torch.qr(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> torch.allclose(q.mT @ q, torch.eye(2), atol=1e-6)
    True
    """
    return factorization.qr(input, "reduced" if some else "complete")


@export(takes="out")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> OldSVD:
    """Return U, S and V (not its transpose); newer code calls ``linalg.svd``.

    Follows ``torch.svd``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, m), floating point.
    some
        Whether U and V have only min(n, m) columns.
    compute_uv
        Whether U and V are wanted; otherwise they are zeros.

    Returns
    -------
    A named triple ``(U, S, V)``, with ``U @ S.diag() @ V.T = input``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.svd(torch.tensor([[3.0, 0.0], [0.0, -4.0]])).S
    tensor([4., 3.])
    """
    u, s, vh = factorization.svd(input, full_matrices=not some)
    if not compute_uv:
        m, n = input._array.shape[-2:]
        lead = input._array.shape[:-2]
        u, vh = (wrap(np.zeros((*lead, k, k), input._array.dtype)) for k in (m, n))
    return factorization.OldSVD(u, s, vh.mT)


@export(takes="out")
def matrix_power(input: Tensor, n: int) -> Tensor:
    """Return the product of n equal matrices; of their inverses where n is negative.

    Follows ``torch.matrix_power``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, n).
    n
        How many factors; 0 gives the identity.

    Returns
    -------
    A tensor of shape (..., n, n).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> fibonacci = torch.tensor([[1, 1], [1, 0]])
    >>> torch.matrix_power(fibonacci, 10)
    tensor([[89, 55],
            [55, 34]])
    """
    return factorization.matrix_power(input, n)


if not TYPE_CHECKING:
    __all__ = publish(globals())
