"""Copies."""

from __future__ import annotations

from tinygrad_mnist.compiler.passes.rewriting import last_uses, substitute
from tinygrad_mnist.compiler.trace import Call, Program, Value, same_layout


def without_copies(program: Program) -> Program:
    """Leave out copies of arrays that nothing reads or writes afterwards."""
    last = last_uses(program)
    by: dict[Value, Value] = {}
    kept: list[Call] = []
    for i, call in enumerate(program.calls):
        if call.kind == "method" and call.name == "copy" and type(call.results) is Value:
            source = call.arguments[0]
            own = source.storage.origin == "made" and source.array.size == source.storage.array.size
            if own and same_layout(source.array, call.results.array) and last[source.storage] == i:
                by[call.results] = source
                last[source.storage] = last.get(call.results.storage, i)
                continue
        kept.append(call)
    return substitute(program, kept, by)
