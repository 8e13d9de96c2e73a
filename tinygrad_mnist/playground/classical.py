"""The classical models: normal distributions, the nearest neighbour, logistic regressions.

Images are arrays of shape (N, 784) with pixels from 0 to 255.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_mnist as tg
from tinygrad_mnist import nn, optim
from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.playground.model import Probable
from tinygrad_mnist.playground.pictures import tiles

SMOOTHING = 4000.0
"""What is added to the variance of each pixel."""

NEIGHBOURS = 5
"""How many of the nearest images are shown."""

ITERATIONS = 100
DECAY = 1e-3
"""The iterations of the logistic regressions, and the factor of their squared weights."""


class Gaussian(Probable):
    """A normal distribution N(m, S + s I) per digit, and Bayes' rule.

    With the Cholesky factor L of a covariance, log density = -|L^-1 (x - m)|^2 / 2 - sum log diag
    L, up to what is the same for all digits.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.means, self.factors, priors = [], [], []
        for digit in range(10):
            rows = images[labels == digit].astype(np.float64)
            covariance = np.cov(rows.T, bias=True) + SMOOTHING * np.eye(rows.shape[1])
            self.means.append(rows.mean(axis=0))
            self.factors.append(np.linalg.cholesky(covariance))
            priors.append(len(rows) / len(images))
        self.log_priors = np.log(priors)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return prior times density, divided by their sum."""
        scores = np.empty((len(images), 10))
        for digit, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            white = late("scipy.linalg").solve_triangular(
                factor, (images - mean).T, lower=True, check_finite=False
            )
            scores[:, digit] = -0.5 * (white**2).sum(axis=0) - np.log(np.diag(factor)).sum()
        scores += self.log_priors
        shares: np.ndarray = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares


class NearestNeighbour:
    """The digit of the training image that is nearest by Euclidean distance."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self._rows = images.astype(np.float64)
        self._squares = (self._rows**2).sum(axis=1)

    def nearest(self, images: np.ndarray, count: int = 1) -> np.ndarray:
        """Return the positions of the nearest training images, the nearest first: (N, count)."""
        # |x - t|^2 but for |x|^2; whole numbers below 2^53, so nothing is rounded
        distances = self._squares - 2 * images.astype(np.float64) @ self._rows.T
        order: np.ndarray = np.argsort(distances, axis=1, kind="stable")
        return order[:, :count]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the digits of the nearest training images."""
        found: np.ndarray = self.labels[self.nearest(images)[:, 0]]
        return found

    def answer(self, image: np.ndarray) -> dict[str, Any]:
        """Return the digit of the nearest training image, and the nearest few as pictures.

        Distances are in pixels full of ink.
        """
        row = image.reshape(1, 784)
        positions = self.nearest(row, NEIGHBOURS)[0]
        labels = self.labels[positions].tolist()
        return {
            "digit": labels[0],
            "labels": labels,
            "distances": (np.linalg.norm(self._rows[positions] - row, axis=1) / 255).tolist(),
            "images": tiles(self.images[positions].reshape(-1, 28, 28)),
        }


class Logistic(Probable):
    """Ten regressions; each tells a digit from all others, so their answers add up to any sum."""

    def __init__(self) -> None:
        self.regressions = nn.Linear(784, 10, dtype=tg.float64)
        self.regressions.requires_grad_(False)

    def fit(self, images: np.ndarray, labels: np.ndarray, tell: Callable[[float], None]) -> None:
        """Fit the regressions, by SciPy's L-BFGS-B with our gradients; tell how much is done.

        The cost is the sum of the ten's, and they share no weight: so each is fitted for itself.
        """
        model = self.regressions.requires_grad_(True)
        inputs = tg.from_numpy(images / 255)
        targets = tg.from_numpy((labels[:, None] == np.arange(10)).astype(np.float64))
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)

        def cost() -> tg.Tensor:
            error = 10 * F.binary_cross_entropy_with_logits(model(inputs), targets)
            return error + DECAY * (model.weight**2).sum()

        iteration = itertools.count(1)
        optim.minimize(
            cost,
            model.parameters(),
            method="L-BFGS-B",
            callback=lambda point: tell(next(iteration) / ITERATIONS),
            options={"maxiter": ITERATIONS},
        )
        model.requires_grad_(False)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return each regression's probability."""
        return self.regressions(tg.from_numpy(images / 255)).sigmoid().numpy()
