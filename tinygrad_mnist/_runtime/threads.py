"""Threads: the number that matrix products use, and a pool that splits other work.

NumPy's wheels carry OpenBLAS, whose threads pay off for large products only: a step of a small
network is faster on one thread. The number is process-wide, and is best set once.

A convolution is many small products with copies in between. There the threads are better put
around the whole: each takes its share of the images, and its products run on one thread. From the
first such call on our threads are in charge: OpenBLAS is left at one, because its threads go on
spinning for tens of milliseconds when they have nothing to do, and would take the cores from ours.
Large products of matrices, ReLU of large arrays and the rule of maximum pooling are then shared out
too. The price: whatever else uses NumPy's BLAS in this process (a recurrent layer,
``numpy.linalg``, a script's own ``@``) has one thread, until :func:`set_num_threads` is called
again.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from concurrent.futures.thread import ThreadPoolExecutor  # here, where no other thread can fork
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tinygrad_mnist._runtime.protocol import array_function

T = TypeVar("T")

WORTHWHILE = 2**22
"""The least number of multiplications that pay for a second thread, which takes 0.1 ms to call."""

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
    """Set how many threads matrix products use.

    They are OpenBLAS's, until something is large enough to be shared out to threads of our own,
    such as a convolution; from then on OpenBLAS has one, for NumPy's own products too. To call this
    again gives it its threads back. Follows ``torch.set_num_threads``.

    Parameters
    ----------
    number
        A positive integer.

    Raises
    ------
    RuntimeError
        When the number isn't positive, or NumPy was built with another BLAS; then set its
        environment variable, such as ``OMP_NUM_THREADS``, before the start.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_num_threads(1)
    >>> torch.get_num_threads()
    1
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise RuntimeError(f"set_num_threads: expects a positive integer, got {number!r}")
    found = _functions()
    if found is None:
        raise RuntimeError(
            "set_num_threads: NumPy's BLAS is not an OpenBLAS that can be asked; set "
            "OMP_NUM_THREADS before the program starts"
        )
    found[0](number)
    _wanted[:] = [number]
    _in_charge.clear()


_wanted: list[int] = []
"""The number of threads to use, once it was set; OpenBLAS chooses until then."""


def get_num_threads() -> int:
    """Return how many threads matrix products use; 1 where that can't be asked.

    Follows ``torch.get_num_threads``.

    Returns
    -------
    An integer.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.get_num_threads() >= 1
    True
    """
    found = _functions()
    if found is None:
        return 1
    if not _wanted:
        _wanted.append(int(found[1]()))
    return _wanted[0]


_in_charge = threading.Event()
"""Whether our own threads split the work, and OpenBLAS uses one."""


class _Here(threading.local):
    helps = False
    """Whether this thread belongs to our pool; such a thread must not wait for the pool."""


_here = _Here()


@functools.cache
def _pool(number: int, process: int) -> ThreadPoolExecutor:
    """Return the pool of threads of a process; threads don't survive a fork."""
    mark = (_here, "helps", True)
    return ThreadPoolExecutor(number, "tinygrad_mnist", initializer=setattr, initargs=mark)


def in_parts(function: Callable[[slice], T], count: int, work: int) -> list[T]:
    """Call a function on ranges that cover ``range(count)``, one for each thread.

    Parameters
    ----------
    function
        Called with a slice. Different slices must not write to the same memory.
    count
        How many items there are, such as images.
    work
        How many multiplications there are in all: little work is done in one part. An elementwise
        operation counts for eight, because it waits for the memory.

    Returns
    -------
    The results in order; they depend on the number of threads, but not on chance.

    Examples
    --------
    >>> in_parts(lambda part: part.stop - part.start, 10, work=1)
    [10]
    """
    number, found = min(get_num_threads(), count), _functions()
    if number < 2 or work < WORTHWHILE or found is None or _here.helps:
        return [function(slice(0, count))]
    first, *rest = (slice(count * i // number, count * (i + 1) // number) for i in range(number))

    def quiet(part: slice) -> T:
        with np.errstate(all="ignore"):
            return function(part)

    if not _in_charge.is_set():
        found[0](1)
        _in_charge.set()
    others = [_pool(number - 1, os.getpid()).submit(quiet, part) for part in rest]
    try:
        results = [function(first)]
    finally:
        # Whatever happens, nobody goes on writing when this returns.
        wait(others)
    return [*results, *(other.result() for other in others)]


CACHE_BLOCK = 2**18
"""The elements of a block: few enough for several arrays of them to stay in the cache."""


def in_blocks(part: slice, array: np.ndarray) -> Iterator[slice]:
    """Cut a range of an array's first dimension into pieces that stay in the cache.

    Examples
    --------
    >>> list(in_blocks(slice(1, 4), np.zeros((4, 2**17))))
    [slice(1, 3, None), slice(3, 4, None)]
    """
    step = max(1, CACHE_BLOCK * len(array) // max(1, array.size))
    for start in range(part.start, part.stop, step):
        yield slice(start, min(start + step, part.stop))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of two matrices, computed by our own threads if they are in use."""
    if a.shape[1] == 1:
        return np.dot(a, b)  # type: ignore[no-any-return]  # matmul takes seven times as long
    if not _in_charge.is_set() or a.size * b.shape[1] < 4 * WORTHWHILE:
        return np.matmul(a, b)  # type: ignore[no-any-return]  # NumPy declares it as Any
    return _shared_product(a, b)


@array_function
def _shared_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    work = a.size * b.shape[1]
    out = np.empty((len(a), b.shape[1]), np.result_type(a, b))
    # The factor that isn't cut is read by every thread: it had better be the smaller one.
    if a.size < b.size:
        in_parts(lambda part: np.matmul(a, b[:, part], out=out[:, part]), b.shape[1], work)
    else:
        in_parts(lambda part: np.matmul(a[part], b, out=out[part]), len(a), work)
    return out


SPACIOUS = 2**20
"""The least number of elements for which elementwise work is split among threads."""


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Apply an elementwise function, split among our own threads if they are in use.

    Parameters
    ----------
    function
        Takes arrays and numbers, and ``out=`` to write to. It is called with parts of the arrays
        if these are large and have one shape, memory order and dtype, which is the result's too.

    Examples
    --------
    >>> elementwise(np.add)(np.ones(2), 1)
    array([2., 2.])
    """

    @functools.wraps(function)
    def compute(first: Any, *others: Any) -> Any:
        if not _in_charge.is_set() or type(first) is not np.ndarray or first.size < SPACIOUS:
            return function(first, *others)
        form = (first.shape, first.strides, first.dtype)
        for x in others:
            if isinstance(x, np.ndarray) and (x.shape, x.strides, x.dtype) != form:
                return function(first, *others)
        out = np.empty_like(first)

        def run(part: slice) -> None:
            rest = [x[part] if isinstance(x, np.ndarray) else x for x in others]
            function(first[part], *rest, out=out[part])

        in_parts(run, len(first), 8 * first.size)
        return out

    return compute
