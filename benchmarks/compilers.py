"""The compilers that take part beside eager steps: ours, ``torch.compile``, and JAX's ``jit``.

Each gets the whole step: zero_grad, forward, loss, backward and optimizer. Ours must have recorded
all of it, or there is nothing to time. The others take some seconds for each network, so they take
part if they are asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import tinygrad_mnist as tg
from benchmarks.measure import Conditions, torch

if TYPE_CHECKING:
    from benchmarks.training import Batch, Dense

Function = Callable[..., Any]


def ours(step: Function) -> Function:
    """Compile a step by us; what can't be recorded is an error."""
    return tg.compile(step, fullgraph=True)


def pytorch(step: Function) -> Function:
    """Compile a step by PyTorch."""
    return torch.compile(step)  # type: ignore[no-any-return, union-attr]


def of(framework: str, conditions: Conditions) -> Iterator[tuple[str, Function]]:
    """Yield the contestants on a framework's networks, each with what it makes of a step."""
    yield framework, lambda step: step
    if framework == "ours":
        yield "compiled", ours
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


def left_out() -> dict[str, str]:
    """Return which compilers can't take part, and why."""
    reasons = {"torch.compile": without_torch(), "JAX": without_jax()}
    return {who: why for who, why in reasons.items() if why}


def jax(dense: Dense, batch: Batch, weights: list[Any], biases: list[Any]) -> Callable[[], float]:
    """Return the step of linear layers on a batch in JAX, under ``jit``, as its users write it."""
    import jax
    import jax.numpy as jnp

    layers = [(jnp.asarray(w), jnp.asarray(b)) for w, b in zip(weights, biases, strict=True)]
    x, y = (jnp.asarray(array) for array in batch)
    activation = jax.nn.relu if dense.activation == "relu" else jax.nn.sigmoid

    def loss_of(layers: Any, x: Any, y: Any) -> Any:
        for w, b in layers[:-1]:
            x = activation(x @ w.T + b)
        w, b = layers[-1]
        logits = x @ w.T + b
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - logits[jnp.arange(len(y)), y])

    def step(layers: Any, first: Any, second: Any, time: Any, x: Any, y: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(layers, x, y)
        time = time + 1
        if dense.optimizer == "adam":
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, g)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, g)
            size, root = dense.lr / (1 - 0.9**time), jnp.sqrt(1 - 0.999**time)
            change = jax.tree.map(
                lambda m, v: size * m / (jnp.sqrt(v) / root + 1e-8), first, second
            )
        else:
            momentum = 0.9 if dense.optimizer == "momentum" else 0.0
            first = jax.tree.map(lambda m, g: momentum * m + g, first, g)
            change = jax.tree.map(lambda m: dense.lr * m, first)
        return loss, jax.tree.map(lambda p, c: p - c, layers, change), first, second, time

    compiled = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    zeros = jax.tree.map(jnp.zeros_like, layers)
    state = [layers, zeros, jax.tree.map(jnp.zeros_like, layers), jnp.float32(0)]

    def run() -> float:
        loss, *state[:] = compiled(*state, x, y)
        return float(loss)

    return run
