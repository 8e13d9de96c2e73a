"""Lanes at work: a thread for each, and where they wait for one another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygrad_mnist._runtime import threads


class BrokenOffError(Exception):
    """Raised in a lane that waits for one that has raised an error."""


class Meeting:
    """Where lanes wait until all are there."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._lock = threading.Lock()
        self.renew()

    def renew(self) -> None:
        """Begin anew: nobody is there."""
        gates = [threading.Lock() for _ in range(self.number)]
        for gate in gates:
            gate.acquire()
        self._gates, self._here = gates, 0
        self.broken = False  # at last: who is interrupted before begins anew once more

    def meet(self, lane: int, finish: Callable[[], None]) -> None:
        """Wait for the others; the last to come does what is left to do for all."""
        with self._lock:
            self._here += 1
            last = self._here == self.number
        if not last:
            self._gates[lane].acquire()
        elif not self.broken:
            finish()
            with self._lock:
                self._here = 0
                self._open(lane)
        if self.broken:
            raise BrokenOffError

    def break_off(self) -> None:
        """Let nobody wait any longer."""
        with self._lock:
            self.broken = True
            self._open(-1)

    def _open(self, lane: int) -> None:
        for i, gate in enumerate(self._gates):
            if i != lane and gate.locked():
                gate.release()


class Sum:
    """A sum that all lanes wait for.

    Attributes
    ----------
    array
        Where it lies.
    """

    def __init__(self, meeting: Meeting, summands: Sequence[Any]) -> None:
        self.meeting = meeting
        self.array = np.array(total(summands))
        self.summands: list[Any] = [None] * meeting.number

    def of(self, lane: int) -> Callable[[Any], Any]:
        """Return the function that a lane calls with its summand."""

        def sum_of_lanes(x: Any) -> Any:
            self.summands[lane] = x
            self.meeting.meet(lane, self._finish)
            return self.array

        return sum_of_lanes

    def _finish(self) -> None:
        total(self.summands, self.array)


def total(summands: Sequence[Any], out: np.ndarray | None = None) -> Any:
    """Return the sum of what lanes have.

    Examples
    --------
    >>> total([np.ones(2), np.ones(2), np.ones(2)])
    array([3., 3.])
    """
    first, *rest = summands
    if not rest:
        return np.positive(first, out)
    result = np.add(first, rest[0], out)
    for x in rest[1:]:
        result = np.add(result, x, out)
    return result


class Gather:
    """A sum that nobody waits for: each of two lanes adds what it has as soon as it has it.

    Which of them comes first makes no difference, so what comes out doesn't depend on chance.
    """

    def __init__(self, like: np.ndarray) -> None:
        self.like = like.shape, like.dtype
        self.largest: float | None = None
        """If asked for, the largest number that was added."""
        self._lock = threading.Lock()
        self._array: Any = None

    def begin(self, out: np.ndarray | None) -> None:
        """Begin a sum, in an array that is given or in a new one."""
        self._array = np.empty(*self.like) if out is None else out
        self._is_first = True

    def end(self) -> Any:
        """Return the sum. Nothing else holds it: who counts references counts on that."""
        array, self._array = self._array, None
        return array

    def add(self, x: Any) -> None:
        """Add what a lane has."""
        with self._lock:
            if self._is_first:
                np.copyto(self._array, x)
            else:
                np.add(self._array, x, self._array)
            self._is_first = False
            if self.largest is not None:
                self.largest = max(self.largest, float(np.abs(x).max(initial=0)))


class Lanes:
    """The lanes of a program.

    Parameters
    ----------
    functions
        The lanes' functions: each takes its own arrays, and returns what it has of the results.
    slices
        For each array that is given, which part of it each lane takes; None if all of it.
    unless
        Numbers of arrays that are given, and numbers that must not be in these.
    meeting, gathers
        Where lanes wait for one another, and where they don't.
    """

    def __init__(
        self,
        functions: Sequence[Callable[..., Sequence[Any]]],
        slices: Sequence[Sequence[Any] | None],
        unless: Sequence[tuple[int, int]],
        meeting: Meeting,
        gathers: Sequence[Gather],
    ) -> None:
        self.gathers = gathers
        self.functions = functions
        self.slices = slices
        self.unless = unless
        self.meeting = meeting

    def ready(self, *given: Any) -> bool:
        """Whether there are threads for them, and numbers that they can work with."""
        return threads.are_free(len(self.functions)) and not self.refuses(*given)

    def refuses(self, *given: Any) -> bool:
        """Whether there are numbers that they can't work with."""
        return any((given[i] == number).any() for i, number in self.unless)

    def run(self, outs: Sequence[np.ndarray | None], *given: Any) -> list[Any]:
        """Run all lanes.

        Parameters
        ----------
        outs
            Where they gather sums.
        given
            What they are given.

        Returns
        -------
        What was gathered, and for each other result what the lanes have of it.
        """
        if self.meeting.broken:
            self.meeting.renew()
        for gather, out in zip(self.gathers, outs, strict=True):
            gather.begin(out)
        errors: list[BaseException] = []

        def job(lane: int) -> Sequence[Any]:
            try:
                parts = zip(given, self.slices, strict=True)
                return self.functions[lane](*(x if s is None else x[s[lane]] for x, s in parts))
            except BaseException as error:
                errors.append(error)
                self.meeting.break_off()
                raise

        jobs = [partial(job, lane) for lane in range(len(self.functions))]
        try:
            parts = threads.together(jobs, self.meeting.break_off)
        except BrokenOffError:
            raise errors[0] from None  # for which this lane was broken off
        finally:
            sums = [gather.end() for gather in self.gathers]
        return [*sums, *zip(*parts, strict=True)]
