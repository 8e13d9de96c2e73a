"""Views as regions of memory: the operations behind in-place writes.

However a view was made, it is its base's memory under another shape and other strides. So its
region says all there is to know: no operation between base and view has to be remembered.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.ops import node_names
from tinygrad_mnist.ops.contract import Op, Sample, op


class Region(NamedTuple):
    """Where a view lies in the memory of its base; steps count elements."""

    shape: tuple[int, ...]
    """The base's shape."""
    strides: tuple[int, ...]
    """The base's steps."""
    to: tuple[int, ...]
    """The view's shape."""
    steps: tuple[int, ...]
    """The view's steps."""
    start: int
    """How many elements after the base's first one the view's first one lies."""


@array_function
def _view(memory: np.ndarray, at: Region, first: int) -> np.ndarray:
    """Return the part of a memory that the view sees, where the base begins after some elements."""
    start = first + at.start if 0 not in at.to else 0  # an empty view may lie at the very end
    size = memory.itemsize
    return np.ndarray(at.to, memory.dtype, memory, start * size, [s * size for s in at.steps])


def _has_strides_of_base(x: Any, at: Region) -> bool:
    """Whether an array lies in memory as the base does, row by row."""
    size = x.itemsize
    return bool(x.flags.c_contiguous) and x.strides == tuple([s * size for s in at.strides])


def _lay_out(x: Any, at: Region) -> tuple[np.ndarray, np.ndarray]:
    """Copy x to a memory in which it lies as the base does; return it, and the view's part."""
    if _has_strides_of_base(x, at):
        whole = x.copy()
        return whole, _view(whole, at, 0)
    ends = [step * (n - 1) for n, step in zip(at.shape, at.strides, strict=True) if n]
    first = -sum(end for end in ends if end < 0)
    memory = np.zeros(first + sum(end for end in ends if end > 0) + 1, x.dtype, like=x)
    whole = _view(memory, Region((), (), at.shape, at.strides, 0), first)
    whole[...] = x
    return whole, _view(memory, at, first)


def repeats(shape: tuple[int, ...], steps: tuple[int, ...]) -> bool:
    """Whether steps may meet an element more than once."""
    reach = 0
    for step, n in sorted((abs(step), n) for n, step in zip(shape, steps, strict=True) if n > 1):
        if step <= reach:
            return True
        reach += step * (n - 1)
    return False


def _scatter_region_into_zeros(x: Any, *, at: Region) -> Any:
    """Zeros, with x added in where a view lies."""
    whole, seen = _lay_out(np.zeros(at.shape, x.dtype, like=x), at)
    if repeats(at.to, at.steps):
        where = _lay_out(np.arange(whole.size).reshape(at.shape), at)[1]
        whole[...] = np.bincount(where.ravel(), x.ravel(), whole.size).reshape(at.shape)
    else:
        seen[...] = x
    return whole


def _write_region(x: Any, value: Any, *, at: Region) -> Any:
    """A copy of x with a value where a view lies."""
    whole, seen = _lay_out(x, at)
    seen[...] = value
    return whole


_ROW = Region((2, 3), (3, 1), (3,), (1,), 3)
_TURNED = Region((2, 3), (3, 1), (2, 2), (1, 3), 1)
_WINDOWS = Region((2, 3), (3, 1), (2, 2, 2), (3, 1, 1), 0)
_CORNER = Region((3, 3), (3, 1), (2, 2), (3, 1), 1)
# PyTorch's own gradient of as_strided_scatter is that of the part, where it should be the rest's.
_ZEROED = "x * torch.as_strided_scatter(torch.ones_like(x), torch.zeros(at.to).to(x), *at[2:])"
read_region: Op = op(
    "read_region",
    lambda x, *, at: _view(x, at, 0) if _has_strides_of_base(x, at) else _lay_out(x, at)[1],
    doc="The elements of x that a view of it sees.",
    x=lambda g, at: scatter_region_into_zeros(g, at=at),
    formula="x[at]",
    torch="torch.as_strided(x, at.to, at.steps, at.start)",
    samples=[
        Sample((2, 3), at=_ROW),
        Sample((2, 3), at=_TURNED),
        Sample((2, 3), at=_WINDOWS),
        Sample((3, 3), at=_CORNER),
    ],
    node_name="AsStridedBackward0",
)
scatter_region_into_zeros: Op = op(
    "scatter_region_into_zeros",
    _scatter_region_into_zeros,
    x=lambda g, at: read_region(g, at=at),
    formula="out = 0; out[at] += x",
    torch="torch.as_strided_scatter(torch.zeros(at.shape, dtype=x.dtype), x, *at[2:])",
    samples=[Sample((3,), at=_ROW), Sample((2, 2), at=_TURNED)],
)
zero_region: Op = op(
    "zero_region", lambda x, *, at: _write_region(x, 0, at=at),
    x=lambda g, at: zero_region(g, at=at),
    doc="A copy of x with zeros where a view lies.", formula="out = x; out[at] = 0", torch=_ZEROED,
    samples=[Sample((3, 3), at=_CORNER), Sample((2, 3), at=_TURNED)],
)  # fmt: skip
write_region: Op = op(
    "write_region",
    _write_region,
    x=lambda g, at: zero_region(g, at=at),
    value=lambda g, at: read_region(g, at=at),
    formula="out = x; out[at] = value",
    torch=f"{_ZEROED} + torch.as_strided_scatter(torch.zeros_like(x), value, *at[2:])",
    samples=[
        Sample((2, 3), (3,), at=_ROW),
        Sample((3, 3), (2, 2), at=_CORNER),
        Sample((2, 3), (2, 2), at=_TURNED),
    ],
    node_name=node_names.COPY_SLICES,
)
