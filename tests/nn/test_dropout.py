"""Dropout of elements and of whole channels, of every shape that PyTorch takes; softmax too."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from side_by_side import make_both

import tinygrad_mnist as tg

SHAPES = [(), (4,), (5, 3), (3, 4, 2), (2, 5, 2, 2), (2, 3, 2, 1, 2), (1, 4, 1, 1, 2, 2), (0, 3, 2)]
FUNCTIONS = [
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
]  # fmt: skip


def outcome(call: Callable[[], Any]) -> tuple[Any, bool]:
    """Return a result or the kind of error, and whether a warning came."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return call(), bool(caught)
        except (RuntimeError, ValueError) as error:
            return type(error), bool(caught)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_dropout_drops_what_pytorch_drops(name: str, shape: tuple[int, ...], torch: Any) -> None:
    settings = itertools.product((0.0, 0.4, 1.0, 1.5), (True, False), (True, False))
    for p, training, inplace in settings:
        results: list[Any] = []
        for m in (tg, torch):
            m.manual_seed(3)
            array = np.random.default_rng(0).standard_normal(shape)
            leaf = m.tensor(array, requires_grad=True)
            x = leaf * 1
            function = getattr(m.nn.functional, name)
            out, warned = outcome(functools.partial(function, x, p, training, inplace))
            if isinstance(out, type):
                results.append((out, warned))
                continue
            (out * out).sum().backward()
            assert (out is x) == (inplace or not training or p == 0 or not x.numel()) or not inplace
            results.append((out.detach().numpy(), leaf.grad.numpy(), x.detach().numpy(), warned))
        ours, theirs = results
        assert ours[-1] == theirs[-1], (p, training, inplace)
        for a, b in zip(ours, theirs, strict=True):
            if isinstance(b, np.ndarray):
                np.testing.assert_allclose(a, b, rtol=1e-12)
            else:
                assert a == b


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d",
                                  "AlphaDropout", "FeatureAlphaDropout"])  # fmt: skip
def test_layer_drops_what_pytorchs_drops(name: str, torch: Any) -> None:
    for shape in SHAPES[2:7]:
        mine, theirs = make_both(torch, f"nn.{name}(0.3)")
        results = []
        for module, m in ((mine, tg), (theirs, torch)):
            m.manual_seed(1)
            out, warned = outcome(lambda f=module, m=m, s=shape: f(m.ones(s)))
            results.append((out if isinstance(out, type) else out.tolist(), warned))
        assert results[0][1] == results[1][1]
        if isinstance(results[1][0], type):
            assert results[0][0] is results[1][0]
        else:
            np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_without_a_dimension_chooses_as_pytorch(name: str, torch: Any) -> None:
    layer = {"softmax": "Softmax", "log_softmax": "LogSoftmax", "softmin": "Softmin"}[name]
    for shape in ((), (3,), (2, 3), (2, 3, 2), (2, 3, 2, 2), (2, 2, 2, 2, 2)):
        array = np.random.default_rng(0).standard_normal(shape)
        results = []
        for m in (tg, torch):
            x = m.tensor(array)
            for call in (getattr(m.nn.functional, name), getattr(m.nn, layer)()):
                with pytest.warns(UserWarning, match="dim"):
                    results.append(call(x).numpy())
            results.append(getattr(m.nn.functional, name)(x, -1, 3, m.float64).numpy())
        for a, b in zip(results[:3], results[3:], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_integers_are_drawn_below_a_bound_given_by_name(torch: Any) -> None:
    for settings in ({"high": 2}, {"low": 1, "high": 5}):
        drawn = []
        for m in (tg, torch):
            m.manual_seed(0)
            drawn.append(m.randint_like(m.zeros(4, 3), **settings).numpy())
        np.testing.assert_array_equal(drawn[0], drawn[1])
    with pytest.raises(TypeError, match="randint_like"):
        tg.randint_like(tg.zeros(2))
