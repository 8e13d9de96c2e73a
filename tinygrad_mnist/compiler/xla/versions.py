"""What is another in other versions of JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.experimental
import numpy as np

enable_x64: Any = (jax if hasattr(jax, "enable_x64") else jax.experimental).enable_x64
"""The context in which 64 bits stay 64 bits."""


def _least_alignment() -> int:
    """Return at which multiples of bytes memory of NumPy's becomes an array of JAX's uncopied."""
    room = np.zeros(256, np.uint8)
    start = -int(room.__array_interface__["data"][0]) % 128
    for step in (16, 32):
        part = room[start + step : start + step + 64]
        there = int(part.__array_interface__["data"][0])
        if jax.device_put(part, jax.devices("cpu")[0]).unsafe_buffer_pointer() == there:
            return step
    return 64


ALIGNED = _least_alignment()
"""The multiple of bytes at which XLA takes memory as it is."""
