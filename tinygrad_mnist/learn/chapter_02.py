"""The exercises of chapter 2: an engine in about sixty lines."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _of_exp(rng: np.random.Generator) -> dict[str, float]:
    return {"g": float(rng.uniform(0.5, 2)), "out": float(np.exp(rng.uniform(-1, 1)))}


def _of_two(rng: np.random.Generator) -> dict[str, float]:
    return {name: float(rng.uniform(0.5, 2)) for name in ("g", "x", "y")}


def _with_ties(rng: np.random.Generator) -> dict[str, float]:
    return {"g": float(rng.uniform(0.5, 2)), "x": float(rng.integers(3)), "y": 1.0}


EXERCISES = {
    "2.1": Exercise(
        "your rule",
        lambda g, out: g * out,
        _of_exp,
        slips=lambda g, out: {"takes exp of out, which is exp(x) already": g * np.exp(out)},
    ),
    "2.2": Exercise(
        "your rule",
        lambda g, x, y: -g * x / y**2,
        _of_two,
        slips=lambda g, x, y: {"divides by y only once": -g * x / y, "is that for x": g / y},
    ),
    "2.3": Exercise(
        "your rule",
        lambda g, x, y: g * ((x > y) + (x == y) / 2),
        _with_ties,
        slips=lambda g, x, y: {
            "gives x all of the gradient at a tie": g * (x >= y),
            "gives x nothing at a tie": g * (x > y),
            "is that for y": g * ((x < y) + (x == y) / 2),
        },
    ),
}
