"""Names of nodes, for operations that PyTorch divides into several: by shape, index or settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.node import Node

COPY_SLICES = "torch::autograd::CopySlices"
"""The name of a write to a view, as part of the history of its base."""


def by_dim(whole: str, along: str) -> Callable[[Node], str]:
    """Choose one of two names: of a reduction of all elements, or along dimensions."""
    return lambda node: whole if node.settings["dim"] is None else along


def getitem(node: Node) -> str:
    """Name an indexing by what PyTorch does last, as it goes from part to part of the index."""
    return f"{_last_step(node.settings['index'])}Backward0"


def setitem(node: Node) -> str:
    """Name a write by its index: PyTorch writes to a view, or to chosen elements."""
    chosen = _last_step(node.settings["index"]) == "Index"
    return "IndexPutBackward0" if chosen else COPY_SLICES


def _last_step(index: Any) -> str:
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, np.ndarray | list) for part in parts):
        return "Index"
    for part in reversed(parts):
        if part is not Ellipsis and part != slice(None):
            return "Unsqueeze" if part is None else "Slice" if isinstance(part, slice) else "Select"
    return "Alias" if Ellipsis in parts else "Slice"


def reshape(node: Node) -> str:
    """Name a reshape by the shapes before and after."""
    parent = node.parents[0]
    assert parent is not None
    have, want = parent.shape, node.shape
    if len(want) != len(have) and [n for n in want if n != 1] == [n for n in have if n != 1]:
        return "SqueezeBackward0" if len(want) < len(have) else "UnsqueezeBackward0"
    return "ViewBackward0"


def matmul(node: Node) -> str:
    """Name a product by the number of its dimensions."""
    return f"{('Dot', 'Mv', 'Mm', 'Bmm')[min(len(node.shape), 3)]}Backward0"


def linear(node: Node) -> str:
    """Name an affine map by whether its bias is differentiated."""
    bias = len(node.parents) > 2 and node.parents[2] is not None
    return "AddmmBackward0" if bias else "MmBackward0"


def pow(node: Node) -> str:
    """Name a power by which of base and exponent is differentiated."""
    base, exponent = (parent is not None for parent in node.parents)
    return f"PowBackward{int(exponent) * (2 - base)}"
