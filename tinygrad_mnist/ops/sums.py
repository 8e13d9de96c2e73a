"""Sums by BLAS: as products with ones, and of products.

BLAS adds along rows and down columns several times faster than NumPy's reduction. Sums are made of
sums of at most LONG numbers, so that they are as exact as sums in pairs of halves, where NumPy goes
down a column one number after the other.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist._runtime.threads import product

SMALL = 4096
"""Up to how many elements NumPy's reduction along dimensions is as good."""

LONG = 1024
"""How many numbers are added by one product. Longer rows are NumPy's: it adds them in pairs of
halves, which is as exact."""

_ONES = {dtype: np.ones(LONG, dtype) for dtype in "fd"}


def sum_rows(rows: np.ndarray) -> Any:
    """Return the sum of the rows of a matrix.

    Examples
    --------
    >>> sum_rows(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    count, columns = rows.shape
    ones = _ONES.get(rows.dtype.char)
    if ones is None or columns == 1:
        return np.add.reduce(rows, axis=0)
    return product(ones[:count], rows) if count <= LONG else sum_many_rows(rows)


@array_function
def sum_many_rows(rows: Any) -> Any:
    """Return the sum of the rows of a matrix with more than LONG of them.

    Examples
    --------
    >>> sum_many_rows(np.ones((3000, 2)))
    array([3000., 3000.])
    """
    count, columns = rows.shape
    ones, whole = _ONES[rows.dtype.char][:LONG], count - count % LONG
    total = sum_rows(product(ones, rows[:whole].reshape(whole // LONG, LONG, columns)))
    if whole < count:
        total += sum_rows(rows[whole:])
    return total


def add_up(x: Any, dim: int | tuple[int, ...] | None, keepdims: Any = False) -> Any:
    """Return the sum over dimensions (None: all), which are kept with length 1 if asked for.

    Examples
    --------
    >>> add_up(np.ones((2, 3, 4)), (0, 2))
    array([8., 8., 8.])
    """
    if not isinstance(x, np.ndarray) or x.size < SMALL or x.dtype.char not in "fd" or dim is None:
        return np.sum(x, axis=dim, keepdims=keepdims)
    n = x.ndim
    reduced = [False] * n
    for d in (dim,) if isinstance(dim, int) else dim:
        reduced[d] = True
    # The dimensions as they lie in memory: what is summed is at its end, or its start, or both.
    order = sorted(range(n), key=x.strides.__getitem__, reverse=True)
    lying = x.transpose(order)
    last = n
    while last and reduced[order[last - 1]]:
        last -= 1
    first = 0
    while first < last and reduced[order[first]]:
        first += 1
    if first == n or not lying.flags.c_contiguous or any(reduced[d] for d in order[first:last]):
        return np.sum(x, axis=dim, keepdims=keepdims)
    kept, row = lying.shape[first:last], prod(lying.shape[last:])
    columns, rows = prod(kept), prod(lying.shape[:first])
    total = lying.reshape(rows * columns, row)
    if row > LONG:
        total = np.add.reduce(total, axis=1)
    elif last < n:
        total = product(total, _ONES[x.dtype.char][:row])
    if first:
        total = sum_rows(total.reshape(rows, columns))
    shape = [1] * n
    for d, length in zip(order[first:last], kept, strict=True):
        shape[d] = length
    back = sorted(range(last - first), key=order[first:last].__getitem__)
    total = total.reshape(kept).transpose(back)
    return total.reshape(shape) if keepdims else total


def dot(x: Any, y: Any, dim: int | tuple[int, ...], keepdims: Any = False) -> Any:
    """Return the sum of the products of two arrays of one shape over dimensions.

    Over the last dimension no array of the products is made.

    Examples
    --------
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 0)
    np.float64(11.0)
    """
    last = (len(x.shape) - 1, -1)
    rows = dim in last or (type(dim) is tuple and len(dim) == 1 and dim[0] in last)
    arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    if not rows or not arrays or x.shape[-1] > LONG:
        return add_up(x * y, dim, keepdims)
    total = np.vecdot(x, y)
    return total[..., None] if keepdims else total
