"""Convolution with kernels of 3 by 3 by fewer multiplications (Winograd; Lavin and Gray, 2016).

An image is cut into tiles of 4 by 4 that overlap, one for each 2 by 2 positions of the result. Of a
tile d and a kernel g, those four numbers take 36 multiplications; here they take 16:

    out = A' ((G g G') * (B' d B)) A

with ``*`` by element. Over all tiles and channels that is 16 products of matrices. B' and A' only
add, by arrays of whole images; as in the other way to compute a convolution, its derivatives are
the same maps, transposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.threads import get_num_threads

Lengths = tuple[int, ...]

SETTINGS = (3, 3, 1, 1, 1, 1, 1)
"""Of kernels, strides, dilations and groups, the only ones that this is for."""

INTO, OUT = 64, 32
"""The channels, read and made, that pay for the additions; with fewer, these take longer than the
multiplications that are saved."""

PLACES = 256
"""The positions that pay for bringing kernels into their other form."""

BLOCK = 2**18
"""About how many elements of tiles are transformed at a time."""

LARGE = 2**20
"""From how many elements on an image's tiles leave the cache."""

_LINE = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_KERNELS = {dtype: np.kron(_LINE, _LINE).astype(dtype) for dtype in "fd"}
"""G for both dimensions: from the 9 numbers of a kernel to 16."""


def suits(into: int, out: int, places: Lengths, dtype: Any, settings: Lengths) -> bool:
    """Whether this is the sooner way: on one thread, for its additions wait for the memory.

    Two cores share that: 64 channels of 32 images of 34 by 34 take 25 ms here on one thread and on
    two, and 35 and 18 from windows.

    Parameters
    ----------
    into, out
        How many channels are read and made.
    places
        How many images there are, and the size of what conv makes of them.
    settings
        Kernel, stride, dilation and groups, one after the other.
    """
    image = 4 * prod(places[1:]) * max(into, out)
    return (
        get_num_threads() < 2
        and settings == SETTINGS
        and dtype.char in _KERNELS
        and into >= INTO
        and out >= OUT
        and prod(places) >= PLACES
        and not any(n % 2 for n in places[1:])
        and image <= LARGE
    )


def conv(x: Any, weight: Any, bias: Any) -> Any:
    """Cross-correlation of images (N, C, H + 2, W + 2) with kernels (O, C, 3, 3)."""
    n, channels, height, width = x.shape
    matrices = _matrices(weight)
    out = np.empty((n, height - 2, width - 2, len(weight)), x.dtype)

    for images, tiles in _blocks(n, x.dtype, height - 2, width - 2, channels, len(weight)):
        rows, results = tiles
        _cut(x[images].transpose(0, 2, 3, 1), rows)
        np.matmul(_flat(rows), matrices, out=_flat(results))
        if bias is not None:  # this one of the 16 is added to all four numbers
            results[1, 1] += bias
        _join(results, out[images])
    return out.transpose(0, 3, 1, 2)


def conv_input(y: Any, weight: Any) -> Any:
    """Derivative of conv by its images."""
    n, outs, height, width = y.shape
    channels = weight.shape[1]
    matrices = _matrices(weight).swapaxes(1, 2)
    out = np.empty((n, height + 2, width + 2, channels), y.dtype)

    for images, tiles in _blocks(n, y.dtype, height, width, outs, channels):
        rows, results = tiles
        _join_back(y[images].transpose(0, 2, 3, 1), rows)
        np.matmul(_flat(rows), matrices, out=_flat(results))
        _cut_back(results, out[images])
    return out.transpose(0, 3, 1, 2)


def conv_weight(x: Any, y: Any) -> Any:
    """Derivative of conv by its kernels."""
    n, outs, height, width = y.shape
    channels = x.shape[1]

    total = np.zeros((16, channels, outs), x.dtype)
    for images, tiles in _blocks(n, x.dtype, height, width, channels, outs):
        rows, others = tiles
        _cut(x[images].transpose(0, 2, 3, 1), rows)
        _join_back(y[images].transpose(0, 2, 3, 1), others)
        total += np.matmul(_flat(rows).swapaxes(1, 2), _flat(others))
    kernels = _KERNELS[x.dtype.char].T @ total.reshape(16, -1)
    return kernels.reshape(3, 3, channels, outs).transpose(3, 2, 0, 1)


def _matrices(weight: Any) -> Any:
    """Return kernels (O, C, 3, 3) as matrices (16, C, O)."""
    outs, channels = weight.shape[:2]
    numbers = weight.transpose(2, 3, 1, 0).reshape(9, -1)
    return (_KERNELS[weight.dtype.char] @ numbers).reshape(16, channels, outs)


def _blocks(
    count: int, dtype: Any, height: int, width: int, *channels: int
) -> Iterator[tuple[slice, list[Any]]]:
    """Cut images into blocks, each with arrays (4, 4, N, H / 2, W / 2, C) for its tiles."""
    step = max(1, BLOCK // (4 * height * width * max(channels)))
    step = min(step, count)
    arrays = [np.empty((4, 4, step, height // 2, width // 2, c), dtype) for c in channels]
    for start in range(0, count, step):
        stop = min(start + step, count)
        if stop - start < step:
            arrays = [np.empty_like(a[:, :, : stop - start], order="C") for a in arrays]
        yield slice(start, stop), arrays


def _flat(tiles: Any) -> Any:
    """Return tiles as matrices (16, N * H / 2 * W / 2, C)."""
    return tiles.reshape(16, -1, tiles.shape[-1])


def _cut(image: Any, tiles: Any) -> None:
    """Cut images (N, H, W, C) into tiles d, of which it keeps B' d B."""
    n, height, width, channels = image.shape
    # Even and odd lines and columns apart: what is added then are long runs of memory.
    apart = np.empty((2, 2, n, height // 2, width // 2, channels), image.dtype)
    apart[...] = _squares(image)
    columns = np.empty((4, *apart.shape[1:4], width // 2 - 1, channels), image.dtype)
    _cut_line(apart[:, 0], apart[:, 1], columns, -2)
    _cut_line(columns[:, 0], columns[:, 1], tiles, -3)


def _squares(image: Any) -> Any:
    """Return images (N, H, W, C) as (2, 2, N, H / 2, W / 2, C): even and odd, down and across."""
    n, height, width, channels = image.shape
    split = (n, height // 2, 2, width // 2, 2, channels)
    down, across = image.strides[1:3]
    strides = (image.strides[0], 2 * down, down, 2 * across, across, image.strides[3])
    view = np.lib.stride_tricks.as_strided(image, split, strides)
    return view.transpose(2, 4, 0, 1, 3, 5)


def _cut_line(even: Any, odd: Any, tiles: Any, dim: int) -> None:
    """B' for one dimension, whose even and odd positions are apart."""
    here, there = _along(dim, slice(None, -1)), _along(dim, slice(1, None))
    np.subtract(even[here], even[there], out=tiles[0])
    np.add(odd[here], even[there], out=tiles[1])
    np.subtract(even[there], odd[here], out=tiles[2])
    np.subtract(odd[there], odd[here], out=tiles[3])


def _along(dim: int, part: Any) -> tuple[Any, ...]:
    """Return the index of a part of a dimension, counted from the last."""
    return (..., part, *[slice(None)] * (-dim - 1))


def _cut_back(tiles: Any, image: Any) -> None:
    """Do the transposed of what _cut does: add tiles up to images. Tiles are written over."""
    _, _, n, height, width, channels = tiles.shape
    columns = np.empty((4, 2, n, height + 1, width, channels), tiles.dtype)
    _cut_line_back(tiles, columns[:, 0], columns[:, 1], -3)
    apart = np.empty((2, 2, n, height + 1, width + 1, channels), tiles.dtype)
    _cut_line_back(columns, apart[:, 0], apart[:, 1], -2)
    _squares(image)[...] = apart


def _cut_line_back(tiles: Any, even: Any, odd: Any, dim: int) -> None:
    """B for one dimension: each position is in two tiles, but for the first and the last."""
    a, b, c, d = tiles
    sums = np.add(b, c)
    sums -= a
    b -= c
    b -= d
    first, last, inside = (_along(dim, part) for part in (0, -1, slice(1, -1)))
    here, there = _along(dim, slice(None, -1)), _along(dim, slice(1, None))
    even[first], even[last] = a[first], sums[last]
    np.add(a[there], sums[here], out=even[inside])
    odd[first], odd[last] = b[first], d[last]
    np.add(b[there], d[here], out=odd[inside])


def _join(tiles: Any, image: Any) -> None:
    """Make A' m A of tiles m, in images (N, H, W, C). Tiles are written over."""
    sums = np.empty_like(tiles[0])
    _join_line(tiles, sums, tiles[0], tiles[3])
    for line, out in zip((tiles[0], tiles[3]), _squares(image), strict=True):
        _join_line(line, sums[0], *out)


def _join_line(tiles: Any, sums: Any, even: Any, odd: Any) -> None:
    """A' for one dimension, of which even and odd positions become."""
    a, b, c, d = tiles
    np.add(b, c, out=sums)
    np.add(a, sums, out=even)
    np.subtract(b, c, out=sums)
    np.add(d, sums, out=odd)


def _join_back(image: Any, tiles: Any) -> None:
    """Do the transposed of what _join does: A y A' of images, in tiles."""
    for lines, out in zip(_squares(image), (tiles[0], tiles[3]), strict=True):
        out[0], out[3] = lines
        np.add(out[0], out[3], out=out[1])
        np.subtract(out[0], out[3], out=out[2])
    np.add(tiles[0], tiles[3], out=tiles[1])
    np.subtract(tiles[0], tiles[3], out=tiles[2])
