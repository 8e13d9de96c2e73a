"""What functions of images share: settings per dimension, and images without a batch."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from tinygrad_mnist.tensor import Tensor

Size = int | tuple[int, ...]


def per_dim(name: str, what: str, value: Any, dims: int) -> tuple[int, ...]:
    """Read a setting that is one number for all dimensions, or one for each.

    Raises
    ------
    TypeError, RuntimeError
        When it isn't made of integers; when there are too few or too many.
    """
    try:
        many = tuple(map(operator.index, value)) if isinstance(value, tuple | list) else None
        numbers = (operator.index(value),) if many is None else many
    except TypeError:
        raise TypeError(f"{name}: {what} is an integer or {dims} of them, got {value!r}") from None
    if len(numbers) not in (1, dims):
        raise RuntimeError(f"{name}: {what} is an integer or {dims} of them, got {value!r}")
    return numbers * dims if len(numbers) == 1 else numbers


def batched(name: str, input: Tensor, dims: int, function: Callable[[Tensor], Any]) -> Any:
    """Call a function of images (N, C, *S) on those, or on one of shape (C, *S).

    Raises
    ------
    TypeError, RuntimeError
        When the input isn't a Tensor, or has another number of dimensions.
    """
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    if input.ndim == dims + 2:
        return function(input)
    if input.ndim != dims + 1:
        letters = ", ".join("DHW"[3 - dims :] if dims > 1 else "L")
        raise RuntimeError(
            f"{name}: expected an input of shape (N, C, {letters}) or (C, {letters}), got "
            f"{list(input.shape)}"
        )
    out = function(input.unsqueeze(0))
    return tuple(x.squeeze(0) for x in out) if isinstance(out, tuple) else out.squeeze(0)
