"""Python's ``multiprocessing``, under PyTorch's name: a tensor that is sent is copied, not shared.

``spawn``, which starts training on several devices, raises. ``x.numpy()`` in
``multiprocessing.shared_memory`` is memory that processes share.
"""

from multiprocessing import *  # noqa: F403  all that it offers

from tinygrad_mnist.compat.unsupported import watch


def set_sharing_strategy(new_strategy: str) -> None:
    """Accept a sharing strategy, without effect: tensors are copied.

    Follows ``torch.multiprocessing.set_sharing_strategy``.

    Parameters
    ----------
    new_strategy
        Its name.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.multiprocessing.set_sharing_strategy("file_descriptor") is None
    True
    """


def get_sharing_strategy() -> str:
    """Return the name of PyTorch's default strategy, which has no effect.

    Follows ``torch.multiprocessing.get_sharing_strategy``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.multiprocessing.get_sharing_strategy()
    'file_descriptor'
    """
    return "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """Return the names of PyTorch's strategies, which have no effect.

    Follows ``torch.multiprocessing.get_all_sharing_strategies``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> "file_system" in torch.multiprocessing.get_all_sharing_strategies()
    True
    """
    return {"file_descriptor", "file_system"}


watch("multiprocessing")
