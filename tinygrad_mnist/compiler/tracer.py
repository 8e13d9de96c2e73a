"""The tracer: notes the NumPy calls of a step, while the step runs as ever.

It listens as an observer does. What an operation's forward function or rule does is noted call by
call; one that looks at numbers, or uses what NumPy has no protocol for, is run on the arrays
themselves, and is one call, a kernel. A look at numbers anywhere else ends the recording: the step
goes on with the numbers, and isn't compiled.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, TypeVar, cast

import numpy as np

from tinygrad_mnist.autograd.graph import Node, Source, TensorBase
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.observer import Call as Operation
from tinygrad_mnist.autograd.observer import (
    Line,
    Observer,
    module_path,
    operation_of,
    run_and_tell,
    where,
)
from tinygrad_mnist.compiler import functions
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.compiler.functions import perform as perform
from tinygrad_mnist.compiler.number import Number
from tinygrad_mnist.compiler.trace import (
    OF_GRADIENTS,
    RULE,
    Call,
    NotRecordableError,
    Storage,
    Value,
    mapped,
    owner,
    same_memory,
)  # fmt: skip
from tinygrad_mnist.ops.contract import Op

F = TypeVar("F", bound=Callable[..., Any])


def unwatched(method: F) -> F:
    """Decorate what runs no code of a script's: Python need not tell of the calls in it."""

    @wraps(method)
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
        self.nodes: list[weakref.ref[Node]] = []
        self.module_names: dict[int, str] = {}
        """What readers are told of modules, by their identities."""
        self._inside = 0
        """How many operations and rules are running, one in another."""
        self._storages: dict[int, Storage] = {}
        self._known: dict[int, Recorded] = {}
        """Recording arrays by the identity of the array, which they hold."""
        self._constants: dict[Any, Value] = {}
        """Values of arrays that the program brings with it, by their numbers."""
        self._residuals: dict[int, Value] = {}
        """What kernels have returned for their rules, which alone may read it."""
        self._operations: weakref.WeakKeyDictionary[Node, Operation] = weakref.WeakKeyDictionary()
        self._scalars: dict[Storage, Value] = {}
        """Results that NumPy's functions return as scalars."""
        self._fixed: set[Storage] = set()
        """Memory of tensors that are the same at each step, as nothing was written to it."""
        self._noted = 0
        self._shift = 0
        """How many calls were put in between others."""
        self.start = 0
        """The number of a node that was made before."""
        self.raw: list[np.ndarray] = []
        """Arrays that operations were given, but that neither the step was given nor a call made:
        of constants that are made anew, or of something that is out of sight."""
        self.handed_out: list[Any] = []
        """Numbers that were taken out of tensors, and NumPy arrays."""
        self._hands_out = False
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

    @property
    def listens(self) -> bool:
        """Whether what is done now is noted: by this thread, and not by what is one call."""
        return self.open and modes.tracer is self

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

    def given_number(self, number: Any, source: Any) -> Number:
        """Return what stands for a number that was given as an argument."""
        array = np.asarray(number)
        return Number(number, Value(array, Storage(array, "input"), weak=True), self, source)

    def stand_in(self, x: Any, origin: str, left: bool = False) -> Any:
        """Return what stands for what a graph has kept: mostly an array.

        Parameters
        ----------
        x
            It. Two arrays that are one now may be two another time, so each has its own view.
        origin
            Where it comes from.
        left
            Whether a kernel has left it for its rules.
        """
        if isinstance(x, np.ndarray | np.generic):
            stand = self.given(np.asarray(x).view(), origin)
            return self.leave(stand) if left else stand
        if not left:
            return self.given_number(x, None)
        self._residual(x)
        self._residuals[id(x)].storage.origin = origin
        return x

    def entered(self, array: Any) -> Any:
        """Return what stands for the array of a new tensor, which may be written to."""
        if type(array) is Recorded:
            return array if self.open else array.actual
        array = np.asarray(array)
        if not self.open or modes.tracer is not self:
            return array
        if id(array) in self._known:
            return self._known[id(array)]
        constant = self._constant(array)
        if not array.flags.writeable or constant.array.strides != array.strides:
            array = constant.array.copy(order="K")
        made = self._made(array)
        self._fixed.add(made.value.storage)
        self.calls.append(
            Call(getattr, (constant, "K"), {}, made.value, kind="method", name="copy")
        )
        return made

    def _storage(self, array: np.ndarray, origin: str) -> Storage:
        root = owner(array)
        storage = self._storages.get(id(root))
        if storage is None:
            storage = self._storages[id(root)] = Storage(root, origin)
        elif origin == "state" and storage.origin == "input":
            storage.origin = origin  # an input is a part of it
        return storage

    def _constant(self, array: np.ndarray) -> Value:
        """Return the value of an array that the program brings with it, as it is now."""
        key = array.dtype, array.shape, array.strides, array.tobytes()
        value = self._constants.get(key)
        if value is None:
            copy = array.copy(order="K")
            value = self._constants[key] = Value(copy, Storage(copy, "constant"))
        return value

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
        actual, named = mapped(arguments, real_of), real_keywords(keywords)

        def plainly() -> Any:
            return functions.perform(function, actual, named, kind, name)

        if not self.listens or function in functions.STATIC:
            return plainly()
        how = functions.name_of(function, kind, name)
        form = (function, arguments, keywords, kind, name)
        if not functions.has_fixed_shape(*form, self._may_change):
            if not (function in functions.BY_VALUE and self._is_constant(arguments, keywords)):
                self.look(None, how)
            return plainly()
        if kind == "setitem" and _is_itself(*actual):
            return None  # the end of x[i] += y, which has been written already
        written = functions.written(*form)
        if any(type(x) is not Recorded for x in written):
            self.look(None, f"{how} writes to an array of NumPy's")
            return plainly()
        if self._inside:
            result = plainly()
        else:
            with np.errstate(all="ignore"):
                result = plainly()
        if not (result is None or type(result) is np.ndarray or is_of_arrays(result)):
            self.look(None, how)
            return result
        if not written and type(result) is np.ndarray:
            # An array that it was given: by position to write to it, or returned as it is.
            written = [x for x in arguments[1:] if real_of(x) is result]
            if not written and type(arguments[0]) is Recorded and arguments[0].actual is result:
                return arguments[0]
        for x in written:
            self._make_writable(x)
        call = Call(function, *self._form(arguments, keywords), kind=kind, name=name)
        call.writes = tuple(x.value.storage for x in written)
        self.calls.append(call)
        if not written or functions.name_of(function, kind, name) == "at":
            returned = self._returned(call, result)
            if not written and all(map(self._is_fixed, call.values())):
                self._fixed.update(x.storage for x in call.made())
            return returned
        if result is None:
            return None
        return written[0] if len(written) == 1 else tuple(written)

    def _returned(self, call: Call, result: Any) -> Any:
        """Return what stands for what a call has returned, and note it as the call's results."""
        if result is None:
            return None
        returned = mapped(result, self._made)
        call.results = _plain(mapped(returned, value_of))
        return returned

    def _form(self, arguments: Any, keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return mapped(arguments, self.value_of), {
            name: mapped(x, self.value_of) for name, x in keywords.items()
        }

    def value_of(self, x: Any) -> Any:
        """Return what something is in the program: a value; anything that isn't one as it is."""
        if type(x) is Recorded or type(x) is Number:
            return x.value
        if isinstance(x, np.ndarray):
            known = self._known.get(id(x))
            return self._constant(x) if known is None else known.value
        return self._residuals.get(id(x), x)

    def _made(self, x: Any) -> Recorded:
        array = np.asarray(x)
        value = Value(array, self._storage(array, "made"))
        if array is not x:
            self._scalars[value.storage] = value
        made = self._known[id(array)] = Recorded(array, value, self)
        if self._hands_out and not self._inside:
            self.handed_out.append(made)
        return made

    def _make_writable(self, x: Recorded) -> None:
        """Let a number that is written to be an array; NumPy's functions return scalars."""
        self._fixed.discard(x.value.storage)
        number = self._scalars.pop(x.value.storage, None)
        if number is None:
            return
        at = next(i for i, call in enumerate(self.calls) if number in list(call.made()))
        scalar = Value(number.array, Storage(number.array, "made"))
        made = self.calls[at]
        made.results = mapped(made.results, lambda y: scalar if y is number else y)
        copy = Call(np.array, (scalar,), {}, number, operation=made.operation)
        self.calls.insert(at + 1, copy)
        self._shift += 1

    def _is_fixed(self, x: Value) -> bool:
        return x.storage in self._fixed or x.storage.origin == "constant"

    def _may_change(self, x: Any) -> bool:
        """Whether there is something in it whose numbers may be others at each step."""
        return any(type(x) is Number or not self._is_fixed(x.value) for x in recorded_in(x))

    def _is_constant(self, arguments: Any, keywords: dict[str, Any]) -> bool:
        return not self._may_change((arguments, keywords))

    def item(self, x: Recorded, *index: Any) -> Any:
        """Note that a number is taken out of an array, and return what stands for it."""
        fixed = x.value.storage in self._fixed
        if not self.listens or self._inside or index or fixed:
            return self.look(x, "item").item(*index)
        return self._number(getattr, (x,), x.actual.item(), "method", "item")

    def hand_out(self, array: Any) -> Any:
        """Return what stands for an array of a tensor that a script works on with NumPy."""
        if not self.listens or type(array) is not Recorded:
            return real_of(array)
        self._hands_out = True
        own = Recorded(array.actual, array.value, self)
        self.handed_out.append(own)
        return own

    def forget(self) -> None:
        """Let go of what was noted, when it has been taken over: there are cycles otherwise."""
        self.open = False
        for name, x in self.__dict__.items():
            if isinstance(x, list | dict | set | weakref.WeakKeyDictionary):
                self.__dict__[name] = type(x)()

    def calculate(self, function: Callable[..., Any], *operands: Any) -> Any:
        """Note an arithmetic operation on Python numbers."""
        result = function(*map(real_of, operands))
        if not self.listens:
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
        call = Call(function, *self._form(operands, {}), value, kind=kind, name=name)
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
        base = x.actual.base
        return self.given(base, x.value.storage.origin) if isinstance(base, np.ndarray) else None

    def look(self, x: Recorded | None, how: str) -> Any:
        """Let the program look at numbers: inside of an operation that makes it a kernel."""
        if self.listens and (x is None or x.value.storage not in self._fixed):
            if self._inside:
                raise NotRecordableError(how)
            self.stop(f"it looks at numbers ({how})")
        return None if x is None else x.actual

    def stop(self, why: str, line: Line | None = None) -> None:
        """Give up: from now on nothing is noted."""
        self.stopped, self.line = why, line or where()[0]
        self.open = False

    def stop_somewhere(self, why: str) -> None:
        """Give up for something that was noticed later: nobody knows the line."""
        self.stopped, self.line = why, None
        self.open = False

    def fixed(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call a function of shapes, and of where arrays lie, which looks at no number."""
        return function(*mapped(arguments, real_of))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Note nothing, and hear of nothing, for a block."""
        watch = sys.getprofile()
        sys.setprofile(None)
        self.open = False
        try:
            yield
        finally:
            self.open = not self.stopped
            sys.setprofile(watch)

    # Operations and rules

    def observed(
        self, forward: Callable[..., Any], arrays: tuple[Any, ...], settings: dict[str, Any]
    ) -> Any:
        """Run a forward function, and tell of it all who listen."""
        if modes.observers == (self,):
            return self._observed(forward, arrays, settings)
        return run_and_tell(self.run, forward, arrays, settings)

    @unwatched
    def _observed(self, *given: Any) -> Any:
        """Do so where nobody else listens, whose code might be a script's."""
        return run_and_tell(self.run, *given)

    @unwatched
    def run(self, forward: Callable[..., Any], *arrays: Any, **settings: Any) -> Any:
        """Run a forward function: call by call, or as a kernel."""
        if not self.open:
            actual = mapped(arrays, real_of)
            return quiet.unobserved(forward, *actual, **real_keywords(settings))
        self.raw += [x for x in arrays if type(x) is np.ndarray and id(x) not in self._known]
        if not has_recorded((arrays, *settings.values())):
            return quiet.unobserved(forward, *arrays, **settings)
        self._noted = len(self.calls)
        return self._region(forward, arrays, settings, operation_of(forward))

    @unwatched
    def operation(self, op: Op, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        """Run an operation that was called on arrays, by the engine or in a rule."""
        tensor = next((x for x in inputs if isinstance(x, TensorBase)), None)
        if tensor is not None:
            return tensor.__op__(op, *inputs, **settings)
        if not self.open:
            return op(*mapped(inputs, real_of), **real_keywords(settings))
        narrow = any(isinstance(x, np.ndarray) and x.dtype.char in op.narrow for x in inputs)
        if not self._inside:
            self._begin()
        out = self._region(op.compute if narrow else op.forward, inputs, settings, op)
        if not self._inside:  # by the engine: sums to a shape, sums of gradients, their places
            self._attribute(f"{op.name}{OF_GRADIENTS}" if modes.walk else op.name, None)
        count = len(op.outputs)
        return tuple(out[:count]) if count > 1 else out[0] if op.packed else out

    @unwatched
    def run_rule(self, node: Node, rule: Any, arrays: tuple[Any, ...], extra: Any) -> Any:
        """Run a rule likewise."""
        if self.open and node.whole.number <= self.start:
            self.stop("it differentiates through a graph that was recorded outside of it")
        if not self.open:
            return rule(*mapped(arrays, real_of), **real_keywords(extra))
        if not has_recorded((arrays, *extra.values())):
            return rule(*arrays, **extra)
        self._begin()
        result = self._region(rule, arrays, extra, None)
        self._attribute(f"{node.op.name}{RULE}", self._operations.get(node.whole))
        return result

    def _region(
        self,
        function: Callable[..., Any],
        arrays: tuple[Any, ...],
        settings: dict[str, Any],
        op: Op | None,
    ) -> Any:
        run = function if self._inside else partial(quiet.unobserved, function)
        if op is not None and op.part is not None and self._has_mask(op.part(**settings)):
            self.look(None, "a mask says how many elements are chosen")
        why = "it takes what a kernel left for it"
        if not any(id(real_of(a)) in self._residuals for a in arrays):
            mark = len(self.calls) - self._shift
            self._inside += 1
            try:
                return run(*arrays, **settings)
            except Exception as error:
                if not self.open:
                    raise
                why = str(error)
                del self.calls[mark + self._shift :]
            finally:
                self._inside -= 1
        try:
            result = run(*mapped(arrays, real_of), **real_keywords(settings))
        except Exception as error:
            self.failed = error
            raise
        call = Call(function, *self._form(arrays, settings), kind="kernel", why=why)
        packed = isinstance(result, tuple)
        count = 1 if op is None or not packed else len(op.outputs)
        outputs = [self._made(x) for x in (result[:count] if packed else (result,))]
        rest = map(self._residual, result[count:] if packed else ())
        returned: Any = (*outputs, *rest) if packed else outputs[0]
        call.results = _plain(mapped(returned, self.value_of))
        self.calls.append(call)
        own = function if op is None else op.forward
        if not functions.is_ours(own):  # a script's own: its shape may go by numbers
            for x in outputs:
                form = functions.name_of(own, "function", ""), x.value, x.shape, x.dtype
                self.calls.append(Call(functions.check_form, form, {}, kind="kernel", effect=True))
        return returned

    def _has_mask(self, index: Any) -> bool:
        """Whether an index chooses by a mask that may change."""
        parts = index if isinstance(index, tuple) else (index,)
        masks = [x for x in parts if type(x) is Recorded and x.dtype.kind == "b"]
        return any(map(self._may_change, masks))

    def leave(self, x: Recorded) -> Recorded:
        """Let an array be read by kernels only."""
        x.value.varies = True
        self._residuals[id(x.actual)] = x.value
        return x

    def is_left(self, value: Value) -> bool:
        """Whether an array is what a kernel has left for its rules."""
        return self._residuals.get(id(value.array)) is value

    def _residual(self, x: Any) -> Any:
        """Return what stands for something that a kernel leaves for its rules.

        It needn't be an array, and its shape may depend on numbers: only kernels may read it.
        An array has memory of its own, whatever the numbers are, or is always a view of an input.
        """
        if x is None:
            return None
        if isinstance(x, _ARRAYS):
            return self.leave(self._made(x))
        if isinstance(x, int | float | str | bytes | tuple):  # one object may stand for several
            self.stop(f"{x!r} is left by an operation for its rules, and isn't an array")
            return x
        array = np.empty((), object)
        array[()] = x
        self._residuals[id(x)] = Value(array, Storage(array, "made"), varies=True)
        return x

    @unwatched
    def one_call(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> Any:
        """Note a function that was marked as one call."""
        written = [x for x in keywords.get("outs") or [keywords.get("out")] if x is not None]
        known = set(map(id, written))
        if any(isinstance(x, TensorBase) and id(x._array) not in known for x in arguments):
            self.look(None, f"{function.__qualname__} takes a tensor")
        actual, named = mapped(arguments, real_of), real_keywords(keywords)
        if not self.open:
            return function(*actual, **named)
        self.open, modes.tracer = False, None  # what happens in it is its own
        try:
            result = function(*actual, **named)
        finally:
            self.open, modes.tracer = True, self
        if any(type(x) is not Recorded for x in written):
            self.look(None, f"{function.__qualname__} writes to what isn't known")
            return result
        if not (result is None or is_of_arrays(result)):
            self.look(None, function.__qualname__)
            return result
        for x in written:
            self._make_writable(x)
        call = Call(function, *self._form(arguments, keywords), kind="kernel")
        call.writes = tuple(x.value.storage for x in written)
        returned = self._returned(call, result)
        call.line, modules = where()
        call.module = self._path(modules)
        call.operation, call.effect = function.__qualname__, True
        self.calls.append(call)
        self._noted = len(self.calls)
        return returned

    def _begin(self) -> None:
        """Begin an operation or a rule: since the last of a pass, gradients were added up."""
        if modes.walk is not None:
            self._attribute(f"sum{OF_GRADIENTS}", None)
        self._noted = len(self.calls)

    def _attribute(self, name: str, operation: Operation | None) -> None:
        for call in self.calls[self._noted :]:
            call.operation = name
            if operation is not None:
                call.module = self._path(operation.modules)
                call.line = operation.line
        self._noted = len(self.calls)

    def _path(self, modules: Sequence[Any]) -> str:
        """Return the name of the innermost of nested modules."""
        known = self.module_names.get(id(modules[-1])) if modules else ""
        return module_path(modules) if known is None else known

    @unwatched
    def computed(self, call: Operation) -> None:
        """Say of the calls noted since which operation they belong to."""
        self._attribute(call.op.name, call)

    @unwatched
    def recorded(self, call: Operation) -> None:
        """Remember an operation by its node, for its rules; and the node, to clear it up."""
        assert call.node is not None
        self._operations[call.node] = call.place()
        self.nodes.append(weakref.ref(call.node))

    def ran(self, node: Node, gradient: Any, results: Sequence[tuple[Source, Any]]) -> None:
        """Nothing is left to do."""


_ARRAYS = np.ndarray | np.generic


def real_of(x: Any) -> Any:
    """Return the array that a recording array stands for; anything else as it is."""
    return x.actual if type(x) is Recorded else x.real if type(x) is Number else x


def real_keywords(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return keyword arguments with arrays likewise."""
    return {name: mapped(x, real_of) for name, x in keywords.items()}


def value_of(x: Any) -> Any:
    """Return its value in the program likewise."""
    return x.value if type(x) is Recorded or type(x) is Number else x


def recorded_in(x: Any) -> Iterator[Any]:
    """Walk over the recording arrays and numbers in nested tuples, lists, dicts and slices."""
    kind = type(x)
    if kind is Recorded or kind is Number:
        yield x
    elif kind is tuple or kind is list:
        for part in x:
            yield from recorded_in(part)
    elif kind is slice:
        yield from recorded_in((x.start, x.stop, x.step))
    elif kind is dict:
        yield from recorded_in(tuple(x.values()))


def has_recorded(x: Any) -> bool:
    """Whether there is one."""
    return next(recorded_in(x), None) is not None


def is_of_arrays(x: Any) -> bool:
    """Whether what a function of NumPy's returns is an array, a scalar, or consists of these."""
    if isinstance(x, (tuple, list)):
        return all(map(is_of_arrays, x))
    return isinstance(x, (np.ndarray, np.generic))


def _plain(x: Any) -> Any:
    """Return a named tuple as a tuple."""
    return tuple(x) if isinstance(x, tuple) else x


def _is_itself(target: Any, index: Any, x: Any) -> bool:
    """Whether an array is what is at an index already: the same memory."""
    parts = index if isinstance(index, tuple) else (index,)
    if type(x) is not np.ndarray or not all(p is None or type(p) in _BASIC for p in parts):
        return False
    there = target[index]
    return isinstance(there, np.ndarray) and same_memory(there, x)


_BASIC = (int, slice, type(Ellipsis))
