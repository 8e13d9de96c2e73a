"""Schedules of the learning rate give PyTorch's numbers, to the last bits."""

from __future__ import annotations

import copy
import inspect
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist import optim
from tinygrad_mnist.optim import lr_scheduler

FACTORS: dict[str, Callable[[Any, Any], Any]] = {
    "step": lambda s, o: s.StepLR(o, 7, 0.3),
    "multistep": lambda s, o: s.MultiStepLR(o, [3, 11, 11, 20], 0.5),
    "constant": lambda s, o: s.ConstantLR(o, 0.3, 7),
    "linear": lambda s, o: s.LinearLR(o, 0.1, 0.8, 13),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.93),
    "polynomial": lambda s, o: s.PolynomialLR(o, 17, 1.7),
}
CHAINABLE = {
    **FACTORS,
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, [lambda e: 0.9, lambda e: 1 / (1 + e)]),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 9, 1e-3),
}
SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    **CHAINABLE,
    "lambda": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 2, 1e-3),
    "restarts alike": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7),
    "triangular": lambda s, o: s.CyclicLR(o, 0.01, [0.2, 0.3], 5),
    "triangular2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.2, 5, 3, mode="triangular2"),
    "exp_range": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 5, mode="exp_range", gamma=0.97),
    "own scale": lambda s, o: s.CyclicLR(
        o, 0.01, 0.2, 5, scale_fn=lambda x: 1 / (5 ** (x * 0.0001)), scale_mode="iterations"
    ),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=60),
    "one cycle linear": lambda s, o: s.OneCycleLR(
        o, [0.3, 0.1], epochs=6, steps_per_epoch=10, anneal_strategy="linear", three_phase=True
    ),
    "one cycle rate only": lambda s, o: s.OneCycleLR(o, 0.3, 60, cycle_momentum=False),
    "sequential": lambda s, o: s.SequentialLR(
        o,
        [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20), s.ExponentialLR(o, 0.9)],
        [5, 25],
    ),
    "chained": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9), s.StepLR(o, 9)], o
    ),
}  # fmt: skip


def optimizer(t: Any, name: str = "SGD", lr: Any = 0.1) -> Any:
    """An optimizer of two groups, with a momentum to cycle."""
    ps = [t.ones(2, requires_grad=True) for _ in range(2)]
    options = {"momentum": 0.9} if name == "SGD" else {}
    groups = [{"params": ps[:1]}, {"params": ps[1:], "lr": 0.05}]
    return getattr(t.optim, name)(groups, lr=lr, **options)


def settings(o: Any) -> list[Any]:
    keys = ("lr", "momentum", "betas", "initial_lr")
    return [[group[key] for key in keys if key in group] for group in o.param_groups]


def run(o: Any, scheduler: Any, steps: int = 60) -> list[Any]:
    """Step; return what the groups and the scheduler say after each step."""
    told = [[scheduler.get_last_lr(), settings(o)]]
    for _ in range(steps):
        o.step()
        scheduler.step()
        told.append([scheduler.get_last_lr(), settings(o)])
    return told


@pytest.mark.parametrize("algorithm", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_sixty_steps_are_those_of_pytorch(name: str, algorithm: str, torch: Any) -> None:
    """A schedule's learning rates over sixty steps, and its state, are PyTorch's."""
    mine, theirs = optimizer(tg, algorithm), optimizer(torch, algorithm)
    a = SCHEDULES[name](lr_scheduler, mine)
    b = SCHEDULES[name](torch.optim.lr_scheduler, theirs)
    assert run(mine, a) == run(theirs, b)
    assert mine.state_dict()["param_groups"] == theirs.state_dict()["param_groups"]
    same(a.state_dict(), b.state_dict())


def same(a: Any, b: Any) -> None:
    """Compare two states; PyTorch's may hold a schedule's own functions."""
    assert set(a) == set(b)
    for key in set(a) - {"_schedulers"}:
        assert a[key] == b[key], key
    for x, y in zip(a.get("_schedulers", ()), b.get("_schedulers", ()), strict=True):
        same(x, y)


@given(st.lists(st.sampled_from(sorted(CHAINABLE)), min_size=2, max_size=4), st.booleans())
def test_schedules_chain_as_in_pytorch(torch: Any, names: list[str], composed: bool) -> None:
    told = []
    for t, module in ((tg, lr_scheduler), (torch, torch.optim.lr_scheduler)):
        o = optimizer(t)
        schedulers = [CHAINABLE[name](module, o) for name in names]
        if composed:
            told.append(run(o, module.ChainedScheduler(schedulers), 25))
            continue
        seen = []
        for _ in range(25):
            o.step()
            for scheduler in schedulers:
                scheduler.step()
            seen.append([settings(o), [s.get_last_lr() for s in schedulers]])
        told.append(seen)
    assert told[0] == told[1]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_saved_schedule_resumes_exactly(name: str) -> None:
    o = optimizer(tg)
    scheduler = SCHEDULES[name](lr_scheduler, o)
    run(o, scheduler, 13)
    file = io.BytesIO()
    tg.save({"o": o.state_dict(), "s": scheduler.state_dict()}, file)
    rest = run(o, scheduler, 30)

    file.seek(0)
    saved = tg.load(file)
    other = optimizer(tg)
    again = SCHEDULES[name](lr_scheduler, other)
    other.load_state_dict(saved["o"])
    again.load_state_dict(saved["s"])
    assert run(other, again, 30) == rest


@pytest.mark.parametrize("name", sorted({*SCHEDULES} - {"sequential", "chained"}))
def test_last_epoch_resumes_as_in_pytorch(name: str, torch: Any) -> None:
    told = []
    for t, module in ((tg, lr_scheduler), (torch, torch.optim.lr_scheduler)):
        o = optimizer(t)
        run(o, SCHEDULES[name](module, o), 8)

        def resumed(cls: Any, *args: Any, kind: Any = module, **kwargs: Any) -> Any:
            return getattr(kind, cls)(*args, last_epoch=8, **kwargs)

        class Resuming:
            def __getattr__(self, cls: str, resumed: Any = resumed) -> Any:
                return lambda *args, **kwargs: resumed(cls, *args, **kwargs)

        told.append(run(o, SCHEDULES[name](Resuming(), o), 20))
    assert told[0] == told[1]


@pytest.mark.parametrize("name", [*FACTORS, "cosine", "restarts", "restarts alike", "lambda"])
def test_a_given_epoch_uses_the_closed_form(name: str, torch: Any) -> None:
    told = []
    for t, module in ((tg, lr_scheduler), (torch, torch.optim.lr_scheduler)):
        o = optimizer(t)
        scheduler = SCHEDULES[name](module, o)
        o.step()
        seen = []
        for epoch in (3, 12, 7, 30):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                scheduler.step(epoch)
            assert bool(caught) == ("restarts" not in name)
            seen.append([scheduler.get_last_lr(), scheduler.last_epoch])
        told.append(seen)
    assert told[0] == told[1]
    if "restarts" in name:
        for epoch in (0.25, 6.5, 17.75):
            scheduler.step(epoch)
            mine = SCHEDULES[name](lr_scheduler, optimizer(tg))
            mine.step(epoch)
            assert mine.get_last_lr() == scheduler.get_last_lr()


PLATEAUS = [
    {},
    {"mode": "max", "patience": 1, "factor": 0.5},
    {"patience": 2, "threshold": 0.05, "threshold_mode": "abs", "cooldown": 3},
    {"mode": "max", "patience": 0, "threshold": 0.1, "threshold_mode": "abs", "eps": 0.01},
    {"patience": 0, "factor": 0.3, "min_lr": [0.01, 0.02], "threshold": 0.1},
]


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
def test_plateaus_are_found_as_in_pytorch(options: dict[str, Any], torch: Any) -> None:
    metrics = np.random.default_rng(0).random(60) + 1 / np.arange(1, 61)
    told, states = [], []
    for t in (tg, torch):
        o = optimizer(t)
        scheduler = t.optim.lr_scheduler.ReduceLROnPlateau(o, **options)
        seen = []
        for i, metric in enumerate(metrics):
            scheduler.step(t.tensor(metric) if i % 2 else metric)
            seen.append([scheduler.get_last_lr(), settings(o), scheduler.num_bad_epochs])
        told.append(seen)
        states.append(scheduler.state_dict())
    assert told[0] == told[1]
    same(*states)
    again = lr_scheduler.ReduceLROnPlateau(optimizer(tg))
    again.load_state_dict(copy.deepcopy(states[0]))
    assert again.state_dict() == states[0]


def test_groups_added_later_take_the_common_least_rate() -> None:
    o = optimizer(tg)
    scheduler = lr_scheduler.ReduceLROnPlateau(o, patience=0, min_lr=0.01)
    listed = lr_scheduler.ReduceLROnPlateau(o, patience=0, min_lr=[0.01, 0.01])
    o.add_param_group({"params": tg.ones(1, requires_grad=True), "lr": 0.02})
    scheduler.step(1.0)
    scheduler.step(1.0)
    assert scheduler.get_last_lr() == pytest.approx([0.01, 0.01, 0.01])
    listed.step(1.0)
    with pytest.raises(RuntimeError, match="has 3 param groups now, but there are 2 min_lrs"):
        listed.step(1.0)


def test_signatures_are_pytorchs(torch: Any) -> None:
    names = torch.optim.lr_scheduler.__all__
    for name in names:
        mine, theirs = (
            inspect.signature(getattr(t.optim.lr_scheduler, name)).parameters for t in (tg, torch)
        )
        assert list(mine) == list(theirs)
        for key, parameter in theirs.items():
            assert mine[key].default == parameter.default
    assert issubclass(lr_scheduler._LRScheduler, lr_scheduler.LRScheduler)


def test_a_tensor_as_learning_rate_is_written_into() -> None:
    lr = tg.tensor(0.5, dtype=tg.float64)
    o = optim.SGD([tg.ones(1, requires_grad=True)], lr=lr)
    scheduler = lr_scheduler.ExponentialLR(o, 0.5)
    o.step()
    scheduler.step()
    assert o.param_groups[0]["lr"] is lr
    assert lr.item() == 0.25
    assert o.param_groups[0]["initial_lr"].item() == 0.5
    scheduler.get_last_lr()[0].zero_()
    assert lr.item() == 0.25


def test_order_of_steps_is_watched(torch: Any) -> None:
    for t in (tg, torch):
        o = optimizer(t)
        scheduler = t.optim.lr_scheduler.StepLR(o, 3)
        with pytest.warns(
            UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"
        ):
            scheduler.step()
        scheduler.step()
        o = optimizer(t)
        o.step()
        scheduler = t.optim.lr_scheduler.StepLR(o, 3)
        with pytest.warns(UserWarning, match="before"):
            scheduler.step()
        o = optimizer(t)
        scheduler = t.optim.lr_scheduler.StepLR(o, 3)
        o.step = lambda: None
        with pytest.warns(UserWarning, match="has been overridden"):
            scheduler.step()
        with pytest.warns(UserWarning, match="get_last_lr"):
            scheduler.get_lr()


def test_schedules_from_outside_are_subclasses() -> None:
    class Warmup(lr_scheduler._LRScheduler):
        def __init__(self, optimizer: Any, steps: int, last_epoch: int = -1) -> None:
            self.steps = steps
            super().__init__(optimizer, last_epoch)

        def get_lr(self) -> list[float]:
            if not self._get_lr_called_within_step:
                raise AssertionError
            share = min(1.0, (self.last_epoch + 1) / self.steps)
            return [base * share for base in self.base_lrs]

    o = optimizer(tg)
    scheduler = Warmup(o, 4)
    assert [told[0][0] for told in run(o, scheduler, 4)] == [
        0.1 * share for share in (0.25, 0.5, 0.75, 1.0, 1.0)
    ]
    assert scheduler.state_dict()["steps"] == 4


class Decay:
    """A function of the epoch with a state of its own."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, epoch: float) -> float:
        return self.rate**epoch


def test_the_attributes_of_function_objects_are_saved() -> None:
    o = optimizer(tg)
    for make in (
        lambda rate: lr_scheduler.LambdaLR(o, Decay(rate)),
        lambda rate: lr_scheduler.CyclicLR(o, 0.1, 0.2, scale_fn=Decay(rate)),
    ):
        one, other = make(0.5), make(0.7)
        state = copy.deepcopy(one.state_dict())
        other.load_state_dict(state)
        assert other.state_dict() == state
        assert state == one.state_dict()


BAD: list[tuple[Callable[[Any, Any], Any], type[Exception], str]] = [
    (lambda s, o: s.StepLR(3, 1), TypeError, "int is not an Optimizer"),
    (lambda s, o: s.StepLR(o, 3, last_epoch=2), KeyError, "initial_lr"),
    (lambda s, o: s.LambdaLR(o, [abs]), ValueError, "2 lr_lambdas"),
    (lambda s, o: s.MultiplicativeLR(o, 0.5), TypeError, "should be a function"),
    (lambda s, o: s.ConstantLR(o, 1.5), ValueError, "between 0 and 1"),
    (lambda s, o: s.LinearLR(o, 0.0), ValueError, "greater than 0"),
    (lambda s, o: s.LinearLR(o, 0.5, 2.0), ValueError, "between 0 and 1"),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0"),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, 0), ValueError, "T_mult"),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, 1, "0"), ValueError, "eta_min"),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 1).step(-1), ValueError, "non-negative"),
    (lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"), ValueError, "mode is invalid"),
    (lambda s, o: s.CyclicLR(o, [0.1], 0.2), ValueError, "same length"),
    (lambda s, o: s.OneCycleLR(o, 0.1), ValueError, "total_steps"),
    (lambda s, o: s.OneCycleLR(o, 0.1, 0), ValueError, "positive integer total_steps"),
    (lambda s, o: s.OneCycleLR(o, 0.1, epochs=1, steps_per_epoch=0), ValueError, "steps_per_epoch"),
    (lambda s, o: s.OneCycleLR(o, 0.1, 5, pct_start=2.0), ValueError, "pct_start"),
    (lambda s, o: s.OneCycleLR(o, 0.1, 5, anneal_strategy="x"), ValueError, "anneal_strategy"),
    (lambda s, o: [s.OneCycleLR(o, 0.1, 5).step(6)], ValueError, "6 times"),
    (lambda s, o: s.SequentialLR(o, [], []), ValueError, "at least one"),
    (lambda s, o: s.SequentialLR(o, [3], []), TypeError, "`optimizer` as its attribute"),
    (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]), ValueError, "milestone"),
    (lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []), ValueError, "ReduceLROnPlateau"),
    (lambda s, o: s.ChainedScheduler([]), ValueError, "at least one"),
    (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "< 1.0"),
    (lambda s, o: s.ReduceLROnPlateau(o, mode="least"), ValueError, "mode least is unknown"),
    (lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "mode x is unknown"),
    (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1.0]), ValueError, "2 min_lrs, got 1"),
    (lambda s, o: s.LRScheduler(o), NotImplementedError, ""),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_bad_input_gets_pytorchs_exception(call: Any, error: Any, words: str, torch: Any) -> None:
    with pytest.raises(error, match=words):
        call(lr_scheduler, optimizer(tg))
    with pytest.raises(error):
        call(torch.optim.lr_scheduler, optimizer(torch))


def test_schedules_of_two_optimizers_are_not_composed() -> None:
    one, two = optimizer(tg), optimizer(tg)
    schedulers = [lr_scheduler.StepLR(one, 1), lr_scheduler.StepLR(two, 1)]
    with pytest.raises(ValueError, match="same optimizer"):
        lr_scheduler.ChainedScheduler(schedulers)
    with pytest.raises(ValueError, match="same optimizer"):
        lr_scheduler.SequentialLR(one, schedulers, [3])
    adagrad = optim.Adagrad([tg.ones(1, requires_grad=True)])
    with pytest.raises(ValueError, match="cycle_momentum=False"):
        lr_scheduler.OneCycleLR(adagrad, 0.1, 5)
