"""A number that is recorded: it was given as an argument, or taken out of a tensor.

To ``isinstance`` it is a float or an int. Arithmetic with it is noted; whatever looks at it (a
comparison, ``math``'s functions, formatting, a use as an index) is told, as with arrays.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist.compiler.trace import Value
    from tinygrad_mnist.compiler.tracer import Tracer


class Number:
    """Stands for a number while a step is recorded.

    Attributes
    ----------
    real
        The number.
    value
        What it is in the program.
    source
        The place of the argument that it was given as; None for others.
    """

    __slots__ = ("real", "source", "tracer", "value")

    def __init__(self, real: Any, value: Value, tracer: Tracer, source: Any = None) -> None:
        self.real = real
        self.value = value
        self.tracer = tracer
        self.source = source

    @property  # type: ignore[misc]  # to be found by isinstance
    def __class__(self) -> Any:
        """Be taken for a number by ``isinstance``."""
        return type(self.real)

    def look(self, how: str) -> Any:
        """Look at the number, which ends the recording."""
        if self.tracer.open:
            self.tracer.look(None, how)
            self.tracer.looked_at(self)
        return self.real

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.tracer.call(function, inputs, keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return self.tracer.call(function, args, kwargs)

    def __array__(self, *given: Any, **named: Any) -> Any:
        return np.asarray(self.look("numpy.asarray"), *given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.look(name), name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be copied and pickled as the number."""
        return type(self.real), (self.look("a copy"),)


def _arithmetic(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return an operator's method, and the one for the reflected operands."""

    def method(self: Number, other: Any) -> Any:
        if type(other) is not Number and type(other) not in (int, float):
            return NotImplemented
        return self.tracer.calculate(function, self, other)

    def reflected(self: Number, other: Any) -> Any:
        if type(other) not in (int, float):
            return NotImplemented
        return self.tracer.calculate(function, other, self)

    return method, reflected


def _alone(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Number) -> Any:
        return self.tracer.calculate(function, self)

    return method


def _looking(function: Callable[..., Any], how: str) -> Callable[..., Any]:
    def method(self: Number, *others: Any) -> Any:
        plain = [x.look(how) if type(x) is Number else x for x in others]
        return function(self.look(how), *plain)

    return method


_LOOKS: dict[str, tuple[Callable[..., Any], str]] = {
    "float": (float, "float"), "int": (int, "int"), "index": (operator.index, "an index"),
    "bool": (bool, "bool"), "repr": (repr, "printing"), "str": (str, "printing"),
    "format": (format, "printing"), "hash": (hash, "a key"), "round": (round, "round"),
    "trunc": (math.trunc, "trunc"), "floor": (math.floor, "floor"), "ceil": (math.ceil, "ceil"),
    **{
        name: (getattr(operator, name), "a comparison")
        for name in ("eq", "ne", "lt", "le", "gt", "ge")
    },
}  # fmt: skip

for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _method, _reflected = _arithmetic(getattr(operator, _name))
    setattr(Number, f"__{_name}__", _method)
    setattr(Number, f"__r{_name}__", _reflected)
for _name in ("neg", "pos", "abs"):
    setattr(Number, f"__{_name}__", _alone(getattr(operator, _name)))
for _name, (_function, _how) in _LOOKS.items():
    setattr(Number, f"__{_name}__", _looking(_function, _how))
