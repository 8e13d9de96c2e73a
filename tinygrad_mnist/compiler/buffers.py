"""Buffers: where the arrays of a program lie, planned once.

An array that a call can write into a given one gets a room: so many bytes, from the call that
writes it to the last that reads it. An elementwise call writes over an operand that dies with it.
All rooms lie in two memories, those of gradients in one of their own, and rooms that aren't needed
at the same time may have the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinygrad_mnist.compiler.rewriting import last_uses
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value

REDUCTIONS = {np.sum, np.mean, np.max, np.min, np.amax, np.amin, np.prod, np.cumsum, np.take}
"""Functions other than ufuncs that can write their result to a given array."""


def takes_out(call: Call) -> bool:
    """Whether a call can be told where to write its result."""
    function = call.function
    if call.writes or call.effect or "out" in call.keywords:
        return False
    if getattr(function, "takes_out", False):
        return True
    if call.kind != "function":
        return False
    if type(function) is np.ufunc:
        return function.nout == 1
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return bool(function.__name__ in ("reduce", "accumulate", "outer"))
    return function in REDUCTIONS


def is_elementwise(call: Call) -> bool:
    """Whether a call reads each element of its inputs just before it writes to the same place."""
    return type(call.function) is np.ufunc and call.function.signature is None


def is_operation(call: Call) -> bool:
    """Whether a call is an operation of the table, or its rule, whose result is the program's."""
    room = getattr(call.function, "__module__", None) or ""
    own = call.kind == "kernel" and not call.effect and type(call.results) is Value
    return own and room.startswith("tinygrad_mnist.ops.")


GRADIENTS, SCRATCH = range(2)
"""The memories: the first has just the size of what stays for the script, which may keep it."""

ALIGNMENT = 64


@dataclass(eq=False)
class Room:
    """A place in memory, and from which call to which it is needed.

    Attributes
    ----------
    size
        How many bytes.
    first, last
        The numbers of these calls.
    late
        Whether gradients of the step before are gone by then, so that it may lie among them.
    memory, start
        Where it is, once that is known.
    """

    size: int
    first: int
    last: int
    late: bool = True
    memory: int = SCRATCH
    start: int = 0

    def end(self) -> int:
        """Return where it ends."""
        return self.start + self.size

    def shares(self, other: Room) -> bool:
        """Whether both have some bytes, one after the other."""
        apart = self.start >= other.end() or other.start >= self.end()
        return self.memory == other.memory and not apart


@dataclass
class Plan:
    """Where arrays are.

    Attributes
    ----------
    rooms
        The room of each storage that has one; what is written over something else has the same.
    sizes
        The sizes of the memories, in bytes.
    over
        The operand that a value is written over, in the same form.
    fresh
        Storages that a kernel makes anew at each step, with those that are written over them.
    homes
        For the latter, the former.
    lanes
        The room of all that lanes have: it may be where the lines have theirs that lanes replace.
    """

    rooms: dict[Storage, Room] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=lambda: [0, 0])
    over: dict[Value, Value] = field(default_factory=dict)
    fresh: set[Storage] = field(default_factory=set)
    homes: dict[Storage, Storage] = field(default_factory=dict)
    lanes: Room | None = None

    def count(self) -> int:
        """Return how many rooms there are, without the one that consists of others."""
        return len({room for storage, room in self.rooms.items() if storage.origin != "flat"})


def plan_buffers(program: Program, reuse: bool = True, lanes: int = 0) -> Plan:
    """Give each array that a call can write into a room, and each room its place.

    What is returned gets none: it is new at each step. Gradients stay in their rooms, where
    something else may have been earlier in the step. Lanes get a room of so many bytes.
    """
    plan = Plan()
    if lanes:
        laned = [i for i, call in enumerate(program.calls) if call.laned]
        plan.lanes = Room(lanes, laned[0], laned[-1], late=False)
    last = last_uses(program)
    outputs = {x.storage for x in program.outputs + program.rebound}
    lasting = {x.storage for x in program.gradients}
    for i, call in enumerate(program.calls):
        result = call.results
        if takes_out(call) and type(result) is Value and result.storage not in outputs:
            array, storage = result.array, result.storage
            whole = array.size == storage.array.size and array.dtype == storage.array.dtype
            if array.size and whole and storage not in plan.rooms:
                over = None
                if reuse and is_elementwise(call) and storage not in program.parts:
                    over = _operand(call, plan, last, i, storage in lasting)
                if over is None:
                    late = call.at >= program.free
                    plan.rooms[storage] = Room(array.nbytes, i, last[storage], late)
                else:
                    plan.over[result] = over
                    _write_over(plan, over.storage, storage, last[storage])
        elif is_operation(call) and result.storage.origin == "made":
            if result.storage not in outputs and result.array.ndim:  # NumPy's scalars are no arrays
                plan.fresh.add(result.storage)
    if plan.lanes is not None and program.lanes is not None:
        for x, _ in program.lanes.gathers:  # lanes write to them whenever they like
            if x.storage in plan.rooms:
                room = plan.rooms[x.storage]
                room.first = min(room.first, plan.lanes.first)
    _give_places(plan, program, lasting, reuse)
    return plan


def _write_over(plan: Plan, old: Storage, new: Storage, last: int) -> None:
    """Let an array have the place of another one."""
    room = plan.rooms.get(old)
    if room is None:
        plan.fresh.add(new)
        plan.homes[new] = plan.homes.get(old, old)
    else:
        plan.rooms[new] = room
        room.last = last


def _give_places(plan: Plan, program: Program, lasting: set[Storage], reuse: bool) -> None:
    """Put gradients one after another; then the others, the largest first, wherever they fit."""
    placed: dict[Room, None] = {}
    for larger in dict.fromkeys(larger for larger, _ in program.parts.values()):
        whole = plan.rooms[larger] = Room(larger.array.nbytes, 0, len(program.calls))
        _append(plan, whole)
    for storage, room in plan.rooms.items():
        if storage in program.parts:
            larger, offset = program.parts[storage]
            room.memory, room.start = GRADIENTS, plan.rooms[larger].start + offset
            placed[room] = None
        elif storage in lasting and room not in placed:
            _append(plan, room)
            placed[room] = None
    wholes = {plan.rooms[larger] for larger, _ in program.parts.values()}
    rest = [room for room in dict.fromkeys(plan.rooms.values()) if room not in wholes]
    rest += [] if plan.lanes is None else [plan.lanes]
    for room in sorted(rest, key=lambda room: -room.size):
        if room not in placed:
            busy = [x for x in placed if not reuse or _meet(x, room, plan.lanes)]
            _fit(plan, room, busy)
            placed[room] = None


def _meet(x: Room, y: Room, lanes: Room | None) -> bool:
    """Whether two rooms are needed at the same time: lanes, or the lines that they replace."""
    if lanes is not None and lanes in (x, y):
        line = y if x is lanes else x
        if lanes.first <= line.first and line.last <= lanes.last:
            return False
    return not (x.last < y.first or y.last < x.first)


def _append(plan: Plan, room: Room) -> None:
    """Put a room at the end of the gradients."""
    room.memory, room.start = GRADIENTS, aligned(plan.sizes[GRADIENTS])
    plan.sizes[GRADIENTS] = room.end()


def _fit(plan: Plan, room: Room, busy: list[Room]) -> None:
    """Put a room where it fits between those that are needed at the same time."""
    for memory in (GRADIENTS, SCRATCH) if room.late else (SCRATCH,):
        room.memory, room.start = memory, 0
        for x in sorted((x for x in busy if x.memory == memory), key=lambda x: x.start):
            if room.end() <= x.start:
                break
            room.start = max(room.start, aligned(x.end()))
        if room.end() <= plan.sizes[memory]:
            return
    plan.sizes[SCRATCH] = room.end()


def aligned(place: int) -> int:
    """Return the next byte at which a room may begin."""
    return -(-place // ALIGNMENT) * ALIGNMENT


def _operand(
    call: Call, plan: Plan, last: dict[Storage, int], i: int, lasting: bool
) -> Value | None:
    """Return an operand that the result may be written over.

    For what lasts it must be in a room, and in one that isn't needed before the gradients of the
    step before are gone: what stands there until then may be added to.
    """
    result = call.results.array
    for x in call.values():
        room = plan.rooms.get(x.storage)
        if lasting:
            has_place = room is not None and room.late
        else:
            has_place = room is not None or x.storage in plan.fresh
        if (
            has_place
            and last[x.storage] == i
            and x.array.shape == result.shape
            and x.array.strides == result.strides
            and x.array.dtype == result.dtype
            and x.storage.array.size == x.array.size
            and all(y is x for y in call.values() if y.storage is x.storage)
        ):
            return x
    return None


def strides_without_gaps(array: np.ndarray) -> tuple[int, ...]:
    """Return the strides of an array that lies in memory in this one's order, without gaps."""
    order = sorted(range(array.ndim), key=lambda d: (-abs(array.strides[d]), d))
    strides, step = [0] * array.ndim, array.itemsize
    for d in reversed(order):
        strides[d] = step
        step *= array.shape[d]
    return tuple(strides)
