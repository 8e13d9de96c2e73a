"""PyTorch's questions about accelerators, and their answers where there is none.

>>> current_accelerator().type if is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compat.unsupported import watch


def is_available() -> bool:
    """Return whether there is one: no. Follows ``torch.accelerator.is_available``."""
    return False


def device_count() -> int:
    """Return how many there are: 0. Follows ``torch.accelerator.device_count``."""
    return 0


def current_accelerator(check_available: bool = False) -> Any:
    """Return the device that is used: None. Follows ``torch.accelerator.current_accelerator``."""
    return None


watch("accelerator")
