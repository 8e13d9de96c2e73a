"""Arguments: what of them is given to a program anew at each step, and what it was made for."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.text import literal
from tinygrad_mnist.compiler.watches import NUMBERS

Place = tuple[Any, ...]
"""Where an argument is found: its number or name, and keys of lists and dicts below it."""

UNTRACKED, LEAF, COMPUTED = range(3)


class Arguments:
    """The arguments of a call, taken apart.

    Parameters
    ----------
    args, kwargs
        The arguments.
    moving
        The places of numbers that are given anew at each step.
    held
        What the function reaches otherwise too, by identity, or a weak reference to it: as an
        argument, that is another thing than one that is only given.

    Attributes
    ----------
    key
        What a program is made for: equal for calls that may have the same one.
    skeleton
        The same without the values of numbers.
    leaves
        What isn't a list, tuple or dict, with its place.
    inputs
        The places of what is given anew: arrays, each once, and numbers.
    tensors
        The tensors, each once.
    arrays
        The arrays, each once, with the place where it is found first.
    containers
        The lists and dicts.
    numbers
        The numbers that could be given anew, by their places.
    entered
        The tensors' arrays, and whether their order is fixed, before the call, by identity.
    """

    def __init__(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        moving: Container[Place] = (),
        held: Mapping[int, Any] | None = None,
    ) -> None:
        self.moving = moving
        self.held = held or {}
        self.leaves: list[tuple[Place, Any]] = []
        self.inputs: list[Place] = []
        self.tensors: list[TensorBase] = []
        self.numbers: dict[Place, Any] = {}
        self.entered: dict[int, tuple[np.ndarray, bool]] = {}
        self.arrays: list[tuple[Place, np.ndarray]] = []
        self.containers: list[Any] = []
        self._arrays: dict[int, int] = {}
        self._objects: dict[int, int] = {}
        whole = [self._take(x, (i,)) for i, x in enumerate(args)]
        named = [(name, self._take(x, (name,))) for name, x in kwargs.items()]
        self.key = (*[k for k, _ in whole], *[(name, k) for name, (k, _) in named])
        self.skeleton = (*[s for _, s in whole], *[(name, s) for name, (_, s) in named])

    def _take(self, x: Any, place: Place) -> tuple[Any, Any]:
        kind = type(x)
        if kind is list or kind is dict:
            self.containers.append(x)
        if kind is list or isinstance(x, tuple):
            parts = [self._take(part, (*place, i)) for i, part in enumerate(x)]
            which = kind, self._itself(x)
            return (*which, *[k for k, _ in parts]), (*which, *[s for _, s in parts])
        if kind is dict:
            items = [(name, self._take(part, (*place, name))) for name, part in x.items()]
            which = kind, self._itself(x)
            return (
                (*which, *[(name, k) for name, (k, _) in items]),
                (*which, *[(name, s) for name, (_, s) in items]),
            )
        self.leaves.append((place, x))
        if isinstance(x, TensorBase):
            same = self._objects.get(id(x))
            if same is None:
                self._objects[id(x)] = len(self.tensors)
                self.tensors.append(x)
                self.entered[id(x)] = x._array, x._fixed_order
            track = tracking(x)
            order = x._fixed_order or x._array.flags.c_contiguous
            layout = (kind, same, self._itself(x), track, bool(x._hooks), order,
                      *self._array(x._array, place))  # fmt: skip
            return layout, layout
        if kind is np.ndarray:
            layout = (kind, *self._array(x, place))
            return layout, layout
        if kind is int or kind is float:
            self.numbers[place] = x
            if place in self.moving:
                self.inputs.append(place)
                return (kind,), (kind,)
            return (kind, x, _sign(x)), (kind,)
        if isinstance(x, NUMBERS):
            return (kind, x, _sign(x)), (kind, x, _sign(x))
        return (kind, id(x)), (kind, id(x))

    def _itself(self, x: Any) -> int | None:
        known = self.held.get(id(x))
        there = known() if type(known) is weakref.ref else known
        return id(x) if there is x else None

    def _array(self, array: np.ndarray, place: Place) -> tuple[Any, ...]:
        number = self._arrays.get(id(array))
        if number is None:
            number = self._arrays[id(array)] = len(self.inputs)
            self.arrays.append((place, array))
            self.inputs.append(place)
        return number, self._itself(array), array.shape, array.dtype, array.strides


def _sign(x: Any) -> str:
    """Tell zero from minus zero, which are equal, but whose quotients aren't."""
    return str(x) if isinstance(x, float | complex | np.inexact) and not x else ""


def tracking(x: TensorBase) -> int:
    """Say whether a gradient flows to a tensor: not at all, as to a leaf, or through a node."""
    source = x.source()
    return UNTRACKED if source is None else LEAF if source is x else COMPUTED


def replaced(x: Any, change: Callable[[Place, Any], Any], place: Place = ()) -> Any:
    """Return arguments with every leaf changed; a container in which nothing changes stays."""
    kind = type(x)
    if kind is list or isinstance(x, tuple):
        parts = [replaced(part, change, (*place, i)) for i, part in enumerate(x)]
        if all(new is old for new, old in zip(parts, x, strict=True)):
            return x
        return kind(*parts) if hasattr(x, "_fields") else kind(parts)
    if kind is dict:
        items = {name: replaced(part, change, (*place, name)) for name, part in x.items()}
        return x if all(items[name] is x[name] for name in x) else items
    return change(place, x)


def described(x: Any) -> str:
    """Say in short what an argument is: of a tensor, the shape."""
    if isinstance(x, TensorBase):
        return str(list(x.shape))
    return literal(x) or type(x).__name__
