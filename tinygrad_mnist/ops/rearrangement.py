"""Copies of an array: repeated, reversed, moved around the ends, or a triangle of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Op, Sample, op


def _unrepeat(g: Any, shape: tuple[int, ...], times: tuple[int, ...]) -> Any:
    full = (1,) * (len(times) - len(shape)) + tuple(shape)
    apart = tuple(n for pair in zip(times, full, strict=True) for n in pair)
    total = np.sum(np.reshape(g, apart), axis=tuple(range(0, len(apart), 2)))
    return np.reshape(total, shape)


repeat = op(
    "repeat", lambda x, *, times: np.tile(x, times), x=_unrepeat,
    doc="Copies of an array, a number of times along each dimension.",
    formula="out[i] = x[i mod n]", torch="x.repeat(times)",
    samples=[
        Sample((3,), times=(2,)), Sample((2, 2), times=(2, 1, 3)), Sample((), times=(2,)),
        Sample((2,), times=(0,)), Sample((3,), times=(1,)),
    ],
)  # fmt: skip
flip = op(
    "flip", lambda x, *, dims: np.flip(x, dims).copy(), x=lambda g, dims: np.flip(g, dims),
    doc="The elements in reverse order along dimensions.", formula="out[i] = x[n - 1 - i]",
    torch="torch.flip(x, dims)",
    samples=[Sample((3,), dims=(0,)), Sample((2, 3), dims=(0, 1)), Sample((2, 2), dims=(0,))],
)  # fmt: skip
roll = op(
    "roll",
    lambda x, *, shifts, dims: np.roll(x, shifts, dims),
    x=lambda g, shifts, dims: np.roll(g, tuple(-s for s in shifts), dims),
    doc="The elements moved along dimensions; those that leave come in at the other end.",
    formula="out[i] = x[i - shift]",
    torch="torch.roll(x, shifts, dims)",
    samples=[Sample((4,), shifts=(1,), dims=(0,)), Sample((3, 3), shifts=(1, -1), dims=(0, 1))],
)


def _triangle(name: str, cut: Any, which: str, formula: str) -> Op:
    """Declare what keeps one triangle of each matrix."""
    return op(
        name, lambda x, *, diagonal: cut(x, diagonal), x=lambda g, diagonal: cut(g, diagonal),
        doc=f"The {which} triangle of the last two dimensions, and zeros elsewhere.",
        formula=formula, torch=f"torch.{name}(x, diagonal)",
        samples=[Sample((3, 3), diagonal=0), *(Sample((2, 2, 3), diagonal=d) for d in (-1, 1))],
    )  # fmt: skip


tril = _triangle("tril", np.tril, "lower", "x[i, j] if j <= i + diagonal else 0")
triu = _triangle("triu", np.triu, "upper", "x[i, j] if j >= i + diagonal else 0")
