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

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), of float32 or float64.

    Returns
    -------
    A tensor of shape (..., n, n), for which ``A @ out`` is the identity.

    Raises
    ------
    LinAlgError
        When the matrix is singular.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), of float32 or float64.
    B
        A tensor of shape (..., n, m), or (..., n) for one right side; of A's dtype.
    left
        Whether A stands on the left.

    Returns
    -------
    A tensor of B's shape, up to broadcasting.

    Raises
    ------
    RuntimeError
        When shapes or dtypes do not fit.
    LinAlgError
        When A is singular.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a, b = torch.tensor([[2.0, 1.0], [1.0, 3.0]]), torch.tensor([3.0, 5.0])
    >>> x = torch.linalg.solve(a, b)
    >>> x
    tensor([0.8000, 1.4000])
    >>> torch.allclose(a @ x, b)
    True
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

    Elements outside of the triangle are not read; with unitriangular neither is the diagonal, which
    counts as 1. Follows ``torch.linalg.solve_triangular``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), of float32 or float64.
    B
        A tensor of shape (..., n, m), of A's dtype.
    upper
        Whether the upper triangle is read, or the lower one.
    left
        Whether A stands on the left.
    unitriangular
        Whether the diagonal counts as 1.

    Returns
    -------
    A tensor of B's shape, up to broadcasting.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = torch.tensor([[1.0, 9.0], [1.0, 2.0]])
    >>> torch.linalg.solve_triangular(a, torch.tensor([[1.0], [3.0]]), upper=False)
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), symmetric, of float32 or float64.
    upper
        Whether to return the transpose of L.

    Returns
    -------
    A tensor of shape (..., n, n).

    Raises
    ------
    LinAlgError
        When A is not positive-definite.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    check_matrix(A, square=True)
    out = apply(ops.cholesky, A.mT if upper else A)
    return out.mT if upper else out


@with_out
def det(A: Tensor) -> Tensor:
    """Return the determinant of a square matrix. Follows ``torch.linalg.det``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), of float32 or float64.

    Returns
    -------
    A tensor of the shape (...).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.det(torch.tensor([[[2.0, 1.0], [1.0, 2.0]], [[0.0, 1.0], [1.0, 0.0]]]))
    tensor([ 3., -1.])
    """
    check_matrix(A, square=True)
    return apply(ops.det, A)


@with_out
def slogdet(A: Tensor) -> SlogDet:
    """Return the sign and the logarithm of the absolute value of the determinant.

    Follows ``torch.linalg.slogdet``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), of float32 or float64.

    Returns
    -------
    A named pair ``(sign, logabsdet)`` of tensors of the shape (...).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> huge = torch.eye(2) * 1e30
    >>> torch.linalg.det(huge), torch.linalg.slogdet(huge).logabsdet
    (tensor(inf), tensor(138.1551))
    """
    check_matrix(A, square=True)
    return SlogDet(*apply_multi(ops.slogdet, A))


@with_out
def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    r"""Return eigenvalues and eigenvectors of a symmetric matrix, of which one triangle is read.

    .. math:: A = V \operatorname{diag}(\lambda) V^\top

    The sign of each vector is arbitrary: only what doesn't depend on it has a meaningful gradient,
    and that of the vectors is infinite where eigenvalues are equal. Follows ``torch.linalg.eigh``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), symmetric, of float32 or float64.
    UPLO
        Which triangle is read: ``"L"`` or ``"U"``.

    Returns
    -------
    A named pair ``(eigenvalues, eigenvectors)``: values in ascending order, of shape (..., n), and
    vectors as columns, of shape (..., n, n).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    >>> values, vectors = torch.linalg.eigh(a)
    >>> values.round(decimals=3)
    tensor([1., 3.])
    >>> torch.allclose(a @ vectors, vectors * values)
    True
    """
    check_matrix(A, square=True)
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"expected UPLO to be 'L' or 'U', but got {UPLO!r}")
    return Eigh(*apply_multi(ops.eigh, A, upper=UPLO in "Uu"))


@with_out
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of a symmetric matrix. Follows ``torch.linalg.eigvalsh``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, n), symmetric, of float32 or float64.
    UPLO
        Which triangle is read: ``"L"`` or ``"U"``.

    Returns
    -------
    A tensor of shape (..., n), in ascending order.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> hessian = torch.tensor([[2.0, 3.0], [3.0, 2.0]])
    >>> torch.linalg.eigvalsh(hessian).round(decimals=3)  # of both signs: a saddle
    tensor([-1.,  5.])
    """
    return eigh(A, UPLO).eigenvalues


@with_out
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    r"""Return the singular value decomposition.

    .. math:: A = U \operatorname{diag}(S) V_h

    With full_matrices=False U and Vh have as many vectors as there are singular values. Signs are
    arbitrary, as those of :func:`eigh`. Drivers are those of GPUs, and refused. Follows
    ``torch.linalg.svd``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), of float32 or float64.
    full_matrices
        Whether U and Vh are square.
    driver
        None.

    Returns
    -------
    A named triple ``(U, S, Vh)`` of shapes (..., n, n), (..., k) and (..., m, m), where k = min(n,
    m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = torch.tensor([[3.0, 0.0], [0.0, -4.0], [0.0, 0.0]])
    >>> u, s, vh = torch.linalg.svd(a, full_matrices=False)
    >>> s
    tensor([4., 3.])
    >>> torch.equal((u * s) @ vh, a)
    True
    """
    check_matrix(A)
    if driver is not None:
        raise RuntimeError(f"a driver ({driver!r}) can be chosen on GPUs only; leave it out")
    return SVD(*apply_multi(ops.svd, A, full_matrices=bool(full_matrices)))


@with_out
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the singular values, largest first. Follows ``torch.linalg.svdvals``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), of float32 or float64.
    driver
        None.

    Returns
    -------
    A tensor of shape (..., min(n, m)).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.svdvals(torch.tensor([[3.0, 0.0], [0.0, -4.0]]))
    tensor([4., 3.])
    """
    return svd(A, full_matrices=False, driver=driver).S


@with_out
def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Return orthonormal Q and upper triangular R with ``Q @ R = A``.

    In mode ``"complete"`` Q is square; in mode ``"r"`` it is left out (empty). Follows
    ``torch.linalg.qr``.

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), of float32 or float64.
    mode
        ``"reduced"``, ``"complete"`` or ``"r"``.

    Returns
    -------
    A named pair ``(Q, R)`` of shapes (..., n, k) and (..., k, m), where k = min(n, m), or n in mode
    ``"complete"``.

    Raises
    ------
    RuntimeError
        For mode ``"complete"`` of a matrix that requires grad and is higher than wide.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = torch.tensor([[3.0, 1.0], [4.0, 2.0]])
    >>> q, r = torch.linalg.qr(a)
    >>> torch.allclose(q @ r, a), torch.allclose(q.mT @ q, torch.eye(2), atol=1e-6)
    (True, True)
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), of float32 or float64.
    rcond
        An older name of rtol.
    hermitian
        Whether A is symmetric.
    atol, rtol
        The absolute and the relative tolerance.

    Returns
    -------
    A tensor of shape (..., m, n).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.pinv(torch.tensor([[2.0, 0.0], [0.0, 0.0]]))
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, m), of float32 or float64.
    B
        A tensor of shape (..., n, k), or (..., n) for one right side; of A's dtype.
    rcond
        Which part of the largest singular value counts as 0.
    driver
        ``"gels"``, ``"gelsy"``, ``"gelsd"`` or ``"gelss"``.

    Returns
    -------
    A named tuple ``(solution, residuals, rank, singular_values)``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x, y = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 3.0, 5.0])  # slope 2, offset 1
    >>> torch.linalg.lstsq(torch.stack([x, torch.ones(3)], 1), y).solution.round(decimals=3)
    tensor([2., 1.])
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

    Parameters
    ----------
    A
        A tensor of shape (..., n, n).
    n
        How many factors; 0 gives the identity.

    Returns
    -------
    A tensor of shape (..., n, n).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linalg.matrix_power(torch.tensor([[1, 1], [0, 1]]), 5)
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

    Parameters
    ----------
    A
        A tensor of the shape (*rows, *columns), the lengths of both multiplied alike.
    ind
        How many dimensions are rows.

    Returns
    -------
    A tensor of the shape (*columns, *rows).

    Raises
    ------
    RuntimeError
        When the first ``ind`` lengths and the others don't have one product.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = torch.eye(6).reshape(2, 3, 6)
    >>> torch.linalg.tensorinv(a).shape
    torch.Size([6, 2, 3])
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
    """Return the X for which ``tensordot(A, X, X.ndim) = B``. Follows PyTorch's of this name.

    Parameters
    ----------
    A
        A tensor of the shape (*rows, *columns), where rows is B's shape.
    B
        The right side.
    dims
        Dimensions of A that are moved to its end first.

    Returns
    -------
    A tensor of the shape (*columns).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> a = 2 * torch.eye(6).reshape(2, 3, 6)
    >>> torch.linalg.tensorsolve(a, torch.ones(2, 3))
    tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000])
    """
    a: Tensor = need_tensor("A", A)
    if dims is not None:
        a = a.movedim(tuple(dims), tuple(range(-len(dims), 0)))
    shape = a._array.shape[need_tensor("B", B).ndim :]
    count = math.prod(shape)
    if a.numel() != count * count:
        raise RuntimeError(f"A of shape {list(A.shape)} is no square map to shape {list(B.shape)}")
    return solve(a.reshape(count, count), B.flatten()).reshape(shape)
