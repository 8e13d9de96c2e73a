"""GPUs of Apple's: they aren't used.

>>> is_available()
False
"""


def is_available() -> bool:
    """Return whether such a GPU can be used: it can't."""
    return False
