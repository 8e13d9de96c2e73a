"""Batches that are with XLA's devices before a step asks for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sized
from types import MethodType
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.api import _backend
from tinygrad_mnist.compiler.backends import Backend
from tinygrad_mnist.compiler.compiled import Compiled
from tinygrad_mnist.compiler.returned import map_structure


def prefetch(batches: Iterable[Any], step: Any = None, ahead: int = 2) -> Prefetched:
    """Send batches ahead to the devices of a compiled step, while steps run.

    A thread of its own goes on with the loader. The first batch is taken in the calling thread, so
    the order of a shuffling ``DataLoader`` is what it is without; random transforms of single
    examples draw at other times, unless they have a generator of their own.

    Parameters
    ----------
    batches
        A ``DataLoader``, or anything else that yields tensors, in tuples, lists and dicts.
    step
        What ``compile`` has returned with ``backend="xla"``; None: the device that JAX prefers.
    ahead
        How many batches are on the way.

    Returns
    -------
    An iterable of the batches. Their tensors can be read as any others.

    Raises
    ------
    ModuleNotFoundError
        When JAX isn't installed.
    ValueError
        For a step of another backend, and when ``ahead`` is less than 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.compiler import prefetch
    >>> loader = [torch.full((2,), float(i)) for i in range(3)]
    >>> [x.tolist() for x in prefetch(loader)]  # doctest: +SKIP
    [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    """
    if ahead < 1:
        raise ValueError(f"ahead={ahead}: at least one batch must be on the way")
    return Prefetched(batches, _backend_of(step), ahead)


def _backend_of(step: Any) -> Backend:
    """Return what runs a step."""
    if step is None:
        return Backend(_backend("xla"))
    if isinstance(step, MethodType):
        step = step.__func__
    held = (step, *(getattr(step, name, None) for name in ("_compiled", "_compiled_call")))
    compiled = next((x for x in held if isinstance(x, Compiled)), None)
    if compiled is None or compiled.settings.backend.name != "xla":
        raise ValueError("the step must be what compile(..., backend='xla') has returned")
    return compiled.settings.backend


class Prefetched:
    """Batches, some of which are on the way: what :func:`prefetch` returns."""

    def __init__(self, batches: Iterable[Any], backend: Backend, ahead: int) -> None:
        self.batches = batches
        self.ahead = ahead
        self._send = backend.sender()

    def __len__(self) -> int:
        """Return the number of batches, if it is known."""
        if not isinstance(self.batches, Sized):
            raise TypeError(f"{type(self.batches).__name__} has no length")
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches."""
        source = iter(self.batches)
        try:
            first = next(source)
        except StopIteration:
            return
        ready: queue.Queue[tuple[str, Any]] = queue.Queue(self.ahead)
        stop = threading.Event()
        thread = threading.Thread(
            target=self._work, args=(first, source, ready, stop), name="prefetch", daemon=True
        )
        thread.start()
        try:
            while True:
                what, x = ready.get()
                if what == "end":
                    break
                if what == "error":
                    raise x
                yield x
        finally:
            stop.set()
            while thread.is_alive():  # it may be waiting for room
                try:
                    ready.get(timeout=0.01)
                except queue.Empty:
                    pass
            thread.join()

    def _work(
        self, batch: Any, source: Iterator[Any], ready: queue.Queue[Any], stop: threading.Event
    ) -> None:
        """Send batches until there are no more, or nobody wants them."""
        try:
            while not stop.is_set():
                ready.put(("batch", self._sent(batch)))
                try:
                    batch = next(source)
                except StopIteration:
                    break
        except BaseException as error:  # the loader's own: raised where the batches are used
            ready.put(("error", error))
        else:
            ready.put(("end", None))

    def _sent(self, batch: Any) -> Any:
        found: list[Any] = []
        map_structure(batch, found.append)
        shapes = (x.shape for x in found if isinstance(x, TensorBase) and x.shape)
        size = next((shape[0] for shape in shapes), None)

        def send(x: Any) -> Any:
            return self._send(x, size) if isinstance(x, TensorBase) else x

        return map_structure(batch, send)
