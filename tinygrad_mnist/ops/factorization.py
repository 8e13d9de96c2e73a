"""Inverses, determinants and factorizations of matrices, by LAPACK, over leading batch dimensions.

Their rules are products of what forward has found, so they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.ops.contract import Domain, Op, Sample, op


class LinAlgError(RuntimeError):
    """A matrix is singular, or not positive-definite, or an iteration did not converge."""


REGULAR = Domain(-0.5, 0.5, diagonal=2.0)
SYMMETRIC = Domain(-0.5, 0.5, diagonal=2.0, symmetric=True)
_SQUARE = [Sample((3, 3)), Sample((2, 2, 2)), Sample((1, 1)), Sample((0, 2, 2))]


def _t(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _outer(columns: Any, rows: Any) -> Any:
    """Return the product of each column with its row: the same if both change their sign."""
    n = min(columns.shape[-1], rows.shape[-2])
    return _t(columns)[..., :n, :, None] * rows[..., :n, None, :]


_FAILURES: dict[Callable[..., Any], str] = {
    np.linalg.inv: "the inversion could not be completed because the input matrix is singular; "
    "pinv() has a pseudo-inverse for every matrix",
    np.linalg.solve: "the solver failed because the input matrix is singular; lstsq() finds the "
    "nearest solution for every matrix",
    np.linalg.cholesky: "the factorization could not be completed because the input is not "
    "positive-definite; add a small multiple of the identity if it ought to be",
    np.linalg.eigh: "the algorithm failed to converge because the input matrix is ill-conditioned "
    "or contained non-finite values",
    np.linalg.svd: "the algorithm failed to converge because the input matrix contained non-finite "
    "values",
}
"""Why a function of NumPy's raises."""


@array_function
def _lapack(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except np.linalg.LinAlgError:
        raise LinAlgError(f"{function.__name__}: {_FAILURES[function]}") from None


inv = op(
    "inv", lambda x: _lapack(np.linalg.inv, x), x=lambda g, out: -(_t(out) @ g @ _t(out)),
    doc="Inverse of a matrix.", formula="x**-1", torch="torch.linalg.inv(x)",
    samples=_SQUARE, domains=REGULAR, node_name="LinalgInvExBackward0",
)  # fmt: skip


solve: Op = op(
    "solve", lambda a, b: _lapack(np.linalg.solve, a, b),
    doc="Solution x of ``a @ x = b``, where the columns of b are right-hand sides.",
    a=lambda g, a, out: -(solve(_t(a), g) @ _t(out)),
    b=lambda g, a: solve(_t(a), g),
    formula="a**-1 @ b", torch="torch.linalg.solve(a, b)", broadcasts=True,
    samples=[
        Sample((3, 3), (3, 3)),
        Sample((2, 2, 2), (2, 1)),
        Sample((2, 2), (2, 2, 1)),
        Sample((0, 2, 2), (2, 1)),
    ],
    domains={"a": REGULAR, "b": Domain()},
)  # fmt: skip


def _triangle(x: Any, upper: bool, unitriangular: bool) -> Any:
    return np.triu(x, int(unitriangular)) if upper else np.tril(x, -int(unitriangular))


@array_function
def _solve_triangular(a: Any, b: Any, *, upper: bool, unitriangular: bool) -> Any:
    """Solution x of ``a @ x = b`` for a triangular matrix; its other elements are not read."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(x, batch + x.shape[-2:]) for x in (a, b))
    out = np.empty(b.shape, b.dtype)
    if out.size:
        trsm = late("scipy.linalg.blas").get_blas_funcs("trsm", (a, b))
        for i in np.ndindex(batch):
            out[i] = trsm(1.0, a[i], b[i], lower=not upper, diag=unitriangular)
    return out


def _triangular_b(g: Any, a: Any, upper: bool, unitriangular: bool) -> Any:
    return solve_triangular(_t(a), g, upper=not upper, unitriangular=unitriangular)


def _triangular_a(g: Any, a: Any, out: Any, upper: bool, unitriangular: bool) -> Any:
    full = _triangular_b(g, a, upper, unitriangular) @ _t(out)
    return -_triangle(full, upper, unitriangular)


solve_triangular: Op = op(
    "solve_triangular", _solve_triangular, a=_triangular_a, b=_triangular_b,
    formula="a**-1 @ b", broadcasts=True,
    torch="torch.linalg.solve_triangular(a, b, upper=upper, unitriangular=unitriangular)",
    samples=[
        Sample((3, 3), (3, 3), upper=True, unitriangular=False),
        Sample((2, 2, 2), (2, 1), upper=False, unitriangular=False),
        Sample((3, 3), (2, 3, 1), upper=False, unitriangular=True),
    ],
    domains={"a": REGULAR, "b": Domain()},
)  # fmt: skip


def _cholesky_rule(g: Any, out: Any) -> Any:
    inner = _t(out) @ g
    inner = (np.tril(inner) + _t(np.tril(inner, -1))) * 0.5
    half = solve_triangular(_t(out), inner, upper=True, unitriangular=False)
    return solve_triangular(_t(out), _t(half), upper=True, unitriangular=False)


cholesky = op(
    "cholesky", lambda x: _lapack(np.linalg.cholesky, x), x=_cholesky_rule,
    doc="Lower triangular l with ``l @ l.T = x``, for a symmetric positive-definite matrix.",
    formula="x = out @ out.T",
    torch="torch.linalg.cholesky(x)", samples=_SQUARE, domains=SYMMETRIC,
    node_name="LinalgCholeskyExBackward0",
)  # fmt: skip


def _cofactor(x: Any) -> Any:
    """Derivative of the determinant: also of a singular matrix, which has no inverse."""
    u, s, vh = _lapack(np.linalg.svd, x)
    others = np.stack([np.prod(np.delete(s, i, -1), -1) for i in range(s.shape[-1])], -1)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vh))
    return sign[..., None, None] * ((u * others[..., None, :]) @ vh)


def _cofactor_rule(g: Any, out: Any, x: Any) -> Any:
    inverse = _t(inv(x))
    along = np.sum(g * out, axis=(-1, -2), keepdims=True)
    return along * inverse - inverse @ _t(g) @ out


det = op(
    "det", lambda x: np.linalg.det(x), x=lambda g, x: g[..., None, None] * cofactor(x),
    doc="Determinant of a matrix.", formula="det(x)", torch="torch.linalg.det(x)",
    samples=_SQUARE[:3], domains=REGULAR, node_name="LinalgDetBackward0",
)  # fmt: skip
cofactor: Op = op(
    "cofactor", _cofactor, x=_cofactor_rule, formula="det(x) inv(x).T",
    torch="torch.linalg.det(x)[..., None, None] * torch.linalg.inv(x).mT",
    samples=_SQUARE[:3], domains=REGULAR, output_writable=True,
)  # fmt: skip


slogdet = op(
    "slogdet", lambda x: np.linalg.slogdet(x), outputs=["sign", "logabsdet"],
    x=lambda g, x: np.zeros_like(x) if g[1] is None else g[1][..., None, None] * _t(inv(x)),
    doc="Sign of the determinant, and the logarithm of its absolute value.",
    formula="sign(det(x)), log(abs(det(x)))", torch="torch.linalg.slogdet(x)",
    samples=_SQUARE, domains=REGULAR, node_name="LinalgSlogdetBackward0",
)  # fmt: skip


def _eigh_rule(g: Any, values: Any, vectors: Any) -> Any:
    g_values, g_vectors = g
    if g_vectors is None:
        return (vectors * g_values[..., None, :]) @ _t(vectors)
    diagonal = np.eye(values.shape[-1], dtype=bool)
    gaps = np.where(diagonal, 1, values[..., None, :] - values[..., :, None])
    turned = _t(vectors) @ g_vectors / gaps
    inner = np.where(diagonal, 0 if g_values is None else g_values[..., None, :], turned)
    return vectors @ inner @ _t(vectors)


eigh = op(
    "eigh", lambda x, *, upper: _lapack(np.linalg.eigh, x, "U" if upper else "L"),
    doc="Eigenvalues, smallest first, and eigenvectors (columns) of a symmetric matrix.",
    outputs=["values", "vectors"], x=_eigh_rule,
    formula="x = vectors @ diag(values) @ vectors.T",
    torch="tuple(torch.linalg.eigh(x, 'U' if upper else 'L'))",
    samples=[
        Sample((3, 3), upper=False),
        Sample((2, 2, 2), upper=True),
        Sample((1, 1), upper=False),
        Sample((0, 2, 2), upper=False),
    ],
    domains=SYMMETRIC, node_name="LinalgEighBackward0",
    invariant=lambda values, vectors: (values, _outer(vectors, _t(vectors))),
)  # fmt: skip


def _svd_rule(g: Any, u: Any, s: Any, vh: Any) -> Any:
    g_u, g_s, g_vh = g
    k = s.shape[-1]
    u, vh = u[..., :, :k], vh[..., :k, :]
    if g_u is None and g_vh is None:
        return (u * g_s[..., None, :]) @ vh
    diagonal = np.eye(k, dtype=bool)
    squares = s * s
    gaps = np.where(diagonal, 1, squares[..., None, :] - squares[..., :, None])
    inner = np.where(diagonal, 0 * s[..., None, :] if g_s is None else g_s[..., None, :], 0)
    beyond = 0
    if g_u is not None:
        g_u = g_u[..., :, :k]
        turned = _t(u) @ g_u
        inner = inner + (turned - _t(turned)) / gaps * s[..., None, :]
        if u.shape[-2] > k:
            beyond = (g_u - u @ turned) / s[..., None, :] @ vh
    if g_vh is not None:
        g_vh = g_vh[..., :k, :]
        turned = vh @ _t(g_vh)
        inner = inner + s[..., :, None] * ((turned - _t(turned)) / gaps)
        if vh.shape[-1] > k:
            beyond = u @ ((g_vh - _t(turned) @ vh) / s[..., :, None])
    return u @ inner @ vh + beyond


svd = op(
    "svd", lambda x, *, full_matrices: _lapack(np.linalg.svd, x, full_matrices),
    doc="Singular values, largest first, with left vectors (columns) and right vectors (rows).",
    outputs=["u", "s", "vh"], x=_svd_rule, formula="x = u @ diag(s) @ vh",
    torch="tuple(torch.linalg.svd(x, full_matrices))",
    samples=[
        Sample((3, 3), full_matrices=True),
        Sample((4, 2), full_matrices=False),
        Sample((2, 2, 3), full_matrices=False),
        Sample((0, 2, 2), full_matrices=False),
    ],
    domains=REGULAR, node_name="LinalgSvdBackward0",
    invariant=lambda u, s, vh: (s, _outer(u, vh), _outer(u, _t(u))),
)  # fmt: skip


def _qr_rule(g: Any, q: Any, r: Any) -> Any:
    g_q, g_r = g
    inner = -(_t(q) @ g_q) if g_r is None else g_r @ _t(r)
    if g_q is not None and g_r is not None:
        inner = inner - _t(q) @ g_q
    total = q @ (np.triu(inner) + _t(np.triu(inner, 1)))
    total = total if g_q is None else total + g_q
    return _t(solve_triangular(r, _t(total), upper=True, unitriangular=False))


qr = op(
    "qr", lambda x: np.linalg.qr(x), outputs=["q", "r"], x=_qr_rule, formula="x = q @ r",
    doc="Orthonormal columns q and upper triangular r, for a matrix that isn't wider than high.",
    torch="tuple(torch.linalg.qr(x))",
    samples=[Sample((3, 3)), Sample((4, 2)), Sample((2, 2, 2)), Sample((0, 2, 2))],
    domains=REGULAR, node_name="LinalgQrBackward0",
    invariant=lambda q, r: (_outer(q, r), _outer(q, _t(q))),
)  # fmt: skip


def _pinv(x: Any, *, rtol: float, atol: float) -> Any:
    """Pseudo-inverse: singular values up to max(atol, rtol * largest) count as 0."""
    u, s, vh = _lapack(np.linalg.svd, x, False)
    cutoff = np.maximum(rtol * np.max(s, axis=-1, keepdims=True, initial=0), atol)
    large = s > cutoff.astype(s.dtype)
    inverse = np.where(large, 1 / np.where(large, s, 1), 0)
    return (_t(vh) * inverse[..., None, :]) @ _t(u)


def _pinv_rule(g: Any, out: Any, x: Any) -> Any:
    left, right = _t(g) - x @ (out @ _t(g)), _t(g) - (_t(g) @ out) @ x
    rest = left @ out @ _t(out) + _t(out) @ (out @ right)
    return rest - _t(out) @ g @ _t(out)


pinv = op(
    "pinv", _pinv, x=_pinv_rule, formula="(x.T @ x)**-1 @ x.T, or its limit",
    torch="torch.linalg.pinv(x, rtol=rtol, atol=atol)",
    samples=[
        Sample((3, 3), rtol=1e-15, atol=0.0),
        Sample((4, 2), rtol=1e-15, atol=0.0),
        Sample((2, 2, 3), rtol=1e-15, atol=0.0),
    ],
    domains=REGULAR,
)  # fmt: skip
