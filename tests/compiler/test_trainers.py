"""Trainers as people write them: the step is compiled, whatever the class around it does besides.

Each trainer has methods that save, log, evaluate and go through epochs, and attributes that change
from step to step. None of that is the step's, so there is one program, and it is never made anew.
"""

from __future__ import annotations

import abc
import dataclasses
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled

STEPS = 14

TRAINERS: list[Callable[[Callable[[Any], Any]], tuple[Callable[..., Any], nn.Module]]] = []

SEEN: list[float] = []
EPOCHS = 0


def trainer(make: Any) -> Any:
    """Register a trainer: given a compiler, it returns a function of a batch, and the model."""
    TRAINERS.append(make)
    return make


def parts() -> tuple[nn.Module, Any, Any]:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
    return model, optimizer, tg.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)


class Base:
    """What most of them have."""

    def __init__(self) -> None:
        self.model, self.optimizer, self.schedule = parts()

    def update(self, loss: Any) -> Any:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss

    def train_step(self, x: tg.Tensor, y: tg.Tensor) -> Any:
        return self.update(F.cross_entropy(self.model(x), y))


@trainer
def saves_and_loads(compiled: Any) -> Any:
    class Trainer(Base):
        def __init__(self) -> None:
            super().__init__()
            self.epoch, self.best = 0, float("inf")
            self.history: list[float] = []
            self.run = compiled(self.train_step)

        def save(self) -> Any:
            return {
                "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(), "epoch": self.epoch,
            }  # fmt: skip

        def load(self, kept: Any) -> None:
            self.model.load_state_dict(kept["model"])
            self.optimizer.load_state_dict(kept["optimizer"])
            self.schedule.last_epoch = kept["epoch"]

        def rate(self) -> Any:
            return self.schedule.get_last_lr()[0], self.optimizer.param_groups[0]["lr"]

        def fit(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            loss = self.run(x, y)
            self.epoch += 1
            self.history.append(loss.item())
            self.best = min(self.best, self.history[-1])
            self.save(), self.rate()
            return loss

    made = Trainer()
    return made.fit, made.model


@trainer
def a_counter_that_is_called_step(compiled: Any) -> Any:
    class Trainer(Base):
        def __init__(self) -> None:
            super().__init__()
            self.step = 0
            self.run = compiled(self.train_step)

        def fit(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            self.step += 1
            return self.run(x, y)

    made = Trainer()
    return made.fit, made.model


@trainer
def a_dataclass_with_a_state(compiled: Any) -> Any:
    @dataclasses.dataclass
    class Trainer:
        model: Any
        optimizer: Any
        schedule: Any
        state: dict[str, Any] = dataclasses.field(default_factory=dict)
        epochs: int = 0

        def train_step(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            return Base.update(self, F.cross_entropy(self.model(x), y))  # type: ignore[arg-type]

        def save(self) -> Any:
            return self.optimizer.state_dict(), dataclasses.asdict(self)

    made = Trainer(*parts())
    run = compiled(made.train_step)

    def fit(x: tg.Tensor, y: tg.Tensor) -> Any:
        made.epochs += 1
        made.state["last"] = made.epochs
        return run(x, y)

    return fit, made.model


@trainer
def a_module_that_trains_itself(compiled: Any) -> Any:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers, self.optimizer, self.schedule = parts()
            self.epoch = 0
            self.logged: dict[str, float] = {}

        def forward(self, x: tg.Tensor) -> Any:
            return self.layers(x)

        def train_step(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            return Base.update(self, F.cross_entropy(self(x), y))  # type: ignore[arg-type]

        def log(self, name: str, value: float) -> None:
            global EPOCHS
            self.logged[name] = value
            EPOCHS += 1
            SEEN.append(value)

        def checkpoint(self) -> Any:
            return self.state_dict(), self.optimizer.state_dict(), self.schedule.last_epoch

    made = Model()
    run = compiled(made.train_step)

    def fit(x: tg.Tensor, y: tg.Tensor) -> Any:
        loss = run(x, y)
        made.epoch += 1
        made.log("loss", loss.item())
        return loss

    return fit, made


@trainer
def a_trainer_of_a_module(compiled: Any) -> Any:
    class Lit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = parts()[0]
            self.logged: dict[str, Any] = {}

        def training_step(self, batch: Any) -> Any:
            x, y = batch
            return F.cross_entropy(self.net(x), y)

        def configure_optimizers(self) -> Any:
            self.optimizer = tg.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
            return self.optimizer, tg.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.9)

        def on_save_checkpoint(self, kept: dict[str, Any]) -> None:
            kept["rate"] = self.optimizer.param_groups[0]["lr"]
            kept["state"] = self.optimizer.state

    class Trainer(Base):
        def __init__(self, module: Lit) -> None:
            self.module, self.state = module, "idle"
            self.optimizer, self.schedule = module.configure_optimizers()
            module.trainer = self
            self.current_epoch = 0

        @compiled
        def step(self, batch: Any) -> Any:
            return self.update(self.module.training_step(batch))

        def fit(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            self.state = "running" if self.state == "idle" else "idle"
            self.current_epoch += 1
            loss = self.step((x, y))
            self.module.logged["loss"] = loss.item()
            return loss

    made = Trainer(Lit())
    return made.fit, made.module


@trainer
def callbacks(compiled: Any) -> Any:
    class Callback:
        def on_batch_end(self, trainer: Any, loss: Any) -> None:
            pass

    class History(Callback):
        def __init__(self) -> None:
            self.step, self.rates = 0, []

        def on_epoch_end(self, trainer: Any) -> None:
            self.step += 1
            self.rates.append(trainer.schedule.get_last_lr()[0])

    class Trainer(Base):
        def __init__(self) -> None:
            super().__init__()
            self.callbacks = [History()]

        def batch(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            loss = self.train_step(x, y)
            for callback in self.callbacks:
                if hasattr(callback, "on_batch_end"):
                    callback.on_batch_end(self, loss)
            return loss

        def fit(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            loss = self.run(x, y)
            for callback in self.callbacks:
                callback.on_epoch_end(self)
            return loss

    made = Trainer()
    made.run = compiled(made.batch)
    return made.fit, made.model


@trainer
def lambdas_in_a_dict(compiled: Any) -> Any:
    model, optimizer, schedule = parts()
    tools: dict[str, Any] = {
        "save": lambda: (optimizer.state_dict(), schedule.last_epoch),
        "rate": lambda: schedule.get_last_lr()[0],
        "loss": lambda x, y: F.cross_entropy(model(x), y),
        "go": lambda: (optimizer.step(), schedule.step()),
    }

    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = tools["loss"](x, y)
        loss.backward()
        tools["go"]()
        return loss

    return compiled(step), model


@trainer
def a_namespace_of_static_methods(compiled: Any) -> Any:
    class Experiment:
        model, optimizer, schedule = parts()
        state = "new"

        @staticmethod
        def step(x: tg.Tensor, y: tg.Tensor) -> Any:
            return Base.update(Experiment, F.cross_entropy(Experiment.model(x), y))  # type: ignore[arg-type]

        @classmethod
        def rate(cls) -> Any:
            return cls.schedule.get_last_lr(), cls.optimizer.state_dict()

    return compiled(Experiment.step), Experiment.model


@trainer
def an_abstract_trainer(compiled: Any) -> Any:
    class Abstract(Base, abc.ABC):
        def __init__(self) -> None:
            super().__init__()
            self.state, self.metrics = "train", {}

        @abc.abstractmethod
        def loss(self, x: tg.Tensor, y: tg.Tensor) -> Any: ...

        def run_step(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            return self.update(self.loss(x, y) * getattr(self, "scale", 1.0))

        def state_dict(self) -> Any:
            return {k: x.state_dict() for k, x in vars(self).items() if hasattr(x, "state_dict")}

    class Own(Abstract):
        def loss(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            return F.cross_entropy(self.model(x), y)

    made = Own()
    run = compiled(made.run_step)

    def fit(x: tg.Tensor, y: tg.Tensor) -> Any:
        loss = run(x, y)
        made.metrics = {"loss": loss.item(), "n": len(made.state_dict())}
        return loss

    return fit, made.model


@trainer
def an_average_of_the_weights(compiled: Any) -> Any:
    class Average:
        def __init__(self, model: nn.Module) -> None:
            self.shadow = {name: x.clone() for name, x in model.state_dict().items()}
            self.updates = 0

        @tg.no_grad()
        def update(self, model: nn.Module) -> None:
            for name, x in model.state_dict().items():
                self.shadow[name].mul_(0.9).add_(x, alpha=0.1)

    class Trainer(Base):
        def __init__(self) -> None:
            super().__init__()
            self.average = Average(self.model)

        def run(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            loss = self.train_step(x, y)
            self.average.update(self.model)
            return loss + self.average.shadow["0.weight"].sum()

    made = Trainer()
    run = compiled(made.run)

    def fit(x: tg.Tensor, y: tg.Tensor) -> Any:
        made.average.updates += 1
        return run(x, y)

    return fit, made.model


@trainer
def prints_if_it_is_told_to(compiled: Any) -> Any:
    @dataclasses.dataclass(frozen=True)
    class Config:
        verbose: bool = False
        clip: float = 1.0

    class Trainer(Base):
        def __init__(self) -> None:
            super().__init__()
            self.config, self.i = Config(), 0

        def show(self, loss: Any) -> None:
            print(self.i, loss.item(), self.optimizer.param_groups[0]["lr"])

        def run(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            loss = F.cross_entropy(self.model(x), y) * self.config.clip
            if self.config.verbose:
                self.show(loss)
            return self.update(loss)

    made = Trainer()
    run = compiled(made.run)

    def fit(x: tg.Tensor, y: tg.Tensor) -> Any:
        made.i += 1
        return run(x, y)

    return fit, made.model


@trainer
def attributes_with_names_of_methods(compiled: Any) -> Any:
    class Trainer(Base):
        def __init__(self) -> None:
            super().__init__()
            self.data, self.abs = iter(range(9)), memoryview(b"held")
            self.mean, self.clamp = (np.ones(3), 1), threading.local()
            self.run = compiled(self.of_values)

        def of_values(self, x: tg.Tensor, y: tg.Tensor) -> Any:
            return self.train_step((x.data.abs() - x.mean()).clamp(-1, 1), y)

    made = Trainer()
    return made.run, made.model


@pytest.mark.parametrize("make", TRAINERS, ids=lambda make: make.__name__)
def test_a_trainer_has_one_program_for_its_step(make: Any) -> None:
    outcomes, made = [], []

    def compiled(function: Any) -> Any:
        made.append(Compiled(function))
        return made[-1]

    for how in (lambda function: function, compiled):
        fit, model = make(how)
        source = np.random.default_rng(0)
        losses = []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(STEPS):
                x = tg.from_numpy(source.standard_normal((6, 8), dtype=np.float32))
                losses.append(fit(x, tg.from_numpy(source.integers(0, 4, 6))).item())
        outcomes.append((losses, [p.detach().numpy().copy() for p in model.parameters()]))
    np.testing.assert_equal(outcomes[1], outcomes[0])
    (function,) = made
    report = tg.compiler.explain(function)
    assert [(p.recorded, p.runs) for p in report.programs] == [(2, STEPS - 3)]
    assert not report.again and not report.uncompiled
