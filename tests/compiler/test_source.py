"""The printed program of a step runs as it stands, and does what the step does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler.compiled import Compiled
from tinygrad_mnist.compiler.step import Step

NETWORKS: dict[str, Callable[[], list[nn.Module]]] = {
    "relu": lambda: [nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)],
    "dropout": lambda: [nn.Linear(12, 8), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(8, 3)],
    "batch norm": lambda: [nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)],
    "images": lambda: [
        nn.Unflatten(1, (1, 4, 3)), nn.Conv2d(1, 4, 2), nn.ReLU(), nn.MaxPool2d((3, 2)),
        nn.Flatten(), nn.Linear(4, 3),
    ],
}  # fmt: skip
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: tg.optim.Adam(p, lr=0.01),
}


def network(kind: str) -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(*NETWORKS[kind]())


def training(model: nn.Module, optimizer: Any) -> Callable[..., Any]:
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def batches(count: int) -> list[tuple[tg.Tensor, tg.Tensor]]:
    source = np.random.default_rng(0)
    return [
        (
            tg.from_numpy(source.standard_normal((6, 12), dtype=np.float32)),
            tg.from_numpy(source.integers(0, 3, 6)),
        )
        for _ in range(count)
    ]


def compiled(kind: str, optimizer: str = "sgd") -> tuple[Step, nn.Module]:
    model = network(kind)
    step = Compiled(training(model, OPTIMIZERS[optimizer](model.parameters())))
    for x, y in batches(4):
        step(x, y)
    (program,) = step.steps.values()
    assert program.built is not None, program.stopped
    return program, model


def run_text(text: str, state: dict[str, Any]) -> dict[str, Any]:
    """Execute a text in a fresh namespace, and fill in the parameters that its comments name."""
    space: dict[str, Any] = {}
    exec(compile(text, "<source>", "exec"), space)
    for name, path in re.findall(r"^(\w+) = np\.zeros\(.*# (\S+)$", text, re.MULTILINE):
        space[name][...] = state.pop(path)
    assert not state
    return space


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_text_runs_in_a_fresh_namespace_and_gives_the_numbers_of_the_step(
    kind: str, optimizer: str
) -> None:
    program, _ = compiled(kind, optimizer)
    assert program.built is not None
    model = network(kind)
    state = {name: x.numpy().copy() for name, x in model.state_dict().items()}
    space = run_text(program.built.source(), state)
    step = training(model, OPTIMIZERS[optimizer](model.parameters()))
    tg.manual_seed(1)
    expected = [step(x, y).item() for x, y in batches(5)]
    tg.manual_seed(1)
    losses = []
    for x, y in batches(5):
        returned = space["step"](x.numpy(), y.numpy())
        losses.append(float(returned[0] if isinstance(returned, tuple) else returned))
    assert losses == expected
    gradient = returned[1] if kind == "images" else space["g_w0"]
    np.testing.assert_array_equal(gradient, next(model.parameters()).grad)


def test_lines_name_module_operation_and_rule() -> None:
    program, _ = compiled("relu")
    assert program.built is not None
    text = program.built.source()
    for line in (
        "np.matmul(x, w0.T, out=h0) # 0 linear",
        "np.add(h0, b0, out=h0)",
        "np.maximum(h0, 0, out=h0) # 1 relu",
        "np.not_equal(h0, 0, out=mask0) # 1 relu's rule",
        "sgd.update(w0, g_w0, state0, settings)",
    ):
        assert line in re.sub(" +", " ", text), text
    headings = re.findall(r"^    # ([A-Z]\w+)$", text, re.MULTILINE)
    assert headings == ["Forward", "Backward", "Update"]


def test_lines_are_no_longer_than_the_page() -> None:
    program, _ = compiled("batch norm", "adam")
    assert program.built is not None
    assert max(map(len, program.built.source().splitlines())) <= 100


def test_numbers_of_a_checkpoint_and_a_schedule_count_in_the_next_step() -> None:
    outcomes = []
    for wrap in (lambda step: step, Compiled):
        model = network("relu")
        optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
        step = wrap(training(model, optimizer))
        losses = [step(x, y).item() for x, y in batches(5)]
        saved = optimizer.state_dict()
        saved["param_groups"][0]["lr"] = 0.5
        optimizer.load_state_dict(saved)
        losses += [step(x, y).item() for x, y in batches(3)]
        optimizer.param_groups[0]["lr"] = 0.001
        optimizer.state.clear()
        losses += [step(x, y).item() for x, y in batches(3)]
        outcomes.append(losses)
    assert outcomes[0] == outcomes[1]
