"""Kernels: operations that are one call of a program, each as XLA computes it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from itertools import product as every
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tinygrad_mnist import ops
from tinygrad_mnist.compiler.xla import recurrent as layers
from tinygrad_mnist.compiler.xla.exchanges import LOWERED
from tinygrad_mnist.compiler.xla.functions import lowered_function
from tinygrad_mnist.compiler.xla.views import _place, _slid
from tinygrad_mnist.nn.pooling import last_of_nan
from tinygrad_mnist.nn.utils.clip import _clip_norm
from tinygrad_mnist.ops import TABLE
from tinygrad_mnist.ops.sums import sum_many_rows
from tinygrad_mnist.tensor import sorting

Array = Any

# Losses


def _rows(x: Array) -> Array:
    if x.ndim == 1:
        return x[None]
    return x if x.ndim == 2 else jnp.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def _unrows(rows: Array, like: tuple[int, ...]) -> Array:
    if len(like) <= 2:
        return rows.reshape(like)
    return jnp.moveaxis(rows.reshape(like[0], *like[2:], like[1]), -1, 1)


def _weights(target: Array, weight: Any, ignore_index: int, classes: int, dtype: Any) -> Any:
    """Return each row's class and weight: 0 where a target is ignored."""
    columns = target.reshape(-1).astype(np.int64)
    counts = columns != ignore_index
    columns = jnp.where(counts, columns, 0)
    each = jnp.ones(columns.shape, dtype) if weight is None else weight[columns]
    return columns, jnp.where(counts, each, 0)


def _reduced(picked: Array, weights: Array, shape: Any, reduction: str) -> Array:
    losses = jnp.where(weights == 0, 0, -picked * weights)
    if reduction == "none":
        return losses.reshape(shape)
    total = losses.sum()
    return total / weights.sum() if reduction == "mean" else total


def _slopes(g: Array, weights: Array, reduction: str) -> Array:
    if reduction == "mean":
        g = g / weights.sum()
    return weights * (g.reshape(-1) if reduction == "none" else g)


def _nll_loss(
    x: Array, target: Array, weight: Any = None, *, ignore_index: int, reduction: str
) -> Array:
    rows = _rows(x)
    columns, weights = _weights(target, weight, ignore_index, rows.shape[1], x.dtype)
    picked = _picked(rows, columns)
    return _reduced(picked, weights, target.shape, reduction)


def _nll_rule(
    g: Array, target: Array, weight: Any, shape: Any, ignore_index: int, reduction: str
) -> Array:
    classes = shape[1] if len(shape) > 1 else shape[0]
    columns, weights = _weights(target, weight, ignore_index, classes, g.dtype)
    slopes = _slopes(g, weights, reduction)
    rows = -slopes[:, None] * (columns[:, None] == jnp.arange(classes))
    return _unrows(rows, shape)


def _picked(rows: Array, columns: Array) -> Array:
    """Return one element of each row; XLA of JAX 0.5 can't split ``take_along_axis`` of 64 bits."""
    return rows[jnp.arange(len(columns), dtype=jnp.int32), columns.astype(jnp.int32)]


def _cross_entropy(
    x: Array, target: Array, weight: Any = None, *, ignore_index: int, reduction: str
) -> Any:
    rows = _rows(x)
    columns, weights = _weights(target, weight, ignore_index, rows.shape[1], x.dtype)
    shifted = rows - rows.max(1, keepdims=True)
    powers = jnp.exp(shifted)
    totals = powers.sum(1, keepdims=True)
    picked = _picked(shifted, columns) - jnp.log(totals[:, 0])
    out = _reduced(picked, weights, target.shape, reduction)
    return out, powers / totals, weights, columns, weights


def _cross_entropy_rule(
    g: Array, probs: Array, rows: Array, columns: Array, weights: Array, shape: Any, reduction: str
) -> Array:
    if rows.dtype.kind != "f":  # as NumPy's kernel leaves them: the numbers of those that count
        each = jnp.ones(rows.shape, probs.dtype) if weights is None else weights
        none = jnp.zeros(probs.shape[0], probs.dtype)
        columns = none.astype(columns.dtype).at[rows].set(columns)
        rows = none.at[rows].set(each)
    slopes = _slopes(g, rows, reduction)
    hit = columns[:, None] == jnp.arange(probs.shape[1])
    return _unrows((probs - hit) * slopes[:, None], shape)


# Convolution and pooling


def _conv(x: Array, weight: Array, bias: Any = None, **settings: Any) -> Array:
    out = lax.platform_dependent(
        x, weight, cpu=partial(_conv_on_cpu, **settings),
        default=partial(_conv_anywhere, **settings),
    )  # fmt: skip
    return out if bias is None else out + bias.reshape(-1, *[1] * (x.ndim - 2))


def _conv_input(y: Array, weight: Array, *, size: Any, **settings: Any) -> Array:
    like = jax.ShapeDtypeStruct((len(y), weight.shape[1] * settings["groups"], *size), y.dtype)

    def by(conv: Callable[..., Array]) -> Callable[..., Array]:
        return lambda y, weight: _transposed(lambda x: conv(x, weight, **settings), like)(y)

    return lax.platform_dependent(y, weight, cpu=by(_conv_on_cpu), default=by(_conv_anywhere))


def _conv_weight(x: Array, y: Array, *, kernel: Any, **settings: Any) -> Array:
    each = x.shape[1] // settings["groups"]
    like = jax.ShapeDtypeStruct((y.shape[1], each, *kernel), x.dtype)

    def by(conv: Callable[..., Array]) -> Callable[..., Array]:
        return lambda x, y: _transposed(lambda w: conv(x, w, **settings), like)(y)

    return lax.platform_dependent(x, y, cpu=by(_conv_on_cpu), default=by(_conv_anywhere))


def _conv_anywhere(
    x: Array, weight: Array, *, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    return lax.conv_general_dilated(
        x, weight, stride, padding, rhs_dilation=dilation, feature_group_count=groups
    )


def _conv_on_cpu(
    x: Array, weight: Array, *, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """Do without groups, at which XLA is slow on a CPU."""
    if groups > 1 and weight.shape[1] == 1:
        return _conv_of_each(x, weight, stride, padding, dilation)
    parts = [
        lax.conv_general_dilated(part, w, stride, padding, rhs_dilation=dilation)
        for part, w in zip(jnp.split(x, groups, 1), jnp.split(weight, groups), strict=True)
    ]
    return parts[0] if groups == 1 else jnp.concatenate(parts, 1)


def _conv_of_each(x: Array, weight: Array, stride: Any, padding: Any, dilation: Any) -> Array:
    """Add up, for each place in a window, the channels that are shifted there, times weights."""
    x = lax.pad(x, np.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), *[(*p, 0) for p in padding]])
    kernel, out = weight.shape[2:], jnp.zeros((), x.dtype)
    weight = weight.reshape(x.shape[1], -1, *kernel)
    for place in every(*map(range, kernel)):
        part = jnp.expand_dims(x[_place(x, place, kernel, stride, dilation)], 2)
        w = weight[(..., *place)]
        out += part * w.reshape(*w.shape, *[1] * len(kernel))
    return out.reshape(len(x), -1, *out.shape[3:])


def _transposed(linear: Callable[[Array], Array], like: Any) -> Callable[[Array], Array]:
    """Return the transposed function of a linear one; gradients that it doesn't reach are 0."""
    shape = jax.eval_shape(linear, like).shape

    def transposed(y: Array) -> Array:
        cut = tuple(map(slice, shape))
        y = y[cut]
        rest = [(0, n - m, 0) for n, m in zip(shape, y.shape, strict=True)]
        y = lax.pad(y, np.zeros((), y.dtype), rest)
        (found,) = jax.linear_transpose(linear, like)(y)
        return found

    return transposed


def _parts(x: Array, kernel: Any, stride: Any, dilation: Any) -> list[Array]:
    view = _slid(x, kernel, stride, dilation)
    return [view[(..., *place)] for place in every(*map(range, kernel))]


def _hits(parts: list[Array], out: Array) -> list[Array]:
    nan = jnp.isnan(out) if jnp.issubdtype(out.dtype, jnp.floating) else jnp.zeros(out.shape, bool)
    found, free = [], jnp.ones(out.shape, bool)
    for part in parts:
        hit = free & ~nan & (part == out)
        free &= ~hit
        found.append(hit)
    last = jnp.ones(out.shape, bool)  # of several NaNs the last
    for k in reversed(range(len(parts))):
        hit = last & nan & jnp.isnan(parts[k]) if nan is not None else last
        last &= ~hit
        found[k] |= hit
    return found


def _apart(g: Array, x: Array, kernel: Any) -> Array:
    """Return the rule where windows share no element, so that each is compared with its own.

    The places of the largest are numbers; of several the first is the least, and of several NaNs,
    whose numbers are negative, the last. Channels are last, as convolutions have them.
    """
    lead = x.ndim - len(kernel)
    g, x = jnp.moveaxis(g, lead - 1, -1), jnp.moveaxis(x, lead - 1, -1)
    window = (*[1] * (lead - 1), *kernel, 1)
    number: Any = 0
    for d, k in enumerate(window):
        number = number * k + lax.broadcasted_iota(np.int32, x.shape, d) % k
    number = jnp.where(x != x, -number, number)

    def spread(a: Array) -> Array:
        shape = [n for pair in zip(a.shape, window, strict=True) for n in pair]
        inside = [n * k for n, k in zip(a.shape, window, strict=True)]
        a = lax.broadcast_in_dim(a, shape, range(0, len(shape), 2)).reshape(inside)
        rest = [(0, n - m, 0) for n, m in zip(x.shape, inside, strict=True)]
        return lax.pad(a, np.zeros((), a.dtype), rest)

    none = np.int32(prod(kernel))
    least = np.array(-np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x.dtype)
    out = lax.reduce_window(x, least, lax.max, window, window, "VALID")
    largest = jnp.where((x == spread(out)) | (x != x), number, none)
    winner = lax.reduce_window(largest, none, lax.min, window, window, "VALID")
    return jnp.moveaxis(jnp.where(spread(winner) == number, spread(g), 0), -1, lead - 1)


def _max_pool_rule(
    g: Array, out: Array, x: Array, kernel: Any, stride: Any, dilation: Any
) -> Array:
    if stride == kernel and {*dilation} == {1}:
        return _apart(g, x, kernel)
    hits = _hits(_parts(x, kernel, stride, dilation), out)
    places = [jnp.where(hit, g, 0) for hit in hits]
    stacked = jnp.stack(places, -1).reshape(*out.shape, *kernel)
    (total,) = jax.linear_transpose(
        lambda a: _slid(a, kernel, stride, dilation), jax.ShapeDtypeStruct(x.shape, x.dtype)
    )(stacked)
    return total


def _max_pool_index(
    x: Array, *, kernel: Any, stride: Any, dilation: Any, size: Any, padding: Any
) -> Array:
    parts = _parts(x, kernel, stride, dilation)
    out = parts[0]
    for part in parts[1:]:
        out = jnp.maximum(out, part)
    winner = sum(k * hit.astype(np.int64) for k, hit in enumerate(_hits(parts, out)))
    index: Any = 0
    for d, offset in enumerate(jnp.unravel_index(winner, kernel)):
        axis = x.ndim - len(kernel) + d
        start = jnp.arange(winner.shape[axis]) * stride[d] - padding[d]
        start = start.reshape((-1,) + (1,) * (x.ndim - 1 - axis))
        index = index * size[d] + jnp.clip(start + offset * dilation[d], 0, size[d] - 1)
    return jnp.asarray(index, np.int64)


# Others


def _variance(x: Array, *, dim: Any, correction: int, keepdim: bool) -> Array:
    wide = x.astype(np.float64)
    centred = wide - wide.mean(axis=dim, keepdims=True)
    total = (centred * centred).sum(axis=dim, keepdims=keepdim)
    return total / np.maximum(x.size // max(total.size, 1) - correction, 0)


def _last_of_nan(rows: Array) -> Array:
    nan = jnp.isnan(rows)
    last = rows.shape[-1] - 1 - jnp.flip(nan, -1).argmax(-1)
    return jnp.where(nan.any(-1), last, jnp.where(nan, 0, rows).argmax(-1))


def _search_rows(rows: Array, wanted: Array, side: Any) -> Array:
    flat = rows.reshape(-1, rows.shape[-1]), wanted.reshape(-1, wanted.shape[-1])
    found = jax.vmap(lambda row, x: jnp.searchsorted(row, x, side=side))(*flat)
    return found.reshape(wanted.shape)


def _solve_triangular(a: Array, b: Array, *, upper: bool, unitriangular: bool) -> Array:
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(x, batch + x.shape[-2:]) for x in (a, b))
    return lax.linalg.triangular_solve(
        a, b, left_side=True, lower=not upper, unit_diagonal=unitriangular
    )


def _lapack(function: Any, *arguments: Array) -> Any:
    return lowered_function(function)(*arguments)


def _polygamma(x: Array, *, n: int) -> Array:
    if n == 0:
        return jax.scipy.special.digamma(x)
    return jax.scipy.special.polygamma(n, x)


def _extreme_rule(g: Array, out: Array, x: Array) -> Array:
    chosen = jnp.where(out == out, x == out, x != x)
    return jnp.where(chosen, g / chosen.sum().astype(g.dtype), 0)


def _median(x: Array) -> Array:
    row = jnp.sort(x.reshape(-1))
    return jnp.where(jnp.isnan(row[-1]), row[-1], row[(row.size - 1) // 2])


def _running_but_one(x: Array, dim: int) -> Array:
    """Return the products of all elements before each along a dimension."""
    ones = jnp.ones_like(lax.slice_in_dim(x, 0, 1, axis=dim))
    rest = lax.slice_in_dim(x, 0, x.shape[dim] - 1, axis=dim)
    return jnp.cumprod(jnp.concatenate([ones, rest], dim), dim)


def _prod_rule(g: Array, out: Array, x: Array, dim: Any, keepdim: bool) -> Array:
    if dim is None:
        flat = x.reshape(-1)
        return g.reshape(()) * _others(flat, 0).reshape(x.shape)
    return (g if keepdim else jnp.expand_dims(g, dim)) * _others(x, dim % x.ndim)


def _others(x: Array, dim: int) -> Array:
    after = jnp.flip(_running_but_one(jnp.flip(x, dim), dim), dim)
    return _running_but_one(x, dim) * after


def _cumprod_rule(g: Array, out: Array, x: Array, dim: int) -> Array:
    dim %= x.ndim
    count = x.shape[dim]
    if not count:
        return jnp.zeros_like(x)

    def cut(a: Array, start: int, stop: int) -> Array:
        return lax.slice_in_dim(a, start, stop, axis=dim)

    after = [cut(g, count - 1, count)]
    for k in reversed(range(count - 1)):
        after.append(cut(g, k, k + 1) + cut(x, k + 1, k + 2) * after[-1])
    return _running_but_one(x, dim) * jnp.concatenate(after[::-1], dim)


def _sum_many_rows(rows: Array) -> Array:
    return rows.sum(axis=0)  # of sums of a few rows each: so XLA does it by itself


def _scattered_region(x: Array, *, at: Any) -> Array:
    numbers = np.arange(prod(at.shape)).reshape(at.shape)
    _, where = regions._lay_out(numbers, at)
    whole = jnp.zeros(prod(at.shape), x.dtype)
    return whole.at[where.reshape(-1)].add(x.reshape(-1)).reshape(at.shape)


def written_last(index: Any, shape: tuple[int, ...], count: tuple[int, ...]) -> Array:
    """Say for each element which of the writes to an index was the last; -1 where there is none."""
    writes = jnp.arange(prod(count)).reshape(count)
    return jnp.full(shape, -1).at[index].max(writes)


def _written_rule(g: Array, index: Array, shape: Any, dim: int) -> Array:
    full = indexing.along(index, dim, g.ndim)
    picked = g[full]
    last = written_last(full, g.shape, picked.shape)[full]
    kept = jnp.where(last == jnp.arange(picked.size).reshape(picked.shape), picked, 0)
    corner = tuple(slice(0, n) for n in index.shape)
    return jnp.zeros(shape, g.dtype).at[corner].set(kept)


def _scatter_add(x: Array, index: Array, source: Array, *, dim: int) -> Array:
    added = source[tuple(slice(0, n) for n in index.shape)]
    return jnp.asarray(x).at[indexing.along(index, dim, x.ndim)].add(added)


def _value_rule(g: Array, shape: Any, index: Any) -> Array:
    picked = g[index]
    last = written_last(index, g.shape, picked.shape)[index]
    picked = jnp.where(last == jnp.arange(picked.size).reshape(picked.shape), picked, 0)
    return picked.reshape((1,) * (len(shape) - picked.ndim) + picked.shape)


def _module(name: str) -> Any:
    return sys.modules[f"{ops.__name__}.{name}"]


indexing, regions = _module("indexing"), _module("regions")
softmax, pooling, recurrent = _module("softmax"), _module("pooling"), _module("recurrent")
KERNELS: dict[Any, Callable[..., Any]] = {
    softmax._nll_loss: _nll_loss, softmax._nll_rule: _nll_rule,
    softmax._cross_entropy: _cross_entropy, softmax._cross_entropy_rule: _cross_entropy_rule,
    _module("convolution")._conv: _conv, _module("convolution")._conv_input: _conv_input,
    _module("convolution")._conv_weight: _conv_weight,
    pooling._max_pool_rule: _max_pool_rule, pooling._max_pool_index: _max_pool_index,
    _module("factorization")._solve_triangular: _solve_triangular,
    _module("factorization")._lapack: _lapack,
    _module("special")._polygamma: _polygamma,
    _module("scan")._extreme_rule: _extreme_rule, TABLE["median"].forward: _median,
    _module("scan")._cumprod_rule: _cumprod_rule,
    _module("reduction")._prod_rule: _prod_rule,
    indexing._scatter_add: _scatter_add,
    indexing._written_rule: _written_rule, indexing._value_rule: _value_rule,
    TABLE["var"].forward: _variance,
    TABLE["std"].forward: lambda x, **how: jnp.sqrt(_variance(x, **how)),
    last_of_nan: _last_of_nan, sorting._search_rows: _search_rows,
    regions._scatter_region_into_zeros: _scattered_region, sum_many_rows: _sum_many_rows,
    recurrent._rnn: layers.rnn, recurrent._lstm: layers.lstm, recurrent._gru: layers.gru,
}  # fmt: skip
"""By the function that is the kernel."""

BACKS = {"rnn": layers.rnn_back, "lstm": layers.lstm_back, "gru": layers.gru_back}
SHARED = {
    rule.function: (name, back)
    for op, back in BACKS.items()
    for name, rule in TABLE[op].rules.items()
}
"""Rules that are computed together: which gradient each returns of what is computed."""


def _scale(memory: Any, largest: Any, norm: Array, *, outs: Any) -> None:
    """Scale arrays whose common norm is too large."""
    factor = largest / (lax.convert_element_type(norm, np.float64) + 1e-6)
    for x in outs:
        g = memory.read(x)
        memory.write(x, jnp.where(factor >= 1, g, g * factor.astype(g.dtype)))


WRITERS: dict[Any, Callable[..., None]] = {inspect.unwrap(_clip_norm): _scale, **LOWERED}
"""Kernels that write to several arrays: they are given the memory."""

OUTSIDE: dict[Any, Callable[..., Any]] = {
    softmax._cross_entropy: lambda out, probs, rows, columns, weights: (
        out,
        probs,
        jnp.arange(len(probs)),
        columns,
        weights,
    )
}
"""What a kernel leaves for its rules as NumPy's kernel leaves it, where a rule may be NumPy's."""
