"""Lanes leave to one thread what a lane can't know of its rows, and end when a step is stopped."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiler.test_lanes import alike, has_lanes
from compiler.test_lanes import eager_for_lanes as eager_for_lanes

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn, optim
from tinygrad_mnist._runtime import threads
from tinygrad_mnist.compiler import Compiled
from tinygrad_mnist.compiler.lanes import writing
from tinygrad_mnist.compiler.lanes.running import Meeting

Loss = Callable[[nn.Linear, tg.Tensor], tg.Tensor]


def some(*shape: int, seed: int = 0) -> tg.Tensor:
    return tg.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def trained(loss_of: Loss, rows: int, compiled: Any) -> tuple[list[Any], Any]:
    """Train; return losses, gradients and the inputs after each step, and the step."""
    tg.manual_seed(0)
    layer = nn.Linear(6, 6)
    optimizer = optim.SGD(layer.parameters(), lr=0.05)

    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = loss_of(layer, x)
        loss.backward()
        optimizer.step()
        return loss

    run, found = compiled(step), []
    for number in range(6):
        x = some(rows, 6, seed=number)
        loss = run(x).item()
        found.append([loss, layer.weight.grad.numpy().copy(), x.numpy().copy()])
    return found, run


def compared(loss_of: Loss, rows: int) -> bool:
    expected, _ = trained(loss_of, rows, lambda step: step)
    found, run = trained(loss_of, rows, Compiled)
    alike(expected, found, loss_of)
    return has_lanes(run)


def _first_row(layer: nn.Linear, x: tg.Tensor) -> tg.Tensor:
    h = layer(x).clone()
    h[0] = 0.0
    return h.square().mean()


def _some_rows(layer: nn.Linear, x: tg.Tensor) -> tg.Tensor:
    h = layer(x).clone()
    h[2:5] = 1.0
    return h.square().mean()


def _one_column(layer: nn.Linear, x: tg.Tensor) -> tg.Tensor:
    h = layer(x).clone()
    h[:, 0] = 0.0
    return h.square().mean()


def _less_the_first(layer: nn.Linear, x: tg.Tensor) -> tg.Tensor:
    return layer(x - x[:1]).square().mean()


@pytest.mark.parametrize("rows", [7, 64])  # one of 64 rows is less than what rounding may be
@pytest.mark.parametrize(
    ("loss_of", "lanes"),
    [(_first_row, False), (_some_rows, False), (_less_the_first, False), (_one_column, True)],
)
def test_what_is_done_to_chosen_rows(loss_of: Loss, lanes: bool, rows: int) -> None:
    assert compared(loss_of, rows) is lanes


def _copied_unless_alone(layer: nn.Linear, x: tg.Tensor) -> tg.Tensor:
    parts = x.reshape(len(x), 3, 2).permute(1, 0, 2).reshape(3, -1)  # of one row it's a view
    return layer(x).square().mean() + parts.relu_().sum()


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_what_is_a_copy_is_none_of_one_row(rows: int) -> None:
    """Nothing is written into what the step is given."""
    assert compared(_copied_unless_alone, rows) is (rows > 3)


def test_an_input_may_be_a_part_of_a_state() -> None:
    data = some(40, 6)

    def loss_of(layer: nn.Linear, x: tg.Tensor) -> tg.Tensor:
        return layer(x).square().mean() + layer(data.mean(0)).sum()

    def train(compiled: Any) -> tuple[list[float], Any]:
        tg.manual_seed(0)
        layer = nn.Linear(6, 6)
        run = compiled(lambda x: loss_of(layer, x))
        return [run(data[i * 8 : i * 8 + 8]).item() for i in (0, 1, 2, 3, 4, 0)], run

    expected, _ = train(lambda step: step)
    found, run = train(Compiled)
    assert has_lanes(run)
    np.testing.assert_allclose(found, expected, 1e-4)


def test_inputs_of_several_sizes() -> None:
    layer = nn.Linear(6, 6)

    @Compiled
    def step(x: tg.Tensor, z: tg.Tensor) -> tg.Tensor:
        layer.zero_grad()
        h, g = layer(x), layer(z)
        loss = (g @ h.T).square().mean() + h.mean() * g.sum()
        loss.backward()
        return loss

    for number in range(6):
        x, z = some(5, 6, seed=number), some(9, 6, seed=number + 9)
        loss, grad = step(x, z).item(), layer.weight.grad.numpy().copy()
        assert loss == pytest.approx(step.function(x, z).item(), 1e-4)
        np.testing.assert_allclose(grad, layer.weight.grad.numpy(), 1e-3, 1e-3)
    assert has_lanes(step)


def test_what_later_lines_let_go_of_is_there() -> None:
    """Of a convolution's output only a view is needed after the lanes."""
    layer, memory = nn.Conv2d(2, 4, 3, padding=1), tg.zeros(8, 64)

    @Compiled
    def step(x: tg.Tensor) -> tg.Tensor:
        layer.zero_grad()
        out = layer(x)
        with tg.no_grad():
            memory.copy_(out.flatten(1))
        loss = out.square().mean()
        loss.backward()
        return loss

    for number in range(6):
        x = some(8, 2, 4, 4, seed=number)
        step(x)
        np.testing.assert_allclose(memory.numpy(), layer(x).detach().flatten(1).numpy(), 0, 1e-5)
    assert has_lanes(step)
    assert not step.uncompiled


def test_numbers_that_are_not_finite_prove_nothing() -> None:
    nan, inf = np.full(3, np.nan, np.float32), np.array([1, np.inf, 2], np.float32)
    assert not writing._is_close(nan, nan, 0.0)
    assert writing._is_close(inf, inf, np.inf)
    assert not writing._is_close(inf, -inf, np.inf)
    assert not writing._is_close(inf * np.float32(0.5), inf, np.inf)


# Interruptions


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such clock")
def test_a_step_that_is_interrupted_leaves_no_thread_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost: list[Any] = []  # in what can raise nothing, such as what a weak reference calls
    monkeypatch.setattr(sys, "unraisablehook", lambda x: lost.append(x.exc_type))

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    tg.manual_seed(0)
    layers = (nn.Linear(6, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.BatchNorm1d(32), nn.Linear(32, 3))
    model = nn.Sequential(*layers).double()
    x, y = some(65, 6).double(), tg.arange(65) % 3

    @Compiled
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        model.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    losses = [step(x, y).item() for _ in range(4)]
    assert has_lanes(step)
    source, interrupted = random.Random(0), 0
    usual = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, source.uniform(1e-6, 1.5e-3))
                step(x, y)
                time.sleep(0.1)  # else it was lost in what can raise nothing
            except KeyboardInterrupt:
                interrupted += 1
            assert not threads._here.helps
            assert not threads._turn.locked()
            assert step(x, y).item() == pytest.approx(losses[-1], 1e-9)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)
    assert interrupted > 200
    assert set(lost) <= {KeyboardInterrupt}
    assert has_lanes(step)
    assert not step._runs or step._runs["now"]() is None


def test_an_interruption_while_others_work_waits_for_them() -> None:
    """Nobody goes on writing when the caller is told."""
    began, ended = threading.Event(), threading.Event()

    def first() -> None:
        began.wait()
        raise KeyboardInterrupt

    def second() -> None:
        began.set()
        threading.Event().wait(0.1)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        threads.together([first, second], lambda: None)
    assert ended.is_set()


def test_a_call_that_nobody_has_begun_is_called_off() -> None:
    made: list[slice] = []
    job = threads._Job(made.append, slice(2))
    job.call_off()
    job.call_off()
    job.run()
    assert not made


def test_an_interruption_is_no_error_of_the_lanes() -> None:
    """A lane that was let go for it doesn't hide it."""
    meeting = Meeting(2)
    began = threading.Event()

    def first() -> None:
        began.wait()
        raise KeyboardInterrupt

    def second() -> None:
        began.set()
        meeting.meet(1, lambda: None)

    with pytest.raises(KeyboardInterrupt):
        threads.together([first, second], meeting.break_off)
    assert meeting.broken
    meeting.renew()
    assert not meeting.broken
