"""Errors of operations, as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Op


def explain(op: Op, arrays: Sequence[Any], settings: dict[str, Any], error: Exception) -> Exception:
    """Turn NumPy's complaint into a sentence that names the operation, shapes and settings."""
    shapes = [
        f"{op.input_name(i)} of shape {list(a.shape)} and dtype {a.dtype}"
        if isinstance(a, np.ndarray)
        else f"{op.input_name(i)}={a!r}"
        for i, a in enumerate(arrays)
        if a is not None
    ]
    given = [f"{key}={value!r}" for key, value in settings.items()]
    inputs = ", ".join(shapes + given)
    if isinstance(error, IndexError):
        return IndexError(f"{op.name}: {error} (given {inputs})")
    if isinstance(error, TypeError) and "not supported for the input types" in str(error):
        return NotImplementedError(f"{op.name}: not implemented for such numbers (given {inputs})")
    if isinstance(error, TypeError | AttributeError):
        return TypeError(f"{op.name}: {error} (given {inputs})")
    if op.broadcasts and "broadcast" in str(error):
        return RuntimeError(
            f"{op.name}: the shapes do not broadcast: {inputs}; aligned from the right, each "
            f"pair of lengths must be equal, or one of them 1"
        )
    return RuntimeError(f"{op.name}: {error} (given {inputs})")
