"""``torch.__config__``: the version of NumPy, and the number of threads."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist._runtime.threads import get_num_threads
from tinygrad_mnist.compat.unsupported import watch


def show() -> str:
    """Return a text about the build. Follows ``torch.__config__.show``."""
    return f"tinygrad_mnist on NumPy {np.__version__}, without CUDA\n"


def parallel_info() -> str:
    """Return a text about threads. Follows ``torch.__config__.parallel_info``."""
    return f"matrix products: {get_num_threads()} threads\n"


watch("__config__")
