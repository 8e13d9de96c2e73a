"""Watches: places where Python keeps something that a program was made for.

Each has a check in Python source, from which the guards of a program are put together.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, enum.Enum)
"""What is compared by what it is; all else by identity."""

MISSING = object()


def same(x: Any, y: Any) -> bool:
    """Whether two things are alike: numbers and text by type and value, NaN like NaN.

    Zero has a sign, which a quotient shows.
    """
    if x is y:
        return True
    if type(x) is not type(y) or not isinstance(x, NUMBERS):
        return False
    if x == y:
        return not isinstance(x, _SIGNED) or bool(x) or str(x) == str(y)
    return bool(x != x and y != y)


_SIGNED = (float, complex, np.inexact)


def content_of(holder: Any) -> Any:
    """Return what is in a collection of numbers, with the order, the types and zeros' signs."""
    if not isinstance(holder, list | deque | dict | set | frozenset):
        return bytes(holder)
    keys = list(holder) if isinstance(holder, dict) else None
    found = list(holder.values()) if isinstance(holder, dict) else list(holder)
    zeros = [str(x) for x in found if isinstance(x, _SIGNED) and not x] if 0.0 in found else None
    return found, list(map(type, found)), zeros, keys


class Watch:
    """A place where something is watched.

    Parameters
    ----------
    kind
        How it is read, a key of :data:`READ`.
    holder, key
        Where.
    path
        What a person calls it.
    """

    __slots__ = ("expected", "holder", "key", "kind", "path")

    def __init__(self, kind: str, holder: Any, key: Any, path: str) -> None:
        self.kind = kind
        self.holder = holder
        self.key = key
        self.path = path
        self.expected = self.now()

    def now(self) -> Any:
        """Return what is there now."""
        try:
            return READ[self.kind](self.holder, self.key)
        except (AttributeError, LookupError, ValueError):
            return MISSING

    def changed(self) -> bool:
        """Whether it isn't what it was."""
        if self.kind in ("content", "keys"):
            try:
                return bool(self.now() != self.expected)
            except Exception:  # what can't be compared isn't numbers any more
                return True
        return not same(self.now(), self.expected)

    def check(self, name: Callable[[Any], str]) -> str:
        """Return an expression that is true as long as it hasn't changed."""
        if self.kind == "content":
            return f"content_of({name(self.holder)}) == {name(self.expected)}"
        if self.kind == "keys":
            if not self.expected:
                return f"not {name(self.holder)}"
            return f"list({name(self.holder)}) == {name(self.expected)}"
        key = repr(self.key) if type(self.key) in (str, int) else name(self.key)
        read = CHECK[self.kind].format(h=name(self.holder), k=key)
        if self.expected is MISSING:
            if self.kind == "entry":
                return f"{key} not in {name(self.holder)}"
            return f"{name(self)}.now() is {name(MISSING)}"
        if self.kind == "length":
            return f"{read} == {self.expected}"
        if self.expected is None or type(self.expected) is bool:
            return f"{read} is {self.expected}"
        if isinstance(self.expected, NUMBERS):
            expected = name(self.expected)
            return f"((v := {read}) is {expected} or same(v, {expected}))"
        return f"{read} is {name(self.expected)}"

    def put(self, x: Any) -> bool:
        """Put something else in the place; say whether that can be done."""
        if self.kind in ("item", "entry"):
            self.holder[self.key] = x
        elif self.kind == "cell":
            self.holder.cell_contents = x
        else:
            return False
        return True


READ: dict[str, Callable[[Any, Any], Any]] = {
    "item": lambda holder, key: holder[key],
    "entry": lambda holder, key: holder[key],
    "cell": lambda holder, key: holder.cell_contents,
    "attribute": getattr,
    "class": lambda holder, key: holder.__dict__[key],
    "length": lambda holder, key: len(holder),
    "referent": lambda holder, key: holder(),
    "type": lambda holder, key: type(holder),
    "keys": lambda holder, key: list(holder),
    "content": lambda holder, key: content_of(holder),
}
CHECK = {
    "item": "{h}[{k}]",
    "entry": "{h}[{k}]",
    "cell": "{h}.cell_contents",
    "attribute": "getattr({h}, {k})",
    "class": "{h}.__dict__[{k}]",
    "length": "len({h})",
    "referent": "{h}()",
    "type": "type({h})",
}
