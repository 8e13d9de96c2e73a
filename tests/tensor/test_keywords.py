"""Arguments by keyword, under PyTorch's names and under NumPy's, which PyTorch takes too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

CALLS = [
    "x.reshape(shape=(4, 3))", "x.view(size=(2, 6))", "x.permute(dims=(1, 0))", "x.flip(dims=(0, 1))",
    "t.permute(x, dims=[1, 0])", "t.reshape(x, shape=(12,))", "x[:1].expand(size=(2, 4))",
    "t.broadcast_to(x[0], size=(2, 4))", "x.repeat(repeats=(1, 2))", "t.tile(x, dims=(2,))",
    "x.reshape(2, shape=(3,))", "x.sum(axis=1, keepdims=True)", "t.sum(x, axis=0)", "t.mean(x, axis=(0, 1))",
    "x.max(axis=1)", "t.argmax(x, axis=1, keepdims=True)", "x.std(axis=0)", "x.var(axis=0, keepdims=True)",
    "t.softmax(x, axis=1)", "x.log_softmax(axis=0)", "t.unsqueeze(x, axis=1)", "x.any(axis=0)",
    "x.unsqueeze(axis=0).squeeze(axis=0)", "t.max(x, other=x.flip(0))", "x.cumsum(axis=0)",
    "x.clone().div_(3, rounding_mode='floor')", "x.clone().div_(-3, rounding_mode='trunc')",
    "t.zeros(size=(2, 3))", "t.ones(size=[2])", "t.rand(size=(2,)) < 1", "t.randn(size=(0, 2))", "t.empty(size=(0,))",
    "t.zeros(2).copy_(other=t.ones(2))", "x.nonzero(as_tuple=True)", "t.nonzero(x > 2, as_tuple=True)", "t.tensor(3.0).nonzero(as_tuple=True)",
    "t.tensor(0.0).nonzero(as_tuple=True)", "x.nonzero(True)", "x.norm(dtype=t.float64)",
    "t.arange(4).norm(dtype=t.float32)", "x.sum(axis=0, dim=0)", "x.sum(foo=1)", "x.min(axis=0, keepdims=True)",
    "t.linalg.tensorinv(input=t.eye(4).reshape(2, 2, 2, 2), ind=2)", "t.linalg.cholesky(input=t.eye(2))",
    "t.linalg.tensorsolve(input=t.eye(4).reshape(2, 2, 4), other=t.ones(2, 2))", "t.linalg.lstsq(input=x.T, b=x.T)[1]",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_keywords_are_pytorchs(call: str, torch: Any) -> None:
    results: list[list[Any]] = []
    for t in (tg, torch):
        x = t.arange(12.0).reshape(3, 4)
        try:
            out = eval(call, {"t": t, "x": x})
            several = isinstance(out, tuple)
            results.append([v.numpy() for v in (out if several else (out,))])
        except (TypeError, RuntimeError) as error:
            results.append([type(error) is TypeError])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert np.asarray(a).dtype == np.asarray(b).dtype
