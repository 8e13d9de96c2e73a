"""Scaled dot-product attention beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import gradcheck, gradgradcheck
from tinygrad_mnist.nn import functional as F

SEEN = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], bool)
ADDED = np.where(SEEN, np.linspace(-1, 1, 12).reshape(4, 3), -np.inf)
CASES: list[tuple[Any, ...]] = [
    ((4, 5), (3, 5), (3, 2), None, {}),
    ((2, 4, 5), (2, 3, 5), (2, 3, 5), None, {"is_causal": True}),
    ((2, 2, 4, 5), (2, 2, 3, 5), (2, 2, 3, 2), SEEN, {}),
    ((2, 2, 4, 5), (2, 2, 3, 5), (2, 2, 3, 2), SEEN[:, :1], {"scale": -0.7}),
    ((2, 2, 4, 5), (1, 2, 3, 5), (2, 1, 3, 5), ADDED, {}),
    ((2, 4, 5), (2, 3, 5), (2, 3, 5), ADDED[None, 3:].repeat(2, 0), {"scale": 0.0}),
    ((2, 6, 4, 5), (2, 2, 3, 5), (2, 3, 3, 5), None, {"enable_gqa": True}),
    ((6, 2, 5), (2, 3, 5), (2, 3, 5), None, {"enable_gqa": True, "is_causal": True}),
    ((2, 0, 5), (2, 3, 5), (2, 3, 5), None, {}),
    ((2, 4, 5), (2, 0, 5), (2, 0, 5), None, {}),
    ((4, 0), (3, 0), (3, 2), None, {}),
]


def inputs(library: Any, shapes: tuple[Any, ...], mask: Any, dtype: Any) -> list[Any]:
    source = np.random.default_rng(0)
    made = [library.tensor(source.standard_normal(s).astype(dtype)) for s in shapes]
    if mask is not None:
        made.append(library.tensor(mask if mask.dtype == bool else mask.astype(dtype)))
    return [x if x.dtype == library.bool else x.requires_grad_() for x in made]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("q", "k", "v", "mask", "settings"), CASES)
def test_attention_and_its_gradients_are_those_of_pytorch(
    q: Any, k: Any, v: Any, mask: Any, settings: Any, dtype: Any, torch: Any
) -> None:
    results = []
    for library, function in (
        (tg, F.scaled_dot_product_attention),
        (torch, torch.nn.functional.scaled_dot_product_attention),
    ):
        made = inputs(library, (q, k, v), mask, dtype)
        out = function(*made, **settings)
        g = np.random.default_rng(1).standard_normal(tuple(out.shape)).astype(dtype)
        out.backward(library.tensor(g))
        results.append([out, *(x.grad for x in made if x.requires_grad)])
    tolerance = 1e-11 if dtype == "float64" else 1e-5
    for a, b in zip(*results, strict=True):
        assert str(a.dtype) == str(b.dtype)
        np.testing.assert_allclose(
            a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize(
    ("q", "k", "v", "mask", "settings"),
    [
        ((2, 3), (2, 3), (2, 2), None, {"is_causal": True}),
        ((4, 2), (3, 2), (3, 2), SEEN, {}),
        ((2, 2, 1), (1, 3, 1), (1, 3, 2), np.zeros((2, 3)), {"enable_gqa": True}),
    ],
)
def test_attention_has_first_and_second_derivatives(
    q: Any, k: Any, v: Any, mask: Any, settings: Any
) -> None:
    """Attention's derivatives agree with finite differences: causal, masked, with shared heads."""
    made = inputs(tg, (q, k, v), mask, "float64")
    assert gradcheck(lambda *a: F.scaled_dot_product_attention(*a, **settings), made)
    assert gradgradcheck(lambda *a: F.scaled_dot_product_attention(*a, **settings), made)


def test_dropout_of_weights_draws_the_numbers_that_pytorch_draws(torch: Any) -> None:
    results = []
    for library, function in (
        (tg, F.scaled_dot_product_attention),
        (torch, torch.nn.functional.scaled_dot_product_attention),
    ):
        made = inputs(library, ((2, 4, 5), (2, 3, 5), (2, 3, 5)), None, "float64")
        library.manual_seed(3)
        results.append(function(*made, dropout_p=0.4).detach().numpy())
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_a_nan_in_a_query_stays_in_its_row() -> None:
    q, k, v = inputs(tg, ((2, 3), (2, 3), (2, 3)), None, "float32")
    out = F.scaled_dot_product_attention(q + tg.tensor([[np.nan], [0.0]]), k, v)
    assert out.isnan().tolist() == [[True] * 3, [False] * 3]


@pytest.mark.parametrize(
    ("shapes", "mask", "settings", "error", "words"),
    [
        (((3,), (3,), (3,)), None, {}, RuntimeError, "at least 2 dimensions"),
        (((4, 5), (3, 4), (3, 4)), None, {}, RuntimeError, "same last length"),
        (((4, 5), (3, 5), (2, 5)), None, {}, RuntimeError, "one value for each key"),
        (((4, 5), (3, 5), (3, 5)), SEEN.astype(int), {}, RuntimeError, "attn_mask to be bool"),
        (((4, 5), (3, 5), (3, 5)), SEEN[:2], {}, RuntimeError, "does not broadcast"),
        (((4, 5), (3, 5), (3, 5)), SEEN[None], {}, RuntimeError, "does not broadcast"),
        (((4, 5), (3, 5), (3, 5)), SEEN, {"is_causal": True}, RuntimeError, "is_causal"),
        (((4, 5), (3, 5), (3, 5)), None, {"dropout_p": 1.5}, RuntimeError, "between 0 and 1"),
        (((4, 5), (3, 5), (3, 5)), None, {"enable_gqa": True}, IndexError, "dimension -3"),
        (((3, 4, 5), (2, 3, 5), (2, 3, 5)), None, {"enable_gqa": True}, RuntimeError, "divide"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    shapes: Any, mask: Any, settings: Any, error: Any, words: str, torch: Any
) -> None:
    """PyTorch refuses the same, with the same type of exception."""
    source = np.random.default_rng(0)
    for library, function, match in (
        (tg, F.scaled_dot_product_attention, words),
        (torch, torch.nn.functional.scaled_dot_product_attention, None),
    ):
        made = [library.tensor(source.standard_normal(s)) for s in shapes]
        made += [] if mask is None else [library.tensor(mask)]
        with pytest.raises(error, match=match):
            function(*made, **settings)
