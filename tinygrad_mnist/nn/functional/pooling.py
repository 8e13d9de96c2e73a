"""Pooling: one number for each window of an image."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.nn.functional.padding import pad
from tinygrad_mnist.nn.functional.spatial import Size, batched, per_dim
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import copying, named
from tinygrad_mnist.tensor.joining import stack
from tinygrad_mnist.tensor.precision import in_float32

Lengths = tuple[int, ...]


def _settings(
    name: str, dims: int, kernel: Any, stride: Any, padding: Any, dilation: Any = 1
) -> list[Lengths]:
    """Read kernel, stride (the kernel's size if it is None), padding and dilation."""
    sizes = per_dim(name, "kernel_size", kernel, dims)
    steps = sizes if stride is None or stride in ([], ()) else per_dim(name, "stride", stride, dims)
    around = per_dim(name, "padding", padding, dims)
    spread = per_dim(name, "dilation", dilation, dims)
    if min(*sizes, *steps, *spread) < 1:
        raise RuntimeError(
            f"{name}: kernel_size {sizes}, stride {steps} and dilation {spread} must be positive"
        )
    most = [(d * (k - 1) + 1) // 2 for k, d in zip(sizes, spread, strict=True)]
    if any(not 0 <= p <= m for p, m in zip(around, most, strict=True)):
        raise RuntimeError(
            f"{name}: padding {padding} must be from 0 to half of the kernel's size {kernel}"
        )
    return [sizes, steps, around, spread]


def _beyond(name: str, size: Lengths, settings: list[Lengths], ceil_mode: bool) -> Lengths:
    """Return how far windows reach over the end of each dimension: with ceil_mode, a part."""
    beyond = []
    for n, k, s, p, d in zip(size, *settings, strict=True):
        reach = d * (k - 1) + 1
        room = n + 2 * p - reach
        steps = -(-room // s) if ceil_mode else room // s
        if ceil_mode and steps * s >= n + p:  # the last window must start within the image
            steps -= 1
        if steps < 0:
            raise RuntimeError(
                f"{name}: windows that reach over {reach} elements don't fit into a size of {n} "
                f"with padding {p}"
            )
        beyond.append(max(steps * s + reach - n - p, 0))
    return tuple(beyond)


def _max_pool(
    dims: int,
    input: Tensor,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    name = f"max_pool{dims}d"
    settings = kernel, steps, around, spread = _settings(
        name, dims, kernel_size, stride, padding, dilation
    )

    def run(x: Tensor) -> Any:
        beyond = _beyond(name, x.shape[2:], settings, ceil_mode)
        widths = [n for pair in zip(reversed(around), reversed(beyond), strict=True) for n in pair]
        floats = x.is_floating_point()
        least = float("-inf") if floats else int(np.iinfo(x._array.dtype).min)
        padded = pad(x, widths, value=least)
        sizes: dict[str, Any] = {"kernel": kernel, "stride": steps, "dilation": spread}
        if not return_indices:
            return apply(ops.max_pool, padded, **sizes)
        index = apply(ops.max_pool_index, padded, **sizes, size=tuple(x.shape[2:]), padding=around)
        return apply(ops.max_pool, padded, **sizes), index

    return batched(name, input, dims, run)


def picked(x: Tensor, index: Tensor) -> Tensor:
    """Return the elements of images (N, C, *S) whose numbers are given, as (N, C, *P)."""
    return x.flatten(2).gather(2, index.flatten(2)).reshape(index.shape)


@named
def max_pool1d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of signals (N, C, L); see :func:`max_pool2d`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> max_pool1d(tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[3., 5.]]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@named
@one_node("MaxPool2DWithIndicesBackward0")
def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of images (N, C, H, W).

    The stride is the size of a window unless it is given. Padding counts as minus infinity. With
    ceil_mode a last window may reach over the end. With return_indices the result is a pair, of
    the elements and their numbers in the flattened image. Follows
    ``torch.nn.functional.max_pool2d``.

    Raises
    ------
    RuntimeError
        When windows don't fit, or there is more padding than half a window.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> max_pool2d(arange(16.0).reshape(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_unpool(
    dims: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    output_size: Any,
) -> Any:
    name = f"max_unpool{dims}d"
    kernel, steps, around, _ = _settings(name, dims, kernel_size, stride, padding)
    if indices.shape != input.shape:
        raise RuntimeError(
            f"{name}: the indices have shape {list(indices.shape)}, the input has "
            f"{list(input.shape)}; they must be equal"
        )
    if output_size is None:
        counts = input.shape[-dims:]
        size: Any = [
            (n - 1) * s - 2 * p + k
            for n, s, p, k in zip(counts, steps, around, kernel, strict=True)
        ]
    else:
        size = list(output_size)[-dims:]
    index = indices._array.reshape(-1, prod(input.shape[-dims:]))
    if index.size and not 0 <= index.min() <= index.max() < prod(size):
        raise RuntimeError(
            f"{name}: the indices go from {index.min()} to {index.max()}, which is not within an "
            f"output of size {size}"
        )
    rows = np.arange(len(index))[:, None]
    zeros = wrap(np.zeros((len(index), prod(size)), input._array.dtype))
    out = apply(ops.setitem, zeros, input.reshape(index.shape), index=(rows, index))
    return out.reshape((*input.shape[:-dims], *size))


@named
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Any = None,
) -> Tensor:
    """Put what :func:`max_pool1d` has picked back into its place, among zeros."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)  # type: ignore[no-any-return]


@named
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Any = None,
) -> Tensor:
    """Put what :func:`max_pool2d` has picked back into its place, among zeros.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x = tensor([[[[1.0, 2.0], [4.0, 3.0]]]])
    >>> max_unpool2d(*max_pool2d(x, 2, return_indices=True), 2)
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)  # type: ignore[no-any-return]


@in_float32
def _avg_pool(
    dims: int,
    input: Tensor,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Any:
    name = f"avg_pool{dims}d"
    settings = kernel, steps, around, spread = _settings(name, dims, kernel_size, stride, padding)
    if divisor_override is not None and not divisor_override:
        raise RuntimeError(f"{name}: divisor_override must not be zero")

    def run(x: Tensor) -> Any:
        size = x.shape[2:]
        beyond = _beyond(name, size, settings, ceil_mode)
        widths = [n for pair in zip(reversed(around), reversed(beyond), strict=True) for n in pair]
        view = apply(ops.windows, pad(x, widths), kernel=kernel, stride=steps, dilation=spread)
        total = view.sum(tuple(range(-dims, 0)))
        if divisor_override is not None:
            return total / divisor_override
        divisor = _counts(size, total.shape[2:], settings, count_include_pad)
        same = divisor.size and (divisor == divisor.flat[0]).all()
        return total / (int(divisor.flat[0]) if same else wrap(divisor.astype(x._array.dtype)))

    return batched(name, input, dims, run)


def _counts(size: Lengths, places: Lengths, settings: list[Lengths], padded: bool) -> Any:
    """Count the elements of each window that are in the image, or in its padding too."""
    out = np.ones(1, np.int64)
    for n, count, k, s, p, _ in zip(size, places, *settings, strict=True):
        start = np.arange(count) * s - p
        end = np.minimum(start + k, n + p)
        if not padded:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        out = out[..., None] * (end - start)
    return out[0]


@named
def avg_pool1d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of signals (N, C, L); see :func:`avg_pool2d`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> avg_pool1d(tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[2.0000, 3.5000]]])
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)  # type: ignore[no-any-return]


@named
@one_node("AvgPool2DBackward0")
def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of images (N, C, H, W), or its sum over another divisor.

    Zeros of the padding count as elements unless count_include_pad is False. Follows
    ``torch.nn.functional.avg_pool2d``.

    Raises
    ------
    RuntimeError
        When windows don't fit, there is more padding than half a window, or the divisor is 0.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> avg_pool2d(arange(16.0).reshape(1, 1, 4, 4), 2)
    tensor([[[[ 2.5000,  4.5000],
              [10.5000, 12.5000]]]])
    """
    return _avg_pool(  # type: ignore[no-any-return]
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _adaptive_size(name: str, dims: int, size: Lengths, wanted: Any) -> Lengths:
    """Read an output size, in which None is the input's own length."""
    given = tuple(wanted) if isinstance(wanted, tuple | list) else (wanted,) * dims
    filled = tuple(n if w is None else w for n, w in zip(size, given, strict=False))
    if len(given) != dims:
        raise RuntimeError(f"{name}: output_size is an integer or {dims} of them, got {wanted}")
    read = per_dim(name, "output_size", filled if len(given) == dims else given, dims)
    if min(read) < 0:
        raise RuntimeError(f"{name}: output_size {wanted} must not be negative")
    if not prod(size):
        raise RuntimeError(f"{name}: an input of size {list(size)} has no elements to pool")
    return read


def _stretches(length: int, count: int) -> list[tuple[int, int]]:
    """Cut a dimension into so many stretches, as equal as can be; they may overlap by one."""
    return [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]


def _adaptive_avg_pool(dims: int, input: Tensor, output_size: Any) -> Any:
    name = f"adaptive_avg_pool{dims}d"

    def run(x: Tensor) -> Any:
        size = x.shape[2:]
        wanted = _adaptive_size(name, dims, size, output_size)
        for dim, (n, count) in enumerate(zip(size, wanted, strict=True), 2):
            if count == 1:
                x = x.mean(dim, keepdim=True)
            elif count != n:
                means = [x.narrow(dim, a, b - a).mean(dim) for a, b in _stretches(n, count)]
                x = stack(means, dim) if means else x.narrow(dim, 0, 0)
        return x

    return batched(name, input, dims, run)


@named
@copying
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return means of so many stretches of signals (N, C, L); see :func:`adaptive_avg_pool2d`."""
    return _adaptive_avg_pool(1, input, output_size)  # type: ignore[no-any-return]


@named
@copying
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over so many rows and columns of tiles of images (N, C, H, W).

    Tile i goes from floor(i H / n) to ceil((i + 1) H / n). A size of None is the input's own.
    Follows ``torch.nn.functional.adaptive_avg_pool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> adaptive_avg_pool2d(arange(6.0).reshape(1, 1, 2, 3), (1, 2))
    tensor([[[[2., 3.]]]])
    """
    return _adaptive_avg_pool(2, input, output_size)  # type: ignore[no-any-return]


def _adaptive_max_pool(
    dims: int,
    input: Tensor,
    output_size: Any,
    return_indices: bool,
) -> Any:
    name = f"adaptive_max_pool{dims}d"

    def run(x: Tensor) -> Any:
        size = x.shape[2:]
        wanted = _adaptive_size(name, dims, size, output_size)
        array = x._array
        numbers = np.arange(prod(size)).reshape(size)
        index = np.empty((*x.shape[:2], *wanted), np.int64)
        cuts = [list(enumerate(_stretches(n, w))) for n, w in zip(size, wanted, strict=True)]
        for tile in product(*cuts):
            place: Any = tuple(i for i, _ in tile)
            part: Any = tuple(slice(a, b) for _, (a, b) in tile)
            best = last_of_nan(array[(..., *part)].reshape(*x.shape[:2], numbers[part].size))
            index[(..., *place)] = numbers[part].reshape(-1)[best]
        found: Tensor = wrap(index)
        return (picked(x, found), found) if return_indices else picked(x, found)

    return batched(name, input, dims, run)


def last_of_nan(rows: np.ndarray) -> Any:
    """Return where each row is largest: at the first of equals, at the last NaN if there is one."""
    nan = np.isnan(rows)
    if not nan.any():
        return rows.argmax(-1)
    last = rows.shape[-1] - 1 - np.flip(nan, -1).argmax(-1)
    return np.where(nan.any(-1), last, rows.argmax(-1))


@named
def adaptive_max_pool1d(
    input: Tensor,
    output_size: Any,
    return_indices: bool = False,
) -> Any:
    """Return the largest elements of so many stretches of signals (N, C, L)."""
    return _adaptive_max_pool(1, input, output_size, return_indices)


@named
@one_node("AdaptiveMaxPool2DBackward0")
def adaptive_max_pool2d(
    input: Tensor,
    output_size: Any,
    return_indices: bool = False,
) -> Any:
    """Return the largest elements of so many rows and columns of tiles of images (N, C, H, W).

    Tiles are those of :func:`adaptive_avg_pool2d`. Follows
    ``torch.nn.functional.adaptive_max_pool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> adaptive_max_pool2d(arange(6.0).reshape(1, 1, 2, 3), (1, 2))
    tensor([[[[4., 5.]]]])
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)
