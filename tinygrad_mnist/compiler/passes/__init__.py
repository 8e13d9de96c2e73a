"""Passes: short functions from a program to a better one, whose results are the same.

None changes the program that it is given; each is a function of its own, and can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from tinygrad_mnist.compiler.kernels import prepared_kernels
from tinygrad_mnist.compiler.lanes import with_lanes
from tinygrad_mnist.compiler.passes.common import common_subexpressions
from tinygrad_mnist.compiler.passes.constants import settled_constants
from tinygrad_mnist.compiler.passes.copies import without_copies
from tinygrad_mnist.compiler.passes.dead_code import without_dead_code
from tinygrad_mnist.compiler.passes.flat_updates import flat_updates
from tinygrad_mnist.compiler.passes.formulas import optimizer_formulas
from tinygrad_mnist.compiler.passes.tiles import repeated_channels
from tinygrad_mnist.compiler.passes.writes import without_writes
from tinygrad_mnist.compiler.trace import Program

Pass = Callable[[Program], Program]

PASSES: dict[str, Pass] = {
    "dead_code": without_dead_code,
    "constants": settled_constants,
    "writes": without_writes,
    "common_subexpressions": common_subexpressions,
    "copies": without_copies,
    "lanes": with_lanes,
    "repeated_channels": repeated_channels,
    "optimizer_formulas": optimizer_formulas,
    "prepared_kernels": prepared_kernels,
    "flat_updates": flat_updates,
}
"""The passes, in order, by the names under which ``compile`` is told to leave them out."""

OF_THE_BACKEND = ("reuse", "chains", "economy")
"""What can be switched off besides: using buffers again, running lines together, and having lanes
only where they take little memory."""

SWITCHES = frozenset((*PASSES, *OF_THE_BACKEND))


def improved(program: Program, off: Collection[str] = ()) -> Program:
    """Return a program after the passes that aren't off, at last without what they left over."""
    for name, improve in PASSES.items():
        if name not in off:
            lanes = program.lanes
            program = improve(program)
            if lanes is not None:  # what is good for a program is good for its parts
                program = replace(program, lanes=lanes.changed(improve))
    return program if "dead_code" in off else without_dead_code(program)
