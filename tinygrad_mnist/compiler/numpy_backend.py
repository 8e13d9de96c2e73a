"""The NumPy backend: a program as a Python function, in buffers that are planned once.

What stays where it is from step to step (parameters, buffers, and views of them) is bound once, as
a global name. The rest is a function of straight-line code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from itertools import accumulate
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.compiler.buffers import GRADIENTS, SCRATCH, Plan, aligned, plan_buffers
from tinygrad_mnist.compiler.lanes.writing import Branch
from tinygrad_mnist.compiler.printing import printed
from tinygrad_mnist.compiler.rewriting import shown
from tinygrad_mnist.compiler.source import Source
from tinygrad_mnist.compiler.text import Hint
from tinygrad_mnist.compiler.trace import Call, Program, Value

GROWTH = 1 / 16
"""By what part of them buffers may grow for lanes."""


def split(memory: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Return parts of memory, one after another."""
    ends = [0, *accumulate(map(aligned, sizes))]
    return [memory[a : a + size] for a, size in zip(ends, sizes, strict=False)]


class Built:
    """A program that can be run.

    Parameters
    ----------
    program
        The program.
    hints
        Names for some of its values: arguments, parameters and gradients.
    off
        What is switched off: ``"reuse"``, so that buffers aren't used again; ``"chains"``, so that
        each elementwise line is run by itself.
    state
        What was there before; it stays where it is.
    place
        The plan of its buffers, and where they lie; by default in memory of its own.

    Attributes
    ----------
    run
        Takes the arrays of the inputs, and returns those of outputs, of rebound tensors, and of
        gradients that lie in no buffer.
    text
        The function's source.
    of_line
        The calls of its lines.
    names
        What its values are called there.
    branch
        What lanes do in the place of some of them, if there are any.
    """

    run: Callable[..., tuple[Any, ...]]

    def __init__(
        self,
        program: Program,
        hints: Mapping[Value, Hint] | None = None,
        off: Collection[str] = (),
        state: Any = (),
        place: tuple[Plan, np.ndarray] | None = None,
    ) -> None:
        self.program = program
        self.kept: list[Any] = []
        self.hints = hints or {}
        self.reuse = "reuse" not in off
        lanes = program.lanes if any(call.laned for call in program.calls) else None
        plans = [plan_buffers(x, self.reuse) for x in (() if lanes is None else lanes.programs)]
        sizes = [sum(map(aligned, plan.sizes)) for plan in plans]
        self.plan, memory = place or (plan_buffers(program, self.reuse), None)
        if lanes is not None:
            plan = plan_buffers(program, self.reuse, sum(sizes))
            if "economy" in off or sum(plan.sizes) <= (1 + GROWTH) * sum(self.plan.sizes):
                self.plan = plan
        self.written = written = Source(
            program, self.plan, self.hints, chains="chains" not in off,
            memory=None if memory is None else split(memory, self.plan.sizes),
        )  # fmt: skip
        self.lasting = [written.lasts(x) for x in program.gradients]
        self.lines = written.body()
        self.names = written.names
        self.of_line: list[Call] = [call for _, call in written.lines]
        head = f"def step({', '.join(written.inputs)}):"
        self.text = text = "\n    ".join([head, *self.lines])
        self.branch: Branch | None = None
        if lanes is not None and self.plan.lanes is not None:
            room = self.plan.lanes
            places = split(written.memory[SCRATCH][room.start : room.end()], sizes)
            branch = Branch(written, lanes, [
                Built(lane, None, off, place=own)
                for lane, own in zip(lanes.programs, zip(plans, places, strict=True), strict=True)
            ])  # fmt: skip
            if branch.agrees:
                self.branch = branch
                lines, self.of_line = branch.lines()
                text = "\n    ".join([head, *lines, self.lines[-1]])
        if self.branch is None:
            program.lanes = None  # nothing of them is kept
        exec(compile(text, "<compiled step>", "exec"), written.space)
        self.run = written.space["step"]

    entering = None
    """What reads a tensor's numbers where they need be no array of NumPy's: nothing does."""

    wrap = staticmethod(wrap)
    """What makes a tensor of a result."""

    def wait(self) -> None:
        """Return when results are there: they are."""

    @staticmethod
    def arrays(results: Any) -> Any:
        """Return results as NumPy's arrays."""
        return results

    def share(self, some: Sequence[int]) -> None:
        """Let some results be views of what they are views of: that they are."""

    @staticmethod
    def taken(results: Any, numbers: Set[int]) -> Any:
        """Return results that are no tensors: arrays, and some that are Python's numbers."""
        return results

    @staticmethod
    def hand_out(leaves: Sequence[TensorBase], results: Sequence[Any]) -> None:
        """Give leaves their gradients."""
        for p, array in zip(leaves, results, strict=True):
            if p._grad is None or p._grad._array is not array:  # else it was added to
                p._grad = wrap(array)

    def measures(self) -> tuple[int, int, int, int]:
        """Return the numbers of calls, of buffers, of their bytes, and of functions in lanes."""
        lanes = 0 if self.branch is None else len(self.branch.lanes.functions)
        return len(self.written.lines), self.plan.count(), sum(self.plan.sizes), lanes

    @staticmethod
    def where_it_runs() -> str:
        """Return what runs it, if that isn't NumPy, and on which devices."""
        return ""

    def gradients(self) -> list[np.ndarray]:
        """Return the gradients that lie in buffers."""
        space, names = self.written.space, self.written.names
        lasting = zip(self.program.gradients, self.lasting, strict=True)
        return [space[names[x]] for x, lasts in lasting if lasts]

    def owners(self) -> list[np.ndarray]:
        """Return the memory of these gradients."""
        return [self.written.memory[GRADIENTS]] if any(self.lasting) else []

    def renew(self) -> None:
        """Take new memory for the gradients that lie in buffers: the old one is somebody's."""
        written = self.written
        written.memory[GRADIENTS] = np.empty(self.plan.sizes[GRADIENTS], np.uint8)
        for bound in written.bound.values():
            if bound.memory == GRADIENTS:
                written.space[bound.name] = bound.make()

    def source(self, name: str = "step") -> str:
        """Return the program as Python that runs as it stands: a function of this name."""
        program = shown(self.program)
        plan = plan_buffers(program, self.reuse)
        return printed(Source(program, plan, self.hints, readable=True, name=name), name)
