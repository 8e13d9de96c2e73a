"""A node: one recorded operation, and what of it has to be kept to differentiate it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd import names, observer
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.ops.contract import Op, Plan

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.graph import Source
    from tinygrad_mnist.autograd.hooks import Extra, RemovableHandle

_numbers = itertools.count()


def next_number() -> int:
    """Return a number between those of the nodes before and those of the nodes to come."""
    return next(_numbers)


class Version:
    """How often a buffer was written to, and by what."""

    count = 0
    changed_by = ""

    def bump(self, operation: str) -> None:
        """Note that an operation has written to the buffer."""
        self.count += 1
        self.changed_by = operation


class Node:
    """One recorded operation."""

    __slots__ = (
        "__weakref__", "dtype", "extra", "hooks", "number", "op", "parents", "plan", "saved",
        "saved_version", "settings", "shape", "versions",
    )  # fmt: skip

    is_shown = False
    """Whether its type has its name, since a script has seen it."""
    op: Op
    parents: Sequence[Source | None]
    """Where each input came from: a node, a leaf, or nothing that needs a gradient."""
    plan: Plan
    saved: tuple[Any, ...] | None
    """The arrays for the rules, in the plan's order; None once released."""
    versions: Sequence[Version]
    """Those of the saved arrays' buffers, one for each."""
    saved_version: int
    """The sum of their counts when the arrays were saved: counts only grow."""
    settings: dict[str, Any]
    shape: tuple[int, ...]
    """The shape of the output."""
    dtype: np.dtype[Any]
    """The dtype of the output."""
    number: float
    """Grows with creation, so parents always have smaller numbers than their children."""
    hooks: dict[int, Callable[[Any], Any]] | None
    """The hooks on the gradient of its output, if there are any."""
    extra: Extra | None
    """The hooks around its rules, and a script's own data, if there are any."""

    def __init__(
        self,
        op: Op,
        parents: Sequence[Source | None],
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
        self.saved_version = 0
        self.hooks = self.extra = None
        if modes.observers:
            observer.node_made(self)

    @property
    def whole(self) -> Node:
        """The node of the operation, where this is only that of one of its outputs."""
        return self

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
        saved_version = 0
        for version in self.versions:
            saved_version += version.count
        if saved_version != self.saved_version:
            writers = [version.changed_by for version in self.versions if version.count]
            raise RuntimeError(
                f"{self.op.name}: an array saved for its backward has been modified by an inplace "
                f"operation, {' or '.join(writers)}, since; use the form that makes a new tensor, "
                f"or clone() the tensor before it is changed"
            )
        return self.saved if type(self.saved) is tuple else self.saved.arrays()  # type: ignore[attr-defined]  # a script's hooks have packed them

    def keep(self, version: Version) -> None:
        """Copy what is saved of a tensor, before that is written to."""
        assert self.saved is not None
        saved, versions = list(self.saved), list(self.versions)
        copies: dict[int, Any] = {}
        for i, other in enumerate(versions):
            if other is version and saved[i] is not None:
                saved[i] = copies.setdefault(id(saved[i]), np.copy(saved[i]))
                self.saved_version -= version.count
                versions[i] = Version()
        self.saved, self.versions = tuple(saved), versions

    def register_hook(self, fn: Callable[[Any, Any], Any]) -> RemovableHandle:
        """Call a function on the gradients of inputs and outputs when the rules have run.

        What it returns, unless None, replaces the gradients of the inputs.
        """
        return names.hooked(self, "after", fn)

    def register_prehook(self, fn: Callable[[Any], Any]) -> RemovableHandle:
        """Call a function on the gradients of outputs before the rules run; it may replace them."""
        return names.hooked(self, "before", fn)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for a script's own data."""
        return names.extra(self).metadata

    def __repr__(self) -> str:
        """Show the node as PyTorch shows a grad_fn."""
        return f"<{self.name().rpartition('::')[2]} object at {id(self):#x}>"
