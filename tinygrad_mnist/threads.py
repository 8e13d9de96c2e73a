"""How many threads NumPy's matrix products use.

NumPy's wheels carry OpenBLAS, whose threads pay off for large products only: a step of a small
network is faster on one thread. The number is process-wide, and is best set once.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import numpy as np

_PREFIXES = ("scipy_openblas_", "openblas_")
_SUFFIXES = ("64_", "", "_64")


@functools.cache
def _functions() -> tuple[Any, Any] | None:
    """Find the functions that set and get the number in NumPy's own OpenBLAS."""
    root = Path(np.__file__).parent
    for folder in (root.parent / "numpy.libs", root / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")) if folder.is_dir() else ():
            library = ctypes.CDLL(str(path))  # it is loaded already: this only finds it
            for prefix in _PREFIXES:
                for suffix in _SUFFIXES:
                    setter = getattr(library, f"{prefix}set_num_threads{suffix}", None)
                    getter = getattr(library, f"{prefix}get_num_threads{suffix}", None)
                    if setter is not None and getter is not None:
                        return setter, getter
    return None


def set_num_threads(number: int) -> None:
    """Set how many threads matrix products use. Follows ``torch.set_num_threads``.

    Raises
    ------
    RuntimeError
        When the number isn't positive, or NumPy was built with another BLAS; then set its
        environment variable, such as ``OMP_NUM_THREADS``, before the start.

    Examples
    --------
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    """
    if not isinstance(number, int) or number < 1:
        raise RuntimeError(f"set_num_threads: expects a positive integer, got {number!r}")
    found = _functions()
    if found is None:
        raise RuntimeError(
            "set_num_threads: NumPy's BLAS is not an OpenBLAS that can be asked; set "
            "OMP_NUM_THREADS before the program starts"
        )
    found[0](number)


def get_num_threads() -> int:
    """Return how many threads matrix products use; 1 where that can't be asked."""
    found = _functions()
    return int(found[1]()) if found is not None else 1
