"""NumPy's own functions on Tensors: NumPy's values, and derivatives of first and second order."""

from __future__ import annotations

import inspect
import re
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.special

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import gradcheck, gradgradcheck

# x (3, 4), y (3, 4), v (4,), w (4,) ascending, t (2, 3, 4), u (2, 4, 3), m (3, 3) symmetric and
# positive definite, n with NaN and infinities, p (3, 4) in (0, 1), c a number.
CALLS = """
np.abs(x); np.fabs(x); np.add(x, y); np.subtract(x, 2); np.multiply(x, y); np.divide(x, p);
np.true_divide(1, p); np.negative(x); np.positive(x); np.power(p, 3); np.power(p, x); np.power(2.0, x);
np.float_power(p, 2.5); np.exp(x); np.exp2(x); np.expm1(x); np.log(p); np.log2(p); np.log10(p);
np.log1p(p); np.sqrt(p); np.cbrt(x); np.square(x); np.reciprocal(p); np.sin(x); np.cos(x); np.tan(x);
np.arcsin(p); np.arccos(p); np.arctan(x); np.arctan2(x, y); np.sinh(x); np.cosh(x); np.tanh(x);
np.arcsinh(x); np.arccosh(p + 1); np.arctanh(p); np.hypot(x, y); np.degrees(x); np.radians(x);
np.deg2rad(x); np.rad2deg(x); np.maximum(x, y); np.minimum(x, y); np.fmax(x, y); np.fmin(x, y);
np.fmax(x, 0.1); np.logaddexp(x, y); np.logaddexp2(x, y); np.mod(x, 0.7); np.remainder(x, p);
np.fmod(x, 0.7); np.copysign(x, y); np.ldexp(x, 3); np.conj(x); np.conjugate(x); np.modf(x);
np.divmod(x, 0.7)[1]; np.sign(x); np.floor(x); np.ceil(x); np.rint(x); np.trunc(x); np.heaviside(x, 0.5);
np.floor_divide(x, 0.7); np.round(x, 1); np.around(x); np.fix(x); np.sinc(x); np.matmul(t, u);
np.vecdot(x, y); np.matvec(t, v); np.vecmat(v, u); np.nan_to_num(n, nan=1.0, posinf=2.0, neginf=-3.0); np.nan_to_num(f);
np.real(x); np.imag(x); np.real_if_close(x); np.clip(x, -0.5, 0.5); np.clip(x, None, 0.3);
np.clip(x, min=p, max=1.0); np.where(x > y, x, y); np.where([True, False, True, False], x, 0);
np.select([x > 0.5, x < -0.5], [x, 2 * y], 7.0); np.choose([0, 1, 0, 1], [v, w]);
np.piecewise(x, [x < 0, x >= 0], [lambda a: -a * a, lambda a: a**3]); np.i0(0.0) * x;
np.reshape(x, (2, 6)); np.reshape(x, (2, 6), order="F"); np.reshape(x, -1); np.ravel(x);
np.ravel(x, order="F"); np.transpose(t); np.transpose(t, (1, 2, 0)); np.permute_dims(t, (2, 0, 1));
np.matrix_transpose(t); np.swapaxes(t, 0, 2); np.moveaxis(t, 0, -1); np.moveaxis(t, (0, 1), (2, 0));
np.rollaxis(t, 2); np.rollaxis(t, 0, 3); np.rollaxis(t, 1, -1); np.expand_dims(x, 1);
np.expand_dims(x, (0, 2)); np.squeeze(x[None]); np.squeeze(x[:, None], 1); np.broadcast_to(v, (2, 3, 4));
np.broadcast_arrays(x, v)[1]; np.atleast_1d(c); np.atleast_2d(v); np.atleast_3d(x); np.atleast_3d(v);
np.atleast_2d(c, v)[0]; np.flip(t); np.flip(t, 1); np.flip(t, (0, 2)); np.flipud(x); np.fliplr(x);
np.rot90(x); np.rot90(t, 3, (0, 2)); np.rot90(x, 2); np.roll(x, 2); np.roll(x, 1, 1); np.roll(x, (1, 2), (0, 1));
np.repeat(x, 2); np.repeat(x, 2, axis=0); np.repeat(x, [1, 0, 2], axis=0); np.tile(x, 2); np.tile(v, (2, 3));
np.resize(x, (2, 7)); np.append(x, y); np.append(x, y, axis=1); np.append(v, [1.0, 2.0]); np.append(v, 3.0);
np.insert(v, 1, 5.0); np.insert(v, [0, 2], w[:2]); np.insert(x, 1, v, axis=0); np.delete(v, 1);
np.delete(x, [0, 2], axis=1); np.compress([True, False, True], x, axis=0); np.extract(x > 0, x);
np.take(x, [2, 0]); np.take(x, [0, -1], axis=1); np.take(v, [5, -9], mode="wrap"); np.take(v, 9, mode="clip");
np.take_along_axis(x, np.array([[1, 0, 0, 2]]), 0); np.tril(x); np.triu(x, 1); np.tril(t, -1); np.diag(v);
np.diag(v, 1); np.diag(x); np.diag(x, -1); np.diagflat(x, 1); np.diagonal(x); np.diagonal(t, 1, 1, 2);
np.trace(x); np.trace(x, 1); np.trace(t, 0, 1, 2); np.pad(x, 1); np.pad(x, ((1, 2), (0, 3)), "edge");
np.pad(x, 2, mode="reflect"); np.pad(v, (2, 3), "symmetric"); np.pad(v, 5, "wrap"); np.pad(v, 1, constant_values=3.0);
np.pad(x, ((0, 0), (1, 2)), constant_values=(1.0, 2.0)); np.concatenate([x, y]); np.concatenate([x, y], axis=None);
np.concat([x, y], axis=1); np.stack([x, y], axis=1); np.vstack([v, x]); np.hstack([x, y]); np.hstack([v, w]);
np.dstack([x, y]); np.column_stack([v, w, v]); np.block([[x, y], [y, x]]); np.block([v, 1.0]);
np.split(x, 2, axis=1)[1]; np.split(v, [1, 3])[1]; np.array_split(v, 3)[0]; np.hsplit(x, 2)[0];
np.vsplit(x, 3)[1]; np.dsplit(t, 2)[1]; np.unstack(x)[1]; np.unstack(t, axis=2)[0]; np.meshgrid(v, w)[0];
np.meshgrid(v, w, indexing="ij")[1]; np.sort(x); np.sort(x, axis=0); np.sort(x, axis=None); np.partition(v, 2);
np.partition(x, 1, axis=0); np.unique(v); np.sum(x); np.sum(x, axis=1, keepdims=True); np.sum(x, 0, initial=2.0);
np.sum(x, where=x > 0); np.sum(t, axis=(0, 2)); np.mean(x, 0); np.mean(x, 1, where=[True, False, True, True]);
np.prod(x, 1); np.prod(x, 0, initial=3.0); np.var(x); np.var(x, 1, ddof=1); np.var(x, 0, correction=1, keepdims=True);
np.std(x, axis=0); np.std(x, 1, ddof=2); np.var(x, 1, where=[True, True, False, True]); np.max(x); np.amax(x, 1);
np.min(x, axis=0, keepdims=True); np.amin(x); np.max(x, 1, initial=0.0); np.ptp(x); np.ptp(x, axis=1);
np.median(x); np.median(x, axis=0); np.median(t, axis=(0, 2), keepdims=True); np.quantile(x, 0.3);
np.quantile(x, [0.1, 0.8], axis=1); np.quantile(x, 0.37, axis=0, method="hazen"); np.quantile(v, 0.4, method="nearest");
np.quantile(v, 0.4, method="median_unbiased"); np.percentile(x, 25, axis=1, keepdims=True); np.percentile(t, [10, 90], (0, 1));
np.average(x); np.average(x, axis=1, weights=p[0]); np.average(x, axis=0, weights=p); np.cumsum(x); np.cumsum(x, axis=1);
np.cumprod(x); np.cumprod(x, axis=0); np.cumulative_sum(v, include_initial=True); np.cumulative_sum(x, axis=1);
np.cumulative_prod(v); np.nansum(f); np.nansum(f, axis=0); np.nanprod(f, axis=1); np.nanmean(f); np.nanmean(f, axis=1, keepdims=True);
np.nanvar(f); np.nanstd(f, axis=0, ddof=1); np.nanmax(f, axis=1); np.nanmin(f); np.nancumsum(f, axis=0); np.nancumprod(f);
np.nanmedian(f, axis=0); np.nanquantile(f, 0.3); np.nanpercentile(f, [20, 60], axis=1); np.diff(x); np.diff(v, 2);
np.diff(x, axis=0, prepend=1.0); np.diff(x, append=y); np.ediff1d(v); np.ediff1d(x, to_begin=1.0, to_end=[2.0, 3.0]);
np.gradient(v); np.gradient(x); np.gradient(x, 0.5, axis=1); np.gradient(v, [0.0, 1.0, 1.5, 3.0]); np.gradient(v, edge_order=2);
np.gradient(x, 2.0, [0.0, 1.0, 1.5, 3.0], edge_order=2); np.trapezoid(x); np.trapezoid(x, dx=0.5, axis=0); np.trapezoid(x, w);
np.trapezoid(v, w); np.interp(x, [-1.0, 0.0, 0.5], [3.0, 1.0, 2.0]); np.interp([0.2, 0.7], [0.0, 0.5, 0.6, 1.0], v);
np.interp(x, [-0.5, 0.0, 0.5, 0.6], v, left=0.0); np.unwrap(9 * v); np.dot(x, v); np.dot(v, w); np.dot(v, u); np.dot(x, y.T);
np.dot(t, u); np.dot(u, x); np.dot(2.0, x); np.dot(c, c); np.dot(t, v); np.inner(x, y); np.inner(t, v); np.inner(v, w); np.inner(c, x);
np.outer(x, v); np.vdot(x, y); np.kron(x, y); np.kron(v, x); np.kron(t, v); np.cross(x[:, :3], y[:, :3]);
np.cross(x, y[0:3], axis=0); np.cross(x[:, :3], v[:3]); np.cross(x.T, y, axisa=1, axisb=0); np.tensordot(x, y, 2);
np.tensordot(x, u, ([1], [1])); np.tensordot(t, u, ((1, 2), (2, 1))); np.tensordot(x, v, 1); np.tensordot(v, w, 0);
np.einsum("ij,kj->ik", x, y); np.einsum("ij->j", x); np.einsum("ii", m); np.einsum("bij,bjk", t, u);
np.einsum("...j,j", t, v); np.einsum(x, [0, 1], v, [1], [0]); np.einsum(x, [0, 1], y, [0, 1]);
np.einsum("ij,jk,kl->il", x, y.T, x, optimize=True); np.convolve(v, w); np.convolve(v, w[:2], "same"); np.convolve(v, w[:3], "valid");
np.convolve(v[:2], w); np.correlate(v, w[:2]); np.correlate(v[:2], w, "full"); np.correlate(v, w, "same"); np.correlate(v[:2], w, "same"); np.correlate(v[:3], w); np.polyval(v, x);
np.vander(v); np.vander(v, 3, increasing=True); np.linspace(c, 2 * c, 5); np.linspace(v, w, 4, axis=1); np.linspace(0.0, c, 3, endpoint=False);
np.logspace(c, 2 * c, 4); np.geomspace(p[0, 0], 3.0, 4); np.apply_along_axis(np.sum, 1, x); np.apply_along_axis(np.cumsum, 0, t);
np.cov(x); np.cov(v, w); np.cov(x, rowvar=False, ddof=0); np.cov(x, aweights=p[0]); np.corrcoef(x); np.corrcoef(v, w);
np.full_like(x, c); np.astype(x, np.float64); np.copy(x); np.zeros_like(x) + x; np.ones_like(x) * x;
np.linalg.inv(m); np.linalg.det(m); np.linalg.det(t[:, :, :3]); np.linalg.slogdet(m); np.linalg.solve(m, x);
np.linalg.solve(m, v[:3]); np.linalg.solve(t[:, :, :3], u[:, :3]); np.linalg.norm(x); np.linalg.norm(x, axis=1);
np.linalg.norm(v, 1); np.linalg.norm(v, np.inf); np.linalg.norm(v, 3); np.linalg.norm(x, "fro"); np.linalg.norm(x, "nuc");
np.linalg.norm(x, 2); np.linalg.norm(x, -2); np.linalg.norm(x, 1); np.linalg.norm(x, -np.inf); np.linalg.norm(t, 2, (0, 2), keepdims=True);
np.linalg.norm(t, axis=(1, 2)); np.linalg.norm(x, 1, axis=0, keepdims=True); np.linalg.matrix_norm(t); np.linalg.vector_norm(t, axis=(0, 1));
np.linalg.vector_norm(x, ord=3); np.linalg.cholesky(s(m)); np.linalg.eigh(s(m))[0]; np.abs(np.linalg.eigh(s(m))[1]); np.linalg.eigvalsh(s(m));
np.linalg.svd(x, compute_uv=False); np.linalg.svd(m)[1]; np.linalg.svdvals(x); np.abs(np.linalg.qr(m)[0]); np.abs(np.linalg.qr(m, "r"));
np.linalg.pinv(x); np.linalg.pinv(m); np.linalg.matrix_power(m, 3); np.linalg.matrix_power(m, -2); np.linalg.multi_dot([x, y.T, x, v]);
np.linalg.lstsq(x.T, v)[0]; np.linalg.lstsq(x.T, y.T)[1]; np.linalg.cond(m); np.linalg.cond(m, 1); np.linalg.trace(t); np.linalg.diagonal(t);
np.linalg.outer(v, w); np.linalg.cross(x[:, :3], y[:, :3]); np.linalg.matmul(t, u); np.linalg.tensordot(x, y, axes=2); np.linalg.vecdot(x, y);
np.linalg.matrix_transpose(t); np.linalg.tensorinv(np.reshape(m, (3, 3, 1)), ind=1); np.linalg.tensorsolve(m, v[:3]);
np.fft.fftshift(x); np.fft.ifftshift(x, 1); np.add.reduce(x); np.add.reduce(x, axis=1, keepdims=True); np.multiply.reduce(x, axis=1);
np.maximum.reduce(x, axis=None); np.add.accumulate(x, axis=1); np.multiply.accumulate(v); np.add.outer(v, x); np.multiply.outer(x, v);
np.subtract.outer(v, w); sp.expit(x); sp.logit(p); sp.erf(x); sp.erfc(x); sp.erfinv(p); sp.erfcinv(p); sp.ndtr(x); sp.ndtri(p);
sp.gammaln(p); sp.gamma(p + 1); sp.gamma(-p); sp.psi(p); sp.digamma(p); sp.xlogy(x, p); sp.xlog1py(x, p); sp.entr(p); sp.rel_entr(p, p.T.reshape(3, 4));
sp.kl_div(p, 1 - p); sp.betaln(p, 2.0); sp.log_expit(x); sp.exp10(x); sp.expm1(x); sp.log1p(p); sp.exp2(x); sp.cbrt(x)
"""


def arrays() -> dict[str, np.ndarray]:
    source = np.random.default_rng(3)
    root = source.standard_normal((3, 3))
    drawn = {name: source.standard_normal(shape) for name, shape in {
        "x": (3, 4), "y": (3, 4), "v": 4, "t": (2, 3, 4), "u": (2, 4, 3)}.items()}  # fmt: skip
    broken, gappy = source.standard_normal((2, 3)), source.standard_normal((3, 4))
    broken[0, :] = np.nan, np.inf, -np.inf
    gappy[[0, 1, 2], [1, 3, 0]] = np.nan
    return drawn | {
        "w": np.cumsum(source.uniform(0.3, 1, 4)), "p": source.uniform(0.1, 0.9, (3, 4)),
        "m": root @ root.T + np.diag([1.0, 2.0, 3.0]), "n": broken, "f": gappy, "c": np.array(0.7),
    }  # fmt: skip


def symmetric(a: Any) -> Any:
    return (a + a.T) / 2


def calls() -> list[str]:
    return [call.strip() for call in CALLS.split(";") if call.strip()]


def evaluate(call: str, values: dict[str, Any]) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = eval(call, {"np": np, "sp": scipy.special, "s": symmetric, **values})
    return list(out) if isinstance(out, tuple | list) else [out]


def available(call: str) -> bool:
    """Whether this version of NumPy and SciPy has the functions that a call names."""
    words = call.replace("(", " ").replace(",", " ").split()
    for word in words:
        module = {"np": np, "sp": scipy.special}.get(word.partition(".")[0])
        if module is not None and not hasattr(module, word.split(".")[1]):
            return False
    # NumPy's clip has these names since 2.1.
    return "np.clip(x, min=" not in call or "min" in inspect.signature(np.clip).parameters


@pytest.mark.parametrize("call", calls())
def test_numpy_function_has_numpys_values_and_two_derivatives(call: str) -> None:
    check(call)


@pytest.mark.slow
@pytest.mark.parametrize("call", calls())
def test_numpy_function_has_all_of_two_jacobians(call: str) -> None:
    check(call, slow=True)


def check(call: str, slow: bool = False) -> None:
    if not available(call):
        pytest.skip("a newer NumPy's")
    given = arrays()
    used = [name for name in given if re.search(rf"\b{name}\b", call)]
    expected = evaluate(call, {k: a.copy() for k, a in given.items()})
    tensors = {k: tg.tensor(a) for k, a in given.items()}
    for name in used:
        tensors[name].requires_grad_()
    found = evaluate(call, tensors)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        if isinstance(ours, tg.Tensor):
            assert ours.shape == np.shape(theirs)
            assert ours.numpy(force=True).dtype == np.asarray(theirs).dtype
        np.testing.assert_allclose(
            ours.numpy(force=True) if isinstance(ours, tg.Tensor) else ours,
            theirs,
            rtol=1e-10,
            atol=1e-12,
        )
    kept = [i for i, x in enumerate(found) if isinstance(x, tg.Tensor) and x.requires_grad]
    assert kept, "no gradient"
    inputs = {k: tensors[k] for k in used}
    if slow:
        inputs = {k: x for k, x in inputs.items() if not np.isnan(given[k]).any()}

    def function(*xs: Any) -> Any:
        out = evaluate(call, {**tensors, **dict(zip(inputs, xs, strict=True))})
        return tuple(out[i] for i in kept)

    if not slow:
        check_along_a_direction(function, list(inputs.values()))
    elif inputs:
        assert gradcheck(function, list(inputs.values()))
        assert gradgradcheck(function, list(inputs.values()))


def check_along_a_direction(function: Any, inputs: list[Any]) -> None:
    """Compare two derivatives with differences, along one direction: a few evaluations."""
    source = np.random.default_rng(7)
    there, here = ([tg.tensor(source.standard_normal(x.shape)) for x in inputs] for _ in range(2))
    weights = [tg.tensor(source.standard_normal(y.shape)) for y in function(*inputs)]

    def value(step: float) -> Any:
        moved = [
            (x.detach() + step * d).requires_grad_() for x, d in zip(inputs, there, strict=True)
        ]
        return moved, sum((y * w).sum() for y, w in zip(function(*moved), weights, strict=True))

    def slope(step: float) -> Any:
        moved, total = value(step)
        gradients = tg.autograd.grad(total, moved, create_graph=True, materialize_grads=True)
        return moved, gradients, sum((g * h).sum() for g, h in zip(gradients, here, strict=True))

    step = 1e-6
    with tg.no_grad():
        first = (value(step)[1] - value(-step)[1]).item() / (2 * step)
    second = (slope(step)[2] - slope(-step)[2]).item() / (2 * step)
    moved, gradients, total = slope(0.0)
    along = sum(g.nan_to_num().mul(d).sum() for g, d in zip(gradients, there, strict=True))
    assert along.item() == pytest.approx(first, rel=1e-4, abs=1e-6)
    if total.requires_grad:
        bends = tg.autograd.grad(total, moved, materialize_grads=True)
        along = sum(g.mul(d).sum() for g, d in zip(bends, there, strict=True))
        assert along.item() == pytest.approx(second, rel=1e-4, abs=1e-4)
    else:
        assert second == 0


def test_nan_to_num_takes_the_largest_numbers_for_infinities() -> None:
    n = arrays()["n"]
    found = np.nan_to_num(tg.tensor(n, requires_grad=True))
    np.testing.assert_array_equal(found.numpy(force=True), np.nan_to_num(n))


def test_functions_of_integer_tensors_are_numpys() -> None:
    x = tg.arange(6).reshape(2, 3)
    for call in ("np.mean(x)", "np.var(x, 1)", "np.sort(x)", "np.vstack([x, x])", "np.median(x)",
                 "np.linalg.norm(x)", "np.dot(x, x.T)", "np.tensordot(x, x)", "np.split(x, 2)[1]"):  # fmt: skip
        ours, theirs = evaluate(call, {"x": x})[0], evaluate(call, {"x": x.numpy()})[0]
        assert isinstance(ours, tg.Tensor)
        assert ours.numpy().dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs)


def test_a_view_is_one_of_the_tensor_too() -> None:
    for view in ("np.split(x, 2)[0]", "np.diagonal(x)", "np.atleast_3d(x)", "np.rollaxis(x, 1)",
                 "np.ravel(x)", "np.unstack(x)[0]", "np.reshape(x, 4)", "np.expand_dims(x, 0)"):  # fmt: skip
        if not available(view):
            continue
        for x in (
            tg.zeros(2, 2),
            tg.zeros(2, 2, dtype=tg.int64),
            tg.ones(2, 2).requires_grad_() * 0,
        ):
            y = eval(view, {"np": np, "x": x})
            y += 1
            assert x.sum() == y.numel()
            assert x.requires_grad == y.requires_grad


def test_a_write_to_a_view_of_what_a_graph_needs_is_seen() -> None:
    x, w = tg.zeros(4), tg.ones(4, requires_grad=True)
    for write in (lambda: np.split(x, 2)[0].add_(1), lambda: np.fill_diagonal(x.view(2, 2), 5.0)):
        y = (w * x).sum()
        write()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


def test_questions_about_tracked_tensors_are_answered() -> None:
    x = tg.tensor([3.0, 1.0, 2.0], requires_grad=True)
    plain = x.detach().numpy()
    for call in ("np.argsort(x)", "np.isclose(x, 1)", "np.allclose(x, x)", "np.nonzero(x > 1)[0]",
                 "np.searchsorted([1.5], x)", "np.count_nonzero(x)", "np.where(x > 1)[0]", "np.signbit(x)",
                 "np.histogram(x, 2)[0]", "np.array_equal(x, x)", "np.argmax(x)", "np.size(x)",
                 "np.shape(x)", "np.isnan(x)", "np.ndim(x)"):  # fmt: skip
        ours, theirs = (eval(call, {"np": np, "x": v}) for v in (x, plain))
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_what_has_no_gradient_is_refused_in_a_sentence() -> None:
    x = tg.ones(3, requires_grad=True)
    for call, words in (
        ("np.fft.fft(x)", "np.fft.fft: has no derivative here"),
        ("np.linalg.eig(x[None])", "np.linalg.eig: has no derivative here"),
        ("np.put(x, 0, 1.0)", "np.put: has no derivative"), ("np.pad(x, 1, 'mean')", "np.pad: mode 'mean'"),
        ("np.vstack([x], dtype=float)", "dtype="), ("np.interp(x, x, x, period=1)", "period="),
        ("np.add.at(x, 0, 1.0)", "np.add.at: has no derivative"),
    ):  # fmt: skip
        with pytest.raises((TypeError, RuntimeError), match=re.escape(words)):
            eval(call, {"np": np, "x": x})
