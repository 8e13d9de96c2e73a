"""A ledger of memory: what each operation keeps for its rules, and when most is held."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.graph import Node, TensorBase
from tinygrad_mnist.viz.computation import named, nodes_of


class Entry(NamedTuple):
    """What one operation keeps: its name, the module of its parameters, and bytes."""

    name: str
    path: str
    shape: tuple[int, ...]
    saved: int
    """Bytes that no operation before it keeps, and that are no parameter's."""
    shared: int
    """Bytes that it keeps together with parameters or with an operation before it."""


class Ledger:
    """The bytes that a graph holds until its backward pass; printed as a table.

    Attributes
    ----------
    entries
        One for each operation that keeps arrays, in the order of computation.
    parameters
        Bytes of the tensors that collect gradients.
    peak
        The most bytes held at once in a backward pass: saved arrays, gradients on their way, and
        gradients of parameters.
    at
        The operation whose rules run then.
    """

    def __init__(self, loss: Any, params: Any = None) -> None:
        nodes = nodes_of(loss, "memory")
        names = named(params, "memory")
        leaves = {id(p): p for n in nodes for p in n.parents if isinstance(p, TensorBase)}
        self.parameters = sum(p._array.nbytes for p in leaves.values())
        held = {id(_owner(p._array)) for p in leaves.values()}
        self.entries: list[Entry] = []
        own: dict[Node, int] = {}
        for node in nodes:
            saved = shared = 0
            for array in node.saved or ():
                if not isinstance(array, np.ndarray):
                    continue
                owner = _owner(array)
                if id(owner) in held:
                    shared += array.nbytes
                else:
                    held.add(id(owner))
                    saved += owner.nbytes
            own[node] = saved
            if saved or shared:
                paths = [names.get(id(p), "").rpartition(".")[0] for p in node.parents]
                path = next(filter(None, paths), "")
                self.entries.append(Entry(node.op.name, path, node.shape, saved, shared))
        self.saved = sum(own.values())
        self.peak, self.at = _peak(nodes, own)

    def __repr__(self) -> str:
        rows = [
            (e.name, e.path, "x".join(map(str, e.shape)), f"{e.saved:,}", f"{e.shared:,}")
            for e in self.entries
        ]
        rows = [("operation", "module", "output", "saves", "shares"), *rows]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "  ".join(
                text.rjust(w) if i > 2 else text.ljust(w)
                for i, (text, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        lines.append(f"saved for the backward pass: {self.saved:,} bytes")
        lines.append(f"parameters: {self.parameters:,} bytes")
        lines.append(f"most at once in the backward pass: {self.peak:,} bytes, at {self.at}")
        return "\n".join(lines)


def memory(loss: Any, params: Any = None) -> Ledger:
    """Return what the graph of a loss holds in memory, operation by operation.

    Parameters
    ----------
    loss
        A tensor that was computed from others, before its backward pass.
    params
        What names the parameters: a module, a dictionary of tensors, or pairs.

    Raises
    ------
    RuntimeError
        If the tensor has no graph, or its graph was released.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> w = ones(100, requires_grad=True)
    >>> ledger = memory((w.exp() * 2).sin().sum(), {"w": w})
    >>> ledger
    operation  module  output  saves  shares
    exp                100       400       0
    sin                100       400       0
    saved for the backward pass: 800 bytes
    parameters: 400 bytes
    most at once in the backward pass: 1,600 bytes, at sin
    """
    return Ledger(loss, params)


def _owner(array: np.ndarray) -> np.ndarray:
    """Return the array whose memory a view sees."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _peak(nodes: list[Node], own: dict[Node, int]) -> tuple[int, str]:
    """Play the backward pass with sizes alone: saved arrays go as rules run, gradients come."""
    saved = sum(own.values())
    arrived: dict[int, int] = {}
    peak, at = saved, "its start"
    for node in reversed(nodes):
        size = int(np.prod(node.shape, dtype=np.int64)) * node.dtype.itemsize
        came = arrived.pop(id(node), size)
        out = 0
        for parent in node.parents:
            if parent is None:
                continue
            whole = parent.whole if isinstance(parent, Node) else parent
            bytes_ = int(np.prod(parent.shape, dtype=np.int64)) * _itemsize(parent)
            if id(whole) not in arrived:
                arrived[id(whole)] = bytes_
            out += bytes_ if arrived[id(whole)] != bytes_ else 0
        now = saved + came + sum(arrived.values()) + out
        if now > peak:
            peak, at = now, node.op.name
        saved -= own[node]
    return peak, at


def _itemsize(source: Any) -> int:
    dtype: np.dtype[Any] = source.dtype if isinstance(source, Node) else source._array.dtype
    return dtype.itemsize
