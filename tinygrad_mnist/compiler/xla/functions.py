"""NumPy's functions by those of JAX that have their names, with NumPy's dtypes.

What NumPy computes in, and what comes out, was seen when the step was recorded: operands are
converted to that before, and results after. A function without a counterpart is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import jax.scipy.special
import numpy as np

from tinygrad_mnist.compiler.trace import mapped
from tinygrad_mnist.ops.sums import sum_many_rows

Array = Any


def lowered_ufunc(ufunc: np.ufunc) -> Callable[..., Array]:
    """Return JAX's function for a ufunc, which computes in the dtypes in which NumPy does."""
    function = _named(ufunc.__name__)

    def compute(*operands: Any, dtype: Any = None, where: Any = None, casting: Any = None) -> Array:
        kinds = [_kind(x) for x in operands]
        if ufunc.signature is None:
            kinds += [None] * ufunc.nout
            wanted: Any = {}
            if dtype is not None:
                wanted["signature"] = (*[None] * ufunc.nin, np.dtype(dtype))
            loop = ufunc.resolve_dtypes(tuple(kinds), **wanted)
            operands = tuple(jnp.asarray(x, dtype=d) for x, d in zip(operands, loop, strict=False))
        return function(*operands)

    return compute


def _kind(x: Any) -> Any:
    """Return an operand's dtype, or the type of a Python number."""
    if isinstance(x, bool | np.generic):
        return np.asarray(x).dtype
    if isinstance(x, int | float | complex):
        return type(x)
    if getattr(x, "weak_type", False):
        return {"i": int, "f": float, "c": complex}.get(x.dtype.kind, x.dtype)
    return np.dtype(x.dtype)


def _named(name: str) -> Callable[..., Array]:
    if name in OTHERWISE:
        return OTHERWISE[name]
    for home in (jnp, jax.scipy.special):
        if hasattr(home, name):
            function: Callable[..., Array] = getattr(home, name)
            return function
    raise NotImplementedError(f"NumPy's {name} has no counterpart in JAX")


def _sum_of_products(x: Array, y: Array) -> Array:
    return jnp.sum(x * y, axis=-1)


OTHERWISE: dict[str, Callable[..., Array]] = {"vecdot": _sum_of_products}
"""Ufuncs whose namesake is another or missing."""


def _reduction(name: str) -> Callable[..., Array]:
    function = getattr(jnp, name)

    def compute(x: Array, axis: Any = None, dtype: Any = None, out: Any = None, **rest: Any) -> Any:
        rest = {k: v for k, v in rest.items() if v is not np._NoValue}
        if dtype is not None:
            rest["dtype"] = dtype
        return function(x, axis=axis, **rest)

    return compute


def _like(value: Any) -> Callable[..., Array]:
    def make(x: Array, *fill: Any, dtype: Any = None, shape: Any = None, **order: Any) -> Array:
        filled = fill[0] if value is None else value
        shape = x.shape if shape is None else shape
        return jnp.full(shape, filled, x.dtype if dtype is None else dtype)

    return make


def _new(value: Any) -> Callable[..., Array]:
    return lambda shape, dtype=float, **order: jnp.full(shape, value, dtype)


def _copied(x: Array, *rest: Any, **order: Any) -> Array:
    return jnp.asarray(x, dtype=rest[0] if rest else order.get("dtype"))


def _solve(a: Array, b: Array) -> Array:
    """Solve for vectors only if there is one, as NumPy does."""
    if b.ndim == 1:
        return _solve(a, b[:, None])[..., 0]
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(x, batch + x.shape[-2:]) for x in (a, b))
    return jnp.linalg.solve(a, b)


def _eigh(a: Array, UPLO: str = "L") -> Any:  # noqa: N803  as NumPy calls it
    """Look at one triangle, as NumPy does; JAX takes the mean of both."""
    return tuple(jnp.linalg.eigh(a, UPLO, symmetrize_input=False))


def _cholesky(a: Array) -> Array:
    """Look at the lower triangle, likewise."""
    return jnp.tril(jax.lax.linalg.cholesky(a, symmetrize_input=False))


def _take(x: Array, index: Any, axis: Any = None, out: Any = None, **how: Any) -> Array:
    return jnp.take(x, jnp.asarray(index), axis=axis)


def _sort(x: Array, axis: int = -1, kind: Any = None) -> Array:
    return jnp.sort(x, axis=axis)


def _argsort(x: Array, axis: int = -1, kind: Any = None) -> Array:
    return jnp.argsort(x, axis=axis, stable=True)  # in whatever order NumPy leaves equals


FUNCTIONS: dict[Any, Callable[..., Array]] = {
    **{getattr(np, name): _reduction(name) for name in ("sum", "prod", "max", "min", "mean")},
    np.zeros_like: _like(0), np.ones_like: _like(1), np.empty_like: _like(0),
    np.full_like: _like(None), np.zeros: _new(0), np.ones: _new(1), np.empty: _new(0),
    np.linalg.eigh: _eigh, np.linalg.eigvalsh: lambda *a: _eigh(*a)[0],
    np.linalg.cholesky: _cholesky, np.linalg.solve: _solve,
    np.take: _take, np.sort: _sort, np.argsort: _argsort,
    sum_many_rows: lambda rows: rows.sum(axis=0),
    np.array: _copied, np.asarray: _copied, np.ascontiguousarray: _copied, np.copy: _copied,
}  # fmt: skip
"""Functions whose namesake in JAX takes other arguments."""


def lowered_function(function: Any) -> Callable[..., Array]:
    """Return JAX's function for one of NumPy's."""
    if function in FUNCTIONS:
        return FUNCTIONS[function]
    if isinstance(function, np.ufunc):
        return lowered_ufunc(function)
    home: Any = jnp
    module = getattr(function, "__module__", "")
    if module == "numpy.linalg":
        home = jnp.linalg
    elif module != "numpy":
        name = getattr(function, "__qualname__", repr(function))
        raise NotImplementedError(f"{name}, which computes with NumPy, has no counterpart in JAX")
    name = function.__name__
    if not hasattr(home, name):
        raise NotImplementedError(f"NumPy's {name} has no counterpart in JAX")
    counterpart: Callable[..., Array] = getattr(home, name)
    return counterpart


def lowered_reduce(ufunc: np.ufunc, method: str) -> Callable[..., Array]:
    """Return JAX's function for a method of a ufunc, such as ``np.add.reduce``."""
    function = _named(ufunc.__name__)
    if method == "reduce" and not hasattr(function, method):  # of JAX before 0.6
        whole = {"maximum": jnp.max, "minimum": jnp.min}[ufunc.__name__]
        return lambda x, axis=0, **keywords: whole(x, axis, **keywords)
    reduce: Callable[..., Array] = getattr(function, method)
    return reduce


def plain(x: Any) -> Any:
    """Return nested tuples with arrays of NumPy's as JAX's."""
    return mapped(x, lambda y: jnp.asarray(y) if isinstance(y, np.ndarray) else y)
