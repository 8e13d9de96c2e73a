"""A recording: one run of a step as a program, and what of Python belongs to it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_mnist.autograd import graph
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.autograd.observer import Line
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.compiler.surroundings import Surroundings
from tinygrad_mnist.compiler.trace import Program, Storage, Value, mapped
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
    structure
        The same with values in the place of tensors.
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
    structure: Any = None
    state: list[tuple[TensorBase, Value]] = field(default_factory=list)
    rebound: list[tuple[TensorBase, Value]] = field(default_factory=list)
    gradients: list[tuple[TensorBase, Value | None]] = field(default_factory=list)
    entered: list[tuple[TensorBase, Value]] = field(default_factory=list)
    written: list[TensorBase] = field(default_factory=list)
    stopped: str = ""
    line: Line | None = None


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
        with tracer:
            recording.result = function(*args, **kwargs)
    finally:
        graph._new = object.__new__
        tracer.open, stopped = False, tracer.stopped
        alive = [t for ref in made if (t := ref()) is not None]
        values = {id(t): t._array for t in alive}
        for tensor, array, stand in before:
            now = tensor._array
            if now is stand:  # type: ignore[comparison-overlap]
                tensor._array = array
            else:
                values[id(tensor)] = now
                tensor._array = real_of(now)
        for tensor in alive:
            tensor._array = real_of(tensor._array)
        for node in (n for ref in tracer.nodes if (n := ref()) is not None):
            if node.saved:
                node.saved = mapped(tuple(node.saved), real_of)
            node.settings = {k: mapped(x, real_of) for k, x in node.settings.items()}
    recording.stopped, recording.line = stopped, tracer.line
    if stopped:
        return recording
    recording.stopped = _finish(recording, tracer, grads, before, values, made)
    return recording


def _finish(
    recording: Recording,
    tracer: Tracer,
    grads: dict[TensorBase, Any],
    before: list[tuple[TensorBase, np.ndarray, Recorded]],
    values: dict[int, Any],
    made: list[weakref.ref[TensorBase]],
) -> str:
    """Find what the program returns and leaves behind; say what stands against it."""
    program = recording.program
    stands = {id(t): stand.value for t, _, stand in before}
    outputs: dict[TensorBase, Value] = {}

    def value_of(x: Any) -> Any:
        if isinstance(x, TensorBase):
            if id(x) in stands:
                return x
            array = values.get(id(x))
            if isinstance(array, Recorded):
                if x._node is not None and x._node.saved:
                    open_graph.append(x)
                outputs[x] = array.value
                program.outputs.append(array.value)
                return array.value
            return x
        return x

    open_graph: list[Any] = []
    recording.structure = map_structure(recording.result, value_of)
    if open_graph:
        return "it returns a tensor whose gradient is still to be computed"
    expected = {id(x) for x in outputs}
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
            program.gradients.append(array.value)
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


def _escaped(made: list[weakref.ref[TensorBase]], values: dict[int, Any], known: set[int]) -> bool:
    return any(
        type(values.get(id(t))) is Recorded and id(t) not in known
        for ref in made
        if (t := ref()) is not None
    )


def map_structure(x: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested tuples, lists and dicts with every leaf changed."""
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(map_structure(part, change) for part in x))
    if type(x) is tuple or type(x) is list:
        return type(x)([map_structure(part, change) for part in x])
    if type(x) is dict:
        return {key: map_structure(part, change) for key, part in x.items()}
    return change(x)
