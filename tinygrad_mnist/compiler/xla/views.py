"""Views: the calls that look at memory in another way, and how to write through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product as every
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tinygrad_mnist.compiler.trace import Value
from tinygrad_mnist.compiler.xla.memory import Chosen, Memory, View, chosen
from tinygrad_mnist.ops.regions import _view
from tinygrad_mnist.ops.views import _strided, _writable_diagonal
from tinygrad_mnist.ops.windows import slide, window_count

Array = Any

_TURNS = (np.transpose, np.swapaxes, np.moveaxis, np.rollaxis)
_SHAPES = (np.reshape, np.expand_dims, np.squeeze, np.ravel, np.atleast_1d, np.atleast_2d)
_METHODS = {
    "T": np.transpose,
    **{f.__name__: f for f in (np.transpose, np.reshape, np.ravel, np.squeeze, np.swapaxes)},
}
_FLIPS = (np.flip, np.flipud, np.fliplr)


def view_of(function: Any, name: str, base: Value, rest: tuple[Any, ...], named: Any) -> View:
    """Return how a call sees the array that is its first argument.

    Parameters
    ----------
    function
        What is called; None for a method or attribute.
    name
        What a method or attribute is called.
    base
        The array.
    rest, named
        The other arguments: numbers.
    """
    array = base.array
    if function is None:
        function = _METHODS.get(name)
        if name in ("transpose", "reshape") and len(rest) > 1:
            rest = (rest,)
    if function in _TURNS:
        return _turned(base, lambda x: function(x, *rest, **named))
    if function in _SHAPES:
        shape = function(np.broadcast_to(0, array.shape), *rest, **named).shape
        return View(base, lambda a: a.reshape(shape), lambda a, new: new.reshape(a.shape))
    if function in _FLIPS:
        turn = getattr(jnp, function.__name__)
        return View(
            base, lambda a: turn(a, *rest, **named), lambda a, new: turn(new, *rest, **named)
        )
    if function is np.broadcast_to:
        return View(base, lambda a: jnp.broadcast_to(a, *rest, **named), _refuse)
    if function is slide:
        return Windows(base, lambda a: _slid(a, *rest), _refuse, rest)
    if name == "view":
        return _as_dtype(base, *rest, **named)
    if function is _strided:
        shape, strides, start = (*rest, 0)[:3]  # in bytes of the array, which the numbers aren't
        size = np.dtype(np.intp).itemsize
        steps = [n * size // array.itemsize for n in (*strides, start)]
        rest = (shape, steps[:-1], steps[-1])
    if function in (_strided, _writable_diagonal, _view, np.diagonal):
        return chosen(base, function(_numbered(array), *rest, **named))
    raise NotImplementedError(
        f"{name or getattr(function, '__name__', function)} looks at memory in a way for which "
        f"JAX has no word"
    )


@dataclass(frozen=True)
class Windows(View):
    """All windows of an array.

    Attributes
    ----------
    form
        Kernel, stride and dilation.
    """

    form: tuple[Any, ...]


def part_of(memory: Memory, base: Value, index: Any) -> View:
    """Return the view of a part that numbers and slices choose."""
    view = memory.view_of(base)
    if isinstance(view, Windows):
        return chosen(view.base, slide(_numbered(view.base.array), *view.form)[index])
    if isinstance(view, Chosen):
        return chosen(view.base, view.places[index])
    return View(base, lambda a: a[index], lambda a, new: a.at[index].set(new))


def _turned(base: Value, turn: Callable[[Any], Any]) -> View:
    marked = np.broadcast_to(0, tuple(range(2, 2 + base.array.ndim)))
    axes = [n - 2 for n in turn(marked).shape]
    back = np.argsort(axes)
    return View(base, lambda a: a.transpose(axes), lambda a, new: new.transpose(back))


def _as_dtype(base: Value, dtype: Any) -> View:
    was, dtype = base.array.dtype, np.dtype(dtype)

    def seen(a: Array, dtype: np.dtype) -> Array:
        if a.dtype.kind == "b":
            a = a.astype(np.uint8)
        if dtype.kind == "b":
            return seen(a, np.dtype(np.uint8)) != 0
        one, other = a.dtype.itemsize, dtype.itemsize
        if one < other:  # several of a row become one
            a = a.reshape(*a.shape[:-1], a.shape[-1] * one // other, other // one)
        a = jax.lax.bitcast_convert_type(a, dtype)
        return a.reshape(*a.shape[:-2], a.shape[-2] * a.shape[-1]) if one > other else a

    return View(base, lambda a: seen(a, dtype), lambda a, new: seen(new, was))


def _numbered(array: np.ndarray) -> np.ndarray:
    """Return an array that lies as another does, and holds the numbers of its elements."""
    numbers = np.empty(array.size, np.intp)
    order = sorted(range(array.ndim), key=lambda d: -abs(array.strides[d]))
    placed = numbers.reshape([array.shape[d] for d in order]).transpose(np.argsort(order))
    placed[...] = np.arange(array.size).reshape(array.shape)
    return placed


def _slid(a: Array, kernel: Any, stride: Any, dilation: Any) -> Array:
    """Return all windows: for each place in a window the elements there, then these together."""
    lead = a.ndim - len(kernel)
    counts = map(window_count, a.shape[lead:], kernel, stride, dilation)
    places = every(*map(range, kernel))
    parts = [a[_place(a, place, kernel, stride, dilation)] for place in places]
    return jnp.stack(parts, -1).reshape(*a.shape[:lead], *counts, *kernel)


def _place(a: Any, place: Any, kernel: Any, stride: Any, dilation: Any) -> Any:
    """Return the part of an array that has the elements at a place of all windows."""
    lead = a.ndim - len(kernel)
    counts = map(window_count, a.shape[lead:], kernel, stride, dilation)
    starts = [k * d for k, d in zip(place, dilation, strict=True)]
    ends = [o + s * (n - 1) + 1 for o, s, n in zip(starts, stride, counts, strict=True)]
    return (slice(None),) * lead + tuple(map(slice, starts, ends, stride))


def _refuse(a: Array, new: Array) -> Array:
    raise NotImplementedError("an array that repeats its elements is written to")
