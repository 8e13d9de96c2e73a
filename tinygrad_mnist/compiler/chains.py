"""Chains: elementwise lines that follow one another, shared out to our own threads.

Where those are in charge, as in a network with convolutions, each takes its share of the rows, for
all lines of the chain at once. The numbers are the same: each element is computed for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_mnist._runtime import threads
from tinygrad_mnist.compiler.buffers import is_elementwise
from tinygrad_mnist.compiler.trace import Call, Value

if TYPE_CHECKING:
    from tinygrad_mnist.compiler.source import Source

LARGE = 2**17
"""From how many elements on an array is worth it."""

ONE_LINE = threads.SPACIOUS
"""The same for a single line, which gains by threads alone."""


class Place(NamedTuple):
    """Where an array is.

    Attributes
    ----------
    memory
        Its memory.
    start, end
        The bytes of that which may be its own.
    layout
        Where among these it begins, and how it lies there.
    """

    memory: Any
    start: float
    end: float
    layout: tuple[Any, ...]

    def disturbs(self, other: Place) -> bool:
        """Whether rows of one may be other rows of the other."""
        apart = self.start >= other.end or other.start >= self.end
        return self.memory == other.memory and not apart and self.layout != other.layout


@dataclass
class Chain:
    """Lines that may be run together.

    Attributes
    ----------
    shape
        Of all their results.
    lines
        Each with its call.
    values
        What they take and make, by whether it is cut into rows.
    places
        Where they read or write.
    written
        Where they write.
    """

    shape: tuple[int, ...]
    lines: list[tuple[str, Call]] = field(default_factory=list)
    values: dict[Value, bool] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)
    written: set[Place] = field(default_factory=set)


def with_chains(source: Source) -> list[tuple[str, Call]]:
    """Return the lines of a source, of which some are chains now."""
    lines: list[tuple[str, Call]] = []
    for chain in _chains(source):
        size = prod(chain.shape)
        least = LARGE if len(chain.lines) > 1 else ONE_LINE
        if chain.lines and chain.shape[0] > 1 and size >= least:
            text = _written_down(source, chain, size)
            source.merged[text] = [call for _, call in chain.lines]
            lines.append((text, chain.lines[0][1]))
        else:
            lines += chain.lines
    return lines


def _chains(source: Source) -> Iterator[Chain]:
    """Cut lines into chains; those that are in none are one of their own, of no shape."""
    chain = Chain(())
    for line in source.lines:
        out = _out(source, line[1])
        if out is not None:
            if _joins(source, chain, line, out):
                continue
            yield chain
            chain = Chain(out.array.shape)
            if _joins(source, chain, line, out):
                continue
        else:
            yield chain
            chain = Chain(())
        yield Chain((0,), [line])
    yield chain


def _out(source: Source, call: Call) -> Value | None:
    """Return the array that an elementwise line writes to, if it lies in memory of its own."""
    if not is_elementwise(call) or call.kind != "function" or set(call.keywords) - {"out"}:
        return None
    out = call.keywords.get("out", call.results)
    out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if type(out) is not Value or not out.array.ndim:
        return None
    if "out" not in call.keywords and not (out in source.plan.over or takes_slot(source, out)):
        return None
    mine = takes_slot(source, out) or out.storage in source.plan.fresh
    return out if mine and out.array.strides[0] == max(out.array.strides) else None


def takes_slot(source: Source, x: Value) -> bool:
    """Whether an array lies in a buffer."""
    return x.storage in source.plan.rooms


def _joins(source: Source, chain: Chain, line: tuple[str, Call], out: Value) -> bool:
    """Let a line join a chain, if rows of its arrays don't get into each other's way."""
    if out.array.shape != chain.shape:
        return False
    if chain.lines and chain.lines[0][1].laned is not line[1].laned:
        return False
    values = {out: True}
    for x in line[1].arguments:
        if type(x) is Value:
            shape = x.array.shape
            values[x] = len(shape) == len(chain.shape) and shape[0] == chain.shape[0]
        elif isinstance(x, tuple | list | slice):
            return False
    places = chain.places | {_place(source, x) for x in values}
    written = chain.written | {_place(source, out)}
    if any(x.disturbs(y) for x in written for y in places):
        return False
    chain.values.update(values)
    chain.places, chain.written = places, written
    chain.lines.append(line)
    return True


def _place(source: Source, x: Value) -> Place:
    """Return where an array is."""
    whole = x.storage.array
    start = 0 if x.array is whole else _address(x.array) - _address(whole)
    how = x.array.shape, x.array.strides, x.array.itemsize
    room = source.plan.rooms.get(x.storage)
    if room is None:
        return Place(source.plan.homes.get(x.storage, x.storage), 0, inf, (start, *how))
    return Place(room.memory, room.start, room.end(), (room.start + start, *how))


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _written_down(source: Source, chain: Chain, size: int) -> str:
    """Define the function of a chain, and return the line that calls it."""
    function = source.new_name("chain")
    names: dict[str, str] = {}
    """The names of rows, by what they are rows of."""
    local: dict[str, str] = {}
    """The names of what isn't bound, in the function."""
    before = dict(source.names)
    for x, cut in chain.values.items():
        name = before[x]
        whole = name if name in source.bound else local.setdefault(name, f"v{len(local)}")
        source.names[x] = names.setdefault(whole, f"x{len(names)}") if cut else whole
    body = []
    for _, call in chain.lines:
        extra = "" if "out" in call.keywords else f"out={source.names[call.results]}"
        body.append(source.expression(call, extra))
    source.names.clear()
    source.names.update(before)
    cuts = [f"{rows} = {whole}[rows]" for whole, rows in names.items()]
    arguments = ", ".join([*local.values(), "rows"])
    text = "\n    ".join([f"def {function}({arguments}):", *cuts, *body])
    exec(compile(text, f"<compiled {function}>", "exec"), source.space)
    source.space.update(share=threads.share, partial=partial)
    given = f"partial({', '.join([function, *local])})" if local else function
    return f"share({given}, {chain.shape[0]}, {8 * size * len(chain.lines)})"
