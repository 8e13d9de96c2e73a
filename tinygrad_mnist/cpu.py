"""PyTorch's questions about the CPU, which is the only device here.

>>> is_available(), device_count()
(True, 1)
"""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compat.unsupported import watch


def is_available() -> bool:
    """Return whether there is a CPU. Follows ``torch.cpu.is_available``."""
    return True


def device_count() -> int:
    """Return how many devices the CPU is: 1. Follows ``torch.cpu.device_count``."""
    return 1


def current_device() -> str:
    """Return its name. Follows ``torch.cpu.current_device``."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Wait for what has been begun: nothing is. Follows ``torch.cpu.synchronize``."""


watch("cpu")
