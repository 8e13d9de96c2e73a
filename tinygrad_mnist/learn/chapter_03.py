"""The exercises of chapter 3: the chain rule as a walk over nodes."""

from __future__ import annotations

from tinygrad_mnist.learn.exercises import Exercise

EXERCISES = {
    "3.1": Exercise(
        "your count",
        lambda n: (n, 2**n),
        lambda rng: {"n": int(rng.integers(3, 20))},
        slips=lambda n: {
            "has the two numbers in the other order": (2**n, n),
            "takes the leaf for a node": (n + 1, 2**n),
            "adds where paths multiply": (n, 2 * n),
        },
    ),
    "3.2": Exercise("your order", ["add", "mul", "add", "mul"]),
    "3.3": Exercise(
        "your derivative",
        lambda x: 3 * x**2 + 4 * x,
        lambda rng: {"x": float(rng.uniform(0.5, 2))},
        terms=lambda x: {
            "the path through a into the product": 2 * x * (x + 1),
            "the path through b": x**2,
            "the path through a into the sum": 2 * x,
        },
        slips=lambda x: {"is that of x³ alone, where the loss is x³ + 2x²": 3 * x**2},
    ),
}
