"""``torch.random``: the default random generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_mnist.tensor import get_rng_state as get_rng_state
from tinygrad_mnist.tensor import initial_seed as initial_seed
from tinygrad_mnist.tensor import manual_seed as manual_seed
from tinygrad_mnist.tensor import seed as seed
from tinygrad_mnist.tensor import set_rng_state as set_rng_state


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Restore the generator's state after the block. Follows PyTorch's.

    Examples
    --------
    >>> from tinygrad_mnist import rand
    >>> _ = manual_seed(0)
    >>> with fork_rng():
    ...     first = rand(1)
    >>> bool(rand(1) == first)
    True
    """
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
