"""PyTorch's settings of precision and determinism, which have no effect here.

What is set is remembered, so that a script reads back what it wrote.

>>> set_float32_matmul_precision("high")
>>> get_float32_matmul_precision()
'high'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.tensor import device, set_default_dtype
from tinygrad_mnist.tensor.device import CPU, check_device

if TYPE_CHECKING:
    from tinygrad_mnist.ops.dtypes import DTypeLike
    from tinygrad_mnist.tensor.device import DeviceLike

_precision = "highest"
_deterministic = False


@named
def set_float32_matmul_precision(precision: str) -> None:
    """Store the setting; matrix products stay exact. Follows PyTorch's.

    Raises
    ------
    RuntimeError
        When it isn't "highest", "high" or "medium".
    """
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            f"the precision must be 'highest', 'high' or 'medium', not {precision!r}"
        )
    _precision = precision


def get_float32_matmul_precision() -> str:
    """Return the setting."""
    return _precision


@named
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Store the setting; results are always deterministic. Follows PyTorch's."""
    global _deterministic
    _deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """Return the setting."""
    return _deterministic


@named
def set_default_device(device: DeviceLike | None) -> None:
    """Accept the CPU as the device of new tensors. Follows ``torch.set_default_device``.

    Raises
    ------
    RuntimeError
        For any other device.
    """
    check_device(device)


def get_default_device() -> device:
    """Return the device of new tensors, the CPU."""
    return CPU


@named
def set_default_tensor_type(t: DTypeLike) -> None:
    """Set the default dtype by a type, such as ``torch.DoubleTensor``, or its name.

    Follows ``torch.set_default_tensor_type``, of older scripts.
    """
    set_default_dtype(t)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Return whether operations choose their dtype: never. Follows PyTorch's."""
    return False


def set_flush_denormal(mode: bool) -> bool:
    """Return False: the smallest numbers are computed with as all others."""
    return False


is_autocast_cpu_enabled = is_autocast_available = is_autocast_enabled
