"""Calls at special places: zeros, infinities, NaN, ties and kinks, in both libraries.

A call is an expression of tensors that means the same with either library under the name ``t``.
Elementwise ones are asked at all combinations of special values and incoming gradients; of others,
special values are put into some places of ordinary inputs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

import tinygrad_mnist as tg

INF, NAN = float("inf"), float("nan")

UNARY = (
    0.0, -0.0, 1e-30, -1e-30, 1e-9, 1e30, -1e30, INF, -INF, NAN, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0,
    3.0, -3.0, 6.0, -6.0, 18.0, -18.0, 20.0, -20.0, 100.0, -100.0, 0.3, -1.7, 2.6,
)  # fmt: skip
"""The numbers to try: kinks, ends of domains, thresholds, and some ordinary ones."""
BINARY = (0.0, -0.0, 1e-30, 1e30, -1e30, INF, -INF, NAN, 1.0, -1.0, 0.5, 2.0, -2.0, 0.3, -1.7)
TERNARY = (0.0, 1e30, INF, -INF, NAN, 1.0, -1.0, 0.3)
GRADIENTS = (1.3, 0.0, INF, -INF, NAN)
SHAPES = {
    "x": (5,), "y": (5,), "z": (5,), "m": (4, 4), "m2": (4, 4), "v": (4,), "w": (2, 4, 4, 4),
}  # fmt: skip
"""The inputs of calls, by name."""


class Call(NamedTuple):
    """An expression, and the shapes of its inputs."""

    expression: str
    shapes: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, expression: str) -> Call:
        """Find the inputs that an expression names."""
        named = re.findall(r"\b[a-z]\w*\b", expression)
        return cls(expression, {k: shape for k, shape in SHAPES.items() if k in named})

    @property
    def elementwise(self) -> bool:
        """Whether each element of the output depends on one place of the inputs alone."""
        return is_elementwise(self)

    def outputs(self, t: Any, given: dict[str, Any]) -> list[Any]:
        """Evaluate the expression with a library; return its tensors."""
        names = {"t": t, "F": t.nn.functional, "inf": INF, "nan": NAN, **given}
        out = eval(self.expression, names)
        outs = out if isinstance(out, tuple | list) else [out]
        return [o for o in outs if isinstance(o, t.Tensor)]


def derivatives(
    t: Any,
    outputs: Callable[[Any, dict[str, Any]], list[Any]],
    arrays: dict[str, np.ndarray],
    incoming: Callable[[int, tuple[int, ...]], Any],
    order: int = 1,
) -> list[list[np.ndarray]]:
    """Return values, gradients, and up to an order those of a projection of the ones before.

    ``incoming`` gives an output's gradient, from its number and shape.
    """
    given = {k: t.from_numpy(a.copy()) for k, a in arrays.items()}
    leaves = [x.requires_grad_() for x in given.values()]
    outs = outputs(t, given)
    found = [[(o.detach() + 0).numpy() for o in outs]]
    roots = [o for o in outs if o.requires_grad]
    if not roots:
        return found
    cotangents = [
        t.from_numpy(np.array(incoming(i, tuple(o.shape)), o.detach().numpy().dtype))
        for i, o in enumerate(roots)
    ]
    if order > 1:
        cotangents = [c.requires_grad_() for c in cotangents]
    source = np.random.default_rng(5)
    for level in range(1, order + 1):
        grads = t.autograd.grad(
            roots, leaves, cotangents, create_graph=level < order, allow_unused=True
        )
        # An input that doesn't matter has no gradient, or zeros: it is the same.
        full = [t.zeros_like(x) if g is None else g for x, g in zip(leaves, grads, strict=True)]
        found.append([(g.detach() + 0).numpy() for g in full])
        if level == 1:
            leaves = leaves + [c for c in cotangents if c.requires_grad]
        roots = [g for g in full if g.requires_grad]
        if not roots:
            break
        cotangents = [
            t.from_numpy(source.uniform(0.5, 1.5, tuple(g.shape)).astype(g.detach().numpy().dtype))
            for g in roots
        ]
    return found


def is_elementwise(call: Call) -> bool:
    """Whether each element of the output depends on one place of the inputs alone."""
    source = np.random.default_rng(1)
    xs = {k: source.uniform(-0.9, 0.9, 7) for k in call.shapes}
    parts = [slice(None), slice(0, 3), slice(None, None, -1)]
    try:
        outs = [call.outputs(tg, {k: tg.tensor(x[p].copy()) for k, x in xs.items()}) for p in parts]
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError):
        return False
    whole = outs[0]
    if len(whole) != 1 or any(o.shape != (7,) for o in whole):
        return False
    return all(
        len(out) == 1 and np.array_equal(out[0].numpy(), whole[0].numpy()[p], equal_nan=True)
        for p, out in zip(parts, outs, strict=True)
    )


def grid(names: list[str], dtype: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return all combinations of special values, and of incoming gradients."""
    values = {1: UNARY, 2: BINARY}.get(len(names), TERNARY)
    columns = zip(*product(*[values] * len(names), GRADIENTS), strict=True)
    *arrays, g = (np.array(c).astype(dtype) for c in columns)
    return dict(zip(names, arrays, strict=True)), g


def differences(
    arrays: dict[str, np.ndarray], g: Any, ours: np.ndarray, theirs: np.ndarray, close: np.ndarray
) -> list[str]:
    """Say where two results differ, each kind once."""
    said = []
    for i in np.flatnonzero(~close):
        place = ", ".join(f"{float(a[i]):.4g}" for a in arrays.values())
        said.append(f"at {place} with {g[i]:.3g}: {ours[i]:.6g} [{theirs[i]:.6g}]")
    return list(dict.fromkeys(said))


def agree(a: np.ndarray, b: np.ndarray, rtol: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.isclose(a, b, rtol, rtol, equal_nan=True)


PIECE = 7
"""PyTorch computes arrays shorter than two vectors element by element, and what is left over of
longer ones. There its answers at NaN may be others than within vectors; these are the ones taken."""


def compare_elementwise(
    torch: Any, call: Call, dtype: Any, thorough: bool = True, skip: Any = None
) -> list[str]:
    """Return where values or gradients of an elementwise call differ from PyTorch's."""
    rtol = 1e-6 if dtype is np.float64 else 2e-4
    arrays, g = grid(list(call.shapes), dtype)
    ours = derivatives(tg, call.outputs, arrays, lambda i, shape: g)

    def alone(which: np.ndarray) -> list[list[np.ndarray]]:
        pieces = []
        for start in range(0, len(which), PIECE):
            part = which[start : start + PIECE]
            few = {k: a[part] for k, a in arrays.items()}
            pieces.append(derivatives(torch, call.outputs, few, lambda i, shape, p=part: g[p]))
        return [
            [np.concatenate(parts) for parts in zip(*level, strict=True)]
            for level in zip(*pieces, strict=True)
        ]

    if thorough:
        theirs = alone(np.arange(g.size))
    else:
        theirs = derivatives(torch, call.outputs, arrays, lambda i, shape: g)
        close = [
            agree(a, b, rtol)
            for x, y in zip(ours, theirs, strict=True)
            for a, b in zip(x, y, strict=True)
        ]
        rest = np.flatnonzero(~np.logical_and.reduce(close))
        if rest.size:
            for level, parts in enumerate(alone(rest)):
                for k, values in enumerate(parts):
                    theirs[level][k][rest] = values
    found = []
    for level, mine in enumerate(ours):
        for k, a in enumerate(mine):
            b = theirs[level][k]
            close = agree(a, b, rtol)
            if skip is not None:
                close |= skip(level, k, g, *arrays.values())
            what = "value" if level == 0 else f"gradient {k}"
            found += [f"{what} {s}" for s in differences(arrays, g, a, b, close)]
    # Second derivatives, at ordinary numbers and kinks.
    usual = np.isfinite(g)
    for a in arrays.values():
        usual &= ((a == 0) & ~np.signbit(a)) | ((np.abs(a) > 1e-2) & (np.abs(a) < 50))
    arrays, g = {k: a[usual] for k, a in arrays.items()}, g[usual]
    try:
        theirs = derivatives(torch, call.outputs, arrays, lambda i, shape: g, 2)
    except RuntimeError:
        return found  # PyTorch has none
    ours = derivatives(tg, call.outputs, arrays, lambda i, shape: g, 2)
    for level, (mine, yours) in enumerate(zip(ours, theirs, strict=False)):
        for k, (a, b) in enumerate(zip(mine, yours, strict=True)):
            close = agree(a, b, rtol * 10) | (np.isnan(b) & (level == 2))
            if skip is not None:
                close |= skip(level, k, g, *arrays.values())
            what = f"{('value', 'recorded gradient', 'second derivative')[level]} {k}"
            found += [f"{what} {s}" for s in differences(arrays, g, a, b, close)]
    return found


FILLS = (0.0, INF, NAN)


class Place(NamedTuple):
    """Where a special value is put, and what gradient comes in."""

    value: float | None
    name: str
    where: str
    incoming: str
    order: int = 1

    def arrays(self, shapes: dict[str, tuple[int, ...]], dtype: Any) -> dict[str, np.ndarray]:
        """Draw ordinary inputs, and put the value in."""
        source = np.random.default_rng(7)
        drawn = {k: np.array(source.uniform(0.1, 0.9, shape)) for k, shape in shapes.items()}
        if self.where == "ties":
            drawn = {k: np.array(np.round(a * 2) - 1) for k, a in drawn.items()}
        elif self.value is not None:
            flat = drawn[self.name].reshape(-1)
            flat[{"one": slice(1, 2), "two": slice(1, 3), "all": slice(None)}[self.where]] = (
                self.value
            )
        return {k: np.asarray(a, dtype) for k, a in drawn.items()}

    def gradient(self, number: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return the gradient of an output."""
        g = np.random.default_rng(3 + number).uniform(0.5, 1.5, shape)
        if self.incoming == "zero":
            g *= 0
        elif self.incoming == "-inf":
            g[...] = -INF
        elif self.incoming != "plain":
            g.reshape(-1)[:1] = {"inf": INF, "nan": NAN}[self.incoming]
        return g


def places(call: Call) -> Iterator[Place]:
    """Return where to ask a call that isn't elementwise."""
    for incoming in ("plain", "inf", "-inf", "zero", "nan"):
        yield Place(None, "", "ties", incoming)
    yield Place(None, "", "none", "inf")
    yield Place(None, "", "ties", "plain", 2)
    yield Place(None, "", "none", "plain", 2)
    for name in call.shapes:
        for value in FILLS:
            yield Place(value, name, "two", "plain")
            yield Place(value, name, "two", "inf")
            yield Place(value, name, "all", "plain")


def compare_filled(torch: Any, call: Call, dtype: Any, skip: Any = None) -> list[str]:
    """Return where values or gradients of a call differ from PyTorch's."""
    rtol = 1e-6 if dtype is np.float64 else 1e-3
    found = []
    for place in places(call):
        arrays = place.arrays(call.shapes, dtype)
        try:
            theirs = derivatives(torch, call.outputs, arrays, place.gradient, place.order)
        except (RuntimeError, IndexError, ValueError, NotImplementedError):
            continue  # PyTorch refuses
        if skip is not None and skip(place):
            continue
        ours = derivatives(tg, call.outputs, arrays, place.gradient, place.order)
        for level, (mine, yours) in enumerate(zip(ours, theirs, strict=False)):
            if level == 1 and place.order == 2 and place.where != "ties":
                continue
            for k, (a, b) in enumerate(zip(mine, yours, strict=True)):
                assert a.shape == b.shape, f"{call}: {a.shape} {b.shape}"
                close = agree(a, b, rtol)
                if level == 2:
                    close |= np.isnan(b)
                if not close.all():
                    i = np.flatnonzero(~close)[0]
                    what = ("value", "gradient", "second derivative")[level]
                    found.append(f"{what} {k} {tuple(place)}: {a.flat[i]:.6g} [{b.flat[i]:.6g}]")
    return found
