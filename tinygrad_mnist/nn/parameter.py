"""Parameters and buffers: the tensors that a module registers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import Version, wrap
from tinygrad_mnist.tensor import Tensor


class Parameter(Tensor):
    """A tensor that a module learns: assigned to an attribute, it is registered there.

    It shares the memory of the tensor it is made from. Follows ``torch.nn.Parameter``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Parameter(ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        self._array = np.empty(0, np.float32) if data is None else data._array
        self._version = Version() if data is None else data._version
        self.requires_grad_(requires_grad)

    def __repr__(self) -> str:
        """Print as PyTorch prints."""
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that a module keeps but doesn't learn, such as running statistics.

    Follows ``torch.nn.Buffer``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> Buffer(zeros(1)).persistent
    True
    """

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        self._array = np.empty(0, np.float32) if data is None else data._array
        self._version = Version() if data is None else data._version
        self.persistent = persistent


def column_major(rows: int, columns: int, kind: Any) -> Parameter:
    """Make a weight in the order that makes products with its transpose fast; not filled yet."""
    return Parameter(wrap(np.empty((columns, rows), kind).T))


def check_tensor(name: str, value: Any) -> None:
    """Refuse something that is neither a Tensor nor None."""
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(
            f"cannot assign '{type(value).__name__}' object to parameter or buffer '{name}': a "
            f"Tensor or None is required"
        )
