"""What a step can reach: the tensors and numbers that it may read besides its arguments.

Numbers are frozen into a program, so they are watched: a program is used only as long as they are
what they were. They are found where Python keeps them: in the globals and closures that the code
names, in the attributes of modules and other objects, and in the lists and dicts among those.
"""

from __future__ import annotations

import enum
import functools
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer
from tinygrad_mnist.optim.lr_scheduler import LRScheduler
from tinygrad_mnist.tensor.generator import Generator

NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, enum.Enum)

LARGE = 20_000
"""How many things may be watched."""


class Watched:
    """A place where a number, or the identity of an object, is watched."""

    __slots__ = ("expected", "holder", "key", "path", "read")

    def __init__(self, read: Callable[[Any, Any], Any], holder: Any, key: Any, path: str) -> None:
        self.read = read
        self.holder = holder
        self.key = key
        self.path = path
        self.expected = read(holder, key)

    def changed(self) -> bool:
        """Whether it isn't what it was."""
        try:
            now = self.read(self.holder, self.key)
        except (AttributeError, KeyError, IndexError, ValueError):
            return True
        then = self.expected
        if now is then:
            return False
        if type(now) is not type(then) or not isinstance(then, NUMBERS):
            return True
        return bool(now != then and not (now != now and then != then))


def _item(holder: Any, key: Any) -> Any:
    return holder[key]


def _length(holder: Any, key: Any) -> int:
    return len(holder)


def _cell(holder: types.CellType, key: Any) -> Any:
    return holder.cell_contents


_MISSING = object()


def _get(holder: dict[str, Any], key: str) -> Any:
    return holder.get(key, _MISSING)


class Surroundings:
    """What a function and its arguments can reach.

    Attributes
    ----------
    tensors
        The tensors, each once.
    watched
        The places of numbers.
    refused
        Why the function can't be compiled, if what it reaches says so.
    """

    def __init__(self, function: Any) -> None:
        self.tensors: list[TensorBase] = []
        self.watched: list[Watched] = []
        self.refused = ""
        self._seen: dict[int, Any] = {}
        self._queue: deque[tuple[Any, str]] = deque()
        self.add(function, "")

    def add(self, x: Any, path: str) -> None:
        """Walk over what something reaches."""
        self._queue.append((x, path))
        while self._queue:
            self._visit(*self._queue.popleft())
            if len(self.watched) > LARGE:
                self.refused = f"it reaches more than {LARGE:,} Python objects"
                return

    def objects(self) -> list[Any]:
        """Return what was found."""
        return list(self._seen.values())

    def change(self) -> str:
        """Name the first place that isn't what it was; empty if there is none."""
        return next((w.path for w in self.watched if w.changed()), "")

    def _watch(self, read: Callable[[Any, Any], Any], holder: Any, key: Any, path: str) -> None:
        watched = Watched(read, holder, key, path)
        self.watched.append(watched)
        self._queue.append((watched.expected, path))

    def _visit(self, x: Any, path: str) -> None:
        if isinstance(x, NUMBERS) or id(x) in self._seen:
            return
        self._seen[id(x)] = x
        if isinstance(x, TensorBase):
            self.tensors.append(x)
        elif isinstance(x, types.FunctionType):
            self._function(x, path)
        elif isinstance(x, types.MethodType):
            self._queue += ((x.__func__, path), (x.__self__, path))
        elif isinstance(x, functools.partial):
            self._queue += ((x.func, path), (x.args, path), (x.keywords, path))
        elif isinstance(x, list | tuple | deque):
            self._sequence(x, path)
        elif isinstance(x, dict):
            self._dict(x, path)
        elif isinstance(x, set | frozenset):
            self._watch(_length, x, None, f"the length of {path}")
        elif isinstance(x, LRScheduler | Generator | np.ndarray | types.ModuleType):
            return
        elif isinstance(x, ArrayOptimizer):
            self._optimizer(x, path)
        elif isinstance(x, type):
            self._class(x, path)
        elif isinstance(x, Module) or (hasattr(x, "__dict__") and not _foreign(type(x).__module__)):
            self._object(x, path)

    def _sequence(self, x: Any, path: str) -> None:
        if not isinstance(x, tuple):
            self._watch(_length, x, None, f"the length of {path}")
        for i, item in enumerate(x):
            if isinstance(x, tuple):
                self._queue.append((item, f"{path}[{i}]"))
            else:
                self._watch(_item, x, i, f"{path}[{i}]")

    def _dict(self, x: dict[Any, Any], path: str) -> None:
        self._watch(_length, x, None, f"the length of {path}")
        for key in x:
            self._watch(_get, x, key, f"{path}[{key!r}]")

    def _optimizer(self, x: ArrayOptimizer, path: str) -> None:
        """Watch no settings and no state: the program reads them anew at each step."""
        for group in x.param_groups:
            self._watch(_length, group["params"], None, f"the parameters of {path}")
            self._queue.extend((p, f"{path}'s parameter") for p in group["params"])

    def _object(self, x: Any, path: str) -> None:
        own = x.__dict__
        for name in own:
            where = f"{path}.{name}" if path else name
            self._watch(_get, own, name, where)
        kind = type(x)
        if not _foreign(kind.__module__):
            self._queue.append((kind, path))

    def _class(self, x: type, path: str) -> None:
        if _foreign(x.__module__):
            return
        for name, item in list(x.__dict__.items()):
            if isinstance(item, staticmethod | classmethod):
                item = item.__func__
            if isinstance(item, property):
                item = item.fget
            if isinstance(item, types.FunctionType):
                self._queue.append((item, path))
            elif not name.startswith("__") and isinstance(item, NUMBERS):
                self._watch(getattr, x, name, f"{x.__name__}.{name}")
        self._queue.extend((base, path) for base in x.__bases__)

    def _function(self, x: types.FunctionType, path: str) -> None:
        wrapped = getattr(x, "__wrapped__", None)
        if wrapped is not None:
            self._queue.append((wrapped, path))
        if _foreign(x.__module__):
            return
        for name, cell in zip(x.__code__.co_freevars, x.__closure__ or (), strict=True):
            try:
                self._watch(_cell, cell, None, f"the variable {name}")
            except ValueError:
                continue  # not assigned yet
        self._queue.extend((d, path) for d in (x.__defaults__ or ()))
        self._queue.extend((d, path) for d in (x.__kwdefaults__ or {}).values())
        for name in _names(x.__code__):
            if name in x.__globals__:
                self._global(x.__globals__, name)

    def _global(self, names: dict[str, Any], name: str) -> None:
        value = names[name]
        if isinstance(value, types.ModuleType):
            if not _foreign(value.__name__):
                # The module's own variables: any of them may be read by its functions.
                for inner, item in list(vars(value).items()):
                    if not inner.startswith("__") and not isinstance(item, types.ModuleType):
                        self._watch(_get, vars(value), inner, f"{name}.{inner}")
            return
        self._watch(_get, names, name, f"the variable {name}")


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


@functools.cache
def _foreign(name: str | None) -> bool:
    """Whether a module is of a library: installed, built in, or this package."""
    root = (name or "builtins").split(".")[0]
    if root in sys.stdlib_module_names or root == __name__.split(".")[0]:
        return root != "__main__"
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file
