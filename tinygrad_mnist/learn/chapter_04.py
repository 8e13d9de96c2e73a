"""The exercises of chapter 4: shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _normal(**shapes: tuple[int, ...]) -> Any:
    return lambda rng: {name: rng.normal(size=shape) for name, shape in shapes.items()}


EXERCISES = {
    "4.1": Exercise(
        "your gradient",
        lambda g, x: (g * x).sum(1, keepdims=True),
        _normal(g=(4, 3), x=(4, 3)),
        slips=lambda g, x: {"lacks the factor x": g.sum(1, keepdims=True)},
    ),
    "4.2": Exercise("your gradient", lambda g, x: g.T @ x, _normal(g=(4, 2), x=(4, 3))),
    "4.3": Exercise(
        "your gradient",
        lambda g: g - g.mean(0),
        _normal(g=(4, 3)),
        terms=lambda g: {
            "the path through x itself": g,
            "the path through the mean": np.broadcast_to(-g.mean(0), g.shape),
        },
        slips=lambda g: {
            "subtracts the sum instead of the mean": g - g.sum(0),
            "has the mean of the wrong dimension": g - g.mean(1, keepdims=True),
        },
    ),
}
