"""Reductions along dimensions, and running sums.

``dim`` is None for all dimensions, a number, or a tuple of numbers.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from tinygrad_mnist.ops import node_names
from tinygrad_mnist.ops.contract import Domain, Op, Point, Sample, op
from tinygrad_mnist.ops.sums import SMALL, add_up

Dim = int | tuple[int, ...] | None
Keep: TypeAlias = Any  # True or False: NumPy's annotations want one of them, not a bool

SAMPLES = [
    Sample((3,), dim=None, keepdim=False),
    Sample((3, 3), dim=-1, keepdim=False),
    Sample((2, 3, 2), dim=(0, -1), keepdim=False),
    Sample((2, 3), dim=0, keepdim=True),
    Sample((), dim=None, keepdim=False),
]
ONE_DIM = [
    Sample((3,), dim=0, keepdim=False),
    Sample((3, 3), dim=-1, keepdim=True),
    Sample((2, 3, 2), dim=1, keepdim=False),
]


def keep_dims(g: Any, like: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    """Give a reduced array its dimensions back, with length 1, so that it broadcasts."""
    if keepdim or g.shape == like:
        return g
    if dim is None:
        return np.reshape(g, (1,) * len(like))
    return np.expand_dims(g, dim)


def reduced_count(like: tuple[int, ...], dim: Dim) -> int:
    """Return how many elements are reduced to one."""
    dims = range(len(like)) if dim is None else (dim,) if isinstance(dim, int) else dim
    product = 1
    for d in dims:
        product *= like[d]
    return product


def broadcast_back(g: Any, like: tuple[int, ...], dim: Dim, keepdim: bool) -> Any:
    """Broadcast a reduced array back to the shape it was reduced from."""
    return np.broadcast_to(keep_dims(g, like, dim, keepdim), like)


def _sum(x: Any, *, dim: Dim, keepdim: Keep) -> Any:
    """Sum of the elements; of integers as int64."""
    if x.dtype.kind == "f":
        return add_up(x, dim, keepdim)
    return np.sum(x, axis=dim, keepdims=keepdim, dtype=np.int64)


sum = op(
    "sum", _sum, x=lambda g, shape, dim, keepdim: broadcast_back(g, shape, dim, keepdim),
    formula="sum of x", torch="torch.sum(x, dim, keepdim)", samples=SAMPLES,
    node_name=node_names.by_dim("SumBackward0", "SumBackward1"),
)  # fmt: skip


def _mean(x: Any, *, dim: Dim, keepdim: bool) -> Any:
    """Mean of the elements."""
    return add_up(x, dim, keepdim) / np.array(reduced_count(x.shape, dim), x.dtype)


mean = op(
    "mean", _mean,
    x=lambda g, shape, dim, keepdim: (
        broadcast_back(g / reduced_count(shape, dim), shape, dim, keepdim)
    ),
    formula="sum of x / n", torch="torch.mean(x, dim, keepdim)", samples=SAMPLES,
    node_name=node_names.by_dim("MeanBackward0", "MeanBackward1"),
)  # fmt: skip


def _squares(x: Any, dim: Dim, correction: int, keepdim: bool) -> Any:
    """Return the variance in float64; of many numbers in float32, if that holds their squares."""
    single = x.dtype.char == "f" and x.size > SMALL
    centred = _centred(x if single else x.astype(np.float64, copy=False), dim)
    total = add_up(centred * centred, dim, keepdim)
    if single:
        # The mean is rounded: what is left of one among the centred numbers is no variance.
        rest = add_up(centred, dim, keepdim)
        total -= rest * rest / np.float32(reduced_count(x.shape, dim))
        if not np.all((total > 1e-25) & (total < np.inf)):
            return _squares(x.astype(np.float64), dim, correction, keepdim)
    return _scaled(total, x.shape, dim, correction)


def _centred(x: Any, dim: Dim) -> Any:
    return x - _mean(x, dim=dim, keepdim=True)


def _scaled(total: Any, like: tuple[int, ...], dim: Dim, correction: int) -> Any:
    """Divide by the degrees of freedom; where there are none the result is NaN or infinite."""
    return total / np.array(max(reduced_count(like, dim) - correction, 0), total.dtype)


def _var_rule(g: Any, x: Any, dim: Dim, correction: int, keepdim: bool) -> Any:
    slope = keep_dims(g, x.shape, dim, keepdim) * _centred(x, dim) * 2
    return _scaled(slope, x.shape, dim, correction)


def _std_rule(g: Any, out: Any, x: Any, dim: Dim, correction: int, keepdim: bool) -> Any:
    half = np.where(out == 0, 0, g / np.where(out == 0, 1, out * 2))
    return _var_rule(half, x, dim, correction, keepdim)


_SPREAD = [
    Sample((4,), dim=None, correction=1, keepdim=False),
    Sample((3, 3), dim=-1, correction=0, keepdim=True),
    Sample((2, 3, 2), dim=(0, 2), correction=1, keepdim=False),
]
var = op(
    "var",
    lambda x, *, dim, correction, keepdim: _squares(x, dim, correction, keepdim).astype(x.dtype),
    doc="Variance of the elements: n - correction is what the sum of squares is divided by.",
    x=_var_rule, formula="sum of (x - mean(x))**2 / (n - correction)",
    torch="torch.var(x, dim, correction=correction, keepdim=keepdim)", samples=_SPREAD,
)  # fmt: skip
std = op(
    "std",
    lambda x, *, dim, correction, keepdim: (
        np.sqrt(_squares(x, dim, correction, keepdim)).astype(x.dtype)
    ),
    doc="Standard deviation of the elements; where it is 0 so is its gradient.",
    x=_std_rule, formula="sqrt(var(x))",
    torch="torch.std(x, dim, correction=correction, keepdim=keepdim)", samples=_SPREAD,
    domains=Domain(distinct=True),
)  # fmt: skip


def _norm_rule(g: Any, out: Any, x: Any, dim: Dim, keepdim: bool) -> Any:
    scale = np.where(out == 0, 0, g / np.where(out == 0, 1, out))
    return keep_dims(scale, x.shape, dim, keepdim) * x


norm = op(
    "norm", lambda x, *, dim, keepdim: np.sqrt(add_up(x * x, dim, keepdim)), x=_norm_rule,
    doc="Euclidean norm; at 0, where it has a kink, its gradient is 0.",
    formula="sqrt(sum of x**2)",
    torch="torch.linalg.vector_norm(x, 2, dim, keepdim)", samples=SAMPLES,
    domains=Domain(0.2, 2.0, kinks=(0.0,)), node_name="LinalgVectorNormBackward0",
)  # fmt: skip


def _prod_rule(g: Any, out: Any, x: Any, dim: int | None, keepdim: bool) -> Any:
    zeros = np.count_nonzero(x == 0)
    if not zeros:
        return keep_dims(g, x.shape, dim, keepdim) * (keep_dims(out, x.shape, dim, keepdim) / x)
    if dim is None:
        return np.zeros_like(x) if zeros > 1 else g * np.where(x == 0, np.prod(x[x != 0]), 0)
    # The product of all the others, from both ends, since dividing by x fails where x is 0.
    ones = np.ones_like(np.take(x, [0], axis=dim))
    before = np.cumprod(np.concatenate([ones, np.delete(x, -1, axis=dim)], axis=dim), axis=dim)
    flipped = np.flip(x, dim)
    after = np.cumprod(np.concatenate([ones, np.delete(flipped, -1, axis=dim)], axis=dim), axis=dim)
    return keep_dims(g, x.shape, dim, keepdim) * (before * np.flip(after, dim))


def _prod_reference(x: Any, *, dim: int | None, keepdim: Keep) -> Any:
    if dim is None:
        x, dim = np.reshape(x, (-1,)), 0
    if not x.shape[dim]:
        return np.sum(x, axis=dim, keepdims=keepdim) + 1
    index: list[Any] = [slice(None)] * len(x.shape)
    product: Any = 1
    for i in range(x.shape[dim]):
        index[dim] = slice(i, i + 1)
        product = product * x[tuple(index)]
    return product if keepdim else np.squeeze(product, dim)


prod = op(
    "prod",
    lambda x, *, dim, keepdim: np.prod(
        x, axis=dim, keepdims=keepdim, dtype=None if x.dtype.kind == "f" else np.int64
    ),
    doc="Product of the elements along one dimension, or of all.",
    x=_prod_rule, formula="product of x",
    torch="torch.prod(x, dim, keepdim)", 
    samples=[
        *ONE_DIM,
        Point([0.0, 2.0, 3.0], dim=None, keepdim=False),
        Point([0.0, 0.0, 3.0], dim=None, keepdim=False),
        Point([[0.0, 2.0, 3.0], [0.5, 2.0, 3.0]], dim=1, keepdim=False),
        Point([[0.0, 2.0, 3.0], [0.5, 2.0, 3.0]], dim=0, keepdim=True),
    ],
    reference=_prod_reference, once_differentiable=True,
    domains=Domain(-2.0, 2.0, kinks=(0.0,)),
)  # fmt: skip


def extreme_rule(g: Any, out: Any, x: Any, dim: Dim, keepdim: bool) -> Any:
    """Share the gradient among the elements that are equal to the one that was chosen."""
    chosen = x == keep_dims(out, x.shape, dim, keepdim)
    share = np.where(chosen, np.ones_like(x), 0)
    return keep_dims(g, x.shape, dim, keepdim) * share / np.sum(share, axis=dim, keepdims=True)


def _extreme(name: str, forward: Any, which: str) -> Op:
    """Declare the largest or smallest element, of all or along dimensions."""
    return op(
        name, lambda x, *, dim, keepdim: forward(x, axis=dim, keepdims=keepdim),
        doc=f"{which.title()} element; where several are {which} they share the gradient.",
        x=extreme_rule, formula=f"{name[1:]} of x",
        samples=[*SAMPLES, Point([[1.0, 0.5], [1.0, 0.5]], dim=0, keepdim=False)],
        domains=Domain(distinct=True),
        torch=f"torch.{name}(x, () if dim is None else dim, keepdim)",
        node_name=node_names.by_dim(f"{name[1:].title()}Backward1", f"{name.title()}Backward0"),
    )  # fmt: skip


amax = _extreme("amax", np.max, "largest")
amin = _extreme("amin", np.min, "smallest")


def _logsumexp(x: Any, *, dim: Dim, keepdim: bool) -> Any:
    """Logarithm of the sum of exponentials, shifted by the largest so that nothing overflows."""
    largest = np.max(x, axis=dim, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)
    out = np.log(np.sum(np.exp(x - shift), axis=dim, keepdims=True)) + shift
    return out if keepdim else np.squeeze(out, axis=tuple(range(x.ndim)) if dim is None else dim)


logsumexp = op(
    "logsumexp", _logsumexp,
    x=lambda g, out, x, dim, keepdim: (
        keep_dims(g, x.shape, dim, keepdim) * np.exp(x - keep_dims(out, x.shape, dim, keepdim))
    ),
    promotes="float", formula="log(sum of exp(x))", samples=SAMPLES,
    torch="torch.logsumexp(x, tuple(range(x.dim())) if dim is None else dim, keepdim)",
)  # fmt: skip
cumsum = op(
    "cumsum",
    lambda x, *, dim: np.cumsum(x, axis=dim, dtype=None if x.dtype.kind == "f" else np.int64),
    x=lambda g, dim: np.flip(np.cumsum(np.flip(g, dim), axis=dim), dim),
    doc="Running sum along a dimension.", formula="out[i] = x[0] + ... + x[i]",
    torch="torch.cumsum(x, dim)", narrow="ef",
    samples=[Sample((4,), dim=0), Sample((3, 3), dim=-1), Sample((0,), dim=0)],
)  # fmt: skip
