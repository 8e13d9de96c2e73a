"""Views of a diagonal, of sliding windows, and of memory by strides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.ops.contract import Sample, op
from tinygrad_mnist.ops.indexing import scatter_into_zeros
from tinygrad_mnist.ops.regions import repeats


def _diagonal(x: Any, *, offset: int, dim1: int, dim2: int) -> Any:
    """Elements whose indices in two dimensions differ by an offset; their dimension is last."""
    return _writable_diagonal(x, offset, dim1, dim2)


@array_function
def _writable_diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    out = np.diagonal(x, offset, dim1, dim2)
    if x.flags.writeable:
        out.flags.writeable = True  # NumPy is careful here; the memory is x's, as in any view
    return out


def diagonal_index(count: int, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of the first elements of a diagonal."""
    steps = np.arange(count)
    return steps + max(-offset, 0), steps + max(offset, 0)


def _diagonal_rule(g: Any, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Any:
    ndim = len(shape)
    pair = dim1 % ndim, dim2 % ndim
    rest = tuple(n for d, n in enumerate(shape) if d not in pair)
    to = (*rest, shape[pair[0]], shape[pair[1]])
    placed = scatter_into_zeros(g, to=to, index=(..., *diagonal_index(g.shape[-1], offset)))
    return np.moveaxis(placed, (-2, -1), pair)


diagonal = op(
    "diagonal", _diagonal, x=_diagonal_rule, view=True, formula="out[i] = x[i, i + offset]",
    torch="torch.diagonal(x, offset, dim1, dim2)",
    samples=[
        Sample((3, 3), offset=1, dim1=0, dim2=1),
        Sample((3, 4), offset=0, dim1=0, dim2=1),
        Sample((3, 2, 4), offset=1, dim1=2, dim2=0),
        Sample((2, 3), offset=-1, dim1=0, dim2=1),
    ],
)  # fmt: skip


@array_function
def _strided(x: Any, shape: Any, strides: Any, start: int = 0) -> Any:
    """Look at memory of x by steps in bytes; it's read-only, for steps may meet a byte twice."""
    # NumPy's own as_strided hides whose memory it is, and so that the result is a view of x.
    whole = x.base if isinstance(x.base, np.ndarray) else x
    whole = whole.transpose(sorted(range(whole.ndim), key=lambda d: -whole.strides[d]))
    if not whole.flags.c_contiguous:  # memory with gaps, handed in by another library
        return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    start += _address(x) - _address(whole)
    out = np.ndarray(tuple(shape), x.dtype, whole, start, tuple(strides))
    if repeats(out.shape, out.strides):
        out.flags.writeable = False
    return out


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def owner_of(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the array that another one is a view of, and where that begins in it, in bytes."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner, _address(array) - _address(owner)


def _unfold(x: Any, *, dim: int, size: int, step: int) -> Any:
    """Windows of a size, a step apart, along a dimension; what is in them is the last one."""
    shape = [*x.shape, size]
    shape[dim] = (shape[dim] - size) // step + 1
    strides = [*x.strides, x.strides[dim]]
    strides[dim] *= step
    return _strided(x, shape, strides)


def _unfold_rule(g: Any, shape: tuple[int, ...], dim: int, size: int, step: int) -> Any:
    lead = (slice(None),) * (dim % len(shape))
    total: Any = 0
    for k in range(size):
        stop = k + step * g.shape[dim % len(shape)]
        total = total + scatter_into_zeros(g[..., k], to=shape, index=(*lead, slice(k, stop, step)))
    return total


unfold = op(
    "unfold", _unfold, x=_unfold_rule, view=True, formula="out[i, k] = x[i * step + k]",
    torch="x.unfold(dim, size, step)",
    samples=[
        Sample((5,), dim=0, size=2, step=1),
        Sample((2, 6), dim=1, size=3, step=2),
        Sample((5, 2), dim=0, size=1, step=3),
        Sample((3, 3), dim=0, size=2, step=1),
    ],
)  # fmt: skip


def _as_strided(x: Any, *, to: tuple[int, ...], steps: tuple[int, ...], start: int) -> Any:
    """A read-only view by steps through the elements of x in row-major order."""
    x = x if x.flags.c_contiguous else x.copy(order="C")
    return _strided(x, to, [step * x.itemsize for step in steps], start * x.itemsize)


def _as_strided_rule(
    g: Any, shape: tuple[int, ...], to: tuple[int, ...], steps: tuple[int, ...], start: int
) -> Any:
    where = np.full(to, start)
    for axis, (n, step) in enumerate(zip(to, steps, strict=True)):
        where += np.reshape(np.arange(n) * step, [n if d == axis else 1 for d in range(len(to))])
    return np.reshape(scatter_into_zeros(g, to=(math.prod(shape),), index=(where,)), shape)


as_strided = op(
    "as_strided", _as_strided, x=_as_strided_rule, view=True,
    formula="out[i, j] = flat(x)[start + i * steps[0] + j * steps[1]]",
    torch="torch.as_strided(x, to, steps, start)",
    samples=[
        Sample((6,), to=(2, 3), steps=(1, 2), start=0),
        Sample((3, 2), to=(2, 2, 2), steps=(2, 0, 1), start=1),
        Sample((3, 3), to=(2, 2), steps=(3, 1), start=1),
    ],
)  # fmt: skip
