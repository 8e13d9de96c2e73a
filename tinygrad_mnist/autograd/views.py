"""Views: Variables that see the memory of another one, their base, and share its history.

A write through a view changes the base, so it is recorded there. The nodes of all views of that
memory are out of date then, of the one that was written to as of all others. A view remembers
the path of operations that led to it; when it is next used, it takes that path again, from what
its base has become.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.ops.parts import part

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.graph import Node, Variable


def follow(view: Variable) -> None:
    """Bring the history of a view up to date: its memory was written to since it was made.

    Raises
    ------
    RuntimeError
        When the view was made in a way in which that isn't defined, or its base has another
        shape by now.
    """
    base = view._base
    if not modes.enabled or base is None:
        return
    tracked = base._node is not None or base._requires_grad
    if tracked and base._version is view._version:
        if view._origin:
            refuse_view(view, f"is used after {view._version.changed_by} has changed its memory")
        again = part(base, view._path)
        if place(again._array) != place(view._array):
            refuse_view(view, "is used after its base was given another shape in place")
        replace_node(view, again._node)
    view._seen = view._version.count


def place(array: np.ndarray) -> tuple[Any, ...]:
    """Return where an array's elements are in memory."""
    return array.__array_interface__["data"][0], array.shape, array.strides


def refuse_view(view: Variable, what: str) -> None:
    """Refuse to give a view a new history."""
    made = f" that was made {view._origin}" if view._origin else ""
    raise RuntimeError(
        f"a view{made} {what}, so its history would have to be made anew, which isn't defined; "
        f"make the view by indexing, with recording on, after the change, or clone() it before"
    )


def replace_node(x: Variable, node: Node | None) -> None:
    """Give a Variable another history; the gradient that it retains will be the new one."""
    x._node = node
    if x._retained is not None and node is not None:
        x._retained.move(node)
