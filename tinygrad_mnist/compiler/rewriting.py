"""What passes have in common: questions about calls, and programs made of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, mapped


def is_view(call: Call) -> bool:
    """Whether a call makes nothing but another view of its first argument's memory."""
    if call.writes or call.effect or call.kind == "kernel" or type(call.results) is not Value:
        return False
    first = call.arguments[0] if call.arguments else None
    return type(first) is Value and first.storage is call.results.storage


def last_uses(program: Program) -> dict[Storage, int]:
    """Return the number of the last call that reads or writes each storage.

    What is wanted at the end is used by the end, which has the number after the last call's.
    """
    last: dict[Storage, int] = {}
    for i, call in enumerate(program.calls):
        for x in (*call.values(), *call.made()):
            last[x.storage] = i
        for storage in call.writes:
            last[storage] = i
    for x in program.wanted():
        last[x.storage] = len(program.calls)
    return last


def substitute(
    program: Program, calls: Iterable[Call], by: Mapping[Value, Value], moved: bool = True
) -> Program:
    """Return a program of other calls, in which values stand in the place of others.

    If these are all of a memory that is seen, it is moved: views of it become views of the other.
    """
    if not by:
        return replace(program, calls=list(calls))
    by = dict(by)

    def final(x: Any) -> Any:
        while type(x) is Value and x in by:
            x = by[x]
        return x

    # Views go where their memory goes, whatever view stands in their place.
    views = {call.results for call in program.calls if is_view(call)}
    places = {x.storage: final(x).storage for x in by if moved and x not in views}

    def made(x: Any) -> Any:
        if type(x) is Value and x.storage in places:
            by[x] = Value(x.array, places[x.storage], x.varies)
            return by[x]
        return x

    def is_touched(call: Call) -> bool:
        moved = (*call.writes, *(x.storage for x in call.made())) if places else ()
        return any(x in by for x in call.values()) or any(s in places for s in moved)

    changed = [
        call.but(
            arguments=mapped(call.arguments, final),
            keywords={name: mapped(x, final) for name, x in call.keywords.items()},
            reads=mapped(call.reads, final),
            writes=tuple(places.get(s, s) for s in call.writes),
            results=mapped(call.results, made),
        )
        if is_touched(call)
        else call
        for call in calls
    ]
    wanted = ("outputs", "rebound", "gradients")
    lists: dict[str, Any] = {name: [final(x) for x in getattr(program, name)] for name in wanted}
    return replace(program, calls=changed, **lists)


def shown(program: Program) -> Program:
    """Return the program as readers are shown it."""
    calls: list[Call] = []
    for call in program.calls:
        calls += (call,) if call.printed is None else call.printed
    return replace(program, calls=calls, parts={})
