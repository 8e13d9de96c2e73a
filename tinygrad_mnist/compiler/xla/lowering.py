"""Lowering: a program of NumPy calls as a function of JAX arrays, which XLA compiles."""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tinygrad_mnist.compiler.functions import name_of
from tinygrad_mnist.compiler.trace import Call, Value, mapped
from tinygrad_mnist.compiler.xla.functions import FUNCTIONS, lowered_function, lowered_reduce
from tinygrad_mnist.compiler.xla.kernels import KERNELS, OUTSIDE, SHARED, WRITERS, written_last
from tinygrad_mnist.compiler.xla.memory import Memory
from tinygrad_mnist.compiler.xla.products import is_over_rows, over_rows
from tinygrad_mnist.compiler.xla.views import part_of, view_of

Array = Any

BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


class Lowering:
    """One run of a program on JAX's arrays: they are tracers, so that XLA's program comes out.

    Parameters
    ----------
    memory
        Where the arrays that are given have been put.
    wanted
        The values that leave the program: among them may be what kernels leave for rules.
    """

    def __init__(self, memory: Memory, wanted: Set[Value] = frozenset()) -> None:
        self.memory = memory
        self.wanted = wanted
        self._shared: dict[Any, tuple[Any, dict[str, Array]]] = {}

    def run(self, call: Call) -> None:
        """Run a call."""
        try:
            self._run(call)
        except Exception as error:
            said = str(error).partition("\n")[0] or type(error).__name__
            if not isinstance(error, NotImplementedError):
                said = f"JAX refuses {name_of(call.function, call.kind, call.name)}: {said}"
            what = call.operation and f" (in {call.operation})"
            where = "" if call.line is None else f", at {call.line}"
            raise NotImplementedError(f"{said}{what}{where}") from error

    def read(self, x: Any) -> Any:
        """Return what an argument is now."""
        if type(x) is not Value:
            return x
        if x.storage.origin == "constant" and not self.memory.knows(x):
            self.memory.define(x, x.array)
        return self.memory.read(x)

    def _run(self, call: Call) -> None:
        function, kind = call.function, call.kind
        if kind == "setitem":
            target, index, new = call.arguments
            self._set(target, mapped(index, self.read), self.read(new))
            return
        first = call.arguments[0] if call.arguments else None
        result = call.results
        if type(first) is Value and type(result) is Value and result.storage is first.storage:
            self.read(first)
            if kind == "getitem":
                self.memory.show(result, part_of(self.memory, first, call.arguments[1]))
                return
            if "out" not in call.keywords and not call.writes:
                method = kind in ("method", "attribute")
                self.memory.show(
                    result,
                    view_of(
                        None if method else function, call.name, first,
                        call.arguments[1:], call.keywords,
                    ),
                )  # fmt: skip
                return
        if function in WRITERS:
            arguments = mapped(call.arguments, self.read)
            WRITERS[function](self.memory, *arguments, **call.keywords)
            return
        if function is np.copyto:
            self._copy(*call.arguments, **call.keywords)
            return
        arguments = mapped(call.arguments, self.read)
        keywords = {k: mapped(x, self.read) for k, x in call.keywords.items()}
        out = keywords.pop("out", None)
        if getattr(function, "__name__", "") == "at" and isinstance(
            getattr(function, "__self__", None), np.ufunc
        ):
            self._at(function.__self__, call.arguments[0], *arguments[1:])
            return
        if function is np.matmul and _is_sum(*call.arguments):
            made = arguments[1].sum(axis=0)
        elif function is np.matmul and is_over_rows(*call.arguments):
            made = over_rows(arguments[0].T, arguments[1])
        else:
            made = self._function(call)(*arguments, **keywords)
        left = call.made()[1:] if call.kind == "kernel" else ()
        if left and function in OUTSIDE and not self.wanted.isdisjoint(left):
            made = OUTSIDE[function](*made)
        if out is not None:
            target = call.keywords["out"]
            target = target[0] if isinstance(target, tuple) else target
            self.write_out(target, made, keywords.get("where", True))
            return
        self.define(result, made)

    def _function(self, call: Call) -> Callable[..., Any]:
        function, kind = call.function, call.kind
        if kind == "getitem":
            return lambda x, index: jnp.asarray(x)[_index(index)]
        if kind in ("method", "attribute"):
            return METHODS.get(call.name) or _unknown(call.name)
        for known in (function, getattr(function, "__func__", None)):
            if known in KERNELS:
                return KERNELS[known]
        if function in SHARED:
            pair: Any = SHARED[function]
            return partial(self._share, *pair)
        if isinstance(getattr(function, "__self__", None), np.ufunc):
            return lowered_reduce(function.__self__, function.__name__)
        if getattr(function, "__module__", "") == "_operator":  # of Python's numbers
            made: Callable[..., Any] = function
            return made
        return lowered_function(function)

    def _share(self, name: str, back: Callable[..., Any], *arrays: Array, **settings: Any) -> Array:
        """Return one of several gradients that are computed together."""
        key = (back, *map(id, arrays))
        if key not in self._shared:  # the arrays are kept, as their identities must last
            self._shared[key] = arrays, back(*arrays, **settings)
        return self._shared[key][1][name]

    def write_out(self, target: Value, made: Array, where: Any = True) -> None:
        """Write to the place that a call names."""
        if not self.memory.knows(target):
            self.memory.define(target, made.astype(target.array.dtype))
            return
        if where is not True:
            made = jnp.where(where, made, self.memory.read(target))
        self.memory.write(target, made)

    def _copy(self, target: Value, source: Any, casting: str = "", where: Any = True) -> None:
        new = jnp.asarray(self.read(source)).astype(target.array.dtype)
        self.read(target)
        self.write_out(target, _fitted(new, target.array.shape), self.read(where))

    def _set(self, target: Value, index: Any, new: Array) -> None:
        new = jnp.asarray(new).astype(target.array.dtype)
        held, index = jnp.asarray(self.read(target)), _index(index)
        mask = index[0] if isinstance(index, tuple) and len(index) == 1 else index
        if _is_mask(mask):
            mask = mask.reshape(*mask.shape, *[1] * (held.ndim - mask.ndim))
            self.memory.write(target, jnp.where(mask, new, held))
            return
        shape = jax.eval_shape(lambda a: a[index], held).shape
        new = _fitted(new, shape)
        parts = index if isinstance(index, tuple) else (index,)
        if all(isinstance(p, BASIC) for p in parts):
            self.memory.write(target, held.at[index].set(new))
            return
        last = written_last(index, held.shape, shape)
        self.memory.write(target, jnp.where(last < 0, held, new.reshape(-1)[last]))

    def _at(self, ufunc: np.ufunc, target: Value, index: Any, *new: Array) -> None:
        places = jnp.asarray(self.read(target)).at[_index(index)]
        method = {"add": "add", "multiply": "multiply", "maximum": "max", "minimum": "min"}
        if ufunc.__name__ == "subtract":
            self.memory.write(target, places.add(-new[0]))
        elif ufunc.__name__ in method:
            self.memory.write(target, getattr(places, method[ufunc.__name__])(*new))
        else:
            raise NotImplementedError(f"np.{ufunc.__name__}.at has no counterpart in JAX")

    def define(self, result: Any, made: Any) -> None:
        """Let what a call has made be its results."""
        if isinstance(result, tuple | list):
            for x, y in zip(result, made, strict=True):
                self.define(x, y)
        elif type(result) is Value:
            if (
                isinstance(made, jax.Array) and made.dtype != result.array.dtype
                and not result.varies and not made.weak_type
            ):  # fmt: skip
                made = made.astype(result.array.dtype)
            if not result.varies and jnp.shape(made) != result.array.shape:
                raise NotImplementedError(
                    f"a shape {list(jnp.shape(made))} came out instead of "
                    f"{list(result.array.shape)}"
                )
            self.memory.define(result, made)


def _is_sum(ones: Any, x: Any) -> bool:
    """Whether a product adds up columns, as NumPy is asked to do it: with ones."""
    known = type(ones) is Value and ones.storage.origin == "constant" and ones.array.ndim == 1
    return known and type(x) is Value and x.array.ndim == 2 and bool((ones.array == 1).all())


def _index(index: Any) -> Any:
    """Return an index in which lists are arrays."""
    if isinstance(index, list):
        return np.asarray(index)
    return tuple(map(_index, index)) if isinstance(index, tuple) else index


def _is_mask(x: Any) -> bool:
    return isinstance(x, jax.Array) and x.dtype == bool and x.ndim > 0


def _fitted(new: Array, shape: tuple[int, ...]) -> Array:
    """Leave out dimensions of length 1 in front, as NumPy does when it assigns."""
    while new.ndim > len(shape) and new.shape[0] == 1:
        new = new[0]
    return jnp.broadcast_to(new, shape)


def _unknown(name: str) -> Callable[..., Any]:
    raise NotImplementedError(f"an array's {name} has no counterpart in JAX")


def _astype(x: Array, dtype: Any, *rest: Any, **how: Any) -> Array:
    dtype = np.dtype(dtype)
    if dtype.kind in "iu" and x.dtype.kind == "f":  # NumPy gives the least number for NaN
        least = np.iinfo(dtype).min if dtype.itemsize > 2 else 0
        return jnp.where(jnp.isfinite(x), x, 0).astype(dtype) * jnp.isfinite(x) + (
            ~jnp.isfinite(x) * np.array(least, dtype)
        )
    return x.astype(dtype)


def _item(x: Array) -> Array:
    """Return the number of an array, as weak as Python's are."""
    kind = {"f": float, "b": bool}.get(x.dtype.kind, int)
    return jax.lax.convert_element_type(x.reshape(()), kind)


def _own(name: str) -> Callable[..., Any]:
    return lambda x, *rest, **named: getattr(jnp.asarray(x), name)(*rest, **named)


METHODS: dict[str, Callable[..., Any]] = {
    "astype": _astype,
    "copy": lambda x, *order, **named: x,
    "item": _item,
    "view": lambda x, dtype: jax.lax.bitcast_convert_type(x, dtype),
    "T": jnp.transpose,
    "take": FUNCTIONS[np.take],
    "ravel": lambda x, *order, **named: x.reshape(-1),
    "flatten": lambda x, *order, **named: x.reshape(-1),
    **{
        name: _own(name)
        for name in (
            "sum", "mean", "max", "min", "prod", "argmax", "argmin", "reshape", "dot", "transpose",
            "squeeze", "swapaxes", "cumsum", "cumprod", "any", "all", "clip", "round", "repeat",
        )
    },
}  # fmt: skip
"""Methods and attributes of arrays, where they aren't views."""
