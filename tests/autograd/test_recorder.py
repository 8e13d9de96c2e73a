"""Observers are told of each operation and rule; a recorder keeps what they are told."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.observer import Observer
from tinygrad_mnist.autograd.recorder import Recorder


class Cube(tg.autograd.Function):
    """A user's own operation."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


def names(step: Recorder) -> list[str]:
    return [record.name for record in step.records]


def test_operations_carry_their_module_and_the_users_line() -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Sequential(nn.Linear(5, 3)))
    with Recorder() as step:
        out = model(tg.ones(2, 4))
    assert [(r.name, r.call.path) for r in step.records] == [
        ("linear", "0"), ("relu", "1"), ("linear", "2.0"),
    ]  # fmt: skip
    line = step.records[0].call.line
    assert line is not None and line.file == __file__ and line.text == "out = model(tg.ones(2, 4))"
    assert step.of_tensor(out) is step.records[2]


def test_the_line_is_that_of_a_users_own_module() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x.exp()

    with Recorder() as step:
        Net()(tg.ones(1, 2))
    assert [r.call.path for r in step.records] == ["layers.0", "layers.1", ""]
    assert [r.call.line.function for r in step.records] == ["forward"] * 3  # type: ignore[union-attr]


def test_what_is_not_tracked_is_recorded_too_and_linked() -> None:
    with Recorder() as step, tg.no_grad():
        x = tg.ones(3) / 2
        (x.sum() * x).exp()
    assert names(step) == ["div", "sum", "mul", "exp"]
    product = step.records[2]
    assert [value.call.name for value in product.inputs] == ["sum", "div"]
    assert all(record.call.node is None for record in step.records)


def test_rules_are_recorded_with_what_came_in_and_went_out() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = tg.tensor([1.0, 1.0], requires_grad=True)
    with Recorder() as step:
        (x * b).sum().backward()
    total, product = step.turns
    assert total.record.name == "sum" and total.gradient == 1.0
    assert np.array_equal(product.gradient, np.ones((2, 2)))
    first, second = product.arrivals
    assert first.position == 0 and np.array_equal(first.gradient, np.ones((2, 2)))
    assert first.raw is None and first.summed == ()
    assert second.position == 1 and second.summed == (0,)
    assert np.array_equal(second.raw, x.detach().numpy()) and np.array_equal(
        second.gradient, [4.0, 6.0]
    )
    assert product.record.backward is product


def test_both_places_of_one_tensor_are_told_apart() -> None:
    x = tg.tensor(3.0, requires_grad=True)
    with Recorder() as step:
        (x * x).backward()
    assert [a.position for a in step.turns[0].arrivals] == [0, 1]


def test_several_outputs_have_one_record() -> None:
    x = tg.tensor([[2.0, 1.0], [0.0, 3.0]], requires_grad=True)
    with Recorder() as step:
        _, log = tg.linalg.slogdet(x)
        log.backward()
    (record,) = [r for r in step.records if r.name == "slogdet"]
    assert len(record.outputs) == 2
    assert record.backward is not None and record.backward.gradient[0] is None


def test_a_users_function_is_an_operation() -> None:
    x = tg.tensor(2.0, requires_grad=True)
    with Recorder() as step:
        (Cube.apply(x) * 1).backward()
    assert names(step)[:3] == ["pow", "Cube", "mul"]  # forward itself, then what it stands for
    assert step.records[2].inputs[0].call is step.records[1]
    assert [turn.record.name for turn in step.turns] == ["mul", "Cube"]
    assert step.turns[1].arrivals[0].gradient == 12.0


def test_values_stay_what_they_were_when_they_are_written_to() -> None:
    x = tg.ones(2)
    with Recorder() as step:
        y = x + 1
        y.mul_(5)
        x.fill_(7.0)
        z = x + y
    add, mul, last = step.records[0], step.records[1], step.records[-1]
    assert z.tolist() == [17.0, 17.0]
    assert add.outputs[0].array.tolist() == [2.0, 2.0]
    assert mul.outputs[0].array.tolist() == [10.0, 10.0]
    assert last.inputs[0].array.tolist() == [7.0, 7.0] and last.inputs[1].call is mul


def test_a_pass_that_is_over_keeps_no_gradient() -> None:
    class Silent(Observer):
        """Is told, and keeps nothing."""

    w = tg.ones(3, requires_grad=True)
    with Silent():
        (w * 2).sum().backward()
    held = weakref.ref(w)
    del w
    gc.collect()
    assert held() is None and modes.walk is None


def test_recorders_nest_and_end_with_their_block() -> None:
    with Recorder() as outer:
        tg.ones(1).exp()
        with pytest.raises(ZeroDivisionError), Recorder() as inner:
            tg.ones(1).log()
            raise ZeroDivisionError
        tg.ones(1).sin()
    tg.ones(1).cos()
    assert names(outer) == ["exp", "log", "sin"] and names(inner) == ["log"]
    assert modes.observers == () and quiet.run is quiet.unobserved and modes.last_call is None


def test_another_thread_is_not_recorded() -> None:
    with Recorder() as step:
        thread = threading.Thread(target=lambda: tg.ones(1).exp())
        thread.start()
        thread.join()
    assert step.records == []


def test_an_observer_decorates_a_function() -> None:
    step = Recorder()

    @step
    def compute() -> Any:
        return tg.ones(1).exp()

    compute()
    compute()
    tg.ones(1).exp()
    assert names(step) == ["exp", "exp"]


def test_recording_changes_no_number() -> None:
    def losses(record: bool) -> list[float]:
        tg.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Dropout(0.2), nn.Linear(27, 4),
        )  # fmt: skip
        optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
        found = []
        for _ in range(5):
            x, y = tg.randn(6, 1, 8, 8), tg.randint(0, 4, (6,))
            with Recorder() if record else tg.enable_grad():
                loss = nn.functional.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    assert losses(True) == losses(False)


def test_second_derivatives_are_recorded() -> None:
    x = tg.tensor(2.0, requires_grad=True)
    with Recorder() as step:
        (g,) = tg.autograd.grad(x**3, x, create_graph=True)
        (h,) = tg.autograd.grad(g, x)
    assert h.item() == 12.0
    assert step.turns[0].record.name == "pow" and len(step.turns) > 1


def test_an_observer_is_told_in_order() -> None:
    told: list[str] = []

    class Teller(Observer):
        def computed(self, call: Any) -> None:
            told.append(f"computed {call.op.name}")

        def recorded(self, call: Any) -> None:
            told.append(f"recorded {call.op.name}")

        def ran(self, node: Any, gradient: Any, results: Any) -> None:
            told.append(f"ran {node.op.name}")

    with Teller():
        tg.ones(1, requires_grad=True).exp().backward()
    assert told == ["computed exp", "recorded exp", "ran exp"]


def test_forward_anomaly_names_operation_module_and_line() -> None:
    model = nn.Sequential(*[nn.Tanh() for _ in range(20)])

    class Bad(nn.Module):
        def forward(self, x: Any) -> Any:
            return (x - x).log()  # planted

    model.insert(13, Bad())
    with (
        tg.autograd.detect_anomaly(check_forward=True),
        pytest.raises(RuntimeError, match=r"^log: computed an infinity .*planted, in module 13$"),
    ):
        model(tg.ones(2))


def test_forward_anomaly_lets_infinities_pass_on() -> None:
    with tg.autograd.detect_anomaly(check_forward=True):
        masked = tg.zeros(3).masked_fill(tg.tensor([True, False, False]), -float("inf"))
        assert masked.softmax(0).isfinite().all()
        (tg.tensor(float("inf")) + 1).exp()


def test_backward_anomaly_names_module_and_line() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2)))
    model[1][0].weight.data.fill_(float("nan"))
    with tg.autograd.detect_anomaly():
        out = model(tg.ones(1, 2)).sum()
        with pytest.raises(RuntimeError, match=r"linear: .*out = model\(.*, in module 1\.0"):
            out.backward()


def test_records_go_with_their_graph() -> None:
    def step() -> Any:
        w = tg.ones(3, requires_grad=True)
        with Recorder() as recorded:
            loss = (w * w).exp().sum()
            (g,) = tg.autograd.grad(loss, w, create_graph=True)
            (g.sum() + loss).backward()
        assert recorded.records[0].call.node is not None
        return weakref.ref(loss.grad_fn)

    reference = step()
    gc.collect()
    assert reference() is None


def test_rules_that_are_looked_at_are_not_recorded() -> None:
    w, b = tg.ones(2, 3, requires_grad=True), tg.tensor([2.0], requires_grad=True)
    with Recorder() as broadcast:
        tg.autograd.grad((w * b).sum(), b, create_graph=True)
    with Recorder() as same:
        tg.autograd.grad((w * b.expand(2, 3)).sum(), w, create_graph=True)
    assert all(record.call.node is None or record.inputs for record in broadcast.records)
    names = [record.name for record in broadcast.records]
    assert names.count("mul") == 2 and [r.name for r in same.records].count("mul") == 2


def test_a_pass_knows_where_it_began_and_how_it_ended() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    w.register_hook(lambda g: g * 10)
    with Recorder() as step:
        loss = (w * 3).sum()
        loss.backward(retain_graph=True)
        (loss * 2).backward()
    first, second = step.turns[0].walk, step.turns[-1].walk
    assert first is not None and second is not None and first is not second
    assert first.began_at(loss.grad_fn) and not second.began_at(loss.grad_fn)
    assert first.leaves[w].tolist() == [30.0, 30.0] and second.leaves[w].tolist() == [60.0, 60.0]
    assert len(step.records[0].turns) == 2
