"""Windows, and other tensors that few programs make; imported when one is first asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import share
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_int, as_number, named
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.creation import finish, tensor
from tinygrad_mnist.tensor.device import check_device
from tinygrad_mnist.tensor.exchange import writable

if TYPE_CHECKING:
    from array import array
    from typing import Unpack

    from tinygrad_mnist.ops.dtypes import DTypeLike
    from tinygrad_mnist.tensor.creation import Settings
    from tinygrad_mnist.tensor.device import DeviceLike
    from tinygrad_mnist.tensor.types import Number


def of_numbers(numbers: np.ndarray, settings: Settings) -> Tensor:
    """Make a tensor of numbers, in the default dtype unless one is named."""
    settings["dtype"] = dtypes.as_float(settings.get("dtype"))
    return finish(numbers, **settings)


# Windows


def _window(
    length: int, periodic: bool, settings: Settings, shape: Callable[[np.ndarray], np.ndarray]
) -> Tensor:
    """Make a window of a function that gives it at angles from 0 to 2 pi."""
    count = as_int("window_length", length)
    kind = dtypes.as_float(settings.get("dtype"))
    if count < 0:
        raise RuntimeError(f"window_length must not be negative, got {count}")
    if kind.kind != "f":
        raise RuntimeError(f"expects floating point dtypes, got {dtypes.of(kind)}")
    angles = 2 * np.pi * np.arange(count) / max(count if periodic else count - 1, 1)
    return of_numbers(np.ones(1) if count == 1 else shape(angles), settings)


@named
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    **settings: Unpack[Settings],
) -> Tensor:
    """Return ``alpha - beta cos x`` over a period, which is cut off if periodic.

    Follows ``torch.hamming_window``, as the other windows follow PyTorch's of their names.

    Parameters
    ----------
    window_length
        How many numbers.
    periodic
        Whether the window is one period of a signal that repeats, whose last number, equal to the
        first, is left out.
    alpha, beta
        The coefficients.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``window_length`` elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return _window(window_length, periodic, settings, lambda x: alpha - beta * np.cos(x))


@named
def hann_window(window_length: int, periodic: bool = True, **settings: Unpack[Settings]) -> Tensor:
    """Return ``(1 - cos x) / 2`` over a period. Follows ``torch.hann_window``.

    Parameters
    ----------
    window_length
        How many numbers.
    periodic
        Whether the window is one period, without its last number.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``window_length`` elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.hann_window(4), torch.hann_window(5, periodic=False)
    (tensor([0.0000, 0.5000, 1.0000, 0.5000]), tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000]))
    """
    return _window(window_length, periodic, settings, lambda x: 0.5 - 0.5 * np.cos(x))


@named
def blackman_window(
    window_length: int, periodic: bool = True, **settings: Unpack[Settings]
) -> Tensor:
    """Return ``0.42 - 0.5 cos x + 0.08 cos 2x``. Follows ``torch.blackman_window``.

    Parameters
    ----------
    window_length
        How many numbers.
    periodic
        Whether the window is one period, without its last number.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``window_length`` elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.blackman_window(4).abs().round(decimals=3)
    tensor([0.0000, 0.3400, 1.0000, 0.3400])
    """

    def shape(x: np.ndarray) -> np.ndarray:
        values: np.ndarray = 0.42 - 0.5 * np.cos(x) + 0.08 * np.cos(2 * x)
        return values

    return _window(window_length, periodic, settings, shape)


@named
def bartlett_window(
    window_length: int, periodic: bool = True, **settings: Unpack[Settings]
) -> Tensor:
    """Return a triangle. Follows ``torch.bartlett_window``.

    Parameters
    ----------
    window_length
        How many numbers.
    periodic
        Whether the window is one period, without its last number.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``window_length`` elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window(window_length, periodic, settings, lambda x: 1 - np.abs(x / np.pi - 1))


@named
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, **settings: Unpack[Settings]
) -> Tensor:
    """Return Kaiser's window, of Bessel functions. Follows ``torch.kaiser_window``.

    Parameters
    ----------
    window_length
        How many numbers.
    periodic
        Whether the window is one period, without its last number.
    beta
        How narrow it is.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``window_length`` elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.kaiser_window(4, True, 2.0)
    tensor([0.4387, 0.8348, 1.0000, 0.8348])
    """

    def shape(x: np.ndarray) -> np.ndarray:
        return np.i0(beta * np.sqrt(1 - (x / np.pi - 1) ** 2)) / np.i0(beta)

    return _window(window_length, periodic, settings, shape)


# From data


@named
def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike | None = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return an object as a tensor, on its memory where that is possible.

    Follows ``torch.asarray``: ``copy=True`` always copies, ``copy=False`` never does.

    Parameters
    ----------
    obj
        A tensor, an array, or what :func:`tensor` takes.
    dtype, device
        The dtype (default: that of obj); the device, ``"cpu"``.
    copy
        Whether to copy. None: only where that is needed.
    requires_grad
        Whether gradients are recorded.

    Returns
    -------
    A tensor.

    Raises
    ------
    ValueError
        When ``copy=False`` can't be.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.asarray([1.0, 2.0])
    tensor([1., 2.])
    """
    check_device(device)
    known = isinstance(obj, Tensor | np.ndarray)
    if isinstance(obj, np.ndarray):
        old = share(obj if copy else writable("asarray", obj))
    else:
        old = obj if known else tensor(obj, dtype=dtype)
    out = old if requires_grad else old.detach()
    if dtype is not None:
        out = out.to(dtype)
    moved = not known or out._array is not old._array
    if copy is False and moved:
        raise ValueError("it can't be done without a copy; leave copy=False out")
    if copy and not moved:
        out = out.detach().clone()
    return out.requires_grad_() if requires_grad else out


@named
def frombuffer(
    buffer: bytes | bytearray | memoryview | array[Any] | np.ndarray,
    *,
    dtype: DTypeLike,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor on the memory of a buffer, such as a bytearray. Follows ``torch.frombuffer``.

    Parameters
    ----------
    buffer
        An object with the buffer protocol.
    dtype
        What its bytes mean.
    count
        How many elements. -1: all.
    offset
        How many bytes to skip.
    requires_grad
        Whether gradients are recorded.

    Returns
    -------
    A vector.

    Raises
    ------
    ValueError
        When the buffer doesn't hold as much.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.frombuffer(bytearray([1, 2, 3]), dtype=torch.uint8, offset=1)
    tensor([2, 3], dtype=torch.uint8)
    """
    kind = dtypes.as_numpy(dtype)
    try:
        found = np.frombuffer(buffer, kind, count, offset)
    except ValueError:
        raise ValueError(
            f"from offset {offset} the buffer doesn't hold "
            f"{'whole elements' if count < 0 else f'{count} elements'} of {dtypes.of(kind)}"
        ) from None
    return share(writable("frombuffer", found)).requires_grad_(requires_grad)


@named
def scalar_tensor(s: Number, **settings: Unpack[Settings]) -> Tensor:
    """Return a tensor of one number, floating point unless a dtype is named. Follows PyTorch's.

    Parameters
    ----------
    s
        The number.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of shape ().

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    return of_numbers(np.asarray(as_number("s", s)), settings)


@named
def range(
    start: float = 0, end: float | None = None, step: float = 1, **settings: Unpack[Settings]
) -> Tensor:
    """Return numbers from start to end, both included. Follows ``torch.range``: use ``arange``.

    Parameters
    ----------
    start
        The first number.
    end
        The last one, if a step meets it.
    step
        From one number to the next.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of ``floor((end - start) / step) + 1`` elements.

    Examples
    --------
    >>> import warnings
    >>> import tinygrad_mnist as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # it says: use arange
    ...     torch.range(1, 4)
    tensor([1., 2., 3., 4.])
    """
    warn("range: it is deprecated in PyTorch, since it includes the end; use arange")
    start, end = (0, start) if end is None else (start, end)
    count = math.floor((end - start) / step) + 1
    if step == 0 or count < 1:
        raise RuntimeError(f"there are no numbers from {start} to {end} by {step}")
    return of_numbers(np.arange(count) * step + start, settings)
