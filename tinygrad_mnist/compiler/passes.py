"""Passes: short functions that make a program smaller, and leave its results what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, mapped, same_layout


def is_view(call: Call) -> bool:
    """Whether a call makes nothing but another view of its first argument's memory."""
    if call.writes or call.effect or call.kind == "kernel" or type(call.results) is not Value:
        return False
    first = call.arguments[0] if call.arguments else None
    return type(first) is Value and first.storage is call.results.storage


def substitute(program: Program, calls: list[Call], by: dict[Value, Value]) -> Program:
    """Return a program of other calls, in which values stand in the place of others."""

    def final(x: Any) -> Any:
        while type(x) is Value and x in by:
            x = by[x]
        return x

    moved = {x.storage: final(x).storage for x in by}
    for call in calls:
        call.arguments = mapped(call.arguments, final)
        call.keywords = {name: mapped(x, final) for name, x in call.keywords.items()}
        call.writes = tuple(moved.get(s, s) for s in call.writes)
        for x in call.made():
            x.storage = moved.get(x.storage, x.storage)
    outputs, gradients = map(final, program.outputs), map(final, program.gradients)
    return Program(calls, program.inputs, list(outputs), list(gradients))


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
    return Program(kept[::-1], program.inputs, program.outputs, program.gradients)


def _key(x: Any) -> Any:
    if type(x) is Value:
        return ("value", id(x))
    if isinstance(x, tuple | list):
        return (type(x), tuple(map(_key, x)))
    if isinstance(x, slice):
        return ("slice", _key(x.start), _key(x.stop), _key(x.step))
    return (type(x), x)


def common_subexpressions(program: Program) -> Program:
    """Compute only once what is computed twice from the same arrays."""
    seen: dict[Any, tuple[Value, Any]] = {}
    writes: dict[Storage, int] = {}
    by: dict[Value, Value] = {}
    kept: list[Call] = []
    changed = {s for call in program.calls for s in call.writes}

    def key(x: Any) -> Any:
        if type(x) is Value:
            while x in by:
                x = by[x]
            return id(x)
        if isinstance(x, tuple | list):
            return (type(x), *map(key, x))
        if isinstance(x, slice):
            return (slice, key(x.start), key(x.stop), key(x.step))
        return type(x), x

    for call in program.calls:
        result = call.results
        if is_view(call) and same_layout(result.array, call.arguments[0].array):
            by[result] = call.arguments[0]
            continue
        # What is written to must stay an array of its own.
        if (
            type(result) is Value
            and not (call.effect or call.writes)
            and (is_view(call) or result.storage not in changed)
        ):
            named = tuple((name, key(x)) for name, x in call.keywords.items())
            whole = (call.function, call.kind, call.name, key(call.arguments), named)
            read = {x.storage: writes.get(x.storage, 0) for x in call.values()}
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


def without_copies(program: Program) -> Program:
    """Leave out copies of arrays that nothing reads or writes afterwards."""
    last: dict[Storage, int] = {}
    for i, call in enumerate(program.calls):
        for x in call.values():
            last[x.storage] = i
        for storage in call.writes:
            last[storage] = i
    for x in program.wanted():
        last[x.storage] = len(program.calls)
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


PASSES: tuple[Callable[[Program], Program], ...] = (
    without_dead_code, common_subexpressions, without_copies, without_dead_code,
)  # fmt: skip
