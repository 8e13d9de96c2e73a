"""PyTorch's questions about GPUs, and their answers where there is none.

>>> is_available()
False
"""

from __future__ import annotations

from tinygrad_mnist.cuda import amp as amp


def is_available() -> bool:
    """Return whether a GPU can be used: it can't. Follows ``torch.cuda.is_available``."""
    return False


def device_count() -> int:
    """Return the number of GPUs: 0. Follows ``torch.cuda.device_count``."""
    return 0


def manual_seed(seed: int) -> None:
    """Seed the generator of the GPU, which there isn't; the CPU's stays as it is."""
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs, of which there are none; the CPU's stays as it is."""
    int(seed)


def empty_cache() -> None:
    """Return unused memory of the GPU, which there isn't."""


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return whether a GPU can compute in bfloat16: there is none."""
    return False


def memory_allocated(device: object = None) -> int:
    """Return how many bytes of a GPU's memory are in use: 0."""
    return 0


def max_memory_allocated(device: object = None) -> int:
    """Return how many bytes of a GPU's memory were in use at most: 0."""
    return 0
