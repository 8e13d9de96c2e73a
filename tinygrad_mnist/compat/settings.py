"""PyTorch's settings of precision and determinism, which have no effect here.

What is set is remembered, so that a script reads back what it wrote.

>>> set_float32_matmul_precision("high")
>>> get_float32_matmul_precision()
'high'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_mnist._runtime import threads
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

    Parameters
    ----------
    precision
        ``"highest"``, ``"high"`` or ``"medium"``.

    Raises
    ------
    RuntimeError
        When it isn't "highest", "high" or "medium".

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_float32_matmul_precision("high")
    >>> torch.get_float32_matmul_precision()
    'high'
    >>> torch.set_float32_matmul_precision("highest")
    """
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            f"the precision must be 'highest', 'high' or 'medium', not {precision!r}"
        )
    _precision = precision


def get_float32_matmul_precision() -> str:
    """Return the setting of :func:`set_float32_matmul_precision`.

    Follows ``torch.get_float32_matmul_precision``.

    Returns
    -------
    A string.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_float32_matmul_precision("highest")
    >>> torch.get_float32_matmul_precision()
    'highest'
    """
    return _precision


@named
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Let the last bits of a result not depend on what the process has computed before.

    With the same number of threads, that is. Without it, a product of matrices is computed by other
    threads for a while after a convolution, which may round it otherwise, and a compiled step may
    compute halves of a batch in two threads; a script that does the same things in the same order
    has the same bits either way. Follows PyTorch's.

    Parameters
    ----------
    mode
        Whether they are wanted.
    warn_only
        Accepted, and changes nothing.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.use_deterministic_algorithms(False)
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    global _deterministic
    _deterministic = bool(mode)
    threads.set_deterministic(_deterministic)


def are_deterministic_algorithms_enabled() -> bool:
    """Return the setting of :func:`use_deterministic_algorithms`.

    Follows ``torch.are_deterministic_algorithms_enabled``.

    Returns
    -------
    A bool.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.use_deterministic_algorithms(False)
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    return _deterministic


@named
def set_default_device(device: DeviceLike | None) -> None:
    """Accept the CPU as the device of new tensors. Follows ``torch.set_default_device``.

    Parameters
    ----------
    device
        ``"cpu"``, or None.

    Raises
    ------
    RuntimeError
        For any other device.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_default_device("cpu")
    >>> torch.get_default_device()
    device(type='cpu')
    """
    check_device(device)


def get_default_device() -> device:
    """Return the device of new tensors, the CPU. Follows ``torch.get_default_device``.

    Returns
    -------
    A :class:`device`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.get_default_device()
    device(type='cpu')
    """
    return CPU


@named
def set_default_tensor_type(t: DTypeLike) -> None:
    """Set the default dtype by a type, such as ``torch.DoubleTensor``, or its name.

    Follows ``torch.set_default_tensor_type``, of older scripts.

    Parameters
    ----------
    t
        A dtype, a type such as ``torch.DoubleTensor``, or its name.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_default_tensor_type(torch.FloatTensor)
    >>> torch.tensor([1.0]).dtype
    torch.float32
    """
    set_default_dtype(t)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Return whether operations choose their dtype: never. Follows PyTorch's.

    Parameters
    ----------
    device_type
        Accepted, and changes nothing.

    Returns
    -------
    False.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.is_autocast_enabled()
    False
    """
    return False


def set_flush_denormal(mode: bool) -> bool:
    """Return False: the smallest numbers are computed with as all others.

    Follows ``torch.set_flush_denormal``.

    Parameters
    ----------
    mode
        Accepted, and changes nothing.

    Returns
    -------
    False.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_flush_denormal(True)
    False
    """
    return False


is_autocast_cpu_enabled = is_autocast_available = is_autocast_enabled
