"""Threads: the number that matrix products use, and a pool that splits other work.

NumPy's wheels carry OpenBLAS, whose threads pay off for large products only: a step of a small
network is faster on one thread. The number is process-wide, and is best set once.

A convolution is many small products with copies in between. There the threads are better put
around the whole: each of ours takes its share of the images, and its products run on one thread.
OpenBLAS's own threads are in the way of that, because they go on spinning for tens of milliseconds
when they have nothing to do. So our threads are in charge from a convolution on: large products of
matrices and elementwise work on large arrays are shared out too, and smaller products run on one
thread. When no convolution has come for many products, they go back to OpenBLAS. What isn't ours,
such as a script's own ``@`` or ``numpy.linalg``, always has OpenBLAS's threads.

A product's last bits depend on who computes it. Where they must not depend on what ran before,
``use_deterministic_algorithms(True)`` leaves all products of matrices to OpenBLAS.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T")

WORTHWHILE = 2**22
"""The least number of multiplications that pay for a second thread."""

SMALL = 2**18
"""Up to how many multiplications OpenBLAS takes one thread of itself, for a product of matrices."""

SMALL_VECTOR = 9216
"""The same for a product of a vector and a matrix."""

_PREFIXES = ("scipy_openblas_", "openblas_")
_SUFFIXES = ("64_", "", "_64")


@functools.cache
def _functions() -> tuple[Any, Any] | None:
    """Find the functions that set and get the number in NumPy's own OpenBLAS."""
    root = Path(np.__file__).parent
    for folder in (root.parent / "numpy.libs", root / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")) if folder.is_dir() else ():
            library = ctypes.PyDLL(str(path))  # it is loaded already: this only finds it
            for prefix in _PREFIXES:
                for suffix in _SUFFIXES:
                    setter = getattr(library, f"{prefix}set_num_threads{suffix}", None)
                    getter = getattr(library, f"{prefix}get_num_threads{suffix}", None)
                    if setter is not None and getter is not None:
                        return setter, getter
    return None


def set_num_threads(number: int) -> None:
    """Set how many threads matrix products use.

    They are OpenBLAS's, or our own in networks with convolutions. Follows
    ``torch.set_num_threads``.

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
    global _charge
    _wanted[:] = [number]
    _charge = 0


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
    if not _wanted:
        found = _functions()
        if found is None:
            return 1
        _wanted.append(int(found[1]()))
    return _wanted[0]


CHARGE = 256
"""After how many products without a convolution our own threads aren't in charge any more."""

_charge = 0
"""How many of these are left."""

_deterministic = False


def set_deterministic(mode: bool) -> None:
    """Say whether who computes a product may depend on what ran before."""
    global _deterministic
    _deterministic = mode


class _OneThread:
    """A context in which OpenBLAS has one thread; any number of threads may be in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inside = 0
        """How many threads are in it."""
        self._number = 1

    def __enter__(self) -> None:
        with self._lock:
            if not self.inside:
                self._number = self._exchange(1)
            self.inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1
            if not self.inside:
                self._exchange(self._number)

    def _exchange(self, number: int) -> int:
        """Set OpenBLAS's number of threads, and return what it was."""
        found = _functions()
        if found is None:
            return 1
        before: int = found[1]()
        found[0](number)
        return before

    def leave_to_child(self) -> None:
        """Begin anew in a forked process, of whose threads only one is left."""
        if self.inside:
            self._exchange(self._number)
        self._lock, self.inside = threading.Lock(), 0
        global _turn
        _turn = threading.Lock()


_one_thread = _OneThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread.leave_to_child)


class _Here(threading.local):
    helps = False
    """Whether this thread belongs to our pool; such a thread must not wait for the pool."""


_here = _Here()


class _Job(Generic[T]):
    """A call that another thread makes. An executor's futures take three times as long.

    All that is done to it can be done again, as after an interruption.
    """

    def __init__(self, function: Callable[[slice], T], part: slice) -> None:
        self._function, self._part = function, part
        self._error: BaseException | None = None
        self._taken: dict[str, bool] = {}
        """Whether it is made: what was said first holds."""
        self._ended = False
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        """Make the call, unless it was called off."""
        if not self._taken.setdefault("taken", True):
            return
        try:
            self._result = self._function(self._part)
        except BaseException as error:
            self._error = error
        finally:
            self._ended = True
            self._done.release()

    def wait(self) -> None:
        """Wait for the call."""
        if not self._ended:
            self._done.acquire()

    def call_off(self) -> None:
        """See to it that nobody makes the call when this returns."""
        if self._taken.setdefault("taken", False):
            self.wait()

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        if self._error is not None:
            error, self._error = self._error, None  # else the error would hold itself
            raise error
        return self._result


def _shared(
    first: Callable[[], T], jobs: Sequence[_Job[T]], pool: SimpleQueue[_Job[Any]],
    stop: Callable[[], None] = lambda: None,
) -> list[T]:  # fmt: skip
    """Let others make calls while this thread makes the first.

    Whatever happens, even if this thread is interrupted, nobody goes on writing when this returns.
    """
    try:
        for job in jobs:
            pool.put(job)
        result = first()
        for job in jobs:
            job.wait()
    except BaseException:
        ended = False
        while not ended:
            try:
                stop()
                for job in jobs:
                    job.call_off()
                ended = True
            except BaseException:  # one more interruption: the first is what is raised
                continue
        raise
    return [result, *(job.result() for job in jobs)]


@functools.cache
def _pool(number: int, process: int) -> SimpleQueue[_Job[Any]]:
    """Return the queue that the threads of a process read; threads don't survive a fork."""
    queue: SimpleQueue[_Job[Any]] = SimpleQueue()

    def serve() -> None:
        _here.helps = True
        with np.errstate(all="ignore"):
            while True:
                queue.get().run()

    for _ in range(number):
        threading.Thread(target=serve, name="tinygrad_mnist", daemon=True).start()
    return queue


def in_parts(function: Callable[[slice], T], count: int, work: int) -> list[T]:
    """Call a function on ranges that cover ``range(count)``, and put our threads in charge.

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
    global _charge
    if work >= WORTHWHILE and count > 1 and get_num_threads() > 1:
        _charge = CHARGE
    return _split(function, count, work)


def share(function: Callable[[slice], T], count: int, work: int) -> list[T]:
    """Do elementwise work as :func:`in_parts` does, but only if our threads are in charge already.

    Examples
    --------
    >>> share(lambda part: part.stop - part.start, 10, work=1)
    [10]
    """
    if _charge <= 0 or work < WORTHWHILE:
        return [function(slice(0, count))]
    return _split(function, count, work)


def _split(function: Callable[[slice], T], count: int, work: int) -> list[T]:
    """Call a function on ranges, each in a thread of ours, while OpenBLAS has one."""
    if get_num_threads() < 2:  # then it has one anyway
        return [function(slice(0, count))]
    number = 1 if _here.helps else min(get_num_threads(), count)
    if number < 2 or work < WORTHWHILE:
        with _one_thread:
            return [function(slice(0, count))]
    first, *rest = (slice(count * i // number, count * (i + 1) // number) for i in range(number))

    pool = _pool(number - 1, os.getpid())
    with _one_thread:
        return _shared(lambda: function(first), [_Job(function, part) for part in rest], pool)


_turn = threading.Lock()
"""Whose turn it is: calls that wait for one another need all threads of the pool."""


def are_free(number: int) -> bool:
    """Whether there are just so many threads, and none of ours asks.

    Examples
    --------
    >>> are_free(1)
    False
    """
    return number > 1 and get_num_threads() == number and not (_deterministic or _here.helps)


def _call(function: Callable[[], T], _: slice) -> T:
    return function()


def together(functions: Sequence[Callable[[], T]], stop: Callable[[], None]) -> list[T]:
    """Call functions at the same time, each in a thread of ours, while OpenBLAS has one.

    Parameters
    ----------
    functions
        They may wait for one another.
    stop
        Called if this thread is interrupted: it lets none of them wait any longer.

    Returns
    -------
    What they have returned.

    Examples
    --------
    >>> together([lambda: 1, lambda: 2], lambda: None)
    [1, 2]
    """
    global _charge
    _charge = CHARGE  # what comes after it had better not wake OpenBLAS's threads
    first, *rest = functions
    pool = _pool(len(rest), os.getpid())
    with _turn, _one_thread:
        helped = _here.helps
        try:
            _here.helps = True
            return _shared(first, [_Job(partial(_call, f), slice(0)) for f in rest], pool, stop)
        finally:
            _here.helps = helped


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


def is_small(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether OpenBLAS takes one thread for a product anyway.

    Examples
    --------
    >>> is_small(np.ones((9, 9)), np.ones((9, 9))), is_small(np.ones((99, 99)), np.ones((99, 99)))
    (True, False)
    """
    if min(a.ndim, b.ndim) < 2:
        return bool(max(a.size, b.size) < SMALL_VECTOR)
    return bool(max(a.size * b.shape[-1], b.size * a.shape[-2]) < SMALL)


def product(a: Any, b: Any, out: np.ndarray | None = None) -> Any:
    """Return ``np.matmul``'s result, computed by our own threads if they are in charge.

    Parameters
    ----------
    out
        Where to write to, as in ``np.matmul``.

    Examples
    --------
    >>> product(np.ones((1, 3)), np.ones((3, 1)))
    array([[3.]])
    """
    global _charge
    if out is None and a.ndim == b.ndim == 2 and a.shape[1] == 1:
        return np.dot(a, b)  # matmul takes seven times as long
    if _charge <= 0 or _deterministic or type(a) is not np.ndarray or type(b) is not np.ndarray:
        return np.matmul(a, b) if out is None else np.matmul(a, b, out=out)
    if is_small(a, b):
        return np.matmul(a, b, out=out)
    _charge -= 1
    batch = a.ndim == b.ndim > 2 and a.shape[:-2] == b.shape[:-2]
    several = a.ndim == 2 and b.ndim == 3
    work = a.size * (b.shape[-1] if b.ndim > 1 else 1) * (len(b) if several else 1)
    if work < PRODUCT or not (batch or several or a.ndim == b.ndim == 2):
        with _one_thread:
            return np.matmul(a, b, out=out)
    if out is None:
        out = np.empty((*b.shape[:-2], a.shape[-2], b.shape[-1]), np.result_type(a, b))
    if batch:
        share(lambda part: np.matmul(a[part], b[part], out=out[part]), len(a), work)
    elif several:
        share(lambda part: np.matmul(a, b[part], out=out[part]), len(b), work)
    # The factor that isn't cut is read by every thread: it had better be the smaller one.
    elif a.size < b.size:
        share(lambda part: np.matmul(a, b[:, part], out=out[:, part]), b.shape[1], work)
    else:
        share(lambda part: np.matmul(a[part], b, out=out[part]), len(a), work)
    return out


PRODUCT = 2**24
"""The least number of multiplications for which a single product is split among threads."""

SPACIOUS = 2**20
"""The least number of elements for which elementwise work is split among threads."""


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Apply an elementwise function, split among our own threads if they are in charge.

    Parameters
    ----------
    function
        Takes arrays and numbers, and ``out=`` to write to. It is called with parts of the arrays
        if the first is large and the others have its shape, or that of one of its rows, and its
        memory order and dtype, which is the result's too.

    Examples
    --------
    >>> elementwise(np.add)(np.ones(2), 1)
    array([2., 2.])
    """

    @functools.wraps(function)
    def compute(first: Any, *others: Any, out: Any = None) -> Any:
        if _charge <= 0 or type(first) is not np.ndarray or first.size < SPACIOUS:
            return function(first, *others, out=out)
        form = (first.shape[1:], first.strides[1:], first.dtype)
        for x in others:
            if isinstance(x, np.ndarray) and (
                x.ndim != first.ndim
                or len(x) not in (1, len(first))
                or (x.shape[1:], x.strides[1:], x.dtype) != form
            ):
                return function(first, *others, out=out)
        result = np.empty_like(first) if out is None else out

        def run(part: slice) -> None:
            rest = [x[part] if np.ndim(x) and len(x) > 1 else x for x in others]
            function(first[part], *rest, out=result[part])

        share(run, len(first), 8 * first.size)
        return result

    return compute
