"""Linear algebra beside PyTorch's: values, gradients, second derivatives, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import functional, grad, gradcheck, gradgradcheck

INF = math.inf
Shapes = tuple[tuple[int, ...], ...]


def spd(x: Any) -> Any:
    """Make a symmetric positive-definite matrix."""
    return x @ x.mT + _eye(x)


def _eye(x: Any) -> Any:
    return (x * 0).masked_fill(_mask(x), 1.0)


def _mask(x: Any) -> Any:
    library = tg if isinstance(x, tg.Tensor) else __import__("torch")
    return library.tensor(np.eye(x.shape[-1], dtype=bool))


def regular(x: Any) -> Any:
    """Make a square matrix well conditioned."""
    return x + 3 * _eye(x)


def projections(u: Any) -> Any:
    """Return what of orthonormal columns doesn't depend on their signs."""
    return u.unsqueeze(-2) * u.unsqueeze(-3)


def _svd(t: Any, x: Any, full: bool) -> Any:
    u, s, vh = t.linalg.svd(x, full_matrices=full)
    k = s.shape[-1]
    rebuilt = (u[..., :k] * s.exp().unsqueeze(-2)) @ vh[..., :k, :]
    return rebuilt, s


def _old_svd(t: Any, x: Any) -> Any:
    u, s, v = t.svd(x)
    return (u * s.exp().unsqueeze(-2)) @ v.mT


def _eigh(t: Any, x: Any, uplo: str) -> Any:
    values, vectors = t.linalg.eigh(x + x.mT, uplo)
    return values, (vectors * values.exp().unsqueeze(-2)) @ vectors.mT


def _qr(t: Any, x: Any, mode: str) -> Any:
    q, r = t.linalg.qr(x, mode)
    return projections(q), q.sum(-2).unsqueeze(-1) * r


CASES: dict[str, tuple[Callable[..., Any], Shapes]] = {
    "inv": (lambda t, x: t.linalg.inv(regular(x)), ((2, 3, 3),)),
    "inverse": (lambda t, x: regular(x).inverse() + t.inverse(regular(x)), ((3, 3),)),
    "det": (lambda t, x: t.linalg.det(x) + x.det() * t.det(x), ((2, 3, 3),)),
    "slogdet": (lambda t, x: t.linalg.slogdet(x).logabsdet + x.slogdet()[1], ((2, 3, 3),)),
    "logdet": (lambda t, x: t.logdet(spd(x)) + spd(x).logdet(), ((2, 2),)),
    "logdet of what may be negative": (lambda t, x: t.logdet(x), ((6, 2, 2),)),
    "solve": (lambda t, a, b: t.linalg.solve(regular(a), b), ((3, 3), (3, 2))),
    "solve vector": (lambda t, a, b: t.linalg.solve(regular(a), b), ((3, 3), (3,))),
    "solve vectors": (lambda t, a, b: t.linalg.solve(regular(a), b), ((2, 3, 3), (2, 3))),
    "solve one vector": (lambda t, a, b: t.linalg.solve(regular(a), b), ((2, 3, 3), (3,))),
    "solve broadcast": (lambda t, a, b: t.linalg.solve(regular(a), b), ((3, 3), (2, 3, 1))),
    "solve right": (
        lambda t, a, b: t.linalg.solve(regular(a), b, left=False), ((3, 3), (2, 3))
    ),
    "solve_triangular": (
        lambda t, a, b: t.linalg.solve_triangular(regular(a), b, upper=True), ((3, 3), (3, 2))
    ),
    "solve_triangular right": (
        lambda t, a, b: t.linalg.solve_triangular(
            a, b, upper=False, left=False, unitriangular=True
        ),
        ((2, 3, 3), (2, 3)),
    ),
    "cholesky": (lambda t, x: t.linalg.cholesky(spd(x)) + t.cholesky(spd(x)), ((2, 3, 3),)),
    "cholesky upper": (
        lambda t, x: t.linalg.cholesky(spd(x), upper=True) + spd(x).cholesky(True), ((3, 3),)
    ),
    "cholesky_solve": (
        lambda t, a, b: t.cholesky_solve(b, t.linalg.cholesky(spd(a))), ((3, 3), (3, 2))
    ),
    "cholesky_inverse": (lambda t, a: t.cholesky_inverse(regular(a).triu(), True), ((3, 3),)),
    "eigh": (lambda t, x: _eigh(t, x, "L"), ((2, 3, 3),)),
    "eigh upper": (lambda t, x: _eigh(t, x, "u"), ((3, 3),)),
    "eigvalsh": (lambda t, x: t.linalg.eigvalsh(x + x.mT), ((2, 3, 3),)),
    "svd": (lambda t, x: _svd(t, x, False), ((2, 4, 3),)),
    "svd wide": (lambda t, x: _svd(t, x, False), ((2, 3),)),
    "svd full": (lambda t, x: _svd(t, x, True), ((4, 2),)),
    "svdvals": (lambda t, x: t.linalg.svdvals(x), ((2, 3, 2),)),
    "old svd": (_old_svd, ((3, 2),)),
    "qr": (lambda t, x: _qr(t, x, "reduced"), ((2, 4, 3),)),
    "qr wide": (lambda t, x: _qr(t, x, "reduced"), ((2, 4),)),
    "qr complete": (lambda t, x: _qr(t, x, "complete"), ((3, 3),)),
    "old qr": (lambda t, x: t.qr(x)[0] @ t.qr(x)[1], ((3, 2),)),
    "pinv": (lambda t, x: t.linalg.pinv(x), ((2, 4, 2),)),
    "pinv wide": (lambda t, x: t.pinverse(x), ((2, 4),)),
    "pinv cut": (lambda t, x: t.linalg.pinv(x @ x.mT, rtol=1e-6), ((3, 2),)),
    "lstsq": (lambda t, a, b: t.linalg.lstsq(a, b).solution, ((4, 2), (4, 3))),
    "lstsq wide": (lambda t, a, b: t.linalg.lstsq(a, b).solution, ((2, 4), (2, 3))),
    "matrix_power": (lambda t, x: t.linalg.matrix_power(x, 5), ((2, 2, 2),)),
    "matrix_power one": (lambda t, x: x.matrix_power(1), ((2, 2),)),
    "matrix_power back": (lambda t, x: t.matrix_power(regular(x), -2), ((3, 3),)),
    "cond": (lambda t, x: t.linalg.cond(x), ((2, 3, 2),)),
    "cond -2": (lambda t, x: t.linalg.cond(x, -2), ((3, 3),)),
    "cond fro": (lambda t, x: t.linalg.cond(regular(x), "fro"), ((2, 3, 3),)),
    "cond 1": (lambda t, x: t.linalg.cond(regular(x), 1), ((3, 3),)),
    "norm": (lambda t, x: t.linalg.norm(x), ((2, 3, 2),)),
    "norm of vectors": (lambda t, x: t.linalg.norm(x, 3, dim=1), ((2, 3, 2),)),
    "norm of matrices": (lambda t, x: t.linalg.norm(x, "nuc", dim=(0, -1)), ((2, 2, 3),)),
    "norm of a matrix": (lambda t, x: t.linalg.norm(x, 2), ((2, 3),)),
    "multi_dot": (lambda t, *xs: t.linalg.multi_dot(xs), ((2, 3), (3, 4), (4, 2), (2, 2))),
    "multi_dot vectors": (lambda t, *xs: t.linalg.multi_dot(xs), ((3,), (3, 4), (4, 2), (2,))),
    "chain_matmul": (lambda t, *xs: t.chain_matmul(*xs), ((2, 3), (3, 4), (4, 2))),
    "cross": (lambda t, x, y: t.linalg.cross(x, y), ((2, 3), (1, 3))),
    "cross first": (lambda t, x, y: t.cross(x, y) + x.cross(y, 0), ((3, 3), (3, 3))),
    "vecdot": (lambda t, x, y: t.linalg.vecdot(x, y, dim=0), ((2, 3), (2, 1))),
    "diagonal": (lambda t, x: t.linalg.diagonal(x, offset=1), ((2, 2, 3),)),
    "diagonal other": (
        lambda t, x: t.linalg.diagonal(x, offset=-1, dim1=0, dim2=1), ((3, 4, 2),)
    ),
    "diagonal outside": (lambda t, x: t.linalg.diagonal(x, offset=5) * 1, ((3, 4),)),
    "matmul": (lambda t, x, y: t.linalg.matmul(x, y), ((2, 3), (3,))),
    "trace": (lambda t, x: t.trace(x) * x.trace(), ((2, 3),)),
    "kron": (lambda t, x, y: t.kron(x, y), ((2, 3), (2, 1, 2))),
    "inner": (lambda t, x, y: t.inner(x, y), ((2, 3), (2, 2, 3))),
    "inner scalar": (lambda t, x, y: t.inner(x, y), ((2, 3), ())),
    "vdot": (lambda t, x, y: t.vdot(x, y), ((3,), (3,))),
    "ger": (lambda t, x, y: t.ger(x, y), ((3,), (2,))),
    "addmm": (lambda t, x, y, z: t.addmm(x, y, z, beta=0.5, alpha=2), ((4,), (2, 3), (3, 4))),
    "addmv": (lambda t, x, y, z: t.addmv(x, y, z, beta=0.5, alpha=2), ((2,), (2, 3), (3,))),
    "addr": (lambda t, x, y, z: t.addr(x, y, z, beta=0.5, alpha=2), ((), (2,), (3,))),
    "baddbmm": (
        lambda t, x, y, z: t.baddbmm(x, y, z, beta=0.5, alpha=2), ((1, 4), (2, 2, 3), (2, 3, 4))
    ),
    "addbmm": (
        lambda t, x, y, z: t.addbmm(x, y, z, beta=0.5, alpha=2), ((2, 4), (2, 2, 3), (2, 3, 4))
    ),
    "cov": (lambda t, x: t.cov(x), ((2, 4),)),
    "cov of one": (lambda t, x: t.cov(x, correction=0), ((4,),)),
    "cov weighted": (
        lambda t, x: t.cov(
            x, fweights=t.tensor([1, 2, 1, 3]),
            aweights=t.tensor([0.5, 1.0, 2.0, 1.0], dtype=t.float64),
        ),
        ((2, 4),),
    ),
    "corrcoef": (lambda t, x: t.corrcoef(x)[0], ((2, 4),)),
}  # fmt: skip

for _p in (0, 2, 1, INF, -INF, 3, 0.5, -1):
    CASES[f"vector_norm {_p}"] = (
        lambda t, x, p=_p: t.linalg.vector_norm(x, p, (0, -1)) + x.norm(p), ((2, 3, 2),)
    )  # fmt: skip
for _q in ("fro", "nuc", 2, -2, 1, -1, INF, -INF):
    CASES[f"matrix_norm {_q}"] = (
        lambda t, x, q=_q: t.linalg.matrix_norm(x, q) + t.linalg.matrix_norm(x, q, (-1, 1), True),
        ((2, 3, 2),),
    )


BROKEN = ["cond fro", "cond 1", "vector_norm 0"]
"""Those that PyTorch can't differentiate: it changes what it has saved, or loses the input."""


def listed(out: Any) -> list[Any]:
    return list(out) if isinstance(out, tuple) else [out]


def leaves(library: Any, shapes: Shapes, dtype: str = "float64") -> list[Any]:
    source = np.random.default_rng(3)
    arrays = [source.uniform(-1, 1, shape).astype(dtype) for shape in shapes]
    return [library.tensor(a).requires_grad_() for a in arrays]


def plain(x: Any) -> Any:
    """Return the numbers of a tensor, whichever library it is of; 0 for none."""
    if x is None:
        return np.zeros(())
    return x.detach().numpy() if isinstance(x, tg.Tensor) else x.numpy(force=True)


@pytest.mark.filterwarnings("ignore")  # PyTorch's deprecations
@pytest.mark.parametrize("name", [name for name in CASES if name not in BROKEN])
def test_values_and_gradients_of_two_orders_are_those_of_pytorch(name: str, torch: Any) -> None:
    """Each function of linear algebra, and two orders of its derivatives, agree with PyTorch."""
    call, shapes = CASES[name]
    results = []
    for library, differentiate in ((tg, grad), (torch, torch.autograd.grad)):
        xs = leaves(library, shapes)
        outs = listed(call(library, *xs))
        source = np.random.default_rng(1)
        gs = [library.tensor(source.standard_normal(tuple(out.shape))) for out in outs]
        first = differentiate(outs, xs, gs, create_graph=True)
        total = sum((a * a).sum() for a in first)
        second = [a * 0 for a in first]
        if total.requires_grad:
            second = differentiate(total, xs, allow_unused=True)
        results.append([*outs, *first, *second])
    for a, b in zip(*results, strict=True):
        assert a is None or b is None or tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(plain(a), plain(b), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name: str) -> None:
    call, shapes = CASES[name]
    if name == "cov weighted":
        pytest.skip("its weights are float64")
    xs = leaves(tg, shapes, "float32")
    outs = listed(call(tg, *xs))
    gradients = grad([out.sum() for out in outs], xs)
    assert {x.dtype for x in (*outs, *gradients)} == {tg.float32}


@pytest.mark.parametrize("name", BROKEN)
def test_values_of_the_others_are_those_of_pytorch(name: str, torch: Any) -> None:
    call, shapes = CASES[name]
    ours, theirs = (plain(call(library, *leaves(library, shapes))) for library in (tg, torch))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["svd full", "qr wide", "lstsq", "cov weighted", "cond 1", "cond fro"]
)
def test_composites_agree_with_differences(name: str) -> None:
    call, shapes = CASES[name]
    assert gradcheck(lambda *xs: call(tg, *xs), leaves(tg, shapes))
    assert gradgradcheck(lambda *xs: call(tg, *xs), leaves(tg, shapes))


def test_jacobian_goes_through_solve_and_hessian_through_logdet() -> None:
    """d(A⁻¹b)/db = A⁻¹, and the Hessian of log det at the identity has the trace's form."""
    a, b = leaves(tg, ((3, 3), (3,)))
    a = regular(a.detach())
    jacobian = functional.jacobian(lambda v: tg.linalg.solve(a, v), b.detach())
    np.testing.assert_allclose(jacobian.numpy(), np.linalg.inv(a.numpy()), rtol=1e-12)
    hessian = functional.hessian(tg.logdet, a).reshape(9, 9).numpy()
    inverse = np.linalg.inv(a.numpy())
    np.testing.assert_allclose(
        hessian, -np.einsum("li,jk->ijkl", inverse, inverse).reshape(9, 9), rtol=1e-10, atol=1e-12
    )
    hessian_by_func = tg.func.hessian(tg.logdet)(a).reshape(9, 9).numpy()
    np.testing.assert_allclose(hessian_by_func, hessian, rtol=1e-12)


@pytest.mark.parametrize("p", [2, 1, 3, 1.5, 0.5, INF, "fro"])
def test_norm_at_zero_has_gradient_zero(p: Any, torch: Any) -> None:
    """At zero, where it has a kink, every norm's gradient is PyTorch's, and never NaN."""
    results = []
    for library in (tg, torch):
        x = library.zeros(2, 2, requires_grad=True)
        x.norm(p, dim=-1).sum().backward()
        results.append(x.grad.numpy())
    assert not np.isnan(results[0]).any()
    np.testing.assert_array_equal(*results)


def test_gradient_of_det_is_exact_where_there_is_no_inverse() -> None:
    a = tg.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]], dtype=tg.float64)
    (g,) = grad(tg.det(a.requires_grad_()), a)
    expected = [[4.0, 4.0, -4.0], [-2.0, -2.0, 2.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(g.numpy(), expected, atol=1e-12)


def test_equal_eigenvalues_have_gradients_though_their_vectors_have_none() -> None:
    for function in (tg.linalg.eigvalsh, tg.linalg.svdvals):
        x = tg.eye(3, requires_grad=True)
        function(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-6)


def test_results_are_named_as_in_pytorch() -> None:
    x = tg.eye(2)
    assert tg.linalg.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert tg.linalg.svd(x)._fields == ("U", "S", "Vh")
    assert tg.svd(x)._fields == ("U", "S", "V")
    assert tg.linalg.qr(x)._fields == ("Q", "R")
    assert tg.linalg.slogdet(x)._fields == ("sign", "logabsdet")
    named = ("solution", "residuals", "rank", "singular_values")
    assert tg.linalg.lstsq(x, x)._fields == named


@pytest.mark.parametrize("driver", [None, "gelsy", "gelss", "gelsd", "gels"])
@pytest.mark.parametrize("shapes", [((4, 2), (4, 3)), ((2, 4), (2, 3)), ((2, 4, 2), (2, 4))])
def test_lstsq_returns_what_the_driver_returns(driver: Any, shapes: Any, torch: Any) -> None:
    for a, b in zip(*[
        library.linalg.lstsq(*(x.detach() for x in leaves(library, shapes)), driver=driver)
        for library in (tg, torch)
    ], strict=True):  # fmt: skip
        assert (tuple(a.shape), str(a.dtype)) == (tuple(b.shape), str(b.dtype))
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9)


@pytest.mark.parametrize("settings", [{}, {"hermitian": True}, {"tol": 3.5}, {"atol": 1.5}])
def test_rank_counts_singular_values(settings: Any, torch: Any) -> None:
    stack = np.stack([np.ones((3, 3)), np.eye(3), np.diag([1.0, 2.0, 3.0]), np.zeros((3, 3))])
    ours = tg.linalg.matrix_rank(tg.tensor(stack), **settings)
    theirs = torch.linalg.matrix_rank(torch.tensor(stack), **settings)
    assert ours.tolist() == theirs.tolist()
    assert str(ours.dtype) == str(theirs.dtype)


EMPTY = ["inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "svd", "svdvals", "qr", "pinv",
         "matrix_rank", "cond"]  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("shape", [(0, 0), (0, 2, 2), (2, 0, 0)])
def test_empty_matrices_and_batches_give_what_they_give_in_pytorch(
    name: str, shape: Any, torch: Any
) -> None:
    ours = listed(getattr(tg.linalg, name)(tg.zeros(shape)))
    theirs = listed(getattr(torch.linalg, name)(torch.zeros(shape)))
    for a, b in zip(ours, theirs, strict=True):
        assert (tuple(a.shape), str(a.dtype)) == (tuple(b.shape), str(b.dtype))
        np.testing.assert_array_equal(a.numpy(), b.numpy())


SINGULAR = [
    ("inv", lambda t: t.linalg.inv(t.ones(2, 2))),
    ("inv in a batch", lambda t: t.linalg.inv(t.stack([t.eye(2), t.ones(2, 2)]))),
    ("solve", lambda t: t.linalg.solve(t.zeros(2, 2), t.ones(2))),
    ("cholesky", lambda t: t.linalg.cholesky(-t.eye(2))),
    ("matrix_power", lambda t: t.matrix_power(t.zeros(2, 2), -1)),
    ("svd", lambda t: t.linalg.svd(t.full((2, 2), math.nan))),
    ("lstsq", lambda t: t.linalg.lstsq(t.ones(3, 2), t.ones(3, 1), driver="gels")),
]


@pytest.mark.parametrize(("name", "call"), SINGULAR, ids=lambda x: x if isinstance(x, str) else "")
def test_what_cannot_be_computed_raises_linalg_error(name: str, call: Any, torch: Any) -> None:
    assert issubclass(tg.linalg.LinAlgError, RuntimeError)
    with pytest.raises(tg.linalg.LinAlgError, match=r"^(linalg\.)?\w+: .* "):
        call(tg)
    with pytest.raises(torch.linalg.LinAlgError):
        call(torch)


def test_singular_matrices_with_an_answer_give_it(torch: Any) -> None:
    for t in (tg, torch):
        assert t.linalg.det(t.zeros(2, 2)).item() == 0
        sign, size = t.linalg.slogdet(t.zeros(2, 2))
        assert (sign.item(), size.item()) == (0, -INF)
        assert t.logdet(t.zeros(2, 2)).item() == -INF
        assert math.isnan(t.logdet(t.tensor([[0.0, 1.0], [1.0, 0.0]])).item())
        assert t.linalg.cond(t.zeros(2, 2), 1).item() == INF
        out = t.linalg.solve_triangular(t.zeros(1, 1), t.ones(1, 1), upper=True)
        assert out.item() == INF


REFUSED = [
    (lambda t: t.linalg.inv(t.ones(2)), RuntimeError, "at least 2 dimensions"),
    (lambda t: t.linalg.inv(t.ones(2, 3)), RuntimeError, "square"),
    (lambda t: t.linalg.inv(t.ones(2, 2).long()), RuntimeError, "floating point"),
    (lambda t: t.linalg.svd(t.ones(2, 2).half()), NotImplementedError, "low precision"),
    (lambda t: t.linalg.inv([[1.0]]), TypeError, "Tensor"),
    (lambda t: t.linalg.solve(t.eye(3), t.ones(2)), RuntimeError, "AX = B"),
    (lambda t: t.linalg.solve(t.eye(3), t.ones(3), left=False), RuntimeError, "XA = B"),
    (lambda t: t.linalg.solve(t.eye(3), t.ones(3).double()), RuntimeError, "same dtype"),
    (lambda t: t.linalg.solve_triangular(t.eye(3), t.ones(3), upper=True), RuntimeError, "2 dim"),
    (lambda t: t.linalg.solve_triangular(t.eye(3), t.ones(3, 1)), TypeError, "upper"),
    (lambda t: t.linalg.eigh(t.eye(3), "x"), RuntimeError, "UPLO"),
    (lambda t: t.linalg.qr(t.eye(3), "x"), RuntimeError, "mode"),
    (lambda t: t.linalg.lstsq(t.ones(4, 2), t.ones(3, 2)), RuntimeError, "."),
    (lambda t: t.linalg.lstsq(t.ones(4, 2), t.ones(4, 2), driver="x"), RuntimeError, "driver"),
    (lambda t: t.linalg.norm(t.ones(2, 2, 2), 2), RuntimeError, "dim"),
    (lambda t: t.linalg.norm(t.ones(2, 2), 3), RuntimeError, "3"),
    (lambda t: t.linalg.norm(t.ones(2), "fro"), RuntimeError, "."),
    (lambda t: t.linalg.vector_norm(t.ones(2).long()), RuntimeError, "floating point"),
    (lambda t: t.linalg.matrix_norm(t.ones(2)), RuntimeError, "2 dimensions"),
    (lambda t: t.linalg.matrix_norm(t.ones(2, 2), dim=(0, 0)), RuntimeError, "dim"),
    (lambda t: t.linalg.multi_dot([t.ones(2, 2)]), RuntimeError, "at least 2 tensors"),
    (lambda t: t.linalg.multi_dot([t.ones(2, 3)] * 2), RuntimeError, "cannot be multiplied"),
    (lambda t: t.linalg.cross(t.ones(2, 3), t.ones(3)), RuntimeError, "same number of dimensions"),
    (lambda t: t.linalg.cross(t.ones(3, 2), t.ones(3, 2)), RuntimeError, "length 3"),
    (lambda t: t.cross(t.ones(2, 2), t.ones(2, 2)), RuntimeError, "no dimension of size 3"),
    (lambda t: t.linalg.vecdot(t.ones(3).long(), t.ones(3).long()), RuntimeError, "floating"),
    (lambda t: t.linalg.diagonal(t.ones(2, 2), dim1=0, dim2=-2), RuntimeError, "."),
    (lambda t: t.matrix_power(t.eye(2), 2.0), TypeError, "int"),
    (lambda t: t.matrix_power(t.ones(2, 3), 2), RuntimeError, "square"),
    (lambda t: t.trace(t.ones(2)), RuntimeError, "matrix"),
    (lambda t: t.inner(t.ones(2, 3), t.ones(2)), RuntimeError, "last dimension must match"),
    (lambda t: t.cov(t.ones(2, 2, 2)), RuntimeError, "two or fewer dimensions"),
    (lambda t: t.mm(t.ones(2, 3), t.ones(3)), RuntimeError, "."),
    (lambda t: t.mm(t.ones(2, 3), t.ones(2, 3)), RuntimeError, "."),
    (lambda t: t.mm(t.ones(2, 3), t.ones(3, 2).double()), RuntimeError, "same dtype"),
    (lambda t: t.mv(t.ones(2, 3), t.ones(3, 2)), RuntimeError, "."),
    (lambda t: t.dot(t.ones(2), t.ones(3)), RuntimeError, "."),
    (lambda t: t.vdot(t.ones(2, 2), t.ones(2, 2)), RuntimeError, "."),
    (lambda t: t.bmm(t.ones(2, 2, 3), t.ones(1, 3, 2)), RuntimeError, "."),
    (lambda t: t.matmul(t.ones(2), 2), TypeError, "must be Tensor"),
    (lambda t: t.matmul(t.tensor(1.0), t.ones(2)), RuntimeError, "."),
    (lambda t: t.ones(2, 2) @ 2, TypeError, "."),
    (lambda t: t.addmm(t.ones(5), t.ones(2, 3), t.ones(3, 4)), RuntimeError, "expand"),
    (lambda t: t.addmm(t.ones(3, 2, 4), t.ones(2, 3), t.ones(3, 4)), RuntimeError, "expand"),
    (lambda t: t.addmm(t.ones(4).double(), t.ones(2, 3), t.ones(3, 4)), RuntimeError, "dtype"),
    (lambda t: t.addmv(t.ones(2), t.ones(2, 3), t.ones(2)), RuntimeError, "."),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED)
def test_what_does_not_fit_is_refused_with_a_sentence(
    call: Any, error: Any, words: str, torch: Any
) -> None:
    """PyTorch refuses the same, with the same type of exception."""
    with pytest.raises(error, match=words):
        call(tg)
    with pytest.raises(error):
        call(torch)


def test_beta_zero_ignores_what_is_there() -> None:
    bias = tg.full((2,), math.nan)
    assert tg.addmm(bias, tg.eye(2), tg.eye(2), beta=0).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_complete_qr_is_refused_where_a_gradient_would_be_lost() -> None:
    x = tg.ones(3, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="not differentiable when mode='complete'"):
        tg.linalg.qr(x, "complete")
    q, r = tg.linalg.qr(x.detach(), "complete")
    np.testing.assert_allclose((q @ r).numpy(), np.ones((3, 2)), rtol=1e-6)
