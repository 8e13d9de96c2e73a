"""A recording: one run of a step as a program, and what of Python belongs to it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_mnist.autograd import graph
from tinygrad_mnist.autograd.graph import Source, TensorBase
from tinygrad_mnist.autograd.node import next_number
from tinygrad_mnist.autograd.observer import Line
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.compiler.differentiable import Graph, NotDifferentiableError, pattern_of
from tinygrad_mnist.compiler.returned import Place, Returned, describe, map_structure
from tinygrad_mnist.compiler.surroundings import Surroundings
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, differences, mapped
from tinygrad_mnist.compiler.tracer import Tracer, real_of


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
    state
        Tensors that were there before, each with its value.
    rebound
        Tensors whose array was exchanged, with the value that it has become.
    gradients
        Leaves whose gradient was exchanged, with what it has become, or None.
    entered
        Leaves' gradients that were there before, each with its value.
    written
        Tensors whose memory was written to.
    stopped, line
        Why the function can't be compiled, and where; empty if it can.
    """

    program: Program
    surroundings: Surroundings
    result: Any = None
    returned: Returned = field(default_factory=Returned)
    graph: Graph | None = None
    state: list[tuple[TensorBase, Value]] = field(default_factory=list)
    rebound: list[tuple[TensorBase, Value]] = field(default_factory=list)
    gradients: list[tuple[TensorBase, Value | None]] = field(default_factory=list)
    entered: list[tuple[TensorBase, Value]] = field(default_factory=list)
    written: list[TensorBase] = field(default_factory=list)
    stopped: str = ""
    line: Line | None = None

    def difference(self, other: Recording) -> str:
        """Say where another recording of the same step differs, or return an empty string."""
        return differences(self._lines(), other._lines())

    def _lines(self) -> list[Call]:
        """Return the calls, and what is returned as one more of them."""
        returned = self.returned
        structure = map_structure(
            returned.structure, lambda x: ("tensor", id(x)) if isinstance(x, TensorBase) else x
        )
        graph = None if self.graph is None else self.graph.compared()
        arguments = structure, [x.value for x in returned.computed], graph
        return [*self.program.calls, Call("return", arguments, {})]


def tensors_of(x: Any) -> Iterator[TensorBase]:
    """Walk over the tensors in nested tuples, lists and dicts."""
    if isinstance(x, TensorBase):
        yield x
    elif isinstance(x, tuple | list):
        for part in x:
            yield from tensors_of(part)
    elif isinstance(x, dict):
        for part in x.values():
            yield from tensors_of(part)


def record(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Recording:
    """Call a function, and record what it does."""
    around = Surroundings((function, args, kwargs))
    tracer = Tracer()
    recording = Recording(Program(tracer.calls), around)
    if around.refused:
        recording.stopped, recording.result = around.refused, function(*args, **kwargs)
        return recording
    given = list(dict.fromkeys(tensors_of((args, kwargs))))
    held = [t for t in around.tensors if t not in set(given)]
    places: dict[TensorBase, Place] = {t: i for i, t in enumerate(given)}
    places.update((t, t) for t in held)
    edges = {source: at for t, at in places.items() if (source := t.source()) is not None}
    histories = [(t, t._node) for t in places]
    start = next_number()
    before: list[tuple[TensorBase, np.ndarray, Recorded]] = []
    made: list[weakref.ref[TensorBase]] = []

    def stand_in(tensor: TensorBase, origin: str) -> Value:
        array = tensor._array
        stand = tracer.given(array, origin)
        before.append((tensor, array, stand))
        tensor._array = stand  # type: ignore[assignment]  # it is taken for an array
        return stand.value

    def new(kind: type[Any]) -> Any:
        tensor = object.__new__(kind)
        made.append(weakref.ref(tensor))
        return tensor

    recording.program.inputs = [stand_in(t, "input") for t in given]
    recording.state = [(t, stand_in(t, "state")) for t in held]
    leaves = [t for t in (*given, *held) if t._requires_grad and t._node is None]
    grads = {t: t._grad for t in leaves}
    known = {t for t, *_ in before}
    for leaf, g in grads.items():
        if g is not None and g not in known:
            recording.entered.append((leaf, stand_in(g, "gradient")))
    graph._new = new
    try:
        try:
            with tracer:
                recording.result = function(*args, **kwargs)
                for x in tensors_of(recording.result):
                    x.source()  # a view's history is brought up to date
        finally:
            graph._new = object.__new__
            tracer.open, stopped = False, tracer.stopped
            values = _restore(before, made)
        recording.stopped, recording.line = stopped, tracer.line
        if not stopped:
            recording.stopped = _finish(recording, tracer, grads, before, places, values, made)
        if not recording.stopped:
            if any(t._node is not node for t, node in histories):
                recording.stopped = "it changes the history of a tensor that was there before"
            else:
                recording.stopped = _connect(recording, tracer, function, start, places, edges)
    finally:
        for node in (n for ref in tracer.nodes if (n := ref()) is not None):
            if node.saved:
                node.saved = mapped(tuple(node.saved), real_of)
            node.settings = {k: mapped(x, real_of) for k, x in node.settings.items()}
    return recording


def _restore(
    before: list[tuple[TensorBase, np.ndarray, Recorded]], made: list[weakref.ref[TensorBase]]
) -> dict[int, Any]:
    """Give tensors their arrays back; return what they had, by identity."""
    alive = [t for ref in made if (t := ref()) is not None]
    values: dict[int, Any] = {id(t): t._array for t in alive}
    for tensor, array, stand in before:
        now = tensor._array
        if now is stand:  # type: ignore[comparison-overlap]
            tensor._array = array
        else:
            values[id(tensor)] = now
            tensor._array = real_of(now)
    for tensor in alive:
        tensor._array = real_of(tensor._array)
    return values


def _finish(
    recording: Recording,
    tracer: Tracer,
    grads: dict[TensorBase, Any],
    before: list[tuple[TensorBase, np.ndarray, Recorded]],
    places: dict[TensorBase, Place],
    values: dict[int, Any],
    made: list[weakref.ref[TensorBase]],
) -> str:
    """Find what the program returns and leaves behind; say what stands against it."""
    program = recording.program
    at = {id(t): place for t, place in places.items()}
    versions = {id(t._version): place for t, place in places.items()}
    fresh = {id(t) for ref in made if (t := ref()) is not None}

    def value_of(x: TensorBase) -> Value | None:
        array = values.get(id(x))
        if type(array) is Recorded:
            return array.value
        return tracer.given(x._array, "constant").value if id(x) in fresh else None

    returned = recording.returned = describe(recording.result, at, versions, value_of)
    program.outputs += [x.value for x in returned.computed]
    expected = set(map(id, returned.tensors))
    for leaf, entered in grads.items():
        if leaf._grad is entered:
            continue
        if leaf._grad is None:
            recording.gradients.append((leaf, None))
        else:
            array = values.get(id(leaf._grad))
            if type(array) is not Recorded:
                return "a gradient was set to a tensor that the program doesn't compute"
            recording.gradients.append((leaf, array.value))
            program.gradients.append(array.value)
            expected.add(id(leaf._grad))
    for tensor, _, _ in before:
        array = values.get(id(tensor))
        if type(array) is Recorded:
            recording.rebound.append((tensor, array.value))
            program.rebound.append(array.value)
    escaped = _escaped(made, values, expected)
    if escaped:
        gc.collect()
        if _escaped(made, values, expected):
            return "a tensor that it has made is kept somewhere else than in what it returns"
    written: set[Storage] = {s for call in program.calls for s in call.writes}
    recording.written = [t for t, _, stand in before if stand.value.storage in written]
    if changed := recording.surroundings.change():
        return f"it changes {changed}, which Python does, and a program of NumPy calls doesn't"
    return ""


def _connect(
    recording: Recording,
    tracer: Tracer,
    function: Any,
    start: int,
    places: dict[TensorBase, Place],
    edges: dict[Source, Place],
) -> str:
    """Find what the returned tensors need gradients for; say what stands against it."""
    known = {id(t._version): place for t, place in places.items()}
    try:
        graph = pattern_of(function, recording.returned, start, edges, known, tracer)
    except NotDifferentiableError as error:
        return str(error)
    recording.graph = graph
    if graph is not None:
        recording.program.outputs += graph.returned()
    return ""


def _escaped(made: list[weakref.ref[TensorBase]], values: dict[int, Any], known: set[int]) -> bool:
    return any(
        type(values.get(id(t))) is Recorded and id(t) not in known
        for ref in made
        if (t := ref()) is not None
    )
