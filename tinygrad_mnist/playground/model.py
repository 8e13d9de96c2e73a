"""What every model of the playground does."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Model(Protocol):
    """A model predicts the digits of images, and answers one image with what speaks for it."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the digits of images, (N, 784) with pixels from 0 to 255."""

    def answer(self, image: np.ndarray) -> dict[str, Any]:
        """Return the digit of one image, (28, 28), and what speaks for it, for JSON."""


class Probable:
    """A model that gives each digit a probability."""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities of the digits, (N, 10)."""
        raise NotImplementedError

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the most probable digits."""
        found: np.ndarray = self.probabilities(images).argmax(axis=1)
        return found

    def answer(self, image: np.ndarray) -> dict[str, Any]:
        """Return the most probable digit, and the probability of each."""
        values = np.nan_to_num(self.probabilities(image.reshape(1, 784))[0].astype(np.float64))
        return {"digit": int(values.argmax()), "probabilities": values.round(6).tolist()}
