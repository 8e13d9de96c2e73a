"""The exercises of chapter 8: second derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _product_terms(x: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parts of the product with the Hessian of ``(x * x).sum() ** 2``."""
    return {
        "the change of the sum of squares": 8 * (x @ v) * x,
        "the change of x itself": 4 * (x @ x) * v,
    }


def _safe_step(g: np.ndarray, h: np.ndarray) -> np.ndarray:
    curvatures, directions = np.linalg.eigh(h)
    step: np.ndarray = -directions @ (directions.T @ g / np.abs(curvatures))
    return step


def _saddle(rng: np.random.Generator) -> dict[str, Any]:
    """Draw a gradient, and a Hessian with curvatures of both signs."""
    directions = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    curvatures = rng.uniform(0.5, 2, 3) * [1, -1, 1]
    return {"g": rng.normal(size=3), "h": directions * curvatures @ directions.T}


EXERCISES = {
    "8.1": Exercise(
        "your second derivative",
        lambda out: (1 - 2 * out) * out * (1 - out),
        lambda rng: {"out": float(rng.uniform(0.1, 0.4))},
        slips=lambda out: {
            "lacks the derivative of out": 1 - 2 * out,
            "is the first": out * (1 - out),
        },
    ),
    "8.2": Exercise(
        "your product",
        lambda x, v: sum(_product_terms(x, v).values()),
        lambda rng: {"x": rng.normal(size=4), "v": rng.normal(size=4)},
        terms=_product_terms,
    ),
    "8.3": Exercise(
        "your step",
        _safe_step,
        _saddle,
        slips=lambda g, h: {
            "is Newton's own, which goes up where the curvature is negative": -np.linalg.solve(h, g)
        },
    ),
}
