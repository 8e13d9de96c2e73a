"""Apple's GPUs, which aren't used.

>>> is_available()
False
"""


def is_available() -> bool:
    """Return False: MPS isn't available."""
    return False
