"""The exercises of chapter 9: your own operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _softsign(rng: np.random.Generator) -> dict[str, Any]:
    return {"g": rng.normal(size=4), "x": rng.normal(size=4)}


def _width(rng: np.random.Generator) -> dict[str, Any]:
    x, w = rng.normal(size=(3, 2)), rng.uniform(0.5, 2, 2)
    return {"g": rng.normal(size=(3, 2)), "w": w, "out": np.sqrt(x * x + w * w)}


def _large(rng: np.random.Generator) -> dict[str, Any]:
    return {"x": rng.choice([-1, 1], 4) * 10.0 ** rng.integers(0, 4, 4)}


EXERCISES = {
    "9.1": Exercise(
        "your rule",
        lambda g, x: g / (1 + np.abs(x)) ** 2,
        _softsign,
        slips=lambda g, x: {
            "doesn't square the divisor": g / (1 + np.abs(x)),
            "has the wrong sign for negative x": g * np.sign(x) / (1 + np.abs(x)) ** 2,
            "is right for positive x only": g / (1 + x) ** 2,
        },
    ),
    "9.2": Exercise("your rule", lambda g, w, out: (g * w / out).sum(0), _width),
    "9.3": Exercise("your function", lambda x: np.logaddexp(0, x), _large),
}
