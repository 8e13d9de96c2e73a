"""A recorder: what happened in a block of a program, operation by operation and rule by rule."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.engine import keyword, summed_dims
from tinygrad_mnist.autograd.graph import Node, Source, TensorBase
from tinygrad_mnist.autograd.modes import Mode, modes
from tinygrad_mnist.autograd.observer import Call, Observer, Pass
from tinygrad_mnist.autograd.precision import upcast

_RECORDS: weakref.WeakKeyDictionary[Node, Record] = weakref.WeakKeyDictionary()
"""Of every node made while a recorder was on, for pictures of its graph."""


class Value:
    """An array as it was when an operation took or made it.

    Attributes
    ----------
    array
        Its numbers then: a copy, so that later writes don't change what is shown.
    call
        The operation that made it, as a record; None for what came from outside.
    origin
        The array itself, which may have been written to since.
    """

    __slots__ = ("array", "call", "origin")

    def __init__(self, array: np.ndarray, call: Record | None, origin: np.ndarray) -> None:
        self.array = array
        self.call = call
        self.origin = origin

    def __repr__(self) -> str:
        made = f"made by {self.call.name}" if self.call else "from outside"
        return f"<value {list(self.array.shape)} {made}>"


class Record:
    """One operation: its call, with the values that it took and made, and its rules' run.

    Attributes
    ----------
    number
        Its place among the calls, from 0.
    call
        The operation, its settings, the line and the modules.
    inputs
        A :class:`Value` for each array; numbers and None as they are.
    outputs
        A value for each output, residuals left out.
    turns
        What its rules did each time that a gradient came, in the order of the backward passes.
    """

    __slots__ = ("call", "inputs", "number", "outputs", "turns")

    def __init__(self, number: int, call: Call) -> None:
        self.number = number
        self.call = call
        self.inputs: tuple[Any, ...] = ()
        self.outputs: tuple[Value, ...] = ()
        self.turns: list[Backward] = []

    @property
    def backward(self) -> Backward | None:
        """What its rules did when a gradient came last; None before, or if none ever came."""
        return self.turns[-1] if self.turns else None

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.call.op.name

    def __repr__(self) -> str:
        return f"<record {self.number}: {self.name}>"


class Arrival(NamedTuple):
    """What a rule handed on: to which input, and the gradient.

    ``raw`` is what the rule returned, where broadcasting was undone by a sum over ``summed``.
    """

    position: int
    gradient: np.ndarray
    raw: np.ndarray | None
    summed: tuple[int, ...]


class Backward(NamedTuple):
    """One node's turn in the backward pass."""

    number: int
    """Its place among the turns, from 0."""
    record: Record
    gradient: Any
    """What came in: an array; a list, with None for what isn't used, of several outputs."""
    arrivals: list[Arrival]
    walk: Pass | None
    """The backward pass that it was a part of; None if that had begun before anybody observed."""


class Recorder(Observer):
    """Record a block of a program: each operation with its numbers, and each rule with its.

    Parameters
    ----------
    copy
        Whether to keep copies of the arrays, so that later writes don't change what is shown.

    Attributes
    ----------
    records
        The operations, in the order in which they were computed.
    turns
        The turns of the backward pass, in their order.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.viz import Recorder
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> with Recorder() as step:
    ...     (x * 3).sum().backward()
    >>> [record.name for record in step.records], [turn.record.name for turn in step.turns]
    (['mul', 'sum'], ['sum', 'mul'])
    >>> step.turns[1].arrivals[0].gradient
    array([3., 3.], dtype=float32)
    """

    def __init__(self, copy: bool = True) -> None:
        super().__init__()
        self.copy = copy
        self.records: list[Record] = []
        self.turns: list[Backward] = []
        self._known: dict[int, tuple[np.ndarray, Value]] = {}
        """By the array's identity; the array is held, so that no other gets its number."""
        self._of_node: weakref.WeakKeyDictionary[Node, Record] = weakref.WeakKeyDictionary()

    def computed(self, call: Call) -> None:
        """Keep an operation with its numbers."""
        self._add(call)

    def recorded(self, call: Call) -> None:
        """Remember which node an operation has left."""
        record = self.records[-1] if self.records else None
        if record is None or record.call is not call:
            record = self._add(call)  # that of a view made anew, or of a user's Function
        assert call.node is not None
        self._of_node[call.node] = _RECORDS[call.node] = record

    def ran(self, node: Node, gradient: Any, results: Sequence[tuple[Source, Any]]) -> None:
        """Keep what came in, and what went out to each parent."""
        record = self.of_node(node) or self._add_from_before(node)
        several = isinstance(gradient, list)
        came = [self._kept(g) for g in gradient] if several else self._kept(gradient)
        arrivals: list[Arrival] = []
        for position, (parent, g) in zip(_positions(node, results), results, strict=True):
            raw, summed = _undone(node, position, parent, gradient)
            arrivals.append(Arrival(position, self._kept(g), raw, summed))
        turn = Backward(len(self.turns), record, came, arrivals, modes.walk)
        record.turns.append(turn)
        self.turns.append(turn)

    def of_node(self, node: Node) -> Record | None:
        """Return the record of a node, if it was made while this recorder was on."""
        return self._of_node.get(node.whole)

    def of_tensor(self, x: Any) -> Record | None:
        """Return the record of the operation that made a tensor, likewise."""
        known = self._known.get(id(x._array))
        return known[1].call if known is not None and known[0] is x._array else None

    def _add(self, call: Call) -> Record:
        record = Record(len(self.records), call)
        record.inputs = tuple(self._taken(x) for x in call.inputs)
        outputs = call.outputs if call.op.variadic else call.outputs[: len(call.op.outputs)]
        record.outputs = tuple(self._made(x, record) for x in outputs if type(x) is np.ndarray)
        call.inputs = call.outputs = ()  # the values are kept, and the arrays by _known
        self.records.append(record)
        return record

    def _add_from_before(self, node: Node) -> Record:
        """Return a record of a node that was made before this recorder was on."""
        call = Call(node.op, (), node.settings, ())
        call.node, call.line, call.modules = node, None, ()
        record = self._of_node[node] = self._add(call)
        return record

    def _taken(self, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        known = self._known.get(id(x))
        if known is not None:
            value = known[1]
            if np.array_equal(value.array, x, equal_nan=x.dtype.kind == "f"):
                return value  # else the program has written to it since
        return self._made(x, None)

    def _made(self, x: np.ndarray, record: Record | None) -> Value:
        value = Value(self._kept(x), record, x)
        self._known[id(x)] = x, value
        return value

    def _kept(self, x: Any) -> Any:
        array = x._array if isinstance(x, TensorBase) else x
        return array.copy() if self.copy and isinstance(array, np.ndarray) else array


def record_of(node: Node) -> Record | None:
    """Return the record of a node, whichever recorder was on when it was made."""
    return _RECORDS.get(node.whole)


def _positions(node: Node, results: Sequence[tuple[Source, Any]]) -> Iterable[int]:
    """Return which input each result of a node's rules belongs to; one may stand in it twice."""
    left = list(enumerate(node.parents))
    for parent, _ in results:
        place = next(i for i, (_, p) in enumerate(left) if p is parent)
        yield left.pop(place)[0]


def _undone(
    node: Node, position: int, parent: Source, gradient: Any
) -> tuple[np.ndarray | None, tuple[int, ...]]:
    """Return what a rule gave before broadcasting was undone, and the summed dimensions."""
    shape = parent.shape if isinstance(parent, Node) else parent._array.shape
    if not node.op.broadcasts or shape == node.shape or not node.plan.steps:
        return None, ()
    if node.extra is not None and node.extra.after:
        return None, ()  # a hook may have made something else of it
    gradient, saved = getattr(gradient, "_array", gradient), node.check()
    if node.dtype.char in node.op.narrow:
        gradient, saved = upcast(node, gradient, saved)
    step = next(step for step in node.plan.steps if step.position == position)
    settings = {name: keyword(node, name, position) for name in step.keywords}
    with Mode(observers=()):
        raw = np.asarray(step.function(gradient, *saved[step.arrays], **settings))
    return (raw, summed_dims(raw.shape, shape)) if raw.shape != shape else (None, ())
