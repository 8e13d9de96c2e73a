"""Layers and functions that few programs have, beside PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from side_by_side import compare

import tinygrad_mnist as tg
from tinygrad_mnist import nn

LAYERS = {
    "nn.LPPool1d(2, 3)": (2, 3, 8), "nn.LPPool1d(1, 2, 1, True)": (2, 3, 5),
    "nn.LPPool2d(2, 2)": (2, 2, 4, 5), "nn.LPPool2d(3, (2, 1), stride=(1, 2))": (2, 2, 4, 5),
    "nn.LPPool3d(2, 2)": (1, 2, 4, 4, 4), "nn.RReLU()": (3, 4), "nn.RReLU(0.1, 0.5)": (2, 3, 4),
    "nn.RReLU(inplace=False).eval()": (3, 4), "nn.SyncBatchNorm(3)": (4, 3, 2, 2),
    "nn.SyncBatchNorm(3, 1e-3, None)": (4, 3), "nn.SyncBatchNorm(3).eval()": (4, 3, 2),
}  # fmt: skip


@pytest.mark.parametrize("call", LAYERS)
def test_layer_is_pytorchs(call: str, torch: Any) -> None:
    array = np.random.default_rng(0).standard_normal(LAYERS[call])
    compare(torch, call, np.abs(array) if "LPPool" in call else array)


def test_margins_of_several_labels_are_pytorchs(torch: Any) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    target = np.array([[3, 0, -1, 1], [1, -1, 2, 2], [-1, 0, 1, 2]])
    for call in ("F.multilabel_margin_loss(x, y)", "F.multilabel_margin_loss(x, y, reduction='none')",
                 "F.multilabel_margin_loss(x, y, reduction='sum')", "nn.MultiLabelMarginLoss()(x, y)",
                 "F.multilabel_margin_loss(x[0], y[0])", "F.multilabel_margin_loss(x, y, False)",
                 "nn.MultiLabelMarginLoss(reduce=False)(x, y)"):  # fmt: skip
        results = []
        for m in (tg, torch):
            leaf = m.tensor(x, requires_grad=True)
            given = {"F": m.nn.functional, "nn": m.nn, "x": leaf, "y": m.tensor(target)}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                out = eval(call, given)
            out.sum().backward()
            results.append((out.detach().numpy(), leaf.grad.numpy()))
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
            assert np.shape(a) == np.shape(b)
    loss = nn.functional.multilabel_margin_loss
    with pytest.raises(RuntimeError, match="classes from 0 to 2"):
        loss(tg.ones(3), tg.tensor([3, -1, 0]))
    with pytest.raises(RuntimeError, match="one shape"):
        loss(tg.ones(3), tg.tensor([1]))


def test_older_names_of_interpolation_warn(torch: Any) -> None:
    for name in ("upsample_nearest", "upsample_bilinear"):
        results = []
        for m in (tg, torch):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                x = m.arange(8.0).reshape(1, 2, 2, 2)
                results.append(getattr(m.nn.functional, name)(x, scale_factor=2).numpy())
            assert caught
        np.testing.assert_allclose(*results, rtol=1e-6)


def test_batch_normalisations_are_converted(torch: Any) -> None:
    results = []
    for m in (tg, torch):
        m.manual_seed(0)
        net = m.nn.Sequential(m.nn.Conv2d(1, 2, 1), m.nn.BatchNorm2d(2), m.nn.ReLU())
        out = m.nn.SyncBatchNorm.convert_sync_batchnorm(net)
        results.append((repr(out), list(out.state_dict()), out(m.ones(2, 1, 2, 2)).tolist()))
        assert out[1].weight is not None and len(list(out.parameters())) == 4
    assert results[0][:2] == results[1][:2]
    np.testing.assert_allclose(results[0][2], results[1][2], atol=1e-5)


SPECIAL = """
m.special.entr(x); m.special.entr(m.tensor([0.0, -1.0, float("nan")])); m.special.ndtr(y);
m.special.ndtri(x); m.special.xlog1py(x, x); m.special.round(y); m.special.xlog1py(2.0, x)
"""
LINALG = """
m.linalg.tensorinv(t, 1);
m.linalg.tensorsolve(t, s.flatten()[:6]);
m.linalg.tensorinv(t.reshape(3, 2, 6)); m.linalg.tensorsolve(t.movedim(0, 1), t[:, 0, 0], dims=(0, 2))
"""


@pytest.mark.parametrize("call", [c.strip() for c in (SPECIAL + ";" + LINALG).split(";")])
def test_special_function_or_solver_is_pytorchs(call: str, torch: Any) -> None:
    results = []
    for m in (tg, torch):
        a = m.tensor(np.random.default_rng(0).standard_normal((3, 3)))
        t = m.tensor(np.random.default_rng(1).standard_normal((6, 2, 3)))
        x = m.tensor([0.1, 0.5, 0.8], dtype=m.float64, requires_grad=True)
        given = {"m": m, "x": x, "y": m.tensor([-1.5, 0.3, 2.5], dtype=m.float64),
                 "s": a @ a.T + m.eye(3, dtype=m.float64), "t": t}  # fmt: skip
        out = eval(call, given)
        parts = list(out) if isinstance(out, tuple) else [out]
        if parts[0].requires_grad:
            parts[0].sum().backward()
        results.append([p.detach().numpy() for p in parts] + [x.grad])
    for p, q in zip(*results, strict=True):
        if q is not None:
            np.testing.assert_allclose(np.asarray(p), np.asarray(q), rtol=1e-8, atol=1e-10)
