"""NumPy's functions on Tensors that no derivative rule calls; imported when one is called.

Many of them only move elements: ``np.repeat``, ``np.pad``, ``np.vstack``. NumPy itself says where
each element goes: it is called with the elements' numbers in their place, and what it returns is
the index with which the elements are picked. So every argument of theirs means what it means to
NumPy, and one rule, that of indexing, differentiates them all. The others are composed of Tensor
methods.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.inplace import check_writable, rebase_history
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import factorization, joining, rare
from tinygrad_mnist.tensor.comparison import fmax, fmin
from tinygrad_mnist.tensor.einsum import einsum, tensordot
from tinygrad_mnist.tensor.numpy_protocols import (
    FUNCTIONS,
    QUESTIONS,
    UFUNCS,
    as_variable,
    implement_all,
    implements,
    running,
    values_of,
    views,
)
from tinygrad_mnist.tensor.products import kron, matmul
from tinygrad_mnist.tensor.rearrangement import diagonal

# What moves elements, without a look at them


def _moved(*names: str) -> Callable[..., Any]:
    """Make a differentiable function of one of NumPy's that moves elements of some arguments."""

    def make(function: Any) -> Callable[..., Any]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            name = f"np.{function.__name__}"
            for argument in ("out", "dtype"):  # these have no meaning where a gradient is recorded
                if bound.arguments.pop(argument, None) is not None:
                    raise TypeError(
                        f"{name}: {argument}= isn't taken with Tensors; convert what it returns"
                    )
            pieces: list[Any] = [np.zeros(1)]  # number 0 is what NumPy fills gaps with

            def numbered(x: Any) -> Any:
                if isinstance(x, list | tuple):
                    return type(x)(map(numbered, x))
                weak = isinstance(x, int | float) and len(pieces) > 1
                piece = as_variable(np.asarray(x, pieces[1]._array.dtype) if weak else x)
                start = sum(p.size if isinstance(p, np.ndarray) else p._array.size for p in pieces)
                pieces.append(piece.reshape(-1))
                return np.arange(start, start + piece._array.size).reshape(piece._array.shape)

            def moved(argument: str, x: Any) -> Any:
                return numbered(x) if argument in names and x is not None else values_of(name, x)

            for argument, x in bound.arguments.items():
                if signature.parameters[argument].kind is inspect.Parameter.VAR_KEYWORD:
                    bound.arguments[argument] = {key: moved(key, value) for key, value in x.items()}
                else:
                    bound.arguments[argument] = moved(argument, x)
            where = function(*bound.args, **bound.kwargs)
            pieces[0] = np.zeros(1, dtypes.result_type(*(p._array for p in pieces[1:])))
            flat = apply(ops.cat, *pieces, dim=0)
            if isinstance(where, list | tuple):
                return type(where)(flat[index] for index in where)
            return flat[np.asarray(where)]

        return call

    return make


for _function, _names in {
    np.repeat: "a", np.tile: "A", np.diag: "v", np.diagflat: "v", np.resize: "a",
    np.block: "arrays",
    np.vstack: "tup", np.hstack: "tup", np.dstack: "tup", np.column_stack: "tup",
    np.append: "arr values", np.insert: "arr values", np.delete: "arr", np.compress: "a",
    np.extract: "arr", np.choose: "choices", np.select: "choicelist default",
    np.take_along_axis: "arr", np.meshgrid: "xi", np.fft.fftshift: "x", np.fft.ifftshift: "x",
}.items():  # fmt: skip
    FUNCTIONS[_function] = _moved(*_names.split())(_function)


_pad_by_position = _moved("array", "constant_values")(np.pad)


@implements(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap", "empty"):
        raise TypeError(
            f"np.pad: mode {mode!r} isn't taken with Tensors; use 'constant', 'edge', "
            f"'reflect', 'symmetric' or 'wrap'"
        )
    if kwargs.get("reflect_type", "even") != "even":
        raise TypeError("np.pad: reflect_type='odd' isn't taken with Tensors; use 'even'")
    return _pad_by_position(array, pad_width, mode, **kwargs)


# Views: what NumPy and PyTorch return on the same memory


@views(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    sections = values_of("np.array_split", indices_or_sections)
    sections = int(sections) if np.ndim(sections) == 0 else [int(i) for i in sections]
    return list(ary.tensor_split(sections, axis))


@views(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % indices_or_sections:
        raise ValueError(
            f"np.split: dimension {axis} of length {ary.shape[axis]} can't be split into "
            f"{indices_or_sections} equal parts; use np.array_split"
        )
    return _array_split(ary, indices_or_sections, axis)


@views(np.rollaxis)
def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis, start = axis % a.ndim, start + a.ndim if start < 0 else start
    return a.movedim(axis, start - 1 if axis < start else start)


@implements(np.full_like)
def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    array = values_of("np.full_like", a) if not isinstance(a, TensorBase) else a._array
    to = array.shape if shape is None else shape
    kind = array.dtype if dtype is None else np.dtype(dtype)
    return as_variable(fill_value).to(dtypes.of(kind)).expand(to).clone()


implement_all({
    np.atleast_1d: lambda *arys: joining.atleast_1d(*map(as_variable, arys)),
    np.atleast_2d: lambda *arys: joining.atleast_2d(*map(as_variable, arys)),
    np.atleast_3d: lambda *arys: joining.atleast_3d(*map(as_variable, arys)),
    np.broadcast_arrays: lambda *args: joining.broadcast_tensors(*map(as_variable, args)),
    np.hsplit: lambda ary, indices_or_sections: _split(
        ary, indices_or_sections, 1 if ary.ndim > 1 else 0),
    np.vsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 0),
    np.dsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 2),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonal(a, offset, axis1, axis2),
    np.linalg.diagonal: lambda x, /, *, offset=0: diagonal(x, offset, -2, -1),
    np.matrix_transpose: lambda x, /: x.mT,
    np.linalg.matrix_transpose: lambda x, /: x.mT,
    np.flipud: lambda m: m.flip(0),
    np.fliplr: lambda m: m.flip(1),
    np.rot90: lambda m, k=1, axes=(0, 1): m.rot90(k, axes),
    np.real: lambda val: apply(ops.identity, val),
    np.real_if_close: lambda a, tol=100: apply(ops.identity, a),
    getattr(np, "unstack", None): lambda x, /, *, axis=0: tuple(
        x.select(axis, i) for i in range(x.shape[axis])),
}, views)  # fmt: skip
implement_all({
    np.imag: lambda val: val * 0,
    np.empty_like: lambda prototype, dtype=None: wrap(np.empty_like(prototype._array, dtype)),
    getattr(np, "astype", None): lambda x, dtype, /, *, copy=True, device=None: x.to(
        dtypes.of(np.dtype(dtype)), copy=copy),
})  # fmt: skip


# Order


def _along(a: Any, axis: int | None) -> tuple[Any, int]:
    return (a.reshape(-1), 0) if axis is None else (a, axis % max(a.ndim, 1))


@implements(np.sort)
def _sort(
    a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    x, d = _along(a, axis)
    return x.sort(d).values


@implements(np.partition)
def _partition(
    a: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None
) -> Any:
    x, d = _along(a, axis)
    where = np.argpartition(x._array, kth, d, kind)
    return x.gather(d, wrap(np.ascontiguousarray(where)))


@implements(np.unique)
def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    **kwargs: Any,
) -> Any:
    if axis is not None:
        raise TypeError("np.unique: axis= isn't taken with Tensors that require grad")
    _, index, inverse, counts = np.unique(ar._array, True, True, True, **kwargs)
    out = ar.reshape(-1)[index]
    wanted = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    also = tuple(x for flag, x in wanted if flag)
    return (out, *also) if also else out


def _merged(a: Any, axis: Any) -> tuple[Any, Any, list[int]]:
    """Return a tensor with the axes that are reduced as its last, its shape after, and before."""
    dims = range(a.ndim) if axis is None else (axis,) if np.ndim(axis) == 0 else axis
    dims = sorted(operator.index(d) % max(a.ndim, 1) for d in dims)
    kept = [d for d in range(a.ndim) if d not in dims]
    shape = [a.shape[d] for d in kept]
    apart = [1 if d in dims else n for d, n in enumerate(a.shape)]
    return a.permute([*kept, *dims]).reshape((*shape, -1)), shape, apart


def _quantile(name: str, a: Any, q: Any, axis: Any, method: str, keepdims: bool) -> Any:
    """Mix neighbours in order; where, NumPy says of the numbers 0, 1, 2, ..."""
    shares = np.asarray(values_of(name, q), np.float64)
    rows, shape, apart = _merged(a, axis)
    how: Any = method  # NumPy's stub lists the names
    rank = np.asarray(np.quantile(np.arange(rows.shape[-1], dtype=np.float64), shares, method=how))
    low, high = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
    rows = _sort(rows)
    below, above = rows[..., low.reshape(-1)], rows[..., high.reshape(-1)]
    weight = wrap(np.asarray((rank - low).reshape(-1), a._array.dtype))
    out = below + (above - below) * weight
    broken = np.isnan(rows._array[..., -1:])
    if broken.any():
        out = out.masked_fill(wrap(np.broadcast_to(broken, out.shape)), math.nan)
    return out.movedim(-1, 0).reshape((*shares.shape, *(apart if keepdims else shape)))


def _nanquantile(name: str, a: Any, q: Any, axis: Any, method: str, keepdims: bool) -> Any:
    shares = np.asarray(values_of(name, q), a._array.dtype)
    rows, shape, apart = _merged(a, axis)
    out = rows.nanquantile(wrap(shares.reshape(-1)), -1, interpolation=method)
    return out.reshape((*shares.shape, *(apart if keepdims else shape)))


def _shares(rule: Callable[..., Any], function: Any, whole: int) -> Callable[..., Any]:
    """Make a function of shares of a whole: 1, or 100 percent."""
    name = f"np.{function.__name__}"

    def call(
        a: Any,
        q: Any,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
    ) -> Any:
        shares = q if whole == 1 else np.true_divide(values_of(name, q), whole)
        return rule(name, a, shares, axis, method, keepdims)

    return call


def _middle(quantile: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, axis=None, out=None, overwrite_input=False, keepdims=False: quantile(
        a, 0.5, axis, keepdims=keepdims
    )


for _rule, _of_one, _of_hundred, _median in (
    (_quantile, np.quantile, np.percentile, np.median),
    (_nanquantile, np.nanquantile, np.nanpercentile, np.nanmedian),
):
    implements(_of_one)(_shares(_rule, _of_one, 1))
    implements(_of_hundred)(_shares(_rule, _of_hundred, 100))
    implements(_median)(_middle(FUNCTIONS[_of_one]))


# Sums and products, without NaN or in a row


def _without_nan(a: Any, fill: float) -> tuple[Any, Any]:
    """Return a tensor with another number in the place of NaN, and where there was none."""
    nan = np.isnan(a._array)
    return (a.masked_fill(wrap(nan), fill) if nan.any() else a), ~nan


def _skipping(function: Any, fill: float) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, **kwargs: Any) -> Any:
        filled, there = _without_nan(a, fill)
        out = FUNCTIONS[function](filled, axis, **kwargs)
        if math.isinf(fill):  # of NaN alone the largest is NaN
            empty = ~np.any(there, axis, keepdims=kwargs.get("keepdims", False))
            out = out.masked_fill(wrap(np.asarray(empty)), math.nan) if empty.any() else out
        return out

    return call


for _function, _kin, _fill in (
    (np.nansum, np.sum, 0.0), (np.nanprod, np.prod, 1.0), (np.nanmax, np.max, -math.inf),
    (np.nanmin, np.min, math.inf), (np.nancumsum, np.cumsum, 0.0), (np.nancumprod, np.cumprod, 1.0),
):  # fmt: skip
    FUNCTIONS[_function] = _skipping(_kin, _fill)


implement_all({
    np.nanvar: lambda a, axis=None, *, ddof=0, keepdims=False: np.var(
        a, axis, ddof=ddof, keepdims=keepdims, where=~np.isnan(a._array)),
    np.nanstd: lambda a, axis=None, *, ddof=0, keepdims=False: np.std(
        a, axis, ddof=ddof, keepdims=keepdims, where=~np.isnan(a._array)),
    np.cumprod: running("cumprod"),
    np.ptp: lambda a, axis=None, out=None, keepdims=False: np.max(
        a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims),
})  # fmt: skip


def _cumulative(method: str, first: float) -> Callable[..., Any]:
    def call(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
        if axis is None and x.ndim > 1:
            raise ValueError("np.cumulative: name an axis of a tensor of several dimensions")
        out = getattr(x, method)(axis or 0)
        if not include_initial:
            return out
        shape = [1 if d == (axis or 0) % x.ndim else n for d, n in enumerate(x.shape)]
        return apply(ops.cat, np.full(shape, first, x._array.dtype), out, dim=axis or 0)

    return call


implements(getattr(np, "cumulative_sum", None))(_cumulative("cumsum", 0.0))
implements(getattr(np, "cumulative_prod", None))(_cumulative("cumprod", 1.0))


@implements(np.average)
def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    x = as_variable(a)
    w = as_variable(np.ones(x.shape, x._array.dtype) if weights is None else weights)
    if w.ndim != x.ndim:
        w = w.reshape([-1 if d == axis % x.ndim else 1 for d in range(x.ndim)])
    w = w.expand(x.shape)
    total = np.sum(w, axis=axis, keepdims=keepdims)
    mean = np.sum(x * w, axis=axis, keepdims=keepdims) / total
    return (mean, total) if returned else mean


def _variables(m: Any, y: Any, rowvar: bool) -> Any:
    """Return the rows that stand for variables."""
    given = [as_variable(x) for x in (m, y) if x is not None]
    rows = [x.reshape(1, -1) if x.ndim < 2 else x if rowvar else x.mT for x in given]
    return apply(ops.cat, *rows, dim=0)


@implements(np.cov)
def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    correction = (0 if bias else 1) if ddof is None else ddof
    weights = [None if w is None else as_variable(w) for w in (fweights, aweights)]
    x = _variables(m, y, rowvar)
    return x.cov(correction=correction, fweights=weights[0], aweights=weights[1])


@implements(np.corrcoef)
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    return _variables(x, y, rowvar).corrcoef()


# Differences


@implements(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    def given(x: Any) -> Any:
        if x is None or isinstance(x, type(np._NoValue)):
            return None
        x = as_variable(x)
        if x.ndim:
            return x
        return x.expand([1 if d == axis % a.ndim else m for d, m in enumerate(a.shape)])

    x = as_variable(a)
    return x.diff(n, axis, prepend=given(prepend), append=given(append))


@implements(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    given = [None if x is None else as_variable(x).reshape(-1) for x in (to_begin, to_end)]
    parts = [given[0], as_variable(ary).reshape(-1).diff(), given[1]]
    return apply(ops.cat, *(x for x in parts if x is not None), dim=0)


@implements(np.gradient)
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    x = as_variable(f)
    axes = range(x.ndim) if axis is None else (axis,) if np.ndim(axis) == 0 else axis
    axes = [operator.index(d) % x.ndim for d in axes]
    steps = varargs or (1.0,)
    steps = steps * len(axes) if len(steps) == 1 and np.ndim(steps[0]) == 0 else steps
    if len(steps) != len(axes):
        raise TypeError(f"np.gradient: {len(steps)} spacings were given for {len(axes)} axes")
    slopes = [
        _slope(x.movedim(d, -1), values_of("np.gradient", h), edge_order).movedim(-1, d)
        for d, h in zip(axes, steps, strict=True)
    ]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(x: Any, spacing: Any, edge_order: int) -> Any:
    """Return the slope along the last axis: of a parabola through each element's neighbours."""
    n = x.shape[-1]
    if n < edge_order + 1:
        raise ValueError(f"np.gradient: a dimension of length {n} is too short")
    h = np.diff(spacing) if np.ndim(spacing) else np.full(n - 1, float(spacing))
    h = h.astype(x._array.dtype)
    if len(h) != n - 1:
        raise ValueError(f"np.gradient: there must be {n} coordinates, got {len(h) + 1}")
    slopes = (x[..., 1:] - x[..., :-1]) / h
    share = h[1:] / (h[:-1] + h[1:])
    inside = slopes[..., :-1] * share + slopes[..., 1:] * (1 - share)
    first, last = slopes[..., :1], slopes[..., -1:]
    if edge_order == 2:
        first = first + (first - slopes[..., 1:2]) * (h[0] / (h[0] + h[1]))
        last = last + (last - slopes[..., -2:-1]) * (h[-1] / (h[-1] + h[-2]))
    return apply(ops.cat, first, inside, last, dim=x.ndim - 1)


@implements(getattr(np, "trapezoid", None), getattr(np, "trapz", None))
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    if x is not None:
        x, dx = as_variable(x), None
    return rare.trapezoid(as_variable(y), x, dx=dx, dim=axis)


@implements(np.interp)
def _interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    if period is not None:
        raise TypeError("np.interp: period= isn't taken with Tensors")
    x, knots, heights = as_variable(x), values_of("np.interp", xp), as_variable(fp)
    knots = np.asarray(knots, np.float64)
    i = np.clip(np.searchsorted(knots, x._array, "right") - 1, 0, max(len(knots) - 2, 0))
    share = (x - knots[i]) / (knots[i + 1] - knots[i])
    out = heights[i] + (heights[i + 1] - heights[i]) * share
    for outside, end, value in ((x._array < knots[0], 0, left), (x._array > knots[-1], -1, right)):
        if outside.any():
            out = apply(ops.where, outside, heights[end] if value is None else value, out)
    return out


# Products


def _pair(*xs: Any) -> list[Any]:
    """Return operands as tensors of one floating dtype."""
    found = [as_variable(x) for x in xs]
    kind = dtypes.of(dtypes.result_type(*(x._array for x in found)))
    return [x.to(kind) for x in found]


@implements(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    x, y = _pair(a, b)
    if np.ndim(axes) == 0:
        axes = (range(x.ndim - axes, x.ndim), range(axes))
    left, right = ([d] if np.ndim(d) == 0 else list(d) for d in axes)
    left, right = [d % max(x.ndim, 1) for d in left], [d % max(y.ndim, 1) for d in right]
    if [x.shape[d] for d in left] != [y.shape[d] for d in right]:
        raise ValueError(
            f"np.tensordot: the shapes {list(x.shape)} and {list(y.shape)} don't agree along the "
            f"axes {left} and {right}"
        )
    return tensordot(x, y, (left, right))


@implements(np.dot)
def _dot(a: Any, b: Any) -> Any:
    x, y = as_variable(a), as_variable(b)
    if not x.ndim or not y.ndim:
        return x * y
    if x.ndim <= 2 and y.ndim <= 2:
        x, y = _pair(x, y)
        return apply(ops.matmul, x, y)
    return _tensordot(x, y, ([-1], [max(y.ndim - 2, 0)]))


@implements(np.inner)
def _inner(a: Any, b: Any) -> Any:
    x, y = as_variable(a), as_variable(b)
    return _tensordot(x, y, ([-1], [-1])) if x.ndim and y.ndim else x * y


@implements(np.cross)
def _cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = (as_variable(v).movedim(d, -1) for v, d in ((a, axisa), (b, axisb)))
    x, y = joining.broadcast_tensors(x, y)
    if x.shape[-1] != 3:
        raise ValueError(f"np.cross: vectors must have 3 elements, got shapes {x.shape}, {y.shape}")
    out = x.cross(y, -1)
    return out.movedim(-1, axisc)


def _vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return (as_variable(x1) * x2).sum(axis)


implements(np.linalg.vecdot)(_vecdot)


@implements(np.einsum)
def _einsum(*operands: Any, optimize: Any = False) -> Any:
    if not isinstance(operands[0], str):  # operands and lists of numbers in turns
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        lists = [*operands[1::2], *(operands[-1:] if len(operands) % 2 else ())]
        terms = ["".join("..." if i is Ellipsis else letters[i] for i in part) for part in lists]
        output = "->" + terms.pop() if len(operands) % 2 else ""
        pairs = len(operands) // 2
        operands = (",".join(terms) + output, *operands[: 2 * pairs : 2])
    return einsum(operands[0], *_pair(*operands[1:]))


@implements(np.convolve)
def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    x, kernel = _pair(a, v)
    if kernel.shape[0] > x.shape[0]:
        x, kernel = kernel, x
    n, k = x.shape[0], kernel.shape[0]
    padded = _pad(x, k - 1)
    out = padded[np.arange(n + k - 1)[:, None] + np.arange(k)] @ kernel.flip(0)
    cut = {"full": 0, "same": (k - 1) // 2, "valid": k - 1}[mode]
    length = {"full": n + k - 1, "same": n, "valid": n - k + 1}[mode]
    return out[cut : cut + length]


@implements(np.correlate)
def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    x, kernel = as_variable(a), as_variable(v)
    if kernel.shape[0] > x.shape[0]:  # NumPy exchanges them, and turns the result around
        return _convolve(kernel, x.flip(0), mode).flip(0)
    return _convolve(x, kernel.flip(0), mode)


@implements(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    x = as_variable(x)
    value: Any = x * 0
    for coefficient in p:
        value = value * x + coefficient
    return value


@implements(np.linspace)
def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    low, high = joining.broadcast_tensors(as_variable(start), as_variable(stop))
    share = np.linspace(0, 1, num, endpoint).reshape([-1] + [1] * low.ndim)
    share = share.astype(low._array.dtype)
    out = (low * (1 - share) + high * share).movedim(0, axis)
    return (out, (high - low) / ((num - 1 if endpoint else num) or math.nan)) if retstep else out


@implements(np.apply_along_axis)
def _apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    rows = arr.movedim(axis, -1)
    lead = rows.shape[:-1]
    made = [as_variable(func1d(row, *args, **kwargs)) for row in rows.reshape(-1, arr.shape[axis])]
    out = apply(ops.stack, *made, dim=0)
    out = out.reshape((*lead, *out.shape[1:]))
    more = out.ndim - len(lead)
    d = axis % arr.ndim
    return out.movedim(tuple(range(len(lead), out.ndim)), tuple(range(d, d + more)))


# Elements


@implements(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kwargs: Any) -> Any:
    conditions = np.asarray(values_of("np.piecewise", condlist), bool)
    conditions = np.broadcast_to(
        conditions, (*conditions.shape[: conditions.ndim - x.ndim], *x.shape)
    )
    parts = list(conditions) if conditions.ndim > x.ndim else [conditions]
    if len(funclist) == len(parts) + 1:
        parts.append(~np.any(parts, axis=0))
    out: Any = x * 0
    for condition, make in zip(parts, funclist, strict=True):
        made = make(x, *args, **kwargs) if callable(make) else make
        out = apply(ops.where, condition, made, out)
    return out


implement_all({
    np.nanmean: lambda a, axis=None, *, keepdims=False: a.nanmean(axis, keepdims),
    np.kron: lambda a, b: kron(*_pair(a, b)),
    np.vdot: lambda a, b: _dot(as_variable(a).reshape(-1), as_variable(b).reshape(-1)),
    np.outer: lambda a, b: as_variable(a).reshape(-1, 1) * as_variable(b).reshape(-1),
    np.linalg.outer: lambda x1, x2, /: np.outer(x1, x2),
    np.linalg.cross: lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis),
    np.linalg.matmul: lambda x1, x2, /: apply(ops.matmul, *_pair(x1, x2)),
    np.linalg.tensordot: lambda x1, x2, /, *, axes=2: _tensordot(x1, x2, axes),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: diagonal(a, offset, axis1, axis2).sum(-1),
    np.linalg.trace: lambda x, /, *, offset=0: np.trace(x, offset, -2, -1),
    np.vander: lambda x, N=None, increasing=False: rare.vander(x, N, increasing),
    np.logspace: lambda start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0: (
        base ** _linspace(start, stop, num, endpoint, axis=axis)),
    np.geomspace: lambda start, stop, num=50, endpoint=True, dtype=None, axis=0: _linspace(
        as_variable(start).log(), as_variable(stop).log(), num, endpoint, axis=axis).exp(),
    np.linalg.tensorinv: lambda a, ind=2: factorization.tensorinv(a, ind),
    np.linalg.svd: lambda a, full_matrices=True, compute_uv=True, hermitian=False: (
        factorization.svd(a, full_matrices) if compute_uv else factorization.svdvals(a)),
    np.linalg.matrix_norm: lambda x, /, *, keepdims=False, ord="fro": _norm(
        x, ord, (-2, -1), keepdims),
    np.linalg.multi_dot: lambda arrays: functools.reduce(_dot, arrays),
    np.round: lambda a, decimals=0: a.round(decimals=decimals),
    np.around: lambda a, decimals=0: a.round(decimals=decimals),
    np.fix: lambda x: x.trunc(),
    np.sinc: lambda x: x.sinc(),
    np.unwrap: lambda p, discont=None, axis=-1, *, period=2 * math.pi: p + np.asarray(
        np.unwrap(p._array, discont, axis, period=period) - p._array, p._array.dtype),
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: x.nan_to_num(
        nan, posinf, neginf),
})  # fmt: skip


# Linear algebra


FUNCTIONS.update({
    np.linalg.inv: factorization.inv, np.linalg.det: factorization.det,
    np.linalg.slogdet: factorization.slogdet, np.linalg.cholesky: factorization.cholesky,
    np.linalg.eigh: factorization.eigh, np.linalg.eigvalsh: factorization.eigvalsh,
    np.linalg.svdvals: factorization.svdvals,
    np.linalg.matrix_power: factorization.matrix_power,
})  # fmt: skip


@implements(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    x, y = _pair(a, b)
    if y.ndim == 1:
        return factorization.solve(x, y.reshape(-1, 1).expand((*x.shape[:-2], -1, 1))).squeeze(-1)
    return factorization.solve(x, y)


@implements(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    if mode == "raw":
        raise TypeError("np.linalg.qr: mode='raw' has no derivative; use 'reduced'")
    if mode == "r":
        return factorization.qr(a, "reduced").R
    return factorization.qr(a, mode)


@implements(np.linalg.pinv)
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    given = rtol if rcond is None else rcond
    return factorization.pinv(a, rtol=1e-15 if given is None else float(given))


@implements(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    x, y = _pair(a, b)
    out = factorization.lstsq(x, y, rcond, driver="gelsd")
    residuals = out.residuals.reshape(-1) if y.ndim == 1 else out.residuals
    return out.solution, residuals, int(out.rank), out.singular_values


@implements(np.linalg.tensorsolve)
def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    x, y = _pair(a, b)
    return factorization.tensorsolve(x, y, axes)


@implements(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    dims = tuple(range(x.ndim)) if axis is None else (axis,) if np.ndim(axis) == 0 else tuple(axis)
    if ord is None and (axis is None or len(dims) < 3):
        return x.norm(2, dims, keepdims)
    if len(dims) == 1:
        if ord == 0:
            return wrap(np.linalg.norm(x._array, 0, dims[0], keepdims))
        return x.norm(ord, dims[0], keepdims)
    if len(dims) != 2:
        raise ValueError("np.linalg.norm: name one axis for a vector's norm, two for a matrix's")
    matrices = x.movedim(dims, (-2, -1))
    out = _matrix_norm_of(matrices, ord)
    apart = [1 if d in {k % x.ndim for k in dims} else n for d, n in enumerate(x.shape)]
    return out.reshape(apart) if keepdims else out


def _matrix_norm_of(x: Any, kind: Any) -> Any:
    if kind == "fro":
        return x.norm(2, (-2, -1))
    if kind in ("nuc", 2, -2):
        values = factorization.svdvals(x)
        return values.sum(-1) if kind == "nuc" else values[..., 0 if kind == 2 else -1]
    if kind not in (1, -1, math.inf, -math.inf):
        raise ValueError(f"np.linalg.norm: {kind!r} is no norm of a matrix")
    sums = x.abs().sum(-2 if kind in (1, -1) else -1)
    return sums.amax(-1) if kind > 0 else sums.amin(-1)


@implements(np.linalg.vector_norm)
def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    rows, shape, apart = _merged(x, axis)
    return _norm(rows, ord, -1).reshape(apart if keepdims else shape)


@implements(np.linalg.cond)
def _cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        values = factorization.svdvals(x)
        first, last = values[..., 0], values[..., -1]
        return last / first if p == -2 else first / last
    return _matrix_norm_of(x, p) * _matrix_norm_of(factorization.inv(x), p)


# Functions that write into their first argument, and what can't be


def _writer(function: Any) -> Callable[..., Any]:
    name = f"np.{function.__name__}"

    def call(*args: Any, **kwargs: Any) -> Any:
        target = args[0]
        plain = [values_of(name, x) for x in args]
        if isinstance(target, TensorBase):
            check_writable(name, target)
        out = function(*plain, **{key: values_of(name, x) for key, x in kwargs.items()})
        if isinstance(target, TensorBase):
            rebase_history(name, target, None)
        return out

    return call


for _function in (np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask):
    FUNCTIONS[_function] = _writer(_function)


QUESTIONS.update({
    np.allclose, np.argpartition, np.argsort, np.argwhere, np.array_equal, np.array_equiv,
    np.count_nonzero, np.digitize, np.flatnonzero, np.histogram, np.histogram_bin_edges, np.isclose,
    np.iscomplex, np.iscomplexobj, np.isin, np.isneginf, np.isposinf, np.isreal, np.isrealobj,
    np.lexsort, np.linalg.matrix_rank, np.nanargmax, np.nanargmin, np.nonzero, np.result_type,
    np.searchsorted, np.shares_memory, np.may_share_memory, np.size, np.array2string, np.array_repr,
    np.array_str, np.common_type, np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
    np.can_cast, np.min_scalar_type, np.ravel_multi_index, np.signbit, np.isnat,
})  # fmt: skip


# Ufuncs


def _constant(ufunc: np.ufunc) -> Callable[..., Any]:
    """Make of a ufunc that is flat between its jumps one whose gradient is zero."""

    def call(*inputs: Any) -> Any:
        out = wrap(ufunc(*(x._array if isinstance(x, TensorBase) else x for x in inputs)))
        for x in inputs:
            if isinstance(x, TensorBase):
                out = out + apply(ops.mul, apply(ops.where, np.isfinite(x._array), x, 0.0), 0.0)
        return out

    return call


def _modf(x: Any) -> tuple[Any, Any]:
    whole = x.trunc()
    return x - whole, whole


UFUNCS.update({
    "cbrt": lambda x: x.sign() * x.abs() ** (1 / 3),
    "conjugate": lambda x: apply(ops.identity, x),
    "positive": lambda x: apply(ops.identity, x),
    "copysign": lambda x, y: rare.copysign(as_variable(x), y),
    "deg2rad": lambda x: x.deg2rad(),
    "radians": lambda x: x.deg2rad(),
    "rad2deg": lambda x: x.rad2deg(),
    "degrees": lambda x: x.rad2deg(),
    "divmod": lambda x, y: (as_variable(x) // y, as_variable(x) % y),
    "fabs": lambda x: x.abs(),
    "float_power": lambda x, y: as_variable(x).double() ** as_variable(y).double(),
    "fmax": lambda x, y: fmax(*_pair(x, y)),
    "fmin": lambda x, y: fmin(*_pair(x, y)),
    "heaviside": _constant(np.heaviside),
    "ldexp": lambda x, y: x * np.ldexp(np.ones((), x._array.dtype), values_of("np.ldexp", y)),
    "logaddexp2": lambda x, y: rare.logaddexp2(as_variable(x), as_variable(y)),
    "modf": _modf,
    "vecdot": _vecdot,
    "matvec": lambda x, y: matmul(*_pair(x, as_variable(y).unsqueeze(-1))).squeeze(-1),
    "vecmat": lambda x, y: matmul(*_pair(as_variable(x).unsqueeze(-2), y)).squeeze(-2),
    # SciPy's
    "expit": lambda x: x.sigmoid(),
    "logit": lambda x: x.logit(),
    "erf": lambda x: x.erf(),
    "erfc": lambda x: x.erfc(),
    "erfinv": lambda x: x.erfinv(),
    "erfcinv": lambda x: (1 - x).erfinv(),
    "ndtr": rare.ndtr,
    "ndtri": rare.ndtri,
    "gammaln": lambda x: x.lgamma(),
    "gamma": lambda x: x.lgamma().exp() * np.where(
        (x._array < 0) & (np.floor(x._array) % 2 == 1), -1, 1),
    "psi": lambda x: x.digamma(),
    "digamma": lambda x: x.digamma(),
    "xlogy": lambda x, y: apply(ops.xlogy, x, y),
    "xlog1py": lambda x, y: apply(ops.xlogy, x, as_variable(y) + 1),
    "entr": lambda x: -apply(ops.xlogy, x, x),
    "rel_entr": lambda x, y: apply(ops.xlogy, x, x) - apply(ops.xlogy, x, y),
    "kl_div": lambda x, y: apply(ops.xlogy, x, x) - apply(ops.xlogy, x, y) - x + y,
    "betaln": lambda x, y: as_variable(x).lgamma() + as_variable(y).lgamma() - (
        as_variable(x) + y).lgamma(),
    "log_expit": lambda x: -apply(ops.logaddexp, np.zeros((), x._array.dtype), -x),
    "exp10": lambda x: (x * math.log(10)).exp(),
})  # fmt: skip
