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
    """Return the inverse matrix."""
    return factorization.inv(input)


@export
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return the pseudo-inverse; singular values up to rcond times the largest count as 0."""
    return factorization.pinv(input, rcond)


@export
def det(input: Tensor) -> Tensor:
    """Return the determinant."""
    return factorization.det(input)


@export
def slogdet(input: Tensor) -> SlogDet:
    """Return the sign of the determinant and the logarithm of its absolute value."""
    return factorization.slogdet(input)


@export
def logdet(input: Tensor) -> Tensor:
    """Return the logarithm of the determinant, NaN where that is negative."""
    factorization.check_matrix(input, square=True)
    sign, size = apply_multi(ops.slogdet, input)
    return apply(ops.where, sign._array < 0, math.nan, size)


@export(takes="out")
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Return the lower triangular factor of a positive-definite matrix, or the upper one."""
    return factorization.cholesky(input, upper=upper)


@export(takes="out")
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """Return X with ``A @ X = input``, given the Cholesky factor of A."""
    lower, higher = (input2.mT, input2) if upper else (input2, input2.mT)
    half = factorization.solve_triangular(lower, input, upper=False)
    return factorization.solve_triangular(higher, half, upper=True)


@export(takes="out")
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of the matrix whose Cholesky factor this is."""
    factorization.check_matrix(input, square=True)
    eye = wrap(np.eye(input._array.shape[-1], dtype=input._array.dtype))
    return eye.cholesky_solve(input, upper)


@export(takes="out")
def qr(input: Tensor, some: bool = True) -> QR:
    """Return Q and R, reduced if some; newer code calls ``linalg.qr``."""
    return factorization.qr(input, "reduced" if some else "complete")


@export(takes="out")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> OldSVD:
    """Return U, S and V (not its transpose); newer code calls ``linalg.svd``."""
    u, s, vh = factorization.svd(input, full_matrices=not some)
    if not compute_uv:
        m, n = input._array.shape[-2:]
        lead = input._array.shape[:-2]
        u, vh = (wrap(np.zeros((*lead, k, k), input._array.dtype)) for k in (m, n))
    return factorization.OldSVD(u, s, vh.mT)


@export(takes="out")
def matrix_power(input: Tensor, n: int) -> Tensor:
    """Return the product of n equal matrices; of their inverses where n is negative."""
    return factorization.matrix_power(input, n)


if not TYPE_CHECKING:
    __all__ = publish(globals())
