"""A compiled training step gives the numbers of the step itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler.compiled import Compiled


def network(kind: str) -> nn.Module:
    tg.manual_seed(0)
    layers: dict[str, list[nn.Module]] = {
        "relu": [nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)],
        "dropout": [nn.Linear(12, 8), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(8, 3)],
        "batch norm": [nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)],
    }
    return nn.Sequential(*layers[kind])


def training(model: nn.Module, optimizer: Any) -> Callable[..., Any]:
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


@pytest.mark.parametrize("kind", ["relu", "dropout", "batch norm"])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: tg.optim.SGD(p, lr=0.1),
        lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        lambda p: tg.optim.Adam(p, lr=0.01),
    ],
    ids=["sgd", "momentum", "adam"],
)
def test_losses_gradients_and_state_are_those_of_the_step_itself(kind: str, optimizer: Any) -> None:
    outcomes = []
    for compiled in (False, True):
        model = network(kind)
        made = optimizer(model.parameters())
        step: Any = training(model, made)
        step = Compiled(step) if compiled else step
        source = np.random.default_rng(0)
        tg.manual_seed(1)
        losses = []
        for _ in range(8):
            x = tg.from_numpy(source.standard_normal((6, 12), dtype=np.float32))
            losses.append(step(x, tg.from_numpy(source.integers(0, 3, 6))).item())
        if compiled:
            (program,) = step.steps.values()
            assert program.built is not None, program.stopped
        grads = [p.grad.numpy().copy() for p in model.parameters()]
        state = {name: x.numpy().copy() for name, x in model.state_dict().items()}
        outcomes.append((losses, grads, state))
    (losses, grads, state), (same_losses, same_grads, same_state) = outcomes
    assert losses == same_losses
    for g, same in zip(grads, same_grads, strict=True):
        np.testing.assert_array_equal(g, same)
    for name, x in state.items():
        np.testing.assert_array_equal(x, same_state[name], err_msg=name)


def test_a_step_may_return_nothing() -> None:
    trained = []
    for compiled in (False, True):
        model = network("relu")
        whole: Any = training(model, tg.optim.SGD(model.parameters(), lr=0.1))

        def step(x: tg.Tensor, y: tg.Tensor, whole: Any = whole) -> None:
            whole(x, y)

        taken: Any = Compiled(step) if compiled else step
        tg.manual_seed(1)
        for _ in range(6):
            assert taken(tg.randn(6, 12), tg.randint(0, 3, (6,))) is None
        trained.append([p.detach().numpy() for p in model.parameters()])
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


def test_what_a_namespace_without_a_name_holds_is_watched() -> None:
    names: dict[str, Any] = {"factor": 2.0}
    exec(
        "class Scale:\n"
        "    by = 1.0\n"
        "    def __call__(self, x): return x * self.by\n"
        "scale = Scale()\n"
        "def step(x): return scale(x) * factor\n",
        names,
    )
    step: Any = Compiled(names["step"])
    x = tg.ones(2)
    for _ in range(4):
        assert step(x).tolist() == [2.0, 2.0]
    names["factor"] = 3.0
    assert step(x).tolist() == [3.0, 3.0]
    names["Scale"].by = 2.0
    for _ in range(4):
        assert step(x).tolist() == [6.0, 6.0]


def test_the_number_that_a_loss_returns_is_not_written_over() -> None:
    """It is one of NumPy's scalars, which can't be given as ``out=``: the program would stop."""
    tg.manual_seed(0)
    layer = nn.Linear(4, 3)

    @tg.compile(fullgraph=True)
    def step(x: tg.Tensor, labels: tg.Tensor, scale: float) -> tg.Tensor:
        layer.zero_grad()
        loss = F.cross_entropy(layer(x), labels, label_smoothing=0.1) * scale
        loss.backward()
        return loss

    x, labels = tg.randn(5, 4), tg.tensor([0, 1, 2, 1, 0])
    for i in range(6):
        step(x, labels, 1.0 + i)
    (program,) = tg.compiler.explain(step).programs
    assert program.runs >= 2
