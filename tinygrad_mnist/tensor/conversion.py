"""Conversions of a tensor: to other dtypes, to Python and NumPy, copies and pickles."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, Version, apply, is_tracked, share, wrap
from tinygrad_mnist.autograd.inplace import memory_of
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.regions import repeats
from tinygrad_mnist.ops.views import owner_of
from tinygrad_mnist.tensor.arguments import named_methods
from tinygrad_mnist.tensor.device import check_device
from tinygrad_mnist.tensor.device import device as Device
from tinygrad_mnist.tensor.types import preserve_format

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable

    from tinygrad_mnist.ops.dtypes import DTypeLike
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.device import DeviceLike
    from tinygrad_mnist.tensor.types import memory_format

_T = TypeVar("_T", bound=TensorBase)

_PLACE = ("_version", "_hooks", "_after", "_base", "_seen", "_origin", "_retained", "_held")
"""Attributes that tell a tensor's place in memory and in the graph; they aren't copied."""


def _to(name: str, dtype: dtypes.dtype) -> Callable[[Any], Tensor]:
    """Make the method that converts to a dtype."""

    def convert(self: Tensor) -> Tensor:
        return self.to(dtype)

    convert.__name__ = name
    convert.__doc__ = f"""Convert to {dtype.name}.

    It is ``self.to({dtype!r})``. Follows ``torch.Tensor.{name}``.

    Returns
    -------
    A tensor of self's shape: self where it has that dtype.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([True, False]).{name}().dtype
    {dtype!r}
    """
    return convert


@named_methods
class Conversion(TensorBase):
    """Conversions of Tensor to other dtypes, to Python and to NumPy."""

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Return the array, not copied: what is written to it is written to the tensor.

        Follows ``torch.Tensor.numpy``.

        Parameters
        ----------
        force
            Whether to detach.

        Returns
        -------
        An array of self's shape and dtype.

        Raises
        ------
        RuntimeError
            When the tensor requires grad and operations are recorded, since NumPy would lose its
            history; ``force=True`` detaches it.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.zeros(2)
        >>> array = x.numpy()
        >>> array[0] = 5
        >>> x
        tensor([5., 0.])
        """
        if modes.enabled and is_tracked(self) and not force:
            raise RuntimeError(
                "can't call numpy() on Tensor that requires grad; use tensor.detach().numpy()"
            )
        array = self.memory()
        return array if modes.tracer is None else modes.tracer.hand_out(array)

    def item(self) -> float:
        """Return the only element as a Python number. Follows ``torch.Tensor.item``.

        Returns
        -------
        An int, a float or a bool.

        Raises
        ------
        RuntimeError
            When there isn't just one element.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> loss = torch.tensor([0.25, 0.75]).mean()
        >>> f"{loss.item():.2f}"
        '0.50'
        """
        if self._array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self._array.size} elements cannot be converted to Scalar; "
                f"it has shape {list(self._array.shape)}; reduce it, or use tolist()"
            )
        number: float = self._array.item()
        return number

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers. Follows ``torch.Tensor.tolist``.

        Returns
        -------
        Nested lists as deep as there are dimensions; a number for none.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return self._array.tolist()

    def to(
        self,
        *args: Tensor | DTypeLike | DeviceLike | bool | None,
        dtype: DTypeLike | None = None,
        device: DeviceLike | None = None,
        non_blocking: bool = False,
        copy: bool = False,
        memory_format: memory_format | None = None,
    ) -> Tensor:
        """Convert to a dtype, a device (the CPU), or another tensor's dtype.

        Returns the tensor itself where nothing changes, unless ``copy=True``. Follows
        ``torch.Tensor.to``.

        Parameters
        ----------
        args
            A dtype, a device, or a tensor whose dtype is meant, in any order.
        dtype
            The dtype.
        device
            The device, ``"cpu"``.
        non_blocking
            Accepted, and changes nothing.
        copy
            Whether to copy also where nothing changes.
        memory_format
            The order in memory.

        Returns
        -------
        A tensor of self's shape.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([1.7, -1.7])
        >>> x.to(torch.int64), x.to(torch.float64).dtype, x.to("cpu") is x
        (tensor([ 1, -1]), torch.float64, True)
        """
        target, own = dtype, self._array.dtype
        same: Any = self
        check_device(device)
        flags = 0
        for arg in args:
            if isinstance(arg, TensorBase):
                target = arg._array.dtype
            elif isinstance(arg, bool):  # non_blocking, copy
                flags += 1
                copy = arg if flags == 2 else copy
            elif isinstance(arg, str | Device):
                check_device(arg)
            elif arg is not None:
                target = arg
        kind = own if target is None else dtypes.as_numpy(target)
        if memory_format is not None and memory_format is not preserve_format:
            return self.to(kind, copy=copy).contiguous(memory_format)
        if kind == own:
            return apply(ops.clone, self) if copy else same
        if kind.kind != "f":
            make = share if self._fixed_order else wrap
            return make(ops.cast.forward(self._array, dtype=kind))
        return apply(ops.cast, self, dtype=kind)

    @overload
    def type(self) -> str: ...
    @overload
    def type(self, dtype: DTypeLike, non_blocking: bool = False) -> Tensor: ...
    def type(self, dtype: DTypeLike | None = None, non_blocking: bool = False) -> Tensor | str:
        """Convert to a dtype; without one, return the name of the tensor's type.

        Follows ``torch.Tensor.type``.

        Parameters
        ----------
        dtype
            The dtype, or a type such as ``torch.DoubleTensor``, or its name.
        non_blocking
            Accepted, and changes nothing.

        Returns
        -------
        A tensor of self's shape, or a string.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([1, 2])
        >>> x.type(), x.type(torch.float32)
        ('torch.LongTensor', tensor([1., 2.]))
        """
        if dtype is not None:
            return self.to(dtypes.of(dtypes.as_numpy(dtype)))
        return dtypes.type_name(self._array.dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """Convert to another tensor's dtype. Follows ``torch.Tensor.type_as``.

        Parameters
        ----------
        other
            A tensor.

        Returns
        -------
        A tensor of self's shape.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([1, 2]).type_as(torch.tensor([0.5]))
        tensor([1., 2.])
        """
        return self.to(other._array.dtype)

    float = _to("float", dtypes.float32)
    double = _to("double", dtypes.float64)
    half = _to("half", dtypes.float16)
    long = _to("long", dtypes.int64)
    int = _to("int", dtypes.int32)
    short = _to("short", dtypes.int16)
    char = _to("char", dtypes.int8)
    byte = _to("byte", dtypes.uint8)
    bool = _to("bool", dtypes.bool)

    def bfloat16(self) -> Tensor:
        """Raise: NumPy has no bfloat16; float32 is as exact or more.

        Raises
        ------
        TypeError
            Always.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([1.0]).bfloat16()
        Traceback (most recent call last):
        TypeError: bfloat16: no tensor can be of dtype torch.bfloat16 here; use float32
        """
        return self.to(dtypes.bfloat16)

    def cpu(self: _T) -> _T:
        """Return the tensor: it is on the CPU. Follows ``torch.Tensor.cpu``.

        Returns
        -------
        self.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([1.0])
        >>> x.cpu() is x
        True
        """
        return self

    def cuda(self: _T, *args: Any, **kwargs: Any) -> _T:
        """Raise: there is no GPU here.

        Parameters
        ----------
        args, kwargs
            Accepted, so that the error is this one.

        Raises
        ------
        RuntimeError
            Always.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([1.0]).cuda()
        Traceback (most recent call last):
        RuntimeError: cuda: device 'cuda' is not available: tensors live on the CPU here; use
        device='cpu'; compile(step, backend='xla', device='gpu') has a GPU run the steps
        """
        check_device("cuda")
        return self

    def get_device(self) -> builtins.int:
        """Return the number of the GPU: -1, which is the CPU. Follows ``torch.Tensor.get_device``.

        Returns
        -------
        -1.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([1.0]).get_device()
        -1
        """
        return -1

    def is_signed(self) -> builtins.bool:
        """Return whether the elements can be negative. Follows ``torch.Tensor.is_signed``.

        Returns
        -------
        A bool.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([1]).is_signed(), torch.tensor([1], dtype=torch.uint8).is_signed()
        (True, False)
        """
        return self._array.dtype.kind in "if"

    def __dlpack__(self, **settings: Any) -> Any:
        """Hand the memory over to another library, by the DLPack protocol."""
        if is_tracked(self):
            raise BufferError(
                "can't export tensors that require gradient; use tensor.detach(), which shares the "
                "memory"
            )
        return memory_of(self).__dlpack__(**settings)

    def __dlpack_device__(self) -> tuple[builtins.int, builtins.int]:
        """Say where the memory is: on the CPU."""
        return self._array.__dlpack_device__()

    def __format__(self, spec: str) -> str:
        """Format a single number by its specification; otherwise only the empty one works."""
        if self._array.ndim == 0 and type(self) is TensorBase.kind:
            return format(self._array.item(), spec)
        if spec:
            raise TypeError(
                f"format: {spec!r} is for single numbers, but the tensor has shape "
                f"{list(self._array.shape)}; take item() of an element"
            )
        return str(self)

    def __bool__(self) -> builtins.bool:
        if self._array.size != 1:
            count = "no" if self._array.size == 0 else "more than one"
            raise RuntimeError(
                f"bool: Boolean value of Tensor with {count} value is ambiguous; use any() or all()"
            )
        return bool(self._array.item())

    def _single(self, name: str) -> Any:
        if self._array.size != 1:
            raise ValueError(
                f"{name}: only one element tensors can be converted to Python scalars; this one "
                f"has shape {list(self._array.shape)}"
            )
        return self._array.item()

    def __float__(self) -> builtins.float:
        return float(self._single("float"))

    def __int__(self) -> builtins.int:
        return int(self._single("int"))

    def __index__(self) -> builtins.int:
        """Return the only element for use as an index, if it is an integer."""
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError(
                "index: only integer tensors of a single element can be converted to an index"
            )
        return int(self._array.item())

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        """Copy the memory and the gradient of a leaf; copies share memory where originals did.

        Raises
        ------
        RuntimeError
            For a computed tensor: its graph can't be copied.
        """
        self.source()
        if self._node is not None:
            raise RuntimeError(
                "only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol; copy tensor.detach() instead"
            )
        out: Any = object.__new__(type(self))  # a subclass may want more arguments than these
        memo[id(self)] = out
        for name, value in self.__dict__.items():
            if name not in _PLACE and name != "_array":
                out.__dict__[name] = copy.deepcopy(value, memo)
        out._array = _copied(self.memory(), memo)
        out._version = Version()
        copied: Tensor = out
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the array and what was attached to the tensor; as in PyTorch, no gradient."""
        skipped = (*_PLACE, "_node", "_grad")
        state = {name: value for name, value in self.__dict__.items() if name not in skipped}
        state["_array"] = self._array  # which may be elsewhere
        state["_requires_grad"] = is_tracked(self)
        return _unpickle, (type(self), state)


def _copied(array: np.ndarray, memo: dict[Any, Any]) -> np.ndarray:
    """Copy an array, with all the memory of which it may be a part."""
    root, start = owner_of(array)
    rows = root if root.flags.c_contiguous else root.T
    if not rows.flags.c_contiguous:
        return np.array(array, order="K")
    memory = memo.get(("memory", id(root)))
    if memory is None:
        memory = memo["memory", id(root)] = np.array(rows, order="C", subok=False)
    out = np.ndarray(array.shape, array.dtype, memory, start, array.strides)
    out.flags.writeable = not repeats(array.shape, array.strides)
    return out


def _unpickle(kind: type[Tensor], state: dict[str, Any]) -> Tensor:
    out = object.__new__(kind)  # a subclass may want more arguments than these
    out.__dict__.update(state)
    # An unpickled dtype is equal to NumPy's own, but not the same object, as the engine likes it.
    out._array = out._array.view(np.dtype(out._array.dtype.str))
    out._version = Version()
    return out
