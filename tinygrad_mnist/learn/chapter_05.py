"""The exercises of chapter 5: softmax and the loss."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _logsumexp(z: np.ndarray) -> np.ndarray:
    return np.asarray(z.max() + np.log(np.exp(z - z.max()).sum()))


def _large(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"z": 2000 * rng.choice([-1, 1]) + rng.normal(size=4)}


def _row(rng: np.random.Generator) -> dict[str, np.ndarray]:
    z = rng.normal(size=3)
    return {"g": rng.normal(size=3), "out": np.exp(z - _logsumexp(z))}


EXERCISES = {
    "5.1": Exercise(
        "your gradient for the",
        (1 / 8, 2 / 8, -3 / 8),
        parts=("first logit", "second logit", "third logit"),
        digits=2,
    ),
    "5.2": Exercise("your function", _logsumexp, _large),
    "5.3": Exercise(
        "your rule",
        lambda g, out: out * (g - (g * out).sum()),
        _row,
        terms=lambda g, out: {
            "the path through the exponential": g * out,
            "the path through the sum": -out * (g * out).sum(),
        },
        slips=lambda g, out: {
            "is that of log-softmax": g - out * g.sum(),
            "follows each logit to its own output alone": g * out * (1 - out),
        },
    ),
}
