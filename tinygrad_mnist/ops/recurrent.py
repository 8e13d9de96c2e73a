"""Recurrent layers, a whole sequence in one operation, with backpropagation through time by hand.

The rows of all steps stand one after another, as in a packed sequence: ``sizes[t]`` rows belong
to step ``t``, and sizes never grow, because short sequences have ended. Rows ``x`` are the inputs
already multiplied by their weights, which is one large product for all steps; what remains for
each step is the product of its hidden states.

Backpropagation through time finds the gradients of all inputs at once, while the table has a rule
for each. So it runs once, and the rules of one node share the result (:class:`_SharedGradients`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.threads import product
from tinygrad_mnist.ops.contract import Sample, op
from tinygrad_mnist.ops.elementwise import relu, sigmoid, tanh
from tinygrad_mnist.ops.sums import sum_rows

Steps = list[tuple[int, int]]


def steps_of(sizes: tuple[int, ...], reverse: bool) -> Steps:
    """Return first row and number of rows of each step, in the order in which they are taken."""
    steps, start = [], 0
    for n in sizes:
        steps.append((start, n))
        start += n
    return steps[::-1] if reverse else steps


def last_rows(sizes: tuple[int, ...], reverse: bool) -> Any:
    """Return where, among the rows of all steps, each sequence's last state stands."""
    if reverse:
        return slice(0, sizes[0])
    if sizes[-1] == sizes[0]:
        return slice(sum(sizes) - sizes[0], sum(sizes))
    last = np.empty(sizes[0], np.int64)
    for start, n in steps_of(sizes, reverse):
        last[:n] = np.arange(start, start + n)
    return last


def _before(states: Any, first: Any, steps: Steps, k: int) -> Any:
    """Return the states before step k: the last step's, and first ones where it had no row."""
    n = steps[k][1]
    if k == 0:
        return first[:n]
    start, m = steps[k - 1]
    if n <= m:
        return states[start : start + n]
    return np.concatenate([states[start : start + m], first[m:n]])


class _SharedGradients:
    """The gradients of all inputs, which the rules of a node share.

    A copy of the output's gradient, for which they hold, tells whether a later backward needs new
    ones, even if it is given the same array with other numbers in it.
    """

    def __init__(self) -> None:
        self.g: Any = None
        self.found: dict[str, Any] = {}


def _rules(back: Callable[..., dict[str, Any]], *inputs: str) -> dict[str, Any]:
    """Return a rule for each input, of a function that finds the gradients of them all.

    Its signature says what is saved, as theirs do; of that the last is what they share.
    """

    def rule_of(name: str) -> Callable[..., Any]:
        @functools.wraps(back)
        def rule(g: Any, *saved: Any, **settings: Any) -> Any:
            shared = saved[-1]
            if name not in shared.found or not np.array_equal(g, shared.g):
                shared.found, shared.g = back(g, *saved, **settings), np.array(g)
            return shared.found.pop(name)

        return rule

    return {name: rule_of(name) for name in inputs}


def _weight_gradient(before: Any, g: Any) -> Any:
    return product(g.T, before)


def _by_steps(
    x: Any, states: Any, sizes: tuple[int, ...], reverse: bool, cell: Callable[..., Any]
) -> tuple[Any, Any]:
    """Run a cell over a sequence, step by step; return the states of all rows, and the last."""
    rows: dict[int, Any] = {}
    for start, n in steps_of(sizes, reverse):
        new = cell(x[start : start + n], *[state[:n] for state in states])
        states = [
            np.concatenate([a, b[n:]]) if n < len(b) else a
            for a, b in zip(new, states, strict=True)
        ]
        rows[start] = new[0]
    return np.concatenate([rows[start] for start in sorted(rows)]), states


# Elman's network


def _rnn(
    x: Any, h: Any, weight: Any, *, sizes: tuple[int, ...], reverse: bool, nonlinearity: str
) -> Any:
    """Hidden states of a recurrent layer at every step, from (rows, H), (N, H) and (H, H)."""
    out = np.empty_like(x)
    steps = steps_of(sizes, reverse)
    across = np.ascontiguousarray(weight.T)  # one copy makes the product of every step faster
    for k, (start, n) in enumerate(steps):
        rows = out[start : start + n]
        product(_before(out, h, steps, k), across, out=rows)
        rows += x[start : start + n]
        np.tanh(rows, out=rows) if nonlinearity == "tanh" else np.maximum(rows, 0, out=rows)
    return out, _SharedGradients()


def _rnn_back(
    g: Any, out: Any, h: Any, weight: Any, shared: Any, sizes: Any, reverse: bool, nonlinearity: str
) -> dict[str, Any]:
    steps = steps_of(sizes, reverse)
    gx, before, gh = np.empty_like(out), np.empty_like(out), np.zeros_like(h)
    slopes = 1 - out * out if nonlinearity == "tanh" else None
    for k in reversed(range(len(steps))):
        start, n = steps[k]
        rows = slice(start, start + n)
        before[rows] = _before(out, h, steps, k)
        a, into = gx[rows], g[rows] + gh[:n]
        if slopes is None:  # a product with 0 would be NaN where what comes in is infinite
            a[...] = np.where(out[rows] <= 0, 0, into)
        else:
            np.multiply(into, slopes[rows], out=a)
        product(a, weight, out=gh[:n])
    return {"x": gx, "h": gh, "weight": _weight_gradient(before, gx)}


def _rnn_reference(
    x: Any, h: Any, weight: Any, *, sizes: tuple[int, ...], reverse: bool, nonlinearity: str
) -> Any:
    function = tanh if nonlinearity == "tanh" else relu

    def cell(x: Any, h: Any) -> tuple[Any]:
        return (function(x + product(h, weight.T)),)

    return _by_steps(x, [h], sizes, reverse, cell)[0]


_IN_TORCH = (
    "torch.{name}(x, torch.tensor(sizes), {state}, [torch.eye(len(weight), dtype=x.dtype), weight"
    "{biases}] * 2, {has_biases}, 1, 0.0, False, True)"
)
"""Both directions, of which one is taken; the identity is the weight of the inputs."""

rnn = op(
    "rnn", _rnn, **_rules(_rnn_back, "x", "h", "weight"),
    formula="h[t] = tanh(x[t] + h[t-1] @ weight.T)", residuals=["shared"], reference=_rnn_reference,
    torch=_IN_TORCH.format(
        name="rnn_tanh", state="torch.stack([h, h])", biases="", has_biases=False
    ).replace("torch.rnn_tanh", "getattr(torch, 'rnn_' + nonlinearity)")
    + "[0].chunk(2, -1)[reverse]",
    samples=[
        Sample((6, 2), (2, 2), (2, 2), sizes=(2, 2, 2), reverse=False, nonlinearity="tanh"),
        Sample((6, 2), (3, 2), (2, 2), sizes=(3, 2, 1), reverse=False, nonlinearity="tanh"),
        Sample((6, 2), (3, 2), (2, 2), sizes=(3, 2, 1), reverse=True, nonlinearity="relu"),
    ],
)  # fmt: skip


# Long short-term memory


def _lstm(x: Any, h: Any, c: Any, weight: Any, *, sizes: tuple[int, ...], reverse: bool) -> Any:
    """Hidden states at every step of a long short-term memory, and after them the last cells."""
    count, width = len(x), h.shape[1]
    out = np.empty((count + len(c), width), x.dtype)
    gates, cells = np.empty_like(x), np.empty((count, width), x.dtype)
    squashed = np.empty_like(cells)
    steps = steps_of(sizes, reverse)
    # One copy makes the product of every step faster; the sign is the exponential's.
    across = np.negative(weight.T, order="C")
    for k, (start, n) in enumerate(steps):
        rows = slice(start, start + n)
        a = product(_before(out, h, steps, k), across, out=gates[rows])
        a -= x[rows]
        keep, forget, new, show = _split(a, width)
        candidate = np.tanh(new)
        np.exp(a, out=a)
        a += 1
        np.reciprocal(a, out=a)
        np.negative(candidate, out=new)
        cell = np.multiply(forget, _before(cells, c, steps, k), out=cells[rows])
        cell += keep * new
        np.multiply(show, np.tanh(cell, out=squashed[rows]), out=out[rows])
    out[count:] = cells[last_rows(sizes, reverse)]
    return out, gates, cells, squashed, _SharedGradients()


def _split(a: Any, width: int) -> list[Any]:
    """Cut the gates apart."""
    return [a[:, i : i + width] for i in range(0, a.shape[1], width)]


def _lstm_back(
    g: Any, out: Any, h: Any, c: Any, weight: Any, gates: Any, cells: Any, squashed: Any,
    shared: Any, sizes: Any, reverse: bool,
) -> dict[str, Any]:  # fmt: skip
    steps = steps_of(sizes, reverse)
    width = h.shape[1]
    gx, before = np.empty_like(gates), np.empty_like(cells)
    gh, gc = np.zeros_like(h), np.array(g[len(cells) :])
    for k in reversed(range(len(steps))):
        start, n = steps[k]
        rows = slice(start, start + n)
        before[rows] = _before(out, h, steps, k)
        a, tanh_cell = gates[rows], squashed[rows]
        keep, forget, new, show = _split(a, width)
        here, cell = g[rows] + gh[:n], gc[:n]
        cell += here * show * (1 - tanh_cell * tanh_cell)
        parts = _split(gx[rows], width)
        np.multiply(cell, new, out=parts[0])
        np.multiply(cell, _before(cells, c, steps, k), out=parts[1])
        np.multiply(cell, keep, out=parts[2])
        np.multiply(here, tanh_cell, out=parts[3])
        slopes = a * (1 - a)
        np.subtract(1, new * new, out=slopes[:, 2 * width : 3 * width])
        gx[rows] *= slopes
        cell *= forget
        product(gx[rows], weight, out=gh[:n])
    return {"x": gx, "h": gh, "c": gc, "weight": _weight_gradient(before, gx)}


def lstm_by_steps(
    x: Any, h: Any, c: Any, weight: Any, projection: Any, *, sizes: tuple[int, ...], reverse: bool
) -> tuple[Any, Any]:
    """Long short-term memory as a composite: hidden states at every step, and the last cells.

    A projection of shape (P, H), or None, makes hidden states shorter than cells.
    """
    width = c.shape[1]

    def cell(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        keep, forget, new, show = _split(x + product(h, weight.T), width)
        c = sigmoid(forget) * c + sigmoid(keep) * tanh(new)
        h = sigmoid(show) * tanh(c)
        return (h if projection is None else product(h, projection.T)), c

    rows, (_, last) = _by_steps(x, [h, c], sizes, reverse, cell)
    return rows, last


lstm = op(
    "lstm", _lstm, **_rules(_lstm_back, "x", "h", "c", "weight"),
    formula="i, f, g, o = x[t] + h[t-1] @ weight.T; c[t] = sigmoid(f) c[t-1] + sigmoid(i) tanh(g); "
    "h[t] = sigmoid(o) tanh(c[t])",
    residuals=["gates", "cells", "squashed", "shared"], output_writable=True,
    reference=lambda x, h, c, weight, **settings: (
        np.concatenate(lstm_by_steps(x, h, c, weight, None, **settings))
    ),
    torch="(lambda out, h, c: torch.cat([out.chunk(2, -1)[reverse], c[int(reverse)]]))(*"
    + _IN_TORCH.format(
        name="lstm", state="(torch.stack([h, h]), torch.stack([c, c]))", biases="", has_biases=False
    )
    + ")",
    samples=[
        Sample((6, 8), (2, 2), (2, 2), (8, 2), sizes=(2, 2, 2), reverse=False),
        Sample((6, 8), (3, 2), (3, 2), (8, 2), sizes=(3, 2, 1), reverse=False),
        Sample((6, 8), (3, 2), (3, 2), (8, 2), sizes=(3, 2, 1), reverse=True),
    ],
)  # fmt: skip


# Gated recurrent unit


def _gru(
    x: Any, h: Any, weight: Any, bias: Any = None, *, sizes: tuple[int, ...], reverse: bool
) -> Any:
    """Hidden states of a gated recurrent unit at every step."""
    width = h.shape[1]
    out = np.empty((len(x), width), x.dtype)
    gates, inner = np.empty_like(x), np.empty_like(out)
    steps = steps_of(sizes, reverse)
    across = np.ascontiguousarray(weight.T)  # one copy makes the product of every step faster
    for k, (start, n) in enumerate(steps):
        rows = slice(start, start + n)
        before = _before(out, h, steps, k)
        a = product(before, across, out=gates[rows])
        if bias is not None:
            a += bias
        both, new = a[:, : 2 * width], a[:, 2 * width :]
        inner[rows] = new
        both += x[rows, : 2 * width]
        both *= 0.5
        np.tanh(both, out=both)
        both *= 0.5
        both += 0.5
        reset, keep = both[:, :width], both[:, width:]
        new *= reset
        new += x[rows, 2 * width :]
        np.tanh(new, out=new)
        hidden = np.subtract(before, new, out=out[rows])
        hidden *= keep
        hidden += new
    return out, gates, inner, _SharedGradients()


def _gru_back(
    g: Any, out: Any, h: Any, weight: Any, gates: Any, inner: Any, shared: Any,
    sizes: Any, reverse: bool,
) -> dict[str, Any]:  # fmt: skip
    steps = steps_of(sizes, reverse)
    width = h.shape[1]
    gx, ga, before = np.empty_like(gates), np.empty_like(gates), np.empty_like(out)
    gh = np.zeros_like(h)
    for k in reversed(range(len(steps))):
        start, n = steps[k]
        rows = slice(start, start + n)
        previous = before[rows]
        previous[...] = _before(out, h, steps, k)
        reset, keep, new = _split(gates[rows], width)
        here = g[rows] + gh[:n]
        to_reset, to_keep, to_new = _split(gx[rows], width)
        np.multiply(here * (1 - keep), 1 - new * new, out=to_new)
        np.multiply(here * (previous - new), keep * (1 - keep), out=to_keep)
        np.multiply(to_new * inner[rows], reset * (1 - reset), out=to_reset)
        ga[rows] = gx[rows]
        ga[rows, 2 * width :] *= reset
        product(ga[rows], weight, out=gh[:n])
        gh[:n] += here * keep
    return {"x": gx, "h": gh, "weight": _weight_gradient(before, ga), "bias": sum_rows(ga)}


def _gru_reference(
    x: Any, h: Any, weight: Any, bias: Any = None, *, sizes: tuple[int, ...], reverse: bool
) -> Any:
    width = h.shape[1]

    def cell(x: Any, h: Any) -> tuple[Any]:
        a = product(h, weight.T)
        from_x, from_h = _split(x, width), _split(a if bias is None else a + bias, width)
        reset, keep = (sigmoid(p + q) for p, q in zip(from_x[:2], from_h[:2], strict=True))
        new = tanh(from_x[2] + reset * from_h[2])
        return ((1 - keep) * new + keep * h,)

    return _by_steps(x, [h], sizes, reverse, cell)[0]


gru = op(
    "gru", _gru, **_rules(_gru_back, "x", "h", "weight", "bias"),
    formula="a = h[t-1] @ weight.T + bias; r, z = sigmoid(x[t] + a); n = tanh(x[t] + r a); "
    "h[t] = (1 - z) n + z h[t-1]",
    residuals=["gates", "inner", "shared"], reference=_gru_reference,
    torch=_IN_TORCH.format(
        name="gru", state="torch.stack([h, h])", has_biases="bias is not None",
        biases=", *([] if bias is None else [torch.zeros_like(bias), bias])",
    ) + "[0].chunk(2, -1)[reverse]",
    samples=[
        Sample((6, 6), (2, 2), (6, 2), (6,), sizes=(2, 2, 2), reverse=False),
        Sample((6, 6), (3, 2), (6, 2), None, sizes=(3, 2, 1), reverse=False),
        Sample((6, 6), (3, 2), (6, 2), (6,), sizes=(3, 2, 1), reverse=True),
    ],
)  # fmt: skip
