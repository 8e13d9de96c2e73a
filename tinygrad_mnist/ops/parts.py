"""Writing into a part of an array that views lead to: the operations behind in-place writes.

A path is the operations, with their settings, that lead from an array to a view of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Op, Sample, op
from tinygrad_mnist.ops.indexing import getitem
from tinygrad_mnist.ops.shape import reshape

Path = tuple[tuple[Op, dict[str, Any]], ...]


def part(x: Any, path: Path) -> Any:
    """Return what a path leads to."""
    for step, settings in path:
        x = step(x, **settings)
    return x


def _zero_part(x: Any, *, path: Path) -> Any:
    """A copy of x with zeros in the part that a path leads to."""
    return _write_part(x, 0, path=path)


def _write_part(x: Any, value: Any, *, path: Path) -> Any:
    """A copy of x with a value in the part that a path leads to."""
    out = x.copy()
    # In another memory order the part could be a copy; positions are right in any.
    np.put(out, part(np.arange(x.size).reshape(x.shape), path), value)
    return out


_ROW: Path = ((getitem, {"index": 1}),)
_COLUMN: Path = ((getitem, {"index": -1}), (reshape, {"to": (3, 1)}))
zero_part: Op = op(
    "zero_part", _zero_part, x=lambda g, path: zero_part(g, path=path),
    formula="out = x; path(out) = 0",
    torch="torch.select_scatter(x, torch.zeros_like(x[0]), 0, path[0][1]['index'])",
    samples=[Sample((2, 3), path=_ROW), Sample((2, 3), path=_COLUMN)],
)  # fmt: skip
write_part: Op = op(
    "write_part", _write_part,
    x=lambda g, path: zero_part(g, path=path), value=lambda g, path: part(g, path),
    formula="out = x; path(out) = value",
    torch="torch.select_scatter(x, value.reshape(x.shape[1:]), 0, path[0][1]['index'])",
    samples=[Sample((2, 3), (3,), path=_ROW), Sample((2, 3), (3, 1), path=_COLUMN)],
)  # fmt: skip
