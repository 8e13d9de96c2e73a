"""Running products, and medians."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Sample, op
from tinygrad_mnist.ops.reduction import extreme_rule


def _cumprod(x: Any, *, dim: int) -> Any:
    """Running product along a dimension."""
    return np.cumprod(x, axis=dim, dtype=None if x.dtype.kind == "f" else np.int64)


def _cumprod_rule(g: Any, out: Any, x: Any, dim: int) -> Any:
    # out[i] = before * x[k] * (x[k+1] ... x[i]). What follows x[k] is summed as in Horner's
    # scheme, from the end, since dividing out by x fails where x is 0.
    count, d = x.shape[dim], dim % len(x.shape)
    if count == 0:
        return np.zeros_like(x)

    def cut(a: Any, start: int, stop: int) -> Any:
        return a[(slice(None),) * d + (slice(start, stop),)]

    after = [cut(g, count - 1, count)]
    for k in reversed(range(count - 1)):
        after.append(cut(g, k, k + 1) + cut(x, k + 1, k + 2) * after[-1])
    before = np.concatenate([np.ones_like(cut(x, 0, 1)), cut(out, 0, count - 1)], axis=d)
    return before * np.concatenate(after[::-1], axis=d)


cumprod = op(
    "cumprod", _cumprod, x=_cumprod_rule, formula="out[i] = x[0] * ... * x[i]",
    torch="torch.cumprod(x, dim)", narrow="ef", domains=Domain(-2.0, 2.0, kinks=(0.0,)),
    samples=[Sample((4,), dim=0), Sample((2, 3), dim=-1), Sample((3, 2), dim=0)],
)  # fmt: skip


def _median(x: Any) -> Any:
    """Middle element, the lower of two; where several are equal they share the gradient."""
    row = np.sort(x, axis=None)
    # NaN comes last in order, and is the median wherever there is one.
    return row[-1] if row[-1] != row[-1] else row[(row.size - 1) // 2]


median = op(
    "median", _median,
    x=lambda g, out, x: extreme_rule(g, out, x, None, False),
    formula="the middle of x in order", torch="torch.median(x)",
    samples=[Sample((3,)), Sample((2, 3)), Sample(())], domains=Domain(distinct=True),
)  # fmt: skip
