"""Workers: threads that make batches ahead of time.

Each worker has a thread, a shallow copy of the dataset and a random stream of its own. Batch after
batch is given to them in turn, and taken from them in the same order; so the batches are those
that PyTorch's processes would make, also where the dataset draws from the default generator. But
threads share the interpreter: they help while samples wait for disks or NumPy, not with Python
code. Python's and NumPy's own random streams, unlike the default generator, are common to all
threads; so a ``worker_init_fn`` that seeds them leaves them as they were.
"""

from __future__ import annotations

import copy
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.tensor.random import Generator, use_generator

if TYPE_CHECKING:
    from concurrent.futures import Future

Fetcher = Callable[[Any], Callable[[Any], Any]]
"""Makes of a dataset the function that makes a batch of its samples."""

END: Any = object()
"""What a worker returns when its iterable dataset has no more."""


@dataclass
class WorkerInfo:
    """Which worker the running code belongs to. Follows PyTorch's."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Running(threading.local):
    info: WorkerInfo | None = None


_running = _Running()


def get_worker_info() -> WorkerInfo | None:
    """Return the worker that runs this code, or None outside of workers.

    It has ``id``, ``num_workers``, ``seed`` and ``dataset``, the worker's own copy. Follows
    ``torch.utils.data.get_worker_info``.

    Examples
    --------
    >>> get_worker_info() is None
    True
    """
    return _running.info


class Worker:
    """One thread, and what belongs to it."""

    def __init__(self, info: WorkerInfo, init: Callable[[int], None] | None) -> None:
        from concurrent.futures import ThreadPoolExecutor, wait  # slow to import, and seldom needed

        self._info, self._init = info, init
        self._pool = ThreadPoolExecutor(1, f"DataLoader worker {info.id}")
        self._first = self._pool.submit(self._start)
        if init is not None:
            wait([self._first])

    def _start(self) -> None:
        _running.info = self._info
        use_generator(Generator().manual_seed(self._info.seed))
        if self._init is not None:
            # It may seed Python's and NumPy's streams, which are also the main program's.
            states = random.getstate(), np.random.get_state()
            try:
                self._init(self._info.id)
            finally:
                random.setstate(states[0])
                np.random.set_state(states[1])

    def begin_epoch(self, fetcher: Fetcher) -> None:
        """Start from the beginning of the dataset, with a function that makes its batches."""
        # The fetcher belongs to the loader, which keeps the worker: so the worker doesn't keep it.
        self._begun = self._pool.submit(self._begin, fetcher)

    def _begin(self, fetcher: Fetcher) -> None:
        self._first.result()
        self._fetch = fetcher(self._info.dataset)

    def submit(self, index: Any) -> Future[Any]:
        """Ask for a batch."""
        return self._pool.submit(self._run, index)

    def _run(self, index: Any) -> Any:
        self._begun.result()
        return self._fetch(index)

    def stop(self) -> None:
        """End the thread, after what it is doing."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def start_workers(
    count: int,
    dataset: Any,
    base_seed: int,
    init: Callable[[int], None] | None,
) -> list[Worker]:
    """Start workers, each with its copy of the dataset and its seed."""
    return [
        Worker(WorkerInfo(i, count, (base_seed + i) % 2**64, copy.copy(dataset)), init)
        for i in range(count)
    ]


class WorkerIterator:
    """The batches of one epoch, in order, of which some are always being made."""

    def __init__(
        self,
        loader: Any,
        workers: list[Worker],
        fetcher: Fetcher,
        indices: Iterator[Any],
        ahead: int,
        timeout: float,
        persistent: bool,
    ) -> None:
        # The loader ends the threads that persist, and so must live as long as the epoch.
        self._loader, self._workers, self._indices = loader, workers, indices
        self._timeout, self._persistent = timeout or None, persistent
        self._active = [True] * len(workers)
        self._turn = 0
        self._tasks: deque[tuple[int, Future[Any]]] = deque()
        for worker in workers:
            worker.begin_epoch(fetcher)
        for _ in range(ahead * len(workers)):
            self._put()

    def _put(self) -> None:
        """Give the next batch to the next worker that has data."""
        for _ in self._workers:
            number = self._turn
            self._turn = (number + 1) % len(self._workers)
            if self._active[number]:
                break
        else:
            return
        try:
            index = next(self._indices)
        except StopIteration:
            return
        self._tasks.append((number, self._workers[number].submit(index)))

    def __iter__(self) -> WorkerIterator:
        """Return itself."""
        return self

    def __next__(self) -> Any:
        """Return the next batch."""
        while self._tasks:
            number, task = self._tasks.popleft()
            if not self._active[number]:
                continue
            try:
                batch = task.result(self._timeout)
            except TimeoutError:
                if task.done():
                    raise
                self.close()
                raise RuntimeError(
                    f"DataLoader timed out after {self._timeout} seconds, waiting for worker "
                    f"{number}"
                ) from None
            except StopIteration as error:
                # Let through, it would end the epoch as if there were no more data.
                raise RuntimeError(
                    "DataLoader: the dataset raised StopIteration; raise another error"
                ) from error
            finally:
                del task  # an error's traceback would hold this frame, and the task the error
            if batch is END:
                self._active[number] = False
                self._put()
                continue
            self._put()
            return batch
        self.close()
        raise StopIteration

    def close(self) -> None:
        """Drop what isn't needed any more, and end the threads unless they are to persist."""
        for _, task in self._tasks:
            task.cancel()
        self._tasks.clear()
        if not self._persistent:
            for worker in self._workers:
                worker.stop()

    def __del__(self) -> None:
        """Clean up where the epoch was left early."""
        self.close()
