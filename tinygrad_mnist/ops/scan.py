"""Running sums and products along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Sample, op

cumsum = op(
    "cumsum",
    lambda x, *, dim: np.cumsum(x, axis=dim, dtype=None if x.dtype.kind == "f" else np.int64),
    x=lambda g, dim: np.flip(np.cumsum(np.flip(g, dim), axis=dim), dim),
    doc="Running sum along a dimension.", formula="out[i] = x[0] + ... + x[i]",
    torch="torch.cumsum(x, dim)", narrow="ef",
    samples=[Sample((4,), dim=0), Sample((2, 3), dim=-1), Sample((0,), dim=0)],
)  # fmt: skip


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

    after = [cut(g, count - 1, count)]
    for k in reversed(range(count - 1)):
        after.append(cut(g, k, k + 1) + _product(cut(x, k + 1, k + 2), after[-1]))
    before = np.concatenate([np.ones_like(cut(x, 0, 1)), cut(out, 0, count - 1)], axis=d)
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
    samples=[Sample((4,), dim=0), Sample((2, 3), dim=-1), Sample((3, 2), dim=0)],
)  # fmt: skip
