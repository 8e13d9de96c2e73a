"""Long short-term memory: what it keeps for its rules lies where it lay at the last step.

Backward writes the gradient of the inputs over the gates, so that it stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.trace import Call, Program
from tinygrad_mnist.ops.contract import TABLE
from tinygrad_mnist.ops.recurrent import Memory, lstm_back

_OP = TABLE["lstm"]
_NAMES = {rule.function: name for name, rule in _OP.rules.items()}


def kernels(program: Program) -> dict[Call, Callable[..., Any]]:
    """Return kernels for the calls of the operation, and of all of its rules."""
    found: dict[Call, Callable[..., Any]] = {}
    for call in program.calls:
        if call.function is _OP.forward:
            rules = _rules(program, call)
            if rules is None:
                continue
            x, h, *_ = call.arguments
            kernel = LSTM(x.array, h.array, **call.keywords)
            found[call] = kernel.forward
            found |= {rule: kernel.rule(name) for name, rule in rules.items()}
    return found


def _rules(program: Program, call: Call) -> dict[str, Call] | None:
    """Return the calls of the rules, if they alone see what they share.

    Each may be called once, with the same gradient as the others, and with nothing in between:
    the first of them reads it for all.
    """
    kept = {x.storage for x in call.made()[1:]}
    places = [
        i
        for i, other in enumerate(program.calls)
        if other is not call and any(x.storage in kept for x in other.values())
    ]
    rules = {_NAMES.get(program.calls[i].function, ""): program.calls[i] for i in places}
    if "x" in rules:
        kept |= {x.storage for x in rules["x"].made()}
    alone = (
        "" not in rules
        and len({rule.arguments[0] for rule in rules.values()}) < 2
        and (not places or places[-1] - places[0] < len(rules))
        and not any(x.storage in kept for x in program.wanted())
    )
    return rules if alone else None


class LSTM:
    """A layer for sequences of one shape, and its rules, in arrays that are there.

    Examples
    --------
    >>> settings = {"sizes": (1, 1), "reverse": False}
    >>> kernel = LSTM(np.zeros((2, 4)), np.zeros((1, 1)), **settings)
    >>> out, *kept = kernel.forward(
    ...     np.ones((2, 4)), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((4, 1)), **settings
    ... )
    >>> out.round(3)
    array([[0.37 ],
           [0.545],
           [0.964]])
    """

    def __init__(
        self, x: np.ndarray, h: np.ndarray, *, sizes: tuple[int, ...], reverse: bool
    ) -> None:
        self.memory = Memory(x, h.shape[1], sizes, reverse)
        self.found: dict[str, Any] = {}

    def forward(
        self, x: Any, h: Any, c: Any, weight: Any, *, sizes: tuple[int, ...], reverse: bool
    ) -> tuple[Any, ...]:
        """Return the hidden states and the last cells, and what the rules take."""
        self.found = {}
        memory = self.memory
        return memory.forward(x, h, c, weight), memory.gates, memory.cells, memory.squashed, None

    def rule(self, name: str) -> Callable[..., Any]:
        """Return the rule of an input. The first that is called computes for all."""

        def compute(
            g: Any, out: Any, h: Any, c: Any, weight: Any, gates: Any, cells: Any, squashed: Any,
            shared: None, sizes: tuple[int, ...], reverse: bool,
        ) -> Any:  # fmt: skip
            if name not in self.found:
                self.found = lstm_back(
                    g, out, h, c, weight, gates, cells, squashed, sizes, reverse, gates
                )
            return self.found.pop(name)

        return compute
