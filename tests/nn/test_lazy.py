"""Layers that find out their input's size, and layers of three dimensions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from side_by_side import compare

import tinygrad_mnist as tg
from tinygrad_mnist import nn

LAZY = {
    "nn.LazyLinear(5)": (4, 3), "nn.LazyLinear(5, bias=False)": (3,), "nn.LazyConv1d(4, 3)": (2, 3, 8),
    "nn.LazyConv2d(4, 3, padding=1)": (2, 3, 5, 5), "nn.LazyConv2d(4, 3, 2, groups=2)": (2, 2, 7, 7),
    "nn.LazyConv2d(4, 3, groups=2, bias=False)": (2, 7, 7), "nn.LazyConv3d(2, 2)": (1, 3, 3, 4, 4),
    "nn.LazyConvTranspose1d(4, 3)": (2, 3, 8), "nn.LazyConvTranspose2d(4, 3, 2)": (2, 3, 5, 5),
    "nn.LazyConvTranspose3d(2, 2, groups=2)": (1, 4, 2, 3, 3), "nn.LazyBatchNorm1d()": (4, 3),
    "nn.LazyBatchNorm1d(affine=False)": (4, 3, 2), "nn.LazyBatchNorm2d(1e-3, 0.3)": (4, 3, 2, 2),
    "nn.LazyBatchNorm3d()": (2, 3, 2, 2, 2), "nn.LazyInstanceNorm1d(affine=True)": (2, 3, 4),
    "nn.LazyInstanceNorm2d()": (2, 3, 4, 4),
    "nn.LazyInstanceNorm3d(track_running_stats=True, affine=True)": (2, 3, 2, 2, 2),
}  # fmt: skip


@pytest.mark.parametrize("call", LAZY)
def test_lazy_layer_becomes_pytorchs_layer_when_it_is_called(call: str, torch: Any) -> None:
    array = np.random.default_rng(0).standard_normal(LAZY[call]).astype(np.float32)
    results = []
    for m in (tg, torch):
        m.manual_seed(0)
        layer = eval(f"m.{call}", {"m": m})
        before = repr(layer)
        optimizer = m.optim.SGD(layer.parameters(), lr=0.1) if list(layer.parameters()) else None
        out = layer(m.tensor(array))
        if optimizer is not None:
            (out * out).sum().backward()
            optimizer.step()
        state = {name: x.numpy() for name, x in layer.state_dict().items()}
        results.append((before, repr(layer), type(layer).__name__, out.detach().numpy(), state,
                        m.rand(1).item()))  # fmt: skip
    ours, theirs = results
    assert ours[:3] == theirs[:3] and ours[5] == theirs[5]
    np.testing.assert_allclose(ours[3], theirs[3], rtol=1e-4, atol=1e-5)
    assert list(ours[4]) == list(theirs[4])
    for name in theirs[4]:
        np.testing.assert_allclose(ours[4][name], theirs[4][name], rtol=1e-3, atol=1e-4)


def test_lazy_layer_that_was_not_called_says_so() -> None:
    layer: Any = nn.LazyLinear(2)
    assert repr(layer.weight) == "<UninitializedParameter>" and layer.has_uninitialized_params()
    with pytest.raises(ValueError, match="no shape yet"):
        layer.weight.numel()
    other = copy.deepcopy(layer)
    layer(tg.ones(1, 3))
    assert type(layer) is nn.Linear and type(layer.weight) is nn.Parameter
    assert other(tg.ones(1, 4)).shape == (1, 2)


VOLUMES = {
    "nn.ConvTranspose3d(2, 3, 2, stride=2)": (1, 2, 2, 3, 3), "nn.MaxPool3d(2)": (2, 2, 4, 4, 4),
    "nn.MaxPool3d((1, 2, 2), 1, (0, 1, 1), ceil_mode=True)": (2, 2, 3, 4, 5),
    "nn.MaxPool3d(2, return_indices=True)": (2, 2, 4, 4, 4), "nn.AvgPool3d(2)": (2, 2, 4, 4, 4),
    "nn.AvgPool3d(3, 2, 1, count_include_pad=False)": (2, 4, 5, 6),
    "nn.AdaptiveAvgPool3d((2, None, 1))": (2, 3, 4, 3, 5), "nn.AdaptiveAvgPool3d(4)": (1, 1, 4, 4, 4),
    "nn.AdaptiveMaxPool3d(2)": (2, 3, 4, 3, 5),
    "nn.AdaptiveMaxPool3d(2, return_indices=True)": (2, 3, 4, 3, 5),
    "nn.InstanceNorm3d(3, affine=True)": (2, 3, 2, 2, 2), "nn.ConstantPad3d(1, 2.5)": (1, 2, 2, 2, 2),
    "nn.ZeroPad3d((1, 0, 2, 0, 1, 1))": (1, 2, 2, 2, 2), "nn.ReflectionPad3d(1)": (1, 2, 3, 3, 3),
    "nn.ReplicationPad3d(2)": (1, 2, 2, 2, 2), "nn.CircularPad3d(1)": (1, 2, 2, 2, 2),
    "nn.Dropout3d(0.5)": (2, 3, 2, 2, 2), "nn.BatchNorm3d(2)": (2, 2, 2, 2, 2),
}  # fmt: skip


@pytest.mark.parametrize("call", VOLUMES)
def test_layer_of_three_dimensions_is_pytorchs(call: str, torch: Any) -> None:
    compare(torch, call, np.random.default_rng(0).standard_normal(VOLUMES[call]))


def test_picked_elements_of_volumes_are_put_back(torch: Any) -> None:
    results = []
    for m in (tg, torch):
        x = m.arange(64.0).reshape(1, 1, 4, 4, 4).sin()
        pool, back = m.nn.MaxPool3d(2, return_indices=True), m.nn.MaxUnpool3d(2)
        results.append(back(*pool(x)).numpy())
    np.testing.assert_allclose(*results, rtol=1e-6)
