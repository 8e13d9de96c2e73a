"""The faster of two backends: calls are made once, state moves exactly, and the choice is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from xla.test_training import network

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import explain, trial

pytest.importorskip("jax", reason="JAX isn't installed")

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.01, amsgrad=True),
    "Adadelta": lambda p: tg.optim.Adadelta(p),
}
TURN = trial.CALLS + 1
BUILT = 3
"""The call at which XLA's program is there; NumPy's is two calls after a turn of XLA's."""
ROUND = 2 * TURN + 2
XLA_FIRST, NUMPY_FIRST = [1.0, 3.0], [3.0, 1.0]
CLOSE = [1.0, 1.1, 1.05, 0.9]


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], None]:
    """Return a function that says what turns are going to take: XLA's, NumPy's, and so on."""

    def take(seconds: list[float]) -> None:
        rest: Iterator[float] = iter(seconds)
        monkeypatch.setattr(trial, "median", lambda spent: next(rest))

    return take


class Training:
    """A small training with all that a step may change."""

    def __init__(self, optimizer: str = "Adam", compiled: bool = True) -> None:
        tg.manual_seed(0)
        self.x, self.y = tg.randn(20, 6), tg.randint(0, 3, (20,))
        self.model = network()
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.generator = tg.Generator().manual_seed(3)
        schedule = tg.optim.lr_scheduler.StepLR(self.optimizer, 10, 0.9)
        model, optim, generator = self.model, self.optimizer, self.generator
        self.calls: list[int] = []

        def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
            noise = tg.randn(len(x), 3, generator=generator)
            loss = nn.functional.cross_entropy(model(x) + 0.1 * noise, y)
            optim.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optim.step()
            schedule.step()
            return loss

        self.step = tg.compile(step, backend="auto", fullgraph=True) if compiled else step

    def __call__(self, count: int = 1) -> list[float]:
        return [self.step(self.x, self.y).item() for _ in range(count)]

    def numbers(self) -> list[Any]:
        """Return all that a training changes."""
        found = [*self.model.state_dict().values(), *(p.grad for p in self.model.parameters())]
        for state in self.optimizer.state.values():
            found += [x for x in state.values() if isinstance(x, tg.Tensor)]
        return [x.detach().numpy().copy() for x in found]


def agree(some: Any, others: Any) -> None:
    for a, b in zip(some, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=5e-4, atol=5e-5)


def now(step: Any) -> str:
    """Return which backend's turn it is, or which has been chosen."""
    (found,) = step.steps.values()
    return str(found.now.backend.name)


@pytest.mark.parametrize(
    ("optimizer", "seconds"),
    [("momentum", XLA_FIRST), ("Adam", NUMPY_FIRST), ("Adadelta", CLOSE), ("Adam", CLOSE[::-1])],
    ids=["momentum, xla", "Adam, numpy", "Adadelta, numpy at last", "Adam, xla at last"],
)
def test_a_trial_leaves_the_numbers_that_they_are(
    optimizer: str, seconds: list[float], times: Any
) -> None:
    times(seconds)
    count = BUILT + ROUND * len(seconds) // 2 + 8
    tg.manual_seed(1)
    ours, plain = Training(optimizer), Training(optimizer, compiled=False)
    tg.manual_seed(2)
    losses = ours(count)
    tg.manual_seed(2)
    agree(losses, plain(count))
    agree(ours.numbers(), plain.numbers())
    assert (ours.generator.get_state() == plain.generator.get_state()).all()
    counts = {s["step"].item() for s in ours.optimizer.state.values() if "step" in s}
    assert counts <= {count}
    assert not ours.step.choice.is_open
    expected = min(range(len(seconds)), key=seconds.__getitem__)
    assert now(ours.step) == ("xla", "numpy")[expected % 2]


def test_what_is_read_between_calls_is_the_present_state(times: Any) -> None:
    times([1.0, 1.1, 1.1, 1.0])
    ours, plain = Training("momentum"), Training("momentum", compiled=False)
    for i in range(BUILT + 2 * ROUND + 3):
        tg.manual_seed(i)
        losses = ours()
        tg.manual_seed(i)
        agree(losses, plain())
        agree(ours.numbers(), plain.numbers())
        if i % 7 == 0:
            for t in (ours, plain):
                with tg.no_grad():
                    t.model[0].weight *= 0.9
                state = t.optimizer.state[t.model[4].weight]
                state["momentum_buffer"].mul_(0.5)
    assert now(ours.step) == "numpy"


def test_programs_take_turns_and_the_faster_is_kept(times: Any) -> None:
    times(CLOSE)
    ours, turns = Training(), []
    for _ in range(BUILT + 2 * ROUND + 2):
        ours()
        turns.append(now(ours.step) if ours.step.steps and BUILT <= len(turns) + 1 else "")
    expected = [""] * (BUILT - 1) + (["xla"] * TURN + ["numpy"] * (TURN + 2)) * 2 + ["numpy"] * 3
    assert turns == expected
    assert explain(ours.step).choice == (
        "NumPy runs it: a call takes XLA 1,000 ms, and NumPy 900 ms"
    )
    assert "NumPy runs it" in str(explain(ours.step))


def test_a_clear_difference_ends_a_trial_after_one_round(times: Any) -> None:
    times(XLA_FIRST)
    ours = Training()
    ours(BUILT + ROUND)
    assert now(ours.step) == "xla"
    report = explain(ours.step)
    assert report.choice == "XLA runs it: a call takes XLA 1,000 ms, and NumPy 3,000 ms"
    ours(3)
    (program,) = explain(ours.step).programs
    assert program.runs == TURN + 3


def test_each_program_is_really_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_mnist.compiler.step import Step

    seconds = 0.0
    usual = Step.run

    def run(self: Any, entry: Any) -> Any:
        nonlocal seconds
        seconds += 0.5 if self.backend.name == "numpy" else 0.25
        return usual(self, entry)

    monkeypatch.setattr(Step, "run", run)
    monkeypatch.setattr(trial, "perf_counter", lambda: seconds)
    ours = Training()
    ours(BUILT + ROUND)
    assert ours.step.choice.said == "XLA runs it: a call takes XLA 250 ms, and NumPy 500 ms"


@pytest.mark.parametrize("seconds", [XLA_FIRST, NUMPY_FIRST], ids=["xla", "numpy"])
def test_who_shares_a_parameters_memory_sees_the_steps_of_both(
    seconds: list[float], times: Any
) -> None:
    times(seconds)
    ours = Training()
    ours(2)
    early = ours.model[0].weight.detach()[1:]
    views = [early]
    for _ in range(BUILT + ROUND + 4):
        if len(views) % 5 == 0:
            views.append(ours.model[4].weight.detach().view(-1))
        views.append(ours.model[0].weight.detach()[1:])
        ours()
        present = ours.model[0].weight.detach().numpy()[1:]
        for view in views:
            if view.shape == early.shape:
                np.testing.assert_array_equal(view.numpy(), present)
    assert now(ours.step) == ("xla" if seconds is XLA_FIRST else "numpy")


def test_nothing_is_left_of_the_program_that_was_slower(times: Any) -> None:
    times(XLA_FIRST)
    ours = Training()
    ours(BUILT + ROUND + 2)
    assert all("_array" not in p.__dict__ for p in ours.model.parameters())  # XLA has them
    times(NUMPY_FIRST)
    other = Training()
    other(BUILT + ROUND + 2)
    arrays = [p.detach().numpy() for p in other.model.parameters()]
    assert len({id(a.base) for a in arrays}) == 1  # they lie together, for one update


def test_other_arguments_wait_for_the_end_of_a_trial(times: Any) -> None:
    times(XLA_FIRST)
    ours, plain = Training(), Training(compiled=False)
    for i in range(BUILT + ROUND + 4):
        for t in (ours, plain):
            tg.manual_seed(i)
            t()
            t.step(t.x[:7], t.y[:7])
    agree(ours.numbers(), plain.numbers())
    assert [s.backend.name for s in ours.step.steps.values()] == ["xla", "xla"]
    assert not ours.step.uncompiled


def test_a_change_of_turns_is_no_new_program(times: Callable[[list[float]], None]) -> None:
    times(NUMPY_FIRST)
    ours, plain = Training(), Training(compiled=False)
    tg.manual_seed(2)
    ours(BUILT)
    for i in range(ROUND):
        with tg.compiler.set_stance("fail_on_recompile"):
            ours(i % 3)  # where NumPy's program is on the way, runs as it is
            with pytest.raises(RuntimeError, match="no program for these arguments"):
                ours.step(ours.x[:7], ours.y[:7])
        ours(1)
    tg.manual_seed(2)
    plain(BUILT + sum(1 + i % 3 for i in range(ROUND)))
    agree(ours.numbers(), plain.numbers())
    assert [s.now.backend.name for s in ours.step.steps.values()] == ["numpy"]


def test_a_trial_doesnt_wait_for_ever() -> None:
    ours = Training()
    ours(BUILT + TURN + 1)  # NumPy's program is on the way
    for _ in range(trial.PATIENCE + 6):
        ours.step(ours.x[:7], ours.y[:7])
    assert "didn't come to an end" in explain(ours.step).choice
    assert any(s.runs for s in ours.step.steps.values())


def test_what_xla_refuses_is_numpys_without_a_warning() -> None:
    tg.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = tg.optim.Adam(model.parameters(), lr=0.1)

    @tg.compile(backend="auto", fullgraph=True)
    def step(x: tg.Tensor) -> tg.Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        np.putmask(x.numpy(), x.numpy() > 1, 1)
        return loss

    for _ in range(8):
        step(tg.full((2, 4), 1.5))
    report = explain(step)
    assert report.choice.startswith("NumPy runs it: XLA can't run it: NumPy's putmask has no")
    assert report.programs[0].runs >= 1
    assert {s["step"].item() for s in optimizer.state.values()} == {8}


def test_what_xla_refuses_later_makes_it_numpys(times: Any) -> None:
    times(XLA_FIRST)
    w = tg.ones(2, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)

    @tg.compile(backend="auto", fullgraph=True)
    def step(x: tg.Tensor, odd: bool) -> tg.Tensor:
        loss = ((w * x) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if odd:
            np.putmask(x.numpy(), x.numpy() > 1, 1)
        return loss

    plain, losses = step.function, []
    for i in range(BUILT + ROUND + 16):
        losses.append(step(tg.ones(2), i > BUILT + ROUND).item())
    report = explain(step)
    assert report.choice.startswith("NumPy runs it: XLA can't run it: NumPy's putmask has no")
    assert report.programs[0].runs
    with tg.no_grad():
        w.fill_(1)
    optimizer.state.clear()
    np.testing.assert_allclose(
        losses, [plain(tg.ones(2), False).item() for _ in losses], rtol=1e-4, atol=1e-9
    )


@pytest.mark.parametrize("seconds", [XLA_FIRST, NUMPY_FIRST], ids=["xla", "numpy"])
def test_a_models_gradients_are_those_of_the_uncompiled_one(
    seconds: list[float], times: Any
) -> None:
    times(seconds)
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    other = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    other.load_state_dict(model.state_dict())
    compiled = tg.compile(model, backend="auto")
    optimizers = [tg.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in (model, other)]
    for _ in range(BUILT + ROUND + 6):
        x = tg.randn(3, 5)
        for m, optimizer in zip((compiled, other), optimizers, strict=True):
            optimizer.zero_grad()
            (m(x) ** 2).sum().backward()
            optimizer.step()
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            agree([a.detach().numpy(), a.grad.numpy()], [b.detach().numpy(), b.grad.numpy()])
    report = explain(compiled)
    assert report.choice.startswith("XLA" if seconds is XLA_FIRST else "NumPy")
    assert report.programs[0].backward[0].runs


def test_gradients_that_xla_refuses_make_it_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_mnist.compiler.xla import functions

    usual = functions._named

    def named(name: str) -> Any:
        if name == "cos":  # which is the slope of sin
            raise NotImplementedError("NumPy's cos has no counterpart in JAX")
        return usual(name)

    monkeypatch.setattr(functions, "_named", named)
    wave = tg.compile(tg.sin, backend="auto")
    for _ in range(BUILT + ROUND):
        x = tg.zeros(3, requires_grad=True)
        wave(x).sum().backward()
        assert x.grad.tolist() == [1, 1, 1]
    report = explain(wave)
    assert report.choice.startswith("NumPy runs it: XLA can't run it: NumPy's cos has no")
    assert report.programs[0].backward[0].runs


def test_a_program_that_has_not_run_yet_is_explained() -> None:
    double = tg.compile(lambda x: x + x, backend="xla")
    for _ in range(BUILT):
        double(tg.ones(3))
    (program,) = explain(double).programs
    assert (program.runs, program.calls) == (0, 1)


def test_reset_begins_anew() -> None:
    ours = Training()
    ours(BUILT + 3)
    ours.step.reset()
    assert ours.step.choice.is_open and not ours.step.steps
    ours(BUILT + 3)
    assert now(ours.step) == "xla"
