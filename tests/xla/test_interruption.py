"""Interruptions of steps by XLA, wherever they come: nothing is lost, and the training goes on."""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn

pytest.importorskip("jax", reason="JAX isn't installed")

if not hasattr(signal, "setitimer"):
    pytest.skip("there are no timers", allow_module_level=True)


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    def interrupt(*rest: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def interrupted(seconds: float, step: Any, *batch: Any) -> bool:
    """Run steps until an interruption; return whether there was one."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        for _ in range(5):
            step(*batch)
        time.sleep(0.02)
    except KeyboardInterrupt:
        return True
    signal.setitimer(signal.ITIMER_REAL, 0)
    return False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in JAX's own
def test_a_model_is_whole_after_an_interruption_and_the_next_steps_are_right() -> None:
    tg.manual_seed(0)
    x, y = tg.randn(20, 6), tg.randint(0, 3, (20,))
    model = nn.Sequential(
        nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)
    )
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)

    def plain(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step = tg.compile(plain, backend="xla", fullgraph=True)
    for _ in range(5):
        step(x, y)
    start = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    for i in range(40):
        interrupted(0.0001 * (i % 10 + 1), step, x, y)
        for t in model.state_dict().values():
            assert np.isfinite(t.numpy()).all()
        assert step(x, y).isfinite()
    found = []
    for run in (step, plain):
        model.load_state_dict(start[0])
        optimizer.load_state_dict(
            copy.deepcopy(start[1])
        )  # which uses the tensors that it is given
        losses = [run(x, y).item() for _ in range(4)]
        found.append([*losses, *(p.detach().numpy().sum() for p in model.parameters())])
    np.testing.assert_allclose(*found, rtol=2e-4, atol=2e-5)
