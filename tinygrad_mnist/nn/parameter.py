"""Parameters and buffers: the tensors that a module registers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from tinygrad_mnist.autograd.graph import Version, wrap
from tinygrad_mnist.tensor import Tensor


class Parameter(Tensor):
    """A tensor that a module learns: assigned to an attribute, it is registered there.

    It shares the memory of the tensor it is made from. Follows ``torch.nn.Parameter``.

    Parameters
    ----------
    data
        The tensor, of any shape (*).
    requires_grad
        Whether it is trained.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        _see(self, data)
        self.requires_grad_(requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Copy the elements into a parameter of its own, without gradient, hooks or attributes."""
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        copied: Parameter = memo[id(self)]
        return copied

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that a module keeps but doesn't learn, such as running statistics.

    Follows ``torch.nn.Buffer``.

    Parameters
    ----------
    data
        The tensor, of any shape (*).
    persistent
        Whether it is part of the ``state_dict``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Buffer(torch.zeros(1)).persistent
    True
    """

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        _see(self, data)
        self.persistent = persistent


def _see(held: Tensor, data: Tensor | None) -> None:
    """Give a new parameter or buffer the memory of the tensor that it is made from."""
    if data is not None and not isinstance(data, Tensor):
        raise TypeError(
            f"{type(held).__name__}: data must be a Tensor, not {type(data).__name__}; make one "
            f"with tensor()"
        )
    held._array = array = np.empty(0, np.float32) if data is None else data.memory()
    held._version = Version() if data is None else data._version
    held._fixed_order = not array.flags.c_contiguous


MaybeTensor: TypeAlias = Tensor | Any
"""A parameter that is None where a setting says so; whoever has set it needs no check of that."""


def unfilled(*shape: int, kind: np.dtype[Any]) -> Parameter:
    """Make a parameter whose numbers are still to be drawn."""
    return Parameter(wrap(np.empty(shape, kind)))


def check_tensor(name: str, value: Any) -> None:
    """Refuse something that is neither a Tensor nor None."""
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(
            f"cannot assign '{type(value).__name__}' object to parameter or buffer '{name}': a "
            f"Tensor or None is required"
        )
