"""Optimizers' formulas, called directly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tinygrad_mnist.compiler.trace import Call, Program, Thing
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer


def optimizer_formulas(program: Program) -> Program:
    """Get the settings and states of a group's parameters at once, then apply the formula to each.

    Both are read anew at each step, so what a schedule or a checkpoint changes counts.
    """
    calls: list[Call] = []
    run: list[Call] = []
    for call in program.calls:
        if run and not _goes_on(run, call):
            calls += _direct(run)
            run = []
        if _changes(call):
            run.append(call)
        else:
            calls.append(call)
    return replace(program, calls=calls + (_direct(run) if run else []))


def _changes(call: Call) -> bool:
    return getattr(call.function, "__func__", None) is ArrayOptimizer._change


def _goes_on(run: list[Call], call: Call) -> bool:
    """Whether a call changes another parameter of the group that the last one belongs to."""
    if not _changes(call) or call.function.__self__ is not run[-1].function.__self__:
        return False
    parameter, group, _ = call.arguments
    return group is run[-1].arguments[1] and all(c.arguments[0] is not parameter for c in run)


def _direct(run: list[Call]) -> list[Call]:
    optimizer, group = run[0].function.__self__, run[0].arguments[1]
    number = _position(optimizer.param_groups, group)
    members = tuple(_position(group["params"], call.arguments[0]) for call in run)
    if number is None or None in members:
        return run
    settings, states = Thing("settings"), tuple(Thing("state") for _ in run)
    chosen = () if members == tuple(range(len(group["params"]))) else (members,)
    about: dict[str, Any] = {
        "kind": "update", "effect": True, "operation": type(optimizer).__name__,
        "line": run[0].line,
    }  # fmt: skip
    calls = [Call(optimizer.ready, (number, *chosen), {}, (settings, states), **about)]
    for call, state in zip(run, states, strict=True):
        arguments = (call.keywords["out"], call.arguments[2], state, settings)
        calls.append(Call(optimizer.update, arguments, {}, writes=call.writes, **about))
    return calls


def _position(things: list[Any], thing: Any) -> int | None:
    return next((i for i, x in enumerate(things) if x is thing), None)
