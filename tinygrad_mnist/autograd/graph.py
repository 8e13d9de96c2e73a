"""The graph: what an operation leaves behind so that it can be differentiated.

Applying an operation to Variables computes on their arrays and, where one of them needs a
gradient, adds a :class:`Node`: the operation, its parents, and just those arrays that the
rules of the tracked inputs ask for. A node holds no Variable of its own output, so there is
no reference cycle: when the last Variable goes, its graph goes with it.

Why versions: a rule that reads an array which has been written to since would return a wrong
gradient without a word. All views of one buffer share one :class:`Version`; every write counts
it up, a node remembers the count of what it saved, and backward compares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.autograd.errors import explain, refuse_stale
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.node import Node as Node
from tinygrad_mnist.autograd.node import Version as Version
from tinygrad_mnist.autograd.several import Tuple, attach_outputs
from tinygrad_mnist.ops.contract import Op
from tinygrad_mnist.ops.promotion import promote

_UNCHANGED = Version()
"""For saved arrays that nobody else can write to."""


class Variable:
    """An array and its place in the graph: all that the engine knows of a Tensor.

    A Variable is a leaf (``_node`` is None), which collects a gradient if ``_requires_grad``,
    or the output of a recorded operation.
    """

    kind: ClassVar[type[Variable]]
    """The class that operations return; the tensor room sets it."""

    _array: np.ndarray
    _version: Version
    _node: Node | None = None
    _requires_grad: bool = False
    _grad: Any = None
    _hooks: dict[int, Callable[[Any], Any]] | None = None
    _view_of: Variable | None = None
    """The Variable that this one is a view of: its history is that one's history too."""
    _seen: int = 0
    """The history count when this view was made."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions."""
        return self._array.shape

    @staticmethod
    def __op__(op: Op, *inputs: Any, **settings: Any) -> Any:
        """Record an operation that was called with a Variable among its inputs."""
        return apply(op, *inputs, **settings)


def wrap(array: Any, node: Node | None = None, version: Version | None = None) -> Any:
    """Return a new Variable on an array (not copied)."""
    kind = Variable.kind
    out = kind.__new__(kind)
    out._array = array if type(array) is np.ndarray else np.asarray(array)
    out._version = Version() if version is None else version
    if node is not None:
        out._node = node
    return out


def apply(op: Op, *inputs: Any, **settings: Any) -> Any:
    """Compute an operation, and record it where an input needs a gradient.

    Parameters
    ----------
    op
        The operation.
    inputs
        Variables, arrays, numbers, or None.
    settings
        Its keyword settings.

    Returns
    -------
    The output as a Variable.

    Raises
    ------
    RuntimeError, IndexError, TypeError
        When the inputs do not fit; the sentence names the operation and the shapes.
    """
    arrays: list[Any] = []
    parents: list[Node | Variable | None] = []
    mask, bit = 0, 1
    dtype, mixed = None, False
    for x in inputs:
        if isinstance(x, Variable):
            if x._view_of is not None and x._seen != x._version.history:
                refuse_stale(op.name, x)
            array = x._array
            arrays.append(array)
            if dtype is None:
                dtype = array.dtype
            elif array.dtype is not dtype:
                mixed = True
            parent: Node | Variable | None = x._node
            if parent is not None:
                mask |= bit
            elif x._requires_grad:
                parent = x
                mask |= bit
            parents.append(parent)
        else:
            arrays.append(x)
            parents.append(None)
            if type(x) is not float:
                mixed = True
        bit <<= 1
    if op.promotes and (mixed or dtype is None or dtype.kind != "f"):
        arrays = promote(op, arrays)
    try:
        out = quiet.run(op.forward, *arrays, **settings)
    except RuntimeError as error:
        if "is already entered" not in str(error):
            raise
        # An operation within another one's forward: a signal handler, a finalizer.
        with np.errstate(all="ignore"):
            out = op.forward(*arrays, **settings)
    except (ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise explain(op, arrays, settings, error) from error
    rest: Sequence[Any] = ()
    if op.packed:
        if len(op.outputs) > 1:
            results = tuple(map(wrap, out[: len(op.outputs)]))
            if mask and modes.enabled and op.differentiable:
                first, rest = results[0], out[1:]
                node = record(op, inputs, arrays, parents, mask, first, rest, settings, Tuple)
                attach_outputs(node, results)
            return results
        out, *rest = out
    if type(out) is not np.ndarray:
        out = np.asarray(out)
    # The lines of wrap(), in place: this is the hottest function of all.
    kind = Variable.kind
    result = kind.__new__(kind)
    result._array = out
    result._version = Version()
    if op.view and out.base is not None and isinstance(source := inputs[0], Variable):
        # An operation such as reshape returns a view or a copy; only a view shares history.
        if out.base is source._array or out.base is source._array.base:
            result._version = version = source._version
            result._view_of = source
            result._seen = version.history
    if mask and modes.enabled and op.differentiable:
        result._node = record(op, inputs, arrays, parents, mask, result, rest, settings)
    return result


def record(
    op: Op,
    inputs: Sequence[Any],
    arrays: list[Any],
    parents: Sequence[Node | Variable | None],
    mask: int,
    result: Variable,
    rest: Sequence[Any],
    settings: dict[str, Any],
    kind: type[Node] = Node,
) -> Any:
    """Make the node of an operation: save what its rules need, and the versions of that."""
    plan = op.plan(len(inputs), mask)
    if op.variadic:
        settings = {**settings, "shapes": [a.shape for a in arrays]}
    out = result._array
    node = kind(op, parents, plan, settings, out.shape, out.dtype)
    if plan.saves:
        stored = [*arrays, out, *rest]
        node.saved = tuple([stored[i] for i in plan.saves])
        holders = (*inputs, result)
        versions: list[Version] = []
        for i in plan.saves:
            if i < len(holders) and isinstance(x := holders[i], Variable):
                versions.append(x._version)
                node.stamp += x._version.count
            else:
                versions.append(_UNCHANGED)
        node.versions = versions
    return node


def wrapped(gradient: Any, create_graph: bool) -> Any:
    """Return a gradient as the walk holds it: a Variable if recorded, else an array."""
    if create_graph:
        return gradient if isinstance(gradient, Variable) else wrap(gradient)
    return gradient._array if isinstance(gradient, Variable) else np.asarray(gradient)
