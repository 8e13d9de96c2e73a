"""Writes over arrays that the program made itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, mapped


def without_writes(program: Program) -> Program:
    """Let a call that writes over a whole array make a new one instead.

    Where an array lies is for the plan of the buffers to decide, which then knows all there is to
    know: what is no more than a place to write to isn't made at all.
    """
    seen: dict[Storage, list[tuple[int, Value]]] = {}
    for i, call in enumerate(program.calls):
        for x in (*call.values(), *call.made()):
            seen.setdefault(x.storage, []).append((i, x))
    given = {x.storage for x in program.outputs + program.rebound}
    now: dict[Value, Value] = {}
    homes: dict[Storage, Storage] = {}

    def present(x: Any) -> Any:
        return now.get(x, x) if type(x) is Value else x

    def made(x: Any) -> Any:
        if type(x) is Value and x.storage in homes:
            now[x] = Value(x.array, homes[x.storage])
            return now[x]
        return x

    calls = []
    for i, call in enumerate(program.calls):
        over = _whole(call)
        touched = {*call.writes, *(x.storage for x in call.made())}
        if not touched.isdisjoint(homes) or any(x in now for x in call.values()):
            call = call.but(
                arguments=mapped(call.arguments, present),
                keywords={name: mapped(k, present) for name, k in call.keywords.items()},
                writes=tuple(homes.get(s, s) for s in call.writes),
                results=mapped(call.results, made),
            )
        if (
            over is not None
            and over.storage not in given
            and not any(y is not over and j <= i for j, y in seen[over.storage])
        ):
            homes[over.storage] = storage = Storage(over.array, "made")
            now[over] = result = Value(over.array, storage)
            call = call.but(keywords={}, writes=(), results=result)
        calls.append(call)
    return replace(
        program,
        calls=calls,
        outputs=[present(x) for x in program.outputs],
        rebound=[present(x) for x in program.rebound],
        gradients=[present(x) for x in program.gradients],
    )


def _whole(call: Call) -> Value | None:
    """Return the array of the program's own that an elementwise call writes over as a whole."""
    out = call.keywords.get("out")
    x = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if type(x) is not Value or x.storage.origin != "made" or set(call.keywords) != {"out"}:
        return None
    function = call.function
    if type(function) is not np.ufunc or call.kind != "function" or function.signature:
        return None
    arrays = [y.array for y in call.arguments if type(y) is Value]
    if x.array.size != x.storage.array.size or x.array.dtype != x.storage.array.dtype:
        return None
    if np.broadcast_shapes(*(a.shape for a in arrays)) != x.array.shape:
        return None
    empty = [np.empty(0, y.array.dtype) if type(y) is Value else y for y in call.arguments]
    return x if function(*empty).dtype == x.array.dtype else None
