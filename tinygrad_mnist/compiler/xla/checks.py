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
        shape, ignored = x.array.shape, call.keywords["ignore_index"]
        classes = shape[1] if len(shape) > 1 else shape[0]
        yield Check(target, partial(_check_target, classes, shape, ignored), call)
    elif function is np.take_along_axis:
        yield from _index(call, arguments[0], arguments[2:3], arguments[1])
    elif function is np.take or (call.kind == "method" and call.name == "take"):
        if call.keywords.get("mode", "raise") == "raise":
            axis = arguments[2:3] or (call.keywords.get("axis"),)
            yield from _index(call, arguments[0], axis, arguments[1])
    elif call.kind in ("getitem", "setitem") or getattr(function, "__name__", "") == "at":
        if type(arguments[0]) is Value:
            yield from _indices(call, arguments[0].array.shape, arguments[1])


def _check_target(classes: int, shape: Any, ignored: int, target: Any) -> None:
    if not _are_below(classes, target):
        softmax.check_target(shape, np.asarray(target), ignored)


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


_UNSIGNED = {np.dtype(f"{k}{n}"): np.dtype(f"u{n}") for k in "iu" for n in (1, 2, 4, 8)}


def _are_below(count: int, x: Any) -> bool:
    """Whether integers are seen at a glance to be at least 0, and less than a number.

    They may be an array of NumPy's or, in the memory of a CPU, one of JAX's.
    """
    try:
        seen = np.frombuffer(x, _UNSIGNED[x.dtype])  # in which a negative number is huge
        return bool(seen.item(seen.argmax()) < count)
    except (AttributeError, BufferError, KeyError, ValueError):  # it takes a closer look
        return False


def _check_index(count: int, index: Any) -> None:
    if _are_below(count, index):
        return
    index = np.asarray(index)
    if index.size and (index.min() < -count or index.max() >= count):
        wrong = index.min() if index.min() < -count else index.max()
        raise IndexError(f"index {int(wrong)} is out of bounds for a dimension of {count} elements")
