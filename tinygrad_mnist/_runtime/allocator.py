"""The memory allocator's settings: freed memory is kept for the next training step.

A training step frees all that it has computed, and the next one needs as much again. glibc gives
free memory at the end of its heap back to the system when there is more than a little of it; then
every page of the next step costs a fault, and is filled with zeros first. A transformer spends a
quarter of its time so. Hence glibc is told, once, to keep up to a gibibyte.
"""

from __future__ import annotations

import os

KEPT = 2**30
"""The most bytes of free memory that the process keeps."""

LARGEST = 2**25
"""Arrays of this many bytes or more come from the system directly, and go back at once."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h numbers them
_USERS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory; return whether that was possible.

    It is left alone where the user has set its environment variables, and where the process has
    another allocator.

    Examples
    --------
    >>> keep_freed_memory() in (True, False)
    True
    """
    if any(name in os.environ for name in _USERS):
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError, OSError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST) and mallopt(_TRIM_THRESHOLD, KEPT))
