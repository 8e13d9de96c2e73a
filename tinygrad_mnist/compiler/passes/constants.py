"""Constants."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compiler.rewriting import substitute
from tinygrad_mnist.compiler.trace import Program, Value


def same_constants(program: Program) -> Program:
    """Let equal arrays that nothing writes to be one."""
    own = {s for call in program.calls for s in call.writes}
    own.update(x.storage for x in program.wanted())
    seen: dict[Any, Value] = {}
    by: dict[Value, Value] = {}
    for call in program.calls:
        for x in call.values():
            if x.storage.origin == "constant" and x.storage not in own and x not in by:
                a = x.array
                first = seen.setdefault((a.shape, a.strides, a.dtype, a.tobytes()), x)
                if first is not x:
                    by[x] = first
    return substitute(program, program.calls, by, moved=False)
