"""Numbers, repeated: one for each channel, or one for all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.buffers import is_elementwise, strides_without_gaps
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value

LARGE = 2**17
"""From how many elements on an array is worth it."""

LONG = 1024
"""From how many elements on NumPy's loop over a row is long enough."""

FEW = 100
"""Up to how many channels: with more, NumPy's loop over them is long enough."""


EXTREMES = (np.maximum, np.minimum)
"""What NumPy computes three times as fast from two arrays as from an array and a number."""


def repeated_channels(program: Program) -> Program:
    """Repeat one number for each channel, for all places of an image; and that of relu.

    Where channels lie last in memory, NumPy's innermost loop is as short as there are channels.
    With such a number for each place, it is as long as an image.
    """
    calls: list[Call] = []
    known: dict[Any, Value] = {}
    constants: dict[Any, Value] = {}
    for call in program.calls:
        result = call.results
        if is_elementwise(call) and type(result) is Value and result.array.size >= LARGE:
            arguments = []
            for x in call.arguments:
                shape = _repeats(x, result.array)
                if shape is not None:
                    key = (x, shape, result.array.strides)
                    if key not in known:
                        known[key], made = _repeated(x, shape, result.array, call)
                        calls += made
                    x = known[key]
                elif call.function in EXTREMES and type(x) in (int, float):
                    x = _constant(x, result.array, constants)
                arguments.append(x)
            if arguments != list(call.arguments):
                call = call.but(arguments=tuple(arguments), printed=(call,))
        written = set(call.writes)
        known = {key: x for key, x in known.items() if key[0].storage not in written}
        calls.append(call)
    return replace(program, calls=calls)


def _repeats(x: Any, like: np.ndarray) -> tuple[int, ...] | None:
    """Return the shape in which an operand should be, if it has one number for each channel."""
    if type(x) is not Value or like.ndim < 3:
        return None
    inner = min(range(like.ndim), key=lambda d: (like.strides[d], -d))
    channels = like.shape[inner]
    aligned = (1,) * (like.ndim - x.array.ndim) + x.array.shape
    if inner == 0 or not 1 < channels <= FEW or x.array.size != channels:
        return None
    return (1, *like.shape[1:]) if aligned[inner] == channels else None


def _constant(x: float, like: np.ndarray, known: dict[Any, Value]) -> Any:
    """Return a number as an array of one image, or row, if that is long enough."""
    shape, strides = (1, *like.shape[1:]), strides_without_gaps(like[:1])
    if np.prod(shape) < LONG:
        return x
    key = (x, shape, strides, like.dtype)
    if key not in known:
        array = np.ndarray(shape, like.dtype, np.full(shape, x, like.dtype), 0, strides)
        known[key] = Value(array, Storage(array, "constant"))
    return known[key]


def _repeated(
    x: Value, shape: tuple[int, ...], like: np.ndarray, call: Call
) -> tuple[Value, list[Call]]:
    """Make the calls that repeat an operand."""
    view = np.broadcast_to(x.array, shape)
    wide = Value(view, x.storage)
    strides = strides_without_gaps(like[:1])
    array = np.ndarray(shape, view.dtype, np.empty(view.size, view.dtype), 0, strides)
    result = Value(array, Storage(array, "made"))
    about: dict[str, Any] = {
        "operation": call.operation, "module": call.module, "line": call.line,
        "printed": (),
    }  # fmt: skip
    return result, [
        Call(np.broadcast_to, (x, shape), {}, wide, **about),
        Call(np.positive, (wide,), {}, result, **about),
    ]
