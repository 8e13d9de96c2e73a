"""The exercises of chapter 10: when training fails."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _layer(rng: np.random.Generator) -> dict[str, Any]:
    """Draw a layer in which some units are dead, and of the others some values are 0."""
    w = rng.normal(size=(3, 8))
    return {"x": rng.normal(size=(6, 3)), "w": w, "b": rng.normal(-2, 1.5, 8)}


def _gradient(rng: np.random.Generator) -> dict[str, Any]:
    """Draw a gradient that is shorter or longer than the limit."""
    g = rng.normal(size=4)
    return {"g": g, "limit": float(rng.uniform(0.3, 1.7) * np.linalg.norm(g))}


EXERCISES = {
    "10.1": Exercise(
        "your share",
        lambda x, w, b: (x @ w + b <= 0).all(0).mean(),
        _layer,
        slips=lambda x, w, b: {
            "is that of zeros, not of units": (x @ w + b <= 0).mean(),
            "is that of units which are 0 for some example": (x @ w + b <= 0).any(0).mean(),
        },
    ),
    "10.2": Exercise(
        "your spread",
        lambda n: n**-0.5,
        lambda rng: {"n": float(rng.integers(10, 1000))},
        slips=lambda n: {"is that before a rectifier": (2 / n) ** 0.5, "is the square": 1 / n},
    ),
    "10.3": Exercise(
        "your gradient",
        lambda g, limit: g * min(1, limit / np.linalg.norm(g)),
        _gradient,
        slips=lambda g, limit: {
            "is longer than the limit": g,
            "stretches what is short": g * limit / np.linalg.norm(g),
            "has its elements clipped, not its length": np.clip(g, -limit, limit),
        },
    ),
}
