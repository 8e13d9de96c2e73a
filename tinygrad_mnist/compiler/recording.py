"""A recording: one run of a step as a program, and what of Python belongs to it."""

from __future__ import annotations

import gc
import types
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from sys import getrefcount
from typing import Any

import numpy as np

from tinygrad_mnist.autograd import graph
from tinygrad_mnist.autograd.functional import sources_of
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.autograd.node import next_number
from tinygrad_mnist.autograd.observer import Line
from tinygrad_mnist.compiler import arguments as taken
from tinygrad_mnist.compiler.arguments import Arguments, replaced
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.compiler.backends import NUMPY, Backend
from tinygrad_mnist.compiler.differentiable import Graph, pattern_of
from tinygrad_mnist.compiler.effects import Effects
from tinygrad_mnist.compiler.naming import module_names
from tinygrad_mnist.compiler.number import Number
from tinygrad_mnist.compiler.pattern import NotDifferentiableError, made_real
from tinygrad_mnist.compiler.reads import Reads
from tinygrad_mnist.compiler.returned import (
    GradientOf,
    Made,
    Place,
    Returned,
    attributes_of_data,
    describe,
    map_structure,
    opened,
    put_real,
)
from tinygrad_mnist.compiler.surroundings import Surroundings, attributes_of
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, differences
from tinygrad_mnist.compiler.tracer import Tracer, real_of
from tinygrad_mnist.compiler.watches import MISSING, NUMBERS, Watch
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.ops.dtypes import dtype
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer
from tinygrad_mnist.optim.lr_scheduler import LRScheduler
from tinygrad_mnist.tensor.device import device


@dataclass
class Rebound:
    """A tensor whose array is exchanged.

    Attributes
    ----------
    place
        The tensor, or the number of an argument.
    own_version
        Whether it is other memory for whoever has the tensor, not just in another order.
    fixed_order
        As of the tensor afterwards.
    """

    place: Place
    own_version: bool
    fixed_order: bool


@dataclass(eq=False)
class Recording:
    """What was recorded of one call.

    Attributes
    ----------
    program
        The calls that NumPy was asked for.
    result
        What the function returned.
    returned
        The same with numbers in the place of tensors.
    graph
        What its tensors need gradients for, if they do.
    inputs
        What each input of the program is: the place of an argument, or a tensor of the state, or
        that whose gradient it is.
    state
        Tensors that were there before, each with its value.
    moving
        Those of them whose arrays are given anew at each step.
    rebound
        Tensors whose array was exchanged, in the order of the program's values.
    gradients
        Leaves whose gradient was exchanged, with what it has become, or None.
    entered
        Leaves whose gradient was looked at before it was set, each with the array that it had, or
        None, and its value, if the program uses it.
    written
        Tensors whose memory was written to; arguments by their numbers.
    added_to
        Leaves whose gradient that was there before was written to.
    flags
        Modules whose training flag was set, each with what it was set to.
    story
        After which call a leaf's gradient is set or cleared, or a module's training flag.
    whole
        The call after which a leaf's gradient is what it is in the end.
    raw
        Arrays that operations were given from out of sight, or that were made anew.
    looks
        The places of arguments whose numbers were looked at.
    kept
        Places of tensors that it sets: if these are given to it, it can be compiled.
    stopped, line
        Why the function can't be compiled, and where; empty if it can.
    """

    program: Program
    surroundings: Surroundings
    result: Any = None
    returned: Returned = field(default_factory=Returned)
    graph: Graph | None = None
    inputs: list[taken.Place | TensorBase] = field(default_factory=list)
    state: list[tuple[TensorBase, Value]] = field(default_factory=list)
    moving: list[TensorBase] = field(default_factory=list)
    rebound: list[Rebound] = field(default_factory=list)
    gradients: list[tuple[TensorBase, Value | None]] = field(default_factory=list)
    entered: list[tuple[TensorBase, np.ndarray | None, Value | None]] = field(default_factory=list)
    written: list[Place] = field(default_factory=list)
    added_to: list[TensorBase] = field(default_factory=list)
    flags: list[tuple[Module, bool]] = field(default_factory=list)
    story: list[tuple[int, Any, bool]] = field(default_factory=list)
    whole: dict[TensorBase, int] = field(default_factory=dict)
    raw: list[np.ndarray] = field(default_factory=list)
    looks: list[taken.Place] = field(default_factory=list)
    kept: list[Watch] = field(default_factory=list)
    stopped: str = ""
    line: Line | None = None

    def reached(self) -> dict[int, Any]:
        """Return what the function reaches besides its arguments, by identity.

        Arrays that others exchange aren't among it: their identities don't last.
        """
        around = self.surroundings
        found: list[Any] = [x for x in around.objects() if type(x) in (list, dict)]
        moving = set(self.moving)
        found += around.tensors
        found += [t._array for t in around.tensors if t not in moving]
        found += [w.expected for w in around.arrays]
        return {id(x): x for x in found}

    def difference(self, other: Recording) -> str:
        """Say where another recording of the same step differs, or return an empty string."""
        return differences(self._lines(), other._lines())

    def _lines(self) -> list[Call]:
        """Return the calls, and what is returned as one more of them."""
        returned = self.returned
        structure = map_structure(returned.structure, _comparable)
        graph = None if self.graph is None else self.graph.compared()
        arguments = (
            structure,
            [x.value for x in returned.computed],
            returned.taken,
            graph,
            [(id(m), flag) for m, flag in self.flags],
        )
        return [*self.program.calls, Call("return", arguments, {})]


def _comparable(x: Any) -> Any:
    """Return what can be compared in the place of a tensor or a dataclass."""
    if isinstance(x, TensorBase):
        return "tensor", id(x)
    if type(x) is GradientOf:
        return "gradient", id(x.leaf)
    return (x.kind, x.parts) if type(x) is Made else x


class _Looked:
    """Tells of which objects an attribute is set, and of which it is looked at before that.

    Parameters
    ----------
    kind, name
        The class, and the attribute: for the time being a property.
    default
        What it is where it isn't set.
    """

    def __init__(self, kind: type, name: str, default: Any = MISSING) -> None:
        self._kind = kind
        self._name = name
        self._default = default
        self._read: dict[int, weakref.ref[Any]] = {}
        self._set: dict[int, weakref.ref[Any]] = {}
        self.story: list[tuple[int, Call | None, bool]] = []
        """In order, what was set, after which call, and to what: a gradient or none."""

    def __enter__(self) -> _Looked:
        name, default = self._name, self._default

        def get(x: Any) -> Any:
            if modes.tracer is not None and id(x) not in self._set:
                self._read[id(x)] = weakref.ref(x)
            value = x.__dict__.get(name, default)
            if value is MISSING:
                raise AttributeError(name)
            return value

        def put(x: Any, value: Any) -> None:
            if modes.tracer is not None:  # in this thread
                self._set[id(x)] = weakref.ref(x)
                after = modes.tracer.calls[-1] if modes.tracer.calls else None
                self.story.append((id(x), after, value is not None and value is not False))
            x.__dict__[name] = value

        setattr(self._kind, name, property(get, put))
        return self

    def __exit__(self, *error: object) -> None:
        delattr(self._kind, self._name)
        self.read, self.set = (
            {i: x for i, ref in refs.items() if (x := ref()) is not None}
            for refs in (self._read, self._set)
        )


def record(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    arguments: Arguments | None = None,
    exchanged: frozenset[TensorBase] = frozenset(),
    first: bool = False,
    backend: Backend = NUMPY,
) -> Recording:
    """Call a function, and record what it does.

    Parameters
    ----------
    function, args, kwargs
        What is called.
    arguments
        The arguments, taken apart.
    exchanged
        Tensors of the state whose arrays others exchange between steps.
    first
        Whether it wasn't called before: optimizers have no states yet that could lie together.
    backend
        What is to run the program: it says where arrays have to lie.
    """
    around = Surroundings(function, (args, kwargs))
    tracer = Tracer()
    tracer.module_names = module_names(around)
    recording = Recording(Program(tracer.calls), around)
    arguments = arguments or Arguments(args, kwargs)
    given = arguments.tensors
    held = [t for t in around.tensors if t not in set(given)]
    if around.too_much:
        recording.stopped, recording.result = around.too_much, function(*args, **kwargs)
        return recording
    if not first:
        optimizers = [x for x in around.objects() if isinstance(x, ArrayOptimizer)]
        backend.prepare(optimizers, around.tensors)
    collecting = gc.isenabled()
    gc.disable()  # else what others have told the collector to call would look like the step's
    try:
        recorder = _Recorder(recording, tracer, arguments, held, exchanged)
        return recorder.record(function, args, kwargs)
    finally:
        if collecting:
            gc.enable()


class _Recorder:
    """What is exchanged while a step is recorded, and put back."""

    def __init__(
        self,
        recording: Recording,
        tracer: Tracer,
        arguments: Arguments,
        held: list[TensorBase],
        exchanged: frozenset[TensorBase],
    ) -> None:
        self.recording = recording
        self.tracer = tracer
        self.arguments = arguments
        self.before: list[tuple[TensorBase, np.ndarray, Recorded]] = []
        self.made: list[weakref.ref[TensorBase]] = []
        self.values: dict[int, Any] = {}
        self.stands: list[Recorded] = []
        """What stands for NumPy arrays that the function reaches."""
        self.start = tracer.start = next_number()
        program = recording.program
        self.places: dict[TensorBase, Place] = {t: i for i, t in enumerate(arguments.tensors)}
        self.places.update((t, t) for t in held)
        self.edges = {s: at for t, at in self.places.items() if (s := t.source()) is not None}
        self.versions = {t: t._version for t in self.places}
        self.histories = [(t, _history(t)) for t in self.places]
        stands = {id(t): self._stand_in(t, "input") for t in arguments.tensors}
        places = dict(arguments.leaves)
        self.replacements: dict[taken.Place, Any] = {}
        for place, x in arguments.leaves:
            if type(x) is np.ndarray:
                self.replacements[place] = tracer.given(x, "input")
            elif place in arguments.moving and type(x) in (int, float):
                self.replacements[place] = tracer.given_number(x, place)
        for place in arguments.inputs:
            x = places[place]
            stand = stands[id(x)] if isinstance(x, TensorBase) else self.replacements[place].value
            program.inputs.append(stand)
            recording.inputs.append(place)
        recording.state = [(t, self._stand_in(t, "state")) for t in held]
        for tensor, value in recording.state:
            if tensor in exchanged:
                self._move(tensor, value)
        self.grads = {t: t._grad for t in (*arguments.tensors, *held) if t._node is None}
        known = {t for t, *_ in self.before}
        self.entered = {
            id(leaf): (g._array, self._stand_in(g, "gradient"))
            for leaf, g in self.grads.items()
            if g is not None and g not in known
        }

    def _stand_in(self, tensor: TensorBase, origin: str) -> Value:
        array = tensor._array
        stand = self.tracer.given(array, origin)
        self.before.append((tensor, array, stand))
        tensor._array = stand  # type: ignore[assignment]  # it is taken for an array
        return stand.value

    def _move(self, tensor: TensorBase, value: Value) -> None:
        value.storage.origin = "input"
        self.recording.program.inputs.append(value)
        self.recording.inputs.append(tensor)
        self.recording.moving.append(tensor)

    def record(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Recording:
        """Call the function with everything exchanged, and put it back."""
        recording, tracer = self.recording, self.tracer
        around = recording.surroundings
        arrays = [(w, w.expected, tracer.given(w.expected, "state")) for w in around.arrays]
        self._put(arrays)

        def put(place: taken.Place, x: Any) -> Any:
            return self.replacements.get(place, x)

        def new(kind: type[Any]) -> Any:
            tensor = object.__new__(kind)
            if modes.tracer is not None:  # in this thread
                self.made.append(weakref.ref(tensor))
            return tensor

        inputs = replaced(args, put), replaced(kwargs, put)
        graph._new, graph._plain, graph._as_array = new, Recorded, tracer.entered
        try:
            looked, flags = _Looked(TensorBase.kind, "_grad", None), _Looked(Module, "training")
            reads = around.told()
            with looked, flags, reads, tracer, Effects(tracer, around.streams):
                recording.result = function(*inputs[0], **inputs[1])
                for x in tensors_of(self._opened()):
                    try:
                        x.source()  # a view's history is brought up to date
                    except RuntimeError:
                        tracer.stop_somewhere("it returns a view of what it has written to")
            del inputs, put
            self._put_back(arrays)
            recording.stopped, recording.line = tracer.stopped, tracer.line
            if not recording.stopped and tracer.failed is not None:
                recording.stopped = (
                    f"an operation raises an error, which it catches: {tracer.failed}"
                )
            recording.raw, recording.looks = tracer.raw, tracer.looks
            if not recording.stopped:
                recording.stopped = (
                    self._finish(looked)
                    or self._narrow(reads)
                    or self._flags(flags)
                    or self._connect(function)
                )
                self._tell(looked, flags)
        finally:
            self._put_back(arrays)
            for node in (n for ref in tracer.nodes if (n := ref()) is not None):
                made_real(node)
        self._plain_result()
        return recording

    def _put(self, arrays: list[tuple[Any, Any, Any]]) -> None:
        """Put what stands for NumPy arrays in their places."""
        for watch, _, stand in arrays:
            self.stands.append(stand)
            if not watch.put(stand):
                why = f"it reads {watch.path}, a NumPy array that can't be watched there"
                self.tracer.stop_somewhere(why)

    def _put_back(self, arrays: list[tuple[Any, Any, Any]]) -> None:
        """Give all tensors their arrays again."""
        graph._new, graph._plain, graph._as_array = object.__new__, np.ndarray, np.asarray
        self.tracer.open = False
        for watch, array, stand in arrays:
            if watch.now() is stand:
                watch.put(array)
        arrays.clear()
        alive = [t for ref in self.made if (t := ref()) is not None]
        self.values.clear()  # of the first time, which functions that name each other still hold
        self.values.update({id(t): t._array for t in alive})
        for tensor, array, stand in self.before:
            now = tensor._array
            if now is stand:  # type: ignore[comparison-overlap]  # it is taken for an array
                tensor._array = array
            else:
                self.values[id(tensor)] = now
                tensor._array = real_of(now)
        for tensor in alive:
            tensor._array = real_of(tensor._array)

    def _plain_result(self) -> None:
        """Give numbers their place in the result, and wherever else they are kept."""
        given_out = (*self.tracer.handed_out, *self.replacements.values(), *self.stands)
        kept = list({id(x): x for x in given_out}.values())
        del given_out
        self.stands.clear()
        self.values.clear()
        self.before.clear()
        self.tracer.forget()
        result = self.recording.result
        if kept or _has(result, Recorded):
            self.recording.result = put_real(result, real_of)
        del result
        self.replacements.clear()
        leaked = [n for n in kept if getrefcount(n) > 3]  # here: the list, the name, the argument
        if leaked and not self.recording.stopped:
            self.recording.stopped = (
                "it keeps a number or a NumPy array that it computes in a list, an attribute or "
                "the like; return it, and keep it outside"
            )
        for number in leaked:
            exchange_everywhere(number, real_of(number), {id(kept), id(leaked)})

    def _finish(self, looked: _Looked) -> str:
        """Find what the program returns and leaves behind; say what stands against it."""
        recording, program, values = self.recording, self.recording.program, self.values
        tracer = self.tracer
        for tensor in self.arguments.tensors:
            if tensor not in set(recording.surroundings.tensors):
                if name := recording.surroundings.asked_for(tensor):
                    return f"an argument has an attribute, {name}; pass that as an argument too"
        if kept := recording.surroundings.kept():
            recording.kept = kept
            return f"it changes {kept[0].path}, which Python does"
        at = {id(t): place for t, place in self.places.items()}
        versions = {id(t._version): place for t, place in self.places.items()}
        fresh = {id(t) for ref in self.made if (t := ref()) is not None}

        def value_of(x: TensorBase) -> Value | None:
            array = values.get(id(x))
            if type(array) is Recorded:
                return array.value
            return tracer.given(x._array, "constant").value if id(x) in fresh else None

        if said := self._kept_result(recording.result):
            return said
        gradients = {
            id(g): leaf
            for leaf in self.grads
            if (g := leaf._grad) is not None and g.source() is None
            if not isinstance(self.places[leaf], int)
        }
        returned = recording.returned = describe(self._opened(), at, versions, value_of, gradients)
        program.outputs += [x.value for x in returned.computed] + returned.taken
        expected = set(map(id, returned.tensors))
        # Leaves that it has made, and that graphs of what it returns still name.
        for leaf in sources_of(returned.tensors, self.start):
            expected |= {id(leaf), id(getattr(leaf, "_grad", None))}
        known = {id(t) for t in self.places} | fresh
        if not {*looked.set, *looked.read} <= known:
            return "it uses the gradient of a tensor that it reaches in an unknown way"
        for leaf, entered in self.grads.items():
            if leaf._grad is entered and (entered is not None or id(leaf) not in looked.set):
                continue
            if isinstance(self.places[leaf], int):
                return "it leaves a gradient in an argument; take it with autograd.grad"
            if leaf._grad is None:
                recording.gradients.append((leaf, None))
            else:
                array = values.get(id(leaf._grad))
                if type(array) is not Recorded:
                    return "a gradient was set to a tensor that the program doesn't compute"
                there = self.entered.get(id(leaf), (None, None))[1]
                if array.value is not there and array.value.storage.origin in ("input", "state"):
                    return "a gradient was set to memory of a tensor that was there before"
                shared = [x.value for x in returned.computed] + returned.taken
                if array.value.storage in {x.storage for x in shared}:
                    return "it returns a part or a view of a gradient that it leaves; clone() it"
                recording.gradients.append((leaf, array.value))
                program.gradients.append(array.value)
                expected.add(id(leaf._grad))
        for tensor, _, _ in self.before:
            if id(tensor) not in values:
                continue
            array = values[id(tensor)]
            if type(array) is not Recorded or tensor not in self.places:
                return "it exchanges the memory of a tensor for some that it doesn't compute"
            own = tensor._version is not self.versions[tensor]
            recording.rebound.append(Rebound(self.places[tensor], own, tensor._fixed_order))
            program.rebound.append(array.value)
        if said := self._inputs_of_state():
            return said
        self._gradients_that_enter(looked)
        if self._escaped(expected):
            gc.collect()
            if self._escaped(expected):
                return "a tensor that it has made is kept somewhere else than in what it returns"
        written: set[Storage] = {s for call in program.calls for s in call.writes}
        given = set(self.arguments.tensors)
        recording.written = [
            self.places[t] if t in given else t
            for t, _, stand in self.before
            if stand.value.storage in written and t in self.places
        ]
        recording.added_to = [
            leaf for leaf, _, value in recording.entered if value and value.storage in written
        ]
        if changed := recording.surroundings.change():
            return f"it changes {changed}, which Python does, and a program of NumPy calls doesn't"
        return ""

    def _there(self) -> set[int]:
        """Return what was there before the call, by identity."""
        known = {id(x) for x in self.recording.surroundings.objects()}
        return known | {id(x) for _, x in self.arguments.leaves}

    def _opened(self) -> Any:
        """Return the result, with the attributes of dataclasses in their place."""
        return opened(self.recording.result, self._there())

    def _narrow(self, reads: Reads) -> str:
        """Watch only what the step has read; say what of it a program can't follow."""
        around, calls = self.recording.surroundings, self.recording.program.calls
        found = around.narrowed(reads)
        if found.refused or found.too_much:
            return found.refused or found.too_much
        steps = [call.arguments[0] for call in calls if call.effect and call.arguments]
        for schedule in (x for x in steps if isinstance(x, LRScheduler)):
            if asked := found.asked_of(schedule, schedule.optimizer):
                return (
                    f"it reads or sets {asked}, and calls a schedule's step, which changes that; "
                    f"do one of them outside"
                )
        if changed := found.change():
            return f"it changes {changed}, which Python does, and a program of NumPy calls doesn't"
        live = around.live()
        read = {x.storage for call in calls for x in call.values()}
        used = {t for t, value in self.recording.state if value.storage in read}
        if live & (used | set(found.tensors)):
            return "it reads the state of an optimizer, which the optimizer's step changes"
        around.watched = found.watched
        return ""

    def _kept_result(self, result: Any) -> str:
        """Say what of a result a program can't make anew at each call."""
        known = self._there()
        own = {id(x) for x in self.arguments.containers}
        met: set[int] = set()
        waiting = [result]
        while waiting:
            x = waiting.pop()
            kind = type(x)
            parts = attributes_of_data(x) if id(x) not in known else None
            if kind in (list, dict) or parts is not None:
                if id(x) in known | own:
                    return f"it returns a {kind.__name__} that was there before; return a new one"
                if id(x) in met:
                    return f"it returns one {kind.__name__} in two places; return two"
                met.add(id(x))
            if kind is dict:
                waiting += x.values()
            elif parts is not None:
                waiting += parts.values()
            elif kind is list or isinstance(x, tuple):
                waiting += x
            elif not isinstance(x, _ALWAYS_THE_SAME) and kind not in (Recorded, Number):
                if isinstance(x, np.ndarray) or id(x) not in known:
                    return (
                        f"it returns a {kind.__name__} that it makes, which a program of NumPy "
                        f"calls doesn't; return tensors, in tuples, lists, dicts and dataclasses"
                    )
        return ""

    def _tell(self, looked: _Looked, flags: _Looked) -> None:
        """Note after which calls gradients and flags are set: an error may come in between."""
        ends: dict[Storage, int] = {}
        for i, call in enumerate(self.recording.program.calls):
            call.at = i
            ends.update((x.storage, i) for x in call.made())
            ends.update((storage, i) for storage in call.writes)
        self.recording.whole = {
            leaf: ends[x.storage]
            for leaf, x in self.recording.gradients
            if x is not None and x.storage in ends
        }
        holders: dict[int, Any] = {**{id(t): t for t in self.grads}, **flags.set}
        self.recording.story = [
            (-1 if after is None else after.at, holders[i], value)
            for i, after, value in (*looked.story, *flags.story)
            if i in holders
        ]
        first = {holder: after for after, holder, _ in reversed(self.recording.story)}
        never = len(self.recording.program.calls)
        self.recording.program.free = max(
            (first.get(leaf, never) + 1 for leaf, x in self.recording.gradients if x is not None),
            default=0,
        )

    def _flags(self, flags: _Looked) -> str:
        """Find the training flags that the step reads before it sets them, and that it sets."""
        around = self.recording.surroundings
        if not {*flags.read, *flags.set} <= around.flags.keys():
            return "it has a module that it makes itself, or reaches in an unknown way"
        around.watched += [w for i, w in around.flags.items() if i in flags.read]
        self.recording.flags = [(m, m.__dict__["training"]) for m in flags.set.values()]
        return ""

    def _connect(self, function: Any) -> str:
        """Find what the returned tensors need gradients for; say what stands against it."""
        recording = self.recording
        if any(_history(t) != before for t, before in self.histories):
            return (
                "it changes the history of a tensor that was there before, its hooks, attributes, "
                "or whether it needs a gradient"
            )
        known = {id(t._version): place for t, place in self.places.items()}
        try:
            pattern = pattern_of(
                function, recording.returned, self.start, self.edges, known, self.tracer
            )
        except NotDifferentiableError as error:
            return str(error)
        recording.graph = pattern
        if pattern is not None:
            recording.program.outputs += pattern.returned()
        return ""

    def _inputs_of_state(self) -> str:
        """Let tensors whose array is exchanged be inputs, as it is another one at each step."""
        recording = self.recording
        exchanged = {x.place for x in recording.rebound}
        moving = set(recording.moving)
        for tensor, value in recording.state:
            if tensor in exchanged and tensor not in moving:
                self._move(tensor, value)
        moving |= {t for t in exchanged if isinstance(t, TensorBase)}
        storages = {value.storage for t, value in recording.state if t in moving}
        for tensor, value in recording.state:  # and those that share its memory
            if value.storage in storages and tensor not in moving:
                self._move(tensor, value)
        shared = Counter(v.storage for _, v in recording.state if v.storage in storages)
        written = {s for call in recording.program.calls for s in call.writes}
        if any(shared[storage] > 1 for storage in storages & written):
            return "it exchanges memory that several tensors share, and writes to it"
        return ""

    def _gradients_that_enter(self, looked: _Looked) -> None:
        """Let gradients that were there before, and are used, be inputs."""
        recording, program = self.recording, self.recording.program
        used = {x.storage for call in program.calls for x in call.values()}
        used |= {s for call in program.calls for s in call.writes}
        used |= {x.storage for x in program.wanted()}
        for leaf in self.grads:
            array, value = self.entered.get(id(leaf), (None, None))
            if value is not None and value.storage in used:
                value.storage.origin = "input"
                recording.inputs.append(leaf)
                program.inputs.append(value)
                recording.entered.append((leaf, array, value))
            elif id(leaf) in looked.read:
                recording.entered.append((leaf, array, None))

    def _escaped(self, known: set[int]) -> bool:
        return any(
            type(self.values.get(id(t))) is Recorded and id(t) not in known
            for ref in self.made
            if (t := ref()) is not None
        )


_ALWAYS_THE_SAME = (
    *NUMBERS, TensorBase, frozenset, range, slice, type, types.FunctionType, types.ModuleType,
    types.BuiltinFunctionType, dtype, device, type(Ellipsis),
)  # fmt: skip
"""What is returned as it is: it doesn't change, or is a tensor."""


def _history(t: TensorBase) -> tuple[Any, ...]:
    """Return what of a tensor no program changes."""
    attached = [(name, id(t.__dict__[name])) for name in attributes_of(t)]
    return t._node, t._requires_grad, len(t._hooks or ()), len(t._after or ()), attached


def tensors_of(x: Any) -> Iterator[TensorBase]:
    """Walk over the tensors in nested tuples, lists and dicts."""
    found: list[Any] = []
    map_structure(x, found.append)
    return (t for t in found if isinstance(t, TensorBase))


def _has(x: Any, kind: type) -> bool:
    found: list[Any] = []
    map_structure(x, found.append)
    return any(type(part) is kind for part in found)


def exchange_everywhere(old: Any, new: Any, passed: set[int]) -> None:
    """Put something in the place of something else, in all that holds it but what is passed."""
    for holder in gc.get_referrers(old):
        if id(holder) in passed:
            continue
        if isinstance(holder, list | deque):
            for i, x in enumerate(holder):
                if x is old:
                    holder[i] = new
        elif isinstance(holder, dict):
            for key, x in list(holder.items()):
                if x is old:
                    holder[key] = new
        elif isinstance(holder, set):
            holder.discard(old)
            holder.add(new)
        elif isinstance(holder, tuple):
            parts = list(holder)  # no generator: it would hold the old one itself, in a cell
            for i, x in enumerate(holder):
                parts[i] = new if x is old else x
            made = type(holder)(*parts) if hasattr(holder, "_fields") else tuple(parts)
            exchange_everywhere(holder, made, passed)
        elif hasattr(holder, "cell_contents"):
            holder.cell_contents = new
        elif hasattr(holder, "__dict__"):
            for key, x in list(vars(holder).items()):
                if x is old:
                    setattr(holder, key, new)
