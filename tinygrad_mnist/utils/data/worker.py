"""Workers: threads that make batches ahead of time.

Each worker has a thread, a shallow copy of the dataset and a random stream of its own. Batch after
batch is given to them in turn, and taken from them in the same order; so the batches are those
that PyTorch's processes would make, also where the dataset draws from the default generator. But
threads share the interpreter: they help while samples wait for disks or NumPy, not with Python
code. Python's and NumPy's own random streams, unlike the default generator, are common to all
threads; so a ``worker_init_fn`` that seeds them leaves them as they were.

A worker does what it is told in the order in which it is told, also when an epoch is broken off and
the next is begun: batches that nobody wants any more are made, and thrown away. So what comes next
never depends on how far a worker had come.

The interpreter's exit doesn't wait for a worker that is stuck. A process that is forked has none of
its parent's threads: it makes workers of its own.
"""

from __future__ import annotations

import atexit
import copy
import os
import queue
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.tensor.generator import Generator, use_generator

if TYPE_CHECKING:
    from tinygrad_mnist.utils.data.fetch import Plan

Fetch = Callable[[Any], Any]
"""Makes a batch of the samples at the indices given."""

END: Any = object()
"""The result of a worker whose iterable dataset is exhausted."""


@dataclass
class WorkerInfo:
    """The number, seed and dataset of a worker. Follows PyTorch's."""

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
    >>> from tinygrad_mnist.utils.data import get_worker_info
    >>> get_worker_info() is None
    True
    """
    return _running.info


class Worker:
    """A worker thread with its queues of tasks and results."""

    def __init__(self, info: WorkerInfo, init: Callable[[int], None] | None) -> None:
        self._tasks: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = (
            queue.SimpleQueue()
        )
        self._stopped = threading.Event()
        started = threading.Event()
        # A daemon, so that the interpreter's exit doesn't wait for it. It doesn't know this object,
        # which therefore is gone as soon as nobody needs it.
        self.thread = threading.Thread(
            target=_work,
            args=(info, init, self._tasks, self._answers, started, self._stopped),
            name=f"DataLoader worker {info.id}",
            daemon=True,
        )
        self.thread.start()
        _alive.add(self)
        if init is not None:
            started.wait()  # one at a time: see _start

    def begin_epoch(self, epoch: int, make: Callable[[Any], Fetch]) -> None:
        """Start from the beginning of the dataset, with a function that makes its batches."""
        self._tasks.put((-epoch, make))

    def ask(self, epoch: int, index: Any) -> None:
        """Ask for a batch."""
        self._tasks.put((epoch, index))

    def take(self, epoch: int, timeout: float | None) -> tuple[Any, BaseException | None]:
        """Wait for the next batch of an epoch; return it, or the error that came instead."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            asked, batch, error = self._answers.get(timeout=left)
            if asked == epoch:
                return batch, error

    def stop(self) -> None:
        """End the thread, after what it is doing."""
        self._stopped.set()
        self._tasks.put((0, None))


_alive: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Wait up to a second for the workers' batches, so that no library is interrupted."""
    workers = [worker for worker in _alive if worker.thread.is_alive()]
    for worker in workers:
        worker.stop()
    deadline = time.monotonic() + 1
    for worker in workers:
        worker.thread.join(max(0.0, deadline - time.monotonic()))


def _work(
    info: WorkerInfo,
    init: Callable[[int], None] | None,
    tasks: queue.SimpleQueue[tuple[int, Any]],
    answers: queue.SimpleQueue[tuple[int, Any, BaseException | None]],
    started: threading.Event,
    stopped: threading.Event,
) -> None:
    """Do one task after the other: epochs have positive numbers, their beginnings negative ones."""
    fetch: Fetch
    failed: BaseException | None = None
    begun: BaseException | None = None
    try:
        _start(info, init)
    except BaseException as error:
        failed = error
    started.set()
    while True:
        epoch, what = tasks.get()
        if stopped.is_set():
            return
        batch, problem = None, failed or begun
        try:
            if epoch < 0:
                begun = None
                fetch = what(info.dataset)
                continue
            if problem is None:
                batch = fetch(what)
        except BaseException as error:
            problem = error
            if epoch < 0:
                begun = error
                continue
        finally:
            del what
        answers.put((epoch, batch, problem))
        del batch, problem


def _start(info: WorkerInfo, init: Callable[[int], None] | None) -> None:
    _running.info = info
    use_generator(Generator().manual_seed(info.seed))
    if init is not None:
        # It may seed Python's and NumPy's streams, which are also the main program's.
        states = random.getstate(), np.random.get_state()
        try:
            init(info.id)
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


class WorkerIterator:
    """The batches of one epoch after another, in order, of which some are always being made."""

    def __init__(
        self,
        count: int,
        dataset: Any,
        base_seed: int,
        init: Callable[[int], None] | None,
        ahead: int,
        timeout: float,
        persistent: bool,
    ) -> None:
        self._ahead, self._timeout, self._persistent = ahead, timeout or None, persistent
        self._process = os.getpid()
        self._open = True
        self._epoch = 0
        self._asked: deque[int] = deque()
        self._workers = [
            Worker(WorkerInfo(i, count, (base_seed + i) % 2**64, copy.copy(dataset)), init)
            for i in range(count)
        ]

    @property
    def usable(self) -> bool:
        """Whether there are workers in this process, for another epoch."""
        return self._open and self._process == os.getpid()

    def begin(self, plan: Plan) -> None:
        """Begin an epoch; what is left of the one before is dropped."""
        self._epoch += 1
        self._plan, self._indices = plan, plan.indices()
        self._active = [True] * len(self._workers)
        self._turn = 0
        self._asked.clear()
        for worker in self._workers:
            worker.begin_epoch(self._epoch, plan.fetcher)
        for _ in range(self._ahead * len(self._workers)):
            self._ask()

    def _ask(self) -> None:
        """Give the next batch to the next worker that has data."""
        try:
            index = next(self._indices)
        except StopIteration:
            return
        for _ in self._workers:
            number = self._turn
            self._turn = (number + 1) % len(self._workers)
            if self._active[number]:
                self._workers[number].ask(self._epoch, index)
                self._asked.append(number)
                return

    def __iter__(self) -> WorkerIterator:
        return self

    def __len__(self) -> int:
        return len(self._plan)

    def __next__(self) -> Any:
        if self._process != os.getpid():
            raise RuntimeError(
                "DataLoader: this epoch was begun before the process was forked, and its workers "
                "are threads of the other process; begin one here, with iter(loader)"
            )
        while self._asked:
            number = self._asked.popleft()
            if not self._active[number]:
                continue
            try:
                batch, error = self._workers[number].take(self._epoch, self._timeout)
            except queue.Empty:
                self.close()
                raise RuntimeError(
                    f"DataLoader timed out after {self._timeout} seconds, waiting for worker "
                    f"{number}"
                ) from None
            if batch is END:
                self._active[number] = False
                self._ask()
                continue
            self._ask()
            if error is None:
                return batch
            try:
                if isinstance(error, StopIteration):
                    # Let through, it would end the epoch as if there were no more data.
                    raise RuntimeError(
                        "DataLoader: the dataset raised StopIteration; raise another error"
                    ) from error
                raise error
            finally:
                del error  # its traceback holds this frame: that would be a cycle
        if not self._persistent:
            self.close()
        raise StopIteration

    def close(self) -> None:
        """End the threads, after what they are doing."""
        self._open = False
        self._asked.clear()
        if self._process == os.getpid():
            for worker in self._workers:
                worker.stop()

    def __del__(self) -> None:
        """Clean up where the epoch was left early."""
        if "_workers" in self.__dict__:
            self.close()
