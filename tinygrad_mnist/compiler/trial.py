"""Trials: which of two backends is faster is found out by using both.

Every call is made once, as ever. XLA's program and NumPy's take turns in making them, and are timed
as they do. XLA's is made once and kept. NumPy's is bound to arrays that XLA would have to leave
where they are, so it is made anew for each of its turns, and dropped before XLA goes on.

A function has one trial, for the first arguments that there is a program for. Its programs for
others share parameters, which had better stay with one backend.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

from tinygrad_mnist.compiler.arguments import Arguments
from tinygrad_mnist.compiler.backends import FOR_XLA, NUMPY, Backend
from tinygrad_mnist.compiler.guards import Entry
from tinygrad_mnist.compiler.step import Step
from tinygrad_mnist.compiler.trace import Call

CALLS = 12
"""How many calls make a turn. The first, in which numbers move, isn't counted."""

ROUNDS = 2
"""How many turns each has, unless it is clear before."""

CLEAR = 1.3
"""The ratio of their times at which it is."""

PATIENCE = 100
"""How many calls a trial waits for one that is its own."""


class Choice:
    """Which backend runs a function's programs.

    Parameters
    ----------
    backend
        What ``compile`` was told; ``"auto"`` leaves it open.
    off
        The passes that are left out.

    Attributes
    ----------
    said
        What a trial has found, or why there was none.
    """

    def __init__(self, backend: Backend, off: frozenset[str]) -> None:
        self.is_open = backend.name == "auto"
        self.said = ""
        self._off = off
        self.backend = replace(backend, name="xla", tried=True) if self.is_open else backend

    def step(self, key: Any) -> Step:
        """Return a new step, which has no program yet."""
        more = FOR_XLA if self.backend.tried else frozenset()
        return Step(key, self._off | more, self.backend)

    def make(self, backend: Backend, said: str) -> None:
        """Choose."""
        self.is_open, self.backend, self.said = False, backend, said


class Trial(Step):
    """A step with two programs, until it is known which is faster.

    Parameters
    ----------
    xla
        The step with XLA's, whose turn is the first.
    choice
        What is told of the result.

    Attributes
    ----------
    now
        The step whose turn it is; in the end, the faster.
    """

    def __init__(self, xla: Step, choice: Choice) -> None:
        super().__init__(xla.key)
        self.choice = choice
        self._xla: Step | None = xla
        self._times: dict[str, list[float]] = {"xla": [], "numpy": []}
        self._missed = 0
        choice.said = "XLA and NumPy take turns, until it is known which is faster"
        self._turn_to(xla)

    def _turn_to(self, step: Step) -> None:
        """Let another be what is called."""
        self.now = step
        self._spent: list[float] = []
        self._backward = 0.0
        self.backend, self.built = step.backend, step.built
        if step.built is not None:
            self.graph, self.guards, self.returned = step.graph, step.guards, step.returned
            self.parts, self.described = step.parts, step.described
        self.enter = step.enter

    def run(self, entry: Entry) -> Any:
        """Run the program whose turn it is."""
        if not self.choice.is_open:
            return self.now.run(entry)
        before, self._backward = self._backward, self._of_ways()
        if self._spent:  # gradients of the call before have gone back since
            self._spent[-1] += self._backward - before
        start = perf_counter()
        result = self.now.run(entry)
        assert self.built is not None
        self.built.wait()
        self._spent.append(perf_counter() - start)
        self._missed = 0
        if len(self._spent) > CALLS:
            self._end_turn()
        return result

    def _of_ways(self) -> float:
        """Return how long gradients have gone back by programs so far."""
        graph = self.now.graph
        return 0.0 if graph is None else sum(way.spent for way in graph.ways.values())

    def _end_turn(self) -> None:
        name = self.now.backend.name
        self._times[name].append(median(self._spent[1:-1]))
        if name == "xla":
            assert self._xla is not None and self._xla.built is not None
            graph = self._xla.graph
            refused = [] if graph is None else [x.refused for x in graph.ways.values() if x.refused]
            self._xla.built.leave()
            self._turn_to(self._numpy())
            if refused:
                self._end(NUMPY, f"NumPy runs it: {refused[0]}")
            return
        xla, numpy = (min(self._times[name]) for name in ("xla", "numpy"))
        if max(xla, numpy) < CLEAR * min(xla, numpy) and len(self._times["numpy"]) < ROUNDS:
            self._go_on()
            return
        said = f"a call takes XLA {_shown(xla)}, and NumPy {_shown(numpy)}"
        if numpy <= xla:
            self._end(NUMPY, f"NumPy runs it: {said}")
        else:
            self._go_on()
            self._end(self.backend, f"XLA runs it: {said}")

    def _numpy(self) -> Step:
        """Return a step for NumPy's program, which is recorded at the next calls."""
        step = Step(self.key, self.choice._off, NUMPY)
        step.calls = 1  # what is made at the first call only has been made
        return step

    def _go_on(self) -> None:
        """Let XLA's program go on; NumPy's is dropped, and with it what it has bound."""
        assert self._xla is not None and self._xla.built is not None
        self._turn_to(self._xla)
        gc.collect()
        self._xla.built.resume()

    def _end(self, backend: Backend, said: str) -> None:
        self.choice.make(backend, said)
        if backend.name == "numpy":
            self._xla = None

    # On the way to NumPy's program

    def is_about(self, args: Any, kwargs: Any) -> bool:
        """Whether XLA's program is for these arguments."""
        return self._xla is not None and self._xla.enter(args, kwargs) is not None

    def awaits(self, args: Any, kwargs: Any) -> bool:
        """Whether a call is one of those that NumPy's program is to be recorded from.

        Others are run as they are in the meantime; but not for ever.
        """
        holds = self.is_about(args, kwargs)
        if holds and self.built is None:
            return True
        self._missed += 1
        if holds or self._missed > PATIENCE:  # NumPy's doesn't hold where XLA's does; or no call
            if self.now is not self._xla:
                self._go_on()
            self._end(self.backend, "XLA runs it: its turns with NumPy didn't come to an end")
        return False

    def advance(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arguments: Arguments,
        exchanged: frozenset[Any],
        at_once: bool = False,
    ) -> Any:
        """Record NumPy's program."""
        result = self.now.advance(function, args, kwargs, arguments, exchanged)
        self.held = self.now.held
        if self.now.built is not None:
            self._turn_to(self.now)
        elif self.now.stopped and self._xla is not None:
            why = self.now.stopped
            self._go_on()
            self._end(self.backend, f"XLA runs it: NumPy's program can't be made: {why}")
        else:
            self.stopped, self.line, self.looks = self.now.stopped, self.now.line, self.now.looks
            self.kept, self.stopped_at = self.now.kept, self.now.stopped_at
        return result

    def failed(self, error: BaseException) -> tuple[bool, Call | None]:
        """Say so of the program whose turn it is."""
        return self.now.failed(error)


def _shown(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs" if seconds < 1e-2 else f"{seconds * 1e3:,.0f} ms"
