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


def rows_of_steps(sizes: tuple[int, ...], reverse: bool) -> list[slice]:
    """Return the rows of each step, in the order in which the steps are taken."""
    rows, start = [], 0
    for n in sizes:
        rows.append(slice(start, start + n))
        start += n
    return rows[::-1] if reverse else rows


def last_rows(sizes: tuple[int, ...], reverse: bool) -> Any:
    """Return where, among the rows of all steps, each sequence's last state stands."""
    if reverse:
        return slice(0, sizes[0])
    if sizes[-1] == sizes[0]:
        return slice(sum(sizes) - sizes[0], sum(sizes))
    last = np.empty(sizes[0], np.int64)
    for rows in rows_of_steps(sizes, reverse):
        last[: rows.stop - rows.start] = np.arange(rows.start, rows.stop)
    return last


def _fitted(states: Any, first: Any, n: int) -> Any:
    """Return the states before a step of n rows: the last step's, or where it had no row first."""
    m = len(states)
    if n == m:
        return states
    return states[:n] if n < m else np.concatenate([states, first[m:n]])


def _before(states: Any, first: Any, steps: list[slice]) -> Any:
    """Return the states before each row, from those after it."""
    before, last = np.empty_like(states), first
    for rows in steps:
        before[rows] = _fitted(last, first, rows.stop - rows.start)
        last = states[rows]
    return before


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
    found = []
    steps = rows_of_steps(sizes, reverse)
    for rows in steps:
        n = rows.stop - rows.start
        new = cell(x[rows], *[state[:n] for state in states])
        states = [
            np.concatenate([a, b[n:]]) if n < len(b) else a
            for a, b in zip(new, states, strict=True)
        ]
        found.append(new[0])
    return np.concatenate(found[::-1] if reverse else found), states


# Elman's network


def _rnn(
    x: Any, h: Any, weight: Any, *, sizes: tuple[int, ...], reverse: bool, nonlinearity: str
) -> Any:
    """Hidden states of a recurrent layer at every step, from (rows, H), (N, H) and (H, H)."""
    out, hidden = np.empty_like(x), h
    across = np.ascontiguousarray(weight.T)  # one copy makes the product of every step faster
    for rows in rows_of_steps(sizes, reverse):
        a = out[rows]
        product(_fitted(hidden, h, len(a)), across, out=a)
        a += x[rows]
        hidden = np.tanh(a, out=a) if nonlinearity == "tanh" else np.maximum(a, 0, out=a)
    return out, _SharedGradients()


def _rnn_back(
    g: Any, out: Any, h: Any, weight: Any, shared: Any, sizes: Any, reverse: bool, nonlinearity: str
) -> dict[str, Any]:
    steps = rows_of_steps(sizes, reverse)
    gx, gh = np.empty_like(out), np.zeros_like(h)
    slopes = 1 - out * out if nonlinearity == "tanh" else None
    for rows in reversed(steps):
        a = gx[rows]
        into = g[rows] + gh[: len(a)]
        if slopes is None:  # a product with 0 would be NaN where what comes in is infinite
            a[...] = np.where(out[rows] <= 0, 0, into)
        else:
            np.multiply(into, slopes[rows], out=a)
        product(a, weight, out=gh[: len(a)])
    return {"x": gx, "h": gh, "weight": _weight_gradient(_before(out, h, steps), gx)}


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


BLOCK = 2**17
"""Numbers of gates whose slopes are found at once: few enough to stay in the cache."""


def _blocks(sizes: tuple[int, ...], limit: int) -> list[tuple[slice, int]]:
    """Cut the rows into pieces whose steps have equally many; return these, and how many steps.

    No piece has more rows than the limit, if it is of more than one step.
    """
    blocks, start, first = [], 0, 0
    for k, n in enumerate(sizes, 1):
        if k == len(sizes) or sizes[k] != n or n * (k - first + 1) > limit:
            stop = start + n * (k - first)
            blocks.append((slice(start, stop), k - first))
            start, first = stop, k
    return blocks


def _split(a: Any, width: int) -> list[Any]:
    """Cut the gates apart."""
    return [a[:, i : i + width] for i in range(0, a.shape[1], width)]


class Memory:
    """What a long short-term memory keeps of a sequence, and views of it for each step.

    Attributes
    ----------
    gates
        Of each step (4, n, H), one after another: 1 + exp(-a) for the gates i, f and o, and
        tanh(-a) for the candidate. So each gate is one piece of memory, which is what makes short
        elementwise operations fast.
    cells, squashed
        The cells after each step, and their hyperbolic tangents, (rows, H).
    """

    def __init__(self, x: Any, width: int, sizes: tuple[int, ...], reverse: bool) -> None:
        shape = len(x), width
        self.gates, self.cells, self.squashed = (
            np.empty(s, x.dtype) for s in (x.shape, shape, shape)
        )
        self._last = last_rows(sizes, reverse)
        self._across, scratch = (
            np.empty(s, x.dtype) for s in ((4, width, width), (sizes[0], width))
        )
        self._steps = []
        for rows in rows_of_steps(sizes, reverse):
            n = rows.stop - rows.start
            a = self.gates[rows].reshape(4, n, width)
            views = self.cells[rows], self.squashed[rows], scratch[:n]
            self._steps.append((rows, n, a, a[:2], a[2:], a[:3], *a, *views))

    def forward(self, x: Any, h: Any, c: Any, weight: Any) -> Any:
        """Return the hidden states at every step, and after them the last cells."""
        count, width = self.cells.shape
        out, across = np.empty((count + len(c), width), x.dtype), self._across
        of_gates = weight.reshape(4, width, width).swapaxes(1, 2)
        np.negative(of_gates[:2], across[:2])
        np.negative(of_gates[:1:-1], across[2:])
        hidden, cell = h, c
        for step in self._steps:
            rows, n, a, first, second, three, keep, forget, show, new, into, squashed, part = step
            given = x[rows].reshape(n, 4, width).swapaxes(0, 1)
            product(_fitted(hidden, h, n), across, a)
            np.subtract(first, given[:2], first)
            np.subtract(second, given[:1:-1], second)
            np.exp(three, three)
            np.add(three, 1, three)
            np.tanh(new, new)
            cell = np.divide(_fitted(cell, c, n), forget, into)
            np.subtract(cell, np.divide(new, keep, part), cell)
            hidden = np.divide(np.tanh(cell, squashed), show, out[rows])
        out[count:] = self.cells[self._last]
        return out


def _lstm(x: Any, h: Any, c: Any, weight: Any, *, sizes: tuple[int, ...], reverse: bool) -> Any:
    """Hidden states at every step of a long short-term memory, and after them the last cells."""
    kept = Memory(x, h.shape[1], sizes, reverse)
    out = kept.forward(x, h, c, weight)
    return out, kept.gates, kept.cells, kept.squashed, _SharedGradients()


def _lstm_slopes(gates: Any, before: Any, squashed: Any) -> tuple[Any, Any, Any]:
    """Return what gradients are multiplied by in some steps of n rows.

    Parameters
    ----------
    gates
        What the steps have kept, (4, steps, n, H).
    before, squashed
        The cells before each step, and the hyperbolic tangents of those after it, (steps, n, H).

    Returns
    -------
    The derivatives by the sums of the gates, (4, steps, n, H), of the cells, and in the last place
    of the hidden states; those of the hidden states by the cells, and of these by the cells before,
    (steps, n, H) each.
    """
    opened, by_gate = np.empty((3, *before.shape), before.dtype), np.empty(gates.shape, gates.dtype)
    np.reciprocal(gates[:3], opened)
    (keep, forget, show), new = opened, gates[3]
    by_keep, by_forget, by_new, by_show = by_gate
    np.multiply(np.subtract(keep, 1, by_keep), keep, by_keep)
    np.multiply(by_keep, new, by_keep)  # both have the other sign
    np.multiply(np.subtract(1, forget, by_forget), forget, by_forget)
    np.multiply(by_forget, before, by_forget)
    np.subtract(1, np.multiply(new, new, by_new), by_new)
    np.multiply(by_new, keep, by_new)
    np.multiply(np.subtract(1, show, by_show), show, by_show)
    np.multiply(by_show, squashed, by_show)
    by_cell = squashed * squashed
    np.multiply(np.subtract(1, by_cell, by_cell), show, by_cell)
    return by_gate, by_cell, forget


def _lstm_back(
    g: Any, out: Any, h: Any, c: Any, weight: Any, gates: Any, cells: Any, squashed: Any,
    shared: Any, sizes: Any, reverse: bool,
) -> dict[str, Any]:  # fmt: skip
    gx = np.empty_like(gates)
    return lstm_back(g, out, h, c, weight, gates, cells, squashed, sizes, reverse, gx)


def lstm_back(
    g: Any, out: Any, h: Any, c: Any, weight: Any, gates: Any, cells: Any, squashed: Any,
    sizes: Any, reverse: bool, gx: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return the gradients of all inputs; that of x in ``gx``, which may be ``gates`` itself."""
    count, width = cells.shape
    steps = rows_of_steps(sizes, reverse)
    before = _before(cells, c, steps)
    gh, gc = np.zeros(h.shape, h.dtype), np.array(g[count:], order="C")
    order = 1 if reverse else -1
    for rows, length in _blocks(sizes, BLOCK // (4 * width))[::order]:
        n = (rows.stop - rows.start) // length
        hidden, cell, (here, part) = gh[:n], gc[:n], np.empty((2, n, width), gc.dtype)
        by_step = (length, n, width)
        by_gate, of_hidden, forget = _lstm_slopes(
            gates[rows].reshape(length, 4, n, width).swapaxes(0, 1),
            before[rows].reshape(by_step),
            squashed[rows].reshape(by_step),
        )
        a, slopes = gx[rows].reshape(length, n, 4 * width), by_gate.swapaxes(0, 1)
        into = a.reshape(length, n, 4, width).swapaxes(1, 2)
        found = [g[rows].reshape(by_step), of_hidden, forget, slopes, into, a]
        for given, of_cell, kept, slope, gate, row in zip(
            *(x[::order] for x in found), strict=True
        ):
            np.add(given, hidden, here)
            np.add(cell, np.multiply(here, of_cell, part), cell)
            np.multiply(slope[:3], cell, gate[:3])
            np.multiply(slope[3], here, gate[3])
            np.multiply(cell, kept, cell)
            product(row, weight, hidden)
    weight_gradient = _weight_gradient(_before(out[:count], h, steps), gx)
    return {"x": gx, "h": gh, "c": gc, "weight": weight_gradient}


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
    across = np.ascontiguousarray(weight.T)  # one copy makes the product of every step faster
    hidden = h
    for rows in rows_of_steps(sizes, reverse):
        before = _fitted(hidden, h, rows.stop - rows.start)
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
    steps = rows_of_steps(sizes, reverse)
    width = h.shape[1]
    gx, ga, gh = np.empty_like(gates), np.empty_like(gates), np.zeros_like(h)
    before = _before(out, h, steps)
    for rows in reversed(steps):
        n, previous = rows.stop - rows.start, before[rows]
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
