"""NumPy's functions on Tensors.

NumPy hands a call with a Tensor among its arguments over to Tensor, by two protocols: one for
ufuncs (``np.exp``, ``array * tensor``), one for other functions (``np.sum``). What has a
derivative here is recorded; so users' NumPy code differentiates, and so do the derivative
rules themselves, which is where higher derivatives come from.

What has no derivative here is computed on the arrays if no gradient is at stake, else refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import Variable, apply, is_tracked, wrap
from tinygrad_mnist.autograd.modes import modes

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""What stands for a NumPy function when it is called with Tensors."""


def call_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer a ufunc called with Tensors."""
    op = ops.UFUNCS.get(ufunc)
    if method == "__call__" and op is not None and not kwargs:
        return apply(op, *inputs)
    if method == "reduce" and ufunc in _REDUCTIONS and set(kwargs) <= {"axis", "keepdims"}:
        axis, keepdims = kwargs.get("axis", 0), kwargs.get("keepdims", False)
        return call_function(_REDUCTIONS[ufunc], (inputs[0], axis), {"keepdims": keepdims})
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    out = kwargs.get("out", ())
    if any(isinstance(x, Variable) for x in out):
        raise TypeError(
            f"np.{name}: can't write into a Tensor with out=, because it would not be recorded; "
            f"use the tensor's own in-place method"
        )
    arrays = [_plain(f"np.{name}", x) for x in inputs]
    result = getattr(ufunc, method)(*arrays, **kwargs)
    return wrap(result) if not out and isinstance(result, np.ndarray | np.generic) else result


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer another NumPy function called with Tensors."""
    known = FUNCTIONS.get(function)
    if known is not None:
        return known(*args, **kwargs)
    name = f"np.{getattr(function, '__name__', function)}"
    return function(*_plain(name, args), **_plain(name, kwargs))


def _plain(name: str, x: Any) -> Any:
    """Replace Tensors by their arrays, also inside lists, unless a gradient would be lost."""
    if isinstance(x, Variable):
        if modes.enabled and is_tracked(x):
            raise TypeError(
                f"{name}: has no derivative here, but was called on a Tensor that requires grad; "
                f"use a Tensor method, or pass tensor.detach()"
            )
        return x._array
    if isinstance(x, tuple | list):
        return type(x)(_plain(name, part) for part in x)
    if isinstance(x, dict):
        return {key: _plain(name, value) for key, value in x.items()}
    return x


def _implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = implementation
        return implementation

    return register


def _as_variable(x: Any) -> Any:
    return x if isinstance(x, Variable) else wrap(x)


def _reduction(method: str) -> Callable[..., Any]:
    def call(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        if axis == ():  # to NumPy no dimension at all, to PyTorch all of them
            return apply(ops.identity, a)
        return getattr(a, method)(axis, keepdims)

    return call


for _function, _method in (
    (np.sum, "sum"), (np.mean, "mean"), (np.max, "amax"), (np.min, "amin"), (np.prod, "prod"),
    (np.any, "any"), (np.all, "all"),
):  # fmt: skip
    FUNCTIONS[_function] = _reduction(_method)

_REDUCTIONS: dict[np.ufunc, Any] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min
}  # fmt: skip
"""The functions that the ufuncs' ``reduce`` stands behind."""


@_implements(np.var)
def _var(a: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return a.var(axis, correction=ddof, keepdim=keepdims)


@_implements(np.std)
def _std(a: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return a.std(axis, correction=ddof, keepdim=keepdims)


@_implements(np.argmax)
def _argmax(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return a.argmax(axis, keepdims)


@_implements(np.argmin)
def _argmin(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return a.argmin(axis, keepdims)


@_implements(np.cumsum)
def _cumsum(a: Any, axis: int | None = None) -> Any:
    return a.reshape(-1).cumsum(0) if axis is None else a.cumsum(axis)


@_implements(np.where)
def _where(condition: Any, x: Any, y: Any) -> Any:
    return apply(ops.where, condition, x, y)


@_implements(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None) -> Any:
    return a.clamp(a_min, a_max)


@_implements(np.reshape)
def _reshape(a: Any, shape: Any) -> Any:
    return a.reshape(shape)


@_implements(np.ravel)
def _ravel(a: Any) -> Any:
    return a.reshape(-1)


@_implements(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    return a.permute(tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


@_implements(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return a.transpose(axis1, axis2)


@_implements(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return a.movedim(source, destination)


@_implements(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    ndim = a.ndim + len(axes)
    placed = {d % ndim for d in axes}
    lengths = iter(a.shape)
    return a.reshape(tuple(1 if d in placed else next(lengths) for d in range(ndim)))


@_implements(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    return a.squeeze(axis)


@_implements(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Any:
    return array.expand(shape)


@_implements(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else axis
    return m.flip((axes,) if isinstance(axes, int) else tuple(axes))


@_implements(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return a.roll(shift, axis)


@_implements(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    return m.tril(k)


@_implements(np.triu)
def _triu(m: Any, k: int = 0) -> Any:
    return m.triu(k)


@_implements(np.take)
def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    flat = a.reshape(-1) if axis is None else a
    return flat[(slice(None),) * ((axis or 0) % max(flat.ndim, 1)) + (indices,)]


@_implements(np.concatenate)
def _concatenate(arrays: Any, axis: int = 0) -> Any:
    return apply(ops.cat, *arrays, dim=axis)


@_implements(np.stack)
def _stack(arrays: Any, axis: int = 0) -> Any:
    return apply(ops.stack, *arrays, dim=axis)


@_implements(np.dot)
def _dot(a: Any, b: Any) -> Any:
    return apply(ops.matmul, a, b) if min(np.ndim(a), np.ndim(b)) else apply(ops.mul, a, b)


@_implements(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return _as_variable(a).reshape(-1, 1) * _as_variable(b).reshape(-1)


@_implements(np.zeros_like)
def _zeros_like(a: Any, dtype: Any = None) -> Any:
    return wrap(np.zeros_like(a._array, dtype))


@_implements(np.ones_like)
def _ones_like(a: Any, dtype: Any = None) -> Any:
    return wrap(np.ones_like(a._array, dtype))


@_implements(np.copy)
def _copy(a: Any) -> Any:
    return a.clone()


@_implements(np.shape)
def _shape(a: Any) -> Any:
    return a.shape


@_implements(np.ndim)
def _ndim(a: Any) -> int:
    return a.ndim  # type: ignore[no-any-return]


@_implements(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    if ord is not None and axis is None and x.ndim != 1:
        raise TypeError("np.linalg.norm: matrix norms have no derivative here; name an axis")
    return x.norm(2 if ord is None else ord, axis, keepdims)
