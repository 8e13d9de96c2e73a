"""Dead code."""

from __future__ import annotations

from dataclasses import replace

from tinygrad_mnist.compiler.trace import Call, Program


def without_dead_code(program: Program) -> Program:
    """Leave out calls that nothing wanted depends on."""
    needed = {x.storage for x in program.wanted()}
    kept: list[Call] = []
    for call in reversed(program.calls):
        outside = any(s.origin != "made" for s in call.writes)
        made = {x.storage for x in call.made()} | set(call.writes)
        if call.effect or outside or made & needed:
            kept.append(call)
            needed.update(x.storage for x in call.values())
    return replace(program, calls=kept[::-1])
