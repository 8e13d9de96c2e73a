"""Tensor's sizes: how many elements, of how many bytes, how they lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.tensor.arguments import as_dim, named
from tinygrad_mnist.tensor.layout import channels_last, channels_last_3d, contiguous_format


class AttributeMethods(TensorBase):
    """What can be asked of a Tensor without computing."""

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self._array.nbytes

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[as_dim("size", dim, self._array.ndim)]

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self._array.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self._array.size

    nelement = numel

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self._array.itemsize

    def is_floating_point(self) -> bool:
        """Return whether the elements are floating-point numbers."""
        return self._array.dtype.kind == "f"

    def is_contiguous(self, *, memory_format: Any = contiguous_format) -> bool:
        """Return whether the elements lie in memory in an order, row-major if none is named."""
        if memory_format in (channels_last, channels_last_3d):
            if self._array.ndim != (4 if memory_format is channels_last else 5):
                return False
            return np.moveaxis(self.memory(), 1, -1).flags.c_contiguous
        return self._array.flags.c_contiguous or not self._fixed_order

    @named
    def stride(self, dim: int | None = None) -> Any:
        """Return the steps between neighbours in each dimension, in elements."""
        strides = tuple(step // self._array.itemsize for step in self.memory().strides)
        return strides if dim is None else strides[as_dim("stride", dim, self._array.ndim)]

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return self.memory().__array_interface__["data"][0]  # type: ignore[no-any-return]
