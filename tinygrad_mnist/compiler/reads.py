"""Which attributes of objects a step reads and sets: told by their classes while it is recorded.

The code of a step names attributes, but not whose they are: ``x.step`` may be a method of an
optimizer, or a counter of the trainer. So the classes of what it reaches are asked, too: for the
time being they tell of each attribute that is looked up.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.compiler.ownership import KINDS, LIBRARY
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer
from tinygrad_mnist.optim.optimizer import Optimizer

WHOLE = ("__dict__", "__getstate__", "__reduce__", "__reduce_ex__")
"""Attributes by which all others may be read, but for this package's own code, which reads others
by their names."""

UNTOLD = frozenset({"__getattribute__", "__get__", "getattr_static"})
"""Names of ways to an attribute around an object's class."""

_LIVE = frozenset({
    ArrayOptimizer.step.__code__,
    *(inspect.unwrap(f).__code__ for f in (ArrayOptimizer.step, Optimizer.zero_grad)),
})  # fmt: skip
"""Code that asks an optimizer of this package only for what is watched in any case."""


class Reads:
    """Hears of attributes that are read and set, as a context manager.

    Parameters
    ----------
    kinds
        The classes of the objects; made by ``class`` statements.
    everything
        Whether they may be read unheard: then all of them count.
    """

    def __init__(self, kinds: Iterable[type], everything: bool = False) -> None:
        self._kinds = frozenset(kinds)
        self._everything = everything
        self._read: set[tuple[int, str]] = set()
        self._set: set[tuple[int, str]] = set()
        self._before: list[tuple[type, str, Any]] = []

    def __enter__(self) -> Reads:
        for kind in self._kinds:
            for name, heard in _WAYS.items():
                self._before.append((kind, name, kind.__dict__.get(name)))
                telling = _telling(getattr(kind, name), getattr(self, heard))
                type.__setattr__(kind, name, telling)
        return self

    def __exit__(self, *error: object) -> None:
        while self._before:
            kind, name, own = self._before.pop()
            if own is None:
                type.__delattr__(kind, name)
            else:
                type.__setattr__(kind, name, own)

    def tell_of(self, x: Any) -> bool:
        """Whether an object's class tells."""
        return type(x) in self._kinds

    def has(self, x: Any, name: str) -> bool:
        """Whether an attribute of such an object was read or set."""
        if self._everything or self.has_set(x, name):
            return True
        return any((id(x), read) in self._read for read in (name, *WHOLE))

    def names(self) -> set[str]:
        """Return the names of all attributes that were read."""
        return {name for _, name in self._read}

    def tell_of_all(self, kind: type) -> bool:
        """Whether all that is asked of instances of a class is heard."""
        return not self._everything and any(issubclass(x, kind) for x in self._kinds)

    def has_set(self, x: Any, name: str) -> bool:
        """Whether it was set."""
        return (id(x), name) in self._set


_WAYS = {"__getattribute__": "_read", "__setattr__": "_set", "__delattr__": "_set"}
"""The methods by which a class can tell, and where it is noted."""


def _telling(usual: Callable[..., Any], heard: set[tuple[int, str]]) -> Callable[..., Any]:
    """Return a method of a class that notes the attribute before it does what it did."""

    def look_up(x: Any, name: str, *value: Any) -> Any:
        if (tracer := modes.tracer) is not None and tracer.open:
            code = sys._getframe(1).f_code
            of_registers = name == "__dict__" and KINDS[code.co_filename] == LIBRARY
            if not (of_registers or (code in _LIVE and isinstance(x, ArrayOptimizer))):
                heard.add((id(x), name))
        return usual(x, name, *value)

    return look_up


_TELLING = _telling(object.__getattribute__, set()).__code__


def asker(frame: types.FrameType) -> types.FrameType | None:
    """Return the frame from which something is called, if need be by way of a class that tells."""
    caller = frame.f_back
    while caller is not None and caller.f_code is _TELLING:
        caller = caller.f_back
    return caller
