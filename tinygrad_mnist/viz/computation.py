"""A computation as vertices and edges: what every picture of a graph is drawn from."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.engine import backward_pass
from tinygrad_mnist.autograd.graph import Node, Source, TensorBase
from tinygrad_mnist.autograd.hooks import nothing_retained
from tinygrad_mnist.autograd.modes import Mode
from tinygrad_mnist.autograd.multi_output import CustomNode, MultiOutputNode, OutputNode
from tinygrad_mnist.autograd.observer import Line, Pass
from tinygrad_mnist.autograd.recorder import Arrival, Backward, Record, Recorder, Value, record_of
from tinygrad_mnist.nn import Module
from tinygrad_mnist.ops.contract import Op
from tinygrad_mnist.ops.rule_source import rule_source

PLAIN = (bool, int, float, str, tuple, np.generic)
"""What is shown by its text; of other objects that are no tensors only their type is named."""
HOOKED = "a hook of the program has changed it"
AROUND = "the pass began further on, so not all of it comes by the paths that are shown"


@dataclass(eq=False)
class Edge:
    """What flows between two vertices: a value forward, and a gradient back.

    ``raw`` is what the rule returned, where broadcasting was undone by a sum over ``summed``.
    """

    source: Vertex
    position: int
    """Which input of the operation it is."""
    argument: str
    output: str = ""
    """Which output of the source it is, where there are several."""
    gradient: np.ndarray | None = None
    raw: np.ndarray | None = None
    summed: tuple[int, ...] = ()
    rule: str = ""
    """The rule's source."""


class Given(NamedTuple):
    """An input of an operation that is no tensor."""

    position: int
    argument: str
    text: str
    """What it was; empty where it was not kept."""


class Output(NamedTuple):
    """One of an operation's several outputs."""

    name: str
    value: np.ndarray | None
    gradient: np.ndarray | None


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
        The module that it belongs to: ``layers.0``; empty outside of modules. Of what was not
        recorded it is told by the parameters: what was computed between a module's first use of
        its parameters and its last belongs to it.
    line
        The line of the program that computed it, if it was recorded.
    settings
        The operation's settings, as text.
    value
        Its numbers; None where they were not kept.
    gradient
        The gradient that arrived, all paths added up; None where none did.
    remark
        Why the gradient isn't the sum of those that arrive by the edges, where it isn't.
    given
        The inputs that are numbers, or were not kept.
    outputs
        All outputs, where there are several; ``value`` and ``gradient`` are then those of the first
        that gets a gradient.
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
    remark: str = ""
    turn: int | None = None
    inputs: list[Edge] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)


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
    >>> from tinygrad_mnist.viz.computation import Computation
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
        with Mode(observers=()):  # whoever observes the program is not told of what is done here
            turns, walk = _turns(loss, nodes, name)
            self._places = places(nodes, self.names)
            for node in nodes:
                self._add_operation(node, turns.get(node))
        self.loss = self._of[id(root.whole)]
        if self.loss.value is None:
            self.loss.value = np.array(loss._array)
        self._complete(walk, loss.source())

    def _add_operation(self, node: Node, turn: tuple[int, Backward] | None) -> None:
        op, record = node.op, record_of(node)
        inputs = self._inputs(node, record)
        vertex = Vertex(
            0, "operation", op.name, node.shape, str(node.dtype), op.formula,
            path=self._places[node],
            settings={k: _short(v) for k, v in node.settings.items() if k != "shapes"},
        )  # fmt: skip
        values = _computed(node, inputs)
        if record is not None:
            vertex.line = record.call.line
            values = [x.array for x in record.outputs] or values
        gradients: list[Any] = [None]
        arrivals: dict[int, Arrival] = {}
        if turn is not None:
            vertex.turn, backward = turn
            several = isinstance(backward.gradient, list)
            gradients = backward.gradient if several else [np.asarray(backward.gradient)]
            arrivals = {arrival.position: arrival for arrival in backward.arrivals}
        _set_outputs(vertex, node, values, gradients)
        for position, source in inputs.items():
            parent = node.parents[position]
            edge = Edge(source, position, op.input_name(position), rule=rule_of(node, position))
            if isinstance(parent, OutputNode) and source.outputs:
                edge.output = _output_name(parent.whole, parent.index)
            if position in arrivals:
                arrival = arrivals[position]
                edge.gradient, edge.raw, edge.summed = arrival.gradient, arrival.raw, arrival.summed
            vertex.inputs.append(edge)
        for position in range(len(node.parents)):
            if position not in inputs and (text := _given(node, record, position)) is not None:
                vertex.given.append(Given(position, op.input_name(position), text))
        self._keep(node, vertex)

    def _complete(self, walk: Pass, root: Source) -> None:
        """Give the leaves their gradients, and remark on those that no sum shown explains."""
        began = walk.began_at(root)
        arrived: dict[tuple[Vertex, str], Any] = {}
        if began:
            name = _output_name(root.whole, root.index) if isinstance(root, OutputNode) else ""
            arrived[self.loss, name if self.loss.outputs else ""] = 1.0
        for edge in (edge for v in self.vertices for edge in v.inputs):
            if edge.gradient is not None:
                place = edge.source, edge.output
                arrived[place] = arrived.get(place, 0.0) + edge.gradient
        for what, v in zip(self._held, self.vertices, strict=True):
            if isinstance(what, TensorBase):
                gradient = walk.leaves.get(what, arrived.get((v, "")))
                v.gradient = None if gradient is None else _array(gradient)
            hooked = _has_hooks(what)
            if v.kind == "data" or (began and not hooked):
                continue
            for x in v.outputs or [Output("", v.value, v.gradient)]:
                if x.gradient is not None and not _alike(arrived.get((v, x.name)), x.gradient):
                    v.remark = HOOKED if hooked else AROUND

    def _inputs(self, node: Node, record: Record | None) -> dict[int, Vertex]:
        """Return the vertices of a node's inputs by position; numbers have none."""
        found: dict[int, Vertex] = {}
        for position, parent in enumerate(node.parents):
            known = _known(node, record, position)
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
        elif vertex.value is None and known is not None and not vertex.outputs:
            # A later operation has saved what this one made.
            vertex.value = known.array if isinstance(known, Value) else np.asarray(known)
        return vertex

    def _data(self, known: Value | np.ndarray) -> Vertex:
        vertex = self._of.get(id(known))
        if vertex is None:
            if isinstance(known, Value):
                array, made, name = known.array, known.call, self.names.get(id(known.origin))
            else:
                array, made, name = known, None, self.names.get(id(known))
            name = name or "data"
            vertex = Vertex(
                0, "data", name, array.shape, str(array.dtype),
                path=name.rpartition(".")[0], value=array,
            )  # fmt: skip
            if made is not None:
                vertex.name, vertex.formula = made.name, made.call.op.formula
                vertex.path, vertex.line = _path(made, self.names), made.call.line
            self._keep(known, vertex)
        return vertex

    def _keep(self, what: Any, vertex: Vertex) -> None:
        vertex.number = len(self.vertices)
        self.vertices.append(vertex)
        self._held.append(what)
        self._of[id(what)] = vertex


def _known(node: Node, record: Record | None, position: int) -> Any:
    """Return an input of a node as recorded, or as saved for its rules; None if it is neither."""
    if record is not None and position < len(record.inputs):
        return record.inputs[position]
    return _saved(node).get(position)


def _saved(node: Node) -> dict[int, Any]:
    """Return what a node has saved, by its place; nothing, if the program has written to it."""
    if not node.saved:
        return {}
    try:
        return dict(zip(node.plan.saves, node.check(), strict=True))
    except RuntimeError:
        return {}


def _given(node: Node, record: Record | None, position: int) -> str | None:
    """Return an input that is no tensor as text, "" if it was not kept; None if there is none."""
    known = _known(node, record, position)
    if known is not None:
        return _short(known) if isinstance(known, PLAIN) else type(known).__name__
    recorded = record is not None and position < len(record.inputs)
    return None if recorded or _may_lack(node.op, position) else ""


def _may_lack(op: Op, position: int) -> bool:
    """Whether an operation's input may be left out."""
    if op.variadic or isinstance(op.forward, np.ufunc):
        return op.variadic
    takes = inspect.signature(op.forward).parameters
    return takes[op.input_name(position)].default is None


def _has_hooks(what: Any) -> bool:
    """Whether a node or a leaf has hooks that may change its gradient."""
    if isinstance(what, TensorBase):
        return bool(what._hooks)
    if not isinstance(what, Node):
        return False
    outputs = what.output_nodes.values() if isinstance(what, MultiOutputNode) else ()
    hooks = [what.hooks, *(x.hooks for of in outputs if (x := of()) is not None)]
    return any(hooks) or (what.extra is not None and bool(what.extra.before))


def _array(x: Any) -> np.ndarray:
    return np.asarray(getattr(x, "_array", x))


def _alike(total: Any, gradient: np.ndarray) -> bool:
    return total is not None and np.allclose(total, gradient, rtol=1e-3, equal_nan=True)


def named(params: Any, name: str) -> dict[int, str]:
    """Return names of tensors, of their arrays, and of modules by their identity.

    Raises
    ------
    TypeError
        If the parameters come without names.
    """
    if params is None:
        return {}
    try:
        if isinstance(params, Module):
            pairs: Iterable[Any] = [*params.named_parameters(), *params.named_buffers()]
        else:
            pairs = params.items() if isinstance(params, Mapping) else params
        found = {id(of): str(key) for key, x in pairs for of in (x, x._array)}
    except (AttributeError, TypeError, ValueError):
        raise TypeError(
            f"{name}: params must be a module, a dictionary of tensors, or pairs of a name and a "
            f"tensor; give model or model.named_parameters()"
        ) from None
    modules = params.named_modules() if isinstance(params, Module) else ()
    return found | {id(module): key for key, module in modules}


def _kind(x: Any) -> str:
    """Name the type of what is no tensor; with its module, if it has a tensor's name."""
    kind = type(x)
    if kind.__name__ != "Tensor":
        return kind.__name__
    return f"one of another package, {kind.__module__}.{kind.__qualname__}"


def _root(loss: Any, name: str) -> Node:
    if not isinstance(loss, TensorBase):
        raise TypeError(f"{name}: expects a tensor, not {_kind(loss)}; give the loss")
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


def _turns(
    loss: Any, nodes: list[Node], name: str
) -> tuple[dict[Node, tuple[int, Backward]], Pass]:
    """Return each node's turn in one backward pass, as recorded or of its own, and that pass."""
    passes: dict[Pass, dict[Node, Backward]] = {}
    for node in nodes:
        for turn in record.turns if (record := record_of(node)) is not None else ():
            if turn.walk is not None:
                passes.setdefault(turn.walk, {})[node] = turn
    root, last = loss.source(), nodes[-1]

    def worth(walk: Pass) -> tuple[bool, bool, int]:
        first = passes[walk][last]
        begun = walk.began_at(root) and _is_one(first.gradient)
        return begun, len(passes[walk]) == len(nodes), first.number

    best = max((walk for walk, turns in passes.items() if last in turns), key=worth, default=None)
    released = any(kept(node) is None for node in nodes)
    if best is None or not (released or all(worth(best)[:2])):
        if released:
            raise RuntimeError(
                f"{name}: the graph was released by backward(); show it before, pass "
                f"retain_graph=True to backward(), or record the step: with viz.record(): ..."
            )
        best, turns = _own_pass(loss, nodes)
    else:
        turns = passes[best]
    ordered = sorted(turns, key=lambda node: turns[node].number)
    return {node: (place, turns[node]) for place, node in enumerate(ordered)}, best


def _own_pass(loss: Any, nodes: list[Node]) -> tuple[Pass, dict[Node, Backward]]:
    """Play a backward pass that stores no gradient and releases nothing."""
    inside = set(nodes)
    outputs = {p for n in nodes for p in n.parents if isinstance(p, Node)} | {loss.source()}
    with Recorder() as passed, nothing_retained(inside | outputs):
        backward_pass([(loss.source(), np.ones_like(loss._array))], retain_graph=True)
    # The rules of a checkpoint go through a graph of their own, which is none of this one.
    turns = {node: turn for turn in passed.turns if (node := turn.record.call.node) in inside}
    walk = turns[nodes[-1]].walk
    assert walk is not None
    return walk, turns


def kept(node: Node) -> list[np.ndarray] | None:
    """Return the arrays that a node keeps for its rules; None once released."""
    if isinstance(node, CustomNode):
        return node.kept()
    return None if node.saved is None else [x for x in node.saved if isinstance(x, np.ndarray)]


def _is_one(gradient: Any) -> bool:
    came = gradient if isinstance(gradient, list) else [gradient]
    return all(bool(np.all(g == 1)) for g in came if g is not None)


def _set_outputs(
    vertex: Vertex, node: Node, values: list[Any], gradients: list[np.ndarray | None]
) -> None:
    """Give a vertex its numbers: those of its one output, or of each."""
    first = next((i for i, g in enumerate(gradients) if g is not None), 0)
    if isinstance(node, MultiOutputNode):
        shapes = node.outputs
        if len(values) < len(shapes):
            values = [None] * len(shapes)
        vertex.shape, vertex.dtype = shapes[first][0], str(shapes[first][1])
        if len(shapes) > 1:
            vertex.outputs = [
                Output(
                    _output_name(node, i), values[i], gradients[i] if i < len(gradients) else None
                )
                for i in range(len(shapes))
            ]
    vertex.value = values[first] if values else None
    vertex.gradient = gradients[first]


def _output_name(node: Node, index: int) -> str:
    names = node.op.outputs
    return names[index] if len(names) > 1 else f"output {index}"


def _computed(node: Node, inputs: Mapping[int, Vertex]) -> list[Any]:
    """Return a node's outputs: as saved, or computed again from inputs that are all known."""
    op, count = node.op, len(node.parents)
    if isinstance(node, CustomNode) or node.saved is None:
        return []
    saved = _saved(node)
    if count in saved and len(op.outputs) == 1:
        return [np.asarray(saved[count])]
    values = [_taken(inputs[i], node.parents[i]) if i in inputs else saved.get(i)
              for i in range(count)]  # fmt: skip
    if any(x is None for x in values):  # it may have been None, or may not have been kept
        return []
    settings = {key: value for key, value in node.settings.items() if key != "shapes"}
    try:
        with np.errstate(all="ignore"):
            out = op.compute(*values, **settings)
    except Exception:  # what was not kept is missing to it
        return []
    outputs = [np.asarray(x) for x in (out[: len(op.outputs)] if op.packed else [out])]
    if isinstance(node, MultiOutputNode) or outputs[0].shape == node.shape:
        return outputs
    return []


def _taken(vertex: Vertex, parent: Source | None) -> np.ndarray | None:
    """Return the numbers of the output that a parent stands for."""
    if isinstance(parent, OutputNode) and vertex.outputs:
        return vertex.outputs[parent.index].value
    return vertex.value


def places(nodes: Sequence[Node], names: Mapping[int, str]) -> dict[Node, str]:
    """Return the module that each node was computed in.

    What was not recorded belongs to the module between whose parameters it stands: from where a
    module's parameters, or what is made of them alone, are used first to where they are used last.
    """
    spans: dict[str, tuple[int, int]] = {}
    alone: dict[Source | None, str] = {}
    for number, node in enumerate(nodes):
        used = [alone.get(p, names.get(id(p), "").rpartition(".")[0]) for p in node.parents]
        for path in used:
            for prefix in _prefixes(path):
                spans[prefix] = spans.get(prefix, (number, number))[0], number
        if len(set(used)) == 1:
            alone[node] = used[0]
    begin: dict[int, list[str]] = {}
    end: dict[int, list[str]] = {}
    for path, (first, last) in spans.items():
        begin.setdefault(first, []).append(path)
        end.setdefault(last, []).append(path)
    found = {}
    around: set[str] = set()
    for number, node in enumerate(nodes):
        record = record_of(node)
        around.update(begin.get(number, ()))
        deepest = max(around, key=len, default="")
        if around != set(_prefixes(deepest)):
            deepest = ""  # modules take turns here
        around.difference_update(end.get(number, ()))
        found[node] = deepest if record is None else _path(record, names)
    return found


def _path(record: Record, names: Mapping[int, str]) -> str:
    """Return the module of a record: by its name in the one that names the parameters."""
    modules = record.call.modules
    if modules and id(modules[-1]) in names:
        return names[id(modules[-1])]
    around = names.get(id(modules[0]), "") if modules else ""
    return ".".join(filter(None, (around, record.call.path)))


def _prefixes(path: str) -> list[str]:
    """Return the names of the modules around a path, and the path itself."""
    parts = path.split(".") if path else []
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def rule_of(node: Node, position: int) -> str:
    """Return the source of a node's rule for one input; empty if there is none."""
    rule = node.op.rules.get(node.op.input_name(position))
    found = rule and rule_source(rule.function)
    return found.text if found else ""


def _short(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return f"array of shape {list(x.shape)}"
    text = repr(x.item() if isinstance(x, np.generic) else x)
    return text if len(text) <= 60 else text[:57] + "..."
