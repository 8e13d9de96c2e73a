"""Helpers for parameters beside PyTorch's: clipping, and weights recomputed before each forward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from side_by_side import assert_same

import tinygrad_mnist as tg
from tinygrad_mnist import nn

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")


def with_gradients(library: Any, values: list[Any]) -> list[Any]:
    parameters = []
    for value in values:
        x = library.zeros(len(value), dtype=library.float64, requires_grad=True)
        x.grad = library.tensor(value, dtype=library.float64)
        parameters.append(x)
    return [*parameters, library.zeros(2, requires_grad=True)]


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, float("inf")])
@pytest.mark.parametrize("last", [3.0, 0.01, float("nan"), float("inf")])
@pytest.mark.parametrize("foreach", [None, False])
def test_clipping_by_norm_is_pytorchs(
    norm_type: float, last: float, foreach: Any, torch: Any
) -> None:
    results = []
    for library in (tg, torch):
        parameters = with_gradients(library, [[0.1, -0.2], [last]])
        clip = library.nn.utils.clip_grad_norm_
        total = clip(iter(parameters), 1.0, norm_type, foreach=foreach)
        results.append((total, [p.grad for p in parameters]))
        library.nn.utils.clip_grad_value_(parameters, 0.1, foreach=foreach)
        results[-1] += ([p.grad for p in parameters],)
    assert_same(*results)


def test_a_norm_that_is_not_finite_is_an_error_if_asked_for(torch: Any) -> None:
    for library in (tg, torch):
        parameters = with_gradients(library, [[0.1], [float("nan")]])
        with pytest.raises(RuntimeError, match="total norm of order 2"):
            library.nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
        assert parameters[0].grad.tolist() == [0.1]


def test_nothing_to_clip_has_norm_zero(torch: Any) -> None:
    nothing = [library.nn.utils.clip_grad_norm_([], 1.0) for library in (tg, torch)]
    assert_same(*nothing)


@pytest.mark.parametrize(
    "wrap",
    ["weight_norm({})", "weight_norm({}, dim=None)", "weight_norm({}, dim=1)",
     "spectral_norm({})", "spectral_norm({}, n_power_iterations=3, dim=1)"],
)  # fmt: skip
def test_recomputed_weight_is_pytorchs(wrap: str, torch: Any) -> None:
    x = np.random.default_rng(0).standard_normal((5, 3))
    results = []
    for library in (tg, torch):
        library.manual_seed(0)
        layer = library.nn.Linear(3, 4)
        utils = library.nn.utils
        wrapped = eval(wrap.format("layer"), {"layer": layer.double(), **vars(utils)})
        assert wrapped is layer
        out = layer(library.tensor(x))
        (layer(library.tensor(x)) * out).sum().backward()
        eval_out = layer.eval()(library.tensor(x))
        state = [(k, v) for k, v in layer.state_dict().items()]
        remove = getattr(utils, f"remove_{wrap.split('(')[0]}")
        remove(layer)
        results.append(
            {
                "names": [k for k, _ in state],
                "after": list(layer.state_dict()),
                "tensors": [
                    out, eval_out, layer(library.tensor(x)), *(v for _, v in state),
                    *layer.state_dict().values(),
                ],
            }
        )  # fmt: skip
    assert results[0]["names"] == results[1]["names"]
    assert results[0]["after"] == results[1]["after"]
    # The directions start from normal numbers, which agree up to the last bits of float32.
    tolerance = 1e-9 if wrap.startswith("weight") else 1e-5
    assert_same(results[0]["tensors"], results[1]["tensors"], tolerance)


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_recomputed_weight_is_made_once_and_removed_once(kind: str) -> None:
    make, remove = getattr(nn.utils, kind), getattr(nn.utils, f"remove_{kind}")
    layer = make(nn.Linear(2, 3))
    with pytest.raises(RuntimeError, match="two"):
        make(layer)
    remove(layer)
    with pytest.raises(ValueError, match="not found"):
        remove(layer)
    with pytest.raises(AttributeError, match="weights"):
        make(layer, "weights")


def test_a_recurrent_weight_can_be_normalised(torch: Any) -> None:
    results = []
    for library in (tg, torch):
        library.manual_seed(0)
        layer = library.nn.GRU(2, 3).double()
        library.nn.utils.weight_norm(layer, "weight_hh_l0")
        x = library.ones(4, 1, 2, dtype=library.float64)
        layer(x)[0].sum().backward()
        results.append([p.grad for _, p in sorted(layer.named_parameters())])
    assert_same(*results)
