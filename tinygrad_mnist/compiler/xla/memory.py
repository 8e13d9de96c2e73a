"""Memory, as XLA has none that is written to: what an array holds is another value after a write.

A view is a function of what it views, and so is a write through it: what is viewed becomes what it
was, but for the elements that the view shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from tinygrad_mnist.compiler.trace import Storage, Value

Array = Any
"""An array of JAX's."""


@dataclass(frozen=True)
class View:
    """How to see a part of an array.

    Attributes
    ----------
    base
        What is viewed.
    get
        Takes what the base holds, and returns what the view shows.
    put
        Takes what the base holds and what the view is to show; returns what the base holds then.
    """

    base: Value
    get: Callable[[Array], Array]
    put: Callable[[Array, Array], Array]


class Memory:
    """What the arrays of a program hold, at one line of it.

    Parameters
    ----------
    starts
        At which byte of their memory arrays begin that were there before.
    """

    def __init__(self, starts: Mapping[Value, int] | None = None) -> None:
        self._starts = starts or {}
        self._held: dict[Storage, Array] = {}
        self._roots: dict[Storage, Value] = {}
        self._views: dict[Value, View] = {}
        self._writes: dict[Storage, int] = {}
        self._seen: dict[Value, tuple[int, Array]] = {}
        self._given: dict[Value, Array] = {}

    def knows(self, x: Value) -> bool:
        """Whether an array's memory is there."""
        return x in self._given or x in self._views or x.storage in self._held

    def define(self, x: Value, content: Array) -> None:
        """Let an array be all of its memory."""
        self._held[x.storage] = content
        self._roots[x.storage] = x
        self._writes[x.storage] = 0

    def give(self, x: Value, content: Array) -> None:
        """Let an array hold something, whatever else of its memory there is: none is written."""
        self._given[x] = content

    def show(self, x: Value, view: View) -> None:
        """Let an array be a view of another."""
        if x is not self._roots.get(x.storage):
            self._views[x] = view

    def read(self, x: Value) -> Array:
        """Return what an array holds."""
        if x in self._given:
            return self._given[x]
        if x is self._roots.get(x.storage):
            return self._held[x.storage]
        now = self._writes.get(x.storage, 0)
        when, content = self._seen.get(x, (-1, None))
        if when != now:
            view = self._view(x)
            content = view.get(self.read(view.base))
            self._seen[x] = now, content
        return content

    def write(self, x: Value, content: Array) -> None:
        """Let an array hold something else."""
        content = jnp.broadcast_to(content, x.array.shape).astype(x.array.dtype)
        if x is self._roots[x.storage]:
            self._held[x.storage] = content
            self._writes[x.storage] += 1
            return
        view = self._view(x)
        self.write(view.base, view.put(jnp.asarray(self.read(view.base)), content))
        self._seen[x] = self._writes[x.storage], content

    def view_of(self, x: Value) -> View | None:
        """Return what an array is a view of; None if it is all of its memory."""
        whole = x in self._given or x is self._roots.get(x.storage)
        return None if whole else self._view(x)

    def _view(self, x: Value) -> View:
        if x not in self._views:  # it shares memory that was there before the program
            root = self._around(x)
            self._views[x] = placed(root, x, self._starts[x] - self._starts[root])
        return self._views[x]

    def _around(self, x: Value) -> Value:
        """Return an array of which another is a part."""
        if x.storage in self._roots:
            return self._roots[x.storage]
        start, end = self._starts[x], self._starts[x] + x.array.nbytes
        for y in self._given:
            if y.storage is x.storage and y.array.flags.c_contiguous:
                if self._starts[y] <= start and end <= self._starts[y] + y.array.nbytes:
                    return y
        raise _unknown(x)


def _unknown(x: Value) -> NotImplementedError:
    return NotImplementedError(
        f"an array of shape {list(x.array.shape)} shares memory with another in a way that XLA "
        f"has no word for; give each tensor memory of its own, with clone()"
    )


def placed(base: Value, x: Value, start: int) -> View:
    """Return the view that an array is of another, in which it begins at some byte."""
    whole, part = base.array, x.array
    if not whole.flags.c_contiguous or part.dtype != whole.dtype:
        raise _unknown(x)
    places = np.full(part.shape, start // whole.itemsize)
    for d, (n, stride) in enumerate(zip(part.shape, part.strides, strict=True)):
        steps = np.arange(n) * (stride // whole.itemsize)
        places += steps.reshape(-1, *[1] * (part.ndim - 1 - d))
    return chosen(base, places)


@dataclass(frozen=True)
class Chosen(View):
    """Some elements of an array.

    Attributes
    ----------
    places
        The number of the element that stands at each place.
    """

    places: np.ndarray


def chosen(base: Value, places: np.ndarray) -> Chosen:
    """Return a view, given the number of the element that it shows at each of its places."""
    shape = base.array.shape
    box = _box(shape, places)
    if box is not None:
        cut, axes, form = box
        back = np.argsort(axes)
        return Chosen(
            base,
            lambda a: a[cut].transpose(axes).reshape(form),
            lambda a, new: a.at[cut].set(
                new.reshape([a[cut].shape[i] for i in axes]).transpose(back)
            ),
            places,
        )
    return Chosen(
        base,
        lambda a: a.reshape(-1)[places],
        lambda a, new: a.reshape(-1).at[places].set(new).reshape(shape),
        places,
    )


def _box(shape: tuple[int, ...], places: np.ndarray) -> Any:
    """Return slices, an order of dimensions and a shape that choose the same elements, if any do.

    They are faster than a list of places.
    """
    if not places.size:
        return None
    steps = [int(places.take(1, d).flat[0] - places.flat[0]) if n > 1 else 0
             for d, n in enumerate(places.shape)]  # fmt: skip
    first = np.unravel_index(int(places.flat[0]), shape)
    strides = [int(np.prod(shape[d + 1 :])) for d in range(len(shape))]
    cut: list[Any] = [slice(int(i), int(i) + 1) for i in first]
    order: dict[int, int] = {}
    for d, (n, step) in enumerate(zip(places.shape, steps, strict=True)):
        if n == 1:
            continue
        axis = next(
            (k for k, (s, m) in enumerate(zip(strides, shape, strict=True))
             if s <= abs(step) and step % s == 0 and abs(step) // s < max(m, 2)), None
        )  # fmt: skip
        if axis is None or axis in order.values() or step <= 0:
            return None
        stride = step // strides[axis]
        if first[axis] + stride * (n - 1) >= shape[axis]:
            return None
        order[d] = axis
        cut[axis] = slice(int(first[axis]), int(first[axis]) + stride * (n - 1) + 1, stride)
    axes = [order[d] for d in sorted(order)]
    axes += [k for k in range(len(shape)) if k not in axes]
    index = np.arange(int(np.prod(shape))).reshape(shape)[tuple(cut)]
    if not np.array_equal(index.transpose(axes).reshape(places.shape), places):
        return None
    return tuple(cut), axes, places.shape


def address(array: np.ndarray) -> int:
    """Return where an array begins."""
    return int(array.__array_interface__["data"][0])
