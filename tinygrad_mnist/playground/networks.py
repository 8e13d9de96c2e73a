"""The two networks, and a look into one: what it answers, why, and what its layers make of it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import numpy as np

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.playground.model import Probable


def perceptron() -> nn.Sequential:
    """Return a network of 784-100-200-10 units, rectified in between."""
    return nn.Sequential(
        nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 10)
    )


def convolutional() -> nn.Sequential:
    """Return a network of two convolutions, each rectified and pooled, and a hidden layer."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10),
    )  # fmt: skip


NETWORKS: dict[str, Callable[[], nn.Sequential]] = {
    "perceptron": perceptron,
    "convolutional": convolutional,
}

HIDDEN = (nn.Flatten, nn.Unflatten, nn.Dropout)
"""Layers of which no picture is made: they change nothing that one would see."""


class Layer(NamedTuple):
    """A layer's name, the shape of what it returned for one image, and that as tiles (n, h, w)."""

    name: str
    shape: tuple[int, ...]
    tiles: np.ndarray


class Look(NamedTuple):
    """What a network makes of an image.

    The gradient, (28, 28), is that of the winning digit's logit, by each pixel's ink (from 0 to 1).
    """

    probabilities: np.ndarray
    gradient: np.ndarray
    layers: list[Layer]


def batch(images: np.ndarray) -> tg.Tensor:
    """Return images with pixels from 0 to 255 as what the networks take: float32, 0 to 1."""
    return tg.from_numpy(images.reshape(-1, 784).astype(np.float32) / 255)


def finished(network: nn.Sequential) -> nn.Sequential:
    """Return a copy of a network that only answers: without dropout, and without gradients."""
    copy = deepcopy(network).eval()
    copy.requires_grad_(False)
    return copy


class NetworkModel(Probable):
    """A copy of a network as it is now."""

    def __init__(self, network: nn.Sequential) -> None:
        self.network = finished(network)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the softmax of the network's logits."""
        blocks = [self.network(block) for block in batch(images).split(500)]
        return tg.cat(blocks).softmax(dim=1).numpy()


def look(network: nn.Sequential, image: np.ndarray) -> Look:
    """Show an image to a network; nothing in the network changes.

    Examples
    --------
    >>> found = look(finished(perceptron()), np.zeros((28, 28), np.uint8))
    >>> found.probabilities.shape, found.gradient.shape, [layer.shape for layer in found.layers]
    ((10,), (28, 28), [(100,), (100,), (200,), (200,), (10,)])
    """
    inputs = batch(image).requires_grad_()
    value, layers = inputs, []
    for layer in network:
        value = layer(value)
        if not isinstance(layer, HIDDEN):
            array = value.detach().numpy()[0]
            tiles = array if array.ndim == 3 else array.reshape(-1, 1, 1)
            layers.append(Layer(type(layer).__name__, array.shape, tiles))
    logits = value[0]
    (gradient,) = tg.autograd.grad(logits.max(), inputs)
    return Look(logits.detach().softmax(0).numpy(), gradient.numpy().reshape(28, 28), layers)


def first_weights(network: nn.Sequential) -> np.ndarray:
    """Return the weights of the first layer that has any as tiles (n, h, w), one for each unit."""
    weight = next(network.parameters()).detach().numpy()
    return weight.reshape(len(weight), *((28, 28) if weight.ndim == 2 else weight.shape[-2:]))


@tg.no_grad()
def accuracy(network: nn.Module, images: tg.Tensor, labels: np.ndarray) -> float:
    """Return the share of images that a network recognises."""
    was = network.training
    network.eval()
    found = tg.cat([network(block) for block in images.split(500)]).argmax(dim=1)
    network.train(was)
    return float((found.numpy() == labels).mean())
