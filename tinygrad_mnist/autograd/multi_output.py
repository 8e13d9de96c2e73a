"""Operations with several outputs: one node for them all, and a small one for each.

The gradient of the common node is a list. The node of an output has nothing to compute: it puts
its gradient into its place in that list, so the backward pass needs no second kind of edge.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.node import Node

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.graph import Source, TensorBase


class MultiOutputNode(Node):
    """A node with several outputs; its gradient is a list, one per output, or None for unused."""

    __slots__ = ("output_nodes", "outputs")

    outputs: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]
    """Shape and dtype of each output."""
    output_nodes: dict[int, weakref.ref[OutputNode]]
    """Their nodes, which hold this one and not the reverse."""


class CustomNode(MultiOutputNode):
    """A node whose rules are a user's own backward."""

    __slots__ = ()

    def run(
        self, gradients: Sequence[Any], create_graph: bool, reached: set[Source] | None
    ) -> list[tuple[int, Any]]:
        """Return pairs of an input's position and its gradient: at least of the reached ones."""
        raise NotImplementedError

    def kept(self) -> list[np.ndarray] | None:
        """Return the arrays that forward has saved; None once released."""
        return []


class OutputNode(Node):
    """One output of a :class:`MultiOutputNode`: passes its gradient on into the right slot."""

    __slots__ = ("index",)

    index: int

    @property
    def whole(self) -> MultiOutputNode:
        """The node of the operation."""
        node = self.parents[0]
        assert isinstance(node, MultiOutputNode)
        return node

    @classmethod
    def of(
        cls, node: MultiOutputNode, index: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> OutputNode:
        """Return the node of one output, the same for as long as somebody holds it."""
        output = node.output_nodes[index]() if index in node.output_nodes else None
        if output is None:
            output = cls(node.op, (node,), node.plan, node.settings, shape, dtype)
            output.index = index
            node.output_nodes[index] = weakref.ref(output)
        return output


def attach_outputs(node: MultiOutputNode, results: Sequence[TensorBase]) -> None:
    """Make a node with several outputs the source of the given tensors."""
    node.output_nodes = {}
    count = len(node.parents)
    node.versions = [
        results[slot - count]._version if 0 <= slot - count < len(results) else version
        for slot, version in zip(node.plan.saves, node.versions, strict=True)
    ]
    node.outputs = [(x._array.shape, x._array.dtype) for x in results]
    for index, x in enumerate(results):
        if x._array.dtype.kind == "f":
            x._node = OutputNode.of(node, index, *node.outputs[index])
            x._origin = f"by {node.name()}" if x._base is not None else ""
