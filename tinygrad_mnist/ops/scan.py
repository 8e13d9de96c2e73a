"""Running products; the largest, the smallest and the median of all elements; sums without NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Op, Point, Sample, op
from tinygrad_mnist.ops.reduction import SAMPLES, keep_dims
from tinygrad_mnist.ops.sums import add_up


def _cumprod_rule(g: Any, out: Any, x: Any, dim: int) -> Any:
    if np.all(x != 0):
        return np.flip(np.cumsum(np.flip(g * out, dim), axis=dim), dim) / x
    # out[i] = before * x[k] * (x[k+1] ... x[i]). What follows x[k] is summed as in Horner's
    # scheme, from the end, since dividing out by x fails where x is 0.
    count, d = x.shape[dim], dim % len(x.shape)
    if count == 0:
        return np.zeros_like(x)

    def cut(a: Any, start: int, stop: int) -> Any:
        return a[(slice(None),) * d + (slice(start, stop),)]

    after = [cut(g, -1, count)]
    for k in reversed(range(count - 1)):
        after.append(cut(g, k, k + 1) + _product(cut(x, k + 1, k + 2), after[-1]))
    before = np.concatenate([np.ones_like(cut(x, 0, 1)), cut(out, 0, -1)], axis=d)
    return _product(before, np.concatenate(after[::-1], axis=d))


def _product(x: Any, y: Any) -> Any:
    """Return x * y, and 0 where x is 0, whatever y is."""
    return np.where((x == 0) & ~np.isfinite(y), 0, x * y)


cumprod = op(
    "cumprod",
    lambda x, *, dim: np.cumprod(x, axis=dim, dtype=None if x.dtype.kind == "f" else np.int64),
    x=_cumprod_rule,
    doc="Running product along a dimension.", formula="out[i] = x[0] * ... * x[i]",
    torch="torch.cumprod(x, dim)", narrow="ef", domains=Domain(-2.0, 2.0, kinks=(0.0,)),
    samples=[
        Sample((4,), dim=0), Sample((3, 3), dim=-1), Sample((3, 2), dim=0),
        Point([2.0, 0.0, 3.0, 0.5], dim=0), Point([[2.0, 0.0, 3.0], [4.0, 5.0, 6.0]], dim=1),
    ],
)  # fmt: skip


def _extreme_rule(g: Any, out: Any, x: Any) -> Any:
    """Share the gradient among the elements that are equal to the one that was chosen."""
    chosen = x == out if out == out else x != x
    share = np.where(chosen, np.ones_like(g), 0)
    return np.where(chosen, g / np.sum(share), 0)


_UNEVEN = [[0.6, 0.1, 0.9], [0.5, 0.4, 0.7], [0.2, 0.3, 0.8]]
"""The least, the middle and the largest lie off the diagonal."""


def _extreme(name: str, forward: Any, which: str, formula: str, at: float, **kw: Any) -> Op:
    """Declare an element chosen by its size; beside ``at`` it is one of two that are equal."""
    return op(
        name, lambda x: forward(x), x=_extreme_rule, formula=formula, torch=f"torch.{name}(x)",
        doc=f"{which}; where several are equal to it they share the gradient.",
        samples=[
            Sample((3,)), Sample((3, 3)), Sample(()), Point([0.5, 0.5, at]), Point(_UNEVEN),
            Point([np.nan, 1.0]).gives(x=[1.0, 0.0]),
        ],
        domains=Domain(distinct=True), **kw,
    )  # fmt: skip


def _median(x: Any) -> Any:
    row = np.sort(x, axis=None)
    # NaN comes last in order, and is the median wherever there is one.
    return row[-1] if row[-1] != row[-1] else row[(row.size - 1) // 2]


max = _extreme("max", np.max, "Largest of all elements", "max of x", 0.0, node_name="MaxBackward1")
min = _extreme("min", np.min, "Smallest of all elements", "min of x", 1.0, node_name="MinBackward1")
median = _extreme(
    "median", _median, "Middle element, the lower of two", "the middle of x in order", 1.0
)


nansum = op(
    "nansum",
    lambda x, *, dim, keepdim: add_up(np.where(x == x, x, x.dtype.type(0)), dim, keepdim),
    doc="Sum of the elements that aren't NaN.",
    x=lambda g, x, dim, keepdim: keep_dims(g, x.shape, dim, keepdim) * (x == x),
    formula="sum of x where it isn't NaN", torch="torch.nansum(x, dim, keepdim)", samples=SAMPLES,
)  # fmt: skip
