"""Apple's GPUs, which aren't used."""


def is_available() -> bool:
    """Return False: MPS isn't available.

    Examples
    --------
    >>> from tinygrad_mnist.backends import mps
    >>> mps.is_available()
    False
    """
    return False
