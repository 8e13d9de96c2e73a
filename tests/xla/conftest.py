"""What tests of many programs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def unpolished() -> Iterator[None]:
    """Let LLVM leave its work on XLA's programs undone, which takes half of the time."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
