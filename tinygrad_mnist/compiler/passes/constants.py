"""Constants."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compiler.rewriting import is_view, substitute
from tinygrad_mnist.compiler.text import array_text
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, owner


def settled_constants(program: Program) -> Program:
    """Compute once what depends on constants alone, and let equal constants be one."""
    return same_constants(computed_constants(program))


def computed_constants(program: Program) -> Program:
    """Let what is computed from constants alone be a constant, if a text can say what it is."""
    own = _written_or_wanted(program)
    known: set[Storage] = set()
    by: dict[Value, Value] = {}
    kept: list[Call] = []
    for call in program.calls:
        result, given = call.results, call.values()
        if (
            type(result) is Value
            and given
            and all(x.storage.origin == "constant" or x.storage in known for x in given)
            and own.isdisjoint(x.storage for x in (result, *given))
            and not (call.effect or call.writes or call.kind == "kernel" or is_view(call))
            and array_text(result.array)
        ):
            known.add(result.storage)
            by[result] = Value(result.array, Storage(owner(result.array), "constant"))
        else:
            kept.append(call)
    return substitute(program, kept, by)


def _written_or_wanted(program: Program) -> set[Storage]:
    written = {s for call in program.calls for s in call.writes}
    return written | {x.storage for x in program.wanted()}


def same_constants(program: Program) -> Program:
    """Let equal arrays that nothing writes to be one."""
    own = _written_or_wanted(program)
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
