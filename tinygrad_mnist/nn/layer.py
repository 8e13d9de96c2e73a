"""Layers that are a function and its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class Layer(Module):
    """A layer that calls a function, which its class statement names.

    ``class MaxUnpool2d(_MaxUnpool, call=max_unpool2d, dims=2)`` says all that is its own; ``dims``
    is the number of spatial dimensions. Its family's ``forward`` hands the settings over.
    """

    _call: Callable[..., Tensor]
    dims: int

    def __init_subclass__(
        cls, call: Callable[..., Any] | None = None, dims: int | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if call is not None:
            cls._call = staticmethod(call)
        if dims is not None:
            cls.dims = dims
