"""A ledger of memory: what each operation keeps for its rules, and when most is held."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.graph import Node, Source, TensorBase
from tinygrad_mnist.viz.computation import kept, named, nodes_of, places
from tinygrad_mnist.viz.text import table

HOLDERS = 3
"""How many of the largest holders are named."""


class Entry(NamedTuple):
    """What one operation keeps: its name, its module, its output's shape, and bytes."""

    name: str
    path: str
    shape: tuple[int, ...]
    saved: int
    """Bytes that no operation before it keeps, and that are no parameter's."""
    shared: int
    """Bytes that it keeps together with parameters or with an operation before it."""


class Peak(NamedTuple):
    """The moment of a backward pass at which most is held, parameters aside.

    Counted from shapes: what a rule needs in between is not in it, and what it returns is counted
    as an array of its own, even where it is a view.
    """

    bytes: int
    at: str
    """The operation whose rules run then."""
    saved: int
    """Bytes that operations keep then."""
    gradients: int
    """Bytes of gradients, those of parameters among them."""
    holders: list[Entry]
    """The operations that keep arrays then, the largest first."""


class Ledger:
    """The bytes that a graph holds until its backward pass; printed as a table.

    Attributes
    ----------
    entries
        One for each operation that keeps arrays, in the order of computation.
    saved
        Bytes that the graph keeps alive, parameters aside. Data that the program holds too is among
        them.
    parameters
        Bytes of the tensors that collect gradients.
    peak
        When most is held at once, and by whom: a :class:`Peak`.
    """

    def __init__(self, loss: Any, params: Any = None) -> None:
        nodes = nodes_of(loss, "memory")
        if any(kept(node) is None for node in nodes):
            raise RuntimeError(
                "memory: the graph was released by backward(); ask before it, or pass "
                "retain_graph=True to backward()"
            )
        names = named(params, "memory")
        paths = places(nodes, names)
        leaves = {id(p): p for n in nodes for p in n.parents if isinstance(p, TensorBase)}
        self.parameters = sum(p._array.nbytes for p in leaves.values())
        held = {id(_owner(p._array)) for p in leaves.values()}
        own: dict[Node, Entry] = {}
        for node in nodes:
            saved = shared = 0
            for array in kept(node) or ():
                owner = _owner(array)
                if id(owner) in held:
                    shared += array.nbytes
                else:
                    held.add(id(owner))
                    saved += owner.nbytes
            own[node] = Entry(node.op.name, paths[node], node.shape, saved, shared)
        self.entries = [entry for entry in own.values() if entry.saved or entry.shared]
        self.saved = sum(entry.saved for entry in self.entries)
        self.peak = _peak(loss.source(), nodes, own)

    def __repr__(self) -> str:
        rows = [
            (e.name, e.path, "x".join(map(str, e.shape)), f"{e.saved:,}", f"{e.shared:,}")
            for e in self.entries
        ]
        peak = self.peak
        held = [f"{e.saved:,} by {_title(e)}" for e in peak.holders[:HOLDERS]]
        if more := peak.holders[HOLDERS:]:
            held.append(f"{sum(e.saved for e in more):,} by {len(more)} more")
        lines = [
            table(("operation", "module", "output", "saves", "shares"), rows, left=3),
            f"saved for the backward pass: {self.saved:,} bytes",
            f"parameters: {self.parameters:,} bytes",
            f"most at once in the backward pass: {peak.bytes:,} bytes, at {peak.at}",
            f"held then: {', '.join([*held, f'{peak.gradients:,} of gradients'])}",
        ]
        return "\n".join(lines)


def memory(loss: Any, params: Any = None) -> Ledger:
    """Return what the graph of a loss holds in memory, operation by operation.

    The peak is counted from shapes, between one operation's rules and the next's: what a rule needs
    while it computes comes on top.

    Parameters
    ----------
    loss
        A tensor that was computed from others, before its backward pass.
    params
        What names the parameters: a module, a dictionary of tensors, or pairs.

    Returns
    -------
    A table: its rows are in ``entries``, its sum in ``peak``, all in bytes.

    Raises
    ------
    RuntimeError
        If the tensor has no graph, or its graph was released.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from tinygrad_mnist.viz import memory
    >>> w = ones(100, requires_grad=True)
    >>> memory((w.exp() * 2).sin().sum(), {"w": w})
    operation  module  output  saves  shares
    exp                100       400       0
    sin                100       400       0
    saved for the backward pass: 800 bytes
    parameters: 400 bytes
    most at once in the backward pass: 1,600 bytes, at sin
    held then: 400 by exp, 400 by sin, 800 of gradients
    """
    return Ledger(loss, params)


def _title(entry: Entry) -> str:
    return f"{entry.path} {entry.name}".strip()


def _owner(array: np.ndarray) -> np.ndarray:
    """Return the array whose memory a view sees."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _peak(root: Source, nodes: list[Node], own: dict[Node, Entry]) -> Peak:
    """Play the backward pass with sizes alone: saved arrays go as rules run, gradients come."""
    saved = sum(entry.saved for entry in own.values())
    waiting: dict[Source, set[Source]] = {root.whole if isinstance(root, Node) else root: {root}}
    """Whose gradients have arrived, by the node whose turn takes them, or the leaf."""
    held = _bytes(root)
    peak, at = Peak(0, "", 0, 0, []), 0
    for place, node in reversed(list(enumerate(nodes))):
        parents = [parent for parent in node.parents if parent is not None]
        gradients = held + sum(map(_bytes, parents))
        if saved + gradients > peak.bytes:
            peak, at = Peak(saved + gradients, node.op.name, saved, gradients, []), place
        held -= sum(map(_bytes, waiting.pop(node, ())))
        for parent in parents:
            arrived = waiting.setdefault(getattr(parent, "whole", parent), set())
            if parent not in arrived:
                arrived.add(parent)
                held += _bytes(parent)
        saved -= own[node].saved
    peak.holders.extend(own[node] for node in nodes[: at + 1] if own[node].saved)
    peak.holders.sort(key=lambda entry: -entry.saved)
    return peak


def _bytes(source: Source) -> int:
    if isinstance(source, Node):
        return math.prod(source.shape) * source.dtype.itemsize
    return source._array.nbytes
