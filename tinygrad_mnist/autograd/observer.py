"""Observers: what is told of every operation as it is computed, and of every rule as it is run.

Without one, nothing is spent: an observer listens where the engine passes anyway. It replaces the
runner of forward functions (``quiet.run``), and nodes and the backward pass ask for it with one
look each. The user's line and the module around an operation are read off Python's own stack.
"""

from __future__ import annotations

import functools
import itertools
import linecache
import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.modes import Mode, modes, quiet
from tinygrad_mnist.ops.contract import TABLE, Op

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.graph import Source
    from tinygrad_mnist.autograd.node import Node

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Line(NamedTuple):
    """A line of a program: the file, the number and the function that it stands in."""

    file: str
    number: int
    function: str

    @property
    def text(self) -> str:
        """The line's code, if its file can be read."""
        return linecache.getline(self.file, self.number).strip()

    def __str__(self) -> str:
        """Show it as a traceback does, on one line."""
        return f"{os.path.basename(self.file)}:{self.number} in {self.function}: {self.text}"


class Call:
    """An operation that was computed: when, where in the program, and on what.

    Attributes
    ----------
    op
        The operation.
    inputs, settings, outputs
        The arrays that its forward function was given, its keyword settings, and the arrays that
        it returned, residuals among them.
    node
        What it left in the graph; None if no gradient is needed, or when the graph is gone.
    line
        The innermost line of the program outside of this package.
    modules
        The modules whose call it was computed in, the outermost first.
    """

    __slots__ = ("_node", "inputs", "line", "modules", "op", "outputs", "settings")

    def __init__(
        self, op: Op, inputs: Sequence[Any], settings: dict[str, Any], outputs: Sequence[Any]
    ) -> None:
        self.op = op
        self.inputs = tuple(inputs)
        self.settings = settings
        self.outputs = tuple(outputs)
        self._node: weakref.ref[Node] | None = None
        self.line, self.modules = where()

    def place(self) -> Call:
        """Return where it was called, without its arrays, to be kept."""
        place = Call.__new__(Call)
        place.op, place.line, place.modules = self.op, self.line, self.modules
        return place

    @property
    def node(self) -> Node | None:
        """The node; it isn't kept alive, as what is known of a node is kept by the node."""
        return None if self._node is None else self._node()

    @node.setter
    def node(self, node: Node) -> None:
        self._node = weakref.ref(node)

    @property
    def path(self) -> str:
        """The module's name, as a state dictionary has it: ``layers.0``."""
        return module_path(self.modules)

    def __repr__(self) -> str:
        return f"<call of {self.op.name} in {self.path or 'no module'} at {self.line}>"


class Pass:
    """A backward pass that observers are told of.

    Attributes
    ----------
    leaves
        The gradients of the leaves, once the pass is over, as hooks have left them.
    """

    __slots__ = ("_roots", "leaves")

    def __init__(self, roots: Sequence[tuple[Source, Any]]) -> None:
        self._roots = [weakref.ref(root) for root, _ in roots]
        self.leaves: dict[Source, Any] = {}

    def began_at(self, source: Source) -> bool:
        """Whether it began there, and nowhere else."""
        return len(self._roots) == 1 and self._roots[0]() is source

    def over(self, gradients: Mapping[Source, Any]) -> None:
        """Note with what it ended."""
        self.leaves = {x: g for x, g in gradients.items() if not hasattr(x, "parents")}


class Observer(Mode):
    """Base of what observes a block of a program: override what it should be told.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from tinygrad_mnist.autograd.observer import Observer
    >>> class Names(Observer):
    ...     def computed(self, call):
    ...         print(call.op.name)
    >>> with Names():
    ...     y = (ones(2) + 1).exp()
    add
    exp
    """

    def computed(self, call: Call) -> None:
        """Be told that an operation has been computed."""

    def recorded(self, call: Call) -> None:
        """Be told that an operation has left a node, ``call.node``, in the graph."""

    def ran(self, node: Node, gradient: Any, results: Sequence[tuple[Source, Any]]) -> None:
        """Be told that a node's rules have turned a gradient into those of its parents."""

    def __enter__(self) -> Any:
        self._values = {"observers": (*modes.observers, self)}
        return super().__enter__()

    def _fresh(self) -> Mode:
        return Mode(observers=(*modes.observers, self))


def run_observed(forward: Callable[..., Any], *arrays: Any, **settings: Any) -> Any:
    """Run a forward function in the place of ``quiet.run``, and tell the observers."""
    if modes.tracer is None:
        return run_and_tell(quiet.unobserved, forward, arrays, settings)
    return modes.tracer.observed(forward, arrays, settings)


def run_and_tell(
    run: Callable[..., Any],
    forward: Callable[..., Any],
    arrays: tuple[Any, ...],
    settings: dict[str, Any],
) -> Any:
    """Run a forward function by another one, and tell the observers."""
    returned = run(forward, *arrays, **settings)
    op = operation_of(forward)
    if op is None:
        return returned
    # As arrays, results can be recognised where they go on to.
    if op.packed:
        returned = tuple(np.asarray(x) if isinstance(x, np.generic) else x for x in returned)
    elif isinstance(returned, np.generic):
        returned = np.asarray(returned)
    settings.pop("out", None)
    tell(Call(op, arrays, settings, returned if op.packed else (returned,)))
    return returned


def tell(call: Call) -> None:
    """Tell the observers that an operation, or a user's Function, has been computed."""
    modes.last_call = call
    for observer in modes.observers:
        observer.computed(call)


def node_made(node: Node) -> None:
    """Tell the observers of a new node; it belongs to the operation computed last, if to any."""
    call = modes.last_call
    if call is None or call.op is not node.op or call.node is not None:
        if node.whole is not node or not node.parents:
            return
        call = Call(node.op, (), node.settings, ())  # a view made anew
    call.node = node
    for observer in modes.observers:
        observer.recorded(call)


def observed() -> bool:
    """Whether anybody but a tracer, which notes each call anyway, is told of rules."""
    return any(observer is not modes.tracer for observer in modes.observers)


def rules_ran(
    node: Node, gradient: Any, results: Sequence[tuple[Source, Any]], walk: Pass | None
) -> None:
    """Tell the observers that the rules of a node have run, in a pass that may be known."""
    modes.walk = walk
    for observer in modes.observers:
        observer.ran(node, gradient, results)


def operation_of(forward: Callable[..., Any]) -> Op | None:
    """Return the operation whose forward function this is."""
    owner = getattr(forward, "__self__", None)
    if isinstance(owner, Op):
        return owner
    return _forwards(len(TABLE)).get(forward)


@functools.lru_cache(maxsize=1)
def _forwards(count: int) -> dict[Callable[..., Any], Op]:
    """Return the operations by their forward functions; made anew when the table has grown."""
    return {op.forward: op for op in TABLE.values()}


def where() -> tuple[Line | None, tuple[Any, ...]]:
    """Return the innermost line outside of this package, and the modules that are being called."""
    line: Line | None = None
    modules: list[Any] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            if line is None:
                line = Line(code.co_filename, frame.f_lineno, code.co_name)
        elif _calls_module(code):
            modules.append(frame.f_locals["self"])
        frame = frame.f_back
    return line, tuple(reversed(modules))


def _calls_module(code: CodeType) -> bool:
    return code.co_qualname == "Module.__call__"


def module_path(modules: Sequence[Any]) -> str:
    """Return the name of the innermost of nested modules, from the outermost on."""
    parts: list[str] = []
    for outer, inner in itertools.pairwise(modules):
        below = itertools.chain(outer.named_children(), outer.named_modules())  # mostly the first
        names = (name for name, module in below if module is inner and name)
        parts.append(next(names, type(inner).__name__))
    return ".".join(parts)
