"""Divergences of all pairs of families that PyTorch has a formula for, also at their edges."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

FAMILIES = {
    "Bernoulli": [
        "probs=t.tensor([0.0, 0.5, 1.0, 0.3])",
        "probs=t.tensor(0.0)",
        "probs=t.tensor(1.0)",
        "logits=t.tensor([-inf, inf, 0.0, 200.0])",
        "logits=t.tensor(-200.0)",
    ],
    "Categorical": [
        "probs=t.tensor([0.0, 0.5, 0.5])",
        "probs=t.tensor([1.0, 0.0, 0.0])",
        "logits=t.tensor([-inf, 0.0, 0.0])",
        "logits=t.tensor([300.0, 0.0, -300.0])",
    ],
    "OneHotCategorical": ["probs=t.tensor([0.0, 0.5, 0.5])", "probs=t.tensor([0.2, 0.3, 0.5])"],
    "Normal": ["0.0, 1.0", "t.tensor([3.0, -2.0]), 0.7", "0.0, t.tensor(float('inf'))"],
    "Laplace": ["0.0, 1.0", "t.tensor([3.0, -2.0]), 0.7"],
    "Exponential": ["1.5", "t.tensor([0.2, 3.0])"],
    "Uniform": ["0.0, 1.0", "t.tensor([-1.0, 0.5]), 2.0", "0.0, float('inf')"],
    "MultivariateNormal": ["t.zeros(2), t.eye(2)", "t.ones(2), 3 * t.eye(2) + 1"],
    "Independent": ["D.Bernoulli(t.tensor([0.0, 0.5])), 1", "D.Bernoulli(t.tensor([1.0, 0.5])), 1"],
}


def divergence(t: Any, p: str, q: str) -> Any:
    """Return the divergence of two distributions, and its gradients where they are finite."""
    names = {"t": t, "D": t.distributions, "inf": float("inf")}
    made, leaves = [], []
    for call in (p, q):
        made.append(eval(f"D.{call}", names))
        given = vars(made[-1])
        leaves += [given[n] for n in ("probs", "logits", "loc", "scale", "rate") if n in given]
    leaves = [x.requires_grad_() for x in leaves if x.is_leaf]
    out = t.distributions.kl_divergence(*made)
    if out.requires_grad:
        out.sum().backward()
    return out.detach().numpy(), [x.grad for x in leaves]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(FAMILIES, FAMILIES)))
def test_divergences_are_those_of_pytorch(torch: Any, first: str, second: str) -> None:
    pairs = itertools.product(FAMILIES[first], FAMILIES[second])
    for one, other in pairs:
        p, q = f"{first}({one})", f"{second}({other})"
        try:
            wanted, slopes = divergence(torch, p, q)
        except NotImplementedError:
            with pytest.raises(NotImplementedError, match="register_kl"):
                divergence(tg, p, q)
            return
        got, own = divergence(tg, p, q)
        got = np.broadcast_to(got, np.broadcast_shapes(got.shape, wanted.shape))
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6, err_msg=f"{p} {q}")
        for mine, theirs in zip(own, slopes, strict=True):
            if theirs is not None and theirs.isfinite().all():
                np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5, err_msg=f"{p} {q}")


def test_what_the_other_rules_out_is_infinitely_far() -> None:
    D = tg.distributions
    assert D.kl_divergence(D.Bernoulli(0.5), D.Bernoulli(0.0)).item() == float("inf")
    assert D.kl_divergence(D.Bernoulli(0.5), D.Bernoulli(1.0)).item() == float("inf")
    assert D.kl_divergence(D.Bernoulli(0.0), D.Bernoulli(0.0)).item() == 0
    assert D.kl_divergence(D.Normal(0.0, 1.0), D.Exponential(1.0)).item() == float("inf")


def test_a_divergence_has_the_shape_of_both() -> None:
    D = tg.distributions
    far = D.kl_divergence(D.Normal(tg.zeros(3, 1), 1.0), D.Uniform(tg.zeros(2), 1.0))
    assert tuple(far.shape) == (3, 2)
