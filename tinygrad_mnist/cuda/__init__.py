"""``torch.cuda`` on a machine without a GPU.

>>> is_available()
False
"""

from __future__ import annotations

from tinygrad_mnist.cuda import amp as amp


def is_available() -> bool:
    """Return False: no GPU is available. Follows ``torch.cuda.is_available``."""
    return False


def device_count() -> int:
    """Return 0, the number of GPUs. Follows ``torch.cuda.device_count``."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no GPU, and the CPU's generator stays as it is."""
    int(seed)


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Do nothing: there is no memory of a GPU to free."""


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return False: no GPU computes in bfloat16."""
    return False


def memory_allocated(device: object = None) -> int:
    """Return 0, the bytes of GPU memory in use, or the most that were."""
    return 0


max_memory_allocated = memory_allocated
