"""The loop stays as it is: what a compiled function returns has the gradients of the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler.compiled import Compiled

CALLS = 6
"""So many that the last ones are programs: one runs as ever, two are recorded, both ways."""


def programs(function: Any) -> list[Any]:
    """Return the steps of a compiled function, all of which must be programs."""
    assert isinstance(function, Compiled)
    for step in function.steps.values():
        assert step.built is not None, step.stopped
    return list(function.steps.values())


def backward_programs(function: Any) -> int:
    """Return how many backward programs there are."""
    return sum(
        way.built is not None for step in programs(function) for way in step.graph.ways.values()
    )


def numbers(x: Any) -> Any:
    """Return tensors as arrays, in the same structure."""
    if isinstance(x, tg.Tensor):
        return x.detach().numpy().copy()
    if isinstance(x, dict):
        return {name: numbers(part) for name, part in x.items()}
    if isinstance(x, tuple | list):
        return [numbers(part) for part in x]
    return x


def assert_same(scene: Callable[[Callable[[Any], Any]], list[Any]]) -> None:
    """Play a scene without and with a compiler: all that it returns must be equal."""
    tg.manual_seed(0)
    plain = numbers(scene(lambda function: function))
    tg.manual_seed(0)
    compiled = numbers(scene(Compiled))
    np.testing.assert_equal(compiled, plain)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "dense": lambda: nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(12, 8), nn.Dropout(0.3), nn.Linear(8, 3)),
    "norm": lambda: nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)),
    "images": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 3, 4)), nn.Conv2d(1, 4, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(4, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_training_with_a_compiled_model_is_training(model: str) -> None:
    def scene(compiled: Callable[[Any], Any]) -> list[Any]:
        net = MODELS[model]()
        optimizer = tg.optim.Adam(net.parameters(), lr=0.01)
        run = compiled(net)
        losses = []
        for _ in range(CALLS):
            x, y = tg.randn(6, 12), tg.randint(0, 3, (6,))
            optimizer.zero_grad()
            loss = F.cross_entropy(run(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if isinstance(run, Compiled):
            assert backward_programs(run) == 1
        return [losses, [p.grad for p in net.parameters()], net.state_dict()]

    assert_same(scene)
