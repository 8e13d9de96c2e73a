"""Gradients under masks: kept where a mask is true, and 0 elsewhere, even if they are infinite.

The masks work on bits, since infinity times 0 is NaN; ``np.where`` takes three times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist._runtime import threads

_INTEGERS = {2: np.int16, 4: np.int32, 8: np.int64}


def masked(g: np.ndarray, mask: np.ndarray, out: np.ndarray | None = None) -> Any:
    """Return g where a mask is true, else 0: the product of the mask and g's bits as integers.

    Examples
    --------
    >>> masked(np.array([np.inf, np.inf]), np.array([True, False]))
    array([inf,  0.])
    """
    integer = _INTEGERS[g.itemsize]
    product = np.multiply(g.view(integer), mask, out=None if out is None else out.view(integer))
    return product.view(g.dtype)


@threads.elementwise
def where_nonzero(g: Any, y: Any, out: Any = None) -> Any:
    """Return g where y isn't 0 (NaN isn't), else 0."""
    if not isinstance(g, np.ndarray) or not isinstance(y, np.ndarray):
        return np.where(y == 0, 0, g)
    return masked(g, y != 0, out)
