"""The recording array: it stands for an array, and notes what NumPy is asked to do with it.

It is no array itself, so nothing can read its numbers unnoticed: what NumPy offers protocols for
is noted down, and whatever else looks inside (``float()``, ``np.asarray``, a print) is told.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

if TYPE_CHECKING:
    from tinygrad_mnist.compiler.trace import Value
    from tinygrad_mnist.compiler.tracer import Tracer
    from tinygrad_mnist.ops.contract import Op

KNOWN = ("shape", "dtype", "ndim", "size", "strides", "itemsize", "nbytes", "flags")
"""What is known without looking at numbers."""

VIEWS = frozenset({"T", "mT", "real", "imag"})

PROTOCOLS = frozenset({"__array_struct__", "__buffer__"})
"""Ways to an array's memory that it hasn't, so that NumPy asks for ``__array_interface__``."""

METHODS = frozenset({
    "all", "any", "argmax", "argmin", "argsort", "argpartition", "astype", "choose",
    "clip", "conj", "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot", "fill", "flatten",
    "max", "mean", "min", "partition", "prod", "put", "ravel", "repeat", "reshape", "round",
    "searchsorted", "sort", "squeeze", "std", "sum", "swapaxes", "take", "trace", "transpose",
    "var", "view",
})  # fmt: skip

WRITING = frozenset({"fill", "partition", "put", "sort"})
"""The methods that write to the array itself."""


class Recorded(NDArrayOperatorsMixin):
    """Stands for an array while a step is recorded.

    Attributes
    ----------
    actual
        The array.
    value
        What it is in the program.
    """

    __slots__ = ("__weakref__", "actual", "tracer", "value")

    def __init__(self, actual: np.ndarray, value: Value, tracer: Tracer) -> None:
        self.actual = actual
        self.value = value
        self.tracer = tracer

    taken_for = np.ndarray
    # Asked for by ``isinstance`` at every turn, so no code of Python's runs for it.
    __class__ = property(attrgetter("taken_for"))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.tracer.call(function, inputs, keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return self.tracer.call(function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in VIEWS:
            return self.tracer.call(getattr, (self,), {}, "attribute", name)
        if name in METHODS:
            return _Method(self, name)
        if name == "base":
            return self.tracer.base(self)
        if name == "item":
            return functools.partial(self.tracer.item, self)
        if name in PROTOCOLS or (name.startswith("__") and not hasattr(self.actual, name)):
            raise AttributeError(name)
        how = "its memory" if name == "__array_interface__" else name
        return getattr(self.tracer.look(self, how), name)

    @staticmethod
    def __op__(op: Op, *inputs: Any, **settings: Any) -> Any:
        """Note an operation that was called on arrays, in a rule or by the engine."""
        tracer = next(x.tracer for x in inputs if type(x) is Recorded)
        return tracer.operation(op, inputs, settings)

    def __getitem__(self, index: Any) -> Any:
        return self.tracer.call(getattr, (self, index), {}, "getitem")

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tracer.call(setattr, (self, index, value), {}, "setitem")

    def __iter__(self) -> Iterator[Any]:
        if not self.actual.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self.actual)))

    def __len__(self) -> int:
        return len(self.actual)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.tracer.look(self, "pickling").__reduce_ex__(protocol)

    def __array__(self, *given: Any, **named: Any) -> Any:
        return np.asarray(self.tracer.look(self, "numpy.asarray"), *given)

    def __bool__(self) -> bool:
        return bool(self.tracer.look(self, "bool"))

    def __float__(self) -> float:
        return float(self.tracer.look(self, "float"))

    def __int__(self) -> int:
        return int(self.tracer.look(self, "int"))

    def __index__(self) -> int:
        return self.tracer.look(self, "an index").__index__()  # type: ignore[no-any-return]  # of any type

    def __complex__(self) -> complex:
        return complex(self.tracer.look(self, "complex"))

    def __repr__(self) -> str:
        return repr(self.tracer.look(self, "printing"))

    __str__ = __repr__

    def __format__(self, form: str) -> str:
        return format(self.tracer.look(self, "printing"), form)

    def __contains__(self, x: Any) -> bool:
        return x in self.tracer.look(self, "in")

    __hash__ = None  # type: ignore[assignment]  # as an array's


for _name in KNOWN:
    setattr(Recorded, _name, property(attrgetter(f"actual.{_name}")))


class _Method:
    """A method of a recording array."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: Recorded, name: str) -> None:
        self.owner = owner
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.owner.tracer.call(getattr, (self.owner, *args), kwargs, "method", self.name)
