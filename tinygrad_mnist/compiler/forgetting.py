"""Forgetting: a program keeps how its arrays lie in memory, not the numbers of its recording."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygrad_mnist.compiler.trace import Program, Storage, Value

SMALL = 64
"""Elements of arrays that aren't worth it."""


def forget(program: Program, moved: Collection[Storage] = ()) -> None:
    """Put arrays without memory in the place of those that were given and made at the recording.

    They have shape, dtype and strides, and must not be read. Likewise with memory that was moved to
    elsewhere.
    """
    known: dict[int, np.ndarray] = {}
    held: list[np.ndarray] = []

    def outline(array: np.ndarray, least: int = SMALL) -> np.ndarray:
        if array.size <= least:
            return array
        if id(array) not in known:
            empty = as_strided(np.empty(1, array.dtype), array.shape, array.strides)
            known[id(array)] = known[id(empty)] = empty
            held.extend((array, empty))  # their identities must stay theirs for the time being
        return known[id(array)]

    for x in _values(program):
        if x.storage in moved or x.storage.origin == "input":  # others want to have these alone
            x.array = outline(x.array, 0)
            x.storage.array = outline(x.storage.array, 0)
        elif x.storage.origin in ("made", "flat"):
            x.array = outline(x.array)
            x.storage.array = outline(x.storage.array)
    for lane in () if program.lanes is None else program.lanes.programs:
        forget(lane)


def _values(program: Program) -> Iterator[Value]:
    yield from program.inputs
    yield from program.wanted()
    for call in program.calls:
        yield from call.values()
        yield from call.made()
