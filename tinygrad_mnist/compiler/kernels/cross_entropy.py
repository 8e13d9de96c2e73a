"""Cross entropy of the classes of a batch, as its mean: the loss of nearly every classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.trace import Call, Program
from tinygrad_mnist.ops.contract import TABLE

MANY = 64
"""From how many rows on their maxima are found sooner in a copy that has them as columns."""

_OP = TABLE["cross_entropy"]
_RULE = _OP.rules["x"].function


def kernels(program: Program) -> dict[Call, Callable[..., Any]]:
    """Return kernels for the calls of the loss, and of its rule, that they are made for."""
    found: dict[Call, Callable[..., Any]] = {}
    made: dict[Any, CrossEntropy] = {}
    for call in program.calls:
        if call.function is _OP.forward and _is_usual(call):
            kernel = CrossEntropy(call.arguments[0].array)
            made[call.results[1]] = kernel
            found[call] = kernel.forward
        elif call.function is _RULE and call.arguments[1] in made:
            found[call] = made[call.arguments[1]].rule
    return found


def _is_usual(call: Call) -> bool:
    x, target, *weight = call.arguments
    a, settings = x.array, call.keywords
    return (
        a.ndim == 2 and a.size > 0 and a.flags.c_contiguous and a.dtype.char in "fd"
        and target.array.dtype == np.int64
        and not any(w is not None for w in weight)
        and not 0 <= settings["ignore_index"] < a.shape[1]
        and settings["reduction"] == "mean"
    )  # fmt: skip


class CrossEntropy:
    """The loss of scores of one shape, and its rule, in arrays that are there.

    Examples
    --------
    >>> kernel = CrossEntropy(np.zeros((2, 3)))
    >>> loss, *rest = kernel.forward(np.zeros((2, 3)), np.array([0, 2]))
    >>> round(float(loss), 4)
    1.0986
    >>> kernel.rule(1.0, *rest).round(2)
    array([[-0.33,  0.17,  0.17],
           [ 0.17,  0.17, -0.33]])
    """

    def __init__(self, x: np.ndarray) -> None:
        count, self.classes = x.shape
        self.shape, self.count = x.shape, count
        self.rows = np.arange(count)
        self.starts = self.rows * self.classes
        self.places = np.empty(count, np.int64)
        """Where the scores of the targets are, in all scores."""
        self.shifted = np.empty(x.shape, x.dtype)
        self.probs = np.empty(x.shape, x.dtype)
        self.column = np.empty((count, 1), x.dtype)
        self.total = self.column.reshape(-1)
        self.columns = np.empty(x.shape[::-1], x.dtype) if count >= MANY else None
        self.logs, self.picked = np.empty(count, x.dtype), np.empty(count, x.dtype)

    def forward(
        self,
        x: np.ndarray,
        target: np.ndarray,
        weight: None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> tuple[Any, ...]:
        """Return the loss, and what the rule takes."""
        # Seen as unsigned, a negative number is huge.
        if np.maximum.reduce(target.view(np.uint64)) >= self.classes:  # wrong, or ignored
            settings: dict[str, Any] = {"ignore_index": ignore_index, "reduction": reduction}
            return _OP.forward(x, target, weight, **settings)  # type: ignore[no-any-return]  # of any type
        shifted, probs, column, picked = self.shifted, self.probs, self.column, self.picked
        # Calls are short here, so names of arguments would be a good part of the time.
        if self.columns is None:
            np.maximum.reduce(x, 1, out=self.total)
        else:
            np.copyto(self.columns, x.T)
            np.maximum.reduce(self.columns, 0, out=self.total)
        np.subtract(x, column, shifted)
        np.exp(shifted, probs)
        np.add.reduce(probs, 1, out=self.total)
        np.divide(probs, column, probs)
        np.log(self.total, self.logs)
        np.add(self.starts, target, self.places)
        shifted.take(self.places, None, picked, "clip")
        np.subtract(picked, self.logs, picked)
        loss = np.asarray(np.add.reduce(picked) / -self.count)  # an array can be written to
        return loss, probs, self.rows, target, None

    def rule(
        self,
        g: Any,
        probs: np.ndarray,
        rows: np.ndarray,
        columns: np.ndarray,
        weights: None = None,
        shape: Any = None,
        reduction: str = "mean",
        out: np.ndarray | None = None,
    ) -> Any:
        """Return the gradient of the scores."""
        if probs is not self.probs or (out is not None and not out.flags.c_contiguous):
            general = _RULE(g, probs, rows, columns, weights, self.shape, reduction)
            return general if out is None else np.copyto(out, general)
        scale = g / self.count
        out = np.multiply(probs, scale, out=out)
        flat = out.reshape(-1)
        flat[self.places] -= scale
        return out

    rule.takes_out = True  # type: ignore[attr-defined]  # the plan asks for it
