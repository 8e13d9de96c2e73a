"""Convolution in any number of dimensions, as three operations that are each other's derivatives.

Convolution is linear in the image and in the kernel. With ``<a, b>`` the sum of all products,
``<conv(x, w), y> = <x, conv_input(y, w)> = <w, conv_weight(x, y)>``: so the rules of each are the
other two, and derivatives of any order are there.

Each is matrix products over windows, copied for a few images at a time so that they stay in the
cache and memory stays bounded. Results are laid out with their channels last, under PyTorch's
shape (N, C, S...): there a row of a window is one run of memory, and from one layer to the next
nothing is rearranged. Images that come otherwise (the data) are read along their rows.

Kernels of 3 by 3 between many channels take another way, with fewer multiplications. There an
infinity would be NaN in other positions too, so what isn't finite is computed from windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.threads import in_parts
from tinygrad_mnist.ops import winograd
from tinygrad_mnist.ops.contract import Op, Sample, op
from tinygrad_mnist.ops.indexing import getitem
from tinygrad_mnist.ops.sums import add_up
from tinygrad_mnist.ops.windows import Lengths, Widths, crop, offsets, pad, slide, window_count

WINDOW_BLOCK = 2**18
"""How many elements of windows are copied at a time: 1 MiB of float32."""


def _conv(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Lengths,
    padding: Widths,
    dilation: Lengths,
    groups: int,
) -> Any:
    """Cross-correlation of images (N, C, *S) with kernels (O, C / groups, *K).

    Around the images are zeros: padding is how many before and after each of their dimensions.
    """
    _check(x, weight, bias, groups)
    x = _padded(x, padding)
    windows = slide(x, weight.shape[2:], stride, dilation)
    n, size = len(x), windows.shape[2 : x.ndim]
    settings = (*weight.shape[2:], *stride, *dilation, groups)
    if winograd.suits(x.shape[1], len(weight), (n, *size), x.dtype, settings):
        out = winograd.conv(x, weight, bias)
        if np.isfinite(out).all():
            return out
    matrices = _matrices(weight, groups)
    out = np.empty((n, *size, len(weight)), x.dtype)
    if bias is not None:  # for a whole line, so that NumPy's loops are longer than the channels
        bias = np.tile(bias, (size[-1], 1))

    def run(part: slice) -> None:
        for images, lines in _blocks(part, size, weight[0].size * groups):
            rows = _rows(windows[images, :, lines], groups)
            block = out[images, lines]
            np.matmul(rows, matrices, out=_grouped(block, groups))
            if bias is not None:
                block += bias

    in_parts(run, n, out.size * weight[0].size)
    return np.moveaxis(out, -1, 1)


def _conv_input(
    y: Any,
    weight: Any,
    *,
    size: Lengths,
    stride: Lengths,
    padding: Widths,
    dilation: Lengths,
    groups: int,
) -> Any:
    """Derivative of conv by its images, which have a given size: a transposed convolution."""
    if y.shape[1] != len(weight) or groups < 1 or len(weight) % groups:
        raise ValueError(
            f"a weight of shape {list(weight.shape)} expects {len(weight)} input channels, which "
            f"groups={groups} must divide, but the input has {y.shape[1]}"
        )
    if y.dtype != weight.dtype:
        raise ValueError("input and weight must have the same dtype; convert the input")
    n, channels = len(y), weight.shape[1] * groups
    kernel, counts = weight.shape[2:], y.shape[2:]
    reach = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    whole = tuple(s + a + b for s, (a, b) in zip(size, padding, strict=True))
    around = tuple((r - a, r - b) for r, (a, b) in zip(reach, padding, strict=True))
    exact = whole == tuple(c + r for c, r in zip(counts, reach, strict=True)) and min(size) > 0
    settings = (*kernel, *stride, *dilation, groups)
    if exact and winograd.suits(len(weight), channels, (n, *counts), y.dtype, settings):
        out = winograd.conv_input(y, weight)
        if np.isfinite(out).all():
            return _cropped(out, padding)
    # Of a convolution from windows, only the inside is computed.
    if exact and {*stride} == {1} and _any(padding) and min(map(min, around)) >= 0:
        turned = _turned(weight, groups)
        return _conv(y, turned, stride=stride, padding=around, dilation=dilation, groups=groups)
    out = np.zeros((n, *whole, channels), y.dtype)
    places = slide(np.moveaxis(out, -1, 1), kernel, stride, dilation)
    places = np.moveaxis(places, 1, y.ndim - 1)[(slice(None), *map(slice, counts))]
    matrices = _matrices(weight, groups).swapaxes(1, 2)
    matrices = matrices.reshape(*matrices.shape[:2], prod(kernel), -1)
    last = np.moveaxis(y, 1, -1)

    def run(part: slice) -> None:
        for images, lines in _blocks(part, counts, channels):
            block = last[images, lines]
            rows = _grouped(block, groups)
            values = np.empty((*block.shape[:-1], channels), y.dtype)
            for k, offset in enumerate(offsets(kernel)):
                np.matmul(rows, matrices[:, :, k], out=_grouped(values, groups))
                places[images, lines][offset] += values

    in_parts(run, n, y.size * weight[0].size)
    return _cropped(np.moveaxis(out, -1, 1), padding)


def _turned(weight: Any, groups: int) -> Any:
    """Return kernels (O, C / groups, *K) as those (C, O / groups, *K) that lead back."""
    split = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    whole = split.reshape(-1, *split.shape[2:])
    return whole[(slice(None), slice(None), *[slice(None, None, -1)] * (weight.ndim - 2))]


def _padded(x: Any, padding: Widths) -> Any:
    """Put zeros around images."""
    widths = ((0, 0), (0, 0), *padding)
    return pad.forward(x, widths=widths, value=0.0) if _any(padding) else x


def _cropped(x: Any, padding: Widths) -> Any:
    """Leave out what surrounds images."""
    return crop.forward(x, widths=((0, 0), (0, 0), *padding)) if _any(padding) else x


def _any(padding: Widths) -> bool:
    return any(map(any, padding))


def _conv_weight(
    x: Any,
    y: Any,
    *,
    kernel: Lengths,
    stride: Lengths,
    padding: Widths,
    dilation: Lengths,
    groups: int,
) -> Any:
    """Derivative of conv by its kernels, which have a given size."""
    x = _padded(x, padding)
    size = y.shape[2:]
    channels, outs = x.shape[1], y.shape[1]
    settings = (*kernel, *stride, *dilation, groups)
    if x.shape[2:] == tuple(s + 2 for s in size) and winograd.suits(
        max(channels, outs), min(channels, outs), (len(x), *size), x.dtype, settings
    ):
        total = winograd.conv_weight(x, y)
        if np.isfinite(total).all():
            return total
    windows = slide(x, kernel, stride, dilation)
    windows = windows[(slice(None), slice(None), *map(slice, size))]
    last = np.moveaxis(y, 1, -1)
    each = prod(kernel) * channels

    def run(part: slice) -> Any:
        total = np.zeros((groups, each // groups, outs // groups), x.dtype)
        for images, lines in _blocks(part, size, each):
            rows = _rows(windows[images, :, lines], groups)
            total += np.matmul(rows.swapaxes(1, 2), _grouped(last[images, lines], groups))
        return total

    total = sum(in_parts(run, len(x), y.size * each // groups))
    total = total.reshape(groups, *kernel, channels // groups, outs // groups)
    total = np.moveaxis(total, (-1, -2), (1, 2))
    return total.reshape(outs, channels // groups, *kernel)


def _check(x: Any, weight: Any, bias: Any, groups: int) -> None:
    outs, each = weight.shape[:2]
    if groups < 1 or outs % groups:
        raise ValueError(f"groups={groups} must be positive, and divide the {outs} output channels")
    if x.shape[1] != each * groups:
        raise ValueError(
            f"a weight of shape {list(weight.shape)} with groups={groups} expects "
            f"{each * groups} input channels, but the input has {x.shape[1]}"
        )
    if bias is not None and bias.shape != (outs,):
        raise ValueError(f"the bias must have shape {[outs]}, but has {list(bias.shape)}")
    if x.dtype != weight.dtype or (bias is not None and bias.dtype != x.dtype):
        raise ValueError("input, weight and bias must have the same dtype; convert the input")


def _blocks(part: slice, size: Lengths, each: int) -> Iterator[tuple[slice, slice]]:
    """Cut images into blocks of positions that hold about WINDOW_BLOCK elements, each that many.

    A block is a range of whole images, or a range of lines of one image.
    """
    line = each * prod(size[1:])
    images = max(1, WINDOW_BLOCK // max(1, line * size[0]))
    lines = size[0] if images > 1 else max(1, min(size[0], WINDOW_BLOCK // max(1, line)))
    for start in range(part.start, part.stop, images):
        for top in range(0, size[0], lines):
            yield slice(start, min(start + images, part.stop)), slice(top, top + lines)


def _matrices(weight: Any, groups: int) -> Any:
    """Return a kernel (O, C, *K) as matrices (groups, K * C, O / groups)."""
    split = weight.reshape(groups, -1, *weight.shape[1:])
    last = np.moveaxis(split, (1, 2), (-1, -2))
    return last.reshape(groups, -1, split.shape[1])


def _rows(windows: Any, groups: int) -> Any:
    """Copy windows (N, C, *S, *K) into matrices (groups, N * S, K * C), read as they lie."""
    n, channels = windows.shape[:2]
    dims = (windows.ndim - 2) // 2
    split = windows.reshape(n, groups, -1, *windows.shape[2:])
    each = channels // groups
    places, kernel = (0, *range(3, 3 + dims)), range(3 + dims, 3 + 2 * dims)
    depth = each * prod(windows.shape[2 + dims :])
    if windows.strides[1] == windows.itemsize and each >= 8:
        rows = np.ascontiguousarray(split.transpose(1, *places, *kernel, 2))
        return rows.reshape(groups, -1, depth)
    columns = np.ascontiguousarray(split.transpose(1, *kernel, 2, *places))
    return columns.reshape(groups, depth, -1).swapaxes(1, 2)


def _grouped(block: Any, groups: int) -> Any:
    """Return an array (N, *S, C) as matrices (groups, N * S, C / groups): a view, if it can be."""
    channels = block.shape[-1]
    return block.reshape(-1, groups, channels // groups).swapaxes(0, 1)


def _first(x: Any, like: Lengths) -> Any:
    """Leave out positions that an input of a given shape doesn't have."""
    return x if x.shape == like else getitem(x, index=tuple(map(slice, like)))


_SETTINGS: list[tuple[Lengths, Lengths, dict[str, Any]]] = [
    (x, w, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups})
    for x, w, stride, padding, dilation, groups in [
        ((2, 2, 4, 5), (3, 2, 2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
        ((1, 1, 5, 6), (2, 1, 2, 2), (2, 3), ((1, 1), (0, 0)), (1, 1), 1),
        ((1, 4, 6, 3), (2, 2, 2, 2), (2, 1), ((0, 0), (1, 1)), (2, 1), 2),
        ((1, 2, 2, 2), (4, 1, 1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 2),
        ((1, 4, 3, 3), (4, 2, 3, 2), (1, 1), ((1, 1), (2, 2)), (1, 2), 2),
    ]
]


def _result(x: Lengths, w: Lengths, settings: dict[str, Any]) -> Lengths:
    whole = [n + a + b for n, (a, b) in zip(x[2:], settings["padding"], strict=True)]
    counts = map(window_count, whole, w[2:], settings["stride"], settings["dilation"])
    return (x[0], w[0], *counts)


conv: Op = op(
    "convolution",
    _conv,
    x=lambda g, weight, shape, stride, padding, dilation, groups: conv_input(
        g, weight, size=tuple(shape[2:]), stride=stride, padding=padding, dilation=dilation,
        groups=groups,
    ),
    weight=lambda g, x, shape, stride, padding, dilation, groups: conv_weight(
        x, g, kernel=tuple(shape[2:]), stride=stride, padding=padding, dilation=dilation,
        groups=groups,
    ),
    bias=lambda g: add_up(g, (0, *range(2, len(g.shape)))),
    formula="out[n, o, i, j] = sum of x[n, c, s i + d k, s j + d l] weight[o, c, k, l] + bias[o]",
    torch="F.conv2d(x, weight, bias, stride, [a for a, _ in padding], dilation, groups)",
    samples=[
        *(Sample(x, w, w[:1], **settings) for x, w, settings in _SETTINGS),
        Sample(*_SETTINGS[0][:2], None, **_SETTINGS[0][2]),
    ],
)  # fmt: skip
conv_input: Op = op(
    "convolution_input",
    _conv_input,
    y=lambda g, weight, shape, stride, padding, dilation, groups: _first(
        conv(g, weight, stride=stride, padding=padding, dilation=dilation, groups=groups),
        tuple(shape),
    ),
    weight=lambda g, y, shape, stride, padding, dilation, groups: conv_weight(
        g, y, kernel=tuple(shape[2:]), stride=stride, padding=padding, dilation=dilation,
        groups=groups,
    ),
    formula="<x, out> = <conv(x, weight), y> for every x",
    torch="torch.nn.grad.conv2d_input((y.shape[0], weight.shape[1] * groups, *size), weight, y, "
    "stride, [a for a, _ in padding], dilation, groups)",
    samples=[
        Sample(_result(x, w, settings), w, size=x[2:], **settings) for x, w, settings in _SETTINGS
    ],
)  # fmt: skip
conv_weight: Op = op(
    "convolution_weight",
    _conv_weight,
    x=lambda g, y, shape, stride, padding, dilation, groups: conv_input(
        y, g, size=tuple(shape[2:]), stride=stride, padding=padding, dilation=dilation,
        groups=groups,
    ),
    y=lambda g, x, shape, stride, padding, dilation, groups: _first(
        conv(x, g, stride=stride, padding=padding, dilation=dilation, groups=groups), tuple(shape)
    ),
    formula="<w, out> = <conv(x, w), y> for every w",
    torch="torch.nn.grad.conv2d_weight(x, (y.shape[1], x.shape[1] // groups, *kernel), y, "
    "stride, [a for a, _ in padding], dilation, groups)",
    samples=[
        Sample(x, _result(x, w, settings), kernel=w[2:], **settings) for x, w, settings in _SETTINGS
    ],
)  # fmt: skip
