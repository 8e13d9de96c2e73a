"""Functions of images: of one, two or three dimensions, with a batch or without."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named

P = ParamSpec("P")
R = TypeVar("R")

Ints: TypeAlias = int | Sequence[int]
"""A setting that is one number for all dimensions, or one for each."""


def for_each_dim(
    call: Callable[Concatenate[int, P], R], name: str
) -> tuple[Callable[P, R], Callable[P, R], Callable[P, R]]:
    """Make the functions of one, two and three dimensions of one that is told their number first.

    The braces in the name become that number, as in ``conv{}d``. Errors begin with the name.
    """

    def of(dims: int) -> Callable[P, R]:
        one: Any = partial(call, dims)
        one.__name__ = one.__qualname__ = name.format(dims)
        one.__module__, one.__doc__ = call.__module__, call.__doc__
        kinds = call.__annotations__.items()
        one.__annotations__ = {argument: kind for argument, kind in kinds if argument != "dims"}
        made: Callable[P, R] = named(one)
        return made

    return of(1), of(2), of(3)


def per_dim(what: str, value: Ints, dims: int) -> tuple[int, ...]:
    """Read a setting that is one number for all dimensions, or one for each.

    Raises
    ------
    TypeError, RuntimeError
        When it isn't made of integers; when there are too few or too many.
    """
    given: Any = value if isinstance(value, tuple | list) else (value,)
    try:
        numbers = tuple(map(operator.index, given))
    except TypeError:
        raise TypeError(f"{what} is an integer or {dims} of them, got {value!r}") from None
    if len(numbers) not in (1, dims):
        raise RuntimeError(f"{what} is an integer or {dims} of them, got {value!r}")
    return numbers * dims if len(numbers) == 1 else numbers


def as_batch(input: Tensor, dims: int) -> tuple[Tensor, bool]:
    """Return images (N, C, *S), and whether there was but one, of shape (C, *S).

    Raises
    ------
    TypeError, RuntimeError
        When the input isn't a Tensor, or has another number of dimensions.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if input.ndim == dims + 2:
        return input, False
    if input.ndim != dims + 1:
        letters = ", ".join("DHW"[3 - dims :] if dims > 1 else "L")
        raise RuntimeError(
            f"expected an input of shape (N, C, {letters}) or (C, {letters}), got "
            f"{list(input.shape)}"
        )
    return input.unsqueeze(0), True
