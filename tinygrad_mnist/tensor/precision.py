"""Functions of several operations that round float16 once, at their end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase

F = TypeVar("F", bound=Callable[..., Any])


def in_float32(call: F) -> F:
    """Have a function compute in float32 where all its floats are float16, and round its result.

    An operation does so by itself. This is for what several compose and PyTorch computes at once:
    what lies between them, a sum or a square, may be beyond float16.
    """

    @functools.wraps(call)
    def rounded(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if isinstance(x, TensorBase) and x._array.dtype.kind == "f":
                if x._array.dtype.char == "e":
                    break
                return call(*args, **kwargs)
        else:
            return call(*args, **kwargs)
        everything = (*args, *kwargs.values())
        if any(isinstance(x, TensorBase) and x._array.dtype.char in "fd" for x in everything):
            return call(*args, **kwargs)
        named = {name: _wide(x) for name, x in kwargs.items()}
        out: Any = call(*map(_wide, args), **named)
        return out.to(np.float16)

    return cast(F, rounded)


def _wide(x: Any) -> Any:
    half = isinstance(x, TensorBase) and x._array.dtype.char == "e"
    return x.to(np.float32) if half else x
