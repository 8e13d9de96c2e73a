"""``torch.cpu``: the CPU, which is the only device here.

>>> is_available(), device_count()
(True, 1)
"""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compat.unsupported import watch


def is_available() -> bool:
    """Return True.

    Follows ``torch.cpu.is_available``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cpu.is_available()
    True
    """
    return True


def device_count() -> int:
    """Return 1: the CPU counts as one device.

    Follows ``torch.cpu.device_count``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cpu.device_count()
    1
    """
    return 1


def current_device() -> str:
    """Return the name of the device.

    Follows ``torch.cpu.current_device``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cpu.current_device()
    'cpu'
    """
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Do nothing: operations are finished when they return.

    Follows ``torch.cpu.synchronize``.

    Parameters
    ----------
    device
        Without effect.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cpu.synchronize() is None
    True
    """


watch("cpu")
