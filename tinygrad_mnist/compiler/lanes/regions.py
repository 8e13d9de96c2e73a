"""Regions: the calls of a program that lanes make, and what stands before and after them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import prod

import numpy as np

from tinygrad_mnist.compiler.lanes.spreading import OWN, SUMMAND, Cut, Kind, Spread, spread, sums_up
from tinygrad_mnist.compiler.rewriting import is_view
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value

WORTHWHILE = 2**20
"""How much work a call of a region has on average, at the least: threads must not wait for one
another longer than they work. A multiplication of a product counts one, an element eight."""

SPARE = 4
"""How often the work that lanes make for themselves must go into that which they share: joining
their rows, and what each of them does as a whole."""

BEFORE, WITHIN, AFTER = range(3)

_FILLING = (np.zeros, np.ones, np.empty, np.full)


@dataclass
class Region:
    """Calls of a program that lanes can make.

    Attributes
    ----------
    batch
        How many rows there are.
    calls
        The calls, in order.
    spreads
        How a part of the rows is computed, for those calls that are cut; the others are made by
        every lane.
    kinds
        What lanes have of each array.
    wanted
        What is needed after it.
    inputs
        What the program is given anew for each step.
    """

    batch: int
    calls: list[Call] = field(default_factory=list)
    spreads: dict[Call, Spread] = field(default_factory=dict)
    kinds: dict[Value, Kind] = field(default_factory=dict)
    wanted: list[Value] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)


def find_region(program: Program) -> tuple[Program, Region] | None:
    """Find the calls for lanes; return the program with these together, and the region.

    The batch is the first dimension of that input with which most of the work can be cut.
    """
    best: _Search | None = None
    for x in program.inputs:
        if x.array.ndim and len(x.array) > 1 and not x.varies:
            search = _Search(program, x)
            if search.run() and (best is None or search.work > best.work):
                best = search
    if best is None or best.work < WORTHWHILE * max(best.count, 1):
        return None
    return best.result()


class _Search:
    """The search for a region, if an input is cut into rows."""

    def __init__(self, program: Program, x: Value) -> None:
        self.program = program
        self.batch = len(x.array)
        self.makers = {c.results: c for c in program.calls if type(c.results) is Value}
        self.kinds: dict[Value, Kind] = {x: Cut(0, 1)}
        self.summands: set[Storage] = set()
        self.wishes: dict[Value, Cut] = {}
        """Arrays that calls had better make for some rows only."""
        self.spreads: dict[Call, Spread] = {}
        self.phases: list[int] = []
        self.work = self.count = 0

    def run(self) -> bool:
        """Find out of each call whether it's cut; return whether any is, and all are in order."""
        start = dict(self.kinds)
        while True:
            wishes = len(self.wishes)
            self.kinds, self.spreads, self.summands = dict(start), {}, set()
            self.sums: set[Value] = set()
            """Views of what the lanes have added up."""
            for call in self.program.calls:
                self._look_at(call)
            if len(self.wishes) == wishes:
                break
        if not self.spreads:
            return False
        self._give_phases()
        return self._in_order() and self._measure()

    def kind(self, x: Value) -> Kind:
        """Return what lanes have of an array."""
        if x.storage in self.summands and x not in self.sums:
            return SUMMAND
        return self.kinds.get(x)

    def _look_at(self, call: Call) -> None:
        """Cut a call, if it takes what is cut and can be."""
        if type(call.results) is Value and call.results in self.wishes:
            cut = self.wishes[call.results]
            self.kinds[call.results] = cut
            self.spreads[call] = Spread(
                {}, {call.results: cut}, shape=(call.results.array.shape, cut)
            )
            return
        given = [self.kind(x) for x in call.values()]
        inside = not call.effect and all(s.origin == "made" for s in call.writes)
        found = None
        if inside and any(type(k) is Cut or k == OWN for k in given):
            found = spread(call, self.kind, self.batch)
            if found is not None and not self._agrees(call, found):
                found = None
        elif inside and SUMMAND in given and self.summands.issuperset(call.writes):
            found = sums_up(call, self.kind)
        if found is not None:
            self.spreads[call] = found
            self.kinds.update(found.results)
            self.summands.update(x.storage for x, k in found.results.items() if k == SUMMAND)
        elif SUMMAND in given:
            self.sums.update(call.made())

    def _agrees(self, call: Call, found: Spread) -> bool:
        """Whether arrays can be cut as a call needs them; note what had better be made so."""
        for x, cut in found.needs.items():
            kind = self.kind(x)
            if kind == cut:
                continue
            if kind is not None:
                return False
            maker = self.makers.get(x)
            if maker is not None and maker.function in _FILLING and maker.results is x:
                self.wishes[x] = cut
            elif x.storage in call.writes:
                return False
        for x, kind in found.results.items():
            if kind == SUMMAND and x.storage in call.writes:
                maker = self.makers.get(x)
                if maker is None or maker.function is not np.zeros or maker.results is not x:
                    return False
                self.wishes.pop(x, None)
        apart = {x.storage for x in found.needs}
        apart |= {x.storage for x, kind in found.results.items() if kind == SUMMAND}
        return apart.issuperset(call.writes)

    # Phases

    def _give_phases(self) -> None:
        """Say of each call whether it's made before, within, or after the region."""
        calls = self.program.calls
        last = max(i for i, call in enumerate(calls) if call in self.spreads)
        tainted: set[Storage] = set()
        taints = []
        for call in calls:
            touched = {x.storage for x in call.values()} | set(call.writes)
            hot = call in self.spreads or not touched.isdisjoint(tainted)
            if hot:
                tainted.update(x.storage for x in call.made())
                tainted.update(call.writes)
            taints.append(hot)
        needed: set[Storage] = set()
        phases = [AFTER] * len(calls)
        for i in range(len(calls) - 1, -1, -1):
            call = calls[i]
            made = {x.storage for x in call.made()} | set(call.writes)
            pure = not call.effect and all(s.origin == "made" for s in call.writes)
            if call in self.spreads:
                phases[i] = WITHIN
            elif not taints[i] and pure and not call.values() and made & needed:
                phases[i] = WITHIN  # zeros that lanes write to
            elif not taints[i]:
                if made & needed or (call.effect and i < last and _touches_nothing(call)):
                    phases[i] = BEFORE
                else:
                    continue
            elif pure and made & needed:
                phases[i] = WITHIN
            else:
                continue
            needed.update(x.storage for x in call.values())
        self.phases = phases

    def _in_order(self) -> bool:
        """Whether no call reads or writes too early or too late in the new order."""
        wrote: dict[Storage, int] = {}
        touched: dict[Storage, int] = {}
        made: dict[Value, int] = {}
        effect = BEFORE
        for call, phase in zip(self.program.calls, self.phases, strict=True):
            if call.effect:
                if phase < effect:
                    return False
                effect = phase
            for x in call.values():
                if max(wrote.get(x.storage, BEFORE), made.get(x, BEFORE)) > phase:
                    return False
                touched[x.storage] = max(touched.get(x.storage, BEFORE), phase)
            made.update(dict.fromkeys(call.made(), phase))
            written = {*call.writes, *(x.storage for x in call.made() if not is_view(call))}
            for storage in written:
                if touched.get(storage, BEFORE) > phase:
                    return False
                wrote[storage] = touched[storage] = phase
        return True

    def _measure(self) -> bool:
        """Add up the work; return whether what comes out can be put together again."""
        calls = list(zip(self.program.calls, self.phases, strict=True))
        made = dict.fromkeys(x for call, phase in calls if phase == WITHIN for x in call.made())
        used = {x for call, phase in calls if phase == AFTER for x in call.values()}
        returned = set(self.program.wanted())
        self.wanted = [x for x in made if x in used or x in returned]
        written_after = {s for call, phase in calls if phase == AFTER for s in call.writes}
        within = {s for call, phase in calls if phase == WITHIN for s in call.writes}
        if not within <= {x.storage for x in made}:
            return False
        for x in self.wanted:
            if self.kind(x) == OWN or x.varies:
                return False
            others = [y for y in self.wanted if y.storage is x.storage]
            if len(others) > 1 and (x.storage in written_after or x in returned):
                return False
        spare = 0
        for call, phase in calls:
            if phase != WITHIN:
                continue
            if call not in self.spreads:
                spare += work(call)
                if any(self.kind(x) == OWN or type(self.kind(x)) is Cut for x in call.values()):
                    return False
                if any(s in self.summands for s in call.writes):
                    return False
            else:
                self.work += work(call)
                self.count += not is_view(call)
        spare += sum(8 * x.array.size for x in self.wanted if type(self.kind(x)) is Cut)
        return SPARE * spare < self.work

    def result(self) -> tuple[Program, Region]:
        """Return the program in its new order, and the region."""
        calls = self.program.calls
        order = sorted(range(len(calls)), key=self.phases.__getitem__)
        # A call counts as reached when all that came before it at the recording has been made.
        at = list(accumulate((calls[i].at for i in reversed(order)), min))[::-1]
        changed: dict[Call, Call] = {}
        for i, number in zip(order, at, strict=True):
            laned = self.phases[i] == WITHIN
            changed[calls[i]] = calls[i].but(at=number, laned=laned)
        region = Region(self.batch, kinds={x: self.kind(x) for x in self._values()})
        region.calls = [changed[calls[i]] for i in order if self.phases[i] == WITHIN]
        region.spreads = {changed[call]: s for call, s in self.spreads.items()}
        region.wanted, region.inputs = self.wanted, self.program.inputs
        return replace(self.program, calls=[changed[calls[i]] for i in order]), region

    def _values(self) -> set[Value]:
        return {x for call in self.program.calls for x in (*call.values(), *call.made())}


def _touches_nothing(call: Call) -> bool:
    """Whether a call's effect is on no array: it draws numbers, or checks some."""
    return not call.writes and call.kind == "kernel"


def work(call: Call) -> int:
    """Return how much work a call is: multiplications of products, or eight for each element."""
    if is_view(call):
        return 0
    arrays = [x.array for x in (*call.values(), *call.made())]
    size = max((a.size for a in arrays), default=0)
    if call.function is np.matmul:
        a, b = (x.array for x in call.arguments)
        return int(a.size * (b.shape[-1] if b.ndim > 1 else 1))
    if call.kind == "kernel":
        weights = min((a.size for a in arrays if a.ndim > 1), default=1)
        return int(max(size * min(weights, prod(arrays[-1].shape[1:2])), 8 * size))
    return int(8 * size)
