"""Placement: where XLA keeps arrays, on one device or split over several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from tinygrad_mnist.compiler.xla.versions import OF_CONVOLUTIONS, SPLITS_WITHIN_PROCESSES


class Placement:
    """Where arrays are: the batch is split over the devices, and so is the state if asked for.

    Parameters
    ----------
    devices
        JAX's devices.
    shard
        ``"parameters"``: each array of the state is split along its first dimension that the number
        of devices divides; None: every device has it whole.
    """

    def __init__(self, devices: Sequence[Any], shard: str | None = None) -> None:
        self.devices = tuple(devices)
        self.count = len(self.devices)
        self._shard = shard
        self._mesh = Mesh(np.array(self.devices), ("batch",)) if self.count > 1 else None
        self.whole = self._split(None) if self._mesh else SingleDeviceSharding(self.devices[0])

    def __str__(self) -> str:
        """Return how many devices it is, and of which kind."""
        kind = self.devices[0].platform.upper()
        if self.count == 1:
            return f"a {kind}"
        and_more = ", and so are the parameters" if self._shard else ""
        return f"{self.count} {kind} devices: the batch is split among them{and_more}"

    @lru_cache(16)  # noqa: B019  # a placement lasts as long as the process
    def _split(self, dim: int | None) -> Any:
        """Return how an array is split along a dimension."""
        parts = () if dim is None else (*[None] * dim, "batch")
        return NamedSharding(self._mesh, PartitionSpec(*parts))

    def of_state(self, shape: tuple[int, ...]) -> Any:
        """Return where a parameter is, its gradient, or what an optimizer keeps of it."""
        if self._shard == "parameters" and self.count > 1:
            for dim, n in enumerate(shape):
                if n and n % self.count == 0:
                    return self._split(dim)
        return self.whole

    def of_all_processes(self, axis: str) -> Mesh:
        """Return the mesh of these devices and of those that stand for them in other processes.

        The processes are along the axis of this name; along ``"batch"`` are the devices of each, if
        there are several.

        Raises
        ------
        NotImplementedError
            When another process hasn't as many devices, or an old JAX can't do it with several.
        """
        if self.count > 1 and not SPLITS_WITHIN_PROCESSES:
            raise NotImplementedError(
                f"processes that have {self.count} devices each exchange something, for which JAX "
                f"0.8 is needed, and this is {jax.__version__}; start a process for each device"
            )
        kind = self.devices[0].platform
        mine = jax.local_devices(backend=kind)
        numbers = [mine.index(d) for d in self.devices]
        rows = []
        for rank in range(jax.process_count()):
            its = [d for d in jax.devices(kind) if d.process_index == rank]
            if len(its) <= max(numbers):
                raise NotImplementedError(
                    f"rank {rank} has {len(its)} devices of the kind {kind}, and this process uses "
                    f"its number {max(numbers)}; let all processes have as many"
                )
            rows.append([its[i] for i in numbers])
        if self.count == 1:
            return Mesh(np.array(rows)[:, 0], (axis,))
        return Mesh(np.array(rows), (axis, "batch"))

    def of_batch(self, shape: tuple[int, ...], size: int | None) -> Any:
        """Return where an array that is given to each step is."""
        if self.count > 1 and size is not None and shape[:1] == (size,):
            return self._split(0)
        return self.whole


@lru_cache(64)
def _placed(devices: tuple[Any, ...], shard: str | None) -> Placement:
    return Placement(devices, shard)


def placement(
    device: str | None = None, devices: Any = None, shard: str | None = None
) -> Placement:
    """Return a placement, the same for the same devices.

    Parameters
    ----------
    device
        The kind of device; None: what JAX prefers.
    devices
        How many, or JAX's devices themselves, or a mesh of them; None: one.
    shard
        What is split besides the batch.

    Raises
    ------
    RuntimeError
        When there are no such devices, or too few.
    ValueError
        For devices of other processes.
    TypeError
        For what are no devices.
    """
    if devices is None or isinstance(devices, int):
        found = _of_kind(device)
        count = 1 if devices is None else devices
        if count > len(found):
            kind = found[0].platform
            raise RuntimeError(
                f"devices={count}, but JAX has {len(found)} of the kind {kind}; several CPU "
                f"devices, to try it out, come with "
                f"XLA_FLAGS=--xla_force_host_platform_device_count={count}"
            )
        return _placed(tuple(found[:count]), shard)
    chosen = tuple(np.asarray(getattr(devices, "devices", devices), object).reshape(-1))
    if not chosen or not all(isinstance(d, jax.Device) for d in chosen):
        raise TypeError(
            f"devices={devices!r}: expects how many, a list of JAX's devices, or a mesh of them"
        )
    others = [d for d in chosen if d.process_index != jax.process_index()]
    if others:
        raise ValueError(
            f"{len(others)} of the {len(chosen)} devices are those of other processes; give this "
            f"process's own, as jax.local_devices() lists them, and let DistributedDataParallel "
            f"share the model among the processes"
        )
    return _placed(chosen, shard)


def _of_kind(device: str | None) -> list[Any]:
    """Return this process's devices."""
    try:
        return list(jax.local_devices(backend=device))
    except RuntimeError:
        offered = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise RuntimeError(
            f"device={device!r}, but JAX has no such device here, only {offered}; install the "
            f"JAX that is made for it: https://docs.jax.dev/en/latest/installation.html"
        ) from None


def compiled(
    function: Callable[..., Sequence[Any]],
    forms: Sequence[Any],
    places: Sequence[Any],
    left: Sequence[Any],
    donated: Sequence[int],
) -> Callable[..., Sequence[Any]]:
    """Compile a function of arrays.

    Parameters
    ----------
    function
        Takes arrays, and returns some.
    forms, places
        The shape and dtype of each that it takes, and where it is.
    left
        Where each is to be that it returns; None: where XLA likes.
    donated
        The numbers of those that it takes and may overwrite.
    """
    made = jax.jit(
        function,
        donate_argnums=tuple(donated),
        keep_unused=True,  # memory for gradients is only written to
        in_shardings=tuple(places),
        out_shardings=tuple(left),
    )
    on_cpus = all(d.platform == "cpu" for place in places for d in place.device_set)
    lowered = made.lower(*forms)
    options = OF_CONVOLUTIONS if on_cpus and "stablehlo.convolution" in lowered.as_text() else None
    executable: Callable[..., Sequence[Any]] = lowered.compile(options)
    return executable
