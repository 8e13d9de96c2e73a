"""``torch.profiler``: marks do nothing, and ``profile`` raises.

cProfile finds where time goes, because an operation is a Python function.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from tinygrad_mnist.compat.unsupported import watch


class record_function(ContextDecorator):
    """Mark a part of a program, without effect.

    Follows ``torch.profiler.record_function``.

    Parameters
    ----------
    name, args
        The mark, which is not kept.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> with torch.profiler.record_function("forward"):
    ...     torch.ones(1) + 1
    tensor([2.])
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        return self

    def __exit__(self, *error: Any) -> None:
        """End it."""


watch("profiler")
