"""The table of a model's layers."""

from __future__ import annotations

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.utils import summary


def test_summary_has_the_shapes_and_counts_of_every_layer() -> None:
    model = nn.Sequential(
        nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 256), nn.Sigmoid(), nn.Linear(256, 10)
    )
    table = summary(model, (32, 784))
    assert table.total_params == table.trainable_params == 269_322
    assert [layer.parameters for layer in table.layers] == [200_960, 0, 65_792, 0, 2_570]
    assert [layer.output_shape for layer in table.layers] == [(32, 256)] * 4 + [(32, 10)]
    assert "269,322" in str(table)


def test_summary_without_input_has_no_shapes() -> None:
    table = summary(nn.Linear(3, 2))
    assert [(row.name, row.type, row.output_shape) for row in table.layers] == [
        ("self", "Linear", None)
    ]


def test_shared_and_frozen_parameters_are_counted_once_and_apart() -> None:
    first = nn.Linear(4, 4)
    model = nn.Sequential(first, nn.ReLU(), first, nn.Linear(4, 4))
    model[3].weight = first.weight
    first.bias.requires_grad_(False)
    table = summary(model, (1, 4))
    assert table.total_params == 24
    assert table.trainable_params == 20
    assert [(row.parameters, row.again) for row in table.layers] == [
        (20, False), (0, False), (0, True), (4, False),
    ]  # fmt: skip
    assert "(shared)" in str(table)


def test_summary_leaves_the_model_and_the_random_numbers_as_they_were() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    model[1].eval()
    tg.manual_seed(3)
    expected = tg.rand(2)
    tg.manual_seed(3)
    summary(model, input_data=tg.ones(1, 2))
    assert (tg.rand(2) == expected).all()
    assert [m.training for m in model.modules()] == [True, True, False]
    assert model[0].weight.grad is None
    assert not any(m._post_hooks for m in model.modules())


def test_summary_says_what_is_wrong_with_the_input() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="can't run on this input"):
        summary(model, (1, 3))
    assert not model[0]._post_hooks
    with pytest.raises(ValueError, match="not both"):
        summary(model, (1, 2), input_data=tg.ones(1, 2))


def test_modules_with_parameters_and_modules_of_their_own_have_a_row() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(tg.ones(1))
            self.inner = nn.Linear(2, 2)

        def forward(self, x: tg.Tensor, y: tg.Tensor) -> tuple[tg.Tensor, int]:
            return self.inner(x) * self.scale + y, 1

    table = summary(Scaled(), input_data=(tg.ones(3, 2), tg.ones(2)))
    assert [(row.name, row.parameters, row.output_shape) for row in table.layers] == [
        ("self", 1, (3, 2)),
        ("inner", 6, (3, 2)),
    ]
