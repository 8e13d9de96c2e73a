"""The graph: what an operation leaves behind so that it can be differentiated.

Applying an operation to Variables computes on their arrays and, where one of them needs a
gradient, adds a :class:`Node`: the operation, its parents, and just those arrays that the
rules of the tracked inputs ask for. A node holds no Variable of its own output, so there is
no reference cycle: when the last Variable goes, its graph goes with it.

Why versions: a rule that reads an array which has been written to since would return a wrong
gradient without a word. All views of one buffer share one :class:`Version`; every write counts
it up, a node remembers the count of what it saved, and backward compares. A view that was made
before a write has an outdated node, and makes itself a new one when it is next used.
"""

from __future__ import annotations

import contextvars
import itertools
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.autograd import names
from tinygrad_mnist.autograd.errors import explain
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.autograd.views import follow
from tinygrad_mnist.ops.contract import Op, Plan
from tinygrad_mnist.ops.promotion import promote

_numbers = itertools.count()


class _Quiet(threading.local):
    """Runs NumPy without floating-point warnings: infinity and NaN are results here.

    Entering ``np.errstate`` costs more than a small operation does; running in a context in
    which it was entered once does not.
    """

    def __init__(self) -> None:
        with np.errstate(all="ignore"):
            self.run = contextvars.copy_context().run


_quiet = _Quiet()


class Version:
    """How often a buffer was written to, and by what."""

    count = 0
    changed_by = ""

    def bump(self, operation: str) -> None:
        """Note that an operation has written to the buffer."""
        self.count += 1
        self.changed_by = operation


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
    _after: dict[int, Callable[[Any], Any]] | None = None
    """Hooks that a leaf calls when its gradient has been accumulated."""
    _retained: Any = None
    """The handle of the hook that stores ``.grad`` in a computed tensor."""
    _base: Variable | None = None
    """The Variable whose memory this one sees, if it is a view: what becomes of that one's
    history becomes of this one's too. A base is never a view itself."""
    _path: tuple[tuple[Op, dict[str, Any]], ...] = ()
    """The operations that lead from the base to here."""
    _seen: int = 0
    """The version of the memory for which ``_node`` holds."""
    _origin: str = ""
    """How a view was made, if in a way that forbids to rewrite its history."""

    def source(self) -> Node | Variable | None:
        """Return where a gradient goes from here: to a node, to this leaf, or nowhere."""
        if self._base is not None and self._seen != self._version.count:
            follow(self)
        return self._node if self._node is not None else self if self._requires_grad else None

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions."""
        return self._array.shape

    @staticmethod
    def __op__(op: Op, *inputs: Any, **settings: Any) -> Any:
        """Record an operation that was called with a Variable among its inputs."""
        return apply(op, *inputs, **settings)


class Node:
    """One recorded operation."""

    __slots__ = (
        "__weakref__", "dtype", "hooks", "number", "op", "parents", "plan", "saved", "settings",
        "shape", "stamp", "trace", "versions",
    )  # fmt: skip

    op: Op
    parents: Sequence[Node | Variable | None]
    """Where each input came from: a node, a leaf, or nothing that needs a gradient."""
    plan: Plan
    saved: tuple[Any, ...] | None
    """The arrays for the rules, in the plan's order; None once released."""
    versions: Sequence[Version]
    """Those of the saved arrays' buffers, one for each."""
    stamp: int
    """The sum of their counts when the arrays were saved: counts only grow."""
    settings: dict[str, Any]
    shape: tuple[int, ...]
    """The shape of the output."""
    dtype: np.dtype[Any]
    """The dtype of the output."""
    number: int
    """Grows with creation, so parents always have smaller numbers than their children."""
    hooks: dict[int, Callable[[Any], Any]] | None
    trace: str | None

    def __init__(
        self,
        op: Op,
        parents: Sequence[Node | Variable | None],
        plan: Plan,
        settings: dict[str, Any],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self.op = op
        self.parents = parents
        self.plan = plan
        self.settings = settings
        self.shape = shape
        self.dtype = dtype
        self.number = next(_numbers)
        self.saved = self.versions = ()
        self.stamp = 0
        self.hooks = None
        self.trace = "".join(traceback.format_stack()[:-2]) if modes.anomaly else None

    def name(self) -> str:
        """Return the node's name as PyTorch gives it, such as ``MulBackward0``."""
        return names.of(self)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that the gradient goes to next, each with an output number."""
        return tuple(map(names.edge, self.parents))

    def release(self) -> None:
        """Forget the saved arrays, once the rules have run."""
        if self.saved:
            self.saved = None

    def check(self) -> tuple[Any, ...]:
        """Return the saved arrays, if they are still there and still what was saved.

        Raises
        ------
        RuntimeError
            When they were released by an earlier backward, or written to since.
        """
        if self.saved is None:
            raise RuntimeError(
                f"{self.op.name}: trying to go backward through the graph a second time, but its "
                f"saved arrays were released by the first; pass retain_graph=True to the first "
                f"backward, or compute the outputs again"
            )
        stamp = 0
        for version in self.versions:
            stamp += version.count
        if stamp != self.stamp:
            writers = [version.changed_by for version in self.versions if version.count]
            raise RuntimeError(
                f"{self.op.name}: an array saved for its backward has been modified by an inplace "
                f"operation, {' or '.join(writers)}, since; use the form that makes a new tensor, "
                f"or clone() the tensor before it is changed"
            )
        return self.saved

    def __repr__(self) -> str:
        """Show the node as PyTorch shows a grad_fn."""
        return f"<{self.name().rpartition('::')[2]}>"


class Tuple(Node):
    """A node with several outputs; its gradient is a list, one per output, or None for unused."""

    __slots__ = ("outputs",)

    outputs: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]
    """Shape and dtype of each output."""

    def run(self, gradients: Sequence[Any], create_graph: bool) -> list[tuple[int, Any]]:
        """Return pairs of an input's position and its gradient."""
        raise NotImplementedError


class Output(Node):
    """One output of a :class:`Tuple` node: passes its gradient on into the right slot."""

    __slots__ = ("index",)

    index: int

    @classmethod
    def of(cls, node: Tuple, index: int, array: np.ndarray) -> Output:
        """Make the node of one output."""
        output = cls(node.op, (node,), node.plan, node.settings, array.shape, array.dtype)
        output.index = index
        return output


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
            if x._base is not None and x._seen != x._version.count:
                follow(x)
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
        out = _quiet.run(op.forward, *arrays, **settings)
    except RuntimeError as error:
        if "is already entered" not in str(error):
            raise
        # An operation within another one's forward: a signal handler, a finalizer.
        with np.errstate(all="ignore"):
            out = op.forward(*arrays, **settings)
    except (ValueError, IndexError, TypeError) as error:
        raise explain(op, arrays, settings, error) from error
    rest: Sequence[Any] = ()
    if op.residuals:
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
            result._seen = version.count
            result._base = source if source._base is None else source._base
            result._path = (*source._path, (op, settings))
            result._origin = source._origin if modes.enabled else "under no_grad"
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
) -> Node:
    """Make the node of an operation: save what its rules need, and the versions of that."""
    plan = op.plan(len(inputs), mask)
    if op.variadic:
        settings = {**settings, "shapes": [a.shape for a in arrays]}
    out = result._array
    node = Node(op, parents, plan, settings, out.shape, out.dtype)
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


def attach_outputs(node: Tuple, results: Sequence[Variable]) -> None:
    """Make a node with several outputs the source of the given Variables."""
    node.outputs = [(x._array.shape, x._array.dtype) for x in results]
    for index, x in enumerate(results):
        if x._array.dtype.kind == "f":
            x._node = Output.of(node, index, x._array)
            x._origin = f"by {node.name()}" if x._base is not None else ""


def is_tracked(x: Any) -> bool:
    """Whether something is a Variable that a gradient can flow to."""
    if not isinstance(x, Variable):
        return False
    if x._node is not None or x._requires_grad:
        return True
    return x._base is not None and x._seen != x._version.count and is_tracked(x._base)


def wrapped(gradient: Any, create_graph: bool) -> Any:
    """Return a gradient as the walk holds it: a Variable if recorded, else an array."""
    if create_graph:
        return gradient if isinstance(gradient, Variable) else wrap(gradient)
    return gradient._array if isinstance(gradient, Variable) else np.asarray(gradient)
