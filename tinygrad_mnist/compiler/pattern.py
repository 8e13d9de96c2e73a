"""The pattern of a graph: nodes without their arrays, from which a call's nodes are put up again.

A function that is recorded leaves nodes as ever. The pattern has the same nodes, with numbers in
the place of the arrays that they save, and of the tensors that gradients leave to. The program
returns those arrays besides its outputs; with them the nodes can be put up at any time, and the
engine goes through them as through any others.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.function import FunctionCtx, FunctionNode
from tinygrad_mnist.autograd.graph import Source, TensorBase, Version
from tinygrad_mnist.autograd.multi_output import CustomNode, MultiOutputNode, OutputNode
from tinygrad_mnist.autograd.node import Node
from tinygrad_mnist.autograd.observer import Call as Operation
from tinygrad_mnist.compiler.number import Number
from tinygrad_mnist.compiler.returned import Place, Returned
from tinygrad_mnist.compiler.trace import Value, mapped
from tinygrad_mnist.compiler.tracer import Tracer, real_of

FIXED = ("state", "constant")
"""The origins of arrays that stay where they are from call to call."""

UNCHANGED = Version()
"""For saved arrays that nobody else can write to."""

_PLAIN = (int, float, complex, bool, str, bytes, type(None), np.dtype, type)
"""What a user's Function may keep for its backward besides what it saves."""

_DONE = ("_saved", "_to_save", "_dirty", "_non_differentiable", "_node")
"""What of a Function's context is another for each call, or isn't asked for any more."""


class Kept(int):
    """Stands for an array that the graph keeps, by its number."""


class Edge(int):
    """Stands for where a gradient leaves the function, by its number."""


class NotDifferentiableError(Exception):
    """Raised where a graph can't become a pattern; its text says why."""


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
    sources
        Of a user's Function: where what it has saved comes from, as of the parents.
    rest
        What nodes of its kind have besides.
    call
        The operation that has left it, as far as is known.
    """

    __slots__ = ("call", "dtype", "kept", "kind", "op", "parents", "plan", "rest", "saved",
                 "settings", "shape", "sources")  # fmt: skip

    def __init__(self, node: Node, call: Operation | None) -> None:
        self.kind = type(node)
        self.op, self.plan = node.op, node.plan
        self.shape, self.dtype = node.shape, node.dtype
        self.call = call
        self.parents: list[Any] = []
        self.saved: tuple[Any, ...] = ()
        self.settings: dict[str, Any] = {}
        self.sources: list[Any] = []
        self.rest: Any = None
        self.kept: list[Kept] = []
        """The arrays that it needs."""

    def compared(self) -> Any:
        """Return what is compared between two recordings."""
        return (
            self.op, self.parents, self.shape, str(self.dtype), self.plan.saves, self.saved,
            self.settings, self.sources, self.rest,
        )  # fmt: skip

    def put_up(
        self,
        saved: Sequence[Any],
        versions: Sequence[Version],
        counts: Sequence[int],
        find: Callable[[Any], Any],
    ) -> Any:
        """Return the node, with these arrays, and parents that are found by their numbers."""

        def array(x: Any) -> Any:
            return saved[x] if type(x) is Kept else x

        settings = {name: mapped(x, array) for name, x in self.settings.items()}
        parents = list(map(find, self.parents))
        node: Any = self.kind(self.op, parents, self.plan, settings, self.shape, self.dtype)
        arrays = tuple(map(array, self.saved))
        seen = [versions[x] if type(x) is Kept else UNCHANGED for x in self.saved]
        then = [counts[x] if type(x) is Kept else 0 for x in self.saved]
        if isinstance(node, OutputNode):
            node.index = self.rest
            node.whole.output_nodes[node.index] = weakref.ref(node)
            return node
        if isinstance(node, MultiOutputNode):
            node.outputs, node.output_nodes = self.rest["outputs"], {}
        if isinstance(node, FunctionNode):
            node.function, node.count = self.rest["function"], self.rest["count"]
            node.places, node.ctx = self.rest["places"], FunctionCtx(())
            node.ctx.__dict__.update(self.rest["ctx"])
            sources = map(find, self.sources)
            node.ctx._saved = list(zip(arrays, sources, seen, then, strict=True))
            return node
        node.saved, node.versions = arrays, seen
        node.saved_version = sum(then)
        return node


class Pattern:
    """The graph between what a function is given and what it returns.

    Attributes
    ----------
    specs
        Its nodes in the order in which they were made.
    edges
        The tensors that gradients leave to.
    kept, versions
        The values that nodes have saved, and whose version each shares.
    fixed
        The arrays of those that stay where they are from call to call, None for the others.
    left
        Which of them kernels have left for their rules.
    numbers
        Which of them are Python's numbers.
    outputs
        For each output that needs a gradient: its number, and that of its node.
    shapes
        Their shapes and dtypes.
    spent
        The outputs whose graph was released within the function.
    by_hand
        Whether there is a user's Function in it, whose backward is called each time.
    """

    def __init__(self) -> None:
        self.specs: list[Spec] = []
        self.edges: list[Place] = []
        self.kept: list[Value] = []
        self.versions: list[Any] = []
        self.fixed: list[Any] = []
        self.left: set[int] = set()
        self.numbers: set[int] = set()
        self.outputs: list[tuple[int, int]] = []
        self.shapes: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
        self.spent: set[int] = set()
        self.by_hand = False

    def returned(self) -> list[Value]:
        """Return the values that the program has to return for the graph."""
        return [x for x, array in zip(self.kept, self.fixed, strict=True) if array is None]

    def returned_numbers(self) -> set[int]:
        """Return which of these are Python's numbers."""
        moving = [i for i, array in enumerate(self.fixed) if array is None]
        return {at for at, i in enumerate(moving) if i in self.numbers}

    def compared(self) -> Any:
        """Return what is compared between two recordings."""
        nodes = [spec.compared() for spec in self.specs]
        versions = [id(at) if isinstance(at, TensorBase) else at for at in self.versions]
        return nodes, self.kept, self.outputs, sorted(self.spent), versions

    def put_up(
        self,
        saved: Sequence[Any],
        versions: Sequence[Version],
        counts: Sequence[int],
        sources: Sequence[Source | None],
    ) -> list[Any]:
        """Return all nodes, with these arrays.

        Parameters
        ----------
        saved, versions, counts
            The arrays that were kept, their versions, and the counts of these when they were.
        sources
            Where gradients leave to.
        """
        nodes: list[Any] = []

        def find(at: Any) -> Any:
            if at is None or type(at) is not int:
                return sources[at] if type(at) is Edge else at
            return nodes[at]

        for spec in self.specs:
            nodes.append(spec.put_up(saved, versions, counts, find))
        return nodes

    def reach(self, outputs: Sequence[int], wanted: Collection[int] | None) -> frozenset[int]:
        """Return which nodes gradients of these outputs come through to the wanted edges."""
        found: set[int] = set()
        stack: list[Any] = [self.outputs[i][1] for i in outputs]
        while stack:
            number = stack.pop()
            if type(number) is int and number not in found:
                found.add(number)
                stack.extend(self.specs[number].parents)
        leading: set[int] = set()
        for number, spec in enumerate(self.specs):
            inner = [at for at in spec.parents if type(at) is int]
            ends = [at for at in spec.parents if type(at) is Edge]
            if not leading.isdisjoint(inner) or any(wanted is None or at in wanted for at in ends):
                leading.add(number)
        return frozenset(found & leading)


class Reader:
    """Makes a pattern of the nodes that a function has left.

    Parameters
    ----------
    pattern
        What is filled in.
    returned
        What the function has returned.
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

    def __init__(
        self,
        pattern: Pattern,
        returned: Returned,
        start: int,
        edges: dict[Source, Place],
        known: dict[int, Place],
        tracer: Tracer,
    ) -> None:
        self.pattern = pattern
        self.returned = returned
        self.start = start
        self.edges = edges
        self.known = known
        self.tracer = tracer
        self.numbers: dict[Any, Kept] = {}
        self.ends: dict[Source, Edge] = {}
        roots = list(self._roots())
        nodes = {node for _, root in roots for node in self._under(root)}
        ordered = sorted(nodes, key=lambda node: node.number)
        self.order = {node: i for i, node in enumerate(ordered)}
        pattern.specs = list(map(self._spec, ordered))
        pattern.outputs = [(number, self.order[root]) for number, root in roots]
        pattern.fixed = [x.array if x.storage.origin in FIXED else None for x in pattern.kept]
        pattern.shapes = [(root.shape, root.dtype) for _, root in roots]

    def _roots(self) -> Any:
        """Walk over the outputs that need gradients: their numbers and nodes."""
        for number, x in enumerate(self.returned.tensors):
            node = x._node
            if node is None:
                if x._requires_grad:
                    raise NotDifferentiableError("it returns a leaf that it has made")
            elif node.number <= self.start:
                raise NotDifferentiableError("it returns a tensor with the graph of another one")
            elif any(map(_is_spent, self._under(node))):
                self.pattern.spent.add(number)
            else:
                yield number, node

    def _under(self, node: Node) -> set[Node]:
        """Return a node and those below it that were made since the start."""
        found: set[Node] = set()
        stack: list[Any] = [node]
        while stack:
            node = stack.pop()
            if isinstance(node, Node) and node.number > self.start and node not in found:
                found.add(node)
                stack.extend(node.parents)
        return found

    def _spec(self, node: Node) -> Spec:
        if node.hooks or node.extra is not None:
            raise NotDifferentiableError("it puts a hook on a tensor that it computes")
        spec = Spec(node, self.tracer._operations.get(node))
        spec.parents = list(map(self._end, node.parents))
        if isinstance(node, FunctionNode):
            self._function(spec, node)
        elif isinstance(node, CustomNode):
            raise NotDifferentiableError(f"its graph has the code of a {node.name()}")
        elif node.saved is not None and type(node.saved) is not tuple:
            raise NotDifferentiableError("hooks pack what its backward needs")
        elif node.saved_version != sum(version.count for version in node.versions):
            raise NotDifferentiableError(_written_to(node))
        else:
            spec.saved = tuple(map(self._keep, node.saved or (), node.versions))
        spec.settings = {name: mapped(x, self._keep) for name, x in node.settings.items()}
        if isinstance(node, OutputNode):
            spec.rest = node.index
        elif isinstance(node, MultiOutputNode):
            spec.rest = {**(spec.rest or {}), "outputs": list(node.outputs)}
        found: list[Any] = []
        mapped((spec.saved, list(spec.settings.values())), found.append)
        spec.kept = [x for x in found if type(x) is Kept]
        return spec

    def _function(self, spec: Spec, node: FunctionNode) -> None:
        """Note what a user's Function keeps."""
        kept = {name: x for name, x in vars(node.ctx).items() if name not in _DONE}
        for name, x in kept.items():
            found: list[Any] = []
            mapped(x, found.append)
            if not all(isinstance(part, _PLAIN) for part in found):
                raise NotDifferentiableError(
                    f"{node.function.__name__} keeps a {type(x).__name__} in ctx.{name}; keep "
                    f"tensors by save_for_backward"
                )
        spec.rest = {"function": node.function, "count": node.count, "places": node.places}
        spec.rest["ctx"] = kept
        saved = node.ctx._saved or []
        if any(version is not None and version.count != count for *_, version, count in saved):
            raise NotDifferentiableError(_written_to(node))
        spec.saved = tuple(self._keep(x, version or UNCHANGED) for x, _, version, _ in saved)
        spec.sources = [self._end(source) for _, source, _, _ in saved]
        self.pattern.by_hand = True

    def _end(self, source: Any) -> Any:
        """Return what stands for where a gradient goes to."""
        if source is None or isinstance(source, int):
            return source
        if source in self.order:
            return self.order[source]
        if source not in self.edges:
            raise NotDifferentiableError(
                "its gradient goes to a tensor that it has made, or reaches in an unknown way"
            )
        if source not in self.ends:
            self.ends[source] = Edge(len(self.pattern.edges))
            self.pattern.edges.append(self.edges[source])
        return self.ends[source]

    def _keep(self, x: Any, version: Version = UNCHANGED) -> Any:
        """Return what stands for an array that is kept."""
        value = self.tracer.value_of(x)
        if type(value) is not Value:
            return x
        at = self.known.get(id(version), self.returned.fresh.get(id(version)))
        key = id(value), id(version) if at is not None else None
        if key not in self.numbers:
            number = self.numbers[key] = Kept(len(self.pattern.kept))
            if self.tracer.is_left(value):
                self.pattern.left.add(number)
            if type(x) is Number:
                self.pattern.numbers.add(number)
            self.pattern.kept.append(value)
            self.pattern.versions.append(at)
        return self.numbers[key]


def made_real(node: Node) -> None:
    """Give a node that was recorded its arrays back."""
    if isinstance(node, FunctionNode):
        if node.ctx._saved:
            node.ctx._saved = [(real_of(x), *rest) for x, *rest in node.ctx._saved]
    elif type(node.saved) is tuple:  # a script's hooks have packed others
        node.saved = mapped(node.saved, real_of)
    node.settings = {name: mapped(x, real_of) for name, x in node.settings.items()}


def _is_spent(node: Node) -> bool:
    if isinstance(node, FunctionNode):
        return node.ctx._saved is None
    return node.kept() is None if isinstance(node, CustomNode) else node.saved is None


def _written_to(node: Node) -> str:
    return f"it writes to an array that the backward of {node.op.name} needs"
