"""Lanes in the source of a program: a branch beside the lines that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tinygrad_mnist.compiler.lanes.building import LanePrograms
from tinygrad_mnist.compiler.lanes.running import Lanes, total
from tinygrad_mnist.compiler.lanes.spreading import SUMMAND, Cut
from tinygrad_mnist.compiler.text import sequence
from tinygrad_mnist.compiler.trace import Call, Value

if TYPE_CHECKING:
    from tinygrad_mnist.compiler.numpy_backend import Built
    from tinygrad_mnist.compiler.source import Source

TOLERANCE = {"f": 5e-2, "d": 1e-6}
"""How far results may be off, relative to the largest: sums are in another order, and where relu or
max-pooling chooses, the least bit may choose."""


class Branch:
    """The lines of a region, and those that run lanes in their place.

    Parameters
    ----------
    source
        The source of the program.
    programs
        The programs of the lanes.
    built
        The same, built.

    Attributes
    ----------
    at
        The line that runs lanes.
    agrees
        Whether lanes give what the lines give, on the arrays of the recording.
    """

    def __init__(self, source: Source, programs: LanePrograms, built: Sequence[Built]) -> None:
        self.source = source
        laned = [i for i, (_, call) in enumerate(source.lines) if call.laned]
        self.start, self.stop = laned[0], laned[-1] + 1
        self.at = self.start + 1
        self.gathered = [x for x, _ in programs.gathers]
        self.results = [*self.gathered, *(x for x, _ in programs.wanted)]
        self.joins = [_join(kind) for _, kind in programs.wanted]
        self.lanes = Lanes(
            [_LaneFunction(lane) for lane in built],
            [s for _, s in programs.given],
            [(self._place(programs, x), number) for x, number in programs.unless],
            programs.meeting,
            [gather for _, gather in programs.gathers],
        )
        space = source.space
        space["lanes"] = self.lanes
        space.update((f"join{i}", join) for i, join in enumerate(self.joins))
        self.given = ", ".join(source.names[x] for x, _ in programs.given)
        names = [source.names.get(x, "") for x in self.gathered]
        self.outs = sequence([name if name in source.bound else "None" for name in names], tuple)
        numbers = [x.array for x, _ in programs.given]
        with np.errstate(all="ignore"):
            self.agrees = (
                self._has_names() and not self.lanes.refuses(*numbers) and self._agrees(programs)
            )

    def _place(self, programs: LanePrograms, x: Value) -> int:
        for i, (y, cut) in enumerate(programs.given):
            if y is x and cut is not None:
                return i
        raise KeyError(x)

    def _has_names(self) -> bool:
        """Whether each result can be assigned to; x.T can't, but is there if x is."""
        names = {self.source.names.get(x, "") for x in self.results} - {""}
        return all(x.split(".")[0] in (*self.source.bound, *names) for x in names)

    def lines(self) -> tuple[list[str], list[Call]]:
        """Return all lines of the program with the branch, and the call of each."""
        before, within, after = (
            self.source.lines[: self.start],
            self.source.lines[self.start : self.stop],
            self.source.lines[self.stop :],
        )
        first = within[0][1]
        branch = [
            f"if lanes.ready({self.given}):",
            f"    parts = lanes.run({self.outs}, {self.given})",
        ]
        branch += [f"    {line}" for line in self._joined()]
        # What the lines after it let go of, and only lines before these would have made.
        made = {self.source.names.get(x) for _, call in within for x in call.made()}
        made -= {self.source.names.get(x) for x in self.results}
        gone = [x for text, _ in after for x in text.partition("; del ")[2].split(", ")]
        branch += [f"    {name} = None" for name in gone if name in made]
        branch += ["else:"]
        texts = [text for text, _ in before] + branch
        calls = [call for _, call in before] + [first] * len(branch)
        texts += [f"    {text}" for text, _ in within] + [text for text, _ in after]
        return texts, calls + [call for _, call in (*within, *after)]

    def _joined(self) -> list[str]:
        """Return the lines that give the results their names."""
        lines, count = [], len(self.gathered)
        for i, x in enumerate(self.results):
            name, join = self.source.names.get(x, ""), f"join{i - count}"
            if name in self.source.bound:
                if i >= count:
                    lines.append(f"{join}(parts[{i}], {name})")
            elif name.isidentifier():
                lines.append(f"{name} = {join}(parts[{i}])" if i >= count else
                             f"{name} = parts[{i}]")  # fmt: skip
        return lines

    def _agrees(self, programs: LanePrograms) -> bool:
        """Run both on the arrays of the recording, and compare what comes out."""
        source = self.source
        space, bound, calls = source.space, source.bound, source.program.calls
        laned = [i for i, call in enumerate(calls) if call.laned]
        after = {x for call in calls[laned[0] :] for x in call.made()}
        calls = calls[laned[0] : laned[-1] + 1]
        made = {x for call in calls for x in call.made()}
        given = {x for call in calls for x in call.values()} - made
        # What is written over something else has its name; at the start the last one is there.
        by_name = {name: x for x, name in source.names.items() if x not in after}
        local = {}
        for x in [*given, *(x for x, _ in programs.given)]:
            name = source.names.get(x, "").split(".")[0]  # x.T is one of x
            x = cast(Value, by_name.get(name, x))
            while name in bound and not space[name].flags.writeable and x in source.parents:
                x = source.parents[x]  # what is broadcast is filled where it lies
                name = source.names[x].split(".")[0]
                x = cast(Value, by_name.get(name, x))
            if name in bound:
                if bound[name].memory >= 0 and space[name].flags.writeable:
                    np.copyto(space[name], x.array)
            elif name.isidentifier():
                local[name] = x.array
        results = [(i, x) for i, x in enumerate(self.results) if x in source.names]
        lines = source.lines[self.start : self.stop]
        body = [text.partition("; del ")[0] for text, _ in lines]
        ending = f"return [{', '.join(f'np.array({source.names[x]})' for _, x in results)}]"
        text = "\n    ".join([f"def region({', '.join(local)}):", *body, ending])
        exec(compile(text, "<compiled region>", "exec"), space)
        for gather in self.lanes.gathers:
            gather.largest = 0.0
        numbers = (x.array for x, _ in programs.given)
        parts = self.lanes.run((None,) * len(self.gathered), *numbers)
        found, scales = [], []
        for i, _ in results:
            if i < len(self.gathered):
                found.append(parts[i])
                scales.append(self.lanes.gathers[i].largest)
            else:
                found.append(np.array(self.joins[i - len(self.gathered)](parts[i])))
                scales.append(max(np.abs(part).max(initial=0) for part in parts[i]))
        # The lines may write over what they are given, and over what lanes have.
        whole = space.pop("region")(*local.values())
        for gather in self.lanes.gathers:
            gather.largest = None
        return all(map(_is_close, found, whole, scales))


class _LaneFunction:
    """Runs a lane, and returns all that it has of the results."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self.arrays: list[Any] = [None] * len(built.lasting)
        self.kept = [i for i, lasts in enumerate(built.lasting) if lasts]
        self.moved = [i for i, lasts in enumerate(built.lasting) if not lasts]
        for i, array in zip(self.kept, built.gradients(), strict=True):
            self.arrays[i] = array

    def __call__(self, *given: Any) -> Sequence[Any]:
        results = self.built.run(*given)
        if not self.moved:
            return self.arrays
        arrays = list(self.arrays)
        for i, array in zip(self.moved, results, strict=True):
            arrays[i] = array
        return arrays


def _join(kind: Any) -> Callable[..., Any]:
    """Return how what the lanes have is put together."""
    if kind == SUMMAND:
        return total
    if type(kind) is Cut:
        return partial(_rows, kind.axis)
    return _first


def _rows(axis: int, parts: Sequence[Any], out: np.ndarray | None = None) -> Any:
    return np.concatenate(parts, axis, out=out)


def _first(parts: Sequence[Any], out: np.ndarray | None = None) -> Any:
    if out is None:
        return np.array(parts[0], order="K")
    np.copyto(out, parts[0])
    return out


def _is_close(x: Any, y: Any, scale: Any) -> bool:
    """Whether two arrays are the same but for rounding, which is as large as what was added up."""
    x, y = np.atleast_1d(x, y)
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    tolerance = TOLERANCE.get(x.dtype.char, 0.0)
    if not tolerance:
        return bool((x == y).all())
    finite = np.isfinite(y)
    if not finite.all():  # where nothing is finite, nothing is known
        if not (finite.any() and np.array_equal(x[~finite], y[~finite], equal_nan=True)):
            return False
        x, y = x[finite], y[finite]
    largest = np.abs(y).max(initial=0)
    scale = max(scale, largest) if np.isfinite(scale) else largest
    return bool(np.abs(x - y).max(initial=0) <= tolerance * scale)
