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
    """Return the number of elements. Follows ``torch.numel``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    An integer.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros(2, 3).numel()
    6
    """
    return input._array.size


@export(fast=True)
def is_floating_point(input: Tensor) -> bool:
    """Return whether the elements are floating-point numbers. Follows PyTorch's.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A bool.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0]).is_floating_point(), torch.tensor([1]).is_floating_point()
    (True, False)
    """
    return input._array.dtype.kind == "f"


@export(fast=True)
def is_complex(input: Tensor) -> bool:
    """Return whether the elements are complex numbers: they never are.

    Follows ``torch.is_complex``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    False.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0]).is_complex()
    False
    """
    return False


@export
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape. Follows ``torch.is_same_size``.

    Parameters
    ----------
    input, other
        Tensors of any shape.

    Returns
    -------
    A bool.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.is_same_size(torch.zeros(2, 3), torch.ones(3, 2))
    False
    """
    shape: tuple[int, ...] = need_tensor("other", other)._array.shape
    return input._array.shape == shape


def is_tensor(obj: object) -> bool:
    """Return whether an object is a Tensor. Follows ``torch.is_tensor``.

    Parameters
    ----------
    obj
        Anything.

    Returns
    -------
    A bool.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.is_tensor(torch.tensor([1.0])), torch.is_tensor([1.0])
    (True, False)
    """
    return isinstance(obj, TensorBase)


@named
def result_type(tensor: Operand, other: Operand) -> dtypes.dtype:
    """Return the dtype in which two operands are combined. Follows ``torch.result_type``.

    Parameters
    ----------
    tensor, other
        Tensors, or numbers, which count for less than tensors.

    Returns
    -------
    A dtype.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> integers, floats = torch.tensor([1, 2]), torch.tensor([1.0])
    >>> torch.result_type(integers, floats), torch.result_type(integers, 0.5)
    (torch.float32, torch.float32)
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
        """The lengths of the dimensions. Follows ``torch.Tensor.shape``.

        Returns
        -------
        A :class:`Size`, which is a tuple.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.zeros(2, 3)
        >>> x.shape, x.shape[-1], x.shape.numel()
        (torch.Size([2, 3]), 3, 6)
        """
        return Size(self._array.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions. Follows ``torch.Tensor.ndim``.

        Returns
        -------
        An integer.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(2, 3).ndim
        2
        """
        return self._array.ndim

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the elements. Follows ``torch.Tensor.dtype``.

        Returns
        -------
        A dtype, such as ``torch.float32``.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([1, 2]).dtype, torch.tensor([1.0]).dtype, torch.tensor([True]).dtype
        (torch.int64, torch.float32, torch.bool)
        """
        return dtypes.of(self._array.dtype)

    @property
    def device(self) -> device:
        """Where the memory is: always the CPU. Follows ``torch.Tensor.device``.

        Returns
        -------
        A :class:`device`.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(2).device
        device(type='cpu')
        """
        return CPU

    @property
    def layout(self) -> layout:
        """How elements lie in memory: always strided. Follows ``torch.Tensor.layout``.

        Returns
        -------
        ``torch.strided``.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(2).layout
        torch.strided
        """
        return strided

    @property
    def itemsize(self) -> int:
        """The bytes of one element. Follows ``torch.Tensor.itemsize``.

        Returns
        -------
        An integer.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(2).itemsize
        4
        """
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements. Follows ``torch.Tensor.nbytes``.

        Returns
        -------
        An integer.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(1000, 1000).nbytes
        4000000
        """
        return self._array.nbytes

    @overload
    def size(self) -> Size: ...
    @overload
    def size(self, dim: int) -> int: ...
    @named
    def size(self, dim: int | None = None) -> Size | int:
        """Return the shape, or the length of one dimension. Follows ``torch.Tensor.size``.

        Parameters
        ----------
        dim
            The dimension; a negative one counts from the end. None: all.

        Returns
        -------
        A :class:`Size`, or an integer.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.zeros(2, 3)
        >>> x.size(), x.size(0), x.size(-1)
        (torch.Size([2, 3]), 2, 3)
        """
        return self.shape if dim is None else self.shape[as_dim(dim, self._array.ndim)]

    def dim(self) -> int:
        """Return the number of dimensions. Follows ``torch.Tensor.dim``.

        Returns
        -------
        An integer.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(2, 3).dim()
        2
        """
        return self._array.ndim

    ndimension = dim

    def nelement(self) -> int:
        """Return the number of elements. Follows ``torch.Tensor.nelement``.

        Returns
        -------
        An integer.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(2, 3).nelement()
        6
        """
        return self._array.size

    def element_size(self) -> int:
        """Return the bytes of one element. Follows ``torch.Tensor.element_size``.

        Returns
        -------
        An integer.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(2, dtype=torch.float64).element_size()
        8
        """
        return self._array.itemsize

    def is_contiguous(self, *, memory_format: memory_format = contiguous_format) -> bool:
        """Return whether the elements lie in memory in an order, row-major if none is named.

        Follows ``torch.Tensor.is_contiguous``.

        Parameters
        ----------
        memory_format
            The order: ``torch.contiguous_format``, ``torch.channels_last`` or
            ``torch.channels_last_3d``.

        Returns
        -------
        A bool.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.zeros(2, 3)
        >>> x.is_contiguous(), x.t().is_contiguous()
        (True, False)
        """
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
        """Return the steps between neighbours in each dimension, in elements.

        Follows ``torch.Tensor.stride``.

        Parameters
        ----------
        dim
            The dimension; a negative one counts from the end. None: all.

        Returns
        -------
        A tuple of integers, or one.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.zeros(2, 3)
        >>> x.stride(), x.t().stride()
        ((3, 1), (1, 3))
        """
        strides = tuple(step // self._array.itemsize for step in self.memory().strides)
        return strides if dim is None else strides[as_dim(dim, self._array.ndim)]

    def data_ptr(self) -> int:
        """Return the address of the first element. Follows ``torch.Tensor.data_ptr``.

        Returns
        -------
        An integer; views that begin at one element have the same.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.zeros(2, 3)
        >>> x.data_ptr() == x.view(6).data_ptr()
        True
        """
        address: int = self.memory().ctypes.data
        return address


def is_storage(obj: object) -> bool:
    """Return False: there are no storages; ``x.numpy()`` is the memory.

    Follows ``torch.is_storage``.

    Parameters
    ----------
    obj
        Anything.

    Returns
    -------
    False.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.is_storage(torch.tensor([1.0]))
    False
    """
    return False


def typename(obj: object) -> str:
    """Return the name of an object's type. Follows ``torch.typename``.

    Parameters
    ----------
    obj
        Anything.

    Returns
    -------
    A string.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.typename(torch.ones(1)), torch.typename(3)
    ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, TensorBase):
        return dtypes.type_name(obj._array.dtype)
    kind = obj if isinstance(obj, type) else type(obj)
    home = "" if kind.__module__ in ("builtins", "") else f"{kind.__module__}."
    return f"{home}{kind.__qualname__}"


if not TYPE_CHECKING:
    __all__ = publish(globals(), "is_storage", "is_tensor", "result_type", "typename")
