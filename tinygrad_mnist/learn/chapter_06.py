"""The exercises of chapter 6: from Tensor to optimizer."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _adam(g: float, m: float, v: float, t: int) -> float:
    """Return what Adam subtracts at the rate 1."""
    m, v = _means(g, m, v)
    return float(m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t)))


def _means(g: float, m: float, v: float) -> tuple[float, float]:
    return 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2


def _slips(g: float, m: float, v: float, t: int) -> dict[str, float]:
    old = m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t))
    m, v = _means(g, m, v)
    return {
        "lacks both corrections": m / np.sqrt(v),
        "lacks the correction of m": m / np.sqrt(v / (1 - 0.999**t)),
        "lacks the correction of v": m / (1 - 0.9**t) / np.sqrt(v),
        "lacks the root of v": m / (1 - 0.9**t) / (v / (1 - 0.999**t)),
        "divides both means by 1 - beta, as the report's did": m / 0.1 / np.sqrt(v / 0.001),
        "uses the means as they were before g": old,
    }


def _before(rng: np.random.Generator) -> dict[str, float]:
    g, m, v = rng.normal(), rng.normal(), rng.uniform(0.1, 1)
    return {"g": float(g), "m": float(m), "v": float(v), "t": int(rng.integers(2, 20))}


EXERCISES = {
    "6.1": Exercise("your rate", lambda c: 2 / c, lambda rng: {"c": float(rng.uniform(2, 50))}),
    "6.2": Exercise(
        "your size",
        lambda g, mu: g / (1 + mu),
        lambda rng: {"g": float(rng.uniform(0.5, 2)), "mu": float(rng.uniform(0.5, 0.9))},
        slips=lambda g, mu: {"is that for gradients of one sign": g / (1 - mu)},
    ),
    "6.3": Exercise("your step", _adam, _before, slips=_slips),
}
