"""The backward pass: once over the graph, from the newest node to the oldest.

It is a pure function. It keeps the gradients in a local table, returns those of the
leaves, and writes nowhere; only :meth:`Tensor.backward` stores ``.grad``. A node is reached
when all that was made from it has been passed, because its number is smaller than theirs; so
each node runs once, however many paths lead to it, and there is no recursion.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import Node, Source, TensorBase, Version, as_gradient, wrap
from tinygrad_mnist.autograd.hooks import run_after, run_before, run_hooks
from tinygrad_mnist.autograd.modes import modes, recording
from tinygrad_mnist.autograd.multi_output import CustomNode, MultiOutputNode, OutputNode
from tinygrad_mnist.autograd.observer import Pass, observed, rules_ran
from tinygrad_mnist.autograd.precision import upcast
from tinygrad_mnist.ops.precision import computed_in


class _Part(NamedTuple):
    """The gradient of a part of an array; of the rest it is zero."""

    gradient: np.ndarray
    index: Any


def backward_pass(
    roots: Sequence[tuple[Source, Any]],
    wanted: Iterable[Source] | None = None,
    *,
    until: Iterable[Source] = (),
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Source, Any]:
    """Return the gradient of every leaf, or of the wanted nodes and leaves.

    Parameters
    ----------
    roots
        Where to start: nodes or leaves, each with the gradient that arrives there.
    wanted
        Compute only what leads to these; None for all leaves.
    until
        Go no further than these, and leave their hooks alone: an outer pass goes on from there.
    retain_graph
        Keep the saved arrays for another pass.
    create_graph
        Gradients are tensors, and the rules are recorded.
    """
    targets = set(wanted or ())
    needed = None if wanted is None else _leading_to(targets, [root for root, _ in roots])
    reached = None if needed is None else needed | targets
    ends = set(until)
    gradients: dict[Source, Any] = {}
    queue: list[tuple[float, Node]] = []
    found: dict[Source, Any] = {}
    # Those of whose gradients only the table knows: these are added to in place.
    owned: set[Source] = set()
    arrivals = [(root, as_gradient(g, create_graph)) for root, g in roots]
    walk = Pass(roots) if modes.observers else None
    if outer := modes.pending:
        modes.pending = None
    with np.errstate(all="ignore"), recording(create_graph):
        while True:
            for source, g in arrivals:
                present = gradients.get(source)
                if present is None:
                    if type(g) is _Part:
                        g = ops.scatter_into_zeros(
                            g.gradient, to=shape_and_dtype(source)[0], index=g.index
                        )
                        owned.add(source)
                    gradients[source] = g
                    if isinstance(source, Node):
                        heapq.heappush(queue, (-source.number, source))
                    continue
                if type(g) is _Part:
                    if source not in owned:
                        present = gradients[source] = present.copy(order="K")
                    present[g.index] += g.gradient
                elif source in owned:
                    present += g
                    continue
                else:
                    gradients[source] = _add(present, g)
                if not create_graph:
                    owned.add(source)
            if not queue:
                break
            node = heapq.heappop(queue)[1]
            g = gradients.pop(node)
            owned.discard(node)
            arrivals = []
            if ends and node in ends:
                found[node] = g
                continue
            if node in targets:
                found[node] = g
            if node.hooks:
                g = run_hooks(node.hooks, g, create_graph)
            if needed is not None and node not in needed:
                found[node] = g  # what hooks have made of it, as the pass ends here
                continue
            if isinstance(node, OutputNode):
                _pass_to_multi_output(node, g, gradients, queue)
                continue
            if node.extra is None:
                arrivals = run_rules(node, g, reached, create_graph)
            else:
                g = run_before(node, g, create_graph)
                arrivals = run_rules(node, g, reached, create_graph)
                arrivals = run_after(node, g, arrivals, create_graph)
            if modes.observers:
                rules_ran(node, g, arrivals, walk)
            if not retain_graph:
                node.release()
        for leaf in gradients:
            if isinstance(leaf, TensorBase) and leaf._hooks and leaf not in ends:
                gradients[leaf] = run_hooks(leaf._hooks, gradients[leaf], create_graph)
        if walk is not None:
            walk.over(gradients)
            modes.walk = None  # else the last pass of a program would keep its gradients
    if (over := modes.pending) or outer:
        modes.pending = outer
        for callback in over or ():
            callback()
    gradients.update(found)
    return gradients


def run_rules(
    node: Node, g: Any, reached: set[Source] | None, create_graph: bool
) -> list[tuple[Source, Any]]:
    """Turn the gradient of a node's output into those of its parents, or of the reached ones."""
    saved = node.check()
    plan, parents = node.plan, node.parents
    if isinstance(node, CustomNode):
        found = node.run(g, create_graph, reached)  # a node may have found other parents there
        return [
            (parent, fit(node, i, gradient, *shape_and_dtype(parent), create_graph))
            for i, gradient in found
            if (parent := node.parents[i]) is not None
        ]
    if node.op.part is not None and not (create_graph or observed() or node.extra):
        index, parent = node.op.part(**node.settings), parents[0]
        if index is not None and parent is not None:
            return [(parent, _Part(g, index))]
    if create_graph:
        saved = restore(node, saved)
        if node.op.once_differentiable:
            return _differentiate_reference(node, g, saved)
    if node.dtype is not node.op.plain and node.dtype.char in node.op.narrow:
        g, saved = upcast(node, g, saved)
    results: list[tuple[Source, Any]] = []
    tracer = modes.tracer
    for position, rule, arrays, keywords in plan.steps:
        parent = parents[position]
        assert parent is not None
        if reached is not None and parent not in reached:
            continue
        if keywords or tracer is not None:
            extra = {name: keyword(node, name, position) for name in keywords}
            if tracer is None:
                gradient = rule(g, *saved[arrays], **extra)
            else:
                gradient = tracer.run_rule(node, rule, (g, *saved[arrays]), extra)
        else:
            gradient = rule(g, *saved[arrays])
        if isinstance(parent, Node):
            shape, dtype = parent.shape, parent.dtype
        else:
            shape, dtype = parent._array.shape, parent._array.dtype
        if (
            gradient.__class__ is not np.ndarray
            or gradient.dtype is not dtype
            or gradient.shape != shape
        ):
            gradient = fit(node, position, gradient, shape, dtype, create_graph)
        results.append((parent, gradient))
    return results


def shape_and_dtype(source: Source) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and dtype that a gradient must have."""
    if isinstance(source, Node):
        return source.shape, source.dtype
    return source._array.shape, source._array.dtype


def keyword(node: Node, name: str, position: int) -> Any:
    """Return what a rule asks for by keyword: a setting, or the shape of its input."""
    if name == "shape":
        parent = node.parents[position]
        assert parent is not None
        return shape_and_dtype(parent)[0]
    if name == "position":
        return position
    if name == "shapes":
        return node.settings["shapes"]
    return node.settings[name]


def fit(
    node: Node,
    position: int,
    gradient: Any,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    create_graph: bool,
) -> Any:
    """Undo broadcasting and promotion, and refuse anything else that doesn't fit.

    Raises
    ------
    RuntimeError
        Naming the operation and the input, when a rule returned a wrong shape or dtype.
    """
    op = node.op
    where = f"{op.name}: its rule for '{op.input_name(position)}' returned"
    if isinstance(gradient, TensorBase):
        array = gradient._array
    elif isinstance(gradient, np.ndarray):
        array = gradient
    elif isinstance(gradient, np.generic):
        gradient = array = np.asarray(gradient)
    else:
        raise RuntimeError(f"{where} a {type(gradient).__name__}, not an array")
    if array.shape != shape:
        if not op.broadcasts or not _broadcasts_to(shape, array.shape):
            raise RuntimeError(
                f"{where} a gradient of shape {list(array.shape)} for an input of shape "
                f"{list(shape)}"
            )
        gradient = unbroadcast(gradient, shape)
    if array.dtype != dtype:
        # A promoted input is given its gradient in its own dtype.
        computed = (node.dtype, computed_in(op, node.dtype))
        if array.dtype not in computed and not isinstance(node, CustomNode):
            raise RuntimeError(
                f"{where} a gradient of dtype {array.dtype}, but the operation was computed in "
                f"{node.dtype}"
            )
        gradient = ops.cast(gradient, dtype=dtype)
    return as_gradient(gradient, create_graph)


def unbroadcast(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the dimensions along which its input was broadcast."""
    dims = summed_dims(gradient.shape, shape)
    return ops.reshape(ops.sum(gradient, dim=dims, keepdim=True), to=shape)


def summed_dims(have: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the dimensions to sum over for a gradient to have an input's shape."""
    lead = len(have) - len(shape)
    return tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(shape) if n == 1 and have[lead + i] != 1
    )


def _broadcasts_to(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether a shape broadcasts to another one."""
    lead = len(to) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, to[lead:], strict=True))


def restore(node: Node, saved: Sequence[Any]) -> tuple[Any, ...]:
    """Rebuild tensors from the saved arrays, so that a rule can be recorded in its turn."""
    return tuple(map(partial(_restored, node), node.plan.saves, saved, node.versions))


def _restored(node: Node, slot: int, array: Any, version: Version) -> Any:
    """Rebuild one saved array: the output belongs to the node, an input to its parent.

    It keeps its version: a write to it before the second derivative must be noticed too.
    """
    index = slot - len(node.parents)
    if isinstance(node, MultiOutputNode) and 0 <= index < len(node.outputs):
        return wrap(array, OutputNode.of(node, index, array.shape, array.dtype), version)
    if index == 0:
        return wrap(array, node, version)
    parent = node.parents[slot] if slot < len(node.parents) else None
    if isinstance(parent, TensorBase) and parent._array is array:
        return parent
    if parent is None and (not isinstance(array, np.ndarray) or array.dtype.kind != "f"):
        return array  # an index, a target, a number
    # A leaf that was promoted is another array: its copy leads to the leaf as to a node.
    return wrap(array, parent, version)  # type: ignore[arg-type]  # None or a node, here


def _differentiate_reference(
    node: Node, g: Any, restored: tuple[Any, ...]
) -> list[tuple[Source, Any]]:
    """Differentiate a fused operation through the composite one that defines it."""
    assert node.op.reference is not None
    count = len(node.parents)
    g, restored = upcast(node, g, restored)
    saved = dict(zip(node.plan.saves, restored, strict=True))
    tracked = [i for i in range(count) if node.parents[i] is not None]
    inputs = [ops.identity(saved[i]) if i in tracked else saved[i] for i in range(count)]
    returned = node.op.reference(*inputs, **node.settings)
    pairs = zip(returned, g, strict=True) if isinstance(node, MultiOutputNode) else [(returned, g)]
    roots = [(out._node, part) for out, part in pairs if part is not None]
    sources = [inputs[i]._node for i in tracked]
    found = backward_pass(roots, until=sources, retain_graph=True, create_graph=True)
    results: list[tuple[Source, Any]] = []
    for i, source in zip(tracked, sources, strict=True):
        parent = node.parents[i]
        assert parent is not None
        shape, dtype = shape_and_dtype(parent)
        gradient = found.get(source, np.zeros(shape, dtype))
        results.append((parent, fit(node, i, gradient, shape, dtype, True)))
    return results


def _pass_to_multi_output(
    node: OutputNode, g: Any, gradients: dict[Source, Any], queue: list[tuple[float, Node]]
) -> None:
    """Put the gradient of one output into the list of its operation's gradients."""
    source = node.whole
    if source not in gradients:
        gradients[source] = [None] * len(source.outputs)
        heapq.heappush(queue, (-source.number, source))
    slots = gradients[source]
    slots[node.index] = g if slots[node.index] is None else _add(slots[node.index], g)


def _add(a: Any, b: Any) -> Any:
    """Accumulate: never into an array that something else may hold."""
    total = a + b
    return total if isinstance(total, np.ndarray | TensorBase) else np.asarray(total)


def _leading_to(targets: set[Source], roots: Sequence[Source]) -> set[Source]:
    """Return the nodes below the roots from which a target can be reached."""
    seen: set[Node] = set()
    stack: list[Node] = [root for root in roots if isinstance(root, Node)]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(p for p in node.parents if isinstance(p, Node) and p not in seen)
    needed: set[Source] = set()
    for node in sorted(seen, key=lambda node: node.number):
        if any(p in needed or p in targets for p in node.parents):
            needed.add(node)
    return needed
