"""``explain``: what became of a compiled function, and where its time goes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from types import MethodType
from typing import Any

from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.compiler.compiled import Compiled
from tinygrad_mnist.compiler.differentiable import Way
from tinygrad_mnist.compiler.numpy_backend import Built
from tinygrad_mnist.compiler.printing import comment
from tinygrad_mnist.compiler.step import Step
from tinygrad_mnist.compiler.trial import Trial

LINES = 12
"""How many of a program's lines are printed, those that take longest."""


@dataclass
class ProgramReport:
    """What is known of one program.

    Attributes
    ----------
    arguments
        What it was made for.
    runs, recorded
        How often it was run, and how often a call was recorded for it.
    seconds
        What recording and building took.
    calls
        How many lines a step has.
    buffers, bytes
        Its buffers, and their size.
    lines
        Microseconds, line of the program, and the operation that it belongs to; the longest first.
        Empty unless it was timed.
    backward
        The programs of the gradients of what it returns: one for each way in which they arrive.
    lanes
        Among how many threads the batch is cut; 0 if it isn't.
    where
        What runs it, if that isn't NumPy, and on which devices.
    """

    arguments: str
    runs: int
    recorded: int
    seconds: float
    calls: int
    buffers: int
    bytes: int
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    backward: list[ProgramReport] = field(default_factory=list)
    lanes: int = 0
    where: str = ""

    def __str__(self) -> str:
        text = [
            f"program for {self.arguments}: {counted(self.runs, 'run')}; recorded "
            f"{counted(self.recorded, 'time')}, in {self.seconds * 1e3:.0f} ms",
            f"  {counted(self.calls, 'call')} a step; {counted(self.buffers, 'buffer')} with "
            f"{self.bytes:,} bytes",
        ]
        if self.where:
            text.append(f"  {self.where}")
        if self.lanes:
            text.append(f"  on {self.lanes} threads each computes its part of the batch")
        for program in self.backward:
            text += [f"  {line}" for line in f"its backward {program}".splitlines()]
        if self.lines:
            total = sum(t for t, _, _ in self.lines)
            text.append(f"  {total:,.0f} µs, of which")
        for time, line, operation in self.lines[:LINES]:
            text.append(f"  {time:8,.1f} µs  {line}" + (f"    # {operation}" if operation else ""))
        if len(self.lines) > LINES:
            rest = sum(t for t, _, _ in self.lines[LINES:])
            more = counted(len(self.lines) - LINES, "more line")
            text.append(f"  {rest:8,.1f} µs  in {more}")
        return "\n".join(text)


@dataclass
class Report:
    """What became of a compiled function. Printed, it is a text.

    Parameters
    ----------
    name
        The function's name.
    programs
        Its programs, each with ``arguments``, ``runs``, ``recorded``, ``seconds``, ``calls``,
        ``buffers``, ``bytes``, ``lines``, ``backward``, ``lanes`` and ``where``.
    again
        Why programs were recorded anew, and how often.
    uncompiled
        Why calls run as they are, with the line, and how many did.
    choice
        Of a function for which the backend was left open, which one runs it and why.

    Examples
    --------
    >>> from tinygrad_mnist.compiler import Report
    >>> Report("step", [], {}, {"it prints, at train.py:9": 3})
    step: 0 programs
    runs as it is (3 calls): it prints, at train.py:9
    """

    name: str
    programs: list[ProgramReport]
    again: dict[str, int]
    uncompiled: dict[str, int]
    choice: str = ""

    def __str__(self) -> str:
        text = [f"{self.name}: {counted(len(self.programs), 'program')}"]
        if not self.programs and not self.uncompiled:
            text[0] += " yet: one is made at the third call with arguments of the same shapes"
        text += [self.choice] * bool(self.choice)
        text += [str(program) for program in self.programs]
        for why, often in self.again.items():
            text.append(f"recorded anew {counted(often, 'time')}, because this changed: {why}")
        for why, often in self.uncompiled.items():
            text.append(f"runs as it is ({counted(often, 'call')}): {why}")
        return "\n".join(text)

    __repr__ = __str__


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number:,} {what}{'s' * (number != 1)}"


@named
def explain(step: Any, *args: Any, **kwargs: Any) -> Report:
    """Say what became of a compiled function, and where its time goes.

    Parameters
    ----------
    step
        What ``compile`` has returned.
    args, kwargs
        Arguments for one more call. If there is a program for them, each of its lines is timed. The
        call counts: a training step trains. None: no call is made.

    Returns
    -------
    A :class:`Report`: programs with their calls a step, buffers and bytes, and the programs of
    their gradients; why some were recorded anew; what runs as it is, and since which line.

    Raises
    ------
    TypeError
        For anything but a compiled function or module.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> @torch.compile
    ... def double(x):
    ...     return x + x
    >>> for _ in range(5):
    ...     y = double(torch.ones(2))
    >>> report = torch.compiler.explain(double)
    >>> report.programs[0].calls, report.programs[0].runs, report.uncompiled
    (1, 2, {})
    """
    # A function; a module, replaced or compiled in place; a method.
    held = (step, *(getattr(step, name, None) for name in ("_compiled", "_compiled_call",
                                                          "__func__")))  # fmt: skip
    compiled = next((x for x in held if isinstance(x, Compiled)), None)
    if compiled is None:
        raise TypeError(f"expects what compile() has returned, not {type(step).__name__}")
    timed: dict[Step, list[tuple[float, str, str]]] = {}
    if args or kwargs:
        owner = (step.__self__,) if isinstance(step, MethodType) else ()
        _time(compiled, (*owner, *args), kwargs, timed)
    steps = [s.now if isinstance(s, Trial) else s for s in compiled.steps.values()]
    built = [s for s in steps if s.built is not None]
    return Report(
        compiled.name(),
        [_of_program(s, timed.get(s, [])) for s in built],
        dict(Counter(compiled.again)),
        {str(x): x.calls for x in compiled.uncompiled.values()} | _backward_as_it_is(built),
        compiled.choice.said,
    )


def _of_program(step: Step, lines: list[tuple[float, str, str]]) -> ProgramReport:
    ways = [] if step.graph is None else step.graph.ways.values()
    backward = [_report(way, way.described(), []) for way in ways if way.built is not None]
    return _report(step, step.described, lines, backward)


def _report(
    way: Step | Way,
    arguments: str,
    lines: list[tuple[float, str, str]],
    backward: Sequence[ProgramReport] = (),
) -> ProgramReport:
    built = way.built
    assert built is not None
    calls, buffers, size, lanes = built.measures()
    return ProgramReport(
        arguments, way.runs, way.recorded, way.seconds, calls, buffers, size, lines,
        list(backward), lanes, built.where_it_runs(),
    )  # fmt: skip


def _backward_as_it_is(steps: Sequence[Step]) -> dict[str, int]:
    """Return why gradients go back without a program, and how often they did."""
    calls: dict[str, int] = Counter()
    for step in steps:
        for way in () if step.graph is None else step.graph.ways.values():
            if way.stopped:
                calls[f"the backward for {step.described}: {way.stopped}"] += way.walked
    return dict(calls)


def _time(compiled: Compiled[Any, Any], args: Any, kwargs: Any, timed: dict[Step, Any]) -> None:
    """Make one call, and time each line of its program, if there is one."""
    given = compiled.given(kwargs)
    steps = (s.now if isinstance(s, Trial) else s for s in compiled.steps.values())
    step = next((s for s in steps if s.enter(args, given) is not None), None)
    if step is None or step.built is None or step.backend.name != "numpy":
        compiled(*args, **kwargs)
        return
    built = step.built
    times: list[float] = []
    space = built.run.__globals__ | {"_now": lambda: times.append(perf_counter())}
    head, *lines = built.text.split("\n    ")
    text = "\n    ".join([head, "_now()", *(part for x in lines[:-1] for part in (x, "_now()")),
                          lines[-1]])  # fmt: skip
    exec(text, space)
    usual: Callable[..., Any] = built.run
    built.run = space["step"]
    try:
        compiled(*args, **kwargs)
    finally:
        built.run = usual
    spent = [(b - a) * 1e6 for a, b in itertools.pairwise(times)]
    calls = [call for _, call in built.written.lines]
    shown = [(_shown(line, built), comment(line, call))
             for line, call in zip(lines, calls, strict=False)]  # fmt: skip
    timed[step] = sorted(((t, *x) for t, x in zip(spent, shown, strict=True)), reverse=True)


def _shown(line: str, built: Built) -> str:
    """Return a line without what concerns memory and threads."""
    line = line.partition("; del ")[0]
    if (calls := built.written.merged.get(line)) is None:
        return line
    names = ", ".join(call.function.__name__ for call in calls)
    return f"{names}: shared out to threads"
