"""Making tensors: from data, of given numbers, and like others, also as methods."""

from __future__ import annotations

import builtins
import math
import warnings
from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, share, wrap
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor.arguments import as_int, as_lengths, as_number, as_tuple, factory
from tinygrad_mnist.tensor.device import DeviceLike, check_device
from tinygrad_mnist.tensor.exchange import from_dlpack, is_foreign, writable
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.types import Size

if TYPE_CHECKING:
    from typing import Unpack

    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Number


class Settings(TypedDict, total=False):
    """Settings of a new tensor; the last two are accepted, and change nothing."""

    dtype: DTypeLike | None
    device: DeviceLike | None
    requires_grad: bool
    layout: object
    pin_memory: bool


def finish(
    array: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    requires_grad: bool = False,
    layout: object = None,
    pin_memory: bool = False,
) -> Tensor:
    """Wrap a new array, in a dtype if one is named."""
    check_device(device)
    array = dtypes.as_array(array)
    wanted = dtypes.of(array.dtype).numpy if dtype is None else dtypes.as_numpy(dtype)
    out: Tensor = wrap(array if array.dtype == wanted else dtypes.convert(array, wanted))
    return out.requires_grad_() if requires_grad else out


@one_call
def _blank(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Return an array of whatever stands in memory, which no program can know."""
    return np.empty(shape, dtype)


def _numbers(data: Any, dtype: DTypeLike | None = None) -> np.ndarray:
    """Turn nested sequences into an array; Python's floats become the default dtype.

    Not if a dtype is named: float64 would be given float32's digits.
    """
    if isinstance(data, np.ndarray):
        return data.copy(order="K")
    if is_foreign(data):
        return from_dlpack(data, copy=True)._array
    if isinstance(data, np.generic):
        return np.asarray(data)
    plain = _without_tensors(data)
    try:
        array = np.array(plain)
    except ValueError:
        raise ValueError(
            "the nested sequences have different lengths, so they form no tensor; pad "
            "them, or make a list of tensors"
        ) from None
    if array.dtype.kind not in "fiub":
        if array.size == 0:
            return array.astype(dtypes.default_float())
        if (large := _large(array, dtype)) is not None:
            return large
        _refuse_data(data, array)
    if dtype is None and array.dtype == np.float64:
        return dtypes.convert(array, _common(data))
    return array


def _large(array: np.ndarray, dtype: Any) -> np.ndarray | None:
    """Return integers beyond int64 as floats, where these are wanted or stand among them."""
    elements = array.reshape(-1).tolist()
    if not all(isinstance(x, builtins.int | builtins.float) for x in elements):
        return None
    floats = any(isinstance(x, builtins.float) for x in elements)
    if not floats and (dtype is None or dtypes.as_numpy(dtype).kind in "iu"):
        return None
    numbers = np.array(list(map(builtins.float, elements))).reshape(array.shape)
    return numbers if dtype is not None else numbers.astype(dtypes.default_float())


def _refuse_data(data: Any, array: np.ndarray) -> NoReturn:
    """Say why data make no tensor: strings, numbers beyond int64, or no numbers at all."""
    elements = array.reshape(-1).tolist()
    if all(isinstance(x, builtins.int) for x in elements):
        raise ValueError("a number overflows an int64; give floats instead")
    strange = next((x for x in elements if not isinstance(x, builtins.int | float)), data)
    kind = RuntimeError if array.dtype.kind == "O" and not isinstance(strange, str) else TypeError
    raise kind(
        f"can't make one from {type(strange).__name__} (could not infer its dtype); give "
        f"numbers, or sequences of them of equal lengths"
    )


def _fitting(array: np.ndarray, dtype: Any) -> np.ndarray:
    """Refuse numbers that a named integer dtype can't hold."""
    if dtype is not None and (kind := dtypes.as_numpy(dtype)).kind in "iu" and array.size:
        info = np.iinfo(kind)
        if array.min() < info.min or array.max() > info.max:
            raise RuntimeError(f"a value cannot be converted to {kind} without overflow")
    return array


def _without_tensors(data: Any) -> Any:
    """Put arrays in the place of tensors: in sequences, numbers for tensors of one element."""
    if isinstance(data, TensorBase):
        return data._array
    if isinstance(data, list | tuple):
        return [_number(x) if isinstance(x, TensorBase) else _without_tensors(x) for x in data]
    return data


def _number(x: TensorBase) -> np.ndarray:
    if x._array.size != 1:
        raise ValueError(
            f"only one element tensors can be converted to Python scalars, and one in the "
            f"sequence has shape {list(x._array.shape)}; use stack()"
        )
    return x._array.reshape(())


def _common(data: Any) -> np.dtype[Any]:
    """Return the dtype of nested sequences, in which a Python float is of the default dtype."""
    if isinstance(data, TensorBase):
        return data._array.dtype
    if isinstance(data, np.ndarray | np.generic):
        return data.dtype
    if not isinstance(data, list | tuple):
        whole = isinstance(data, builtins.int)
        return np.dtype(type(data)) if whole else dtypes.default_float()
    types = set(map(type, data))
    plain = types & {builtins.float, builtins.int, builtins.bool}
    found = [_common(kind()) for kind in plain]
    if types - plain:
        found += [_common(x) for x in data if type(x) not in plain]
    return reduce(dtypes.wider, found) if found else dtypes.default_float()


def of_shape_or_numbers(data: tuple[Any, ...]) -> Any:
    """Make what ``Tensor(...)`` stands for: of a shape, of numbers, or on a tensor's memory."""
    values = data[0] if len(data) == 1 else None
    if isinstance(values, Size) or values is None or isinstance(values, builtins.int | np.integer):
        if data == (None,):
            return tensor(None)
        shape = values if isinstance(values, Size) else data if data else (0,)
        return wrap(np.zeros(shape, dtypes.default_float()))
    if isinstance(values, TensorBase):
        return share(values.memory(), values._version)
    try:
        found = np.array(values)
    except (TypeError, ValueError):
        found = np.empty(0, object)
    if found.dtype.kind in "fiub":
        return wrap(dtypes.convert(found, dtypes.default_float(), copy=False))
    # Says what is wrong, or takes numbers within that NumPy doesn't.
    return tensor(values, dtype=dtypes.default_float())


@factory
def tensor(data: Any, **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor from numbers, nested sequences, or an array, which is copied.

    Follows ``torch.tensor``. Python's floats become float32 (the default dtype), its integers
    int64; an array keeps its dtype.

    Parameters
    ----------
    data
        A number, nested sequences of numbers, or an array: the nesting becomes the shape.
    dtype, device, requires_grad
        The dtype (default: that of the values); the device, ``"cpu"``; whether gradients are
        recorded.

    Returns
    -------
    A new tensor, a leaf of the graph.

    Raises
    ------
    ValueError, TypeError
        When the data form no array of numbers.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    >>> torch.tensor([1, 2]).dtype, torch.tensor([1, 2.5]).dtype, torch.tensor(True).shape
    (torch.int64, torch.float32, torch.Size([]))
    >>> w = torch.tensor(3.0, requires_grad=True)
    >>> (w**2).backward()
    >>> w.grad
    tensor(6.)
    """
    if isinstance(data, TensorBase):
        warnings.warn(
            "tensor: to copy a tensor, use its clone().detach(); tensor(x) drops the history",
            UserWarning,
            stacklevel=2,
        )
        return finish(data._array.copy(order="K"), **settings)
    dtype = settings.get("dtype")
    return finish(_fitting(_numbers(data, dtype), dtype), **settings)


@factory
def as_tensor(
    data: Any, dtype: DTypeLike | None = None, device: DeviceLike | None = None
) -> Tensor:
    """Make a tensor that shares the memory of an array or tensor where it can.

    Follows ``torch.as_tensor``.

    Parameters
    ----------
    data
        A tensor, an array, or what :func:`tensor` takes.
    dtype
        The dtype (default: that of data); another one than data's means a copy.
    device
        The device, ``"cpu"``.

    Returns
    -------
    A tensor of data's shape: data itself if it is a tensor of that dtype.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as torch
    >>> array = np.zeros(2)
    >>> torch.as_tensor(array)[0] = 1
    >>> array
    array([1., 0.])
    """
    if isinstance(data, TensorBase):
        given: Any = data
        out: Tensor = given if dtype is None else given.to(dtype)
        return out
    if is_foreign(data):
        data = from_dlpack(data)._array
    if isinstance(data, np.ndarray):
        check_device(device)
        wanted = dtypes.of(data.dtype).numpy if dtype is None else dtypes.as_numpy(dtype)
        if data.dtype == wanted:
            return share(writable("as_tensor", data))
        return share(dtypes.convert(data, wanted))
    return tensor(data, dtype=dtype, device=device)


@factory
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Make a tensor on an array's memory: what is written to one is written to the other.

    Follows ``torch.from_numpy``.

    Parameters
    ----------
    ndarray
        An array of a dtype that tensors have, of any shape (*).

    Returns
    -------
    A tensor of shape (*), on the same memory.

    Raises
    ------
    TypeError
        When it isn't an array, or of a dtype that tensors don't have.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as torch
    >>> array = np.array([1, 2])
    >>> x = torch.from_numpy(array)
    >>> array[0] = 5
    >>> x
    tensor([5, 2])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected a NumPy array, but got {type(ndarray).__name__}")
    dtypes.of(ndarray.dtype)
    return share(writable("from_numpy", ndarray))


def dtype_like(input: Any, settings: Settings) -> np.dtype[Any]:
    """Return a named dtype, a tensor's own if none is."""
    if not isinstance(input, TensorBase):
        raise TypeError(f"argument 'input' must be Tensor, not {type(input).__name__}")
    dtype = settings.get("dtype")
    return input._array.dtype if dtype is None else dtypes.as_numpy(dtype)


def _filled(fill: Callable[..., np.ndarray], size: Sequence[Any], settings: Settings) -> Tensor:
    """Fill a shape as one of NumPy's functions does."""
    return finish(fill(as_lengths(size), dtypes.as_float(settings.get("dtype"))), **settings)


@factory
def zeros(*size: int | Sequence[int], **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of zeros, of a shape. Follows ``torch.zeros``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    >>> torch.zeros(2, dtype=torch.int64)
    tensor([0, 0])
    """
    return _filled(np.zeros, size, settings)


@factory
def ones(*size: int | Sequence[int], **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of ones, of a shape. Follows ``torch.ones``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(2, 3)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    return _filled(np.ones, size, settings)


@factory
def empty(*size: int | Sequence[int], **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of whatever lies in memory, of a shape. Follows ``torch.empty``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of that shape, to be written to before it is read.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.empty(2, 3)
    >>> x.fill_(0.5)
    tensor([[0.5000, 0.5000, 0.5000],
            [0.5000, 0.5000, 0.5000]])
    """
    return _filled(_blank, size, settings)


@factory
def zeros_like(input: Tensor, **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of zeros, like another. Follows ``torch.zeros_like``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dtype, device, requires_grad
        The dtype (default: that of input); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros_like(torch.tensor([3, 4]))
    tensor([0, 0])
    """
    return finish(np.zeros(input._array.shape, dtype_like(input, settings)), **settings)


@factory
def ones_like(input: Tensor, **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of ones, like another. Follows ``torch.ones_like``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dtype, device, requires_grad
        The dtype (default: that of input); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones_like(torch.tensor([[3.0, 4.0]]))
    tensor([[1., 1.]])
    """
    return finish(np.ones(input._array.shape, dtype_like(input, settings)), **settings)


@factory
def empty_like(input: Tensor, **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of whatever lies in memory, like another. Follows ``torch.empty_like``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dtype, device, requires_grad
        The dtype (default: that of input); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (*), to be written to before it is read.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.empty_like(torch.tensor([[3, 4]])).shape
    torch.Size([1, 2])
    """
    return finish(_blank(input._array.shape, dtype_like(input, settings)), **settings)


@factory
@np.errstate(all="ignore")
def full(size: int | Sequence[int], fill_value: Number, **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of one number, whose type decides the dtype. Follows ``torch.full``.

    Parameters
    ----------
    size
        The shape, a sequence of integers.
    fill_value
        The number.
    dtype, device, requires_grad
        The dtype (default: what :func:`tensor` makes of the number); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.full((2,), 7), torch.full((2,), 7.0)
    (tensor([7, 7]), tensor([7., 7.]))
    """
    value = as_number("fill_value", fill_value)
    dtype = settings.get("dtype")
    kind = _numbers(value).dtype if dtype is None else dtypes.as_numpy(dtype)
    return finish(np.full(as_lengths([as_tuple("size", size)]), value, kind), **settings)


@factory
def arange(
    start: Number | None = None,
    end: Number | None = None,
    step: Number = 1,
    **settings: Unpack[Settings],
) -> Tensor:
    """Make a tensor of equally spaced numbers, without the end: ``start, start + step, ...``.

    Follows ``torch.arange``.

    Parameters
    ----------
    start
        The first number. Default: 0; a single argument is the end.
    end
        Where to stop: it isn't among the numbers.
    step
        From one number to the next.
    dtype, device, requires_grad
        The dtype (default: int64 if all three are integers, else float32); the device, ``"cpu"``;
        whether gradients are recorded.

    Returns
    -------
    A vector of ``ceil((end - start) / step)`` elements.

    Raises
    ------
    RuntimeError
        When the step is 0 or leads away from the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.arange(3), torch.arange(1, 2, 0.5), torch.arange(3, 0, -1)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]), tensor([3, 2, 1]))
    """
    if end is None:
        start, end = 0, start
    if end is None:
        raise TypeError("missing 1 required positional argument: 'end'")
    pairs = (("start", 0 if start is None else start), ("end", end), ("step", step))
    numbers = [as_number(name, x) for name, x in pairs]
    first, last, by = numbers
    if not all(map(math.isfinite, numbers)):
        raise RuntimeError(f"unsupported range: {first} -> {last}, step {by}")
    if by == 0:
        raise RuntimeError("step must be nonzero")
    if (last - first) * by < 0:
        raise RuntimeError(f"a step of {by} leads away from the end: start {first}, end {last}")
    dtype = settings.get("dtype")
    if dtype is None:
        floating = any(isinstance(x, builtins.float | np.floating) for x in numbers)
        dtype = dtypes.default_float() if floating else np.int64
    if dtypes.as_numpy(dtype).kind in "iu":
        first, last, by = map(int, numbers)
        if by == 0:
            raise RuntimeError("step must be nonzero, also as an integer")
    count = int(np.ceil((last - first) / by))
    array = (first + by * np.arange(count)).astype(dtypes.as_numpy(dtype))
    return finish(array, **settings)


@factory
@np.errstate(all="ignore")
def linspace(start: float, end: float, steps: int, **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of equally spaced numbers, with the end.

    Element i is ``start + i * (end - start) / (steps - 1)``. Follows ``torch.linspace``.

    Parameters
    ----------
    start
        The first number.
    end
        The last number.
    steps
        How many numbers.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``steps`` elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.linspace(-1, 1, 5)
    tensor([-1.0000, -0.5000,  0.0000,  0.5000,  1.0000])
    """
    count, first, last = _steps(start, end, steps)
    kind = dtypes.as_float(settings.get("dtype"))
    if kind.kind in "iu":
        first, last = int(first), int(last)
    return finish(np.linspace(first, last, count).astype(kind), **settings)


@factory
@np.errstate(all="ignore")
def logspace(
    start: float, end: float, steps: int, base: float = 10.0, **settings: Unpack[Settings]
) -> Tensor:
    """Make a tensor of powers of a base, with equally spaced exponents.

    Element i is ``base ** linspace(start, end, steps)[i]``. Follows ``torch.logspace``.

    Parameters
    ----------
    start
        The first exponent.
    end
        The last exponent.
    steps
        How many numbers.
    base
        The base.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``steps`` elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.logspace(-3, 0, 4)  # learning rates to try
    tensor([0.0010, 0.0100, 0.1000, 1.0000])
    """
    count, first, last = _steps(start, end, steps)
    exponents = np.linspace(first, last, count)
    array = np.power(float(as_number("base", base)), exponents)
    return finish(array.astype(dtypes.as_float(settings.get("dtype"))), **settings)


def _steps(start: Any, end: Any, steps: Any) -> tuple[int, float, float]:
    count = as_int("steps", steps)
    if count < 0:
        raise RuntimeError(f"the number of steps must not be negative, got {count}")
    return count, float(as_number("start", start)), float(as_number("end", end))


@factory
def eye(n: int, m: int | None = None, **settings: Unpack[Settings]) -> Tensor:
    """Make a matrix with ones on the diagonal. Follows ``torch.eye``.

    Parameters
    ----------
    n
        How many rows.
    m
        How many columns. Default: n.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A matrix of shape (n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.eye(2, 3)
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    >>> torch.eye(10)[[3, 0]]  # one-hot labels
    tensor([[0., 0., 0., 1., 0., 0., 0., 0., 0., 0.],
            [1., 0., 0., 0., 0., 0., 0., 0., 0., 0.]])
    """
    n = as_int("n", n)
    m = None if m is None else as_int("m", m)
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"a length can't be negative, got n={n}, m={m}")
    return finish(np.eye(n, m, dtype=dtypes.as_float(settings.get("dtype"))), **settings)


@factory
@np.errstate(all="ignore")
def full_like(input: Tensor, fill_value: Number, **settings: Unpack[Settings]) -> Tensor:
    """Make a tensor of one number, like another. Follows ``torch.full_like``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    fill_value
        The number.
    dtype, device, requires_grad
        The dtype (default: that of input); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.full_like(torch.tensor([1.0, 2.0]), 3)
    tensor([3., 3.])
    """
    kind, value = dtype_like(input, settings), as_number("fill_value", fill_value)
    return finish(np.full(input._array.shape, value, kind), **settings)


def _lower(row: Any, col: Any, offset: Any) -> np.ndarray:
    """Return where the lower triangle of a matrix is, up to a diagonal."""
    n, m = as_int("row", row), as_int("col", col)
    if n < 0 or m < 0:
        raise RuntimeError(f"row and col must be non-negative, got {n} and {m}")
    return np.tri(n, m, as_int("offset", offset), bool)


@factory
def tril_indices(row: int, col: int, offset: int = 0, **settings: Unpack[Settings]) -> Tensor:
    """Make the rows and columns of the lower triangle's elements. Follows ``torch.tril_indices``.

    Parameters
    ----------
    row
        How many rows the matrix has.
    col
        How many columns.
    offset
        The last diagonal that counts: 0 is the main one, a positive one lies above it.
    dtype, device, requires_grad
        The dtype (default: int64); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (2, count): the rows, and the columns.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.arange(9).reshape(3, 3)
    >>> rows, columns = torch.tril_indices(3, 3)
    >>> x[rows, columns]
    tensor([0, 3, 4, 6, 7, 8])
    """
    return finish(np.stack(np.nonzero(_lower(row, col, offset))), **settings)


@factory
def triu_indices(row: int, col: int, offset: int = 0, **settings: Unpack[Settings]) -> Tensor:
    """Make the rows and columns of the upper triangle's elements. Follows ``torch.triu_indices``.

    Parameters
    ----------
    row
        How many rows the matrix has.
    col
        How many columns.
    offset
        The first diagonal that counts: 0 is the main one, a positive one lies above it.
    dtype, device, requires_grad
        The dtype (default: int64); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (2, count): the rows, and the columns.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> rows, columns = torch.triu_indices(3, 3, 1)
    >>> list(zip(rows.tolist(), columns.tolist()))  # the pairs of three
    [(0, 1), (0, 2), (1, 2)]
    """
    return finish(np.stack(np.nonzero(~_lower(row, col, as_int("offset", offset) - 1))), **settings)


# Methods that make new tensors of the same dtype


@export
def _new_tensor(input: Tensor, data: Any, **settings: Unpack[Settings]) -> Tensor:
    """Return a new tensor of given data, in this one's dtype unless another is named.

    Follows ``torch.Tensor.new_tensor``.

    Parameters
    ----------
    data
        A number, nested sequences of numbers, an array or a tensor.
    dtype, device, requires_grad
        The dtype (default: that of self); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of data's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.ones(1, dtype=torch.float64)
    >>> x.new_tensor([1, 2])
    tensor([1., 2.], dtype=torch.float64)
    """
    if isinstance(data, TensorBase):
        data = data._array
    with np.errstate(all="ignore"):
        kind = dtype_like(input, settings)
        array = data.astype(kind) if isinstance(data, np.ndarray) else np.array(data, kind)
        return finish(array, **settings)


@export
def _new(input: Tensor, *data: Any, device: DeviceLike | None = None) -> Tensor:
    """Return a tensor of this one's dtype: empty, of a shape, or of the given numbers.

    PyTorch's older form: ``new_empty``, ``new_tensor`` and the others say which is meant. Follows
    ``torch.Tensor.new``.

    Parameters
    ----------
    data
        Nothing, lengths, or numbers.
    device
        The device, ``"cpu"``.

    Returns
    -------
    A tensor of the given shape, or of the numbers.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(1, dtype=torch.int64).new([1, 2])
    tensor([1, 2])
    """
    check_device(device)
    if len(data) == 1 and not isinstance(data[0], int | Size | TensorBase):
        as_tuple("data", data[0].tolist() if hasattr(data[0], "tolist") else data[0])
    return of_dtype(dtypes.of(input._array.dtype), data)


def of_dtype(dtype: dtypes.dtype, data: tuple[Any, ...]) -> Tensor:
    """Make what the older constructors stand for: of a shape, of numbers, or a tensor itself."""
    if len(data) != 1 or isinstance(data[0], builtins.int | np.integer | Size):
        return empty(*(data or (0,)), dtype=dtype)
    given = data[0]
    if not isinstance(given, TensorBase):
        return tensor(given, dtype=dtype)
    if given._array.dtype != dtype.numpy:
        raise TypeError(
            f"expected a tensor of {dtype}, got one of {dtypes.of(given._array.dtype)}; use "
            f"to(), which converts"
        )
    same: Any = given
    view: Tensor = same.view_as(same)
    return view


@export
def _new_empty(input: Tensor, *size: int | Sequence[int], **settings: Unpack[Settings]) -> Tensor:
    """Return a new tensor of a shape, of whatever lies in memory.

    Follows ``torch.Tensor.new_empty``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    dtype, device, requires_grad
        The dtype (default: that of self); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of that shape, to be written to before it is read.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(1, dtype=torch.int64).new_empty(2, 3).dtype
    torch.int64
    """
    return finish(_blank(as_lengths(size), dtype_like(input, settings)), **settings)


@export
def _new_zeros(input: Tensor, *size: int | Sequence[int], **settings: Unpack[Settings]) -> Tensor:
    """Return zeros of a shape, in this one's dtype unless another is named.

    Follows ``torch.Tensor.new_zeros``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    dtype, device, requires_grad
        The dtype (default: that of self); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(1, dtype=torch.int64).new_zeros(2)
    tensor([0, 0])
    """
    return finish(np.zeros(as_lengths(size), dtype_like(input, settings)), **settings)


@export
def _new_ones(input: Tensor, *size: int | Sequence[int], **settings: Unpack[Settings]) -> Tensor:
    """Return ones of a shape, in this one's dtype unless another is named.

    Follows ``torch.Tensor.new_ones``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    dtype, device, requires_grad
        The dtype (default: that of self); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(1, dtype=torch.int64).new_ones(2)
    tensor([1, 1])
    """
    return finish(np.ones(as_lengths(size), dtype_like(input, settings)), **settings)


@export
def _new_full(
    input: Tensor, size: Sequence[int], fill_value: Number, **settings: Unpack[Settings]
) -> Tensor:
    """Return a tensor of one number, in this one's dtype unless another is named.

    Follows ``torch.Tensor.new_full``.

    Parameters
    ----------
    size
        The shape, a sequence of integers.
    fill_value
        The number.
    dtype, device, requires_grad
        The dtype (default: that of self); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ones(1, dtype=torch.int64).new_full((2,), 7)
    tensor([7, 7])
    """
    number = as_number("fill_value", fill_value)
    shape = as_lengths([as_tuple("size", size)])
    array = dtypes.convert(np.full(shape, number), dtype_like(input, settings))
    return finish(array, **settings)


if not TYPE_CHECKING:
    __all__ = publish(
        globals(),
        *"""arange as_tensor empty empty_like eye from_numpy full full_like linspace
        logspace ones ones_like tensor tril_indices triu_indices zeros zeros_like""".split(),
    )
