"""The compilers that take part beside eager steps: ours, ``torch.compile``, and JAX's ``jit``.

Each gets the whole step: zero_grad, forward, loss, backward and optimizer. Ours must have recorded
all of it, or there is nothing to time; it has two backends, NumPy and XLA. What isn't NumPy's takes
some seconds for each network, so it takes part if it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

import tinygrad_mnist as tg
from benchmarks.measure import Conditions, Step, torch
from tinygrad_mnist.compiler import prefetch

Function = Callable[..., Any]


def ours(step: Function) -> Function:
    """Compile a step by us; what can't be recorded is an error."""
    return tg.compile(step, fullgraph=True)


def pytorch(step: Function) -> Function:
    """Compile a step by PyTorch."""
    return torch.compile(step)  # type: ignore[no-any-return, union-attr]


def xla(step: Function, device: str | None = None) -> Function:
    """Compile a step by us, for XLA to run it."""
    return tg.compile(step, fullgraph=True, backend="xla", device=device)


def sent(who: str, step: Function, batches: Iterable[Any]) -> list[Any]:
    """Return batches as a step is given them: XLA's are sent ahead, as JAX's are there already."""
    return list(prefetch(batches, step) if who == "xla" else batches)


def of(framework: str, conditions: Conditions) -> Iterator[tuple[str, Function]]:
    """Yield the contestants on a framework's networks, each with what it makes of a step."""
    yield framework, lambda step: step
    if framework == "ours":
        yield "compiled", ours
        if conditions.xla and not without_jax():
            yield "xla", partial(xla, device=conditions.device)
    elif conditions.compilers and not without_torch():
        yield "torch.compile", pytorch


@cache
def without_torch() -> str:
    """Say why ``torch.compile`` can't take part, if it can't."""
    if torch is None:
        return "PyTorch isn't installed"
    try:
        torch.compile(lambda x: x + 1)(torch.ones(2))
    except Exception as error:  # whatever the compiler of C++ that it needs may say
        return f"it fails here: {str(error).strip().partition(chr(10))[0]}"
    return ""


@cache
def without_jax() -> str:
    """Say why JAX can't take part, if it can't."""
    try:
        importlib.import_module("jax")
    except ImportError:
        return "it isn't installed"
    return ""


def left_out(conditions: Conditions) -> dict[str, str]:
    """Return which compilers that are asked for can't take part, and why."""
    reasons = {
        "torch.compile": conditions.compilers and without_torch(),
        "JAX": conditions.xla and without_jax(),
    }
    return {who: why for who, why in reasons.items() if why}


def by_hand(
    model: str,
    how: Any,
    arrays: Sequence[np.ndarray],
    batch: Sequence[np.ndarray],
    optimizer: str,
    lr: float,
    conditions: Conditions,
) -> dict[str, Step]:
    """Return the step of a model of ``in_jax``, if there is one and JAX takes part."""
    if not model or not conditions.xla or without_jax():
        return {}
    from benchmarks import in_jax

    written = getattr(in_jax, model)(how)
    return {"JAX": in_jax.training(written, arrays, *batch, optimizer, lr)}
