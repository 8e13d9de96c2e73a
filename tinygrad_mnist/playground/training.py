"""Training a network on digits, a few steps at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.playground.networks import accuracy, batch
from tinygrad_mnist.utils.data import DataLoader, TensorDataset

OPTIMIZERS: dict[str, Callable[..., tg.optim.Optimizer]] = {
    "Adam": tg.optim.Adam,
    "SGD": tg.optim.SGD,
}

POINTS = 200
"""The points of a loss curve."""


class Settings(NamedTuple):
    """How a network is trained."""

    network: str
    optimizer: str = "Adam"
    rate: float = 1e-3
    epochs: int = 10
    batch: int = 64
    seed: int = 0


class Report(NamedTuple):
    """Where a training is: the mean loss since the last report, the accuracy at an epoch's end."""

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float | None


class Part(NamedTuple):
    """Digits as a network takes them, to train and to test."""

    images: tg.Tensor
    labels: tg.Tensor
    tests: tg.Tensor
    answers: np.ndarray


def tensors(digits: Digits) -> Part:
    """Return digits as tensors."""
    return Part(
        batch(digits.train_images),
        tg.from_numpy(digits.train_labels),
        batch(digits.test_images),
        digits.test_labels,
    )


def train(network: nn.Module, settings: Settings, part: Part) -> Iterator[Report]:
    """Train a network, and report some two hundred times.

    Between two reports the caller decides whether it goes on. It ends by itself when the loss isn't
    a number any more.

    Examples
    --------
    >>> part = Part(tg.rand(8, 784), tg.arange(8), tg.rand(2, 784), np.array([0, 1]))
    >>> settings = Settings("perceptron", epochs=2, batch=4)
    >>> [(r.step, r.epoch) for r in train(nn.Linear(784, 10), settings, part)]
    [(1, 1), (2, 1), (3, 2), (4, 2)]
    """
    generator = tg.Generator().manual_seed(settings.seed)
    dataset = TensorDataset(part.images, part.labels)
    loader = DataLoader(dataset, settings.batch, shuffle=True, generator=generator)
    optimizer = OPTIMIZERS[settings.optimizer](network.parameters(), lr=settings.rate)
    steps = settings.epochs * len(loader)
    every = math.ceil(steps / POINTS)
    step, losses = 0, []
    for epoch in range(1, settings.epochs + 1):
        for number, (images, labels) in enumerate(loader, 1):
            loss = F.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            losses.append(loss.item())
            right = accuracy(network, part.tests, part.answers) if number == len(loader) else None
            if right is not None or step % every == 0 or not math.isfinite(losses[-1]):
                yield Report(step, steps, epoch, sum(losses) / len(losses), right)
                if not math.isfinite(losses[-1]):
                    return
                losses = []
