"""Each pass, alone, leaves a program's results what they are, and the program that it is given."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiler.test_source import NETWORKS, OPTIMIZERS, batches, network, training

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist._runtime import threads
from tinygrad_mnist.compiler.compiled import Compiled
from tinygrad_mnist.compiler.numpy_backend import Built
from tinygrad_mnist.compiler.passes import (
    PASSES,
    SWITCHES,
    common_subexpressions,
    flat_updates,
    improved,
    optimizer_formulas,
    prepared_kernels,
    repeated_channels,
    settled_constants,
    without_copies,
    without_dead_code,
    without_writes,
)  # fmt: skip
from tinygrad_mnist.compiler.passes.constants import same_constants
from tinygrad_mnist.compiler.recording import Recording, record
from tinygrad_mnist.compiler.rewriting import is_view
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value

ALONE: dict[str, tuple[Any, ...]] = {
    "none": (), "all": tuple(PASSES.values()), "flat updates": (optimizer_formulas, flat_updates),
    **{name: (f,) for name, f in PASSES.items() if f is not flat_updates},
}  # fmt: skip


def recorded(kind: str, optimizer: str, steps: int = 3) -> tuple[Recording, nn.Module]:
    """Take some steps, and record the last."""
    model = network(kind)
    step = training(model, OPTIMIZERS[optimizer](model.parameters()))
    tg.manual_seed(1)
    *first, last = batches(steps)
    for x, y in first:
        step(x, y)
    recording = record(step, last, {})
    assert not recording.stopped
    return recording, model


def account(program: Program) -> Any:
    """Tell all that a pass could change."""
    calls = [
        (c, c.function, c.arguments, dict(c.keywords), c.results, c.writes, c.reads)
        for c in program.calls
    ]
    storages = [(x, x.storage, x.array) for c in program.calls for x in (*c.values(), *c.made())]
    return calls, storages, program.wanted(), dict(program.parts)


def run(f: Callable[..., Any], *inputs: Any) -> Any:
    with np.errstate(all="ignore"):
        return f(*inputs)


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_pass_alone_leaves_the_results_and_the_given_program(kind: str, name: str) -> None:
    recording, model = recorded(kind, "adam")
    before = account(recording.program)
    program = recording.program
    for change in ALONE[name]:
        given = account(program)
        changed = change(program)
        assert account(program) == given
        program = changed
    assert account(recording.program) == before
    x, y = batches(4)[3]
    loss, *_ = run(Built(program).run, x.numpy(), y.numpy())

    reference, same = recorded(kind, "adam", 4)
    assert float(loss) == reference.result.item()
    for p, q in zip(model.parameters(), same.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach(), q.detach())


def calls_of(function: Callable[..., Any], *args: Any) -> Program:
    function(*args)
    recording = record(function, args, {})
    assert not recording.stopped
    return recording.program


def names(program: Program) -> list[str]:
    return [c.name or c.function.__name__ for c in program.calls]


def test_dead_code_goes() -> None:
    program = calls_of(lambda x: (x.exp() + x.cos(), x * 2)[1], tg.ones(3))
    assert names(program) == ["exp", "cos", "add", "multiply"]
    assert names(without_dead_code(program)) == ["multiply"]


def test_what_is_computed_twice_is_computed_once() -> None:
    program = calls_of(lambda x: (x.exp() * 2 + x.exp() * 2).sin(), tg.ones(3))
    assert names(without_dead_code(common_subexpressions(program))) == [
        "exp", "multiply", "add", "sin",
    ]  # fmt: skip


def test_numbers_that_differ_in_their_sign_alone_are_two() -> None:
    program = calls_of(lambda x: x * 0.0 + x * -0.0, tg.ones(3))
    assert names(common_subexpressions(program)) == ["multiply", "multiply", "add"]


def test_what_is_returned_twice_stays_two_arrays() -> None:
    program = calls_of(lambda x: (x.exp(), x.exp()), tg.ones(3))
    first, second = run(Built(improved(program)).run, np.ones(3, np.float32))
    assert not np.shares_memory(first, second)


def test_what_was_written_to_in_between_is_computed_again() -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        y = x * 1
        before = y.exp()
        y.add_(1)
        return before * y.exp()

    program = improved(calls_of(function, tg.ones(3)))
    (result,) = run(Built(program).run, np.ones(3, np.float32))
    np.testing.assert_array_equal(result, function(tg.ones(3)))


def test_equal_constants_are_one_unless_they_are_written_to() -> None:
    a, b, c = (
        Value(array, Storage(array, "constant")) for array in (np.ones(3), np.ones(3), np.zeros(3))
    )
    total, more = (Value(array, Storage(array, "made")) for array in (np.ones(3), np.ones(3)))
    calls = [Call(np.add, (a, b), {}, total), Call(np.add, (total, c), {}, more)]
    program = same_constants(Program(calls, [], [more]))
    assert program.calls[0].arguments == (a, a) and program.calls[1].arguments == (total, c)
    calls.append(Call(np.add, (b, c), {"out": b}, None, (b.storage,)))
    program = same_constants(Program(calls, [], [more]))
    assert program.calls[0].arguments == (a, b)


def test_what_depends_on_constants_alone_is_computed_once() -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        places = (tg.arange(4).float() * 0.5).exp()
        return x * places.reshape(2, 2) + places[0]

    program = calls_of(function, tg.ones(2, 2))
    settled = without_dead_code(settled_constants(program))
    assert {"exp", "multiply"} <= set(names(program))
    assert names(settled) == ["reshape", "multiply", "getattr", "add"]
    for each in (settled, improved(program), improved(program, SWITCHES - {"constants"})):
        x = tg.randn(2, 2)
        (result,) = run(Built(each).run, x.numpy())
        np.testing.assert_array_equal(result, function(x))


def test_what_is_written_to_or_returned_or_long_is_computed_at_each_step() -> None:
    def written(x: tg.Tensor) -> tuple[tg.Tensor, ...]:
        y = tg.arange(3).float() * 0.5
        y += x
        return (y.exp(),)

    def returned(x: tg.Tensor) -> tuple[tg.Tensor, ...]:
        return (tg.arange(3).float() * 0.5).view(3, 1), x.exp()

    def long(x: tg.Tensor) -> tuple[tg.Tensor, ...]:
        return (x + tg.arange(99).float().sin()[:3],)

    for function, stays in ((written, "multiply"), (returned, "multiply"), (long, "sin")):
        program = calls_of(function, tg.ones(3))
        assert stays in names(settled_constants(program))
        step = Compiled(function)
        for _ in range(6):
            results = step(tg.ones(3))
            for ours, theirs in zip(results, function(tg.ones(3)), strict=True):
                np.testing.assert_array_equal(ours, theirs)
            results[0].zero_()  # what was returned is the caller's
        assert step.steps[1].built is not None


def test_a_copy_of_what_is_not_used_any_more_goes_and_others_stay() -> None:
    program = calls_of(lambda x: x.exp().clone().sin(), tg.ones(3))
    assert names(without_copies(program)) == ["exp", "sin"]

    def written(x: tg.Tensor) -> tg.Tensor:
        y = x.exp()
        z = y.clone()
        y.mul_(2)
        return z.sin() + y.sin()

    program = calls_of(written, tg.ones(3))
    assert "copy" in names(without_copies(program))


def test_writes_over_whole_arrays_become_results_and_places_to_write_to_go() -> None:
    program = calls_of(lambda x: (x * 2).sigmoid().sin(), tg.ones(3, 3))
    assert names(program)[1:3] == ["empty_like", "negative"]
    functional = without_dead_code(without_writes(program))
    assert names(functional) == ["multiply", "negative", "exp", "add", "reciprocal", "sin"]
    assert not any(c.writes for c in functional.calls)


def test_a_write_that_a_view_sees_stays_a_write() -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        y = x * 1
        row = y[0]
        y.add_(1)
        return row.exp() + y.sum()

    program = improved(calls_of(function, tg.ones(3, 3)))
    assert any(c.writes for c in program.calls)
    (result,) = run(Built(program).run, np.ones((3, 3), np.float32))
    np.testing.assert_array_equal(result, function(tg.ones(3, 3)))


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "NAdam", "ASGD", "Rprop"])
def test_small_parameters_are_updated_at_once_with_the_numbers_of_each_alone(
    optimizer: str,
) -> None:
    outcomes = []
    for wrap in (lambda step: step, Compiled):
        model = network("relu")
        made = getattr(tg.optim, optimizer)(model.parameters(), lr=0.01)
        step = wrap(training(model, made))
        for x, y in batches(7):
            step(x, y)
        state = [list(made.state[p].values()) for p in model.parameters()]
        outcomes.append((list(model.parameters()), state))
    (program,) = step.steps.values()
    lines = [line for line in program.built.lines if ".update(" in line]
    assert len(lines) == 1 and lines[0].startswith("flat.update("), lines
    for p, q in zip(outcomes[0][0], outcomes[1][0], strict=True):
        np.testing.assert_array_equal(p.detach(), q.detach())
    for one, two in zip(outcomes[0][1], outcomes[1][1], strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)


class Decaying(tg.optim.SGD):
    """Divides by the norm of a parameter: no formula for each element alone."""

    def update(self, p: Any, g: Any, state: Any, group: Any) -> None:
        p -= g * (float(group["lr"]) / np.linalg.norm(p))


def test_a_formula_of_a_whole_parameter_is_applied_to_each() -> None:
    outcomes = []
    for wrap in (lambda step: step, Compiled):
        model = network("relu")
        step = wrap(training(model, Decaying(model.parameters(), lr=0.01)))
        for x, y in batches(7):
            step(x, y)
        outcomes.append(list(model.parameters()))
    for p, q in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(p.detach(), q.detach())


def test_a_parameter_whose_array_somebody_holds_stays_where_it_is() -> None:
    model = network("relu")
    held = model[0].weight.detach().numpy()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    step = Compiled(training(model, optimizer))
    for x, y in batches(7):
        step(x, y)
    assert np.shares_memory(held, model[0].weight.detach().numpy())
    np.testing.assert_array_equal(held, model[0].weight.detach())


def test_targets_that_are_ignored_or_wrong_are_as_in_the_step_itself() -> None:
    outcomes = []
    for wrap in (lambda step: step, Compiled):
        model = network("relu")
        step = wrap(training(model, tg.optim.SGD(model.parameters(), lr=0.1)))
        losses = []
        for i, (x, y) in enumerate(batches(9)):
            if i in (5, 7):
                y[i - 4] = -100
            losses.append(step(x, y).item())
        with pytest.raises(IndexError, match="target 3 is out of bounds"):
            step(x, y + 3)
        outcomes.append(losses)
    assert outcomes[0] == outcomes[1]


def test_many_rows_give_the_loss_of_the_step_itself() -> None:
    x, y = tg.randn(100, 7), tg.randint(0, 7, (100,))

    def function(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return F.cross_entropy(x, y)

    compiled = Compiled(function)
    assert [compiled(x, y).item() for _ in range(4)] == [function(x, y).item()] * 4


def test_prepared_kernels_stand_for_the_loss() -> None:
    recording, _ = recorded("relu", "sgd")
    program = prepared_kernels(recording.program)
    changed = [c.function.__qualname__ for c in program.calls if c.printed]
    assert changed == ["CrossEntropy.forward", "CrossEntropy.rule"]


def images(channels: int) -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, channels, 3), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.GELU(), nn.Linear(channels * 25, 3),
    )  # fmt: skip


@pytest.mark.parametrize("again", [True, False])
def test_views_go_with_the_memory_of_what_was_computed_twice(again: bool) -> None:
    def step(a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
        x, y = a * b, a * b
        turned = y.T  # the first of its kind, of what is computed a second time
        same = turned.view(4, 4)
        return (same @ a).sum() + (x.T @ b if again else x @ b).sum()

    program = record(step, (tg.randn(4, 4), tg.randn(4, 4)), {}).program
    shorter = common_subexpressions(program)
    assert len(shorter.calls) < len(program.calls)
    for before, after in ((c, d) for c in program.calls for d in shorter.calls):
        if is_view(before) and before.function is after.function:
            assert is_view(after)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_shared_out_lines_give_the_numbers_of_the_step_itself(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinygrad_mnist.compiler.chains.LARGE", 1)
    monkeypatch.setattr("tinygrad_mnist.compiler.chains.ONE_LINE", 1)
    monkeypatch.setattr("tinygrad_mnist.compiler.passes.tiles.LARGE", 1)
    monkeypatch.setattr("tinygrad_mnist.compiler.passes.tiles.LONG", 1)
    monkeypatch.setattr("tinygrad_mnist._runtime.threads.WORTHWHILE", 1)
    monkeypatch.setattr("tinygrad_mnist._runtime.threads._wanted", [number])
    x, y = tg.randn(7, 1, 12, 12), tg.randint(0, 3, (7,))
    outcomes = []
    for wrap in (lambda step: step, Compiled):
        model = images(4)
        step = wrap(training(model, tg.optim.SGD(model.parameters(), lr=0.1)))
        outcomes.append([step(x, y).item() for _ in range(7)])
    (program,) = step.steps.values()
    assert sum("share(" in line for line in program.built.lines) > 4
    assert outcomes[0] == outcomes[1]


def test_lines_whose_rows_would_get_into_each_others_way_are_no_chain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tinygrad_mnist.compiler.chains.LARGE", 1)
    monkeypatch.setattr("tinygrad_mnist._runtime.threads.WORTHWHILE", 1)
    monkeypatch.setattr("tinygrad_mnist._runtime.threads._wanted", [2])

    monkeypatch.setattr("tinygrad_mnist._runtime.threads._charge", 1000)

    def function(x: tg.Tensor) -> tg.Tensor:
        y = x * 2
        z = y.exp() + y.T  # reads what another thread may not have written yet
        return (z * z + y[:1]).sin()

    x = tg.randn(50, 50)
    compiled = Compiled(function)
    for _ in range(5):
        np.testing.assert_array_equal(compiled(x), function(x))


def test_products_ask_at_each_step_which_threads_compute_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def large(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return x @ y + (y @ x).sum()

    for least in ("SMALL", "PRODUCT"):
        monkeypatch.setattr(f"tinygrad_mnist._runtime.threads.{least}", 1)
    monkeypatch.setattr("tinygrad_mnist._runtime.threads.WORTHWHILE", 1)
    monkeypatch.setattr("tinygrad_mnist._runtime.threads._wanted", [2])
    parts: list[int] = []
    share = threads.share

    def watched(function: Any, count: int, work: int) -> Any:
        return share(lambda part: (parts.append(count), function(part)), count, work)

    monkeypatch.setattr("tinygrad_mnist._runtime.threads.share", watched)
    x, y = tg.randn(30, 20), tg.randn(20, 30)
    compiled, expected = Compiled(large), large(x, y)
    counts = []
    for step in range(7):
        monkeypatch.setattr(threads, "_charge", 100 if step == 5 else 0)
        parts.clear()
        np.testing.assert_allclose(compiled(x, y), expected, rtol=1e-4, atol=1e-3)
        counts.append(len(parts))
    assert counts == [0, 0, 0, 0, 0, 4, 0]


def test_channels_are_repeated_where_they_lie_last() -> None:
    x = np.empty((40, 64, 64, 2), np.float32).transpose(0, 3, 1, 2)
    scale = np.empty((2, 1, 1), np.float32)
    a, b = Value(x, Storage(x, "input")), Value(scale, Storage(scale, "state"))
    first, second = (Value(y := np.empty_like(x), Storage(y, "made")) for _ in range(2))
    calls = [Call(np.multiply, (a, b), {}, first), Call(np.add, (first, b), {}, second)]
    program = repeated_channels(Program(calls, [a], [second]))
    assert names(program) == ["broadcast_to", "positive", "multiply", "add"]
    repeated = program.calls[1].results
    assert repeated.array.shape == (1, 2, 64, 64) and repeated.array.strides[1] == 4
    assert [c.arguments[1] for c in program.calls[2:]] == [repeated, repeated]


def test_what_others_have_told_the_garbage_collector_is_no_part_of_a_step() -> None:
    def told(phase: str, info: Any) -> None:
        time.perf_counter()

    model = network("relu")
    inner = training(model, tg.optim.SGD(model.parameters(), lr=0.1))

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return inner(x, y if [[i] for i in range(2000)] else x)  # enough for a collection

    gc.callbacks.append(told)
    try:
        compiled = Compiled(step)
        for x, y in batches(4):
            compiled(x, y)
    finally:
        gc.callbacks.remove(told)
    assert gc.isenabled() and not compiled.uncompiled


def test_relu_of_large_arrays_takes_zeros_from_an_array() -> None:
    def function(x: tg.Tensor) -> tg.Tensor:
        return (x * 2).relu() * 3

    x = tg.randn(128, 2048)
    x[0, :4] = tg.tensor([-0.0, float("nan"), float("inf"), -float("inf")])
    compiled = Compiled(function)
    for _ in range(4):
        np.testing.assert_array_equal(compiled(x), function(x))
    (program,) = compiled.steps.values()
    (larger,) = (c for c in program.built.program.calls if c.function is np.maximum)
    zeros = larger.arguments[1].array
    assert zeros.shape == (1, 2048) and not zeros.any()
    assert "np.maximum(h0, 0, out=h0)" in program.built.source()
