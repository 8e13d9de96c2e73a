"""Recurrent layers, as XLA computes them: a loop over the steps where all have as many rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from tinygrad_mnist.compiler.xla.products import over_rows
from tinygrad_mnist.ops.recurrent import last_rows, rows_of_steps

Array = Any
Cell = Callable[[Sequence[Array], Sequence[Array]], tuple[Sequence[Array], Sequence[Array]]]


def over_steps(
    cell: Cell, states: Sequence[Array], rows: Sequence[Array], sizes: tuple[int, ...], back: bool
) -> tuple[Sequence[Array], Sequence[Array]]:
    """Run a cell over all steps; return the states after the last, and what it gave for all rows.

    Parameters
    ----------
    cell
        Takes states and rows of a step, and returns new states and what it gives for these rows.
    states
        Those of all sequences, before the first step.
    rows
        The rows of all steps, one step after the other.
    sizes
        How many rows each step has.
    back
        Whether the last step is the first to be taken.
    """
    if len(set(sizes)) == 1:
        count, n = len(sizes), sizes[0]
        steps = [x.reshape(count, n, *x.shape[1:]) for x in rows]
        after, given = lax.scan(lambda s, x: cell(s, x), list(states), steps, reverse=back)
        return after, [x.reshape(count * n, *x.shape[2:]) for x in given]
    states, found = list(states), {}
    for step in rows_of_steps(sizes, back):
        n = step.stop - step.start
        new, found[step.start] = cell([s[:n] for s in states], [x[step] for x in rows])
        states = [jnp.concatenate([a, b[n:]]) for a, b in zip(new, states, strict=True)]
    parts = [found[start] for start in sorted(found)]
    return states, [jnp.concatenate(x) for x in zip(*parts, strict=True)]


def before(states: Array, first: Array, sizes: tuple[int, ...], reverse: bool) -> Array:
    """Return for each row the state before it."""
    if len(set(sizes)) == 1:
        n = sizes[0]
        return jnp.concatenate([states[n:], first] if reverse else [first, states[:-n]])
    _, (found,) = over_steps(lambda s, x: (x, s), [first], [states], sizes, reverse)
    return found


def _split(a: Array, count: int) -> Any:
    return jnp.split(a, count, axis=1)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + jnp.exp(-x))


def rnn(x: Array, h: Array, weight: Array, *, sizes: Any, reverse: bool, nonlinearity: str) -> Any:
    """Elman's network."""

    def cell(states: Any, rows: Any) -> Any:
        a = states[0] @ weight.T + rows[0]
        new = jnp.tanh(a) if nonlinearity == "tanh" else jnp.maximum(a, 0)
        return [new], [new]

    _, (out,) = over_steps(cell, [h], [x], sizes, reverse)
    return out, None


def rnn_back(
    g: Array, out: Array, h: Array, weight: Array, shared: Any,
    *, sizes: Any, reverse: bool, nonlinearity: str,
) -> dict[str, Array]:  # fmt: skip
    """Its gradients."""

    def cell(states: Any, rows: Any) -> Any:
        g, out = rows
        into = g + states[0]
        a = into * (1 - out * out) if nonlinearity == "tanh" else jnp.where(out <= 0, 0, into)
        return [a @ weight], [a]

    (gh,), (gx,) = over_steps(cell, [jnp.zeros_like(h)], [g, out], sizes, not reverse)
    return {"x": gx, "h": gh, "weight": over_rows(gx, before(out, h, sizes, reverse))}


def lstm(x: Array, h: Array, c: Array, weight: Array, *, sizes: Any, reverse: bool) -> Any:
    """Long short-term memory."""

    def cell(states: Any, rows: Any) -> Any:
        keep, forget, new, show = _split(states[0] @ weight.T + rows[0], 4)
        parts = [1 + jnp.exp(-a) for a in (keep, forget, show)]
        keep, forget, show = (1 / x for x in parts)
        new = jnp.tanh(new)
        c = forget * states[1] + keep * new
        squashed = jnp.tanh(c)
        h = show * squashed
        gates = jnp.stack([*parts, -new]).reshape(len(h), -1)  # as NumPy's kernel keeps them
        return [h, c], [h, gates, c, squashed]

    _, (out, gates, cells, squashed) = over_steps(cell, [h, c], [x], sizes, reverse)
    last = cells[last_rows(sizes, reverse)]
    return jnp.concatenate([out, last]), gates, cells, squashed, None


def lstm_back(
    g: Array, out: Array, h: Array, c: Array, weight: Array, gates: Array, cells: Array,
    squashed: Array, shared: Any, *, sizes: Any, reverse: bool,
) -> dict[str, Array]:  # fmt: skip
    """Its gradients."""
    count = len(cells)
    previous = before(cells, c, sizes, reverse)

    def cell(states: Any, rows: Any) -> Any:
        g, gates, tanh_cell, previous = rows
        *parts, new = gates.reshape(4, *g.shape)
        (keep, forget, show), new = (1 / x for x in parts), -new
        here = g + states[0]
        gc = states[1] + here * show * (1 - tanh_cell * tanh_cell)
        a = jnp.concatenate(
            [
                gc * new * keep * (1 - keep),
                gc * previous * forget * (1 - forget),
                gc * keep * (1 - new * new),
                here * tanh_cell * show * (1 - show),
            ],
            1,
        )
        return [a @ weight, gc * forget], [a]

    states = [jnp.zeros_like(h), g[count:]]
    rows = [g[:count], gates, squashed, previous]
    (gh, gc), (gx,) = over_steps(cell, states, rows, sizes, not reverse)
    return {
        "x": gx, "h": gh, "c": gc,
        "weight": over_rows(gx, before(out[:count], h, sizes, reverse)),
    }  # fmt: skip


def gru(x: Array, h: Array, weight: Array, bias: Any = None, *, sizes: Any, reverse: bool) -> Any:
    """Gated recurrent unit."""

    def cell(states: Any, rows: Any) -> Any:
        (h,), (x,) = states, rows
        a = h @ weight.T
        if bias is not None:
            a = a + bias
        (r, z, n), (s, t, inner) = _split(x, 3), _split(a, 3)
        reset, keep = _sigmoid(r + s), _sigmoid(z + t)
        new = jnp.tanh(n + reset * inner)
        h = (h - new) * keep + new
        return [h], [h, jnp.concatenate([reset, keep, new], 1), inner]

    _, (out, gates, inner) = over_steps(cell, [h], [x], sizes, reverse)
    return out, gates, inner, None


def gru_back(
    g: Array, out: Array, h: Array, weight: Array, gates: Array, inner: Array, shared: Any,
    *, sizes: Any, reverse: bool,
) -> dict[str, Array]:  # fmt: skip
    """Its gradients."""
    previous = before(out, h, sizes, reverse)

    def cell(states: Any, rows: Any) -> Any:
        g, gates, inner, previous = rows
        reset, keep, new = _split(gates, 3)
        here = g + states[0]
        to_new = here * (1 - keep) * (1 - new * new)
        to_keep = here * (previous - new) * keep * (1 - keep)
        to_reset = to_new * inner * reset * (1 - reset)
        a = jnp.concatenate([to_reset, to_keep, to_new * reset], 1)
        gx = jnp.concatenate([to_reset, to_keep, to_new], 1)
        return [a @ weight + here * keep], [gx, a]

    rows = [g, gates, inner, previous]
    (gh,), (gx, ga) = over_steps(cell, [jnp.zeros_like(h)], rows, sizes, not reverse)
    return {"x": gx, "h": gh, "weight": over_rows(ga, previous), "bias": ga.sum(0)}
