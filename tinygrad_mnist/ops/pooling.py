"""The largest element of each window. A mean over windows is a composite of other operations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.threads import in_blocks, in_parts
from tinygrad_mnist.ops.contract import Domain, Sample, op
from tinygrad_mnist.ops.masks import masked
from tinygrad_mnist.ops.windows import Lengths, offsets, slide, windows


def _parts(x: Any, kernel: Lengths, stride: Lengths, dilation: Lengths) -> list[Any]:
    """Return, for each place in a window, the elements there in all windows: views."""
    view = slide(x, kernel, stride, dilation)
    return [view[offset] for offset in offsets(kernel)]


def _max_pool(x: Any, *, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Any:
    """Largest element of each window; of several largest the first has the gradient."""
    first, *rest = _parts(x, kernel, stride, dilation)
    out = first.copy(order="K")
    for part in rest:
        np.maximum(out, part, out=out)
    return out


def _hits(parts: list[Any], out: Any) -> Iterator[Any]:
    """Say for each place in a window where the largest element is there.

    That is the first of several largest, or the last of several NaNs, as in PyTorch.
    """
    nan = np.isnan(out)
    if nan.any():  # in such a window each NaN counts as the number of its place
        parts = [np.where(nan, np.isnan(p) * np.float64(k), p) for k, p in enumerate(parts, 1)]
        out = reduce(np.maximum, parts)
    free = np.ones_like(out, bool)
    for part in parts[:-1]:
        hit = part == out
        hit &= free
        free ^= hit
        yield hit
    yield free


def _max_pool_rule(
    g: Any, out: Any, x: Any, kernel: Lengths, stride: Lengths, dilation: Lengths
) -> Any:
    total = np.empty_like(x)
    parts, places = (_parts(a, kernel, stride, dilation) for a in (x, total))
    # Do windows share no element? Is there an element in no window, or in several?
    apart = all(s > d * (k - 1) for s, d, k in zip(stride, dilation, kernel, strict=True))
    gaps = not apart or out.size * prod(kernel) < x.size

    def run(part: slice) -> None:
        for images in in_blocks(part, x):
            if gaps:
                total[images] = 0
            # Products of arrays in two memory orders are slow: the gradient is brought to x's.
            slopes = np.empty_like(out[images])
            slopes[...] = g[images]
            hits = _hits([p[images] for p in parts], out[images])
            for place, hit in zip(places, hits, strict=True):
                if apart:
                    masked(slopes, hit, place[images])
                else:
                    place[images] += masked(slopes, hit)

    in_parts(run, len(x), 8 * x.size)
    return total


def _max_pool_reference(x: Any, *, kernel: Lengths, stride: Lengths, dilation: Lengths) -> Any:
    view = windows(x, kernel=kernel, stride=stride, dilation=dilation)
    out, *rest = [view[offset] for offset in offsets(kernel)]
    for part in rest:
        out = np.where((part > out) | (part != part), part, out)
    return out


_SAMPLES = [
    Sample((2, 2, 4, 4), kernel=(2, 2), stride=(2, 2), dilation=(1, 1)),
    Sample((1, 2, 5, 6), kernel=(3, 2), stride=(1, 2), dilation=(2, 1)),
    Sample((1, 1, 5, 4), kernel=(3, 2), stride=(2, 2), dilation=(1, 1)),
    Sample((1, 1, 5, 5), kernel=(2, 2), stride=(2, 2), dilation=(2, 2)),
]
max_pool = op(
    "max_pool", _max_pool, x=_max_pool_rule,
    once_differentiable=True, reference=_max_pool_reference, output_writable=True,
    formula="out[i, j] = max of x[s i + d k, s j + d l]",
    torch="F.max_pool2d(x, kernel, stride, 0, dilation)", samples=_SAMPLES,
    domains=Domain(distinct=True),
)  # fmt: skip


def _max_pool_index(
    x: Any, *, kernel: Lengths, stride: Lengths, dilation: Lengths, size: Lengths, padding: Lengths
) -> Any:
    """Where the largest element of each window is: its number in an image before padding."""
    parts = _parts(x, kernel, stride, dilation)
    hits = _hits(parts, reduce(np.maximum, parts))
    winner = sum(k * hit for k, hit in enumerate(hits))
    index: Any = 0
    for d, offset in enumerate(np.unravel_index(winner, kernel)):
        axis = x.ndim - len(kernel) + d
        start = np.arange(winner.shape[axis]) * stride[d] - padding[d]
        start = start.reshape((-1,) + (1,) * (x.ndim - 1 - axis))
        index = index * size[d] + np.clip(start + offset * dilation[d], 0, size[d] - 1)
    return np.asarray(index, np.int64)


max_pool_index = op(
    "max_pool_index",
    _max_pool_index,
    x=None,
    formula="argmax of x[s i + d k, s j + d l]",
    torch="F.max_pool2d(x, kernel, stride, 0, dilation, return_indices=True)[1]",
    samples=[
        Sample(*sample.inputs, **sample.settings, size=sample.inputs[0][2:], padding=(0, 0))
        for sample in _SAMPLES
    ],
    domains=Domain(distinct=True),
)
