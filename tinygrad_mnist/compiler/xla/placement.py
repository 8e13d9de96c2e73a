"""Placement: where XLA keeps arrays, on one device or split over several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding


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
    return _placed(chosen, shard)


def _of_kind(device: str | None) -> list[Any]:
    if device is None:
        return list(jax.devices())
    try:
        return list(jax.devices(device))
    except RuntimeError as error:
        offered = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise RuntimeError(
            f"device={device!r}, but JAX has no such device here, only {offered}; install the "
            f"JAX that is made for it: https://docs.jax.dev/en/latest/installation.html"
        ) from error
