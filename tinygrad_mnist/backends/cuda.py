"""CUDA's switches, which can be set and have no effect.

>>> is_built()
False
"""


class _Switches:
    allow_tf32 = False


matmul = _Switches()


def is_built() -> bool:
    """Return False: CUDA isn't available.

    Follows ``torch.backends.cuda.is_built``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.backends.cuda.is_built()
    False
    """
    return False
