"""Programs of lanes: a region's calls, for some of the rows.

The calls are made as they are written down, on the arrays of the recording, so that shapes and
layouts are those that come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.functions import perform
from tinygrad_mnist.compiler.lanes.regions import Region
from tinygrad_mnist.compiler.lanes.running import Gather, Meeting, Sum
from tinygrad_mnist.compiler.lanes.spreading import SUMMAND, Cut, Spread
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Thing, Value, mapped, owner


class NotAlikeError(Exception):
    """Raised if what a lane makes lies otherwise in memory than in the program."""


@dataclass
class LanePrograms:
    """The programs of all lanes, and what they have to do with the whole.

    Attributes
    ----------
    programs
        One for each lane.
    given
        The arrays that each takes, and which dimension of them is cut at which places.
    wanted
        The arrays that are put together from what the lanes make, and how.
    unless
        Arrays, and numbers that must not be in them.
    meeting
        Where lanes wait for one another.
    gathers
        The sums that they gather, and how.
    """

    programs: list[Program]
    given: list[tuple[Value, list[tuple[Any, ...]] | None]] = field(default_factory=list)
    wanted: list[tuple[Value, Any]] = field(default_factory=list)
    unless: list[tuple[Value, int]] = field(default_factory=list)
    meeting: Meeting = field(default_factory=lambda: Meeting(1))
    gathers: list[tuple[Value, Gather]] = field(default_factory=list)

    def changed(self, improve: Any) -> LanePrograms:
        """Return them after a pass."""
        return replace(self, programs=[improve(p) for p in self.programs])


def lane_programs(region: Region, number: int, gathers: bool) -> LanePrograms:
    """Write down the program of each lane; say whether they may gather sums while they run.

    Raises
    ------
    NotAlikeError
        When an array would be a view in one of them, and isn't in the whole, or the other way.
    """
    programs = LanePrograms([Program() for _ in range(number)], meeting=Meeting(number))
    lanes: list[_Lane] = []
    parts = _parts(region.batch, number)
    for program, rows in zip(programs.programs, parts, strict=True):
        lanes.append(_Lane(region, program, rows, programs, lanes[0] if lanes else None))
    for call in region.calls:
        found = region.spreads.get(call)
        if not lanes[0].met.isdisjoint(call.writes):
            raise NotAlikeError
        for x in dict.fromkeys(call.values() if found is None or not found.adds else ()):
            if region.kinds.get(x) == SUMMAND and x.storage not in call.writes:
                _meet(x, lanes, programs.meeting)
        if found is not None and found.unless is not None:
            programs.unless.append(found.unless)
        for lane in lanes:
            lane.make(call, found)
    cut = {x for x, slices in programs.given if slices is not None}
    if any(x not in cut for x, _ in programs.unless):
        raise NotAlikeError
    for x in region.wanted:
        kind = None if x in lanes[0].whole else region.kinds[x]
        if kind == SUMMAND and gathers:
            programs.gathers.append((x, gather := Gather(x.array)))
            for lane in lanes:
                lane.gather(gather, lane.known[x])
            continue
        programs.wanted.append((x, kind))
        for lane in lanes:
            lane.program.gradients.append(lane.whole[x] if x in lane.whole else lane.known[x])
    for lane in lanes:
        lane.end()
    return programs


def _meet(x: Value, lanes: Sequence[_Lane], meeting: Meeting) -> None:
    """Let all lanes wait for a sum of theirs."""
    if x in lanes[0].whole:
        return
    summands = [lane.known[x] for lane in lanes]
    total = Sum(meeting, [s.array for s in summands])
    for i, lane in enumerate(lanes):
        result = Value(total.array, Storage(total.array, "made"))
        lane.program.calls.append(Call(total.of(i), (summands[i],), {}, result, kind="kernel"))
        lane.whole[x] = result
        lane.met.add(x.storage)
        lane.storages[x.storage] = lane.owners[id(total.array)] = result.storage


def _parts(batch: int, number: int) -> list[slice]:
    """Return the rows of each lane."""
    ends = [batch * i // number for i in range(number + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def _place(rows: slice, cut: Cut) -> tuple[slice, ...]:
    """Return where rows of the batch are in an array."""
    own = slice(rows.start * cut.per, rows.stop * cut.per)
    return (*(slice(None),) * cut.axis, own)


def _count(rows: slice) -> int:
    return int(rows.stop - rows.start)


class _Lane:
    """The program of one lane, while it's written down.

    Attributes
    ----------
    known
        The arrays of the lane, by those of the program: its rows, or its summand.
    whole
        Those that are the same in all lanes.
    made
        What its calls have made.
    """

    def __init__(
        self,
        region: Region,
        program: Program,
        rows: slice,
        programs: LanePrograms,
        first: _Lane | None,
    ) -> None:
        self.rows: slice = rows
        self.alike = first if first and _count(first.rows) == _count(rows) else None
        """A lane with as many rows: what its calls have made looks like what this one's would."""
        self.made: list[Any] = []
        self.gathered: list[tuple[Gather, Value]] = []
        self.region = region
        self.program = program
        self.programs = programs
        self.share = _count(rows) / region.batch
        self.known: dict[Any, Value] = {}
        self.whole: dict[Value, Value] = {}
        self.storages: dict[Storage, Storage] = {}
        self.stands_for: dict[Storage, Storage] = {}
        """The memory of the program, by the lane's."""
        self.met: set[Storage] = set()
        """The memory of sums of the program that lanes have waited for."""
        self.owners: dict[int, Storage] = {}
        self.held: list[Any] = []
        self.cuts: dict[Value, Any] = {}
        """The kinds of what a call makes, if not whole."""

    def make(self, call: Call, found: Spread | None) -> None:
        """Make a call, for the lane's rows if it's spread, else as it is."""
        needs = {} if found is None else found.needs

        def present(x: Any) -> Any:
            if type(x) is not Value:
                return x
            if found is not None and found.adds:
                return self.known[x]
            return self._rows_of(x, needs[x]) if x in needs else self._present(x)

        arguments, keywords = mapped(call.arguments, present), dict(call.keywords)
        keywords = {name: mapped(x, present) for name, x in keywords.items()}
        function, kind, name = call.function, call.kind, call.name
        if found is not None and found.shape is not None:
            shape, cut = found.shape
            own = tuple(
                cut.per * (_count(self.rows)) if d == cut.axis else n for d, n in enumerate(shape)
            )
            if "shape" in keywords:
                keywords["shape"] = own
            elif kind == "method":
                function, arguments, kind, name = np.reshape, (arguments[0], own), "function", ""
            elif call.values():
                arguments = (arguments[0], own, *arguments[2:])
            else:
                arguments = (own, *arguments[1:])
        for i in () if found is None else found.scaled:
            scaled = self._note(np.multiply, (arguments[i], self.share), {}, None, call)
            arguments = (*arguments[:i], scaled, *arguments[i + 1 :])
        shares = () if found is None else found.shares
        self.cuts = {} if found is None else found.results
        made = self._note(function, arguments, keywords, call.results, call, kind, name, shares)
        for i in shares:
            part = self._note(np.multiply, (made[i], self.share), {}, None, call)
            self.known[call.results[i]] = part

    def gather(self, gather: Gather, x: Value) -> None:
        """Let the lane add what it has when it's done with it."""
        self.gathered.append((gather, x))

    def end(self) -> None:
        """Put in what was put off."""
        ends: dict[Storage, int] = {}
        for i, call in enumerate(self.program.calls):
            ends.update(dict.fromkeys((*call.writes, *(x.storage for x in call.made())), i))
        after: dict[int, list[Call]] = {}
        for gather, x in self.gathered:
            call = Call(gather.add, (x,), {}, kind="kernel", effect=True)
            after.setdefault(ends[x.storage], []).append(call)
        calls = enumerate(self.program.calls)
        self.program.calls = [c for i, call in calls for c in (call, *after.get(i, ()))]

    def _present(self, x: Value) -> Value:
        """Return what the lane has of an array that isn't cut by this call."""
        for known in (self.whole, self.known):
            if x in known:
                return known[x]
        self.whole[x] = self._given(x, x.array, None)
        return self.whole[x]

    def _given(self, x: Value, array: np.ndarray, cut: Cut | None) -> Value:
        """Return what stands for an array that is there before, or for the lane's rows of it."""
        stays = x.storage.origin in ("state", "constant") and x not in self.region.inputs
        root = owner(array)
        storage = self.owners.get(id(root))
        if storage is None:
            self.held.append(root)
            storage = x.storage if stays else Storage(root, "input")
            self._stands_for(self.owners.setdefault(id(root), storage), x.storage)
        value = Value(array, storage)
        if not stays:
            self.program.inputs.append(value)
            self._note_given(x, cut)
        return value

    def _stands_for(self, own: Storage, whole: Storage) -> None:
        """Note which memory stands for which: what sees the same there must do so here."""
        there = self.storages.setdefault(whole, own), self.stands_for.setdefault(own, whole)
        if there != (own, whole):
            raise NotAlikeError

    def _note_given(self, x: Value, cut: Cut | None) -> None:
        if self.programs.programs[0] is self.program:
            self.programs.given.append((x, None if cut is None else self._slices(cut)))

    def _slices(self, cut: Cut) -> list[tuple[Any, ...]]:
        number = len(self.programs.programs)
        return [_place(rows, cut) for rows in _parts(self.region.batch, number)]

    def _rows_of(self, x: Value, cut: Cut) -> Value:
        """Return the lane's rows of an array."""
        if x in self.known and type(self.region.kinds.get(x)) is Cut:
            return self.known[x]
        index = _place(self.rows, cut)
        key = (x, cut)
        if key in self.known:
            return self.known[key]
        if x not in self.whole:
            value = self._given(x, x.array[index], cut)
        else:
            there = self.whole[x]
            value = Value(there.array[index], there.storage)
            self.program.calls.append(
                Call(getattr, (there, index), {}, value, kind="getitem", name="getattr")
            )
        self.known[key] = value
        return value

    def _note(
        self,
        function: Any,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        results: Any,
        like: Call,
        kind: str = "function",
        name: str = "",
        apart: tuple[int, ...] = (),
    ) -> Any:
        """Make a call and write it down; return what stands for its results."""

        def real(x: Any) -> Any:
            return x.array if type(x) is Value else x

        if self.alike is not None:
            actual = self.alike.made[len(self.made)]
        else:
            named = {k: mapped(x, real) for k, x in keywords.items()}
            actual = perform(function, mapped(arguments, real), named, kind, name)
        self.made.append(actual)
        made: Any = None
        if results is None and not like.writes:
            made = self._value(actual, None)
        elif type(results) is Value:
            made = self._value(actual, results)
        elif isinstance(results, tuple | list):
            made = type(results)(
                self._value(a, x if i not in apart else None) if a is not None else None
                for i, (a, x) in enumerate(zip(actual, results, strict=True))
            )
        elif type(results) is Thing:
            raise NotAlikeError
        writes = tuple(self.storages[s] for s in like.writes) if like.writes else ()
        self.program.calls.append(
            like.but(
                function=function, arguments=arguments, keywords=keywords, results=made,
                kind=kind, name=name, writes=() if results is None and made is not None else writes,
                printed=None,
            )
        )  # fmt: skip
        return made

    def _value(self, actual: Any, x: Value | None) -> Value:
        """Return what stands for an array that a call has made."""
        array = np.asarray(actual)
        root = owner(array)
        storage = self.owners.get(id(root))
        if storage is None:
            storage = self.owners[id(root)] = Storage(root, "made")
            self.held.append(root)
        value = Value(array, storage, varies=x is not None and x.varies)
        if x is not None:
            self._stands_for(storage, x.storage)
            (self.whole if self.cuts.get(x) is None else self.known)[x] = value
        return value
