"""Tensor methods that make new tensors of the same dtype: ``x.new_zeros(3)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.graph import Variable, wrap
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_lengths, as_number, as_tuple, named
from tinygrad_mnist.tensor.device import check_device

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


def _new(
    make: Callable[[np.dtype[Any]], np.ndarray],
    like: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor in another one's dtype, unless one is named."""
    check_device(device)
    kind = like._array.dtype if dtype is None else dtypes.as_numpy(dtype)
    out: Tensor = wrap(make(kind))
    return out.requires_grad_() if requires_grad else out


class LikeMethods(Variable):
    """What Tensor can make in its own likeness."""

    @named
    def new_tensor(self, data: Any, **settings: Any) -> Tensor:
        """Return a new tensor of given data, in this one's dtype unless another is named."""
        if isinstance(data, Variable):
            data = data._array
        return _new(lambda kind: np.array(data, dtype=kind), self, **settings)

    @named
    def new_empty(self, *size: Any, **settings: Any) -> Tensor:
        """Return a new tensor of a shape, of whatever lies in memory."""
        return _new(lambda kind: np.empty(as_lengths("new_empty", size), kind), self, **settings)

    @named
    def new_zeros(self, *size: Any, **settings: Any) -> Tensor:
        """Return zeros of a shape, in this one's dtype unless another is named."""
        return _new(lambda kind: np.zeros(as_lengths("new_zeros", size), kind), self, **settings)

    @named
    def new_ones(self, *size: Any, **settings: Any) -> Tensor:
        """Return ones of a shape, in this one's dtype unless another is named."""
        return _new(lambda kind: np.ones(as_lengths("new_ones", size), kind), self, **settings)

    @named
    def new_full(self, size: Any, fill_value: Any, **settings: Any) -> Tensor:
        """Return a tensor of one number, in this one's dtype unless another is named."""
        number, shape = (
            as_number("new_full", "fill_value", fill_value),
            as_lengths("new_full", [as_tuple("new_full", "size", size)]),
        )
        return _new(lambda kind: np.full(shape, number).astype(kind), self, **settings)
