"""Errors of operations, as sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist import words
from tinygrad_mnist.ops.contract import Op


def explain(op: Op, arrays: Sequence[Any], settings: dict[str, Any], error: Exception) -> Exception:
    """Turn another's complaint into a sentence that names the operation, and what doesn't fit.

    What fits nowhere is looked for only now, so that the checks cost nothing where all is well.
    """
    if words.is_ours(error):
        kind = next((k for k in (IndexError, TypeError) if isinstance(error, k)), RuntimeError)
        return kind(f"{op.name}: {words.without_name(str(error))}")
    given = {**_named(op, arrays), **settings}
    for position, array in enumerate(arrays):
        if not isinstance(array, np.ndarray | np.generic | int | float | None):
            name = op.input_name(position)
            return TypeError(
                f"{op.name}: argument '{name}' must be Tensor, not {words.kind(array)}"
            )
    if isinstance(error, ValueError) and (fit := FITS.get(op.name)):
        sentence = fit(*arrays, **settings)
        if sentence:
            return RuntimeError(f"{op.name}: {sentence}")
    sentence = words.explained(error, given)
    if isinstance(error, IndexError):
        return IndexError(f"{op.name}: {sentence}")
    if isinstance(error, TypeError) and "not supported for the input types" in str(error):
        return NotImplementedError(f"{op.name}: {sentence}")
    if isinstance(error, TypeError | AttributeError):
        return TypeError(f"{op.name}: {sentence}")
    if op.broadcasts and "broadcast" in str(error):
        shapes = " and ".join(str(list(np.shape(a))) for a in arrays if a is not None)
        return RuntimeError(f"{op.name}: the shapes {shapes} do not broadcast; {words.ALIGNED}")
    return RuntimeError(f"{op.name}: {sentence}")


def _named(op: Op, arrays: Sequence[Any]) -> dict[str, Any]:
    if op.variadic:
        return {op.inputs[0]: list(arrays)}
    return {op.input_name(i): a for i, a in enumerate(arrays) if a is not None}


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
        f"dimensions, {words.ALIGNED}"
    )


def _shape(x: Any) -> list[int]:
    return list(np.shape(x))


FITS: dict[str, Callable[..., str]] = {"linear": _linear, "matmul": _matmul}
"""By operation, a function of its inputs and settings that says what doesn't fit, if it can."""
