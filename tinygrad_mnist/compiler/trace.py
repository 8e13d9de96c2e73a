"""A trace: the NumPy calls of a step, in the order in which they were made.

The calls are really made while they are noted, so shapes and layouts are those of the arrays that
came out. Arrays are values; the memory that one or several of them see is a storage, so that
writing to one is known to change the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.observer import Line as UserLine

if TYPE_CHECKING:
    from tinygrad_mnist.compiler.lanes.building import LanePrograms

RULE = "'s rule"
"""How the name of a call's operation ends that is a rule."""

OF_GRADIENTS = " of gradients"
"""How it ends for what the engine computes between rules."""


class NotRecordableError(Exception):
    """Raised inside of an operation that looks at numbers: it becomes one call of its own."""


class Storage:
    """Memory that values see.

    Attributes
    ----------
    array
        The array that owned it while the step was recorded.
    origin
        Where it comes from: ``"made"`` by a call; else ``"input"``, ``"state"`` or ``"constant"``.
    """

    __slots__ = ("array", "origin")

    def __init__(self, array: np.ndarray, origin: str) -> None:
        self.array = array
        self.origin = origin


class Value:
    """An array of the program: a view of a storage.

    Attributes
    ----------
    storage
        Its memory.
    array
        What stood there while the step was recorded; it tells shape, dtype and layout.
    varies
        Whether these may change with numbers: it's for the kernels alone that make and take it.
    weak
        Whether it is a number of Python's, which takes the dtype of what it meets.
    """

    __slots__ = ("array", "storage", "varies", "weak")

    def __init__(
        self, array: np.ndarray, storage: Storage, varies: bool = False, weak: bool = False
    ) -> None:
        self.array = array
        self.storage = storage
        self.varies = varies
        self.weak = weak


class Thing:
    """What a call makes and another takes, but no array: a program only hands it on.

    Attributes
    ----------
    name
        What it might be called.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(eq=False)
class Call:
    """One line of the program: a function, its arguments, and what it makes.

    Attributes
    ----------
    function
        What is called: a function of NumPy's, ``"getitem"`` and the like, or a kernel.
    arguments, keywords
        Its arguments: values, numbers, and tuples and lists of them.
    results
        The values that it makes, in the structure in which it returns them; None for a write.
    writes
        The storages that it writes to.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    results: Any = None
    writes: tuple[Storage, ...] = ()
    kind: str = "function"
    """``function``, ``method``, ``attribute``, ``getitem``, ``setitem``, or ``kernel``."""
    name: str = ""
    """What a method, attribute or kernel is called."""
    why: str = ""
    """Why a kernel isn't several calls: what of it NumPy has no protocol for."""
    effect: bool = False
    """Whether it does more than its results and writes show, such as to draw numbers."""
    operation: str = ""
    """The operation or rule that it belongs to."""
    module: str = ""
    reads: tuple[Value, ...] = ()
    """What it reads besides its arguments: the parts of one of them."""
    printed: tuple[Call, ...] | None = None
    """What readers are shown in its place, if not itself."""
    line: UserLine | None = None
    at: int = -1
    """Its place among the calls that were recorded."""
    laned: bool = False
    """Whether lanes can make it."""
    _values: list[Value] | None = field(default=None, repr=False)

    @property
    def is_backward(self) -> bool:
        """Whether it belongs to a backward pass."""
        return self.operation.endswith((RULE, OF_GRADIENTS))

    def but(self, **changes: Any) -> Call:
        """Return a call that is as this one, but for some of its fields."""
        call = object.__new__(Call)
        call.__dict__ = {**self.__dict__, "_values": None, **changes}
        return call

    def values(self) -> list[Value]:
        """Return the values that it takes."""
        if self._values is None:
            self._values = leaves((self.arguments, tuple(self.keywords.values()), self.reads))
        return self._values

    def made(self) -> list[Value]:
        """Return the values that it makes."""
        return [self.results] if type(self.results) is Value else leaves(self.results)


@dataclass(eq=False)
class Program:
    """Calls, and what stands around them: what is given, and what is wanted.

    Attributes
    ----------
    calls
        The calls in order.
    inputs
        Values that are given anew for each step.
    outputs
        Values that are returned: arrays of their own.
    gradients
        Values that become the gradients of parameters.
    rebound
        Values that take the place of tensors' arrays: new ones at each step, as outputs are.
    parts
        Arrays that have to lie in a larger one: which, and at which byte they begin in it.
    free
        From which of the recorded calls on the gradients of the step before are gone.
    reads_gradients
        Whether it reads those.
    lanes
        The calls that lanes can make, as a program for each of these.
    """

    calls: list[Call] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    gradients: list[Value] = field(default_factory=list)
    rebound: list[Value] = field(default_factory=list)
    parts: dict[Storage, tuple[Storage, int]] = field(default_factory=dict)
    free: int = 0
    reads_gradients: bool = False
    lanes: LanePrograms | None = None

    def wanted(self) -> list[Value]:
        """Return what must be there when it has run."""
        return self.outputs + self.rebound + self.gradients


def leaves(x: Any) -> list[Value]:
    """Return the values in nested tuples, lists and slices."""
    found: list[Value] = []
    _collect(x, found)
    return found


def _collect(x: Any, found: list[Value]) -> None:
    kind = type(x)
    if kind is Value:
        found.append(x)
    elif kind is tuple or kind is list:
        for part in x:
            _collect(part, found)
    elif kind is slice:
        _collect((x.start, x.stop, x.step), found)


def mapped(x: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested tuples, lists, dicts and slices with every leaf changed."""
    kind = type(x)
    if kind is tuple or kind is list:
        return kind([mapped(part, change) for part in x])
    if kind is slice:
        return slice(*(mapped(part, change) for part in (x.start, x.stop, x.step)))
    if issubclass(kind, tuple) and hasattr(x, "_fields"):
        return kind(*(mapped(part, change) for part in x))
    return change(x)


def owner(array: np.ndarray) -> np.ndarray:
    """Return the array whose memory an array sees."""
    base: Any = array.base
    while base is not None:
        if isinstance(base, np.ndarray):
            array = base
        base = getattr(base, "base", None)  # NumPy's as_strided puts something in between
    return array


def same_memory(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays are one: the same elements, in the same places."""
    places = (a.__array_interface__["data"][0] for a in (x, y))
    return same_layout(x, y) and len(set(places)) == 1


def same_layout(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays are alike in shape, dtype and strides."""
    return x.shape == y.shape and x.dtype == y.dtype and x.strides == y.strides


def differences(first: Sequence[Call], second: Sequence[Call]) -> str:
    """Say where two recordings of one step differ, or return an empty string."""
    if len(first) != len(second):
        return f"it made {len(first)} calls, and then {len(second)}"
    numbers: dict[int, int] = {}
    for one, two in zip(first, second, strict=True):
        if (one.function, one.kind, one.name) != (two.function, two.kind, two.name):
            if (name := _called(one)) == _called(two):
                owner = getattr(one.function, "__self__", one.function)
                return f"it makes another {type(owner).__name__} each time"
            return f"it called {name}, and then {_called(two)}"
        if said := _difference(
            (one.arguments, one.keywords, one.results),
            (two.arguments, two.keywords, two.results),
            numbers,
        ):
            return said
    return ""


def _called(call: Call) -> str:
    """Return the name of what is called."""
    return str(call.name or getattr(call.function, "__name__", type(call.function).__name__))


def _difference(x: Any, y: Any, numbers: dict[int, int]) -> str:
    kind = type(x)
    if kind is not type(y):
        return f"{x!r} became {y!r}"
    if kind is Value:
        if x.storage.origin == "constant":
            if same_layout(x.array, y.array) and x.array.tobytes() == y.array.tobytes():
                return ""
            return "an array that it made outside of the program changed"
        alike = x.varies is y.varies and (x.varies or same_layout(x.array, y.array))
        if numbers.setdefault(id(x), id(y)) != id(y) or not alike:
            return "its arrays were of other shapes, or came from elsewhere"
        return ""
    if issubclass(kind, (tuple, list)):
        if len(x) != len(y):
            return f"{x!r} became {y!r}"
        return next(filter(None, map(_difference, x, y, repeat(numbers))), "")
    if kind is dict:
        if x.keys() != y.keys():
            return f"{x!r} became {y!r}"
        return next(filter(None, (_difference(x[k], y[k], numbers) for k in x)), "")
    if kind is slice:
        return _difference((x.start, x.stop, x.step), (y.start, y.stop, y.step), numbers)
    if x is y or x == y or (x != x and y != y):
        return ""
    return f"the number {x!r} became {y!r}"
