"""The tracer: notes the NumPy calls of a step, while the step runs as ever.

It listens as an observer does. What an operation's forward function or rule does is noted call by
call; one that looks at numbers, or uses what NumPy has no protocol for, is run on the arrays
themselves, and is one call, a kernel. A look at numbers anywhere else ends the recording: the step
goes on with the numbers, and isn't compiled.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from tinygrad_mnist.autograd.graph import Node, Source, TensorBase
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.observer import Call as Operation
from tinygrad_mnist.autograd.observer import Line, Observer, where
from tinygrad_mnist.compiler.array import WRITING, Recorded
from tinygrad_mnist.compiler.number import Number
from tinygrad_mnist.compiler.trace import Call, NotRecordableError, Storage, Value, mapped, owner

F = TypeVar("F", bound=Callable[..., Any])

STATIC = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.may_share_memory,
    np.shares_memory, np.iscomplexobj, np.isrealobj, np.common_type, np.min_scalar_type,
}  # fmt: skip
"""Functions of shapes, dtypes and memory: they look at no number."""

BY_VALUE = {
    np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract, np.array_equal,
    np.array_equiv, np.allclose, np.histogram, np.bincount, np.delete, np.intersect1d, np.union1d,
    np.setdiff1d, np.trim_zeros, np.histogram_bin_edges,
}  # fmt: skip
"""Functions whose result has a shape that depends on numbers, or is a Python number."""

WRITES_FIRST = {np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal}
"""Functions that write to their first argument."""


def unwatched(method: F) -> F:
    """Decorate what runs no code of a script's: Python need not tell of the calls in it."""

    @functools.wraps(method)
    def apart(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        watch = sys.getprofile()
        if watch is None:
            return method(self, *args, **kwargs)
        sys.setprofile(None)
        try:
            return method(self, *args, **kwargs)
        finally:
            sys.setprofile(watch)

    return cast(F, apart)


class Tracer(Observer):
    """Notes the calls of a step.

    Attributes
    ----------
    calls
        What was noted.
    stopped
        Why the step can't be compiled, in a sentence; empty as long as it can.
    line
        The user's line of that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.stopped = ""
        self.line: Line | None = None
        self.open = True
        self.tensors: list[weakref.ref[TensorBase]] = []
        self.nodes: list[weakref.ref[Node]] = []
        self._inside = 0
        self._storages: dict[int, Storage] = {}
        self._known: dict[int, Recorded] = {}
        """Recording arrays by the identity of the array, which they hold."""
        self._operations: weakref.WeakKeyDictionary[Node, Operation] = weakref.WeakKeyDictionary()
        self._noted = 0
        self._kernels: set[int] = set()
        """Arrays that only kernels may read: their shapes may change with numbers."""
        self.start = 0
        """The number of a node that was made before."""
        self.raw: list[np.ndarray] = []
        """Arrays that operations were given, but that neither the step was given nor a call made:
        of constants that are made anew, or of something that is out of sight."""
        self.handed_out: list[Number] = []
        """Numbers that were taken out of tensors."""
        self.looks: list[Any] = []
        """The places of arguments whose numbers were looked at."""
        self.failed: BaseException | None = None
        """What an operation has raised."""

    def __enter__(self) -> Any:
        super().__enter__()
        self._outer, modes.tracer = modes.tracer, self
        return self

    def __exit__(self, *error: object) -> None:
        modes.tracer = self._outer
        super().__exit__(*error)

    # What is given

    def given(self, array: np.ndarray, origin: str) -> Recorded:
        """Return what stands for an array that was there before."""
        if isinstance(array, Recorded):
            return array
        known = self._known.get(id(array))
        if known is None:
            storage = self._storage(array, origin)
            known = self._known[id(array)] = Recorded(array, Value(array, storage), self)
        return known

    def _storage(self, array: np.ndarray, origin: str) -> Storage:
        root = owner(array)
        storage = self._storages.get(id(root))
        if storage is None:
            storage = self._storages[id(root)] = Storage(root, origin)
        return storage

    def given_number(self, number: Any, source: Any) -> Number:
        """Return what stands for a number that was given as an argument."""
        array = np.asarray(number)
        return Number(number, Value(array, Storage(array, "input")), self, source)

    # What is noted

    @unwatched
    def call(
        self,
        function: Any,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        kind: str = "function",
        name: str = "",
    ) -> Any:
        """Make a call, note it, and return recording arrays for what comes out."""
        real, named = mapped(arguments, real_of), real_keywords(keywords)
        if not self.open or function in STATIC:
            return perform(function, real, named, kind, name)
        if function in BY_VALUE or (kind == "getitem" and has_mask(arguments[1])):
            self.look(None, name or getattr(function, "__name__", "a mask"))
            if not self.open:
                return perform(function, real, named, kind, name)
        written = self._written(function, arguments, keywords, kind, name)
        for x in written:
            if type(x) is not Recorded:
                if self._inside:
                    raise NotRecordableError
                self.given(x, "state")
        with np.errstate(all="ignore"):
            result = perform(function, real, named, kind, name)
        call = Call(function, *self._refs(arguments, keywords), kind=kind, name=name)
        call.writes = tuple(self.given(x, "state").value.storage for x in written)
        out = keywords.get("out")
        if (
            kind == "setitem"
            or (function in WRITES_FIRST)
            or (kind == "method" and name in WRITING)
        ):
            returned = None
        elif out is not None and not (isinstance(out, tuple) and any(x is None for x in out)):
            returned = out[0] if isinstance(out, tuple) and len(out) == 1 else out
        else:
            returned = mapped(result, self._made)
            call.results = mapped(returned, value_of)
        self.calls.append(call)
        return returned

    def _written(
        self, function: Any, arguments: Any, keywords: Any, kind: str, name: str
    ) -> list[Any]:
        if kind == "setitem" or function in WRITES_FIRST or (kind == "method" and name in WRITING):
            return [arguments[0]]
        out = keywords.get("out")
        outs = out if isinstance(out, tuple) else (out,)
        written = [x for x in outs if x is not None]
        if isinstance(getattr(function, "__self__", None), np.ufunc) and function.__name__ == "at":
            written.append(arguments[0])
        return written

    def _refs(self, arguments: Any, keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        def value(part: Any) -> Any:
            if type(part) is Recorded or type(part) is Number:
                return part.value
            if isinstance(part, np.ndarray):
                return self.given(part, "constant").value
            return part

        return mapped(arguments, value), {k: mapped(v, value) for k, v in keywords.items()}

    def _made(self, x: Any) -> Any:
        if isinstance(x, np.generic):
            x = np.asarray(x)
        if not isinstance(x, np.ndarray):
            return x
        made = Recorded(x, Value(x, self._storage(x, "made")), self)
        self._known[id(x)] = made
        return made

    def item(self, x: Recorded, *index: Any) -> Any:
        """Note that a number is taken out of an array, and return what stands for it."""
        if not self.open or self._inside or index:
            return self.look(x, "item").item(*index)
        return self._number(getattr, (x,), x.real.item(), "method", "item")

    def calculate(self, function: Callable[..., Any], *operands: Any) -> Any:
        """Note an arithmetic operation on Python numbers."""
        result = function(*map(real_of, operands))
        if not self.open:
            return result
        if type(result) not in (int, float):
            self.look(None, function.__name__)
            return result
        return self._number(function, operands, result)

    def _number(
        self, function: Any, operands: Any, real: Any, kind: str = "function", name: str = ""
    ) -> Number:
        array = np.asarray(real)
        value = Value(array, Storage(array, "made"))
        call = Call(function, *self._refs(operands, {}), value, kind=kind, name=name)
        self.calls.append(call)
        number = Number(real, value, self)
        self.handed_out.append(number)
        return number

    def looked_at(self, x: Number) -> None:
        """Remember of which argument the number was looked at, if that ends the recording."""
        if not self.open and x.source is not None:
            self.looks.append(x.source)

    def base(self, x: Recorded) -> Any:
        """Return what stands for the array that a view was taken of, or None."""
        base = x.real.base
        if not isinstance(base, np.ndarray):
            return base
        return self.given(base, self._storage(base, "constant").origin)

    def look(self, x: Recorded | None, how: str) -> Any:
        """Let the program look at numbers: inside of an operation that makes it a kernel."""
        if self.open:
            if self._inside:
                raise NotRecordableError
            self.stop(f"it looks at numbers ({how})")
        return None if x is None else x.real

    def stop(self, why: str, line: Line | None = None) -> None:
        """Give up: from now on nothing is noted."""
        self.stopped, self.line = why, line or where()[0]
        self.open = False

    # Operations and rules

    @unwatched
    def run(self, forward: Callable[..., Any], *arrays: Any, **settings: Any) -> Any:
        """Run a forward function: call by call, or as a kernel."""
        if not self.open or not has_recorded((arrays, *settings.values())):
            return quiet.unobserved(forward, *arrays, **settings)
        self._noted = len(self.calls)
        self.raw += [x for x in arrays if type(x) is np.ndarray and id(x) not in self._known]
        return self._region(forward, arrays, settings)

    @unwatched
    def run_rule(self, node: Node, rule: Any, arrays: tuple[Any, ...], extra: Any) -> Any:
        """Run a rule likewise."""
        if not self.open or not has_recorded((arrays, *extra.values())):
            return rule(*arrays, **extra)
        if node.whole.number <= self.start:
            self.stop("it differentiates through a graph that was recorded outside of it")
            return rule(*map(real_of, arrays), **real_keywords(extra))
        self._noted = len(self.calls)
        result = self._region(rule, arrays, extra)
        operation = self._operations.get(node.whole)
        self._attribute(f"{node.op.name}'s rule", operation)
        return result

    def _region(self, function: Any, arrays: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        if not any(type(a) is Recorded and id(a.real) in self._kernels for a in arrays):
            mark = len(self.calls)
            self._inside += 1
            try:
                return quiet.unobserved(function, *arrays, **settings)
            except Exception:
                if not self.open:
                    raise
                del self.calls[mark:]
            finally:
                self._inside -= 1
        return self._kernel(function, arrays, settings)

    def _kernel(self, function: Any, arrays: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        try:
            result = quiet.unobserved(function, *mapped(arrays, real_of), **real_keywords(settings))
        except Exception as error:
            self.failed = error
            raise
        call = Call(function, *self._refs(arrays, settings), kind="kernel")
        returned = mapped(result, self._made)
        if isinstance(returned, tuple):
            self._kernels.update(id(x.real) for x in returned[1:] if type(x) is Recorded)
        call.results = mapped(returned, value_of)
        self.calls.append(call)
        return returned

    @unwatched
    def one_call(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        """Note a function that was marked as one call."""
        if not self.open:
            return function(*arguments, **keywords)
        self.open = False  # what happens in it is its own
        modes.tracer = None
        try:
            result = function(*mapped(arguments, real_of), **real_keywords(keywords))
        finally:
            self.open = True
            modes.tracer = self
        call = Call(function, *self._refs(arguments, keywords), kind="kernel")
        outs = keywords.get("outs") or [keywords.get("out")]
        call.writes = tuple(x.value.storage for x in outs if type(x) is Recorded)
        returned = mapped(result, self._made)
        call.results = mapped(returned, value_of)
        call.line, call.module = where()[0], ""
        call.operation, call.effect = function.__qualname__, True
        self.calls.append(call)
        self._noted = len(self.calls)
        return returned

    def _attribute(self, name: str, operation: Operation | None) -> None:
        for call in self.calls[self._noted :]:
            call.operation = name
            if operation is not None:
                call.module, call.line = operation.path, operation.line
        self._noted = len(self.calls)

    @unwatched
    def computed(self, call: Operation) -> None:
        """Say of the calls noted since which operation they belong to."""
        self._attribute(call.op.name, call)

    @unwatched
    def recorded(self, call: Operation) -> None:
        """Remember an operation by its node, for its rules; and the node, to clear it up."""
        assert call.node is not None
        self._operations[call.node] = call
        self.nodes.append(weakref.ref(call.node))

    def ran(self, node: Node, gradient: Any, results: Sequence[tuple[Source, Any]]) -> None:
        """Nothing is left to do."""


def perform(function: Any, args: Any, keywords: Any, kind: str, name: str) -> Any:
    """Make a call on arrays."""
    if kind == "getitem":
        return args[0][args[1]]
    if kind == "setitem":
        args[0][args[1]] = args[2]
        return None
    if kind == "attribute":
        return getattr(args[0], name)
    if kind == "method":
        return getattr(args[0], name)(*args[1:], **keywords)
    return function(*args, **keywords)


def real_of(x: Any) -> Any:
    """Return the array that a recording array stands for; anything else as it is."""
    return x.real if type(x) is Recorded or type(x) is Number else x


def real_keywords(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return keyword arguments with arrays likewise."""
    return {name: mapped(x, real_of) for name, x in keywords.items()}


def value_of(x: Any) -> Any:
    """Return its value in the program likewise."""
    return x.value if type(x) is Recorded or type(x) is Number else x


def has_recorded(x: Any) -> bool:
    """Whether there is a recording array in nested tuples, lists and dicts."""
    kind = type(x)
    if kind is Recorded or kind is Number:
        return True
    if kind is tuple or kind is list:
        return any(map(has_recorded, x))
    return kind is dict and any(map(has_recorded, x.values()))


def has_mask(index: Any) -> bool:
    """Whether an index selects by a mask, so that how many elements come out depends on it."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(type(x) is Recorded and x.real.dtype.kind == "b" for x in parts)
