"""The calls of a program by who makes them: Python or XLA."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tinygrad_mnist.compiler.trace import Call, Program, Value, leaves
from tinygrad_mnist.compiler.xla.checks import SAFE, Check, checks_of
from tinygrad_mnist.compiler.xla.kernels import KERNELS, WRITERS
from tinygrad_mnist.compiler.xla.updates import Formula, Update, is_update

COPIES = frozenset({"astype", "copy", "asarray", "array", "ascontiguousarray"})
"""Functions that Python may as well call itself, to look at what comes out."""


class Steps:
    """The calls of a program by who makes them.

    Attributes
    ----------
    before
        What Python does before XLA runs, in order: it draws random numbers, moves schedules on, and
        counts the steps of formulas.
    looks
        What Python looks at before that: nothing has changed if a number isn't allowed.
    checks, checks_at
        Looks at what XLA has computed, when it has run; and by the calls at which that is.
    calls
        What XLA runs.
    formulas
        Those of the optimizers.
    """

    def __init__(self, program: Program) -> None:
        self.before: list[Call | Formula] = []
        self.calls: list[Call] = []
        self.looks: list[Call | Check] = []
        self.checks: list[Call | Check] = []
        self.checks_at: dict[Call, list[Call | Check]] = {}
        self.formulas: list[Formula] = []
        self._makers = {x: call for call in program.calls for x in call.made()}
        self._written = {s for call in program.calls for s in call.writes}
        self._inputs = set(program.inputs)
        known: set[Any] = set()
        self._group(program)
        for call in program.calls:
            for check in checks_of(call):
                key = id(check.value), check.look.func, check.look.args
                if key not in known:
                    known.add(key)
                    self._sort_check(check)
            function = getattr(call.function, "__func__", call.function)
            if is_update(call):
                self.calls.append(call)
                formula = self._formula_of[call]
                if formula not in self.before:
                    self.before.append(formula)
                continue
            if not call.effect or function in KERNELS or function in WRITERS:
                self.calls.append(call)
                continue
            needed = [x for x in call.values() if x is not call.keywords.get("out")]
            if call.results is None and not call.writes and needed:
                if all(map(self._is_given, needed)):
                    self.looks.append(call)
                else:
                    self._check_at(call, call)
                    self.calls.append(call)
            else:
                self._need(needed)
                self.before.append(call)
        self.drawn = [
            [out] if (out := call.keywords.get("out")) is not None else leaves(call.results)
            for call in self.before
            if isinstance(call, Call)
        ]

    def _group(self, program: Program) -> None:
        """Find which updates have one formula; it is counted where the first of them is."""
        found: dict[Any, list[Call]] = {}
        times: Counter[int] = Counter()
        for call in filter(is_update, program.calls):
            update = Update(call)
            times[id(update.parameter)] += 1  # a second step within the step is another formula
            key = (*update.alike(), times[id(update.parameter)])
            found.setdefault(key, []).append(call)
        self._formula_of = {}
        for calls in found.values():
            formula = Formula([Update(c) for c in calls])
            self.formulas.append(formula)
            self._formula_of.update(dict.fromkeys(calls, formula))

    def formula_of(self, call: Call) -> Formula:
        """Return the formula of an update."""
        return self._formula_of[call]

    def _sort_check(self, check: Check) -> None:
        x = check.value
        if x.storage.origin == "constant":
            check.look(x.array)
        elif self._is_given(x):
            self.looks.append(check)
        elif (maker := self._makers.get(x)) is None or _name(maker) not in SAFE:
            self._check_at(check.call, check)

    def _check_at(self, call: Call, check: Call | Check) -> None:
        self.checks.append(check)
        self.checks_at.setdefault(call, []).append(check)

    def maker(self, x: Value) -> Call | None:
        """Return the call that makes a view or a copy of an input."""
        return self._makers.get(x)

    def _is_given(self, x: Value) -> bool:
        """Whether an array is an input, or a view or a copy of one, to which nothing is written."""
        if x.storage in self._written:
            return False
        if x in self._inputs:
            return True
        call = self._makers.get(x)
        if call is None or call.writes or call.effect:
            return False
        known = x.storage.origin == "input" or _name(call) in COPIES
        return known and all(map(self._is_given, call.values()))

    def _need(self, needed: list[Value]) -> None:
        """Let Python compute as well what a call of its own needs."""
        for x in needed:
            call = self._makers.get(x)
            if call is None or call in self.before:
                continue
            if call.writes or is_update(call):
                raise NotImplementedError(
                    f"{call.operation or call.name} computes what Python needs within the step"
                )
            self._need(call.values())
            self.before.append(call)


def _name(call: Call) -> str:
    return call.name or str(getattr(call.function, "__name__", ""))
