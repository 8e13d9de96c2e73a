"""One update for parameters that lie in one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.buffers import takes_out
from tinygrad_mnist.compiler.flat import Flat, joined
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value

FEWEST = 2
"""How many parameters are worth it."""


def flat_updates(program: Program) -> Program:
    """Update parameters that lie one after another at once, from gradients that do too."""
    parts = dict(program.parts)
    fresh = {x.storage for call in program.calls if takes_out(call) for x in call.made()}
    fresh -= {x.storage for x in program.outputs + program.rebound}
    copies: dict[Value, Value] = {}
    calls: list[Call] = []
    for updating, chunk in groupby(program.calls, lambda c: c.kind == "update" and bool(c.writes)):
        left = list(chunk)
        for run in _runs(left) if updating else ():
            params = [u.arguments[0].array for u in run]
            flat = Flat(run[0].function.__self__, params)
            states = [flat.optimizer.state.get(p) for p in _tensors(flat.optimizer, params)]
            if not flat.build(states):
                continue
            left = [u for u in left if u not in run]
            gradients = []
            whole = np.empty(sum(a.size for a in params), params[0].dtype)
            storage, start = Storage(whole, "flat"), 0
            for update, a in zip(run, params, strict=True):
                g = update.arguments[1]
                if g.storage not in fresh or g.storage in parts or not _fits(g, a):
                    g = copies[g] = Value(like := np.empty_like(a), Storage(like, "made"))
                    calls.append(Call(np.positive, (update.arguments[1],), {}, g))
                parts[g.storage] = storage, start
                gradients.append(g)
                start += a.nbytes
            calls.append(_merged(flat, run, Value(whole, storage), gradients))
        calls += left
    wanted = [copies.get(x, x) for x in program.gradients]
    return replace(program, calls=calls, parts=parts, gradients=wanted)


def _runs(updates: Sequence[Call]) -> Iterator[list[Call]]:
    """Find updates of one group whose parameters lie one after another."""
    run: list[Call] = []
    for update in updates:
        array = update.arguments[0].array
        if not isinstance(array.base, np.ndarray):
            continue
        alike = run and update.arguments[3] is run[0].arguments[3]
        if not alike or joined([run[-1].arguments[0].array, array]) is None:
            if len(run) >= FEWEST:
                yield run
            run = []
        run.append(update)
    if len(run) >= FEWEST:
        yield run


def _tensors(optimizer: Any, params: Sequence[np.ndarray]) -> list[object]:
    """Return the parameters that have these arrays."""
    known = {id(p._array): p for g in optimizer.param_groups for p in g["params"]}
    return [known.get(id(a)) for a in params]


def _fits(g: Value, parameter: np.ndarray) -> bool:
    """Whether a gradient lies in memory as its parameter does, and has it for itself."""
    a = g.array
    return (
        a.shape == parameter.shape and a.dtype == parameter.dtype
        and a.strides == parameter.strides and a.size == g.storage.array.size
    )  # fmt: skip


def _merged(flat: Flat, run: Sequence[Call], whole: Value, gradients: Sequence[Value]) -> Call:
    """Make the one call of updates that are merged."""
    states = tuple(u.arguments[2] for u in run)
    printed = tuple(
        u.but(arguments=(u.arguments[0], g, *u.arguments[2:]))
        for u, g in zip(run, gradients, strict=True)
    )
    return run[0].but(
        function=flat.update,
        arguments=(whole, run[0].arguments[3], states),
        reads=tuple(gradients),
        writes=tuple(s for u in run for s in u.writes),
        printed=printed,
    )
