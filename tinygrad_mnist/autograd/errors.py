"""Errors of operations, as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist._runtime import naming
from tinygrad_mnist.ops.contract import Op


def operation_error(
    op: Op, arrays: Sequence[Any], settings: dict[str, Any], error: Exception
) -> Exception:
    """Turn an error from inside an operation into one that names it, and says what doesn't fit.

    What fits nowhere is looked for only now, so that the checks cost nothing where all is well.
    """
    from tinygrad_mnist._runtime import wording  # only now: hardly any program needs it

    if wording.is_ours(error):
        kind = next((k for k in (IndexError, TypeError) if isinstance(error, k)), RuntimeError)
        return kind(f"{op.name}: {wording.without_name(str(error))}")
    if isinstance(error, TypeError) and (said := op.misuse(len(arrays), settings)):
        return TypeError(f"{op.name}: {said}")
    for position, array in enumerate(arrays):
        if not isinstance(array, np.ndarray | np.generic | int | float | None):
            name = _argument(op, position)
            return TypeError(
                f"{op.name}: argument '{name}' must be Tensor, not {naming.kind(array)}"
            )
    if isinstance(error, ValueError) and op.misfit is not None:
        if sentence := op.misfit(*arrays, **settings):
            return RuntimeError(f"{op.name}: {sentence}")
    if op.broadcasts and str(error).startswith("operands could not be broadcast together"):
        shapes = wording.listed(str(list(np.shape(a))) for a in arrays if np.ndim(a))
        return RuntimeError(f"{op.name}: the shapes {shapes} do not broadcast; {wording.ALIGNED}")
    given = {_argument(op, i): a for i, a in enumerate(arrays) if a is not None}
    if op.variadic:
        given = {op.inputs[0]: list(arrays)}
    # To those who call it, an operation's arrays are tensors.
    sentence = wording.explained(error, {**given, **settings})
    sentence = sentence.replace(" array of shape", " tensor of shape")
    if isinstance(error, IndexError):
        return IndexError(f"{op.name}: {sentence}")
    if isinstance(error, TypeError) and "Cannot cast" in str(error) and arrays[0].dtype.kind != "f":
        kind = arrays[0].dtype
        return TypeError(
            f"{op.name}: the input must be floating point, but is {kind}; convert it with float()"
        )
    if isinstance(error, TypeError) and "not supported for the input types" in str(error):
        return NotImplementedError(f"{op.name}: {sentence}")
    if isinstance(error, TypeError | AttributeError):
        return TypeError(f"{op.name}: {sentence}")
    return RuntimeError(f"{op.name}: {sentence}")


def cause(error: Exception) -> Exception | None:
    """Return an error if a traceback should show it besides the sentence about it."""
    from tinygrad_mnist._runtime import wording

    return wording.cause(error)


def _argument(op: Op, position: int) -> str:
    """Name an input as users do: the table says x and y."""
    name = op.input_name(position)
    return {"x": "input", "y": "other"}.get(name, name)
