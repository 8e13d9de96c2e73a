"""How processes exchange arrays: JAX's collectives, with one CPU device of each process.

All is made of two exchanges of flat arrays: their sum, and all of them. JAX compiles a program for
each length and dtype, so a call sends one flat array, however many tensors it is for. Behind its
numbers goes the mark of what is exchanged (``marks.py``).
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.distributed.errors import DistBackendError, DistError
from tinygrad_mnist.distributed.marks import mark, mismatch
from tinygrad_mnist.distributed.place import Place

_SETTINGS = {
    "cluster_detection_method": "deactivate",
    "heartbeat_timeout_seconds": 24 * 3600,
    "shutdown_timeout_seconds": 24 * 3600,
}
"""JAX's settings, of those that it has in its version. Whoever is lost, the monitor notices; and it
forgives a host that stood still, which JAX's own watch doesn't."""


_ALIGNED = 64
"""The multiple of bytes at which XLA takes memory as it is, whatever its version."""


class Exchange(Protocol):
    """What a backend has to do; arrays are flat, and of one length and dtype in all processes.

    An error is raised where they aren't the same exchange in all, as the description says.
    """

    def sum(self, flat: np.ndarray, what: str) -> np.ndarray:
        """Return the sum of all processes' arrays of float32, int32 or uint32."""

    def all(self, flat: np.ndarray, what: str) -> np.ndarray:
        """Return all processes' arrays of such a dtype, a row each."""

    def close(self) -> None:
        """Wait for the others to close it, too."""


class Alone:
    """The exchange of a single process."""

    def sum(self, flat: np.ndarray, what: str) -> np.ndarray:
        """Return the array."""
        return flat

    def all(self, flat: np.ndarray, what: str) -> np.ndarray:
        """Return the array, as the only row."""
        return flat[None]

    def close(self) -> None:
        """Do nothing."""


def need_jax(size: int) -> None:
    """Raise an error that says what to install, if JAX isn't."""
    if find_spec("jax") is None:
        raise DistError(
            f"init_process_group: {size} processes talk by JAX, which isn't installed; install the "
            f'extra: pip install "tinygrad_mnist[xla]"'
        )


class Jax:
    """The exchange of several processes, over ``jax.distributed``.

    Parameters
    ----------
    place
        The place of this process.
    port
        Where JAX's service is to be, on the host of rank 0.

    Raises
    ------
    DistError
        When JAX is in use already.
    DistBackendError
        When it can't connect.
    """

    def __init__(self, place: Place, port: int) -> None:
        self._jax = jax = late("jax")
        self._place = place
        host = f"[{place.host}]" if ":" in place.host else place.host
        try:
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
            known = inspect.signature(jax.distributed.initialize).parameters
            with _same_sigterm():
                jax.distributed.initialize(
                    f"{host}:{port}", place.size, place.rank,
                    coordinator_bind_address=f"{host}:{port}" if place.is_local else None,
                    **{name: value for name, value in _SETTINGS.items() if name in known},
                )  # fmt: skip
        except (RuntimeError, ValueError) as error:
            if "before any JAX" in str(error) or "only be called once" in str(error):
                raise DistError(
                    "init_process_group: JAX is in use already; call it before anything is "
                    "computed by JAX, and once in a process"
                ) from error
            raise DistBackendError(f"init_process_group: JAX can't connect: {error}") from error
        devices = {d.process_index: d for d in reversed(jax.devices("cpu"))}
        self._device = devices[place.rank]
        mesh = jax.sharding.Mesh(np.array([devices[i] for i in range(place.size)]), "process")
        place_rows, everywhere = (jax.sharding.PartitionSpec(*n) for n in (["process"], []))
        self._shards = jax.sharding.NamedSharding(mesh, place_rows)
        self._everywhere = jax.sharding.NamedSharding(mesh, everywhere)
        with _stdout_to_stderr():  # where Gloo says that it is connected
            self.sum(np.zeros(1, np.float32), "init_process_group")

    def sum(self, flat: np.ndarray, what: str) -> np.ndarray:
        """Return the sum; its bits are the same in all processes, and from run to run."""
        sent, total = mark(what, flat.dtype, self._place.size)
        found = self._run(self._sum, _with_mark(flat, sent))
        if found[-1] != total:
            raise mismatch(self._place.rank, what)
        return found[:-1]

    def all(self, flat: np.ndarray, what: str) -> np.ndarray:
        """Return all, bit for bit."""
        sent, _ = mark(what, flat.dtype, self._place.size)
        rows = self._run(self._all, _with_mark(flat, sent))
        if (rows[:, -1] != sent).any():
            raise mismatch(self._place.rank, what)
        return rows[:, :-1]

    def close(self) -> None:
        """Wait until all processes are here, and end JAX's part."""
        self._jax.distributed.shutdown()

    def _run(self, program: Any, flat: np.ndarray) -> np.ndarray:
        make = self._jax.make_array_from_single_device_arrays
        row = self._jax.device_put(flat[None], self._device)
        shape = (self._shards.mesh.size, flat.size)
        return np.asarray(program(make(shape, self._shards, [row])).addressable_data(0))

    @functools.cached_property
    def _sum(self) -> Any:
        return self._jax.jit(lambda rows: rows.sum(0), out_shardings=self._everywhere)

    @functools.cached_property
    def _all(self) -> Any:
        return self._jax.jit(lambda rows: rows, out_shardings=self._everywhere)


def _with_mark(flat: np.ndarray, sent: Any) -> np.ndarray:
    """Return numbers with a mark behind them, in memory that XLA doesn't have to copy again."""
    size = flat.nbytes + sent.nbytes
    room = np.empty(size + _ALIGNED, np.uint8)
    start = -int(room.__array_interface__["data"][0]) % _ALIGNED
    joined = room[start : start + size].view(flat.dtype)
    joined[:-1], joined[-1] = flat, sent
    return joined


@contextmanager
def _same_sigterm() -> Iterator[None]:
    """Let SIGTERM do after the block what it did before: JAX catches it, and goes on.

    JAX would tell a script of it that asks for ``reached_preemption_sync_point``; all others would
    not end when they are told to.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:  # Python lets no other thread set it, nor what isn't its own
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Let what C code prints to stdout, which is the script's, come to stderr for a while."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
