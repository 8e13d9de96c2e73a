"""NumPy's names of arguments, which PyTorch takes as well as its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def numpy_names(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method take ``axis`` for ``dim``, and ``keepdims`` for ``keepdim``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> tensor([[1.0, 2.0]]).sum(axis=1, keepdims=True)
    tensor([[3.]])
    """

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs:
            for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")):
                if theirs in kwargs and ours not in kwargs:
                    named: dict[str, Any] = {ours: kwargs.pop(theirs), **kwargs}
                    return call(*args, **named)
        return method(*args, **kwargs)

    return call
