"""The exercises of chapter 1: one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _on_paper(w: float, x: float, b: float) -> tuple[float, float, float]:
    """Return the derivatives of ``tanh(w * x + b)``."""
    slope = 1 - np.tanh(w * x + b) ** 2
    return slope * x, slope * w, slope


def _numbers(*names: str) -> Any:
    return lambda rng: {name: float(rng.uniform(-1.5, 1.5)) for name in names}


def _arriving(rng: np.random.Generator) -> dict[str, float]:
    return {"g": float(rng.uniform(0.5, 2)), "out": float(np.tanh(rng.uniform(-1.5, 1.5)))}


EXERCISES = {
    "1.1": Exercise(
        "your derivative for", _on_paper(-1.0, 0.5, 1.0), parts=("w", "x", "b"), digits=2
    ),
    "1.2": Exercise(
        "your rule",
        lambda g, out: g * (1 - out * out),
        _arriving,
        slips=lambda g, out: {
            "takes tanh of out, which is tanh(s) already": g * (1 - np.tanh(out) ** 2),
            "doesn't square out": g * (1 - out),
            "has its arguments in the other order": out * (1 - g * g),
        },
    ),
    "1.3": Exercise(
        "your derivative",
        lambda x: np.tanh(x) + x * (1 - np.tanh(x) ** 2),
        _numbers("x"),
        terms=lambda x: {
            "the path through the factor x": np.tanh(x),
            "the path through tanh": x * (1 - np.tanh(x) ** 2),
        },
        slips=lambda x: {
            "is the product of the two slopes": 1 - np.tanh(x) ** 2,
            "multiplies the two paths, which add": np.tanh(x) * x * (1 - np.tanh(x) ** 2),
        },
    ),
}
