"""The p-norm for any p; for p = 2 see :mod:`~tinygrad_mnist.ops.reduction`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Sample, op
from tinygrad_mnist.ops.reduction import Dim, lift


def _power_norm(x: Any, *, ord: float, dim: Dim, keepdim: bool) -> Any:  # noqa: A002
    """Root of order p of the sum of p-th powers of sizes; at 0 its gradient is 0."""
    return np.sum(np.abs(x) ** ord, axis=dim, keepdims=keepdim) ** (1 / ord)


def _power_norm_rule(g: Any, out: Any, x: Any, ord: float, dim: Dim, keepdim: bool) -> Any:  # noqa: A002
    size = np.where(x == 0, 1, np.abs(x))
    slope = np.where(x == 0, 0, np.sign(x) * size ** (ord - 1))
    scale = np.where(out == 0, 0, np.where(out == 0, 1, out) ** (1 - ord))
    return lift(g * scale, x.shape, dim, keepdim) * slope


power_norm = op(
    "power_norm", _power_norm, x=_power_norm_rule, formula="(sum of abs(x)**p)**(1/p)",
    torch="torch.linalg.vector_norm(x, ord, dim, keepdim)",
    samples=[
        Sample((3,), ord=3.0, dim=None, keepdim=False),
        Sample((2, 3), ord=1.5, dim=-1, keepdim=True),
        Sample((2, 3, 2), ord=0.5, dim=(0, -1), keepdim=False),
        Sample((2, 3), ord=-2.0, dim=0, keepdim=False),
    ],
    domains=Domain(kinks=(0.0,)),
)  # fmt: skip
