"""Windows, and other tensors that few programs make; imported when they are first asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import share, wrap
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_int, as_lengths, as_number, as_tensor, named
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.creation import arange, tensor
from tinygrad_mnist.tensor.device import check_device
from tinygrad_mnist.tensor.exchange import writable


def _window(name: str, shape: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """Make a function that makes a window, of one that gives it at angles from 0 to 2 pi."""

    def window(
        window_length: int,
        periodic: bool = True,
        *settings: float,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
        **named_settings: float,
    ) -> Tensor:
        check_device(device)
        length = as_int(name, "window_length", window_length)
        kind = np.dtype(dtypes.as_numpy(dtype) if dtype else dtypes.default_float())
        if length < 0:
            raise RuntimeError(f"window_length must not be negative, got {length}")
        if kind.kind != "f":
            raise RuntimeError(f"expects floating point dtypes, got {dtypes.of(kind)}")
        values = dict(zip(names, settings, strict=False)) | named_settings
        steps = length if periodic else length - 1
        angles = 2 * np.pi * np.arange(length) / max(steps, 1)
        array = np.ones(1) if length == 1 else shape(angles, **values)
        out: Tensor = wrap(array.astype(kind))
        return out.requires_grad_(requires_grad)

    window.__name__ = window.__qualname__ = name
    window.__doc__ = f"Return a window, whose period is cut off if periodic. Follows torch.{name}."
    return named(window)


def _cosines(angles: Any, alpha: float = 0.54, beta: float = 0.46) -> Any:
    return alpha - beta * np.cos(angles)


hamming_window = _window("hamming_window", _cosines, "alpha", "beta")
hann_window = _window("hann_window", lambda angles: 0.5 - 0.5 * np.cos(angles))
blackman_window = _window(
    "blackman_window", lambda angles: 0.42 - 0.5 * np.cos(angles) + 0.08 * np.cos(2 * angles)
)
bartlett_window = _window("bartlett_window", lambda angles: 1 - np.abs(angles / np.pi - 1))
kaiser_window = _window(
    "kaiser_window",
    lambda angles, beta=12.0: np.i0(beta * np.sqrt(1 - (angles / np.pi - 1) ** 2)) / np.i0(beta),
    "beta",
)


@named
def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return an object as a tensor, on its memory where that is possible.

    Follows ``torch.asarray``: ``copy=True`` always copies, ``copy=False`` never does.

    Examples
    --------
    >>> asarray([1.0, 2.0])
    tensor([1., 2.])
    """
    check_device(device)
    known = isinstance(obj, Tensor | np.ndarray)
    if isinstance(obj, np.ndarray):
        old: Any = share(obj if copy else writable("asarray", obj))
    else:
        old = obj if known else tensor(obj, dtype=dtype)
    out: Any = old.detach() if not requires_grad else old
    if dtype is not None:
        out = out.to(dtype)
    moved = not known or out._array is not old._array
    if copy is False and moved:
        raise ValueError("it can't be done without a copy; leave copy=False out")
    if copy and not moved:
        out = out.detach().clone()
    return out.requires_grad_() if requires_grad else out  # type: ignore[no-any-return]


@named
def frombuffer(
    buffer: Any,
    *,
    dtype: Any,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor on the memory of a buffer, such as a bytearray.

    Follows ``torch.frombuffer``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> frombuffer(bytearray([1, 2, 3]), dtype=torch.uint8, offset=1)
    tensor([2, 3], dtype=torch.uint8)
    """
    kind = dtypes.as_numpy(dtype)
    try:
        array = np.frombuffer(buffer, kind, count, offset)
    except ValueError:
        raise ValueError(
            f"from offset {offset} the buffer doesn't hold "
            f"{'whole elements' if count < 0 else f'{count} elements'} of {dtypes.of(kind)}"
        ) from None
    out: Tensor = share(writable("frombuffer", array))
    return out.requires_grad_(requires_grad)


@named
def scalar_tensor(s: Any, *, dtype: Any = None, **settings: Any) -> Tensor:
    """Return a tensor of one number, floating point unless a dtype is named. Follows PyTorch's."""
    number = as_number("scalar_tensor", "s", s)
    return tensor(number, dtype=dtype or dtypes.get_default_dtype(), **settings)


@named
def range(
    start: float = 0, end: float | None = None, step: float = 1, *, dtype: Any = None, **other: Any
) -> Tensor:
    """Return numbers from start to end, both included. Follows ``torch.range``: use ``arange``."""
    warn("range: it is deprecated in PyTorch, since it includes the end; use arange")
    start, end = (0, start) if end is None else (start, end)
    count = math.floor((end - start) / step) + 1
    if step == 0 or count < 1:
        raise RuntimeError(f"there are no numbers from {start} to {end} by {step}")
    kind = dtype or dtypes.get_default_dtype()
    out = arange(count, dtype=dtypes.float64) * step + start
    return out.to(kind).requires_grad_(other.get("requires_grad", False))


@named
def unravel_index(indices: Tensor, shape: Any) -> Any:
    """Return the coordinates of elements that are numbered in row-major order.

    Follows ``torch.unravel_index``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> unravel_index(tensor([5]), (2, 3))
    (tensor([1]), tensor([2]))
    """
    numbers = as_tensor("unravel_index", "indices", indices)._array
    lengths: Any = shape.tolist() if isinstance(shape, Tensor) else shape  # a tensor, or numbers
    size = as_lengths("unravel_index", [lengths])
    if numbers.dtype.kind not in "iu":
        raise ValueError(f"expected integers, got {indices.dtype}")
    return tuple(wrap(part) for part in np.unravel_index(numbers % max(math.prod(size), 1), size))


newaxis = None


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Return whether operations choose their dtype: never. Follows PyTorch's."""
    return False


is_autocast_cpu_enabled = is_autocast_available = is_autocast_enabled


def set_flush_denormal(mode: bool) -> bool:
    """Return False: the smallest numbers are computed with as all others."""
    return False


def is_storage(obj: Any) -> bool:
    """Return False: there are no storages; ``x.numpy()`` is the memory."""
    return False


def typename(obj: Any) -> str:
    """Return the name of an object's type. Follows ``torch.typename``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> typename(ones(1)), typename(3)
    ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    home = "" if kind.__module__ in ("builtins", "") else f"{kind.__module__}."
    return f"{home}{kind.__qualname__}"
