"""Common subexpressions."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.compiler.rewriting import is_view, substitute
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, same_layout


def common_subexpressions(program: Program) -> Program:
    """Compute only once what is computed twice from the same arrays."""
    seen: dict[Any, tuple[Value, Any]] = {}
    writes: dict[Storage, int] = {}
    by: dict[Value, Value] = {}
    kept: list[Call] = []
    # What is written to, and what is handed out, must stay an array of its own.
    own = {s for call in program.calls for s in call.writes}
    own.update(x.storage for x in program.wanted())

    def first(x: Value) -> Value:
        while x in by:
            x = by[x]
        return x

    def key(x: Any) -> Any:
        if type(x) is Value:
            return id(first(x))
        if isinstance(x, tuple | list):
            return (type(x), *map(key, x))
        if isinstance(x, slice):
            return (slice, key(x.start), key(x.stop), key(x.step))
        return type(x), x.hex() if type(x) is float else x  # 0.0 and -0.0 are two numbers

    for call in program.calls:
        result = call.results
        if is_view(call) and same_layout(result.array, call.arguments[0].array):
            by[result] = call.arguments[0]
            continue
        if (
            type(result) is Value
            and not (call.effect or call.writes)
            and (is_view(call) or result.storage not in own)
        ):
            named = tuple((name, key(x)) for name, x in call.keywords.items())
            whole = (call.function, call.kind, call.name, key(call.arguments), named)
            read = {(s := first(x).storage): writes.get(s, 0) for x in call.values()}
            try:
                known, then = seen.setdefault(whole, (result, read))
            except TypeError:  # an argument that can't be compared
                known, then = result, read
            if known is not result and (is_view(call) or then == read):
                by[result] = known
                continue
        for storage in call.writes:
            writes[storage] = writes.get(storage, 0) + 1
        kept.append(call)
    return substitute(program, kept, by)
