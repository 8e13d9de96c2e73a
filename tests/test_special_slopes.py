"""Slopes at NaN, at kinks and at infinity, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

POINTS = [float("nan"), 0.0, 0.5, -0.5, 3.0, -3.0, 1.0, -1.0, -18.0, float("inf")]
CALLS = [
    "t.special.xlog1py(x, x.detach().abs().flip(0))",
    "t.special.xlog1py(x.detach(), x.abs())",
    "t.special.xlog1py(x * 0, x.detach() * 0 - 1)",
    "t.special.xlog1py(x, 2.0)",
    "t.special.xlog1py(0.0, x.abs())",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_slopes_are_pytorchs(call: str, torch: Any) -> None:
    slopes = []
    for t in (tg, torch):
        x = t.tensor(POINTS, requires_grad=True)
        y = eval(call, {"F": t.nn.functional, "t": t, "x": x})
        y.backward(t.ones_like(y))
        slopes.append((y.tolist(), x.grad.tolist()))
    for ours, theirs in zip(*slopes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("first", [1.0, float("nan"), float("inf")])
def test_multilabel_margin_loss_has_no_slope_at_its_margin(first: float, torch: Any) -> None:
    slopes = []
    for t in (tg, torch):
        rows = [[first, 0.0, -1.0, 1.0], [2.0, 2.0, 1.0, 1.0]]
        x = t.tensor(rows, requires_grad=True)
        y = t.nn.functional.multilabel_margin_loss(x, t.tensor([[0, 1, -1, -1]] * 2))
        y.backward()
        slopes.append((y.tolist(), x.grad.tolist()))
    for ours, theirs in zip(*slopes, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
