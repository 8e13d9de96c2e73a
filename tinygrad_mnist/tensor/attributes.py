"""Tensor's attributes: its sizes, and how it lies in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_dim, named, need_tensor
from tinygrad_mnist.tensor.device import CPU, device
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.types import (
    Size,
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    strided,
)

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Operand


@export(fast=True)
def numel(input: Tensor) -> int:
    """Return the number of elements. Follows ``torch.numel``."""
    return input._array.size


@export(fast=True)
def is_floating_point(input: Tensor) -> bool:
    """Return whether the elements are floating-point numbers. Follows PyTorch's."""
    return input._array.dtype.kind == "f"


@export(fast=True)
def is_complex(input: Tensor) -> bool:
    """Return whether the elements are complex numbers: they never are."""
    return False


@export
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape. Follows ``torch.is_same_size``."""
    shape: tuple[int, ...] = need_tensor("other", other)._array.shape
    return input._array.shape == shape


def is_tensor(obj: object) -> bool:
    """Return whether an object is a Tensor. Follows ``torch.is_tensor``.

    Examples
    --------
    >>> is_tensor([1.0])
    False
    """
    return isinstance(obj, TensorBase)


@named
def result_type(tensor: Operand, other: Operand) -> dtypes.dtype:
    """Return the dtype in which two operands are combined. Follows ``torch.result_type``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> result_type(tensor([1, 2]), 1.0)
    torch.float32
    """
    operands = [x._array if isinstance(x, TensorBase) else x for x in (tensor, other)]
    return dtypes.of(dtypes.result_type(*operands))


class Attributes(TensorBase):
    """The attributes of Tensor, and methods that compute nothing."""

    # Always so: there is one device, and one layout.
    is_cpu = True
    is_cuda = is_sparse = is_meta = is_mps = is_quantized = is_xpu = is_mkldnn = is_vulkan = False
    is_nested = is_sparse_csr = is_ipu = is_mtia = is_maia = is_xla = False
    name: str | None = None
    output_nr = 0

    @property
    def shape(self) -> Size:
        """The lengths of the dimensions."""
        return Size(self._array.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the elements."""
        return dtypes.of(self._array.dtype)

    @property
    def device(self) -> device:
        """Where the memory is: always the CPU."""
        return CPU

    @property
    def layout(self) -> layout:
        """How elements lie in memory: always strided."""
        return strided

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self._array.nbytes

    @overload
    def size(self) -> Size: ...
    @overload
    def size(self, dim: int) -> int: ...
    @named
    def size(self, dim: int | None = None) -> Size | int:
        """Return the shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[as_dim(dim, self._array.ndim)]

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self._array.ndim

    ndimension = dim

    def nelement(self) -> int:
        """Return the number of elements."""
        return self._array.size

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self._array.itemsize

    def is_contiguous(self, *, memory_format: memory_format = contiguous_format) -> bool:
        """Return whether the elements lie in memory in an order, row-major if none is named."""
        if memory_format in (channels_last, channels_last_3d):
            if self._array.ndim != (4 if memory_format is channels_last else 5):
                return False
            return np.moveaxis(self.memory(), 1, -1).flags.c_contiguous
        return self._array.flags.c_contiguous or not self._fixed_order

    @overload
    def stride(self) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int) -> int: ...
    @named
    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Return the steps between neighbours in each dimension, in elements."""
        strides = tuple(step // self._array.itemsize for step in self.memory().strides)
        return strides if dim is None else strides[as_dim(dim, self._array.ndim)]

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        address: int = self.memory().__array_interface__["data"][0]
        return address


def is_storage(obj: object) -> bool:
    """Return False: there are no storages; ``x.numpy()`` is the memory."""
    return False


def typename(obj: object) -> str:
    """Return the name of an object's type. Follows ``torch.typename``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> typename(ones(1)), typename(3)
    ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, TensorBase):
        return dtypes.type_name(obj._array.dtype)
    kind = obj if isinstance(obj, type) else type(obj)
    home = "" if kind.__module__ in ("builtins", "") else f"{kind.__module__}."
    return f"{home}{kind.__qualname__}"


if not TYPE_CHECKING:
    __all__ = publish(globals(), "is_storage", "is_tensor", "result_type", "typename")
