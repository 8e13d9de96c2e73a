"""Errors of operations, as sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist._runtime import naming
from tinygrad_mnist.ops.contract import Op


def explain(op: Op, arrays: Sequence[Any], settings: dict[str, Any], error: Exception) -> Exception:
    """Turn another's complaint into a sentence that names the operation, and what doesn't fit.

    What fits nowhere is looked for only now, so that the checks cost nothing where all is well.
    """
    from tinygrad_mnist._runtime import wording  # only now: hardly any program needs it

    if wording.is_ours(error):
        kind = next((k for k in (IndexError, TypeError) if isinstance(error, k)), RuntimeError)
        return kind(f"{op.name}: {wording.without_name(str(error))}")
    for position, array in enumerate(arrays):
        if not isinstance(array, np.ndarray | np.generic | int | float | None):
            name = _argument(op, position)
            return TypeError(
                f"{op.name}: argument '{name}' must be Tensor, not {naming.kind(array)}"
            )
    if isinstance(error, ValueError) and (fit := FITS.get(op.name)):
        sentence = fit(*arrays, **settings)
        if sentence:
            return RuntimeError(f"{op.name}: {sentence}")
    if op.broadcasts and str(error).startswith("operands could not be broadcast together"):
        shapes = wording.listed(str(_shape(a)) for a in arrays if np.ndim(a))
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


# What doesn't fit, by operation


def _linear(x: Any, weight: Any, bias: Any = None) -> str:
    if weight.ndim != 2:
        return f"the weight must be a matrix (out_features, in_features), got {_shape(weight)}"
    if not x.ndim:
        return "the input must have at least 1 dimension, of length in_features, but is 0-d"
    if x.shape[-1] != weight.shape[1]:
        return (
            f"the input's last dimension is {x.shape[-1]}, but in_features is {weight.shape[1]} "
            f"(input of shape {_shape(x)}, weight of shape {_shape(weight)})"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        return f"the bias must have shape {[weight.shape[0]]}, out_features, but has {_shape(bias)}"
    return ""


def _matmul(x: Any, y: Any) -> str:
    if not x.ndim or not y.ndim:
        return (
            f"both tensors must have at least 1 dimension, got shapes {_shape(x)} and {_shape(y)}"
        )
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] != inner:
        last = "last dimension but one" if y.ndim > 1 else "dimension"
        return (
            f"shapes {_shape(x)} and {_shape(y)} can't be multiplied: the first's last dimension "
            f"is {x.shape[-1]}, but the second's {last} is {inner}"
        )
    return (
        f"the batches of shapes {_shape(x)} and {_shape(y)} do not broadcast: all but the last two "
        f"dimensions, aligned from the right, must be equal in length, or of length 1"
    )


def _shape(x: Any) -> list[int]:
    return list(np.shape(x))


def _reshape(x: Any, to: tuple[int, ...]) -> str:
    if to.count(-1) > 1:
        return f"only one length can be -1, but the shape is {list(to)}"
    if any(n < -1 for n in to):
        return f"a length can't be negative, but the shape is {list(to)}"
    return f"shape {list(to)} is invalid for a tensor of {x.size} elements, of shape {_shape(x)}"


FITS: dict[str, Callable[..., str]] = {"linear": _linear, "matmul": _matmul, "reshape": _reshape}
"""By operation, a function of its inputs and settings that says what doesn't fit, if it can."""
