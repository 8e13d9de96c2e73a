"""How contestants are timed: side by side, in turns, with every ratio taken within a round.

Times on a shared machine drift, so only ratios count. The contestants take turns in short rounds,
forwards and backwards; each takes part with one and with two threads, and its better number is
the one compared; XLA has threads of its own, whose number can't be set. Before anything is timed
they must agree on what they compute.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar
from unittest import mock

import numpy as np

import tinygrad_mnist as tg

try:
    import torch
except ImportError:
    torch = None

OURS = ("ours", "compiled", "xla")
"""Who is compared with all others: our step as it is, compiled, and compiled for XLA."""

BY_XLA = ("xla", "JAX")
"""Whose threads aren't ours to set."""

Step = Callable[[], Any]
K = TypeVar("K")


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, seconds of each turn, seconds of rest before it."""

    rounds: int = 21
    seconds: float = 0.06
    rest: float = 0.15


QUICK = Effort(1, 0.0, 0.0)
"""A single step of each, to see that it starts."""


@dataclass(frozen=True)
class Conditions:
    """What the steps are to be like."""

    check: bool = False
    """Comparable: without randomness, and with the loss or the result as what they return."""
    batches: int = 1
    """How many batches take turns; W6, W7 and the classical models have their own data."""
    compilers: bool = False
    """Whether ``torch.compile`` takes part."""
    xla: bool = False
    """Whether our step by XLA takes part, and one written in JAX."""
    device: str | None = None
    """Where XLA's steps run, and PyTorch's if that is ``"gpu"``; None: where JAX prefers."""


@dataclass(frozen=True)
class Benchmark:
    """Contestants for one piece of work; goals are ratios of our time to the others'.

    ``make`` returns each contestant's step, as the conditions ask for.
    """

    name: str
    what: str
    make: Callable[[Conditions], Mapping[str, Step]]
    goals: Mapping[str, float] = field(default_factory=dict)
    compiled: Mapping[str, float] = field(default_factory=dict)
    """The goals of our compiled step."""
    xla: Mapping[str, float] = field(default_factory=dict)
    """The goals of our step by XLA."""
    checks: int = 10
    """How many steps the contestants take side by side before they are timed."""
    tolerance: float = 1e-3
    rounds: int | None = None
    """Fewer rounds than others, for what takes long."""
    threads: tuple[int, ...] = (1, 2)
    has_floor: bool = False
    """Whether to time our matrix products alone too: the least that a step can take."""

    def limited(self, effort: Effort) -> Effort:
        """Return an effort with no more rounds than this takes."""
        return replace(effort, rounds=min(self.rounds or effort.rounds, effort.rounds))

    def check(self, conditions: Conditions = Conditions()) -> None:
        """Let the contestants work side by side, and refuse to time them if they disagree."""
        results = {
            who: [step() for _ in range(self.checks)]
            for who, step in self.make(replace(conditions, check=True)).items()
        }
        for who, values in results.items():
            close = 1e-5 if who == "compiled" else self.tolerance  # it does what ours does
            for theirs, ours in zip(values, results["ours"], strict=True):
                if not np.allclose(theirs, ours, rtol=close, atol=1e-6):
                    sys.exit(f"{self.name}: {who} and ours disagree: {theirs} and {ours}")


def set_threads(number: int) -> None:
    """Set the threads of every contestant's matrix products."""
    tg.set_num_threads(number)
    if torch is not None:
        torch.set_num_threads(number)


def time_steps(step: Step, count: int) -> float:
    """Return the microseconds of a step, out of so many."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count * 1e6


def count_steps(step: Step, seconds: float) -> int:
    """Return how many steps make a turn of so many seconds."""
    first = time_steps(step, 1)
    again = time_steps(step, 3) if first < 5e5 else first
    # Training goes on and on: a step is timed among others, unless it takes very long.
    least = 3 if again < 5e5 else 1
    return max(least, int(seconds / max(again / 1e6, 1e-7)))


def turn(step: Step, count: int) -> float:
    """Return the microseconds of a step, out of so many, after a few that aren't timed."""
    if count > 1:
        time_steps(step, max(1, count // 5))
    return time_steps(step, count)


def alternate(turns: Mapping[K, Callable[[], float]], effort: Effort) -> dict[K, list[float]]:
    """Let contestants take turns, forwards and backwards; return what each gave in each round."""
    given: dict[K, list[float]] = {key: [] for key in turns}
    order = list(turns)
    for _ in range(effort.rounds):
        for key in order:
            # The threads of the one before spin for a while when there is nothing left to do;
            # timed at once, the next would have to share the cores with them.
            time.sleep(effort.rest)
            given[key].append(turns[key]())
        order.reverse()
    return given


def measure(
    steps: Mapping[str, Step], effort: Effort, threads: tuple[int, ...] = (1, 2)
) -> dict[str, list[float]]:
    """Return the microseconds of a step of each contestant in each round."""
    # What the imports made is not looked through again by the garbage collector: with PyTorch
    # imported, one such look takes as long as a hundred steps, and falls on anyone.
    gc.collect()
    gc.freeze()

    def turn_of(step: Step, count: int, number: int) -> float:
        if number:
            set_threads(number)
        return turn(step, count)

    turns = {}
    for who, step in steps.items():
        count = 1 if effort is QUICK else count_steps(step, effort.seconds)
        numbers = (0,) if who in BY_XLA else threads[:1] if effort is QUICK else threads
        turns |= {(who, number): partial(turn_of, step, count, number) for number in numbers}
    return best(alternate(turns, effort))


def best(times: Mapping[tuple[str, int], list[float]]) -> dict[str, list[float]]:
    """Keep of each contestant the times with the better number of threads, which is added."""
    kept = {}
    for who in dict.fromkeys(who for who, _ in times):
        numbers = [number for name, number in times if name == who]
        number = min(numbers, key=lambda number: statistics.median(times[who, number]))
        kept[f"{who} ({number})" if number else who] = times[who, number]
    return kept


def plain(who: str) -> str:
    """Return a contestant's name without its number of threads."""
    return who.partition(" (")[0]


def verdict(value: float, goal: float | None) -> str:
    """Say what was to be reached, and whether it was."""
    return "" if goal is None else f"  goal {goal:g}{'' if value <= goal else '  MISSED'}"


def compare(benchmark: Benchmark, times: Mapping[str, list[float]], ambitious: bool) -> Any:
    """Print a benchmark's ratios, with the goals if asked for, and return its numbers."""
    medians = {who: statistics.median(values) for who, values in times.items()}
    print(f"{benchmark.name}  {benchmark.what}")
    print("    " + ", ".join(f"{who} {shown(median)}" for who, median in medians.items()))
    named = {plain(who): values for who, values in times.items()}
    goals = dict(zip(OURS, (benchmark.goals, benchmark.compiled, benchmark.xla), strict=True))
    ratios: dict[str, dict[str, Any]] = {}
    for one in filter(named.__contains__, OURS):
        ratios[one] = {}
        for other, values in named.items():
            if other in OURS[OURS.index(one) :]:
                continue
            each = [a / b for a, b in zip(named[one], values, strict=True)]
            low, middle, high = (float(q) for q in np.quantile(each, [0.25, 0.5, 0.75]))
            ratios[one][other] = {"median": middle, "quartiles": [low, high]}
            said = verdict(middle, goals[one].get(other) if ambitious else None)
            pair = f"{one} / {other}"
            print(f"    {pair:<24} {middle:.2f}  ({low:.2f} to {high:.2f}){said}", flush=True)
    return {"microseconds": medians, "ratios": ratios, "goals": goals}


def shown(microseconds: float) -> str:
    """Write a time in the unit that suits it."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:,.2f} {unit}"
    return f"{microseconds:,.1f} µs"


def products(step: Step) -> Step:
    """Return a step that computes again the matrix products of another one, and nothing else."""
    calls: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    multiply = np.matmul

    def record(a: Any, b: Any, out: Any = None) -> Any:
        result = multiply(a, b, out=out)
        calls.append((a, b, np.asarray(result)))
        return result

    tg.set_num_threads(1)
    with mock.patch.object(np, "matmul", record):
        step()

    def again() -> None:
        for a, b, out in calls:
            multiply(a, b, out=out)

    return again


def run(benchmark: Benchmark, effort: Effort, conditions: Conditions) -> dict[str, Any]:
    """Check, time and compare the contestants of one benchmark."""
    benchmark.check(conditions)
    steps = dict(benchmark.make(conditions))
    if benchmark.has_floor:
        steps["products"] = products(steps["ours"])
    times = measure(steps, benchmark.limited(effort), benchmark.threads)
    return compare(benchmark, times, ambitious=effort is not QUICK)  # a few steps measure nothing
