"""``torch.cpu``: the CPU, which is the only device here.

>>> is_available(), device_count()
(True, 1)
"""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compat.unsupported import watch


def is_available() -> bool:
    """Return True. Follows ``torch.cpu.is_available``."""
    return True


def device_count() -> int:
    """Return 1: the CPU counts as one device. Follows ``torch.cpu.device_count``."""
    return 1


def current_device() -> str:
    """Return the name of the device. Follows ``torch.cpu.current_device``."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Do nothing: operations are finished when they return. Follows ``torch.cpu.synchronize``."""


watch("cpu")
