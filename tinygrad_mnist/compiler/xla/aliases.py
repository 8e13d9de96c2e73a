"""Aliases: results that see memory of the state, of an input, or of another result.

XLA's results are arrays of their own. Who writes to a view of a parameter that a step has returned
writes to the parameter, so such a result is made anew by NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.trace import Program, Value
from tinygrad_mnist.compiler.xla.held import seen
from tinygrad_mnist.compiler.xla.memory import address

Shown = Callable[[list[Any], Mapping[Value, Any]], Any]
"""Takes the results and the inputs of a run, and returns a view."""


def found(
    i: int,
    some: Sequence[int],
    program: Program,
    starts: Mapping[Value, int],
    kept: Sequence[tuple[TensorBase, Value]],
) -> Shown | None:
    """Return what makes a result; None where it has memory of its own, or is all of it.

    Parameters
    ----------
    i, some
        Its number, and those of all results that may be looked at.
    program
        The program.
    starts
        At which byte of their memory arrays begin that were there before.
    kept
        Tensors that XLA keeps.
    """
    wanted = program.wanted()
    x = wanted[i]
    if not x.array.size or x.array.dtype == object or x.weak:
        return None
    for tensor, y in kept:
        if y.storage is x.storage:
            view = _viewer(x, y, starts[x] - starts[y])
            return lambda results, inputs: view(tensor._array, results[i])
    if x.storage.origin == "state":
        return lambda results, inputs: x.array
    for y in program.inputs:
        if y.storage is x.storage and _holds(y, x):
            view = _viewer(x, y, starts[x] - starts[y])
            return lambda results, inputs: view(inputs[y], results[i])
    j = next((j for j in some if wanted[j].storage is x.storage and _holds(wanted[j], x)), i)
    if j == i:
        return None
    view = _viewer(x, wanted[j], address(x.array) - address(wanted[j].array))

    def of_result(results: list[Any], inputs: Mapping[Value, Any]) -> Any:
        if not isinstance(results[j], np.ndarray):
            results[j] = seen(results[j])
        return view(results[j], results[i])

    return of_result


def _holds(y: Value, x: Value) -> bool:
    """Whether an array's memory has all of another's."""
    (start, end), (first, last) = byte_bounds(y.array), byte_bounds(x.array)
    return start <= first and last <= end and y.array.dtype == x.array.dtype


def _viewer(x: Value, y: Value, offset: int) -> Callable[[np.ndarray, Any], Any]:
    """Return what shows an array as a view of another, which begins some bytes before it."""
    shape, strides, dtype = x.array.shape, x.array.strides, x.array.dtype
    is_whole = offset == 0 and (shape, strides) == (y.array.shape, y.array.strides)
    in_rows = y.array.flags.c_contiguous

    def view(base: np.ndarray, otherwise: Any) -> Any:
        if not isinstance(base, np.ndarray):  # a number of Python's
            return otherwise
        if is_whole:
            return base[...]
        if in_rows and base.flags.c_contiguous:
            return np.ndarray(shape, dtype, base, offset, strides)
        return otherwise

    return view
