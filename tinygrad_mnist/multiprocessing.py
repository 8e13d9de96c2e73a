"""Python's ``multiprocessing``, under PyTorch's name: a tensor that is sent is copied, not shared.

``spawn``, which starts training on several devices, raises. ``x.numpy()`` in
``multiprocessing.shared_memory`` is memory that processes share.
"""

from multiprocessing import *  # noqa: F403  all that it offers

from tinygrad_mnist.compat.unsupported import watch


def set_sharing_strategy(new_strategy: str) -> None:
    """Accept a sharing strategy, without effect: tensors are copied. Follows PyTorch's."""


def get_sharing_strategy() -> str:
    """Return PyTorch's default strategy, which has no effect."""
    return "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """Return the names of PyTorch's strategies, which have no effect."""
    return {"file_descriptor", "file_system"}


watch("multiprocessing")
