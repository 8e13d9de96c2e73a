"""Random networks, losses, optimizers, schedules, and what happens between steps.

The same training is done twice, with the step as it is and compiled: losses, gradients, parameters,
buffers and the optimizer's state have the same bits after every step, whatever a script does in
between.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweeps import IS_LONG

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn, optim
from tinygrad_mnist.compiler import Compiled, chains
from tinygrad_mnist.compiler.passes import SWITCHES, tiles

STEPS = 8


class Residual(nn.Module):
    """Adds what a module makes of its input."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        out: tg.Tensor = x + self.inner(x)
        return out


class Recurrent(nn.Module):
    """A recurrent layer's last output, of rows cut into sequences."""

    def __init__(self, kind: Any, width: int, both: bool) -> None:
        super().__init__()
        self.layer = kind(2, width // 2 if both else width, batch_first=True, bidirectional=both)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        out: tg.Tensor = self.layer(x.reshape(len(x), -1, 2))[0][:, -1]
        return out


class Attention(nn.Module):
    """Attention among the parts of a row."""

    def __init__(self, masked: bool) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(4, 2, batch_first=True)
        self.masked = masked

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        parts = x.reshape(len(x), -1, 4)
        mask = nn.Transformer.generate_square_subsequent_mask(parts.shape[1])
        out = self.layer(parts, parts, parts, need_weights=False, attn_mask=mask)[0]
        whole: tg.Tensor = out.flatten(1)
        return whole


class Tied(nn.Module):
    """Goes through one weight twice, there and back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.there, self.back = nn.Linear(width, width), nn.Linear(width, width)
        self.back.weight = self.there.weight

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        out: tg.Tensor = self.back(self.there(x).tanh())
        return out


class Images(nn.Module):
    """Looks at rows of 16 numbers as at images."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        out: tg.Tensor = self.layers(x.reshape(-1, 1, 4, 4)).flatten(1)
        return out


WIDTH = 16
"""How many numbers go from layer to layer."""

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(WIDTH, WIDTH),
    "no bias": lambda: nn.Linear(WIDTH, WIDTH, bias=False),
    "relu": nn.ReLU,
    "relu in place": lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(inplace=True)),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "leaky relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "hardswish": nn.Hardswish,
    "prelu": nn.PReLU,
    "log softmax": lambda: nn.LogSoftmax(1),
    "softmax": lambda: nn.Softmax(1),
    "dropout": lambda: nn.Dropout(0.3),
    "alpha dropout": lambda: nn.AlphaDropout(0.2),
    "batch norm": lambda: nn.BatchNorm1d(WIDTH),
    "cumulative": lambda: nn.BatchNorm1d(WIDTH, momentum=None),
    "layer norm": lambda: nn.LayerNorm(WIDTH),
    "group norm": lambda: nn.GroupNorm(4, WIDTH),
    "rms norm": lambda: nn.RMSNorm(WIDTH),
    "residual": lambda: Residual(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh())),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(WIDTH, WIDTH)),
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(WIDTH, WIDTH)),
    "tied": lambda: Tied(WIDTH),
    "lstm": lambda: Recurrent(nn.LSTM, WIDTH, False),
    "gru": lambda: Recurrent(nn.GRU, WIDTH, False),
    "rnn": lambda: Recurrent(nn.RNN, WIDTH, True),
    "attention": lambda: Attention(False),
    "causal attention": lambda: Attention(True),
    "convolution": lambda: Images(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()),
    "images": lambda: Images(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
    ),
    "average": lambda: Images(nn.Conv2d(1, 4, 3, padding=1), nn.AvgPool2d(2)),
    "transposed": lambda: Images(nn.MaxPool2d(2), nn.ConvTranspose2d(1, 1, 2, stride=2)),
    "dropped images": lambda: Images(nn.Conv2d(1, 4, 2, stride=2), nn.Dropout2d(0.3)),
}

LOSSES: dict[str, Callable[[tg.Tensor, tg.Tensor, tg.Tensor], tg.Tensor]] = {
    "cross entropy": lambda out, y, t: F.cross_entropy(out, y),
    "ignoring": lambda out, y, t: F.cross_entropy(out, y, ignore_index=1),
    "smoothed": lambda out, y, t: F.cross_entropy(out, y, label_smoothing=0.1),
    "summed": lambda out, y, t: F.cross_entropy(out, y, reduction="sum") / 10,
    "likelihood": lambda out, y, t: F.nll_loss(F.log_softmax(out, 1), y),
    "squares": lambda out, y, t: F.mse_loss(out, t),
    "absolute": lambda out, y, t: F.l1_loss(out, t),
    "huber": lambda out, y, t: F.smooth_l1_loss(out, t),
    "logits": lambda out, y, t: F.binary_cross_entropy_with_logits(out, t.sigmoid()),
    "written out": lambda out, y, t: -(out.log_softmax(1) * F.one_hot(y, 4)).sum(1).mean(),
    "with a penalty": lambda out, y, t: F.mse_loss(out, t) + 0.01 * out.square().sum().sqrt(),
}

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "maximize": lambda p: optim.SGD(p, lr=0.01, maximize=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "adamax": lambda p: optim.Adamax(p, lr=0.01),
    "nadam": lambda p: optim.NAdam(p, lr=0.01),
    "radam": lambda p: optim.RAdam(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "centred": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.05),
    "adadelta": lambda p: optim.Adadelta(p),
    "asgd": lambda p: optim.ASGD(p, lr=0.05, t0=2),
    "rprop": lambda p: optim.Rprop(p, lr=0.01),
}

SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "none": lambda o: None,
    "steps": lambda o: optim.lr_scheduler.StepLR(o, 2, 0.5),
    "exponential": lambda o: optim.lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 6),
    "warm-up": lambda o: optim.lr_scheduler.LinearLR(o, 0.2, total_iters=4),
    "function": lambda o: optim.lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
}

EVENTS = (
    "nothing", "nothing", "nothing", "smaller batch", "other rate", "freeze", "thaw", "evaluation",
    "training", "reload", "edit in place", "scale gradients", "no gradients", "replace data",
)  # fmt: skip
"""What happens before a step."""

MANY = 1000 if IS_LONG else 200
"""Random trainings in the long sweep: a thousand by the profile "long"."""


class Plan(NamedTuple):
    """A training."""

    layers: tuple[str, ...]
    loss: str
    optimizer: str
    schedule: str
    clip: str
    none: bool
    """Whether gradients are set to None, or to zeros."""
    every: int
    """After how many steps the optimizer steps."""
    inside: bool
    """Whether the schedule steps inside of the step."""
    events: tuple[str, ...]
    seed: int


plans = st.builds(
    Plan,
    layers=st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=4).map(tuple),
    loss=st.sampled_from(sorted(LOSSES)),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    schedule=st.sampled_from(sorted(SCHEDULES)),
    clip=st.sampled_from(["none", "none", "norm", "value"]),
    none=st.booleans(),
    every=st.sampled_from([1, 1, 1, 2]),
    inside=st.booleans(),
    events=st.lists(st.sampled_from(EVENTS), min_size=STEPS, max_size=STEPS).map(tuple),
    seed=st.integers(0, 1000),
)


def happen(event: str, model: nn.Module, optimizer: Any, start: dict[str, Any]) -> None:
    """Let something happen between two steps."""
    parameters = list(model.parameters())
    if event == "other rate":
        for group in optimizer.param_groups:
            group["lr"] *= 0.7
    elif event in ("freeze", "thaw"):
        parameters[0].requires_grad_(event == "thaw")
    elif event in ("evaluation", "training"):
        model.train(event == "training")
    elif event == "reload":
        model.load_state_dict(start)
    elif event == "edit in place":
        with tg.no_grad():
            parameters[-1].add_(0.01)
    elif event == "scale gradients":
        for p in parameters:
            if p.grad is not None:
                p.grad.mul_(0.5)
    elif event == "no gradients":
        for p in parameters:
            p.grad = None
    elif event == "replace data":
        parameters[-1].data = parameters[-1].data * 0.9


def train(plan: Plan, compiled: Any = None) -> tuple[list[Any], Any]:
    """Train by a plan; return what there is after each step, and the step."""
    tg.manual_seed(plan.seed)
    model = nn.Sequential(*(LAYERS[name]() for name in plan.layers), nn.Linear(WIDTH, 4))
    start = {name: x.clone() for name, x in model.state_dict().items()}
    optimizer = OPTIMIZERS[plan.optimizer](model.parameters())
    schedule = SCHEDULES[plan.schedule](optimizer)
    loss_of = LOSSES[plan.loss]
    clip, none, every, inside = plan.clip, plan.none, plan.every, plan.inside

    def step(x: tg.Tensor, y: tg.Tensor, t: tg.Tensor, last: bool) -> tg.Tensor:
        loss = loss_of(model(x), y, t) / every
        loss.backward()
        if clip == "norm":
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        elif clip == "value":
            nn.utils.clip_grad_value_(model.parameters(), 0.05)
        if last:
            optimizer.step()
            optimizer.zero_grad(set_to_none=none)
            if inside and schedule is not None:
                schedule.step()
        return loss.detach()

    run: Any = step if compiled is None else compiled(step)
    source, found = np.random.default_rng(plan.seed), []
    for number, event in enumerate(plan.events):
        happen(event, model, optimizer, start)
        rows = 3 if event == "smaller batch" else 5
        x = tg.from_numpy(source.standard_normal((rows, WIDTH), dtype=np.float32))
        y = tg.from_numpy(source.integers(0, 4, rows))
        t = tg.from_numpy(source.standard_normal((rows, 4), dtype=np.float32))
        loss = run(x, y, t, (number + 1) % every == 0)
        if not inside and schedule is not None:
            schedule.step()
        state = {name: value.numpy().copy() for name, value in model.state_dict().items()}
        grads = [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]
        kept = [
            x.detach().numpy().copy() if isinstance(x, tg.Tensor) else x
            for p in model.parameters()
            for x in optimizer.state.get(p, {}).values()
        ]
        found.append((loss.numpy().copy(), state, grads, kept))
    return found, run


def train_both(plan: Plan) -> tuple[list[Any], list[Any], Any]:
    """Train without and with a compiled step; return what there is after each, and that step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, _ = train(plan)
        return expected, *train(plan, Compiled)


def compare(plan: Plan) -> bool:
    """Train with and without a compiled step; return whether there was a program."""
    expected, found, run = train_both(plan)
    same(expected, found, plan)
    return any(step.built is not None for step in run.steps.values())


def same(expected: list[Any], found: list[Any], what: Any) -> None:
    for number, (some, others) in enumerate(zip(expected, found, strict=True)):
        np.testing.assert_equal(others, some, err_msg=f"step {number} of {what}")


@given(plan=plans)
@settings(max_examples=25, deadline=None)
def test_random_training_with_a_compiled_step_has_the_same_bits(plan: Plan) -> None:
    compare(plan)


def compare_passes(plan: Plan, names: Iterable[str], threads: bool) -> None:
    """Train with all passes switched off, with each alone, and with all but each."""
    least = 1 if threads else chains.LARGE
    with (
        warnings.catch_warnings(),
        mock.patch.object(chains, "LARGE", least),
        mock.patch.object(chains, "ONE_LINE", least),
        mock.patch.object(tiles, "LARGE", least),
        mock.patch.object(tiles, "LONG", least),
    ):
        warnings.simplefilter("ignore")
        expected, _ = train(plan, tg.compile(backend="eager"))
        same(train(plan)[0], expected, f"{plan}, all passes off")
        for name in names:
            alone, _ = train(plan, tg.compile(backend="eager", options={name: True}))
            same(expected, alone, f"{plan}, {name} alone")
            others, _ = train(plan, tg.compile(options={name: False}))
            same(expected, others, f"{plan}, all but {name}")


@given(plan=plans, name=st.sampled_from(sorted(SWITCHES)), threads=st.booleans())
@settings(max_examples=8, deadline=None)
def test_each_pass_alone_gives_what_none_gives(plan: Plan, name: str, threads: bool) -> None:
    compare_passes(plan, [name], threads)


@pytest.mark.slow
@given(plan=plans, threads=st.booleans())
@settings(max_examples=15 if IS_LONG else 5, deadline=None)
def test_each_pass_alone_gives_what_none_gives_in_several_trainings(
    plan: Plan, threads: bool
) -> None:
    compare_passes(plan, sorted(SWITCHES), threads)


@pytest.mark.slow
def test_many_random_trainings_have_the_same_bits() -> None:
    trainings = programs = 0

    @given(plan=plans)
    @settings(max_examples=MANY, deadline=None)
    def sweep(plan: Plan) -> None:
        nonlocal trainings, programs
        trainings += 1
        programs += compare(plan)

    sweep()
    assert trainings > MANY // 2
    assert programs > 0.8 * trainings  # where nothing recurs often enough there is none


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_is_compiled(layer: str) -> None:
    events = ("nothing",) * STEPS
    assert compare(Plan((layer,), "squares", "sgd", "none", "none", True, 1, False, events, 0))


def compare_training(optimizer: str, schedule: str) -> bool:
    events = ("nothing",) * STEPS
    return compare(
        Plan(
            ("linear", "tanh"), "cross entropy", optimizer, schedule, "none", True, 1, True,
            events, 0,
        )
    )  # fmt: skip


@pytest.mark.parametrize(("optimizer", "schedule"), [*zip(OPTIMIZERS, cycle(SCHEDULES))])
def test_each_optimizer_and_each_schedule_is_compiled(optimizer: str, schedule: str) -> None:
    assert compare_training(optimizer, schedule)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_optimizer_is_compiled_with_each_schedule(optimizer: str, schedule: str) -> None:
    assert compare_training(optimizer, schedule)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("clip", ["none", "norm", "value"])
def test_each_loss_and_clipping_is_compiled(loss: str, clip: str) -> None:
    events = ("nothing",) * STEPS
    assert compare(Plan(("linear", "tanh"), loss, "adam", "steps", clip, True, 1, True, events, 0))


@pytest.mark.parametrize("event", sorted(set(EVENTS)))
@pytest.mark.parametrize("none", [True, False])
def test_whatever_happens_between_steps_is_seen(event: str, none: bool) -> None:
    events = ("nothing",) * 4 + (event,) + ("nothing",) * 3
    assert compare(
        Plan(
            ("linear", "batch norm", "dropout"),
            "cross entropy",
            "momentum",
            "steps",
            "norm",
            none,
            1,
            False,
            events,
            0,
        )
    )
