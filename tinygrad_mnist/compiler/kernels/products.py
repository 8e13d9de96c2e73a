"""Products: which threads compute them is asked at each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist._runtime import threads
from tinygrad_mnist.compiler.trace import Call, Value

WORTHWHILE = 2**18
"""Up to how many multiplications OpenBLAS uses one thread anyway."""


def kernels(calls: Sequence[Call]) -> dict[Call, Callable[..., Any]]:
    """Return the kernel for each call of a product that more than one thread may compute."""
    return {call: product for call in calls if _is_worthwhile(call)}


def _is_worthwhile(call: Call) -> bool:
    if call.function not in (np.matmul, threads._shared_product) or call.keywords:
        return False
    a, b = (x.array if type(x) is Value else None for x in call.arguments)
    if a is None or b is None or a.dtype != b.dtype or min(a.ndim, b.ndim) < 2:
        return False
    return bool(call.results.array.size * a.shape[-1] > WORTHWHILE)


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return the product of matrices.

    Examples
    --------
    >>> product(np.ones((2, 3)), np.ones((3, 1)))
    array([[3.],
           [3.]])
    """
    if out is None:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        out = np.empty((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    return threads.product_into(a, b, out)


product.takes_out = True  # type: ignore[attr-defined]  # the plan asks for it
