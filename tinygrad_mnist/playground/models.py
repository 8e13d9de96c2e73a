"""The models that are there from the start, and how each is made."""

from __future__ import annotations

from collections.abc import Callable

import tinygrad_mnist as tg
from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.playground import cache
from tinygrad_mnist.playground.classical import (
    DECAY,
    ITERATIONS,
    Gaussian,
    Logistic,
    NearestNeighbour,
)
from tinygrad_mnist.playground.model import Model
from tinygrad_mnist.playground.networks import NETWORKS, NetworkModel
from tinygrad_mnist.playground.training import Settings, tensors, train

Tell = Callable[[float], None]
"""Called with the share that is done."""

TRAINED = {
    "perceptron": Settings("perceptron", epochs=12),
    "convolutional": Settings("convolutional", rate=2e-3, epochs=8),
}
"""How the networks are trained."""


def nearest(digits: Digits, tell: Tell) -> NearestNeighbour:
    """Keep the training images."""
    return NearestNeighbour(digits.train_images, digits.train_labels)


def gaussian(digits: Digits, tell: Tell) -> Gaussian:
    """Estimate the distributions; it takes a second, and the matrices would take 50 MB on disk."""
    return Gaussian(digits.train_images, digits.train_labels)


def logistic(digits: Digits, tell: Tell) -> Logistic:
    """Read the regressions that were kept, or fit them and keep them."""
    model = Logistic()
    file = cache.path("logistic", digits, [ITERATIONS, DECAY])
    if not cache.read(file, model.regressions):
        model.fit(digits.train_images, digits.train_labels, tell)
        cache.write(file, model.regressions)
    return model


def network(name: str, digits: Digits, tell: Tell) -> NetworkModel:
    """Read the network that was kept, or train it and keep it."""
    settings = TRAINED[name]
    tg.manual_seed(settings.seed)
    model = NETWORKS[name]()
    file = cache.path(name, digits, settings)
    if not cache.read(file, model):
        for report in train(model, settings, tensors(digits)):
            tell(report.step / report.steps)
        cache.write(file, model)
    return NetworkModel(model)


MODELS: dict[str, Callable[[Digits, Tell], Model]] = {
    "nearest": nearest,
    "gaussian": gaussian,
    "perceptron": lambda digits, tell: network("perceptron", digits, tell),
    "logistic": logistic,
    "convolutional": lambda digits, tell: network("convolutional", digits, tell),
}
"""What makes each model, in the order in which they are made: the quick ones first."""
