"""The engine of sixty lines has the framework's gradients."""

from __future__ import annotations

from pathlib import Path

import autograd_tour
import engine
import numpy as np
import pytest

import tinygrad_mnist as tg


def pair(source: np.random.Generator, *shape: int) -> tuple[engine.Tensor, tg.Tensor]:
    array = source.normal(size=shape)
    return engine.Tensor(array), tg.from_numpy(array.copy()).requires_grad_()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_network_has_the_gradients_of_the_framework(activation: str) -> None:
    source = np.random.default_rng(0)
    ours, theirs = zip(
        *[pair(source, *shape) for shape in ((6, 4), (4, 5), (5,), (5, 3), (1, 3), (6, 1))],
        strict=True,
    )
    target = -np.eye(3)[source.integers(0, 3, 6)]
    losses = []
    for (x, w, b, v, c, d), constant in ((ours, engine.Tensor), (theirs, tg.from_numpy)):
        hidden = getattr(x @ w + b, activation)() * d
        out = hidden @ v + c * c
        rows = out.log_softmax() if out.__class__ is engine.Tensor else out.log_softmax(1)
        losses.append((rows * constant(target)).sum())
        losses[-1].backward()
    assert np.isclose(losses[0].array, losses[1].item(), rtol=1e-12)
    for mine, real in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, real.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_gradients_are_added_up_over_paths_and_passes() -> None:
    x = engine.Tensor(3.0)
    (x * x + x).backward()
    assert x.grad == 7.0
    (x * x + x).backward()
    assert x.grad == 14.0


def test_a_deep_graph_with_many_paths_is_walked_once() -> None:
    x = engine.Tensor(1.0)
    y = x
    for _ in range(60):
        y = y + y  # two to the power of sixty paths
    y.backward()
    assert x.grad == 2.0**60


def test_digits_are_learned(capsys: pytest.CaptureFixture[str]) -> None:
    assert engine.main(epochs=3) > 0.85
    assert "of 1000 test images are recognised" in capsys.readouterr().out


def test_the_tour_of_automatic_differentiation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    autograd_tour.main(tmp_path)
    printed = capsys.readouterr().out
    assert "x.grad = 29.0" in printed and "second 48.0" in printed
    assert "the gradient is 0.6667 times what it should be" in printed
    assert (tmp_path / "tour-graph.svg").read_text().startswith("<svg")
    assert "cross_entropy" in (tmp_path / "tour.html").read_text()
