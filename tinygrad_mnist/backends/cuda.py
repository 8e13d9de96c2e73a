"""CUDA's switches: they can be set, and decide nothing.

>>> is_built()
False
"""


class _Switches:
    allow_tf32 = False


matmul = _Switches()


def is_built() -> bool:
    """Return whether CUDA can be used: it can't."""
    return False
