"""Memory that modules and their vectors of parameters share after a conversion, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg


def test_a_vectors_elements_become_the_parameters_memory(torch: Any) -> None:
    for t in (tg, torch):
        layer = t.nn.Linear(2, 2)
        vector = t.arange(6.0)
        t.nn.utils.vector_to_parameters(vector, layer.parameters())
        vector[0] = 77
        layer.bias.data[1] = 55
        assert layer.weight.tolist() == [[77, 1], [2, 3]]
        assert vector.tolist() == [77, 1, 2, 3, 4, 55]
        assert layer.weight.is_leaf and layer.weight.requires_grad
        t.nn.utils.vector_to_parameters(vector.double(), layer.parameters())
        assert str(layer.weight.dtype) == "torch.float64"


def test_a_view_of_a_parameter_keeps_its_history_when_the_module_is_converted() -> None:
    layer = tg.nn.Linear(3, 2)
    flat = layer.weight.view(-1)
    layer.double()
    flat.sum().backward()
    assert layer.weight.grad.tolist() == [[1.0] * 3] * 2


def test_what_saved_a_parameter_is_not_differentiated_after_a_conversion() -> None:
    layer = tg.nn.Linear(3, 2)
    y = layer(tg.ones(1, 3, requires_grad=True))
    layer.double()
    with pytest.raises(RuntimeError, match="modified"):
        y.sum().backward()


def test_a_conversion_to_the_same_dtype_changes_nothing() -> None:
    layer = tg.nn.Linear(3, 2)
    memory = layer.weight.data
    y = layer(tg.ones(1, 3, requires_grad=True))
    layer.float()
    memory[0, 0] = 9
    assert layer.weight[0, 0].item() == 9
    y.sum().backward()


@pytest.mark.parametrize("name", ["Adam", "AdamW", "RMSprop", "NAdam", "RAdam", "Adadelta"])
def test_squares_of_float16_gradients_do_not_overflow_in_optimizers(name: str, torch: Any) -> None:
    ends = []
    for t in (tg, torch):
        p = t.nn.Parameter(t.linspace(-1, 1, 5, dtype=t.float16))
        options = {} if name == "Adadelta" else {"lr": 0.01}
        optimizer = getattr(t.optim, name)([p], foreach=False, **options)
        for _ in range(3):
            p.grad = t.tensor([-600.0, -300.0, 1.0, 300.0, 900.0], dtype=t.float16)
            optimizer.step()
        ends.append(p.detach().numpy().astype(float))
    np.testing.assert_allclose(*ends, rtol=2e-2, atol=2e-3)
