"""Batches that are sent ahead: the same ones in the same order, and nothing left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import prefetch
from tinygrad_mnist.utils.data import DataLoader, TensorDataset

jax = pytest.importorskip("jax", reason="JAX isn't installed")


def train(ahead: bool) -> list[float]:
    tg.manual_seed(0)
    x, y = tg.randn(50, 6), tg.randint(0, 3, (50,))
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @tg.compile(backend="xla", fullgraph=True)
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [
        step(*b).item() for _ in range(4) for b in (prefetch(loader, step) if ahead else loader)
    ]


def test_a_training_is_the_same_with_batches_sent_ahead() -> None:
    assert train(True) == train(False)


def test_batches_have_their_structure_and_numbers() -> None:
    batches = [
        {"x": tg.full((2, 3), float(i)), "name": str(i), "y": (tg.arange(2),)} for i in range(5)
    ]
    found = list(prefetch(batches))
    assert len(prefetch(batches)) == len(found) == 5
    for i, batch in enumerate(found):
        assert batch["name"] == str(i)
        assert tg.equal(batch["x"], tg.full((2, 3), float(i)))
        assert batch["y"][0].dtype == tg.int64
        assert batch["y"][0].tolist() == [0, 1]
    assert list(prefetch([])) == []


def test_a_step_takes_them_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    step = tg.compile(lambda x: (x * 2).sum(), backend="xla", fullgraph=True)
    for x in prefetch([tg.ones(2)] * 5, step):
        step(x)
    (x,) = prefetch([tg.ones(2)], step)
    assert step(x).item() == 4
    assert "_array" not in x.__dict__  # nothing has asked for an array of NumPy's
    x *= 3
    assert step(x).item() == 12


@pytest.mark.parametrize("size", [2, 100])
def test_a_batch_that_was_looked_at_while_recording_goes_on_without_a_look(size: int) -> None:
    step = tg.compile(lambda x: (x * 2).sum(), backend="xla", fullgraph=True)
    (x,) = prefetch([tg.ones(size)])
    for _ in range(4):
        assert step(x).item() == 2 * size
    assert "_array" not in x.__dict__  # with one, each step would wait for XLA
    look = x.numpy()
    for n in (1, 2):
        look[:] = n
        assert step(x).item() == 2 * size * n
    part = look[1:]
    del look
    assert step(x).item() == 4 * size
    part[:] = 3  # seen by the part that is left of what has been looked at
    assert step(x).item() == 6 * size - 2
    del part
    assert step(x).item() == 6 * size - 2
    assert "_array" not in x.__dict__


def test_what_is_written_to_a_batch_stays_out_of_the_loader() -> None:
    own = tg.ones(3)
    for x in prefetch([own, own]):
        x.zero_()
    assert own.tolist() == [1, 1, 1]


def test_an_error_of_the_loader_is_raised_where_its_batches_are_used() -> None:
    def broken() -> Iterator[Any]:
        yield tg.ones(1)
        raise OSError("the disk is gone")

    batches = iter(prefetch(broken()))
    assert next(batches).item() == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)


def test_no_thread_is_left_when_a_loop_ends_early() -> None:
    before = threading.active_count()
    endless = (tg.full((1,), float(i)) for i in range(10**9))
    for x in prefetch(endless, ahead=3):
        if x.item() == 4:
            break
    del x
    assert threading.active_count() == before


def test_at_most_so_many_are_on_the_way() -> None:
    taken = []

    def loader() -> Iterator[tg.Tensor]:
        for i in range(100):
            taken.append(i)
            yield tg.ones(1)

    batches = iter(prefetch(loader(), ahead=2))
    next(batches)
    threading.Event().wait(0.2)
    assert len(taken) <= 5  # one is used, two wait, one is being sent, one is being taken
    batches.close()


def test_what_is_no_compiled_step_is_refused() -> None:
    with pytest.raises(ValueError, match="backend='xla'"):
        prefetch([], tg.compile(abs))
    with pytest.raises(ValueError, match="at least one batch"):
        prefetch([], ahead=0)


def test_arrays_that_are_not_plain_batches_pass_as_they_are() -> None:
    parameter = tg.ones(2, requires_grad=True)
    turned = tg.ones(3, 2).T
    for a, b, c in prefetch([(parameter, turned, "x")]):
        assert a is parameter and b is turned and c == "x"
    np.testing.assert_array_equal(turned.numpy(), 1)
