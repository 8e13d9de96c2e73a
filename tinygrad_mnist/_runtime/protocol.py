"""NumPy's own protocol for functions that aren't NumPy's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


def array_function(function: F) -> F:
    """Let what stands for an array take a function over, as NumPy's functions let it.

    For what a function does that NumPy has no protocol for: to look at memory by other strides, to
    share work out to threads, to call LAPACK.

    Parameters
    ----------
    function
        Takes arrays by position. The shape of what it returns follows from shapes and settings.

    Examples
    --------
    >>> @array_function
    ... def first(x):
    ...     return x.reshape(-1)[:1]
    >>> first(np.ones((2, 2)))
    array([1.])
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if type(x) is not np.ndarray and hasattr(type(x), "__array_function__"):
                return x.__array_function__(call, (type(x),), args, kwargs)
        return function(*args, **kwargs)

    return cast(F, call)
