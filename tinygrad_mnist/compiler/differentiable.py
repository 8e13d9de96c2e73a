"""The graph of a compiled function: what its outputs need gradients for, and how these are made.

A call attaches one node to its outputs, and that node holds the arrays that the nodes of its
operations would have saved. When a gradient arrives, those nodes are put up again from the pattern,
and the engine's own backward pass through them is recorded: that is the backward program. What no
program serves (higher derivatives, a user's ``Function``) goes through the nodes themselves. So
there is no second way to differentiate, and nothing that a compiled function can't.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.engine import backward_pass
from tinygrad_mnist.autograd.graph import Source, TensorBase, Version
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.multi_output import CustomNode, OutputNode
from tinygrad_mnist.autograd.node import Node
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.compiler.backends import NUMPY, Backend, Built, RefusedError
from tinygrad_mnist.compiler.forgetting import forget
from tinygrad_mnist.compiler.guards import form
from tinygrad_mnist.compiler.passes import improved
from tinygrad_mnist.compiler.pattern import FIXED, UNCHANGED, Pattern, Reader
from tinygrad_mnist.compiler.returned import Place, Returned, tensor_at, version_of
from tinygrad_mnist.compiler.text import Hint
from tinygrad_mnist.compiler.trace import Call, Program, Value, differences
from tinygrad_mnist.compiler.tracer import Tracer, real_of
from tinygrad_mnist.ops.contract import Op, Plan

WAYS = 8
"""For how many ways in which gradients arrive there are programs."""

ATTEMPTS = 4
"""How often a backward pass is recorded until two recordings agree."""

_NO_PLAN = Plan((), ())
_FLOAT = np.dtype(np.float32)


class Graph(Pattern):
    """A pattern, and the ways back through it.

    Attributes
    ----------
    op
        What names its nodes.
    ways
        How gradients go back, by the outputs that they arrive at and their layout.
    off
        The passes that their programs are made without.
    """

    def __init__(self, function: Any) -> None:
        super().__init__()
        name = getattr(function, "__name__", type(function).__name__)
        self.op = Op(
            name, backward_pass, ("input",), (), {}, variadic=True, broadcasts=True,
            node_name="CompiledFunctionBackward",
        )  # fmt: skip
        self.ways: dict[Any, Way] = {}
        self.off: frozenset[str] = frozenset()
        self.module_names: dict[int, str] = {}
        self.backend = NUMPY
        self.kept_names: list[Hint | None] = []
        """What readers are told of the arrays that are kept, and of gradients that leave."""
        self.edge_names: list[Hint | None] = []

    def set_names(self, built: Built, state: Sequence[tuple[TensorBase, Value]]) -> None:
        """Call what is kept as the program does."""
        moving = iter(built.program.outputs[-len(self.returned()) :] if self.returned() else ())
        values = [
            x if a is not None else next(moving) for x, a in zip(self.kept, self.fixed, strict=True)
        ]
        names = {x: built.hints.get(x) or Hint(built.names[x]) for x in values if x in built.names}
        self.kept_names = [names.get(x) for x in values]
        known = {id(t): built.hints.get(x) for t, x in state}
        for edge in self.edges:
            hint = known.get(id(edge))
            self.edge_names.append(
                Hint(f"g_{hint.name}", f"{hint.comment}'s gradient") if hint else None
            )

    def source(self) -> str:
        """Return the programs of all ways back as Python, each of which runs as it stands."""
        built = [way.built for way in self.ways.values() if way.built is not None]
        return "\n\n".join(x.source("backward") for x in built)

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
        node.saved = tuple([next(moving) if x is None else x for x in self.fixed])
        node.versions = [
            UNCHANGED if at is None else version_of(at, given, versions) for at in self.versions
        ]
        node.counts = [version.count for version in node.versions]
        node.gone, node.reached, node.standing = set(), frozenset(), None
        for index, (number, _) in enumerate(self.outputs):
            tensor = made[number]
            tensor._node = OutputNode.of(node, index, *form(tensor))


def _spent_node(op: Op, output: TensorBase) -> Node:
    """Make the node of an output whose graph was released: it says so when it is used."""
    node = Node(op, (), _NO_PLAN, {}, *form(output))
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
    """The nodes themselves, once they were needed."""
    sources: Sequence[Source | None]
    """Where gradients leave from there."""

    def keep(self, version: Version) -> None:
        """Copy what is saved of memory that is about to be written to."""
        before = self.versions
        super().keep(version)
        self.counts = [
            n if old is new else n - old.count
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
        needed = {k for i, spec in enumerate(specs) if i not in self.gone for k in spec.kept}
        if self.saved is not None:
            saved = tuple(x if k in needed else None for k, x in enumerate(self.saved))
            self.saved = saved if needed else None

    def run(
        self, gradients: Sequence[Any], create_graph: bool, reached: set[Source] | None
    ) -> list[tuple[int, Any]]:
        """Turn the gradients of the outputs into those of what the function was given."""
        if self.standing is not None:
            passing = reached is None and not modes.observers  # these know the parents already
            if passing or self.parents is not self.sources:
                return self.pass_on(gradients)
        graph = self.graph
        key: Any = tuple(None if g is None else _array_of(g).strides for g in gradients)
        wanted = None
        if reached is not None:
            wanted = tuple(i for i, parent in enumerate(self.parents) if parent in reached)
        way = graph.ways.get((key, wanted))
        if way is None:
            way = graph.ways[key, wanted] = Way(graph, key, wanted)
        self.reached = way.reached
        self._check(way)
        if create_graph:
            return way.walk(self, gradients, create_graph)
        return way.run(self, gradients)

    def pass_on(self, gradients: Sequence[Any]) -> list[tuple[int, Any]]:
        """Leave gradients to the nodes themselves, which are the parents from now on."""
        nodes = self.stand()
        self.parents = [nodes[end] for _, end in self.graph.outputs]
        self.reached = frozenset()
        return [(i, g) for i, g in enumerate(gradients) if g is not None]

    def stand(self) -> list[Node]:
        """Put up the nodes, in the place that they would have had in the order of all nodes."""
        if self.standing is not None:
            return self.standing
        assert self.saved is not None
        self.sources = self.parents
        self.standing = self.graph.put_up(self.saved, self.versions, self.counts, self.sources)
        for i, node in enumerate(self.standing):
            node.number = self.number - 1 + (i + 1) / (len(self.standing) + 1)
            if i in self.gone:
                node.release()
        return self.standing

    def _check(self, way: Way) -> None:
        """Refuse to use what was released, or written to since."""
        for k in way.needed:
            if self.versions[k].count != self.counts[k]:
                by = self.versions[k].changed_by or "several"
                raise RuntimeError(
                    f"{self.op.name}: an array saved for its backward has been modified by an "
                    f"inplace operation, {by}, since; use the form that makes a new tensor, or "
                    f"clone() the tensor before it is changed"
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
    wanted
        Where gradients are wanted; None for everywhere.
    stopped
        Why there is no program, and won't be.
    refused
        The same, if it is the backend that can't run it.
    runs, walked, recorded
        How often gradients went back by the program, and through the nodes; how often that was
        recorded.
    spent
        For how many seconds the program has run.
    seconds
        What recording and building have taken.
    """

    def __init__(self, graph: Graph, key: Sequence[Any], wanted: Sequence[int] | None) -> None:
        self.graph = graph
        self.wanted = wanted
        arriving = [i for i, strides in enumerate(key) if strides is not None]
        self.reached = graph.reach(arriving, wanted)
        self.needed = sorted({k for i in self.reached for k in graph.specs[i].kept})
        self.stopped = "it has a backward of the user's own" if graph.by_hand else ""
        self.refused = ""
        if len(graph.ways) >= WAYS:
            self.stopped = f"gradients arrive in more than {WAYS} ways"
        self.last: _Recorded | None = None
        self.arriving = arriving
        self.runs = self.walked = self.recorded = 0
        self.spent = self.seconds = 0.0
        self.built: Built | None = None
        self.lock = threading.Lock()
        """Held while the program runs: its buffers are its own."""

    def described(self) -> str:
        """Say for which gradients this is, in short."""
        graph, numbers = self.graph, ", ".join(map(str, self.arriving))
        whole = len(self.arriving) == len(graph.outputs)
        text = "all outputs" if whole else f"the outputs {numbers} of those that need gradients"
        return text if self.wanted is None else f"{text}, to some of the inputs"

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
            if saved[k] is not self.graph.fixed[k]:
                return self.walk(node, gradients, False)
        if not self.lock.acquire(blocking=False):
            return self.walk(node, gradients, False)
        try:
            arrays = [g for g in gradients if g is not None]
            arrays += [saved[k] for k in self.moving]
            start = perf_counter()
            results = self.built.arrays(quiet.unobserved(self.built.run, *arrays))
            self.spent += perf_counter() - start
            self.runs += 1
        finally:
            self.lock.release()
        return list(zip(self.positions, results, strict=True))

    def walk(
        self, node: ProgramNode, gradients: Sequence[Any], create_graph: bool
    ) -> list[tuple[int, Any]]:
        """Go through the nodes themselves."""
        self.walked += 1
        if self.wanted is None and not modes.observers:
            return node.pass_on(gradients)
        nodes = node.stand()
        return self._pass(nodes, node.sources, gradients, create_graph)

    def _pass(
        self, nodes: Sequence[Any], parents: Any, gradients: Sequence[Any], create_graph: bool
    ) -> list[tuple[int, Any]]:
        ends = self.graph.outputs
        roots = [
            (nodes[end], g) for (_, end), g in zip(ends, gradients, strict=True) if g is not None
        ]
        wanted = None if self.wanted is None else [parents[i] for i in self.wanted]
        found = backward_pass(
            roots, wanted, until=parents, retain_graph=True, create_graph=create_graph
        )
        return [(i, found.pop(parent)) for i, parent in enumerate(parents) if parent in found]

    def _record(self, node: ProgramNode, gradients: Sequence[Any]) -> list[tuple[int, Any]]:
        """Go through the nodes, and record it."""
        start = perf_counter()
        graph, tracer = self.graph, Tracer()
        tracer.module_names = graph.module_names
        assert node.saved is not None

        arriving = [None if g is None else tracer.stand_in(g, "input") for g in gradients]
        saved: list[Any] = list(node.saved)
        self.fixed = [k for k in self.needed if graph.fixed[k] is not None]
        self.moving = [k for k in self.needed if graph.fixed[k] is None]
        for k in self.fixed:
            saved[k] = tracer.stand_in(saved[k], "state")
        for k in self.moving:
            saved[k] = tracer.stand_in(saved[k], "input", k in graph.left)
        nodes = graph.put_up(saved, node.versions, node.counts, node.parents)
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
        self.last.hints = {
            **{tracer.value_of(saved[k]): graph.kept_names[k] for k in self.needed},
            **{x.value: Hint("g") for x in arriving if x is not None},
        }
        self.recorded += 1
        self.stopped = self.last.refused()
        if not self.stopped and before is not None:
            if not (said := before.difference(self.last)):
                self.positions = self.last.positions
                names = [graph.edge_names[i] for i in self.positions]
                try:
                    self.built = self.last.build(names, graph.off, graph.backend)
                except RefusedError as error:
                    self.stopped = self.refused = str(error)
                    if not graph.backend.tried:
                        warn(f"compile: gradients of {graph.op.name} go back uncompiled: {error}")
                self.last = None
            elif self.recorded >= ATTEMPTS:
                self.stopped = f"it isn't the same from call to call: {said}"
        self.seconds += perf_counter() - start
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
        self.hints: dict[Value, Hint | None] = {}
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

    def build(self, names: Sequence[Hint | None], off: frozenset[str], backend: Backend) -> Built:
        """Make it a program that can be run, whose results have these names."""
        program = improved(self.program, off)
        hints = {**self.hints, **dict(zip(program.outputs, names, strict=True))}
        known = {x: hint for x, hint in hints.items() if hint is not None}
        built = backend.maker()(program, known, off)
        forget(built.program)
        return built


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
    """Return the graph of what a recorded function has returned, if it needs gradients."""
    graph = Graph(function)
    graph.module_names = tracer.module_names
    Reader(graph, returned, start, edges, known, tracer)
    roots = [graph.specs[end] for _, end in graph.outputs]
    graph.op.output_writable = any(spec.op.output_writable for spec in roots)
    return graph if graph.outputs or graph.spent else None
