"""What is another in other versions of JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Any

import jax
import jax.experimental
import numpy as np
from jax.sharding import Mesh, PartitionSpec

enable_x64: Any = (jax if hasattr(jax, "enable_x64") else jax.experimental).enable_x64
"""The context in which 64 bits stay 64 bits."""

if hasattr(enable_x64, "swap_local"):

    def call_wide(function: Any, arguments: Sequence[Any], into: list[Any]) -> None:
        """Call a compiled function in it, and put what it returns into a list.

        A step has no time for an object of Python's in between. No interruption comes before the
        list has the results, as Python runs none of its own code: JAX's ``__call__`` would.
        """
        before = enable_x64.swap_local(True)
        try:
            into.extend(starmap(getattr(function, "_call", None) or function, (arguments,)))
        finally:
            enable_x64.set_local(before)
else:

    def call_wide(function: Any, arguments: Sequence[Any], into: list[Any]) -> None:
        """Call a compiled function in it, and put what it returns into a list."""
        with enable_x64(True):
            into.extend(starmap(getattr(function, "_call", None) or function, (arguments,)))


def _least_alignment() -> int:
    """Return at which multiples of bytes memory of NumPy's becomes an array of JAX's uncopied."""
    room = np.zeros(256, np.uint8)
    start = -int(room.__array_interface__["data"][0]) % 128
    for step in (16, 32):
        part = room[start + step : start + step + 64]
        there = int(part.__array_interface__["data"][0])
        if (
            jax.device_put(part, jax.local_devices(backend="cpu")[0]).unsafe_buffer_pointer()
            == there
        ):
            return step
    return 64


ALIGNED = _least_alignment()
"""The multiple of bytes at which XLA takes memory as it is."""

SPLITS_WITHIN_PROCESSES = jax.__version_info__ >= (0, 8)
"""Whether a program of several processes can be split over the devices of each: XLA used to end the
process by a failed check."""


def shard_map(function: Callable[..., Any], mesh: Mesh, axis: str) -> Callable[..., Any]:
    """Return a function that is run for each place along an axis, on the arrays that are there."""
    whole = PartitionSpec()
    made: Callable[..., Any]
    if hasattr(jax, "shard_map"):
        made = jax.shard_map(
            function, mesh=mesh, in_specs=whole, out_specs=whole, axis_names={axis}, check_vma=False
        )
        return made
    from jax.experimental.shard_map import shard_map

    made = shard_map(function, mesh, whole, whole, check_rep=False)
    return made


def _options() -> dict[str, Any]:
    """Return how XLA compiles convolutions for a CPU: YNNPACK, where it is known, is for products.

    Its convolutions take two to six times as long as those that XLA had before, and still has. What
    else it fuses is slow beside them, and fast without: a transformer's step takes 1.5 times as
    long with products alone.
    """
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}
    try:
        jax.jit(lambda: 0).lower().compile(options)
    except Exception:  # "No such compile option", whatever its type is
        return {}
    return options


OF_CONVOLUTIONS = _options()
