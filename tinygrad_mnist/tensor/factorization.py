"""``torch.linalg``'s inverses, solvers, determinants and factorizations of matrices.

All work on matrices in the last two dimensions, over batches in those before.
"""

# ruff: noqa: N803  (matrices are A and B, as PyTorch's keywords are)

from __future__ import annotations

import functools
import math
import operator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.autograd.graph import TensorBase, apply, apply_multi, wrap
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_int, as_number, need_tensor, with_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Number


class SlogDet(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


class Eigh(NamedTuple):
    """Eigenvalues in ascending order, and the eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVD(NamedTuple):
    """Left vectors as columns, singular values in descending order, right vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class OldSVD(NamedTuple):
    """As :class:`SVD`, but with the right vectors as columns."""

    U: Tensor
    S: Tensor
    V: Tensor


class QR(NamedTuple):
    """Orthonormal columns, and an upper triangular matrix."""

    Q: Tensor
    R: Tensor


class LeastSquares(NamedTuple):
    """The solution, and what the chosen driver tells of residuals, rank and singular values."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def check_matrix(x: Tensor, square: bool = False, half: bool = False) -> None:
    """Refuse what isn't a floating-point matrix or batch of them (or of square ones).

    Raises
    ------
    TypeError, RuntimeError
        As PyTorch does.
    """
    check_float(x, half)
    shape = x._array.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"the input tensor must have at least 2 dimensions, got shape {list(shape)}"
        )
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(
            f"the input must be batches of square matrices, but they are "
            f"{shape[-2]} by {shape[-1]} matrices"
        )


def check_float(x: Tensor, half: bool = False) -> None:
    """Refuse what isn't a Tensor of float32 or float64, the numbers that LAPACK knows.

    What does without LAPACK takes float16 too.
    """
    if not isinstance(x, TensorBase):
        raise TypeError(f"expected a Tensor, got {type(x).__name__}")
    kind = x._array.dtype
    if kind.kind != "f":
        raise RuntimeError(
            f"expected a floating point tensor as input, got {dtypes.of(kind)}; "
            f"convert it with float()"
        )
    if kind.itemsize < 4 and not half:
        raise NotImplementedError(
            f"low precision dtypes are not supported, got {dtypes.of(kind)}; "
            f"convert it with float()"
        )


def _check_pair(a: Tensor, b: Tensor) -> None:
    check_float(b)
    if a._array.dtype != b._array.dtype:
        raise RuntimeError(
            f"expected A and B to have the same dtype, but found A of type "
            f"{dtypes.of(a._array.dtype)} and B of type {dtypes.of(b._array.dtype)}"
        )


@with_out
def inv(A: Tensor) -> Tensor:
    """Return the inverse of a square matrix. Follows ``torch.linalg.inv``.

    Raises
    ------
    LinAlgError
        When the matrix is singular.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> inv(tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check_matrix(A, square=True)
    return apply(ops.inv, A)


def _is_vector(a: Tensor, b: Tensor) -> bool:
    """Whether b is a vector, or a batch of vectors that fits to the batch of a exactly."""
    return b._array.ndim == 1 or b._array.shape == a._array.shape[:-1]


@with_out
@node_name("LinalgSolveExBackward0")
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return X with ``A @ X = B``, or ``X @ A = B`` with left=False.

    B holds matrices, or vectors. It costs less than to multiply with the inverse, and loses fewer
    digits. Follows ``torch.linalg.solve``.

    Raises
    ------
    RuntimeError
        When shapes or dtypes do not fit.
    LinAlgError
        When A is singular.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> solve(tensor([[2.0, 0.0], [0.0, 4.0]]), tensor([1.0, 1.0]))
    tensor([0.5000, 0.2500])
    """
    check_matrix(A, square=True)
    _check_pair(A, B)
    vector = _is_vector(A, B)
    b = B.unsqueeze(-1) if vector else B
    _check_system(A, b, left)
    if left:
        out: Tensor = apply(ops.solve, A, b)
    else:
        out = apply(ops.solve, A.mT, b.mT).mT
    return out.squeeze(-1) if vector else out


def _check_system(a: Tensor, b: Tensor, left: bool) -> None:
    n = a.shape[-1]
    if b.ndim < 2 or n != b.shape[-2 if left else -1]:
        raise RuntimeError(
            f"incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({list(a.shape)} and {list(b.shape)})"
        )


@with_out
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """Return X with ``A @ X = B``, or ``X @ A = B`` with left=False, for a triangular matrix A.

    Elements outside of the triangle are not read; with unitriangular neither is the diagonal,
    which counts as 1. Follows ``torch.linalg.solve_triangular``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> a = tensor([[1.0, 9.0], [1.0, 2.0]])
    >>> solve_triangular(a, tensor([[1.0], [3.0]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    check_matrix(A, square=True)
    check_matrix(B)
    _check_pair(A, B)
    _check_system(A, B, left)
    upper, unitriangular = bool(upper), bool(unitriangular)
    if left:
        return apply(ops.solve_triangular, A, B, upper=upper, unitriangular=unitriangular)
    turned = apply(ops.solve_triangular, A.mT, B.mT, upper=not upper, unitriangular=unitriangular)
    return turned.mT


@with_out
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Return lower triangular L with ``L @ L.T = A``, or its transpose, of a positive-definite A.

    Only the triangle of A in question is read. Follows ``torch.linalg.cholesky``.

    Raises
    ------
    LinAlgError
        When A is not positive-definite.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cholesky(tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    check_matrix(A, square=True)
    out = apply(ops.cholesky, A.mT if upper else A)
    return out.mT if upper else out


@with_out
def det(A: Tensor) -> Tensor:
    """Return the determinant of a square matrix. Follows ``torch.linalg.det``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> det(tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(0.)
    """
    check_matrix(A, square=True)
    return apply(ops.det, A)


@with_out
def slogdet(A: Tensor) -> SlogDet:
    """Return the sign and the logarithm of the absolute value of the determinant.

    Follows ``torch.linalg.slogdet``.

    Examples
    --------
    >>> from tinygrad_mnist import eye
    >>> slogdet(eye(2) * 1e30)
    SlogDet(sign=tensor(1.), logabsdet=tensor(138.1551))
    """
    check_matrix(A, square=True)
    return SlogDet(*apply_multi(ops.slogdet, A))


@with_out
def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    r"""Return eigenvalues and eigenvectors of a symmetric matrix, of which one triangle is read.

    .. math:: A = V \operatorname{diag}(\lambda) V^\top

    The sign of each vector is arbitrary: only what doesn't depend on it has a meaningful
    gradient, and that of the vectors is infinite where eigenvalues are equal. Follows
    ``torch.linalg.eigh``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> eigh(tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    check_matrix(A, square=True)
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"expected UPLO to be 'L' or 'U', but got {UPLO!r}")
    return Eigh(*apply_multi(ops.eigh, A, upper=UPLO in "Uu"))


@with_out
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of a symmetric matrix. Follows ``torch.linalg.eigvalsh``."""
    return eigh(A, UPLO).eigenvalues


@with_out
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    r"""Return the singular value decomposition.

    .. math:: A = U \operatorname{diag}(S) V_h

    With full_matrices=False U and Vh have as many vectors as there are singular values. Signs are
    arbitrary, as those of :func:`eigh`. Drivers are those of GPUs, and refused. Follows
    ``torch.linalg.svd``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> svd(tensor([[3.0, 0.0], [0.0, -4.0]])).S
    tensor([4., 3.])
    """
    check_matrix(A)
    if driver is not None:
        raise RuntimeError(f"a driver ({driver!r}) can be chosen on GPUs only; leave it out")
    return SVD(*apply_multi(ops.svd, A, full_matrices=bool(full_matrices)))


@with_out
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the singular values, largest first. Follows ``torch.linalg.svdvals``."""
    return svd(A, full_matrices=False, driver=driver).S


@with_out
def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Return orthonormal Q and upper triangular R with ``Q @ R = A``.

    In mode ``"complete"`` Q is square; in mode ``"r"`` it is left out (empty). Follows
    ``torch.linalg.qr``.

    Raises
    ------
    RuntimeError
        For mode ``"complete"`` of a matrix that requires grad and is higher than wide.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> q, r = qr(tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> (q @ r).round(decimals=4)
    tensor([[3., 1.],
            [4., 2.]])
    """
    check_matrix(A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"received unrecognized mode {mode!r} but expected one of 'reduced' "
            f"(default), 'r', or 'complete'"
        )
    m, n = A.shape[-2:]
    if mode == "complete" and m > n:
        if modes.enabled and A.requires_grad:
            raise RuntimeError(
                "the QR decomposition is not differentiable when mode='complete' and "
                "nrows > ncols; use mode='reduced', or A.detach()"
            )
        return QR(*map(wrap, np.linalg.qr(A._array, mode="complete")))
    if m >= n:
        q, r = apply_multi(ops.qr, A)
    else:  # the first m columns give Q
        q, r = apply_multi(ops.qr, A[..., :m])
        r = apply(ops.cat, r, q.mT @ A[..., m:], dim=A.ndim - 1)
    return QR(wrap(np.zeros(0, A._array.dtype)) if mode == "r" else q, r)


def tolerances(
    A: Tensor, atols: Mapping[str, Number | None], rtols: Mapping[str, Number | None]
) -> tuple[float, float]:
    """Return below which singular values count as 0: absolutely, and as part of the largest.

    Of the arguments that may give each, the first that is not None does.
    """
    atol = _first_given(atols, 0.0)
    precision = float(np.finfo(A._array.dtype).eps) * max(A.shape[-2:])
    return atol, _first_given(rtols, 0.0 if atol else precision)


def _first_given(arguments: Mapping[str, Number | None], default: float) -> float:
    given = (as_number(name, x) for name, x in arguments.items() if x is not None)
    return float(next(given, default))


@with_out
def pinv(
    A: Tensor,
    rcond: Number | None = None,
    hermitian: bool = False,
    *,
    atol: Number | None = None,
    rtol: Number | None = None,
) -> Tensor:
    """Return the pseudo-inverse: that of Moore and Penrose, which every matrix has.

    Singular values up to ``max(atol, rtol * largest)`` count as 0; rtol is, unless something is
    given, the precision of the dtype times the longer side. Follows ``torch.linalg.pinv``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> pinv(tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    check_matrix(A, square=hermitian)
    absolute, relative = tolerances(A, {"atol": atol}, {"rtol": rtol, "rcond": rcond})
    return apply(ops.pinv, A, rtol=relative, atol=absolute)


@named
def lstsq(
    A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> LeastSquares:
    """Return X that minimises the norm of ``A @ X - B``, and the smallest of those.

    As in PyTorch, it depends on the driver what else there is: a rank with all but ``"gels"``,
    residuals with all but ``"gelsy"`` (default) where A is higher than wide and of full rank,
    singular values with ``"gelsd"`` and ``"gelss"``; what isn't there is empty. The solution is
    always that by singular values. Follows ``torch.linalg.lstsq``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> lstsq(tensor([[1.0], [1.0]]), tensor([[1.0], [3.0]])).solution.round()
    tensor([[2.]])
    """
    check_matrix(A)
    _check_pair(A, B)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"parameter driver should be one of gels, gelsy, gelsd or gelss, not {driver!r}"
        )
    vector = _is_vector(A, B)
    b = B.unsqueeze(-1) if vector else B
    m, n = A.shape[-2:]
    if b.ndim < 2 or b.shape[-2] != m:
        raise RuntimeError(
            f"A and B must have the same number of rows, got shapes "
            f"{list(A.shape)} and {list(B.shape)}"
        )
    _, rtol = tolerances(A, {}, {"rcond": rcond})
    solution = pinv(A, rtol=rtol) @ b
    values = svdvals(A.detach())
    rank = (values > rtol * values[..., :1]).sum(-1)
    full = bool((rank == n).all())
    if driver == "gels" and not bool((rank == min(m, n)).all()):
        raise ops.LinAlgError(
            "the least squares solution could not be computed because the input "
            "matrix does not have full rank, which driver='gels' asks for; use another driver"
        )
    nothing = wrap(np.zeros(0, A._array.dtype))
    residuals = nothing
    if driver not in (None, "gelsy") and m > n and full:
        residuals = (A @ solution - b).square().sum(-2)
    return LeastSquares(
        solution.squeeze(-1) if vector else solution,
        residuals,
        nothing.long() if driver == "gels" else rank,
        values if driver in ("gelsd", "gelss") else nothing,
    )


@with_out
def matrix_power(A: Tensor, n: int) -> Tensor:
    """Return the product of n equal matrices; of their inverses where n is negative.

    Follows ``torch.linalg.matrix_power``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> matrix_power(tensor([[1, 1], [0, 1]]), 5)
    tensor([[1, 5],
            [0, 1]])
    """
    n = as_int("n", n)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"the input must be batches of square matrices, got shape {list(A.shape)}"
        )
    if n < 0:
        return matrix_power(inv(A), -n)
    if n == 0:
        eye = np.broadcast_to(np.eye(A.shape[-1], dtype=A._array.dtype), A._array.shape)
        return wrap(eye.copy())
    factors, square = [], A
    while n:
        if n & 1:
            factors.append(square)
        n >>= 1
        if n:
            square = square @ square
    out: Tensor = functools.reduce(operator.matmul, factors)
    return apply(ops.clone, out) if out is A else out


@with_out
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """Return the inverse of a tensor as a map, for ``tensordot``. Follows PyTorch's of this name.

    Raises
    ------
    RuntimeError
        When the first ``ind`` lengths and the others don't have one product.
    """
    shape = need_tensor("A", A)._array.shape
    if ind <= 0:
        raise RuntimeError(f"ind must be positive, got {ind}")
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            f"the products of {list(shape[:ind])} and {list(shape[ind:])} must be equal"
        )
    return inv(A.reshape(rows, columns)).reshape(*shape[ind:], *shape[:ind])


@named
def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """Return the X for which ``tensordot(A, X, X.ndim) = B``. Follows PyTorch's of this name."""
    a: Tensor = need_tensor("A", A)
    if dims is not None:
        a = a.movedim(tuple(dims), tuple(range(-len(dims), 0)))
    shape = a._array.shape[need_tensor("B", B).ndim :]
    count = math.prod(shape)
    if a.numel() != count * count:
        raise RuntimeError(f"A of shape {list(A.shape)} is no square map to shape {list(B.shape)}")
    return solve(a.reshape(count, count), B.flatten()).reshape(shape)
