"""Layers at the edges of what they take: empty batches, odd scales, other dtypes."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_mnist as tg


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        ("nn.BatchNorm1d(3)", (0, 3)),
        ("nn.BatchNorm1d(3, momentum=None)", (0, 3, 5)),
        ("nn.BatchNorm2d(3)", (0, 3, 4, 4)),
        ("nn.BatchNorm2d(3, affine=False)", (2, 3, 0, 4)),
        ("nn.InstanceNorm1d(3, track_running_stats=True)", (2, 3, 0)),
        ("nn.BatchNorm1d(3, track_running_stats=False)", (0, 3)),
    ],
)
def test_an_empty_batch_leaves_running_statistics_alone(
    torch: Any, call: str, shape: tuple[int, ...]
) -> None:
    states = []
    for t in (tg, torch):
        layer = eval(call, {"nn": t.nn})
        x = t.zeros(*shape, requires_grad=True)
        out = layer(x)
        out.sum().backward()
        assert tuple(out.shape) == tuple(x.grad.shape) == shape
        states.append({name: value.tolist() for name, value in layer.state_dict().items()})
        states[-1] |= {name: p.grad.tolist() for name, p in layer.named_parameters()}
    assert states[0] == states[1]


def test_an_instance_norm_of_no_images_keeps_its_statistics() -> None:
    layer = tg.nn.InstanceNorm1d(3, track_running_stats=True)
    layer(tg.zeros(0, 3, 5))
    assert layer.running_mean.tolist() == [0, 0, 0]
    assert layer.running_var.tolist() == [1, 1, 1]
