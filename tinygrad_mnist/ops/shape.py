"""Operations that move elements without changing them: copies, casts, shapes, joins."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops import dtypes, misfits, node_names
from tinygrad_mnist.ops.contract import Sample, Shapes, op

identity = op(
    "identity", lambda x: x, x=lambda g: g, doc="The input itself.", formula="x",
    torch="x.view_as(x)", view=True, samples=[Sample((3,)), Sample((3, 3)), Sample(())],
    node_name="AliasBackward0",
)  # fmt: skip
clone = op(
    "clone", lambda x: x.copy(order="K"), x=lambda g: g, elementwise=True,
    doc="A copy with a buffer of its own.", formula="x", torch="torch.clone(x)",
    samples=[Sample((3,)), Sample((3, 3)), Sample(())],
)  # fmt: skip
cast = op(
    "cast", lambda x, *, dtype: dtypes.convert(x, dtype), x=lambda g: g,
    doc="The same numbers in another dtype; a float becomes an integer by truncation.",
    formula="x", torch="x.to(torch.float64)", narrow="", elementwise=True,
    samples=[Sample((3, 3), dtype=np.dtype("float64")), Sample((), dtype=np.dtype("float64"))],
    node_name="ToCopyBackward0",
)  # fmt: skip


reshape = op(
    "reshape", lambda x, *, to: np.reshape(x, to), x=lambda g, shape: np.reshape(g, shape),
    doc="The same elements in another shape; a view where the memory order allows it.",
    formula="x", torch="torch.reshape(x, to)", view=True,
    samples=[
        Sample((2, 3), to=(3, 2)), Sample((2, 2), to=(4,)), Sample((4,), to=(2, -1)),
        Sample((), to=(1, 1)),
    ],
    node_name=node_names.reshape, misfit=misfits.reshape,
)  # fmt: skip
transpose = op(
    "transpose", lambda x, *, dim0, dim1: np.swapaxes(x, dim0, dim1),
    x=lambda g, dim0, dim1: np.swapaxes(g, dim0, dim1),
    doc="A view with two dimensions exchanged.", formula="out[..., i, j] = x[..., j, i]",
    torch="torch.transpose(x, dim0, dim1)", view=True,
    samples=[
        Sample((2, 3), dim0=0, dim1=1), Sample((2, 3, 3), dim0=0, dim1=1),
        Sample((2, 3, 2), dim0=-1, dim1=0),
    ],
)  # fmt: skip


def _permute_back(g: Any, dims: tuple[int, ...]) -> Any:
    inverse = [0] * len(dims)
    for to, source in enumerate(dims):
        inverse[source] = to
    return np.transpose(g, inverse)


permute = op(
    "permute", lambda x, *, dims: np.transpose(x, dims), x=_permute_back,
    doc="A view with its dimensions in another order.", formula="out.shape[i] = x.shape[dims[i]]",
    torch="torch.permute(x, dims)", view=True,
    samples=[Sample((2, 3, 4), dims=(2, 0, 1)), Sample((2, 3), dims=(-1, 0)),
        Sample((2, 3, 3), dims=(1, 0, 2))],
)  # fmt: skip


def _unexpand(g: Any, shape: tuple[int, ...]) -> Any:
    lead = len(g.shape) - len(shape)
    dims = (*range(lead), *(lead + i for i, n in enumerate(shape) if n != g.shape[lead + i]))
    return np.reshape(np.sum(g, axis=dims, keepdims=True), shape)


expand = op(
    "expand", lambda x, *, to: np.broadcast_to(x, to), x=_unexpand,
    doc="A view with dimensions of length 1 repeated, or new ones in front.",
    formula="out[i, j] = x[0, j]", torch="x.expand(to)", view=True,
    samples=[Sample((1, 3), to=(2, 3)), Sample((3,), to=(2, 2, 3)), Sample((2, 2), to=(2, 2, 2)),
        Sample((2, 1, 3), to=(2, 2, 2, 3)), Sample((), to=(2,))],
)  # fmt: skip


def _part(g: Any, position: int, shapes: Shapes, dim: int) -> Any:
    start = shapes.start(position, dim)
    index: list[Any] = [slice(None)] * len(g.shape)
    index[dim] = slice(start, start + shapes[position][dim])
    return g[tuple(index)]


cat = op(
    "cat", lambda *tensors, dim: np.concatenate(tensors, axis=dim),
    tensors=_part,
    doc="Arrays joined along a dimension.", formula="out = [x, y, ...]",
    torch="torch.cat(tensors, dim)", promotes="common",
    samples=[
        Sample((2,), (3,), dim=0),
        Sample((2, 1), (2, 3), (2, 2), dim=-1),
        Sample((0, 2), (1, 2), dim=0),
    ],
)  # fmt: skip
stack = op(
    "stack", lambda *tensors, dim: np.stack(tensors, axis=dim),
    tensors=lambda g, position, dim: np.take(g, position, axis=dim),
    doc="Arrays of one shape joined along a new dimension.", formula="out[i] = tensors[i]",
    torch="torch.stack(tensors, dim)", promotes="common",
    samples=[Sample((2,), (2,), dim=0), Sample((2, 2), (2, 2), (2, 2), dim=-1)],
)  # fmt: skip
contiguous = op(
    "contiguous", lambda x: x.copy(order="C"), x=lambda g: g,
    doc="A copy whose elements lie in row-major order.", formula="x", torch="x.contiguous()",
    samples=[Sample((3, 3))], node_name="CloneBackward0",
)  # fmt: skip
