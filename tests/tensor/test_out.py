"""A write by out= reaches the base of a view, whatever its shape was."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

CALLS = [
    "t.arange(4, out=o)", "t.linspace(0, 1, 4, out=o)", "t.logspace(0, 1, 4, out=o)",
    "t.ones(4, out=o)", "t.full((2, 2), 7.0, out=o)", "t.eye(2, out=o)", "t.rand(4, out=o)",
    "t.add(a, 1, out=o)", "t.sin(a.view(2, 2), out=o)", "t.cat([a[:2], a[2:]], out=o)",
    "t.sum(a.view(2, 2), 0, out=o)", "t.mm(a.view(2, 2), a.view(2, 2), out=o)",
    "t.cumsum(a, 0, out=o)", "t.sort(a, out=(o, t.empty(0, dtype=t.int64)))",
    "t.masked_select(a, a > 0, out=o)", "t.clamp(a, 0, 1, out=o)", "t.outer(a[:2], a[:2], out=o)",
]  # fmt: skip
VIEWS = {
    "of its shape": ("t.zeros(6)", "base[1:5]"),
    "strided": ("t.zeros(8)", "base[::2]"),
    "two columns": ("t.zeros(2, 3)", "base[:, 1:]"),
    "transposed": ("t.zeros(2, 2)", "base.T"),
    "too large": ("t.zeros(12)", "base[2:9]"),
    "too small": ("t.zeros(9)", "base[3:4]"),
    "empty": ("t.zeros(0)", "base"),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("call", CALLS)
def test_out_reaches_the_base_as_in_pytorch(torch: Any, call: str, view: str) -> None:
    results = []
    for t in (tg, torch):
        t.manual_seed(0)
        names: dict[str, Any] = {"t": t, "a": t.tensor([-1.5, 2.0, 0.5, 3.0])}
        names["base"] = eval(VIEWS[view][0], names)
        names["o"] = eval(VIEWS[view][1], names)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            out = eval(call, names)
        assert out is names["o"] or isinstance(out, tuple)
        results.append((names["o"].numpy(), names["base"].numpy(), bool(caught)))
    (mine, base, warned), (theirs, wanted, warns) = results
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    if view != "empty":
        np.testing.assert_allclose(base, wanted, rtol=1e-5, atol=1e-6)
    assert warned == warns


def test_arange_fills_a_view_of_another_shape() -> None:
    base = tg.zeros(2, 3)
    tg.arange(4, out=base[:, 1:])
    assert base.tolist() == [[0, 0, 1], [0, 2, 3]]


@pytest.mark.parametrize(
    "call", ["add_(2, out=y)", "sum(0, out=y)", "zero_(out=y)", "clone(out=y)", "view(3, out=y)"]
)
def test_methods_take_no_out(call: str) -> None:
    x, y = tg.ones(3), tg.zeros(3)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'out'"):
        eval(f"x.{call}", {"x": x, "y": y})
    assert x.tolist() == [1, 1, 1]
    assert y.tolist() == [0, 0, 0]
