"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.threads import product
from tinygrad_mnist.ops import misfits, node_names
from tinygrad_mnist.ops.contract import Sample, op
from tinygrad_mnist.ops.sums import sum_rows


def _matmul(x: Any, y: Any) -> Any:
    """Matrix product of the last two dimensions; a vector is a row on the left, a column right."""
    if x.dtype != y.dtype:
        raise ValueError(
            f"expected both inputs to have the same dtype, but got {x.dtype} and {y.dtype}; "
            f"convert one of them"
        )
    return product(x, y)


def _matmul_x(g: Any, y: Any, shape: tuple[int, ...]) -> Any:
    if len(y.shape) == 1:
        return np.expand_dims(g, -1) * y
    if len(shape) == 1:
        return np.squeeze(product(np.expand_dims(g, -2), np.swapaxes(y, -1, -2)), -2)
    return product(g, np.swapaxes(y, -1, -2))


def _matmul_y(g: Any, x: Any, shape: tuple[int, ...]) -> Any:
    if len(x.shape) == 1:
        return np.expand_dims(x, -1) * np.expand_dims(g, -2) if len(shape) > 1 else x * g
    if len(shape) == 1:
        return np.squeeze(product(np.swapaxes(x, -1, -2), np.expand_dims(g, -1)), -1)
    return product(np.swapaxes(x, -1, -2), g)


matmul = op(
    "matmul", _matmul, x=_matmul_x, y=_matmul_y,
    formula="out[i, k] = sum over j of x[i, j] y[j, k]", torch="torch.matmul(x, y)",
    broadcasts=True,
    samples=[
        Sample((3,), (3,)),
        Sample((2, 3), (3,)),
        Sample((3,), (3, 2)),
        Sample((3, 3), (3, 3)),
        Sample((2, 3), (3, 4)),
        Sample((2, 1), (1, 4)),
        Sample((2, 2, 3), (3,)),
        Sample((3,), (2, 3, 2)),
        Sample((2, 1, 2, 3), (2, 3, 2)),
        Sample((0, 3), (3, 2)),
    ],
    ufunc=np.matmul, node_name=node_names.matmul, misfit=misfits.matmul,
)  # fmt: skip


def _rows(x: Any) -> Any:
    """Put the matrices of a batch under each other."""
    return np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Affine map of the last dimension: x of shape (*, in), weight (out, in), bias (out,)."""
    if x.dtype != weight.dtype:
        raise ValueError(
            f"expected input and weight to have the same dtype, but got {x.dtype} and "
            f"{weight.dtype}; convert the input"
        )
    if x.ndim > 2:  # one product instead of one for each matrix of the batch
        out = product(_rows(x), weight.T).reshape(*x.shape[:-1], len(weight))
    else:
        out = product(x, weight.T)
    if bias is None:
        return out
    return np.add(out, bias, out=out) if out.shape else out + bias


def _linear_x(g: Any, weight: Any) -> Any:
    if isinstance(g, np.ndarray) and isinstance(weight, np.ndarray) and g.ndim > 1:
        return product(_rows(g), weight).reshape(*g.shape[:-1], weight.shape[1])
    return product(g, weight)


def _linear_weight(g: Any, x: Any) -> Any:
    if len(x.shape) == 1:
        return np.expand_dims(g, -1) * x
    if len(x.shape) > 2:
        g, x = _rows(g), _rows(x)
    return product(g.T, x) if isinstance(g, np.ndarray) else g.T @ x


def _linear_bias(g: Any) -> Any:
    if len(g.shape) == 1:
        return g
    rows = g if len(g.shape) == 2 else _rows(g)
    return sum_rows(rows) if isinstance(rows, np.ndarray) else np.sum(rows, axis=0)


def _linear_reference(x: Any, weight: Any, bias: Any = None) -> Any:
    out = matmul(x, np.swapaxes(weight, 0, 1))
    return out if bias is None else out + bias


linear = op(
    "linear", _linear,
    x=_linear_x,
    weight=_linear_weight,
    bias=_linear_bias,
    formula="x @ weight.T + bias", torch="F.linear(x, weight, bias)", reference=_linear_reference,
    samples=[
        Sample((3, 3), (3, 3), (3,)),
        Sample((4, 3), (2, 3), (2,)),
        Sample((4, 3), (2, 3), None),
        Sample((1, 3), (2, 3), (2,)),
        Sample((3,), (2, 3), (2,)),
        Sample((2, 2, 3), (4, 3), (4,)),
        Sample((0, 3), (2, 3), (2,)),
    ],
    node_name=node_names.linear, misfit=misfits.linear,
)  # fmt: skip
