"""The exercises of chapter 11: a step as a program."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.learn.exercises import Exercise


def _program(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the last line that reads each value of a program."""
    return {"last": np.array([rng.integers(i, 8) for i in range(8)])}


def _most(last: np.ndarray, over: bool = False) -> int:
    """Return how many values there are at most; ``over``: results replace operands that die."""
    lines = range(len(last))
    return max(sum(bool(v <= i <= last[v] - (over and v < i)) for v in lines) for i in lines)


EXERCISES = {
    "11.1": Exercise(
        "your count",
        lambda n: 3 * n - 1,
        lambda rng: {"n": int(rng.integers(2, 20))},
        slips=lambda n: {
            "has a gradient of the data, which nobody needs": 3 * n,
            "has the forward pass alone": n,
            "has the backward pass alone": 2 * n - 1,
            "has the sums for the biases": 4 * n - 1,
        },
    ),
    "11.2": Exercise(
        "your number",
        lambda last: _most(last),
        _program,
        slips=lambda last: {
            "is that of all values": len(last),
            "lets a line write over an operand that dies with it": _most(last, over=True),
        },
    ),
    "11.3": Exercise("your list", ["b", "d", "g"]),
}
