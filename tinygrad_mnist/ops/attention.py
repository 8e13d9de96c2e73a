"""The softmax of attention: over the keys that a mask leaves, which may be none."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Sample, op
from tinygrad_mnist.ops.sums import add_up, dot


def _masked_softmax(x: Any, mask: Any = None, *, dim: int) -> Any:
    """Softmax over the elements where the mask is true; where it is true nowhere, zeros."""
    out = x if mask is None else np.where(mask, x, np.array(-np.inf, x.dtype))
    largest = np.max(out, axis=dim, keepdims=True, initial=-np.inf)
    # -inf - (-inf) would be NaN: a row with nothing in it is left where it is.
    largest[largest == -np.inf] = 0
    out = np.subtract(out, largest, out=None if out is x else out)
    np.exp(out, out=out)
    total = add_up(out, dim, keepdims=True)
    total[total == 0] = 1
    out /= total
    return out


masked_softmax = op(
    "masked_softmax",
    _masked_softmax,
    # Where the mask is false the output is 0, and so is this.
    x=lambda g, out, dim: out * (g - dot(g, out, dim, keepdims=True)),
    mask=None,
    output_writable=True,
    formula="exp(x) / sum of exp(x), over the elements where the mask is true",
    torch=(
        "torch.softmax(x if mask is None else x.masked_fill(~mask, -torch.inf), dim)"
        ".nan_to_num(0.0)"
    ),
    samples=[
        Sample((3, 3), None, dim=-1),
        Sample((2, 3), np.array([[True, False, True], [False, False, False]]), dim=-1),
        Sample((2, 2, 3), np.array([[True, True, False], [False, True, False]]), dim=1),
    ],
)
