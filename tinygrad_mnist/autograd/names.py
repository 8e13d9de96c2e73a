"""How the graph looks from outside: nodes under PyTorch's names, and what comes after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.graph import Node, Variable

NAMES = {
    "cast": "ToCopyBackward0",
    "clamp": "ClampBackward1",
    "contiguous": "CloneBackward0",
    "cross_entropy": "NllLossBackward0",
    "identity": "AliasBackward0",
    "log1p": "Log1PBackward0",
    "part": "AsStridedBackward0",
    "norm": "LinalgVectorNormBackward0",
    "square": "PowBackward0",
    "write_part": "torch::autograd::CopySlices",
}
"""PyTorch's names, where they aren't the operation's own."""


def of(node: Node) -> str:
    """Return a node's name as PyTorch gives it, such as ``MulBackward0``."""
    if hasattr(node, "index"):  # one output of several
        return node.parents[0].name()  # type: ignore[union-attr]
    name, settings = node.op.name, node.settings
    if name == "getitem":
        return f"{_last(settings['index'])}Backward0"
    if name == "setitem":
        name = "write_part" if _last(settings["index"]) != "Index" else "index_put"
    if name == "reshape":
        return f"{_reshape(node)}Backward0"
    if name == "matmul":
        return f"{('Dot', 'Mv', 'Mm', 'Bmm')[min(len(node.shape), 3)]}Backward0"
    if name == "linear":
        return "MmBackward0" if node.parents[-1] is None else "AddmmBackward0"
    if name in ("amax", "amin") and settings["dim"] is None:
        return f"{name[1:].capitalize()}Backward1"
    if name in ("sum", "mean") and settings["dim"] is not None:
        return f"{name.capitalize()}Backward1"
    return NAMES.get(name) or "".join(map(str.capitalize, name.split("_"))) + "Backward0"


def _last(index: Any) -> str:
    """Name what PyTorch does last to take an index: it goes from part to part."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, np.ndarray | list) for part in parts):
        return "Index"
    for part in reversed(parts):
        if part is not Ellipsis and part != slice(None):
            return "Unsqueeze" if part is None else "Slice" if isinstance(part, slice) else "Select"
    return "Alias" if Ellipsis in parts else "Slice"


def _reshape(node: Node) -> str:
    """Tell the uses of reshape apart by the shapes before and after."""
    have, want = node.parents[0].shape, node.shape  # type: ignore[union-attr]
    if len(want) != len(have) and [n for n in want if n != 1] == [n for n in have if n != 1]:
        return "Squeeze" if len(want) < len(have) else "Unsqueeze"
    return "View"


class AccumulateGrad:
    """Stands where a walk ends: at a leaf, whose ``.grad`` it adds to."""

    def __init__(self, variable: Variable) -> None:
        self.variable = variable

    next_functions = ()

    def name(self) -> str:
        """Return the name that PyTorch gives to it."""
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        """Whether it is the end of the same leaf."""
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        """Hash by the leaf."""
        return id(self.variable)

    def __repr__(self) -> str:
        """Show it as a node is shown."""
        return "<AccumulateGrad>"


def edge(parent: Any) -> tuple[Any, int]:
    """Return what a node's gradient goes to, with an output number, as PyTorch shows it."""
    if parent is None or hasattr(parent, "parents"):
        return parent, getattr(parent, "index", 0)
    return AccumulateGrad(parent), 0
