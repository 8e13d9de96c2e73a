"""``torch.cuda`` on a machine without a GPU.

>>> is_available()
False
"""

from __future__ import annotations

from tinygrad_mnist.cuda import amp as amp


def is_available() -> bool:
    """Return False: no GPU is available.

    Follows ``torch.cuda.is_available``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> "cuda" if torch.cuda.is_available() else "cpu"
    'cpu'
    """
    return False


def device_count() -> int:
    """Return 0, the number of GPUs.

    Follows ``torch.cuda.device_count``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cuda.device_count()
    0
    """
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no GPU, and the CPU's generator stays as it is.

    Follows ``torch.cuda.manual_seed``.

    Parameters
    ----------
    seed
        A number.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cuda.manual_seed(0) is None
    True
    """
    int(seed)


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Do nothing: there is no memory of a GPU to free.

    Follows ``torch.cuda.empty_cache``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cuda.empty_cache() is None
    True
    """


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return False: no GPU computes in bfloat16.

    Follows ``torch.cuda.is_bf16_supported``.

    Parameters
    ----------
    including_emulation
        Without effect.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cuda.is_bf16_supported()
    False
    """
    return False


def memory_allocated(device: object = None) -> int:
    """Return 0, the bytes of GPU memory in use, or the most that were.

    Follows ``torch.cuda.memory_allocated``.

    Parameters
    ----------
    device
        Without effect.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cuda.memory_allocated()
    0
    """
    return 0


max_memory_allocated = memory_allocated
