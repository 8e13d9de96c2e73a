"""Training steps as a user has them: each contestant in a process of its own, as installed.

Such a process knows one framework, trains on batches that take turns, and sets no number of
threads. Beside it are one in which a large convolution has run before, which may leave the threads
of matrix products otherwise, and those with one and with two threads. All wait until it is their
turn. Ratios are to PyTorch with the better number of threads, on batches that take turns as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.contestant import Role
from benchmarks.measure import OURS, Benchmark, Effort, alternate, best, shown, torch


class Contestant:
    """A process that plays a role; called, it takes a turn, and returns a step's microseconds."""

    def __init__(self, role: Role) -> None:
        command = [sys.executable, "-m", "benchmarks.contestant", json.dumps(asdict(role))]
        environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"a contestant ended: {self._process.args!r}")
        return line

    def __call__(self) -> float:
        """Take a turn."""
        assert self._process.stdin is not None
        self._process.stdin.write("turn\n")
        self._process.stdin.flush()
        return float(self._read())

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


def run(benchmark: Benchmark, effort: Effort) -> dict[str, Any]:
    """Time and compare one workload under these conditions; print and return the ratios."""
    name, seconds = benchmark.name, effort.seconds
    roles: list[Role] = []
    for who in OURS[:2] if benchmark.compiled else OURS[:1]:
        roles += [Role(name, who, seconds), Role(name, who, seconds, after_convolution=True)]
        roles += [Role(name, who, seconds, number) for number in benchmark.threads]
    if torch is not None:
        roles += [Role(name, "PyTorch", seconds, number) for number in benchmark.threads]
    contestants = {(str(role), role.threads): Contestant(role) for role in roles}
    try:
        times = best(alternate(contestants, benchmark.limited(effort)))
    finally:
        for contestant in contestants.values():
            contestant.end()
    print(f"{name}  {benchmark.what}")
    theirs = next((values for who, values in times.items() if who.startswith("PyTorch")), None)
    results: dict[str, Any] = {}
    for who, values in times.items():
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        results[who] = {"microseconds": float(middle)}
        line = f"    {who:<26} {shown(middle):>10}"
        if theirs is not None and theirs is not values:
            each = [a / b for a, b in zip(values, theirs, strict=True)]
            low, middle, high = (float(q) for q in np.quantile(each, [0.25, 0.5, 0.75]))
            results[who] |= {"ratio": middle, "quartiles": [low, high]}
            line += f"   of PyTorch's {middle:.2f}  ({low:.2f} to {high:.2f})"
        print(line, flush=True)
    return results
