"""Products over many rows, such as the gradient of a weight.

XLA's CPU products are slow where both operands lie row by row and the sum goes over the rows, half
as fast as others if a row has a power of two of bytes. There the smaller one is turned first.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from tinygrad_mnist.compiler.trace import Value

Array = Any

MANY = 1024
"""From how many rows on turning one takes less than it saves."""


def over_rows(x: Array, y: Array) -> Array:
    """Return the product of a transposed matrix with another, of as many rows."""
    if len(x) < MANY or not hasattr(jax.lax, "optimization_barrier"):  # an old JAX
        return x.T @ y
    return jax.lax.platform_dependent(x, y, cpu=_turned, default=lambda x, y: x.T @ y)


def _turned(x: Array, y: Array) -> Array:
    wait = jax.lax.optimization_barrier  # so that it is in memory as it is written here
    if x.shape[1] <= y.shape[1]:
        return wait(x.T) @ y
    return wait(wait(y.T) @ x).T


def is_over_rows(x: Any, y: Any) -> bool:
    """Whether a product is that of a transposed matrix with another, as NumPy is asked to do it."""
    return (
        type(x) is Value and type(y) is Value and x.array.ndim == y.array.ndim == 2
        and x.array.flags.f_contiguous and not x.array.flags.c_contiguous
        and y.array.flags.c_contiguous and len(y.array) >= MANY
        and x.array.dtype == y.array.dtype and x.array.dtype in (np.float32, np.float64)
    )  # fmt: skip
