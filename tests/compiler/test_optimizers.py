"""Whatever is changed in an optimizer between two steps counts in the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "rate in a tensor": lambda p: tg.optim.SGD(p, lr=tg.tensor(0.1)),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: tg.optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: tg.optim.AdamW(p, lr=0.1),
    "NAdam": lambda p: tg.optim.NAdam(p, lr=0.1),
    "RAdam": lambda p: tg.optim.RAdam(p, lr=0.1),
    "Adamax": lambda p: tg.optim.Adamax(p, lr=0.1),
    "Adadelta": lambda p: tg.optim.Adadelta(p, lr=0.1),
    "Adagrad": lambda p: tg.optim.Adagrad(p, lr=0.1),
    "ASGD": lambda p: tg.optim.ASGD(p, lr=0.1),
    "RMSprop": lambda p: tg.optim.RMSprop(p, lr=0.1),
    "centered": lambda p: tg.optim.RMSprop(p, lr=0.1, centered=True, momentum=0.5),
    "Rprop": lambda p: tg.optim.Rprop(p, lr=0.1),
}


def changed(value: Any) -> Any:
    """Return another value of a setting."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return tuple(v * 0.5 for v in value)
    return value * 0.5 if value else 0.25


def settings(name: str) -> list[str]:
    group = OPTIMIZERS[name]([tg.ones(1, requires_grad=True)]).param_groups[0]
    skipped = ("params", "foreach", "capturable", "differentiable", "fused", "initial_lr")
    return [key for key, value in group.items() if key not in skipped and value is not None]


NEED_STATE = {("Adam", "amsgrad"), ("AdamW", "amsgrad"), ("RMSprop", "momentum"),
              ("RMSprop", "centered")}  # fmt: skip
"""Settings that can't be switched on later, compiled or not: the state lacks what they need."""

CASES = [
    (name, key) for name in OPTIMIZERS for key in settings(name) if (name, key) not in NEED_STATE
]


@pytest.mark.parametrize(("name", "key"), CASES)
def test_a_setting_that_is_changed_counts(name: str, key: str) -> None:
    outcomes = []
    for compiled in (False, True):
        tg.manual_seed(0)
        w = [tg.randn(3, 2, requires_grad=True), tg.randn(2, requires_grad=True)]
        optimizer = OPTIMIZERS[name](w)

        def step(x: tg.Tensor, w: Any = w, optimizer: Any = optimizer) -> tg.Tensor:
            optimizer.zero_grad()
            loss = ((x @ w[0] + w[1]) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run: Any = Compiled(step) if compiled else step
        losses = []
        for i in range(9):
            if i == 5:
                for group in optimizer.param_groups:
                    group[key] = changed(group[key])
            losses.append(run(tg.randn(4, 3)).item())
        outcomes.append((losses, [p.detach().numpy().copy() for p in w]))
        if compiled:
            assert not run.uncompiled
            assert sum(s.runs for s in run.steps.values()) >= 3
    np.testing.assert_equal(outcomes[1], outcomes[0])


def test_a_rate_in_a_tensor_may_be_written_to() -> None:
    found = []
    for compiled in (False, True):
        w, rate = tg.ones(3, requires_grad=True), tg.tensor(0.1)
        optimizer = tg.optim.SGD([w], lr=rate)

        def step(w: Any = w, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()

        run: Any = Compiled(step) if compiled else step
        for _ in range(8):
            run()
            rate.mul_(0.9)
        found.append(w.tolist())
    assert found[0] == found[1]


def test_a_rate_that_a_step_sets_itself_is_no_constant() -> None:
    found = []
    for compiled in (False, True):
        w = tg.ones(3, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step(rate: float, w: Any = w, optimizer: Any = optimizer) -> Any:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()

        run: Any = Compiled(step) if compiled else step
        if compiled:
            with pytest.warns(UserWarning, match="param_groups|keeps a number"):
                for i in range(12):
                    run(0.1 / (i + 1))
        else:
            for i in range(12):
                run(0.1 / (i + 1))
        assert type(optimizer.param_groups[0]["lr"]) is float
        found.append(w.tolist())
    assert found[0] == found[1]


def test_parameters_may_come_and_go() -> None:
    found = []
    for compiled in (False, True):
        v, w = tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=True)
        optimizer = tg.optim.Adam([v], lr=0.1)

        def step(v: Any = v, w: Any = w, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            ((v * w) ** 2).sum().backward()
            optimizer.step()

        run: Any = Compiled(step) if compiled else step
        for i in range(15):
            if i == 5:
                optimizer.param_groups[0]["params"].append(w)
            if i == 10:
                del optimizer.param_groups[0]["params"][0]
            run()
        found.append((v.tolist(), w.tolist()))
    assert found[0] == found[1]


def test_with_fullgraph_one_call_updates_small_parameters_too() -> None:
    """Its first call is recorded, when the optimizer has no states yet that could lie together."""
    texts = []
    for fullgraph in (False, True):
        layer = nn.Linear(4, 3)
        optimizer = tg.optim.Adam(layer.parameters())

        def step(x: tg.Tensor, layer: Any = layer, optimizer: Any = optimizer) -> tg.Tensor:
            optimizer.zero_grad()
            loss = layer(x).sum()
            loss.backward()
            optimizer.step()
            return loss

        taken = tg.compile(step, fullgraph=fullgraph)
        for _ in range(4):
            taken(tg.ones(2, 4))
        (program,) = taken.steps.values()
        texts.append(program.built.text)
    assert texts[0] == texts[1] and "flat.update(" in texts[0]
