"""Tensor methods that make new tensors of the same dtype: ``x.new_zeros(3)``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, Version, is_tracked, wrap
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_lengths, as_number, as_tensor, as_tuple
from tinygrad_mnist.tensor.device import check_device
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.types import Size

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


def _shape(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    if not size:
        raise TypeError(f"{name}() missing 1 required positional argument: 'size'")
    return as_lengths(name, size)


@export(function=False)
def new_tensor(input: Tensor, data: Any, **settings: Any) -> Tensor:
    """Return a new tensor of given data, in this one's dtype unless another is named."""
    if isinstance(data, TensorBase):
        data = data._array
    with np.errstate(all="ignore"):
        return _new(lambda kind: np.array(data, dtype=kind), input, **settings)


@export(function=False)
def new(input: Tensor, *data: Any, device: Any = None) -> Tensor:
    """Return a tensor of this one's dtype: empty, of a shape, or of the given numbers.

    PyTorch's older form: ``new_empty``, ``new_tensor`` and the others say which is meant.
    """
    check_device(device)
    if not data:
        return input.new_empty(0)
    if len(data) > 1 or isinstance(data[0], int | Size):
        return input.new_empty(*data)
    if not isinstance(data[0], TensorBase):
        as_tuple("new", "data", data[0].tolist() if hasattr(data[0], "tolist") else data[0])
        return input.new_tensor(data[0])
    if data[0]._array.dtype != input._array.dtype:
        raise TypeError(
            f"the tensor has dtype {dtypes.of(data[0]._array.dtype)}, but this one has "
            f"{dtypes.of(input._array.dtype)}; use new_tensor, which converts"
        )
    given: Any = data[0]
    same: Tensor = given.view_as(given)
    return same


@export(function=False)
def new_empty(input: Tensor, *size: Any, **settings: Any) -> Tensor:
    """Return a new tensor of a shape, of whatever lies in memory."""
    return _new(lambda kind: np.empty(_shape("new_empty", size), kind), input, **settings)


@export(function=False)
def new_zeros(input: Tensor, *size: Any, **settings: Any) -> Tensor:
    """Return zeros of a shape, in this one's dtype unless another is named."""
    return _new(lambda kind: np.zeros(_shape("new_zeros", size), kind), input, **settings)


@export(function=False)
def new_ones(input: Tensor, *size: Any, **settings: Any) -> Tensor:
    """Return ones of a shape, in this one's dtype unless another is named."""
    return _new(lambda kind: np.ones(_shape("new_ones", size), kind), input, **settings)


@export(function=False)
def resize_(input: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Give self another shape, and as many elements as that takes; return it.

    The elements stay in their order. What comes to them is whatever lies in memory, and then
    the memory is new: views of the old one don't follow. ``resize_(0)`` makes room for
    ``out=``.

    Raises
    ------
    RuntimeError
        When a gradient is asked for, or the elements aren't in row-major order.
    """
    shape, array = _shape("resize_", size), input._array
    if is_tracked(input):
        raise RuntimeError("can't resize a tensor that requires grad; detach() it")
    if shape == array.shape:
        return input
    if not array.flags.c_contiguous:
        raise RuntimeError("the elements must be in row-major order; use contiguous()")
    number = math.prod(shape)
    if number <= array.size:
        input._array = array.reshape(-1)[:number].reshape(shape)
    else:
        input._array = np.empty(shape, array.dtype)
        input._array.reshape(-1)[: array.size] = array.reshape(-1)
        input._version = Version()
    input._base = None
    return input


@export(function=False)
def resize_as_(input: Tensor, other: Any, *, memory_format: Any = None) -> Tensor:
    """Give self the shape of another tensor, as :meth:`resize_` does."""
    return input.resize_(as_tensor("resize_as_", "other", other)._array.shape)


@export(function=False)
def new_full(input: Tensor, size: Any, fill_value: Any, **settings: Any) -> Tensor:
    """Return a tensor of one number, in this one's dtype unless another is named."""
    number, shape = (
        as_number("new_full", "fill_value", fill_value),
        as_lengths("new_full", [as_tuple("new_full", "size", size)]),
    )
    return _new(lambda kind: dtypes.convert(np.full(shape, number), kind), input, **settings)


if not TYPE_CHECKING:
    __all__ = publish(globals())
