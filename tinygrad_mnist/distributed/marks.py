"""Marks: a number beside what is exchanged that says what the exchange is.

Processes that don't make the same exchange would add up numbers that have nothing to do with each
other. So each sends, behind its numbers, one that follows from the name of the collective, what it
does, shape and dtype; and looks whether the others have sent the same.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from tinygrad_mnist.distributed.errors import DistBackendError

_EXACT = 2**24
"""Up to here all whole numbers are float32's."""


def description(name: str, array: np.ndarray, how: str = "") -> str:
    """Return what an exchange is, in words that are the same in all processes that make the same.

    Examples
    --------
    >>> description("all_reduce", np.zeros(3, np.float32), "SUM")
    'all_reduce (SUM) of [3] float32'
    """
    how = f" ({how})" if how else ""
    return f"{name}{how} of {list(array.shape)} {array.dtype}"


def mark(what: str, dtype: np.dtype[Any], size: int) -> tuple[Any, Any]:
    """Return the number that goes with an exchange, and the sum of as many as there are processes.

    Both are of a dtype of 32 bits, in which that sum is exact, or wraps.
    """
    number = zlib.crc32(what.encode())
    if dtype.kind == "f":
        number = number % (_EXACT // size) or 1
        return dtype.type(number), dtype.type(number * size)
    both = np.array([number, number * size % 2**32], np.uint32).view(dtype)
    return both[0], both[1]


def mismatch(rank: int, what: str) -> DistBackendError:
    """Return the error of a process whose exchange isn't that of the others."""
    return DistBackendError(
        f"rank {rank} makes {what}, and another process something else in its place: all have to "
        f"make the same collectives in the same order, with tensors of the same shapes and dtypes"
    )
