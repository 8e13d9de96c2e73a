"""Checkpointed parts: the same results and gradients, with less kept."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.utils.checkpoint import checkpoint, checkpoint_sequential

both_ways = pytest.mark.parametrize("use_reentrant", [False, True])


def net(t: Any = tg) -> Any:
    t.manual_seed(1)
    nn = t.nn
    return nn.Sequential(
        nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 8), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(8, 2),
    )  # fmt: skip


def outcome(model: Any, forward: Any, t: Any = tg) -> list[np.ndarray]:
    t.manual_seed(2)
    x = t.randn(5, 4, requires_grad=True)
    out = forward(model, x)
    (out**2).sum().backward()
    after = t.rand(3)
    return [v.detach().numpy() for v in (out, x.grad, after, *(p.grad for p in model.parameters()))]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


@both_ways
def test_results_gradients_and_random_stream_are_those_without(use_reentrant: bool) -> None:
    plain = outcome(net(), lambda m, x: m(x))
    same(plain, outcome(net(), lambda m, x: checkpoint(m, x, use_reentrant=use_reentrant)))

    def nested(m: Any, x: Any) -> Any:
        def inner(x: Any) -> Any:
            return checkpoint(m[:4], x, use_reentrant=use_reentrant)

        return checkpoint(lambda x: m[4:](inner(x)), x, use_reentrant=use_reentrant)

    same(plain, outcome(net(), nested))
    for segments in (1, 2, 3, 7):
        same(
            plain,
            outcome(
                net(),
                lambda m, x, n=segments: checkpoint_sequential(
                    m, n, x, use_reentrant=use_reentrant
                ),
            ),
        )


@both_ways
def test_numbers_are_those_of_pytorch(use_reentrant: bool, torch: Any) -> None:
    results = []
    for t in (tg, torch):
        x = t.tensor([0.3, -0.5], dtype=t.float64, requires_grad=True)
        w = t.tensor([1.5, 0.5], dtype=t.float64, requires_grad=True)

        def f(a: Any, w: Any = w) -> Any:
            return (a * w).exp(), (a**2).sum()

        p, q = t.utils.checkpoint.checkpoint(f, x * 2, use_reentrant=use_reentrant)
        (p.sum() * q).backward()
        results.append([p.tolist(), q.tolist(), x.grad.tolist(), w.grad.tolist()])
    np.testing.assert_allclose(results[0][2:], results[1][2:], rtol=1e-12)


def test_it_can_be_differentiated_again() -> None:
    x = tg.tensor([0.3, -0.5], dtype=tg.float64, requires_grad=True)
    w = tg.tensor([1.5, 0.5], dtype=tg.float64, requires_grad=True)

    def f(x: Any, w: Any) -> Any:
        return checkpoint(lambda a, b: (a.sin() * b).exp(), x, w, use_reentrant=False)

    assert tg.autograd.gradcheck(f, (x, w))
    assert tg.autograd.gradgradcheck(f, (x, w))
    assert tg.allclose(
        tg.autograd.functional.hessian(lambda x: f(x, w).sum(), x),
        tg.autograd.functional.hessian(lambda x: (x.sin() * w).exp().sum(), x),
    )


def test_grad_finds_arguments_and_parameters_alike() -> None:
    w = tg.ones(3, requires_grad=True)
    x = tg.ones(3, requires_grad=True)
    out = checkpoint(lambda a: (a * w * 2).sum(), x * 3, use_reentrant=False)
    dx, dw = tg.autograd.grad(out, (x, w))
    assert (dx.tolist(), dw.tolist()) == ([6.0] * 3, [6.0] * 3)


def test_what_the_function_saved_is_freed() -> None:
    """Memory: only the arguments stay."""
    kept: list[Any] = []

    def f(x: Any) -> Any:
        middle = x.exp()
        kept.append(weakref.ref(middle.grad_fn))
        return middle.sin()

    gc.disable()
    try:
        x = tg.ones(3, requires_grad=True)
        out = checkpoint(f, x, use_reentrant=False)
        assert kept[0]() is None
        out.sum().backward()
        assert kept[1]() is None
        node = weakref.ref(out.grad_fn)
        del out
        assert node() is None
    finally:
        gc.enable()


def test_hooks_are_called_once() -> None:
    calls: list[str] = []
    x = tg.ones(2, requires_grad=True)
    y = x * 2
    x.register_hook(lambda g: calls.append("leaf"))
    y.register_hook(lambda g: calls.append("argument"))
    out = checkpoint(lambda y: (y * x).exp(), y, use_reentrant=False)
    out.register_hook(lambda g: calls.append("output"))
    out.sum().backward()
    assert sorted(calls) == ["argument", "leaf", "output"]
    plain = tg.ones(2, requires_grad=True)
    (plain * 2 * plain).exp().sum().backward()
    assert tg.equal(x.grad, plain.grad)


def test_keywords_structures_and_tensors_handed_through() -> None:
    x, y = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)

    def f(x: Any, *, other: Any, n: int) -> Any:
        return {"a": x * other["y"], "b": [x, n, None], "c": x.detach()}

    out = checkpoint(f, x, other={"y": y}, n=3, use_reentrant=False)
    assert out["b"][0] is x
    assert out["b"][1:] == [3, None]
    assert not out["c"].requires_grad
    (out["a"] * 3).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0, 3.0], [3.0, 3.0])


def test_nothing_is_recorded_without_grad_mode_or_gradients() -> None:
    x = tg.ones(2, requires_grad=True)
    with tg.no_grad():
        assert not checkpoint(lambda x: x * 2, x, use_reentrant=False).requires_grad
    assert not checkpoint(lambda x: x * 2, tg.ones(2), use_reentrant=False).requires_grad
    with pytest.warns(UserWarning, match="None of the inputs"):
        assert not checkpoint(lambda y: y * x, tg.ones(2), use_reentrant=True).requires_grad
    assert checkpoint(lambda y: y * x, tg.ones(2), use_reentrant=False).requires_grad


def test_second_backward_needs_the_graph_retained() -> None:
    x = tg.ones(2, requires_grad=True)
    out = checkpoint(lambda x: x.exp(), x, use_reentrant=False).sum()
    out.backward(retain_graph=True)
    out.backward()
    assert tg.allclose(x.grad, 2 * x.exp())
    with pytest.raises(RuntimeError, match="second time"):
        out.backward()


def test_other_random_numbers_where_the_state_is_not_preserved() -> None:
    x = tg.ones(20, requires_grad=True)
    out = checkpoint(lambda x: x * tg.rand(20), x, preserve_rng_state=False, use_reentrant=False)
    out.sum().backward()
    assert not tg.equal(out, x.grad)


def test_argument_written_to_since_is_noticed() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 1
    out = checkpoint(lambda y: y.exp(), y, use_reentrant=False)
    with tg.no_grad():
        y.zero_()
    with pytest.raises(RuntimeError, match="an argument has been modified"):
        out.sum().backward()


def test_function_that_changes_is_noticed() -> None:
    lengths = iter([2, 3])
    x = tg.ones(1, requires_grad=True)
    out = checkpoint(lambda x: x.expand(next(lengths)) * 1, x, use_reentrant=False)
    with pytest.raises(RuntimeError, match="must compute the same"):
        out.sum().backward()


def test_bad_input_gets_a_sentence() -> None:
    x = tg.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="unexpected keyword arguments: k"):
        checkpoint(lambda x, k: x, x, use_reentrant=True, k=1)
    with pytest.raises(ValueError, match="unexpected keyword arguments: k"):
        checkpoint_sequential([], 1, x, k=1)
    with pytest.raises(ValueError, match="from 1 to 2"):
        checkpoint_sequential([abs, abs], 3, x)
    with pytest.raises(ValueError, match="context_fn"):
        checkpoint(lambda x: x, x, context_fn=lambda: None)
