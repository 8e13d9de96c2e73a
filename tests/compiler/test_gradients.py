"""Gradients lie in buffers that last, and what was handed out never changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiler.test_source import batches, network, training

import tinygrad_mnist as tg
from tinygrad_mnist.compiler.compiled import Compiled


def test_gradients_lie_in_the_same_memory_at_each_step() -> None:
    model = network("relu")
    step = Compiled(training(model, tg.optim.SGD(model.parameters(), lr=0.1)))
    places = []
    for x, y in batches(8):
        step(x, y)
        places.append([p.grad.data_ptr() for p in model.parameters()])
    assert places[4] == places[5] == places[6] == places[7]


@pytest.mark.parametrize(
    "take",
    [
        lambda p: p.grad,
        lambda p: p.grad.numpy(),
        lambda p: p.grad.numpy().T,
        lambda p: p.grad[:1],
        lambda p: p.grad.detach(),
        lambda p: memoryview(p.grad.numpy()),
    ],
    ids=["tensor", "array", "view", "part", "detached", "memory"],
)
def test_a_gradient_that_somebody_keeps_stays_what_it_is(take: Callable[[Any], Any]) -> None:
    model = network("relu")
    step = Compiled(training(model, tg.optim.SGD(model.parameters(), lr=0.1)))
    kept = []
    for x, y in batches(8):
        step(x, y)
        kept += [(taken := take(p), np.array(taken)) for p in model.parameters()]
    assert len(kept) == 32
    for taken, then in kept:
        np.testing.assert_array_equal(np.array(taken), then)


def test_a_gradient_that_is_changed_or_forgotten_is_new_at_the_next_step() -> None:
    changes: list[Callable[[Any], Any]] = [
        lambda p: p.grad.mul_(2), lambda p: setattr(p, "grad", None),
        lambda p: p.grad.zero_(), lambda p: setattr(p.grad, "data", tg.zeros_like(p)),
        lambda p: p.grad.requires_grad_(), lambda p: setattr(p, "grad", tg.ones_like(p)),
    ]  # fmt: skip
    outcomes = []
    for compiled in (False, True):
        model = network("relu")
        step: Any = training(model, tg.optim.SGD(model.parameters(), lr=0.1))
        step = Compiled(step) if compiled else step
        seen = []
        for i, (x, y) in enumerate(batches(12)):
            step(x, y)
            weight = model[0].weight
            seen.append(weight.grad.numpy().copy())
            assert not weight.grad.requires_grad
            changes[i % len(changes)](weight)
        outcomes.append(seen)
    for eager, ours in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(ours, eager)


def test_an_error_amid_a_program_leaves_no_gradient_of_other_numbers() -> None:
    """The bytes of a gradient have been something else before it is written."""
    model = network("relu")
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    def train(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        loss = tg.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step = Compiled(train)
    for x, y in batches(6):
        step(x, y)
    before = [p.grad.numpy().tobytes() for p in model.parameters()]
    with pytest.raises(IndexError):
        step(x, y + 100)
    for p, then in zip(model.parameters(), before, strict=True):
        assert p.grad is None or p.grad.numpy().tobytes() == then


def test_what_a_gradient_is_written_over_does_not_lie_there_while_the_one_before_is_needed() -> (
    None
):
    """An array of the forward pass dies as w's gradient is written, but is there long before."""
    w = tg.ones(16, requires_grad=True)

    def train(x: tg.Tensor, scores: tg.Tensor, label: tg.Tensor) -> tg.Tensor:
        loss = (w * x.exp()).sum() + tg.nn.functional.cross_entropy(scores, label)
        w.grad = None
        loss.backward()
        return loss

    step = Compiled(train)
    scores = tg.zeros(1, 3)
    for i in range(6):
        step(tg.full((16,), float(i)), scores, tg.tensor([1]))
    with pytest.raises(IndexError):
        step(tg.zeros(16), scores, tg.tensor([7]))
    assert w.grad.tolist() == tg.full((16,), 5.0).exp().tolist()  # type: ignore[union-attr]


def gradients_of(give: Callable[[Any], Any]) -> tuple[Any, Callable[[tg.Tensor], Any]]:
    """Return a parameter, and a step that returns something of its gradient."""
    w = tg.ones(3, requires_grad=True)

    def step(x: tg.Tensor) -> Any:
        w.grad = None
        (w * x * x).sum().backward()
        return give(w.grad)

    return w, step


def test_a_gradient_that_is_returned_is_the_one_that_is_left() -> None:
    w, step = gradients_of(lambda g: {"gradient": g, "norm": (g * g).sum()})
    run = Compiled(step)
    kept = []
    for i in range(8):
        kept.append(run(tg.full((3,), float(i)))["gradient"])
        assert kept[-1] is w.grad
        kept[-1].mul_(2)
    assert [g.tolist() for g in kept] == [[2.0 * i * i] * 3 for i in range(8)]
    assert sum(s.runs for s in run.steps.values()) == 5


@pytest.mark.parametrize(
    "give", [lambda g: g[1:], lambda g: g.detach(), lambda g: g.numpy()],
    ids=["part", "view", "array"],
)  # fmt: skip
def test_a_step_that_returns_a_view_of_a_gradient_that_it_leaves_is_run_as_it_is(give: Any) -> None:
    w, step = gradients_of(give)
    run = Compiled(step)
    with pytest.warns(UserWarning, match="a part or a view of a gradient"):
        for i in range(6):
            given = run(tg.full((3,), float(i)))
            given *= 2
            assert w.grad.tolist()[1:] == [2.0 * i * i] * 2
