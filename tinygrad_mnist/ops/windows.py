"""Windows that slide over an image, and what surrounds the image: padding.

An image has shape (..., S) with any number of spatial dimensions S at the end. Its windows are a
view of it, so that no memory is taken: element (i, j, k, l) is the one at offset (k, l) in the
window at position (i, j). Adding the windows back, where they overlap, is the derivative; and
vice versa.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.ops.contract import Op, Sample, op

Lengths = tuple[int, ...]


def window_count(size: int, kernel: int, stride: int, dilation: int) -> int:
    """Return how many windows fit along a dimension."""
    return (size - dilation * (kernel - 1) - 1) // stride + 1


@array_function
def slide(x: Any, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Any:
    """Return the view of all windows: its dimensions, positions, kernel.

    Raises
    ------
    ValueError
        When a length isn't positive, or a window is larger than the image.
    """
    if min(*kernel, *stride, *dilation) < 1:
        raise ValueError(
            f"kernel {kernel}, stride {stride} and dilation {dilation} must all be positive"
        )
    lead = x.ndim - len(kernel)
    size, steps = x.shape[lead:], x.strides[lead:]
    counts = tuple(map(window_count, size, kernel, stride, dilation))
    if min(counts) < 1:
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        raise ValueError(
            f"a window reaches over {reach} elements, which is more than the {list(size)} that "
            f"there are with padding"
        )
    return np.lib.stride_tricks.as_strided(
        x,
        x.shape[:lead] + counts + kernel,
        x.strides[:lead]
        + tuple(a * b for a, b in zip(steps, stride, strict=True))
        + tuple(a * b for a, b in zip(steps, dilation, strict=True)),
    )


def offsets(kernel: Lengths) -> Iterator[tuple[Any, ...]]:
    """Return the index of each element of a window, from the first to the last."""
    return ((..., *offset) for offset in product(*map(range, kernel)))


def _windows(x: Any, *, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Any:
    """All windows of an image, as a view that can't be written to."""
    view = slide(x, kernel, stride, dilation)
    view.flags.writeable = False
    return view


def _overlap_add(x: Any, *, size: Lengths, stride: Lengths, dilation: Lengths) -> Any:
    """An image of a given size with windows added in at their places."""
    dims = len(size)
    lead, kernel = x.shape[: x.ndim - 2 * dims], x.shape[-dims:]
    out = np.zeros_like(x[(..., *[0] * dims)], shape=lead + size)
    # The image may have room for more windows than there are.
    first = tuple(slice(n) for n in x.shape[-2 * dims : -dims])
    places = slide(out, kernel, stride, dilation)[(..., *first, *[slice(None)] * dims)]
    for offset in offsets(kernel):
        places[offset] += x[offset]
    return out


_SETTINGS: list[tuple[Lengths, dict[str, Any]]] = [
    ((1, 2, 4, 4), {"kernel": (2, 3), "stride": (1, 1), "dilation": (1, 1)}),
    ((1, 1, 5, 6), {"kernel": (2, 2), "stride": (2, 3), "dilation": (2, 1)}),
]
windows: Op = op(
    "windows",
    _windows,
    x=lambda g, shape, kernel, stride, dilation: overlap_add(
        g, size=tuple(shape[-len(kernel) :]), stride=stride, dilation=dilation
    ),
    formula="out[i, j, k, l] = x[s i + d k, s j + d l]",
    torch="x.unfold(-2, dilation[0] * (kernel[0] - 1) + 1, stride[0])"
    ".unfold(-2, dilation[1] * (kernel[1] - 1) + 1, stride[1])"
    "[..., ::dilation[0], ::dilation[1]]",
    samples=[Sample(shape, **settings) for shape, settings in _SETTINGS],
)
overlap_add: Op = op(
    "overlap_add",
    _overlap_add,
    x=lambda g, shape, size, stride, dilation: windows(
        g, kernel=tuple(shape[-len(size) :]), stride=stride, dilation=dilation
    ),
    formula="out[s i + d k, s j + d l] += x[i, j, k, l]",
    torch="F.fold(x.permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(1, 3), size, x.shape[-2:], "
    "dilation, 0, stride)",
    samples=[
        Sample((1, 2, 3, 2, 2, 3), size=(4, 4), stride=(1, 1), dilation=(1, 1)),
        Sample((1, 1, 2, 2, 2, 2), size=(5, 6), stride=(2, 3), dilation=(2, 1)),
    ],
)


Widths = tuple[tuple[int, int], ...]


def _pad(x: Any, *, widths: Widths, value: float) -> Any:
    """An array with a number put around it: widths are those before and after each dimension."""
    shape = tuple(n + sum(width) for n, width in zip(x.shape, widths, strict=True))
    out = np.full_like(x, value, shape=shape)
    out[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, widths, strict=True))] = x
    return out


def _crop(x: Any, *, widths: Widths) -> Any:
    """A copy of the inside of an array: widths are cut off before and after each dimension."""
    inside = tuple(slice(a, n - b) for n, (a, b) in zip(x.shape, widths, strict=True))
    return x[inside].copy(order="K")


_WIDTHS: list[tuple[Lengths, Widths]] = [((3,), ((1, 2),)), ((3, 3), ((0, 0), (2, 1)))]
pad: Op = op(
    "pad",
    _pad,
    x=lambda g, widths: crop(g, widths=widths),
    formula="out[i + before] = x[i], and value elsewhere",
    torch="F.pad(x, [n for width in reversed(widths) for n in width], value=value)",
    samples=[Sample(shape, widths=widths, value=1.5) for shape, widths in _WIDTHS],
    node_name="ConstantPadNdBackward0",
)
crop: Op = op(
    "crop",
    _crop,
    x=lambda g, widths: pad(g, widths=widths, value=0.0),
    formula="out[i] = x[i + before]",
    torch="F.pad(x, [-n for width in reversed(widths) for n in width])",
    samples=[Sample((4,), widths=((1, 1),)), Sample((5, 5), widths=((0, 0), (2, 1)))],
)
