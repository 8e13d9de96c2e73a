"""Lazy imports: slow modules are imported when first needed, and never during a fork."""

from __future__ import annotations

import functools
import importlib
import logging  # noqa: F401  SciPy brings it along, and it has to be asked before a fork itself
import os
import threading
from typing import Any

_importing = threading.RLock()


@functools.cache
def late(name: str) -> Any:
    """Import a module and return it; a fork waits until that is done.

    A process that is forked while another thread is importing a module can't import it any more:
    it would wait for a thread that it doesn't have.

    Examples
    --------
    >>> late("math").sqrt(4.0)
    2.0
    """
    with _importing:
        return importlib.import_module(name)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire,
        after_in_parent=_importing.release,
        after_in_child=_importing.release,
    )
