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

    Parameters
    ----------
    devices
        Accepted, and changes nothing: there is one device.
    enabled
        Whether to restore it at all.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> with torch.random.fork_rng():
    ...     first = torch.rand(1)
    >>> torch.equal(torch.rand(1), first)
    True
    """
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
