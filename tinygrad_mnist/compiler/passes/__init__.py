"""Passes: short functions from a program to a better one, whose results are the same.

None changes the program that it is given; each is a function of its own, and can be left out.
"""

from __future__ import annotations

from collections.abc import Callable

from tinygrad_mnist.compiler.kernels import prepared_kernels
from tinygrad_mnist.compiler.passes.common import common_subexpressions
from tinygrad_mnist.compiler.passes.constants import same_constants
from tinygrad_mnist.compiler.passes.copies import without_copies
from tinygrad_mnist.compiler.passes.dead_code import without_dead_code
from tinygrad_mnist.compiler.passes.flat_updates import flat_updates
from tinygrad_mnist.compiler.passes.formulas import optimizer_formulas
from tinygrad_mnist.compiler.passes.tiles import repeated_channels
from tinygrad_mnist.compiler.passes.writes import without_writes
from tinygrad_mnist.compiler.trace import Program

Pass = Callable[[Program], Program]

PASSES: tuple[Pass, ...] = (
    without_dead_code, same_constants, without_writes, common_subexpressions,
    without_copies,
    repeated_channels, optimizer_formulas, prepared_kernels, flat_updates,
)  # fmt: skip


def improved(program: Program, passes: tuple[Pass, ...] = PASSES) -> Program:
    """Return a program after all passes, the last of which removes what the others left over."""
    for improve in passes:
        program = improve(program)
    return without_dead_code(program) if passes else program
