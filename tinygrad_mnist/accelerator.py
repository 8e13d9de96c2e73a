"""``torch.accelerator`` on a machine without one.

>>> current_accelerator().type if is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compat.unsupported import watch


def is_available() -> bool:
    """Return False: there is no accelerator.

    Follows ``torch.accelerator.is_available``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.accelerator.is_available()
    False
    """
    return False


def device_count() -> int:
    """Return 0, the number of accelerators.

    Follows ``torch.accelerator.device_count``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.accelerator.device_count()
    0
    """
    return 0


def current_accelerator(check_available: bool = False) -> Any:
    """Return None: no accelerator is in use.

    Follows ``torch.accelerator.current_accelerator``.

    Parameters
    ----------
    check_available
        Without effect.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.accelerator.current_accelerator() is None
    True
    """
    return None


watch("accelerator")
