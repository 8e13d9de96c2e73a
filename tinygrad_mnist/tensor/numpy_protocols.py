"""NumPy's functions on Tensors.

NumPy hands a call with a Tensor among its arguments over to Tensor, by two protocols: one for
ufuncs (``np.exp``, ``array * tensor``), one for other functions (``np.sum``). What has a
derivative here is recorded; so users' NumPy code differentiates, and so do the derivative
rules themselves, which is where higher derivatives come from.

What has no derivative here is computed on the arrays if no gradient is at stake, else refused.
The functions that the rules don't need are in :mod:`~tinygrad_mnist.tensor.numpy_functions`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, is_tracked, wrap
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.ops import dtypes

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""The functions that stand for NumPy's when these are called with Tensors."""
VIEWS: set[Any] = set()
"""Those of them that return a view, or a copy by design: of a Tensor of any dtype."""
UFUNCS: dict[str, Callable[..., Any]] = {}
"""The functions that stand for ufuncs, NumPy's or SciPy's, that are no operations: by name."""
QUESTIONS: set[Any] = set()
"""Functions whose answers have no gradient: bools, places, counts, words."""


def call_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer a ufunc called with Tensors."""
    op = ops.UFUNCS.get(ufunc)
    if op is None:  # SciPy has some of NumPy's under the same name
        op = ops.UFUNCS.get(getattr(np, ufunc.__name__, ufunc))
    if method == "__call__" and op is not None and not kwargs:
        return apply(op, *inputs)
    _load()
    if method == "reduce" and ufunc in _REDUCTIONS and set(kwargs) <= _REDUCED:
        axis = kwargs.pop("axis", 0)
        return call_function(_REDUCTIONS[ufunc], (inputs[0], axis), kwargs)
    if method == "accumulate" and ufunc in _ACCUMULATIONS and set(kwargs) <= {"axis"}:
        return call_function(_ACCUMULATIONS[ufunc], (inputs[0], kwargs.get("axis", 0)), {})
    if method == "outer" and not kwargs:
        x, y = map(as_variable, inputs)
        return call_ufunc(ufunc, "__call__", (x.reshape((*x.shape, *[1] * y.ndim)), y), {})
    if method == "__call__" and ufunc.__name__ in UFUNCS and set(kwargs) <= {"axis"}:
        if _has_floats(inputs):
            return UFUNCS[ufunc.__name__](*inputs, **kwargs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    out = kwargs.get("out", ())
    if any(isinstance(x, TensorBase) for x in out):
        raise TypeError(
            f"np.{name}: can't write into a Tensor with out=, because it would not be recorded; "
            f"use the tensor's own in-place method"
        )
    answers = ufunc in QUESTIONS
    arrays = [_plain(x) if answers else values_of(f"np.{name}", x) for x in inputs]
    result = getattr(ufunc, method)(*arrays, **kwargs)
    return wrap(result) if not out and isinstance(result, np.ndarray | np.generic) else result


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer another NumPy function called with Tensors."""
    known = FUNCTIONS.get(function)
    if known is None:
        _load()
        known = FUNCTIONS.get(function)
    if known is not None:
        if function in VIEWS or _has_floats((*args, *kwargs.values())):
            return known(*args, **kwargs)
        return _wrapped(function(*_plain(args), **_plain(kwargs)))
    if function in QUESTIONS:
        return function(*_plain(args), **_plain(kwargs))
    module = getattr(function, "__module__", "numpy").replace("numpy", "np", 1)
    name = f"{module}.{getattr(function, '__name__', function)}"
    return function(*values_of(name, args), **values_of(name, kwargs))


def _load() -> None:
    """Load what else there is, when something of it is called for the first time."""
    from tinygrad_mnist.tensor import numpy_functions as numpy_functions


def _has_floats(xs: Any) -> bool:
    """Whether there are floating-point Tensors: what has none is NumPy's affair alone."""
    for x in xs:
        if isinstance(x, TensorBase):
            if x._array.dtype.kind == "f":
                return True
        elif isinstance(x, tuple | list) and _has_floats(x):
            return True
    return False


def _wrapped(result: Any) -> Any:
    """Make Tensors of NumPy's arrays."""
    if isinstance(result, tuple | list):
        return _like(result, [_wrapped(part) for part in result])
    return wrap(result) if isinstance(result, np.ndarray | np.generic) else result


def _like(x: Any, parts: list[Any]) -> Any:
    """Return a list or tuple of other parts: of the same kind, if it has names."""
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)


def values_of(name: str, x: Any) -> Any:
    """Return the arrays of Tensors, also of those inside lists, unless a gradient would be lost."""
    return _replaced(x, lambda t: _value(name, t))


def _plain(x: Any) -> Any:
    return _replaced(x, lambda t: t._array)


def _value(name: str, x: Any) -> Any:
    if modes.enabled and is_tracked(x):
        raise TypeError(
            f"{name}: has no derivative here, but was called on a Tensor that requires grad; use a "
            f"Tensor method, or pass tensor.detach()"
        )
    return x._array


def _replaced(x: Any, value: Callable[[Any], Any]) -> Any:
    if isinstance(x, TensorBase):
        return value(x)
    if isinstance(x, tuple | list):
        return _like(x, [_replaced(part, value) for part in x])
    if isinstance(x, dict):
        return {key: _replaced(part, value) for key, part in x.items()}
    return x


Implementation = Callable[..., Any]


def implements(*functions: Any) -> Callable[[Implementation], Implementation]:
    """Let a function stand for one of NumPy's, or for several; None is one that isn't there."""

    def register(call: Implementation) -> Implementation:
        for function in functions:
            if function is not None:
                FUNCTIONS[function] = call
                call.__qualname__ = f"np.{function.__name__}"  # so Python calls it in its errors
        return call

    return register


def views(*functions: Any) -> Callable[[Implementation], Implementation]:
    """Do as :func:`implements`, for what returns a view of a Tensor of any dtype."""
    VIEWS.update(functions)
    return implements(*functions)


def implement_all(table: dict[Any, Implementation], of: Any = implements) -> None:
    """Do as :func:`implements`, or :func:`views`, for each line of a table."""
    for function, call in table.items():
        of(function)(call)


def as_variable(x: Any) -> Any:
    """Return a Tensor as it is, and anything else as one."""
    return x if isinstance(x, TensorBase) else wrap(x)


_LEFT_OUT: Any = np._NoValue


def _reduction(method: str, neutral: Any = None, join: Any = None) -> Callable[..., Any]:
    def call(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        if where is not True and where is not _LEFT_OUT:
            if method == "mean":
                count = np.sum(np.broadcast_to(_plain(where), a.shape), axis, keepdims=keepdims)
                total = np.sum(a, axis, keepdims=keepdims, where=where)
                return total / np.asarray(count, a._array.dtype)
            a = apply(ops.where, _plain(where), a, neutral)
        if dtype is not None:
            a = a.to(dtypes.of(np.dtype(dtype)))
        keepdims = keepdims is not _LEFT_OUT and bool(keepdims)
        # No dimension at all to NumPy is all of them to PyTorch.
        result = apply(ops.identity, a) if axis == () else getattr(a, method)(axis, keepdims)
        return result if initial in (None, _LEFT_OUT) else join(result, initial)

    return call


for _function, _method, _neutral, _join in (
    (np.sum, "sum", 0, np.add), (np.mean, "mean", 0, None), (np.prod, "prod", 1, np.multiply),
    (np.max, "amax", -np.inf, np.maximum), (np.min, "amin", np.inf, np.minimum),
    (np.any, "any", False, None), (np.all, "all", True, None),
):  # fmt: skip
    FUNCTIONS[_function] = _reduction(_method, _neutral, _join)

FUNCTIONS[np.amax], FUNCTIONS[np.amin] = FUNCTIONS[np.max], FUNCTIONS[np.min]

_REDUCTIONS: dict[np.ufunc, Any] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min
}  # fmt: skip
"""The functions that the ufuncs' ``reduce`` stands behind."""
_REDUCED = {"axis", "keepdims", "dtype", "initial", "where"}
_ACCUMULATIONS: dict[np.ufunc, Any] = {np.add: np.cumsum, np.multiply: np.cumprod}
"""The functions that the ufuncs' ``accumulate`` stands behind."""


@implements(np.var)
def _var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = _LEFT_OUT,
    correction: Any = None,
) -> Any:
    keepdims = keepdims is not _LEFT_OUT and bool(keepdims)
    ddof = ddof if correction in (None, _LEFT_OUT) else correction
    if where is True or where is _LEFT_OUT:
        return a.var(axis, correction=ddof, keepdim=keepdims)
    there = np.broadcast_to(_plain(where), a.shape)
    centred = apply(ops.where, there, a - np.mean(a, axis, keepdims=True, where=there), 0)
    total = np.sum(centred * centred, axis, keepdims=keepdims)
    count = np.maximum(np.sum(there, axis, keepdims=keepdims) - ddof, 0)
    return total / np.asarray(count, a._array.dtype)


def running(method: str) -> Callable[..., Any]:
    """Make a running sum or product, of all elements in a row if no axis is named."""

    def call(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        x = a if dtype is None else a.to(dtypes.of(np.dtype(dtype)))
        return getattr(x.reshape(-1) if axis is None else x, method)(axis or 0)

    return call


@implements(np.where)
def _where(condition: Any, *choices: Any) -> Any:
    return apply(ops.where, condition, *choices) if choices else np.nonzero(_plain(condition))


@implements(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (
        x if isinstance(x, TensorBase | int | float | None) else wrap(np.asarray(x))
        for x in (min if a_min is None else a_min, max if a_max is None else a_max)
    )
    x = as_variable(a)
    return x.clone() if low is None and high is None else x.clamp(low, high)


@views(np.reshape)
def _reshape(a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    if order == "F":
        shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
        return _transpose(_transpose(a).reshape(shape[::-1]))
    return a.reshape(shape)


@views(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    return a.permute(tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


@views(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    axes = (axis,) if np.ndim(axis) == 0 else tuple(axis)
    ndim = a.ndim + len(axes)
    placed = {d % ndim for d in axes}
    lengths = iter(a.shape)
    return a.reshape(tuple(1 if d in placed else next(lengths) for d in range(ndim)))


@views(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else axis
    return m.flip((axes,) if isinstance(axes, int) else tuple(axes))


@implements(np.take)
def _take(
    a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise"
) -> Any:
    flat = a.reshape(-1) if axis is None else a
    d = (axis or 0) % max(flat.ndim, 1)
    if mode != "raise":
        n = flat.shape[d]
        picked = np.asarray(_plain(indices))
        indices = picked % n if mode == "wrap" else np.clip(picked, 0, n - 1)
    return flat[(slice(None),) * d + (indices,)]


@implements(np.concatenate)
def _concatenate(arrays: Any, axis: Any = 0) -> Any:
    if axis is None:
        arrays, axis = [as_variable(x).reshape(-1) for x in arrays], 0
    return apply(ops.cat, *arrays, dim=axis)


implement_all({
    np.cumsum: running("cumsum"),
    np.std: lambda a, *args, **kwargs: _var(a, *args, **kwargs).sqrt(),
    np.argmax: lambda a, axis=None, *, keepdims=False: a.argmax(axis, keepdims),
    np.argmin: lambda a, axis=None, *, keepdims=False: a.argmin(axis, keepdims),
    np.roll: lambda a, shift, axis=None: a.roll(shift, axis),
    np.tril: lambda m, k=0: m.tril(k),
    np.triu: lambda m, k=0: m.triu(k),
    np.stack: lambda arrays, axis=0: apply(ops.stack, *arrays, dim=axis),
    np.zeros_like: lambda a, dtype=None: wrap(np.zeros_like(a._array, dtype)),
    np.ones_like: lambda a, dtype=None: wrap(np.ones_like(a._array, dtype)),
})  # fmt: skip
implement_all({
    np.ravel: lambda a, order="C": (_transpose(a) if order == "F" else a).reshape(-1),
    np.swapaxes: lambda a, axis1, axis2: a.transpose(axis1, axis2),
    np.moveaxis: lambda a, source, destination: a.movedim(source, destination),
    np.squeeze: lambda a, axis=None: a.squeeze(axis),
    np.broadcast_to: lambda array, shape, subok=False: array.expand(shape),
    np.copy: lambda a: a.clone(),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
}, views)  # fmt: skip
