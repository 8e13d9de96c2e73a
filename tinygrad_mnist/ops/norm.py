"""The p-norm for any p; for p = 2 see :mod:`~tinygrad_mnist.ops.reduction`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Point, Sample, op
from tinygrad_mnist.ops.reduction import Dim, Keep, keep_dims
from tinygrad_mnist.ops.rounding import sign


def _power_norm(x: Any, *, ord: float, dim: Dim, keepdim: Keep) -> Any:
    """Root of order p of the sum of p-th powers of sizes; at 0 its gradient is 0.

    Of order infinity it is the largest size, of minus infinity the smallest, and of order 0 it is
    how many elements aren't 0.
    """
    if math.isinf(ord):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=dim, keepdims=keepdim)
    if ord == 0:
        return np.sum(x != 0, axis=dim, keepdims=keepdim, dtype=x.dtype)
    return np.sum(np.abs(x) ** ord, axis=dim, keepdims=keepdim) ** (1 / ord)


def _power_norm_rule(g: Any, out: Any, x: Any, ord: float, dim: Dim, keepdim: bool) -> Any:
    if ord == 0:
        return np.zeros_like(x)
    if math.isinf(ord):
        chosen = (np.abs(x) == keep_dims(out, x.shape, dim, keepdim)) | (x != x)
        share = np.where(chosen, np.ones_like(x), 0)
        count = np.sum(share, axis=dim, keepdims=True)
        return keep_dims(g, x.shape, dim, keepdim) / count * share * sign(x)
    size = np.where(x == 0, 1, np.abs(x))
    slope = np.where(x == 0, 0, np.sign(x) * size ** (ord - 1))
    scale = g * np.where(out == 0, 1, out) ** (1 - ord)
    scale = np.where(out == 0, g * 0 if ord < 1 else 0, scale)
    return keep_dims(scale, x.shape, dim, keepdim) * slope


power_norm = op(
    "power_norm", _power_norm, x=_power_norm_rule, formula="(sum of abs(x)**p)**(1/p)",
    torch="torch.linalg.vector_norm(x, ord, dim, keepdim)",
    samples=[
        Sample((3,), ord=3.0, dim=None, keepdim=False),
        Sample((3, 3), ord=1.5, dim=-1, keepdim=True),
        Sample((2, 3, 2), ord=0.5, dim=(0, -1), keepdim=False),
        Sample((2, 3), ord=-2.0, dim=0, keepdim=False),
        Sample((2, 3), ord=math.inf, dim=-1, keepdim=False),
        Sample((3, 3), ord=-math.inf, dim=None, keepdim=False),
        Point([2.0, -2.0, 1.0], ord=math.inf, dim=None, keepdim=False),
        Point([0.0, 0.0], ord=0.5, dim=None, keepdim=False).gives(x=[0.0, 0.0]),
    ],
    domains=Domain(kinks=(0.0,)),
)  # fmt: skip
