"""The exercises of chapter 7: convolution, normalisation, recurrence."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _normal(**shapes: tuple[int, ...]) -> Any:
    return lambda rng: {name: rng.normal(size=shape) for name, shape in shapes.items()}


def _layer_norm_terms(g: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parts of which the gradient of rows with mean 0 and deviation 1 is the sum."""
    deviation = x.std(1, keepdims=True)
    y = (x - x.mean(1, keepdims=True)) / deviation
    return {
        "the path past the statistics": g / deviation,
        "the path through the mean": -np.broadcast_to(g.mean(1, keepdims=True), g.shape)
        / deviation,
        "the path through the deviation": -y * (g * y).mean(1, keepdims=True) / deviation,
    }


def _sequence(rng: np.random.Generator) -> dict[str, Any]:
    return {"w": float(rng.uniform(0.5, 1.5)), "x": rng.normal(size=4)}


EXERCISES = {
    "7.1": Exercise(
        "your gradient",
        lambda g, w: np.convolve(g, w),
        _normal(g=(5,), w=(3,)),
        slips=lambda g, w: {"has the kernel turned around": np.convolve(g, w[::-1])},
    ),
    "7.2": Exercise(
        "your rule",
        lambda g, x: sum(_layer_norm_terms(g, x).values()),
        _normal(g=(3, 4), x=(3, 4)),
        terms=_layer_norm_terms,
    ),
    "7.3": Exercise(
        "your derivative",
        lambda w, x: 3 * w**2 * x[0] + 2 * w * x[1] + x[2],
        _sequence,
        terms=lambda w, x: {
            "the last use of w": w**2 * x[0] + w * x[1] + x[2],
            "the earlier uses of w": 2 * w**2 * x[0] + w * x[1],
        },
    ),
}
