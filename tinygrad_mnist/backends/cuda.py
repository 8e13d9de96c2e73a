"""CUDA's switches, which can be set and have no effect.

>>> is_built()
False
"""


class _Switches:
    allow_tf32 = False


matmul = _Switches()


def is_built() -> bool:
    """Return False: CUDA isn't available."""
    return False
