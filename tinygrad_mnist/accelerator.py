"""``torch.accelerator`` on a machine without one.

>>> current_accelerator().type if is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compat.unsupported import watch


def is_available() -> bool:
    """Return False: there is no accelerator. Follows ``torch.accelerator.is_available``."""
    return False


def device_count() -> int:
    """Return 0, the number of accelerators. Follows ``torch.accelerator.device_count``."""
    return 0


def current_accelerator(check_available: bool = False) -> Any:
    """Return None: no accelerator is in use. Follows ``torch.accelerator.current_accelerator``."""
    return None


watch("accelerator")
