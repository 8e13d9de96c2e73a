"""cuDNN's switches, which can be set and have no effect.

>>> is_available()
False
"""

enabled = False
benchmark = False
deterministic = True
allow_tf32 = False


def is_available() -> bool:
    """Return False: cuDNN isn't available.

    Follows ``torch.backends.cudnn.is_available``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.backends.cudnn.is_available(), torch.backends.mps.is_available()
    (False, False)
    """
    return False
