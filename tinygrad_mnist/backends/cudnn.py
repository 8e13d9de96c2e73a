"""cuDNN, a library for GPUs: it isn't there. Its switches can be set, and decide nothing.

>>> is_available()
False
"""

enabled = False
benchmark = False
deterministic = True
allow_tf32 = False


def is_available() -> bool:
    """Return whether cuDNN can be used: it can't."""
    return False
