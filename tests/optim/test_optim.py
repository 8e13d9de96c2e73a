"""Optimizers follow PyTorch's numbers, with every option."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import optim

CASES = [
    *[("SGD", {"lr": 0.05, "momentum": m, "weight_decay": w, "maximize": x})
      for m, w, x in itertools.product((0, 0.9), (0, 0.1), (False, True))],
    ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    *[(name, {"lr": 0.03, "amsgrad": a, "weight_decay": w, "maximize": x})
      for name, a, w, x in itertools.product(("Adam", "AdamW"), (False, True), (0, 0.1), (False, True))],
    ("Adam", {"betas": (0.5, 0.7), "eps": 1e-3}),
    *[("RMSprop", {"lr": 0.02, "momentum": m, "centered": c, "weight_decay": w, "alpha": 0.9})
      for m, c, w in itertools.product((0, 0.9), (False, True), (0, 0.1))],
    ("RMSprop", {"maximize": True, "eps": 1e-4}),
]  # fmt: skip


def train(t: Any, name: str, options: dict[str, Any], steps: int = 50) -> Any:
    """Fit two matrices and a vector, in two groups, to fixed data."""
    source = np.random.default_rng(0)
    ws = [source.standard_normal(s) * 0.5 for s in ((5, 4), (1, 5), (5,))]
    x, y = t.tensor(source.standard_normal((8, 4))), t.tensor(source.standard_normal((8, 1)))
    ps = [t.tensor(w).requires_grad_() for w in ws]
    maximize = options.get("maximize", False)
    groups = [{"params": ps[:2]}, {"params": ps[2:], "lr": 0.01}]
    optimizer = getattr(t.optim, name)(groups, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (((x @ ps[0].T + ps[2]).tanh() @ ps[1].T - y) ** 2).mean()
        (-loss if maximize else loss).backward()
        optimizer.step()
    return [p.detach().numpy() for p in ps], optimizer


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_fifty_steps_are_those_of_pytorch(name: str, options: dict[str, Any], torch: Any) -> None:
    """Case 46."""
    mine, _ = train(tg, name, options)
    theirs, _ = train(torch, name, options)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_state_is_laid_out_as_pytorchs_and_resumes_exactly(name: str, torch: Any) -> None:
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {"amsgrad": True}
    _, mine = train(tg, name, options, 3)
    _, theirs = train(torch, name, options, 3)
    a, b = mine.state_dict(), theirs.state_dict()
    assert list(a["state"]) == list(b["state"])
    for number, values in b["state"].items():
        assert set(values) == set(a["state"][number])
        for key, value in values.items():
            np.testing.assert_allclose(a["state"][number][key].numpy(), value.numpy(), rtol=1e-6)
    for mine_group, their_group in zip(a["param_groups"], b["param_groups"], strict=True):
        assert mine_group["params"] == their_group["params"]
        assert set(mine_group) <= set(their_group)
    _, other = train(tg, name, options, 1)
    other.load_state_dict(copy.deepcopy(a))
    again = other.state_dict()
    for number, values in a["state"].items():
        for key, value in values.items():
            assert tg.equal(again["state"][number][key], value)


def test_float32_stays_float32() -> None:
    """Case 27."""
    for name in ("SGD", "Adam", "AdamW", "RMSprop"):
        p = tg.ones(3, requires_grad=True)
        optimizer = getattr(optim, name)([p], weight_decay=0.1)
        (p * p).sum().backward()
        gradient = p.grad.clone()
        optimizer.step()
        assert p.dtype == tg.float32
        assert tg.equal(p.grad, gradient)
        for value in optimizer.state[p].values():
            assert value.dtype == tg.float32


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
@pytest.mark.parametrize("order", ["C", "F", "strided", "mixed"])
def test_memory_order_and_size_do_not_matter(name: str, order: str) -> None:
    source = np.random.default_rng(0)
    start = source.standard_normal((300, 200))
    gradients = source.standard_normal((3, 300, 200))
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}

    def run(array: np.ndarray, arrange: Any) -> np.ndarray:
        p = tg.from_numpy(array).requires_grad_()
        optimizer = getattr(optim, name)([p], lr=0.1, weight_decay=0.1, **options)
        for g in gradients:
            p.grad = tg.from_numpy(arrange(g))
            optimizer.step()
        return p.detach().numpy()

    plain = run(start.copy(), np.copy)
    if order == "strided":
        wide = np.zeros((300, 400))
        wide[:, ::2] = start
        changed = run(wide[:, ::2], np.copy)
    else:
        arrange = np.asfortranarray if order == "F" else np.copy
        changed = run(np.asfortranarray(start) if order != "C" else start.copy(), arrange)
    np.testing.assert_allclose(changed, plain, rtol=1e-12)


def test_step_is_noticed_by_a_graph_that_needs_the_old_values() -> None:
    w = tg.ones(2, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    w.grad = tg.ones(2)
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"mul: .* modified by an inplace operation, SGD"):
        loss.backward()


def test_closure_groups_and_unused_parameters() -> None:
    w, unused = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)
    optimizer = optim.SGD([w, unused], lr=0.5)

    @tg.no_grad()
    def step() -> Any:
        def closure() -> tg.Tensor:
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward()
            return loss

        return optimizer.step(closure)

    assert step().item() == 1.0
    assert (w.tolist(), unused.tolist()) == ([0.0], [1.0])
    optimizer.add_param_group({"params": tg.ones(1, requires_grad=True), "lr": 7.0})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 7.0]
    for group in optimizer.param_groups:
        group["lr"] *= 2
    assert optimizer.param_groups[1]["lr"] == 14.0


def w() -> tg.Tensor:
    return tg.ones(1, requires_grad=True)


SAME = tg.ones(1, requires_grad=True)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: optim.SGD([], lr=1), ValueError, "empty parameter list"),
        (lambda: optim.SGD(w(), lr=1), TypeError, "but got a Tensor"),
        (lambda: optim.SGD([1.0], lr=1), TypeError, "only optimize Tensors"),
        (lambda: optim.SGD([w() * 2], lr=1), ValueError, "non-leaf"),
        (lambda: optim.SGD([SAME, SAME], lr=1), ValueError, "more than once"),
        (lambda: optim.SGD([{"params": [SAME]}, {"params": [SAME]}], lr=1), ValueError, "more than one"),
        (lambda: optim.SGD([w()], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: optim.SGD([w()], lr=float("nan")), ValueError, "Invalid learning rate"),
        (lambda: optim.SGD([w()], lr=1, momentum=-1), ValueError, "Invalid momentum"),
        (lambda: optim.SGD([w()], lr=1, nesterov=True), ValueError, "Nesterov"),
        (lambda: optim.Adam([w()], betas=(1.0, 0.9)), ValueError, "beta parameter at index 0"),
        (lambda: optim.Adam([w()], eps=-1), ValueError, "epsilon"),
        (lambda: optim.Adam([w()], weight_decay=-1), ValueError, "weight_decay"),
        (lambda: optim.RMSprop([w()], alpha=-1), ValueError, "alpha"),
        (lambda: optim.SGD({w()}, lr=1).add_param_group({"params": {w()}}), TypeError, "ordered"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_state_of_other_groups_is_refused_and_changes_nothing() -> None:
    optimizer = optim.SGD([w()], lr=1)
    with pytest.raises(ValueError, match="2 parameter groups"):
        optimizer.load_state_dict(
            optim.SGD([{"params": [w()]}, {"params": [w()]}], lr=3).state_dict()
        )
    with pytest.raises(ValueError, match="has 2 parameters"):
        optimizer.load_state_dict(optim.SGD([w(), w()], lr=3).state_dict())
    assert optimizer.param_groups[0]["lr"] == 1
