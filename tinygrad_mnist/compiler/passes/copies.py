"""Copies."""

from __future__ import annotations

from tinygrad_mnist.compiler.rewriting import last_uses, substitute
from tinygrad_mnist.compiler.trace import Call, Program, Value, same_layout


def without_copies(program: Program) -> Program:
    """Leave out copies where one array can serve as both.

    That is so if the first isn't used any more, or if nothing is ever written to either.
    """
    last = last_uses(program)
    written = {s for call in program.calls for s in call.writes}
    wanted = {x.storage for x in program.wanted()}
    by: dict[Value, Value] = {}
    kept: list[Call] = []
    for i, call in enumerate(program.calls):
        result = call.results
        if call.kind == "method" and call.name == "copy" and type(result) is Value:
            source = call.arguments[0]
            own = source.storage.origin == "made" and source.array.size == source.storage.array.size
            spent = own and last[source.storage] == i
            constant = written.isdisjoint((source.storage, result.storage))
            if same_layout(source.array, result.array) and (
                spent or (constant and result.storage not in wanted)
            ):
                by[result] = source
                last[source.storage] = max(last[source.storage], last[result.storage])
                continue
        kept.append(call)
    return substitute(program, kept, by)
