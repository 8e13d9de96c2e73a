"""Checks: numbers that NumPy refuses, and XLA wouldn't.

An index that is out of bounds is one that XLA brings back into them, silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.trace import Call, Value
from tinygrad_mnist.compiler.xla.kernels import softmax

SAFE = frozenset({"argmax", "argmin", "argsort", "arange", "unravel_index"})
"""Functions whose results are places that there are."""


@dataclass(frozen=True, eq=False)
class Check:
    """A look at an array, before it is used.

    Attributes
    ----------
    value
        The array.
    look
        Takes it, and raises an error.
    call
        The call that uses it.
    """

    value: Value
    look: partial[Any]
    call: Call


def checks_of(call: Call) -> Iterator[Check]:
    """Yield what a call has to be checked for, if it isn't part of a rule: forward was checked."""
    if call.is_backward:
        return
    function, arguments = call.function, call.arguments
    if function in (softmax._cross_entropy, softmax._nll_loss):
        x, target = arguments[:2]
        ignored = call.keywords["ignore_index"]
        yield Check(target, partial(_check_target, x.array.shape, ignored), call)
    elif function is np.take_along_axis:
        yield from _index(call, arguments[0], arguments[2:3], arguments[1])
    elif function is np.take or (call.kind == "method" and call.name == "take"):
        if call.keywords.get("mode", "raise") == "raise":
            axis = arguments[2:3] or (call.keywords.get("axis"),)
            yield from _index(call, arguments[0], axis, arguments[1])
    elif call.kind in ("getitem", "setitem") or getattr(function, "__name__", "") == "at":
        if type(arguments[0]) is Value:
            yield from _indices(call, arguments[0].array.shape, arguments[1])


def _check_target(shape: Any, ignored: int, target: np.ndarray) -> None:
    softmax.check_target(shape, target, ignored)


def _index(call: Call, x: Value, axis: Any, index: Any) -> Iterator[Check]:
    (dim,) = axis or (None,)
    count = x.array.size if dim is None else x.array.shape[dim]
    if type(index) is Value:
        yield Check(index, partial(_check_index, count), call)


def _indices(call: Call, shape: tuple[int, ...], index: Any) -> Iterator[Check]:
    """Yield a check for each array of integers in an index."""
    parts = list(index) if isinstance(index, tuple) else [index]
    used = sum(_dims(x) for x in parts)
    dim = 0
    for x in parts:
        if x is Ellipsis:
            dim += len(shape) - used
            continue
        if type(x) is Value and x.array.dtype.kind in "iu":
            yield Check(x, partial(_check_index, shape[dim]), call)
        dim += _dims(x)


def _dims(x: Any) -> int:
    """Return how many dimensions a part of an index is for."""
    if x is None or x is Ellipsis:
        return 0
    array = x.array if type(x) is Value else x
    is_mask = isinstance(array, np.ndarray) and array.dtype == bool
    return array.ndim if is_mask else 1


def _check_index(count: int, index: np.ndarray) -> None:
    if index.size and (index.min() < -count or index.max() >= count):
        wrong = index.min() if index.min() < -count else index.max()
        raise IndexError(f"index {int(wrong)} is out of bounds for a dimension of {count} elements")
