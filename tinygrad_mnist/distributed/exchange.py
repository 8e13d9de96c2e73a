"""How processes exchange arrays: JAX's collectives, with one CPU device of each process.

All is made of two exchanges of flat arrays: their sum, and all of them. JAX compiles a program for
each length and dtype, so a call sends one flat array, however many tensors it is for.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.distributed.errors import DistBackendError, DistError
from tinygrad_mnist.distributed.place import Place

_DAY = 24 * 3600


class Exchange(Protocol):
    """What a backend has to do; arrays are flat, and of one length and dtype in all processes."""

    def sum(self, flat: np.ndarray) -> np.ndarray:
        """Return the sum of all processes' arrays of float32, int32 or uint32."""

    def all(self, flat: np.ndarray) -> np.ndarray:
        """Return all processes' arrays of such a dtype, a row each."""

    def close(self) -> None:
        """Wait for the others to close it, too."""


class Alone:
    """The exchange of a single process."""

    def sum(self, flat: np.ndarray) -> np.ndarray:
        """Return the array."""
        return flat

    def all(self, flat: np.ndarray) -> np.ndarray:
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
        host = f"[{place.host}]" if ":" in place.host else place.host
        try:
            jax.distributed.initialize(
                f"{host}:{port}", place.size, place.rank, cluster_detection_method="deactivate",
                coordinator_bind_address=f"{host}:{port}" if place.is_local else None,
                # Whoever is lost, the monitor notices. It forgives a host that stood still.
                heartbeat_timeout_seconds=_DAY, shutdown_timeout_seconds=_DAY,
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
        self._shards = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("process"))
        with _stdout_to_stderr():  # where Gloo says that it is connected
            self.sum(np.zeros(1, np.float32))

    def sum(self, flat: np.ndarray) -> np.ndarray:
        """Return the sum; its bits are the same in all processes, and from run to run."""
        total: np.ndarray = self._run(self._sum, flat)[0]
        return total

    def all(self, flat: np.ndarray) -> np.ndarray:
        """Return all, bit for bit."""
        return self._run(self._all, flat)

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
        return self._program(lambda row: self._jax.lax.psum(row, "process"))

    @functools.cached_property
    def _all(self) -> Any:
        return self._program(lambda row: self._jax.lax.all_gather(row[0], "process"))

    def _program(self, function: Any) -> Any:
        """Compile a function of one process's row that has the same result in all of them."""
        jax, spec = self._jax, self._jax.sharding.PartitionSpec
        mapped = jax.shard_map(
            function, mesh=self._shards.mesh, in_specs=spec("process"), out_specs=spec(),
            check_vma=False,
        )  # fmt: skip
        return jax.jit(mapped)


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
