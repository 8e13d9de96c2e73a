"""The graph of a compiled function: what its outputs need gradients for, and how these are made.

While a function is recorded, its operations leave nodes as ever. They become a pattern: the same
nodes, with values of the program in the place of the arrays that they save, which the program then
returns besides its outputs. A call attaches one node to the outputs, and that node holds the saved
arrays. When a gradient arrives, the nodes are put up again from the pattern, and the engine's own
backward pass through them is recorded in its turn: that is the backward program. What no program
serves (higher derivatives, a user's ``Function``) goes through the nodes themselves. So there is no
second way to differentiate, and nothing that a compiled function can't.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.engine import backward_pass
from tinygrad_mnist.autograd.graph import Source, TensorBase, Version
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.multi_output import CustomNode, MultiOutputNode, OutputNode
from tinygrad_mnist.autograd.node import Node
from tinygrad_mnist.autograd.observer import Call as Operation
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.compiler.numpy_backend import Built
from tinygrad_mnist.compiler.passes import improved
from tinygrad_mnist.compiler.returned import Place, Returned, tensor_at, version_of
from tinygrad_mnist.compiler.trace import Call, Program, Value, differences, mapped
from tinygrad_mnist.compiler.tracer import Tracer, real_of
from tinygrad_mnist.ops.contract import Op, Plan

WAYS = 8
"""For how many ways in which gradients arrive there are programs."""

ATTEMPTS = 4
"""How often a backward pass is recorded until two recordings agree."""

FIXED = ("state", "constant")
"""The origins of arrays that stay where they are from call to call."""

_NO_PLAN = Plan((), ())
_FLOAT = np.dtype(np.float32)
_UNCHANGED = Version()


class Kept(int):
    """Stands for an array that the graph keeps, by its number."""


class Edge(int):
    """Stands for where a gradient leaves the function, by its number."""


class Spec:
    """A node of the pattern.

    Attributes
    ----------
    kind, op, plan, shape, dtype
        As of the node.
    parents
        Numbers of nodes, :class:`Edge`, or None.
    saved, settings
        As of the node, with :class:`Kept` in the place of arrays.
    rest
        What nodes of its kind have besides.
    call
        The operation that has left it, as far as is known.
    """

    __slots__ = ("call", "dtype", "kind", "op", "parents", "plan", "rest", "saved", "settings",
                 "shape")  # fmt: skip

    def __init__(self, node: Node, call: Operation | None) -> None:
        self.kind = type(node)
        self.op, self.plan = node.op, node.plan
        self.shape, self.dtype = node.shape, node.dtype
        self.parents: list[Any] = []
        self.saved: tuple[Any, ...] = ()
        self.settings: dict[str, Any] = {}
        self.rest: Any = None
        self.call = call

    def kept(self) -> Iterator[Kept]:
        """Walk over the arrays that it needs."""
        found: list[Any] = []
        mapped((self.saved, list(self.settings.values())), found.append)
        return (x for x in found if type(x) is Kept)


class NotDifferentiableError(Exception):
    """Raised where a graph can't become a pattern; its text says why."""


class Graph:
    """The graph between what a function is given and what it returns.

    Attributes
    ----------
    kept
        The values that nodes have saved.
    returned
        Which of them the program has to return; the others stay where they are.
    """

    def __init__(self, function: Any) -> None:
        name = getattr(function, "__name__", type(function).__name__)
        self.op = Op(
            name, backward_pass, ("input",), (), {}, variadic=True, broadcasts=True,
            node_name="CompiledFunctionBackward",
        )  # fmt: skip
        self.specs: list[Spec] = []
        self.edges: list[Place] = []
        self.kept: list[Value] = []
        self.versions: list[Any] = []
        self.left: set[int] = set()
        """Which of the kept arrays kernels have left for their rules."""
        self.outputs: list[tuple[int, Any]] = []
        """For each output that needs a gradient: its number, and that of its node."""
        self.shapes: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
        self.spent: set[int] = set()
        """Outputs whose graph was released within the function."""
        self.ways: dict[Any, Way] = {}

    def returned(self) -> list[Value]:
        """Return the values that the program has to return for the graph."""
        return [x for x in self.kept if x.storage.origin not in FIXED]

    def compared(self) -> Any:
        """Return what is compared between two recordings."""
        nodes = [
            (x.op, x.parents, x.shape, str(x.dtype), x.saved, x.settings, x.plan.saves)
            for x in self.specs
        ]
        versions = [id(at) if isinstance(at, TensorBase) else at for at in self.versions]
        return nodes, self.kept, self.outputs, sorted(self.spent), versions

    # Attached to outputs

    def attach(
        self,
        made: Sequence[TensorBase],
        arrays: Sequence[Any],
        given: Sequence[TensorBase],
        versions: Sequence[Version],
    ) -> None:
        """Give outputs a node of this call, with the arrays that the program has returned."""
        if self.spent:
            for number in self.spent:
                made[number]._node = _spent_node(self.op, made[number])
        if not self.outputs:
            return
        parents = [tensor_at(edge, given).source() for edge in self.edges]
        node = ProgramNode(self.op, parents, _NO_PLAN, {}, (), _FLOAT)
        node.graph, node.outputs, node.output_nodes = self, self.shapes, {}
        moving = iter(arrays)
        node.saved = tuple(
            x.array if x.storage.origin in FIXED else next(moving) for x in self.kept
        )
        node.versions = [
            _UNCHANGED if at is None else version_of(at, given, versions) for at in self.versions
        ]
        node.counts = [version.count for version in node.versions]
        node.gone, node.reached, node.standing = set(), frozenset(), None
        for index, (number, _) in enumerate(self.outputs):
            tensor = made[number]
            tensor._node = OutputNode.of(node, index, tensor._array)

    # Put up again

    def put_up(self, saved: Sequence[Any], versions: Sequence[Version], parents: Any) -> list[Any]:
        """Return the nodes of the pattern, anew."""
        nodes: list[Any] = []

        def array(x: Any) -> Any:
            return saved[x] if type(x) is Kept else x

        for spec in self.specs:
            over = [
                None if p is None else parents[p] if type(p) is Edge else nodes[p]
                for p in spec.parents
            ]
            settings = {name: mapped(x, array) for name, x in spec.settings.items()}
            node = spec.kind(spec.op, over, spec.plan, settings, spec.shape, spec.dtype)
            node.saved = tuple(mapped(x, array) for x in spec.saved)
            node.versions = [versions[x] if type(x) is Kept else _UNCHANGED for x in spec.saved]
            node.saved_version = sum(version.count for version in node.versions)
            if isinstance(node, OutputNode):
                node.index = spec.rest
                node.whole.output_nodes[node.index] = weakref.ref(node)
            elif isinstance(node, MultiOutputNode):
                node.outputs, node.output_nodes = spec.rest, {}
            nodes.append(node)
        return nodes

    def reach(self, outputs: Sequence[int]) -> frozenset[int]:
        """Return which nodes gradients of these outputs come through."""
        found: set[int] = set()
        stack = [self.outputs[i][1] for i in outputs]
        while stack:
            number = stack.pop()
            if number not in found:
                found.add(number)
                parents = self.specs[number].parents
                stack.extend(p for p in parents if p is not None and type(p) is not Edge)
        return frozenset(found)


def _spent_node(op: Op, output: TensorBase) -> Node:
    """Make the node of an output whose graph was released: it says so when it is used."""
    node = Node(op, (), _NO_PLAN, {}, output._array.shape, output._array.dtype)
    node.saved = None
    return node


class ProgramNode(CustomNode):
    """The node of a call: runs the backward program on what the call has left."""

    __slots__ = ("counts", "gone", "graph", "reached", "sources", "standing")

    graph: Graph
    counts: list[int]
    """The count of each saved array's version when it was saved."""
    gone: set[int]
    """The nodes of the pattern whose arrays were released."""
    reached: frozenset[int]
    """The nodes of the pattern that gradients went through last."""
    standing: list[Node] | None
    """The nodes themselves, once they were needed. Then they are the parents."""
    sources: Sequence[Source | None]
    """Where gradients leave from there."""

    def keep(self, version: Version) -> None:
        """Copy what is saved of memory that is about to be written to."""
        before = self.versions
        super().keep(version)
        self.counts = [
            n if old is new else new.count
            for n, old, new in zip(self.counts, before, self.versions, strict=True)
        ]
        for node in self.standing or ():
            if node.saved:
                node.keep(version)

    def check(self) -> tuple[Any, ...]:
        """Leave it to the run, which knows what it needs."""
        return ()

    def kept(self) -> list[np.ndarray] | None:
        """Return the saved arrays; None once released."""
        return None if self.saved is None else [x for x in self.saved if x is not None]

    def release(self) -> None:
        """Forget what the gradients that have arrived have used."""
        specs = self.graph.specs
        self.gone |= {i for i in self.reached if specs[i].saved}
        if self.standing is not None:
            for i in self.reached:
                self.standing[i].release()
        needed = {k for i, spec in enumerate(specs) if i not in self.gone for k in spec.kept()}
        if self.saved is not None:
            saved = tuple(x if k in needed else None for k, x in enumerate(self.saved))
            self.saved = saved if needed else None

    def run(self, gradients: Sequence[Any], create_graph: bool) -> list[tuple[int, Any]]:
        """Turn the gradients of the outputs into those of what the function was given."""
        if self.standing is not None:
            self.reached = frozenset()
            return [(i, g) for i, g in enumerate(gradients) if g is not None]
        graph = self.graph
        key = tuple(None if g is None else _array_of(g).strides for g in gradients)
        way = graph.ways.get(key)
        if way is None:
            way = graph.ways[key] = Way(graph, key)
        self.reached = way.reached
        self._check(way)
        if create_graph:
            return way.walk(self, gradients, create_graph)
        return way.run(self, gradients)

    def stand(self) -> list[Node]:
        """Put up the nodes, in the place that they would have had in the order of all nodes."""
        assert self.saved is not None
        graph, self.sources = self.graph, self.parents
        self.standing = graph.put_up(self.saved, self.versions, self.sources)
        for i, node in enumerate(self.standing):
            node.number = self.number - 1 + (i + 1) / (len(self.standing) + 1)
            if i in self.gone:
                node.saved = None
        self.parents = [self.standing[end] for _, end in graph.outputs]
        return self.standing

    def _check(self, way: Way) -> None:
        """Refuse to use what was released, or written to since."""
        for k in way.needed:
            if self.versions[k].count != self.counts[k]:
                raise RuntimeError(
                    f"{self.op.name}: an array saved for its backward has been modified by an "
                    f"inplace operation, {self.versions[k].changed_by}, since; use the form that "
                    f"makes a new tensor, or clone() the tensor before it is changed"
                )
        if self.gone and not self.gone.isdisjoint(way.reached):
            raise RuntimeError(
                f"{self.op.name}: trying to go backward through the graph a second time, but its "
                f"saved arrays were released by the first; pass retain_graph=True to the first "
                f"backward, or compute the outputs again"
            )


class Way:
    """How gradients that arrive at some of the outputs go back: by a program, when there is one.

    Attributes
    ----------
    reached
        The nodes of the pattern that they go through.
    needed
        The arrays that these need.
    stopped
        Why there is no program, and won't be.
    """

    def __init__(self, graph: Graph, key: Sequence[Any]) -> None:
        self.graph = graph
        self.reached = graph.reach([i for i, strides in enumerate(key) if strides is not None])
        self.needed = sorted({k for i in self.reached for k in graph.specs[i].kept()})
        self.stopped = ""
        if len(graph.ways) >= WAYS:
            self.stopped = f"gradients arrive in more than {WAYS} ways"
        self.last: _Recorded | None = None
        self.recorded = 0
        self.built: Built | None = None
        self.lock = threading.Lock()
        """Held while the program runs: its buffers are its own."""

    def run(self, node: ProgramNode, gradients: Sequence[Any]) -> list[tuple[int, Any]]:
        """Run the program, or record it, or do without."""
        if self.built is None:
            alike = len(set(node.parents)) < len(node.parents)  # two arguments are one, this time
            if self.stopped or alike or modes.observers:
                return self.walk(node, gradients, False)
            return self._record(node, gradients)
        saved = node.saved
        assert saved is not None
        for k in self.fixed:
            if saved[k] is not self.graph.kept[k].array:
                return self.walk(node, gradients, False)
        if not self.lock.acquire(blocking=False):
            return self.walk(node, gradients, False)
        try:
            arrays = [g for g in gradients if g is not None]
            arrays += [saved[k] for k in self.moving]
            results = quiet.unobserved(self.built.run, *arrays)
        finally:
            self.lock.release()
        return list(zip(self.positions, results, strict=True))

    def walk(
        self, node: ProgramNode, gradients: Sequence[Any], create_graph: bool
    ) -> list[tuple[int, Any]]:
        """Go through the nodes themselves."""
        nodes = node.stand()
        return self._pass(nodes, node.sources, gradients, create_graph)

    def _pass(
        self, nodes: Sequence[Any], parents: Any, gradients: Sequence[Any], create_graph: bool
    ) -> list[tuple[int, Any]]:
        ends = self.graph.outputs
        roots = [
            (nodes[end], g) for (_, end), g in zip(ends, gradients, strict=True) if g is not None
        ]
        found = backward_pass(roots, until=parents, retain_graph=True, create_graph=create_graph)
        return [(i, found.pop(parent)) for i, parent in enumerate(parents) if parent in found]

    def _record(self, node: ProgramNode, gradients: Sequence[Any]) -> list[tuple[int, Any]]:
        """Go through the nodes, and record it."""
        graph, tracer = self.graph, Tracer()
        assert node.saved is not None

        arriving = [None if g is None else tracer.stand_in(g, "input") for g in gradients]
        saved: list[Any] = list(node.saved)
        self.fixed = [k for k in self.needed if graph.kept[k].storage.origin in FIXED]
        self.moving = [k for k in self.needed if graph.kept[k].storage.origin not in FIXED]
        for k in self.fixed:
            saved[k] = tracer.stand_in(saved[k], "state")
        for k in self.moving:
            saved[k] = tracer.stand_in(saved[k], "input", k in graph.left)
        nodes = graph.put_up(saved, node.versions, node.parents)
        for spec, made in zip(graph.specs, nodes, strict=True):
            if spec.call is not None:
                tracer._operations[made] = spec.call
        with tracer:
            found = self._pass(nodes, node.parents, arriving, False)
            wanted = [_own(g, tracer) for _, g in found]
            tracer.open = False
        inputs = [x.value for x in arriving if x is not None]
        inputs += [tracer.value_of(saved[k]) for k in self.moving]
        before, self.last = self.last, _Recorded(tracer, [i for i, _ in found], inputs, wanted)
        self.recorded += 1
        self.stopped = self.last.refused()
        if not self.stopped and before is not None:
            if not (said := before.difference(self.last)):
                self.positions, self.built = self.last.positions, self.last.build()
                self.last = None
            elif self.recorded >= ATTEMPTS:
                self.stopped = f"it isn't the same from call to call: {said}"
        return [(i, real_of(g)) for i, g in found]


def _own(g: Any, tracer: Tracer) -> Any:
    """Return a gradient as a recording array that the program may give away."""
    if type(g) is Recorded and g.value.storage.origin not in FIXED:
        return g
    return (g if type(g) is Recorded else tracer.given(g, "constant")).copy()


class _Recorded:
    """A backward pass that was recorded."""

    def __init__(
        self, tracer: Tracer, positions: list[int], inputs: list[Value], wanted: list[Any]
    ) -> None:
        self.positions = positions
        self.stopped = tracer.stopped
        self.program = Program(tracer.calls, inputs)
        if not self.stopped:
            self.program.outputs = [x.value for x in wanted]

    def refused(self) -> str:
        """Say why there can't be a program of it."""
        if self.stopped:
            return self.stopped
        if any(s.origin != "made" for call in self.program.calls for s in call.writes):
            return "a rule writes to an array that it is given"
        return ""

    def difference(self, other: _Recorded) -> str:
        """Say where another one differs."""
        return differences(self._lines(), other._lines())

    def _lines(self) -> list[Call]:
        program = self.program
        return [
            *program.calls,
            Call("return", (self.positions, program.inputs, program.outputs), {}),
        ]

    def build(self) -> Built:
        """Make it a program that can be run."""
        return Built(improved(self.program))


def _array_of(g: Any) -> np.ndarray:
    return g._array if isinstance(g, TensorBase) else g


def pattern_of(
    function: Any,
    returned: Returned,
    start: int,
    edges: dict[Source, Place],
    known: dict[int, Place],
    tracer: Tracer,
) -> Graph | None:
    """Return the graph between what a recorded function was given and what it has returned.

    Parameters
    ----------
    function
        The function, for its name.
    returned
        What it has returned.
    start
        The number of a node that was made before.
    edges
        Where gradients may leave it: the nodes and leaves of tensors that were there.
    known
        The tensors that were there, by the identity of their version.
    tracer
        What has recorded it.

    Raises
    ------
    NotDifferentiableError
        Where something stands against it.
    """
    graph = Graph(function)
    nodes: set[Node] = set()
    roots: list[tuple[int, Node]] = []
    for number, x in enumerate(returned.tensors):
        node = x._node
        if node is None:
            if x._requires_grad:
                raise NotDifferentiableError("it returns a leaf that it has made")
            continue
        if node.number <= start:
            raise NotDifferentiableError("it returns a tensor with the graph of another one")
        under = _under(node, start)
        if any(_is_spent(n) for n in under):
            graph.spent.add(number)
        else:
            nodes |= under
            roots.append((number, node))
    order = {node: i for i, node in enumerate(sorted(nodes, key=lambda node: node.number))}
    numbers: dict[Any, Kept] = {}
    ends: dict[Source, Edge] = {}

    def end(source: Source | None) -> Any:
        if source is None or source in order:
            return None if source is None else order[source]
        if source not in edges:
            raise NotDifferentiableError(
                "its gradient goes to a tensor that it has made, or reaches in an unknown way"
            )
        if source not in ends:
            ends[source] = Edge(len(graph.edges))
            graph.edges.append(edges[source])
        return ends[source]

    def keep(x: Any, version: Version = _UNCHANGED) -> Any:
        value = tracer.value_of(x)
        if type(value) is not Value:
            return x
        at = known.get(id(version), returned.fresh.get(id(version)))
        key = id(value), id(version) if at is not None else None
        if key not in numbers:
            numbers[key] = Kept(len(graph.kept))
            if tracer.is_left(value):
                graph.left.add(numbers[key])
            graph.kept.append(value)
            graph.versions.append(at)
        return numbers[key]

    for node in order:
        _refuse(node)
        spec = Spec(node, tracer._operations.get(node))
        spec.parents = [end(p) for p in node.parents]
        spec.saved = tuple(map(keep, node.saved or (), node.versions))
        spec.settings = {name: mapped(x, keep) for name, x in node.settings.items()}
        if isinstance(node, OutputNode):
            spec.rest = node.index
        elif isinstance(node, MultiOutputNode):
            spec.rest = list(node.outputs)
        graph.specs.append(spec)
    graph.outputs = [(number, order[node]) for number, node in roots]
    graph.shapes = [(node.shape, node.dtype) for _, node in roots]
    graph.op.output_writable = any(node.op.output_writable for _, node in roots)
    return graph if graph.outputs or graph.spent else None


def _under(node: Node, start: int) -> set[Node]:
    """Return a node and those below it that were made since."""
    found: set[Node] = set()
    stack: list[Any] = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node.number > start and node not in found:
            found.add(node)
            stack.extend(node.parents)
    return found


def _is_spent(node: Node) -> bool:
    return node.kept() is None if isinstance(node, CustomNode) else node.saved is None


def _refuse(node: Node) -> None:
    """Refuse nodes that can't be put up again."""
    if node.hooks or node.extra is not None:
        raise NotDifferentiableError("it puts a hook on a tensor that it computes")
    if isinstance(node, CustomNode):
        raise NotDifferentiableError(f"its graph has the code of a {node.name()}")
    if node.saved is not None and type(node.saved) is not tuple:
        raise NotDifferentiableError("hooks pack what its backward needs")
    if node.saved_version != sum(version.count for version in node.versions):
        raise NotDifferentiableError(
            f"it writes to an array that the backward of {node.op.name} needs"
        )
