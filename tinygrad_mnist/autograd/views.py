"""Views: tensors that see the memory of another one, their base, and share its history.

A write through a view changes the base, so it is recorded there. The nodes of all other views of
that memory are out of date then. Such a view gets a new one when it is next used: it is the part
of what its base has become that lies where it lies in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd import graph
from tinygrad_mnist.autograd.modes import fixed, modes
from tinygrad_mnist.ops.regions import Region, read_region

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.graph import Node, Source, TensorBase


def regenerate_view(view: TensorBase) -> None:
    """Bring the history of a view up to date: its memory was written to since it was made.

    Raises
    ------
    RuntimeError
        When the view was made in a way in which that isn't defined.
    """
    base = view._base
    if not modes.enabled or base is None:
        return
    source = base.source()
    if base._version is view._version and (source is not None or view._node is not None):
        if view._origin and source is not None:
            refuse_view(view, f"is used after {view._version.changed_by} has changed its memory")
        rebase_view(view, source, region_of(base, view))
    view._seen = view._version.count


def rebase_view(view: TensorBase, source: Source | None, at: Region) -> None:
    """Make a view the part of what its base has become; where that has no history, of nothing."""
    base, mask = view._base, 0 if source is None else 1
    assert base is not None
    node = graph.record(read_region, (base,), [base._array], [source], mask, view, (), {"at": at})
    set_history(view, node)
    view._seen = view._version.count


def region_of(base: TensorBase, view: TensorBase) -> Region:
    """Return where a view lies in the memory of its base."""
    return fixed(_region, base._array, view._array)


def _region(whole: np.ndarray, seen: np.ndarray) -> Region:
    size = whole.itemsize
    start = seen.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return Region(
        whole.shape,
        tuple([step // size for step in whole.strides]),
        seen.shape,
        tuple([step // size for step in seen.strides]),
        start // size,
    )


def refuse_view(view: TensorBase, what: str) -> None:
    """Refuse to give a view a new history."""
    made = f" that was made {view._origin}" if view._origin else ""
    raise RuntimeError(
        f"a view{made} {what}, so its history would have to be made anew, which isn't defined; "
        f"make the view by indexing, with recording on, after the change, or clone() it before"
    )


def set_history(x: TensorBase, node: Node | None) -> None:
    """Give a tensor another history; the gradient that it retains will be the new one."""
    x._node = node
    if x._retained is not None and node is not None:
        x._retained.move(node)


def forget_base(view: Any) -> Any:
    """Make a view no view any more: a function's result, whose base nobody else has.

    To a script it is what the function has computed, which may be detached in place.
    """
    view._base = None
    return view
