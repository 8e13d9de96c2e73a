"""Parameters that modules compute from others."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn.utils import parametrizations, parametrize

CALLS = {
    "weight_norm(m.nn.Linear(3, 4))": (2, 3), "weight_norm(m.nn.Linear(3, 4), dim=None)": (2, 3),
    "weight_norm(m.nn.Conv2d(2, 3, 2), dim=1)": (1, 2, 4, 4),
    "weight_norm(m.nn.Linear(3, 4), 'bias')": (2, 3),
    "spectral_norm(m.nn.Linear(3, 4))": (2, 3), "spectral_norm(m.nn.Conv1d(2, 3, 2))": (1, 2, 5),
    "spectral_norm(m.nn.ConvTranspose2d(2, 3, 2), n_power_iterations=2)": (1, 2, 3, 3),
    "spectral_norm(spectral_norm(m.nn.Linear(3, 4)), 'bias')": (2, 3),
    "spectral_norm(weight_norm(m.nn.Linear(3, 4)))": (2, 3),
    "weight_norm(m.nn.Embedding(3, 4))": None,
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_normalised_weight_is_pytorchs(call: str, torch: Any) -> None:
    theirs = importlib.import_module("torch.nn.utils.parametrizations")
    results = []
    shape = CALLS[call]
    for m, space in ((tg, parametrizations), (torch, theirs)):
        m.manual_seed(0)
        module = eval(call, {"m": m, **vars(space)})
        array = np.random.default_rng(0).standard_normal(shape or (2,)).astype(np.float32)
        x = m.tensor(array) if shape else m.tensor([0, 2])
        optimizer = m.optim.SGD(module.parameters(), lr=0.1)
        losses = []
        for _ in range(3):
            loss = (module(x) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        module.eval()
        state = {k: v.numpy() for k, v in module.state_dict().items()}
        results.append((repr(module), losses, state, module(x).detach().numpy()))
    ours, mine = results
    assert ours[0] == mine[0].replace("_SpectralNorm", "_SpectralNorm")
    np.testing.assert_allclose(ours[1], mine[1], rtol=1e-4)
    assert list(ours[2]) == list(mine[2])
    for key in mine[2]:
        np.testing.assert_allclose(ours[2][key], mine[2][key], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(ours[3], mine[3], rtol=1e-4, atol=1e-5)


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).T


class Exponential(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.exp()

    def right_inverse(self, x: Any) -> Any:
        return x.log()


def test_parametrization_is_registered_read_set_and_removed() -> None:
    layer: Any = nn.Linear(3, 3)
    before = layer.weight
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert parametrize.is_parametrized(layer) and parametrize.is_parametrized(layer, "weight")
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert layer.parametrizations.weight.original is before
    assert (layer.weight == layer.weight.T).all()
    layer(tg.ones(1, 3)).sum().backward()
    assert before.grad is not None
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    other = copy.deepcopy(layer)
    other.load_state_dict(layer.state_dict())
    assert (other.weight == layer.weight).all()
    value = layer.weight.detach().clone()
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and layer.weight is before
    assert (layer.weight == value).all() and list(layer.state_dict()) == ["bias", "weight"]


def test_inverse_says_what_a_value_comes_from() -> None:
    layer: Any = nn.Linear(2, 2)
    with tg.no_grad():
        layer.weight.fill_(2.0)
    parametrize.register_parametrization(layer, "weight", Exponential())
    np.testing.assert_allclose(layer.weight.detach().numpy(), 2.0, rtol=1e-6)
    layer.weight = tg.full((2, 2), 5.0)
    np.testing.assert_allclose(
        layer.parametrizations.weight.original.tolist(), np.log(5), rtol=1e-6
    )
    parametrize.register_parametrization(layer, "weight", Symmetric())
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    np.testing.assert_allclose(layer.weight.tolist(), np.log(5), rtol=1e-6)


def test_what_cannot_be_parametrized_is_refused() -> None:
    layer: Any = nn.Linear(2, 3)
    with pytest.raises(ValueError, match="no parameter or buffer"):
        parametrize.register_parametrization(layer, "nothing", Symmetric())
    with pytest.raises(ValueError, match="no parameter or buffer"):
        parametrizations.spectral_norm(layer, "nothing")
    with pytest.raises(ValueError, match="unsafe=True"):
        parametrize.register_parametrization(layer, "weight", nn.Flatten(0))
    with pytest.raises(ValueError, match="no parametrization"):
        parametrize.remove_parametrizations(layer, "weight")
    with pytest.raises(ValueError, match="positive"):
        parametrizations.spectral_norm(layer, n_power_iterations=0)
