"""Averages of models are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, optim
from tinygrad_mnist.optim import swa_utils

AVERAGES: dict[str, Any] = {
    "equal": lambda s: {},
    "equal, given": lambda s: {"avg_fn": s.get_swa_avg_fn(), "use_buffers": True},
    "equal, lists": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "exponential": lambda s: {"avg_fn": s.get_ema_avg_fn(0.8)},
    "exponential, lists": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.8)},
    "own": lambda s: {"avg_fn": lambda a, p, n: 0.1 * a + 0.9 * p},
}


def make(t: Any) -> Any:
    class Scaled(t.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.linear = t.nn.Linear(2, 1)
            self.register_buffer("scale", t.ones(1))

        def forward(self, x: Any) -> Any:
            return self.linear(x) * self.scale

    return Scaled()


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_are_pytorchs(name: str, torch: Any) -> None:
    results = []
    for t in (tg, torch):
        model = make(t)
        averaged = t.optim.swa_utils.AveragedModel(model, **AVERAGES[name](t.optim.swa_utils))
        source = np.random.default_rng(0)
        for _ in range(5):
            with t.no_grad():
                for p in (*model.parameters(), *model.buffers()):
                    p.copy_(t.tensor(source.standard_normal(tuple(p.shape)), dtype=t.float32))
            averaged.update_parameters(model)
        x = t.tensor([[1.0, -2.0]])
        state = averaged.state_dict()
        results.append(({k: v.numpy() for k, v in state.items()}, averaged(x).item()))
    (mine, out), (theirs, their_out) = results
    assert list(mine) == list(theirs)
    for key in mine:
        np.testing.assert_allclose(mine[key], theirs[key], rtol=1e-6)
    assert mine["n_averaged"] == 5
    assert out == pytest.approx(their_out, rel=1e-5)


def test_the_model_is_left_alone_and_training_goes_on() -> None:
    model = make(tg)
    averaged = swa_utils.AveragedModel(model)
    averaged.update_parameters(model)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    model(tg.ones(1, 2)).sum().backward()
    optimizer.step()
    before = model.linear.weight.tolist()
    averaged.update_parameters(model)
    assert model.linear.weight.tolist() == before
    assert averaged.module.linear.weight.tolist() != before
    assert all(p.requires_grad for p in averaged.parameters())


def test_statistics_are_computed_anew() -> None:
    class Norm(nn.Module):
        """Stands for a batch norm: a cumulative mean, as with momentum None."""

        def __init__(self) -> None:
            super().__init__()
            self.momentum: float | None = 0.1
            self.register_buffer("mean", tg.full((2,), 9.0))
            self.count = 7

        def reset_running_stats(self) -> None:
            self.mean.zero_()
            self.count = 0

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            assert self.training
            assert self.momentum is None
            self.count += 1
            self.mean += (x.mean(0) - self.mean) / self.count
            return x

    model = nn.Sequential(nn.Linear(2, 2), Norm()).eval()
    model[0] = nn.Identity()
    swa_utils.update_bn([tg.zeros(3, 2), (tg.ones(3, 2), 5)], model)
    assert model[1].mean.tolist() == [0.5, 0.5]
    assert model[1].momentum == 0.1
    assert not model.training


@pytest.mark.parametrize("epochs", [0, 7])
@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_the_schedule_is_pytorchs(strategy: str, epochs: int, torch: Any) -> None:
    told = []
    for t in (tg, torch):
        groups = [{"params": [t.ones(1)], "lr": 0.3}, {"params": [t.ones(1)], "lr": 0.1}]
        optimizer = t.optim.SGD(groups)
        decay = t.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        swa = t.optim.swa_utils.SWALR(optimizer, [0.05, 0.02], epochs, strategy)
        seen = [swa.get_last_lr()]
        for epoch in range(15):
            optimizer.step()
            (decay if epoch < 4 else swa).step()
            seen.append([group["lr"] for group in optimizer.param_groups])
        told.append(seen)
    np.testing.assert_allclose(told[0], told[1], rtol=1e-14)


def test_bad_input_gets_a_sentence() -> None:
    optimizer = optim.SGD([tg.ones(1)], lr=0.1)
    for call, words in (
        (lambda: swa_utils.get_ema_avg_fn(1.5), "invalid decay"),
        (lambda: swa_utils.get_ema_multi_avg_fn(-1), "invalid decay"),
        (lambda: swa_utils.SWALR(optimizer, 0.1, 3, "square"), "anneal_strategy"),
        (lambda: swa_utils.SWALR(optimizer, 0.1, -3), "anneal_epochs"),
        (lambda: swa_utils.SWALR(optimizer, [0.1, 0.1]), "same length"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(AssertionError, match="only one of"):
        swa_utils.AveragedModel(nn.Linear(1, 1), avg_fn=max, multi_avg_fn=max)
