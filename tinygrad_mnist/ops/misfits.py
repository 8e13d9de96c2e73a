"""Sentences that say which inputs of an operation don't fit together, and why."""

from __future__ import annotations

from typing import Any

import numpy as np


def _shape(x: Any) -> list[int]:
    return list(np.shape(x))


def linear(x: Any, weight: Any, bias: Any = None) -> str:
    """Compare the lengths of input, weight and bias."""
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


def matmul(x: Any, y: Any) -> str:
    """Compare the inner dimensions of a product, or else the batches."""
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


def reshape(x: Any, to: tuple[int, ...]) -> str:
    """Look for lengths that can't be, or else compare the numbers of elements."""
    if to.count(-1) > 1:
        return f"only one length can be -1, but the shape is {list(to)}"
    if any(n < -1 for n in to):
        return f"a length can't be negative, but the shape is {list(to)}"
    return f"shape {list(to)} is invalid for a tensor of {x.size} elements, of shape {_shape(x)}"
