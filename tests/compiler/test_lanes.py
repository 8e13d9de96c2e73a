"""Lanes: parts of the batch, each in a thread, give what one thread gives but for rounding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest
from compiler import test_source
from compiler.test_random import EVENTS, LAYERS, LOSSES, MANY, STEPS, Plan, train_both
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn, optim
from tinygrad_mnist._runtime import threads
from tinygrad_mnist.compiler import Compiled, numpy_backend
from tinygrad_mnist.compiler.lanes import regions, spreading, writing
from tinygrad_mnist.compiler.lanes.running import BrokenOffError, Meeting, Sum, total

Step = Callable[..., tg.Tensor]


AGREES = writing.Branch._agrees


@pytest.fixture(autouse=True)
def eager_for_lanes() -> Iterator[None]:
    """Let lanes be worth it for the least work, on two threads; they must not disagree."""

    def agrees(branch: writing.Branch, programs: Any) -> bool:
        assert AGREES(branch, programs), "lanes don't compute what the lines compute"
        return True

    before = tg.get_num_threads()
    tg.set_num_threads(2)
    with (
        mock.patch.object(regions, "WORTHWHILE", 0),
        mock.patch.object(regions, "SPARE", 0),
        mock.patch.object(numpy_backend, "GROWTH", 1e9),
        mock.patch.object(writing.Branch, "_agrees", agrees),
    ):
        yield
    tg.set_num_threads(before)


def has_lanes(run: Any) -> bool:
    built = [step.built for step in run.steps.values() if step.built is not None]
    return any(b.branch is not None for b in built)


def alike(expected: list[Any], found: list[Any], what: Any) -> None:
    """Compare what there is after each step."""
    for number, (some, others) in enumerate(zip(expected, found, strict=True)):
        for x, y in zip(_arrays(some), _arrays(others), strict=True):
            scale = max(float(np.abs(x).max(initial=0)), 1e-2)
            np.testing.assert_allclose(y, x, 0, 2e-3 * scale, err_msg=f"step {number} of {what}")


def _arrays(x: Any) -> Iterator[np.ndarray]:
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, list | tuple):
        for part in x:
            yield from _arrays(part)
    elif x is not None:
        yield np.asarray(x)


def compare(plan: Plan) -> bool:
    """Train with and without lanes; return whether there were any."""
    expected, found, run = train_both(plan)
    alike(expected, found, plan)
    return has_lanes(run)


def plan_of(*layers: str, loss: str = "squares", optimizer: str = "sgd", **more: Any) -> Plan:
    usual: dict[str, Any] = {
        "schedule": "none", "clip": "none", "none": True, "every": 1, "inside": False,
        "events": ("nothing",) * STEPS, "seed": 0,
    }  # fmt: skip
    return Plan(layers, loss, optimizer, **{**usual, **more})


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_has_lanes(layer: str) -> None:
    has = compare(plan_of("linear", layer))
    assert has or layer in ("lstm", "gru", "rnn")  # whose kernels are for the whole batch


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_has_lanes(loss: str) -> None:
    has = compare(plan_of("linear", "tanh", loss=loss))
    assert has is (loss != "ignoring")  # how many targets count, no lane knows


plans = st.builds(
    plan_of,
    st.sampled_from(sorted(LAYERS)),
    st.sampled_from(sorted(LAYERS)),
    st.sampled_from(sorted(LAYERS)),
    loss=st.sampled_from(sorted(LOSSES)),
    optimizer=st.sampled_from(["sgd", "momentum"]),
    clip=st.sampled_from(["none", "norm"]),
    every=st.sampled_from([1, 2]),
    events=st.lists(
        st.sampled_from([e for e in EVENTS if e != "reload"]), min_size=STEPS, max_size=STEPS
    ).map(tuple),
    seed=st.integers(0, 1000),
)


def compare_random(plan: Plan) -> None:
    """Compare a training whose gradients may be nothing but rounding, where nothing agrees."""
    with mock.patch.object(writing.Branch, "_agrees", AGREES):
        compare(plan)


@given(plan=plans)
@settings(max_examples=8, deadline=None)
def test_random_trainings_are_alike(plan: Plan) -> None:
    compare_random(plan)


@pytest.mark.slow
@given(plan=plans)
@settings(max_examples=MANY // 3, deadline=None)
def test_many_random_trainings_are_alike(plan: Plan) -> None:
    compare_random(plan)


def training(
    model: nn.Module, compiled: Any, batches: Any, loss: Any = F.cross_entropy
) -> tuple[list[float], Any]:
    """Train; return the losses, and the step."""
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        result: tg.Tensor = loss(model(x), y)
        result.backward()
        optimizer.step()
        return result

    run = compiled(step)
    return [run(x, y).item() for x, y in batches], run


def network() -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def some_batches(number: int, rows: int = 7) -> list[tuple[tg.Tensor, tg.Tensor]]:
    source = np.random.default_rng(0)
    return [
        (
            tg.from_numpy(source.standard_normal((rows, 6), dtype=np.float32)),
            tg.from_numpy(source.integers(0, 3, rows)),
        )
        for _ in range(number)
    ]


def test_one_thread_computes_what_it_always_did() -> None:
    batches = some_batches(8)
    expected, _ = training(network(), lambda step: step, batches)
    model = network()
    tg.set_num_threads(1)
    found, run = training(model, Compiled, batches)
    assert has_lanes(run)
    assert found == expected  # bit for bit


def test_the_number_of_threads_may_change() -> None:
    expected, _ = training(network(), lambda step: step, some_batches(12))
    found = []
    model = network()
    step = Compiled(test_source.training(model, optim.SGD(model.parameters(), lr=0.1)))
    for number, (x, y) in enumerate(some_batches(12)):
        tg.set_num_threads(1 + number % 2)
        found.append(step(x, y).item())
    assert has_lanes(step)
    np.testing.assert_allclose(found, expected, 1e-4)


def test_deterministic_algorithms_have_no_lanes() -> None:
    batches = some_batches(8)
    expected, _ = training(network(), lambda step: step, batches)
    tg.use_deterministic_algorithms(True)
    try:
        found, _ = training(network(), Compiled, batches)
    finally:
        tg.use_deterministic_algorithms(False)
    assert found == expected


def test_a_target_that_is_ignored_is_for_one_thread() -> None:
    batches = some_batches(10)
    batches[6][1][:3] = -100
    expected, _ = training(network(), lambda step: step, batches)
    found, run = training(network(), Compiled, batches)
    assert has_lanes(run)
    np.testing.assert_allclose(found, expected, 1e-4)


def test_a_wrong_target_raises_what_it_raises_as_it_is() -> None:
    batches = some_batches(8)
    batches[6][1][2] = 3
    said = []
    for compiled in (lambda step: step, Compiled):
        with pytest.raises(IndexError) as raised:
            training(network(), compiled, batches)
        said.append(str(raised.value))
    assert said[0] == said[1]
    found, _ = training(network(), Compiled, some_batches(8))  # and lanes go on
    assert np.isfinite(found).all()


def test_what_is_drawn_is_drawn_once() -> None:
    def model() -> nn.Module:
        tg.manual_seed(3)
        return nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 3))

    batches = some_batches(8)
    expected, _ = training(model(), lambda step: step, batches)
    after = tg.rand(3).numpy()
    found, run = training(model(), Compiled, batches)
    assert has_lanes(run)
    np.testing.assert_allclose(found, expected, 1e-5)
    np.testing.assert_array_equal(tg.rand(3).numpy(), after)


def test_rows_that_come_out_are_put_together() -> None:
    model = network().eval()

    @Compiled
    def predict(x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        out = model(x)
        return out, out.argmax(1)

    kept = []
    with tg.no_grad():
        for x, _ in some_batches(6):
            kept.append((predict(x), model(x)))
    assert has_lanes(predict)
    for (out, classes), expected in kept:  # each call's are its own
        np.testing.assert_allclose(out.numpy(), expected.numpy(), 1e-5, 1e-6)
        np.testing.assert_array_equal(classes.numpy(), expected.argmax(1).numpy())


def test_a_gradient_that_is_kept_stays_what_it_is() -> None:
    model = network()
    weight = next(model.parameters())

    @Compiled
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        model.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    kept = []
    for x, y in some_batches(8):
        step(x, y)
        kept.append((weight.grad, weight.grad.numpy().copy()))
    assert has_lanes(step)
    for gradient, then in kept:
        np.testing.assert_array_equal(gradient.numpy(), then)


def test_what_a_rule_gets_wrong_is_noticed() -> None:
    """Lanes are run once beside the lines; if they disagree there are none."""

    def largest(out: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return (out - out.amax(0)).square().sum()

    assert not has_lanes(training(nn.Linear(6, 3), Compiled, some_batches(6), largest)[1])
    as_if_a_sum = {np.max: spreading._reduction(sums=True)}
    with (
        mock.patch.dict(spreading._FUNCTIONS, as_if_a_sum),
        pytest.raises(AssertionError, match="lanes don't compute"),
    ):
        training(nn.Linear(6, 3), Compiled, some_batches(6), largest)


def test_lanes_that_take_much_memory_are_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_backend, "GROWTH", 1 / 16)
    batches = some_batches(6)
    assert not has_lanes(training(nn.Linear(6, 3), tg.compile, batches)[1])
    assert has_lanes(training(nn.Linear(6, 3), tg.compile(mode="max-autotune"), batches)[1])
    assert has_lanes(training(nn.Linear(6, 3), tg.compile(options={"economy": False}), batches)[1])
    assert not has_lanes(
        training(nn.Linear(6, 3), tg.compile(options={"lanes": False}), batches)[1]
    )


def first_row_counts(out: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    return (out * out[:1]).sum()


def first_rows_are_set(out: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    other = out * 2
    other[:2] = 1.0
    return (out * other).sum()


def all_pairs(out: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    return (out @ out.T).tanh().sum()


def neighbours(out: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    return (out[1:] - out[:-1]).square().sum()


def in_another_order(out: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    return (out.flip(0) * out).sum() + out.roll(1, 0).square().mean()


def running_sums(out: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    return out.cumsum(0).square().mean() + out.cumsum(1).square().mean()


@pytest.mark.parametrize("loss", [
    first_row_counts, first_rows_are_set, all_pairs, neighbours, in_another_order, running_sums,
])  # fmt: skip
def test_what_mixes_rows_is_no_rule_of_lanes(loss: Any) -> None:
    expected, _ = training(network(), lambda step: step, some_batches(8), loss)
    found, _ = training(network(), Compiled, some_batches(8), loss)
    np.testing.assert_allclose(found, expected, 1e-4)


def test_a_report_says_how_many_lanes_there_are() -> None:
    batches = some_batches(6)
    _, run = training(network(), Compiled, batches)
    report = tg.compiler.explain(run, *batches[0])
    assert report.programs[0].lanes == 2
    assert "on 2 threads each computes its part of the batch" in str(report)
    assert report.programs[0].lines  # and each line is timed, on one


def test_who_waits_for_one_that_fails_is_told() -> None:
    meeting = Meeting(2)
    found: list[Any] = []

    def wait() -> None:
        try:
            meeting.meet(0, lambda: None)
        except BrokenOffError as error:
            found.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    meeting.break_off()
    thread.join(5)
    assert not thread.is_alive()
    assert len(found) == 1


def test_lanes_add_up_in_order() -> None:
    meeting = Meeting(3)
    summands = [np.full(2, 10.0**i) for i in range(3)]
    shared = Sum(meeting, summands)
    results: list[Any] = [None] * 3

    def run(lane: int) -> None:
        for _ in range(50):
            results[lane] = shared.of(lane)(summands[lane]).copy()

    jobs = [threading.Thread(target=run, args=(lane,)) for lane in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(20)
    for found in results:
        np.testing.assert_array_equal(found, total(summands))


def test_an_error_in_one_function_is_raised_when_all_have_ended() -> None:
    def wrong() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        threads.together([lambda: 1, wrong], lambda: None)
    assert threads.together([lambda: 1, lambda: 2], lambda: None) == [1, 2]
