"""A computation as vertices and edges: what every picture of a graph is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.engine import backward_pass
from tinygrad_mnist.autograd.graph import Node, Source, TensorBase
from tinygrad_mnist.autograd.multi_output import CustomNode
from tinygrad_mnist.autograd.observer import Line
from tinygrad_mnist.autograd.recorder import Backward, Record, Recorder, Value, record_of
from tinygrad_mnist.nn import Module
from tinygrad_mnist.ops.rule_source import rule_source


@dataclass(eq=False)
class Edge:
    """What flows between two vertices: a value forward, and a gradient back.

    ``raw`` is what the rule returned, where broadcasting was undone by a sum over ``summed``.
    """

    source: Vertex
    argument: str
    gradient: np.ndarray | None = None
    raw: np.ndarray | None = None
    summed: tuple[int, ...] = ()
    rule: str = ""
    """The rule's source."""


@dataclass(eq=False)
class Vertex:
    """An operation, a leaf that collects a gradient, or data.

    Attributes
    ----------
    kind
        ``"operation"``, ``"parameter"`` (a leaf that collects a gradient) or ``"data"``.
    name, formula
        The operation's, or the name of a parameter.
    path
        The module that it belongs to: ``layers.0``; empty outside of modules.
    line
        The line of the program that computed it, if it was recorded.
    settings
        The operation's settings, as text.
    value
        Its numbers; None where they were not kept.
    gradient
        The gradient that arrived, all paths added up; None where none did.
    turn
        Its place in the backward pass, from 0; None for what has no turn.
    """

    number: int
    kind: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    formula: str = ""
    path: str = ""
    line: Line | None = None
    settings: dict[str, str] = field(default_factory=dict)
    value: np.ndarray | None = None
    gradient: np.ndarray | None = None
    turn: int | None = None
    inputs: list[Edge] = field(default_factory=list)


class Computation:
    """The graph that leads to a tensor, with its values and gradients.

    Parameters
    ----------
    loss
        A tensor of one element that was computed from others.
    params
        What names the parameters: a module, a mapping, or pairs of a name and a tensor.
    name
        The function that errors name.

    Raises
    ------
    RuntimeError
        If the tensor has no graph, has more than one element, or its graph was released and not
        recorded.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> w = tensor(2.0, requires_grad=True)
    >>> found = Computation((w * 3).exp(), {"w": w})
    >>> [(v.kind, v.name) for v in found.vertices]
    [('parameter', 'w'), ('operation', 'mul'), ('operation', 'exp')]
    """

    def __init__(self, loss: Any, params: Any = None, name: str = "explore") -> None:
        root = _root(loss, name)
        self.names = named(params, name)
        self.vertices: list[Vertex] = []
        self._of: dict[int, Vertex] = {}
        self._held: list[Any] = []
        """What is known by its identity, so that nothing else gets it."""
        nodes = _nodes(root)
        turns = _turns(loss, nodes, name)
        for node in nodes:
            self._add_operation(node, turns.get(node))
        self.loss = self._of[id(root.whole)]
        if self.loss.value is None:
            self.loss.value = np.array(loss._array)

    def _add_operation(self, node: Node, turn: Backward | None) -> None:
        op, record = node.op, record_of(node)
        inputs = self._inputs(node, record)
        vertex = Vertex(
            0, "operation", op.name, node.shape, str(node.dtype), op.formula,
            settings={k: _short(v) for k, v in node.settings.items() if k != "shapes"},
        )  # fmt: skip
        values: dict[int, Any] = {}
        if record is not None:
            vertex.path, vertex.line = record.call.path, record.call.line
            if record.outputs:
                vertex.value = record.outputs[0].array
                vertex.shape = vertex.value.shape
        if vertex.value is None:
            vertex.value = _computed(node, inputs)
        if turn is not None:
            vertex.turn = turn.number
            vertex.gradient = _one(turn.gradient)
            values = {arrival.position: arrival for arrival in turn.arrivals}
        for position, source in inputs.items():
            edge = Edge(source, op.input_name(position), rule=rule_of(node, position))
            if position in values:
                arrival = values[position]
                edge.gradient, edge.raw, edge.summed = arrival.gradient, arrival.raw, arrival.summed
                if source.kind == "parameter":
                    source.gradient = (
                        arrival.gradient
                        if source.gradient is None
                        else source.gradient + arrival.gradient
                    )
            vertex.inputs.append(edge)
        if not vertex.path and record is None:
            paths = {v.path for v in inputs.values() if v.kind == "parameter" and v.path}
            vertex.path = paths.pop() if len(paths) == 1 else ""
        self._keep(node, vertex)

    def _inputs(self, node: Node, record: Record | None) -> dict[int, Vertex]:
        """Return the vertices of a node's inputs by position; numbers have none."""
        found: dict[int, Vertex] = {}
        saved = dict(zip(node.plan.saves, node.saved, strict=True)) if node.saved else {}
        taken = record.inputs if record is not None else ()
        for position, parent in enumerate(node.parents):
            known = taken[position] if position < len(taken) else saved.get(position)
            if parent is not None:
                found[position] = self._source(parent, known)
            elif isinstance(known, Value | np.ndarray):
                found[position] = self._data(known)
        return found

    def _source(self, parent: Source, known: Any) -> Vertex:
        whole = parent.whole if isinstance(parent, Node) else parent
        vertex = self._of.get(id(whole))
        if vertex is None:
            assert isinstance(whole, TensorBase)
            name = self.names.get(id(whole), "tensor")
            value = known.array if isinstance(known, Value) else np.array(whole._array)
            vertex = Vertex(
                0, "parameter", name, whole.shape, str(whole._array.dtype),
                path=name.rpartition(".")[0], value=value,
            )  # fmt: skip
            self._keep(whole, vertex)
        elif vertex.value is None and isinstance(known, np.ndarray) and parent is whole:
            vertex.value = known  # a later operation has saved what this one made
        return vertex

    def _data(self, known: Value | np.ndarray) -> Vertex:
        vertex = self._of.get(id(known))
        if vertex is None:
            array = known.array if isinstance(known, Value) else known
            made = known.call if isinstance(known, Value) else None
            vertex = Vertex(
                0, "data", self.names.get(id(array), "data"), array.shape, str(array.dtype),
                value=array,
            )  # fmt: skip
            if made is not None:
                vertex.name, vertex.formula = made.name, made.call.op.formula
                vertex.path, vertex.line = made.call.path, made.call.line
            self._keep(known, vertex)
        return vertex

    def _keep(self, what: Any, vertex: Vertex) -> None:
        vertex.number = len(self.vertices)
        self.vertices.append(vertex)
        self._held.append(what)
        self._of[id(what)] = vertex


def named(params: Any, name: str) -> dict[int, str]:
    """Return names of tensors by their identity, from a module, a mapping, or pairs.

    Raises
    ------
    TypeError
        If the parameters come without names.
    """
    if params is None:
        return {}
    if isinstance(params, Module):
        pairs: Iterable[Any] = [*params.named_parameters(), *params.named_buffers()]
    else:
        pairs = params.items() if isinstance(params, Mapping) else list(params)
    try:
        return {id(x): str(key) for key, x in pairs}
    except (TypeError, ValueError):
        raise TypeError(
            f"{name}: params must be a module, a dictionary of tensors, or pairs of a name and a "
            f"tensor; give model or model.named_parameters()"
        ) from None


def _root(loss: Any, name: str) -> Node:
    if not isinstance(loss, TensorBase):
        raise TypeError(f"{name}: expects a tensor, not {type(loss).__name__}; give the loss")
    source = loss.source()
    if not isinstance(source, Node):
        why = "is a leaf" if source is not None else "needs no gradient"
        raise RuntimeError(
            f"{name}: the tensor {why}, so there is no graph to show; give what was computed from "
            f"tensors with requires_grad=True, outside of no_grad()"
        )
    if loss._array.size != 1:
        raise RuntimeError(
            f"{name}: the tensor has shape {list(loss.shape)}, but backpropagation starts from one "
            f"number; give the loss, or the tensor's sum()"
        )
    return source


def nodes_of(loss: Any, name: str) -> list[Node]:
    """Return the nodes that lead to a tensor, each operation once, the oldest first."""
    return _nodes(_root(loss, name))


def _nodes(root: Node) -> list[Node]:
    """Return the nodes that lead to a root, each operation once, the oldest first."""
    seen = {root.whole}
    stack = [root.whole]
    while stack:
        for parent in stack.pop().parents:
            if isinstance(parent, Node) and parent.whole not in seen:
                seen.add(parent.whole)
                stack.append(parent.whole)
    return sorted(seen, key=lambda node: node.number)


def _turns(loss: Any, nodes: list[Node], name: str) -> dict[Node, Backward]:
    """Return what each node did in the backward pass: as recorded, or of a pass of its own."""
    records = [record_of(node) for node in nodes]
    if all(record is not None and record.backward is not None for record in records):
        return {
            node: record.backward
            for node, record in zip(nodes, records, strict=True)
            if record is not None and record.backward is not None
        }
    if any(node.saved is None for node in nodes):
        raise RuntimeError(
            f"{name}: the graph was released by backward(); show it before, pass "
            f"retain_graph=True to backward(), or record the step: with viz.record(): ..."
        )
    with Recorder() as passed:
        backward_pass([(loss.source(), np.ones_like(loss._array))], retain_graph=True)
    return {turn.record.call.node: turn for turn in passed.turns if turn.record.call.node}


def _computed(node: Node, inputs: Mapping[int, Vertex]) -> np.ndarray | None:
    """Return a node's output: as saved, or computed again from inputs that are all known."""
    count = len(node.parents)
    if isinstance(node, CustomNode) or node.saved is None:
        return None
    saved = dict(zip(node.plan.saves, node.saved, strict=True))
    if count in saved:
        return np.asarray(saved[count])
    values = [
        inputs[i].value if i in inputs else saved.get(i) for i in range(count)
    ]  # an input that isn't known may have been None, or may not have been kept
    required = range(count) if node.op.variadic or node.op.broadcasts else range(min(count, 1))
    if any(values[i] is None for i in required):
        return None
    settings = {key: value for key, value in node.settings.items() if key != "shapes"}
    try:
        with np.errstate(all="ignore"):
            out = node.op.compute(*values, **settings)
    except Exception:  # what was not kept is missing to it
        return None
    out = np.asarray(out[0] if node.op.packed else out)
    return out if out.shape == node.shape or not node.shape else None


def rule_of(node: Node, position: int) -> str:
    """Return the source of a node's rule for one input; empty if there is none."""
    rule = node.op.rules.get(node.op.input_name(position))
    found = rule and rule_source(rule.function)
    return found.text if found else ""


def _one(gradient: Any) -> np.ndarray | None:
    """Return a gradient; of several outputs, that of the first that is used."""
    if isinstance(gradient, list):
        return next((g for g in gradient if g is not None), None)
    return np.asarray(gradient)


def _short(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return f"array of shape {list(x.shape)}"
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."
