"""Reading and writing by index. Each reading has a writing as its derivative, and vice versa."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.ops import node_names
from tinygrad_mnist.ops.contract import Op, Point, Sample, op

MANY = 2**22
"""Up to how many elements are added one by one: a place for each takes memory."""


def is_basic(index: Any) -> bool:
    """Whether an index is basic (integers, slices, None, ...), so that nothing repeats."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or type(part) is int or isinstance(part, slice)
        for part in parts
    )


def may_repeat(index: Any) -> bool:
    """Whether an index may choose an element more than once."""
    if type(index) is int or type(index) is slice:
        return False
    parts = index if isinstance(index, tuple) else (index,)
    arrays = (np.asarray(part) if type(part) is list else part for part in parts)
    return any(isinstance(part, np.ndarray) and part.dtype != bool for part in arrays)


def _scatter_into_zeros(x: Any, *, to: tuple[int, ...], index: Any) -> Any:
    """Zeros with x added in at an index: where the index repeats, elements add up."""
    out = np.zeros(to, x.dtype, like=x)
    if not may_repeat(index):
        out[index] = x
    elif _chooses_rows(index, x, to):
        # NumPy adds single elements quickly, in the same order; rows take it five times as long.
        width = math.prod(to[1:])
        elements = index.reshape(-1, 1) * width + np.arange(width)
        np.add.at(out.reshape(-1), elements.reshape(-1), x.reshape(-1))
    else:
        np.add.at(out, index, x)
    return out


def _chooses_rows(index: Any, x: Any, to: tuple[int, ...]) -> bool:
    """Whether an index is one array of the numbers of whole rows, and there aren't too many."""
    return (
        isinstance(index, np.ndarray) and index.dtype == np.int64
        and x.shape == index.shape + tuple(to[1:]) and x.size <= MANY
    )  # fmt: skip


_INDICES: list[tuple[tuple[int, ...], Any]] = [
    ((4,), 1),
    ((4,), slice(None, None, 2)),
    ((3, 4), (slice(0, 2), None, Ellipsis, -1)),
    ((3, 4), np.array([0, 0, 1])),
    ((3, 4), (np.array([[0], [2]]), np.array([1, 1]))),
    ((2, 3, 2), (slice(None), np.array([2, 0]))),
    ((3, 2), np.array([True, False, True])),
    ((2, 2), np.array([[True, False], [True, True]])),
    ((3, 2, 2), (np.array([0, 0]), slice(None), 1)),
    ((2, 3), np.array([], dtype=np.int64)),
]


def _getitem(x: Any, *, index: Any) -> Any:
    """Elements chosen by an index, in all of NumPy's forms; a basic index gives a view."""
    out = x[index]
    if not out.ndim and out.base is None:  # a scalar; with an ellipsis NumPy gives a view
        out = x[(*index, ...) if isinstance(index, tuple) else (index, ...)]
    return out


getitem: Op = op(
    "getitem", _getitem,
    x=lambda g, shape, index: scatter_into_zeros(g, to=shape, index=index),
    formula="x[index]", torch="x[index]", view=True,
    samples=[Sample(shape, index=index) for shape, index in _INDICES],
    node_name=node_names.getitem, part=lambda index: None if may_repeat(index) else index,
)  # fmt: skip
scatter_into_zeros: Op = op(
    "scatter_into_zeros", _scatter_into_zeros, x=lambda g, index: getitem(g, index=index),
    formula="out[index] += x", torch="torch.zeros(to, dtype=x.dtype).index_put(index, x, True)",
    samples=[
        Sample((3, 2), to=(4, 2), index=(np.array([0, 3, 0]),)),
        Sample((2, 2), to=(2, 3), index=(np.array([[0], [1]]), np.array([1, 1]))),
    ],
)  # fmt: skip


def _setitem(x: Any, value: Any, *, index: Any) -> Any:
    """A copy of x in which the elements at an index are replaced by a value."""
    out = x.copy()
    out[index] = value
    return out


def _remaining(g: Any, picked: Any, index: Any) -> Any:
    """Zero the gradients of elements that were overwritten, because the index repeats."""
    writes = np.arange(math.prod(picked.shape)).reshape(picked.shape)
    last = np.zeros(g.shape, np.int64)
    last[index] = writes
    kept = last[index] == writes
    return picked if kept.all() else np.where(kept, picked, 0.0)


def _value_rule(g: Any, shape: tuple[int, ...], index: Any) -> Any:
    picked = getitem(g, index=index)
    if may_repeat(index):
        picked = _remaining(g, picked, index)
    lead = len(shape) - len(picked.shape)
    # NumPy lets a value have more leading dimensions of length 1 than the place it goes to.
    return np.reshape(picked, (1,) * lead + tuple(picked.shape)) if lead > 0 else picked


setitem: Op = op(
    "setitem", _setitem, x=lambda g, index: setitem(g, 0.0, index=index), value=_value_rule,
    formula="out = x; out[index] = value", broadcasts=True,
    torch="x.index_put(index, value)",
    samples=[
        Sample((4,), (2,), index=(np.array([0, 2]),)),
        Point((4,), (1, 1, 2), index=(np.array([0, 2]),)),
        Point((3, 3), (2, 2), index=(slice(1, None), slice(1, None))),
        Sample((3, 2), (2,), index=(np.array([1, 2]),)),
        Sample((3, 2), (), index=(np.array([[True, False], [False, True], [True, True]]),)),
    ],
    node_name=node_names.setitem,
)  # fmt: skip


def along(index: Any, dim: int, ndim: int) -> Any:
    """Return the full index that a gather or scatter along one dimension stands for."""
    if ndim == 0:
        return ()
    dim = dim % ndim
    full: list[Any] = []
    for d in range(ndim):
        if d == dim:
            full.append(index)
        else:
            full.append(np.arange(index.shape[d]).reshape((-1,) + (1,) * (ndim - d - 1)))
    return tuple(full)


def _scatter_add(x: Any, index: Any, source: Any, *, dim: int) -> Any:
    """A copy of x with the source added in along one dimension, where the index says."""
    out = x.copy()
    where = along(index, dim, x.ndim)
    np.add.at(out, where, source[tuple(slice(0, n) for n in index.shape)])
    return out


def _in_corner(picked: Any, index: Any, shape: tuple[int, ...]) -> Any:
    return scatter_into_zeros(picked, to=shape, index=tuple(slice(0, n) for n in index.shape))


_I = np.array([[0, 2, 0], [1, 0, 1]])
gather = op(
    "gather", lambda x, index, *, dim: x[along(index, dim, x.ndim)], index=None,
    x=lambda g, index, shape, dim: (
        scatter_into_zeros(g, to=shape, index=along(index, dim, len(shape)))
    ),
    doc="Elements picked along one dimension: the index says which, at each place of its own.",
    formula="out[i, j] = x[index[i, j], j]", torch="torch.gather(x, dim, index)",
    samples=[Sample((3, 3), _I, dim=0), Sample((2, 3), _I, dim=-1)],
)  # fmt: skip
scatter_add: Op = op(
    "scatter_add", _scatter_add, x=lambda g: g, index=None,
    source=lambda g, index, shape, dim: _in_corner(gather(g, index, dim=dim), index, shape),
    formula="out = x; out[index[i, j], j] += source[i, j]",
    torch="torch.scatter_add(x, dim, index, source)",
    samples=[
        Sample((3, 3), _I, (2, 3), dim=0), Sample((2, 4), _I, (2, 3), dim=1),
        Point((2, 4), _I[:, :2], (3, 3), dim=1),  # PyTorch has no derivative of a larger source
    ],
)  # fmt: skip


def _scatter(x: Any, index: Any, source: Any, *, dim: int) -> Any:
    """A copy of x with the source written along one dimension, where the index says."""
    out = x.copy()
    out[along(index, dim, x.ndim)] = source[tuple(slice(0, n) for n in index.shape)]
    return out


def _written_rule(g: Any, index: Any, shape: tuple[int, ...], dim: int) -> Any:
    picked = gather(g, index, dim=dim)
    return _in_corner(_remaining(g, picked, along(index, dim, len(g.shape))), index, shape)


scatter: Op = op(
    "scatter", _scatter, index=None, source=_written_rule,
    x=lambda g, index, dim: scatter(g, index, np.zeros(index.shape, g.dtype), dim=dim),
    formula="out = x; out[index[i, j], j] = source[i, j]",
    torch="torch.scatter(x, dim, index, source)",
    samples=[
        Sample((3, 3), _I[:, :2], (2, 2), dim=0),
        Sample((2, 4), np.array([[3, 0], [1, 2]]), (2, 2), dim=1),
        Point((2, 4), np.array([[3, 0], [1, 2]]), (3, 3), dim=1),
    ],
)  # fmt: skip
