"""Functions that few programs call: values and gradients beside PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import gradcheck, gradgradcheck

DIFFERENTIABLE = """
m.copysign(x, y); m.copysign(x, -1.0); x.copysign(-y); m.ldexp(x, i); m.ldexp(x, y);
m.logaddexp2(x, y); m.logaddexp2(x, y * 100); m.angle(x); m.conj(x); x.conj_physical();
m.real(x); m.rsub(x, y); m.rsub(x, 2, alpha=3); m.diagflat(x, 1); m.diagflat(x[0]); x.adjoint();
x.H; x.split_with_sizes([1, 2], 1)[1]; x.narrow_copy(1, 0, 2); m.dsplit(x.reshape(1, 1, 6), 2)[1];
m.dsplit(x.reshape(1, 2, 3), (1, 2))[2]; m.select_scatter(x, y[0], 0, 1);
m.slice_scatter(x, y[:, :2], 1, 1); m.slice_scatter(x, y[:1], 0, 1, 2);
m.diagonal_scatter(x, y[0, :2]); x.diagonal_scatter(y[0, :2], 1); m.fill(x, 2) * x;
x.put(m.tensor([0, 4]), y[0, :2]); x.put(m.tensor([[0, 0]]), y[:1, :2], accumulate=True);
m.renorm(x, 2, 0, 1.0); m.renorm(x, 1, 1, 0.7); x.renorm(3, -1, 100.0); m.trapezoid(x);
m.trapezoid(x, dim=0); m.trapz(x, y, dim=1); m.trapezoid(x, y[0]); m.trapezoid(x, y[:, 0], dim=0);
m.trapezoid(x, dx=0.3); m.cumulative_trapezoid(x); m.cumulative_trapezoid(x, y, dim=1);
m.linalg.vander(x[0], N=4); m.logcumsumexp(x, 1);
x.logcumsumexp(0); m.logcumsumexp(x * 900, 1); m.logcumsumexp(x.reshape(6), -1); x.aminmax(dim=1)[1];
m.linalg.vander(x);
m.matrix_exp(x[:, :2]); m.matrix_exp(x[:, :2] * 40); m.linalg.matrix_exp(x[:, :2] / 50);
m.matrix_exp(m.stack([x[:, :2], x[:, 1:] * 3])); m.nn.functional.pdist(x); m.pdist(x, 1.0);
m.pdist(y, float("inf")); m.mvlgamma(y + 3, 2); m.special.multigammaln(y + 4, 3);
(x * 1).copysign_(y); (x * 1).ldexp_(y); (x * 1).renorm_(2, 0, 1.0); 
(x * 1).put_(m.tensor([1]), y[0, :1]); m.unsafe_split_with_sizes(x, [2, 1], 1)[0]
"""
X = np.array([[0.4, -1.2, 0.9], [1.7, 0.3, -0.6]])
Y = np.array([[0.8, 1.1, 0.2], [0.5, 1.4, 0.7]])


def calls(text: str) -> list[str]:
    return [call.strip() for call in text.split(";") if call.strip()]


@pytest.mark.parametrize("call", calls(DIFFERENTIABLE))
def test_function_and_its_gradient_are_pytorchs(call: str, torch: Any) -> None:
    results = []
    for m in (tg, torch):
        x, y = (m.tensor(a, requires_grad=True) for a in (X, Y))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = eval(call, {"m": m, "x": x, "y": y, "i": m.tensor([1, 2, 3])})
        weights = m.tensor(np.random.default_rng(0).standard_normal(tuple(out.shape)))
        (out * weights).sum().backward()
        grads = [g if g is None else g.numpy() for g in (x.grad, y.grad)]
        results.append([out.detach().numpy(), *grads])
    for ours, theirs in zip(*results, strict=True):
        if theirs is None:
            assert ours is None or not np.any(ours)
        else:
            ours = np.zeros_like(theirs) if ours is None else ours
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "call", ["m.logaddexp2(x, x * x)", "m.logcumsumexp(x, 1)", "m.matrix_exp(x[:, :2])", "m.renorm(x, 2, 0, 1.0)",
             "m.trapezoid(x, x * x)", "m.pdist(x)", "m.copysign(x, x[0])", "x.put(i, x[0, :2])"],
)  # fmt: skip
def test_derivatives_of_both_orders_are_right(call: str) -> None:
    def function(x: Any) -> Any:
        return eval(call, {"m": tg, "x": x, "i": tg.tensor([0, 4])})

    x = tg.tensor(X, requires_grad=True)
    assert gradcheck(function, x)
    assert gradgradcheck(function, x)


WINDOWS = """
m.hann_window(5); m.hann_window(5, False); m.hann_window(1); m.hann_window(0);
m.hamming_window(6); m.hamming_window(6, True, 0.5); m.hamming_window(6, False, 0.5, 0.4);
m.blackman_window(7); m.blackman_window(7, periodic=False);
m.bartlett_window(6); m.bartlett_window(5, False); m.kaiser_window(6); m.kaiser_window(6, False, 3.0);
m.kaiser_window(5, True, beta=2.0); m.hann_window(4, dtype=m.float64); """
PLAIN = """
x.aminmax(); x.argwhere(); x.unsafe_chunk(2, 1); x.unsafe_split(2, 1); m.logcumsumexp(m.tensor(2.0), 0);
m.gcd(i, k); m.lcm(i, k); i.gcd(k); m.nextafter(x, y); m.isreal(x); x.isreal(); x.is_conj();
m.is_conj(x); m.is_neg(x); x.is_inference(); x.is_shared(); x.is_pinned(); m.is_same_size(x, y);
m.is_same_size(x, i); x.is_cpu; x.is_meta; x.is_quantized; x.is_mps; x.is_nested; x.layout; x.name;
x.output_nr; i.copysign(k); i.ldexp(k); i.angle(); m.vander(k, 3); m.vander(x[0]); m.vander(y[0], 2, increasing=True); m.linalg.vander(k, N=1); k.diagflat(); m.rsub(i, 2);
i.clone().gcd_(k); i.clone().lcm_(k); x.clone().map_(y, lambda a, b: a - b); m.adjoint(x[0, 0]);
m.hann_window(-1); m.asarray([1, 2]);
m.hann_window(3, dtype=m.int64); m.asarray([1, 2], dtype=m.float32); m.asarray(n); m.asarray(x);
m.asarray(n, copy=True); m.asarray([1.0], copy=False); m.asarray(n, dtype=m.float64, copy=False);
m.asarray([1.0], requires_grad=True); m.frombuffer(b, dtype=m.int16); m.frombuffer(b, dtype=m.uint8, offset=3);
m.frombuffer(b, dtype=m.int16, count=2); m.frombuffer(b, dtype=m.int32, count=9); m.scalar_tensor(3);
m.scalar_tensor(3, dtype=m.int64); m.scalar_tensor(True); m.range(1, 4); m.range(0, 1, 0.25);
m.range(3, 1, -1); m.range(0, 3, dtype=m.int64); m.range(3, 1); m.unravel_index(k, (2, 3));
m.unravel_index(m.tensor(5), (2, 3)); m.unravel_index(k, 7); x[m.newaxis].shape; m.typename(x);
m.typename(3); m.is_autocast_enabled(); m.is_anomaly_enabled(); m.is_storage(x);
m.copysign(x, m.tensor([0.0, -0.0, -1.0])); m.trapezoid(x, x, dx=1); m.matrix_exp(x); m.gcd(x, y); m.vander(x);
m.pdist(x[0]); m.select_scatter(x, y, 0, 0); m.renorm(x, 0, 0, 1); m.dsplit(x, 2); x.adjoint().shape;
m.logaddexp2(m.tensor([float("-inf"), float("inf")]), m.tensor([float("-inf"), 1.0])); m.adjoint(x[0]);
m.matrix_exp(m.zeros(2, 0, 0)); m.matrix_exp(m.zeros(2, 2)); x.as_subclass(m.nn.Parameter).__class__.__name__;
m.nn.init.constant(x, 3.0); m.nn.init.xavier_uniform(x * 1).shape; m.nn.init.eye(x)
"""


@pytest.mark.parametrize("call", calls(PLAIN))
def test_plain_function_is_pytorchs(call: str, torch: Any) -> None:
    results = []
    for m in (tg, torch):
        given = {
            "m": m, "x": m.tensor(X.astype(np.float32)), "y": m.tensor(Y.astype(np.float32)),
            "i": m.tensor([4, 6, 0]), "k": m.tensor([6, 4, 5]), "n": np.array([1.0, 2.0]),
            "b": bytearray(range(6)),
        }  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                results.append(repr(eval(call, given)))
            except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
                results.append("error: " + ("ValueError" if type(error) is ValueError else "other"))
    assert results[0] == results[1]


@pytest.mark.parametrize("call", calls(WINDOWS))
def test_window_is_pytorchs(call: str, torch: Any) -> None:
    ours, theirs = (eval(call, {"m": m}) for m in (tg, torch))
    assert repr(ours.dtype) == repr(theirs.dtype)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)


def test_older_names_warn_and_do_the_same(torch: Any) -> None:
    for name in ("uniform", "normal", "xavier_normal", "kaiming_uniform", "kaiming_normal",
                 "orthogonal", "xavier_uniform"):  # fmt: skip
        drawn = []
        for m in (tg, torch):
            m.manual_seed(0)
            with pytest.warns(FutureWarning, match=f"{name}_"):
                drawn.append(getattr(m.nn.init, name)(m.empty(3, 4)).numpy())
        np.testing.assert_allclose(*drawn, rtol=1e-4, atol=1e-6)
    x = tg.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        tg.nn.utils.clip_grad_norm([x], 1.0)
    assert x.grad is not None and float(x.grad.norm()) == pytest.approx(1)


def test_geometric_and_cauchy_numbers_are_pytorchs(torch: Any) -> None:
    for call in ("geometric_(0.3)", "cauchy_()", "cauchy_(1.0, 2.0)"):
        drawn = []
        for m in (tg, torch):
            m.manual_seed(0)
            drawn.append(eval(f"m.zeros(20).{call}", {"m": m}).numpy())
        np.testing.assert_allclose(*drawn, rtol=1e-5)
    for bad in ("geometric_(0.0)", "geometric_(1.5)", "cauchy_(0.0, -1.0)"):
        with pytest.raises(RuntimeError, match=bad.split("(")[0]):
            eval(f"m.zeros(2).{bad}", {"m": tg})


SPECIAL = """
m.special.entr(x); m.special.entr(m.tensor([0.0, -1.0, float("nan")])); m.special.ndtr(y);
m.special.ndtri(x); m.special.xlog1py(x, x); m.special.round(y); m.special.xlog1py(2.0, x)
"""
LINALG = """
m.linalg.tensorinv(t, 1);
m.linalg.tensorsolve(t, s.flatten()[:6]);
m.linalg.tensorinv(t.reshape(3, 2, 6)); m.linalg.tensorsolve(t.movedim(0, 1), t[:, 0, 0], dims=(0, 2))
"""


@pytest.mark.parametrize("call", [c.strip() for c in (SPECIAL + ";" + LINALG).split(";")])
def test_special_function_or_solver_is_pytorchs(call: str, torch: Any) -> None:
    results = []
    for m in (tg, torch):
        a = m.tensor(np.random.default_rng(0).standard_normal((3, 3)))
        t = m.tensor(np.random.default_rng(1).standard_normal((6, 2, 3)))
        x = m.tensor([0.1, 0.5, 0.8], dtype=m.float64, requires_grad=True)
        given = {"m": m, "x": x, "y": m.tensor([-1.5, 0.3, 2.5], dtype=m.float64),
                 "s": a @ a.T + m.eye(3, dtype=m.float64), "t": t}  # fmt: skip
        out = eval(call, given)
        parts = list(out) if isinstance(out, tuple) else [out]
        if parts[0].requires_grad:
            parts[0].sum().backward()
        results.append([p.detach().numpy() for p in parts] + [x.grad])
    for p, q in zip(*results, strict=True):
        if q is not None:
            np.testing.assert_allclose(np.asarray(p), np.asarray(q), rtol=1e-8, atol=1e-10)
