"""Distributions give PyTorch's samples, log-probabilities, entropies, divergences and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tests.side_by_side import assert_same

A = np.random.default_rng(0).standard_normal((2, 3))
"""Parameters before they are made positive, or weights."""

FAMILIES = {
    "Normal(a, b.exp())": "a",
    "Normal(a, 2.0)": "a + 1",
    "Uniform(a, a + b.exp())": "a + 0.3 * b.exp()",
    "Exponential(b.exp())": "a.exp()",
    "Laplace(a, b.exp())": "a + 1",
    "Bernoulli(b.sigmoid())": "(a > 0).double()",
    "Bernoulli(logits=b)": "(a > 0).double()",
    "Categorical(b.exp())": "i",
    "Categorical(logits=b)": "i",
    "OneHotCategorical(logits=b)": "t.eye(3, dtype=t.float64)[i]",
    "Independent(Normal(a, b.exp()), 1)": "a + 1",
    "MultivariateNormal(a, m)": "a + 1",
    "MultivariateNormal(a, precision_matrix=m)": "a + 1",
    "MultivariateNormal(a, scale_tril=m.tril())": "a + 1",
    "MixtureSameFamily(Categorical(b.exp()), Normal(a, b.exp()))": "a[:, 0] + 1",
    "MixtureSameFamily(Categorical(b[0].exp()), Independent(Normal(m, 1.0), 1))": "a[0] + 1",
}


def make(t: Any, expression: str) -> tuple[Any, dict[str, Any]]:
    """Return a distribution, and what its expression is made from."""
    a = t.tensor(A, requires_grad=True)
    b = t.tensor(A[::-1].copy() / 2, requires_grad=True)
    m = t.tensor(A.T @ A + np.eye(3), requires_grad=True)
    names = {"t": t, "a": a, "b": b, "m": m, "i": t.tensor([2, 0])}
    return eval(expression, {**vars(t.distributions), **names}), names


def with_gradients(out: Any, names: dict[str, Any]) -> Any:
    """Return a value, and the gradients of the parameters that it was computed from."""
    t, leaves = names["t"], [names[k] for k in "abm"]
    if not out.requires_grad:
        return out
    g = t.tensor(np.random.default_rng(1).standard_normal(tuple(out.shape)))
    return out, *t.autograd.grad(out, leaves, g, retain_graph=True, allow_unused=True)


@pytest.mark.parametrize("expression", FAMILIES)
def test_distribution_agrees_with_pytorch(expression: str, torch: Any) -> None:
    results: list[Any] = []
    for t in (tg, torch):
        d, names = make(t, expression)
        value = eval(FAMILIES[expression], names).detach()
        seen = [with_gradients(d.log_prob(value), names), d.batch_shape, d.event_shape, repr(d)]
        t.manual_seed(0)
        seen += [d.sample(), d.sample((2,)).dtype, d.sample((4, 2))]
        if d.has_rsample:
            seen.append(with_gradients(d.rsample((3,)), names))
        if "Mixture" not in expression:
            seen.append(with_gradients(d.entropy(), names))
            again, _ = make(t, expression.replace("b.", "(b / 2).").replace("=b", "=b / 2"))
            seen.append(with_gradients(t.distributions.kl_divergence(d, again), names))
        if "Categorical" not in expression or "Mixture" in expression:
            seen += [with_gradients(d.mean, names), with_gradients(d.stddev, names)]
        results.append(seen)
    for mine, theirs in zip(*results, strict=True):
        if isinstance(theirs, str | torch.Size) or not isinstance(theirs, tuple | torch.Tensor):
            assert repr(mine) == repr(theirs)
        else:
            assert_same(mine, theirs, 1e-7)


def test_functions_of_distributions_agree_with_pytorch(torch: Any) -> None:
    results = []
    for t in (tg, torch):
        D = t.distributions
        x = t.tensor([0.2, 0.7])
        seen = [D.Normal(1.0, 2.0).cdf(x), D.Normal(1.0, 2.0).icdf(x), D.Uniform(0.1, 0.8).cdf(x)]
        seen += [
            D.Uniform(0.1, 0.6).icdf(x),
            D.Exponential(2.0).cdf(x),
            D.Uniform(0.0, 0.5, validate_args=False).log_prob(x),
        ]
        seen += [D.Categorical(t.tensor([[0.1, 0.9], [2.0, 1.0]])).mode]
        zero = D.Categorical(t.tensor([0.0, 1.0, 1.0]))
        other = D.Categorical(t.tensor([1.0, 0.0, 1.0]))
        seen += [zero.entropy(), D.kl_divergence(zero, other), D.kl_divergence(zero, zero)]
        m = D.MultivariateNormal(t.zeros(2), precision_matrix=t.tensor([[2.0, 0.3], [0.3, 1.0]]))
        seen += [m.covariance_matrix, m.precision_matrix]
        results.append(seen)
    assert_same(*results, 1e-6)


@pytest.mark.parametrize(
    "bad",
    [
        "D.Normal(0.0, -1.0)", "D.Uniform(1.0, 0.0)", "D.Exponential(0.0)", "D.Laplace(0.0, 0.0)",
        "D.Bernoulli(2.0)", "D.Bernoulli()", "D.Categorical(t.ones(2), t.ones(2))",
        "D.Categorical(t.tensor([-1.0, 2.0]))", "D.Independent(D.Normal(0.0, 1.0), 1)",
        "D.Categorical(t.ones(2)).log_prob(t.tensor(2))", "D.Normal(t.tensor(float('nan')), 1.0)",
        "D.MultivariateNormal(t.zeros(2))", "D.MultivariateNormal(t.tensor(0.0), t.eye(1))",
        "D.kl_divergence(D.Normal(0.0, 1.0), D.Bernoulli(0.5))",
        "D.MixtureSameFamily(D.Categorical(t.ones(3)), D.Normal(t.zeros(2), 1.0))",
        "D.Categorical(t.ones(2)).rsample()", "D.Uniform(0.0, 1.0).log_prob(t.tensor(2.0))",
        "D.Exponential(1.0).log_prob(t.tensor(-1.0))", "D.Bernoulli(0.5).log_prob(t.tensor(0.5))",
        "D.OneHotCategorical(t.ones(2)).log_prob(t.ones(2))", "D.Categorical(t.ones(2)).log_prob(t.tensor(0.5))",
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_as_in_pytorch(bad: str, torch: Any) -> None:
    # PyTorch's compiler, once it was imported, has switched this off for the process.
    torch.distributions.Distribution.set_default_validate_args(True)
    with pytest.raises(Exception) as theirs:
        eval(bad, {"t": torch, "D": torch.distributions})
    with pytest.raises(theirs.type):
        eval(bad, {"t": tg, "D": tg.distributions})


def test_formula_can_be_registered() -> None:
    class Mine(tg.distributions.Normal):
        pass

    tg.distributions.register_kl(Mine, Mine)(lambda p, q: p.loc - q.loc)
    assert tg.distributions.kl_divergence(Mine(3.0, 1.0), Mine(1.0, 1.0)).item() == 2


def test_a_probability_of_less_than_what_can_not_be_is_refused() -> None:
    kinds = tg.distributions
    for d in (kinds.Uniform(0.0, 1.0), kinds.Exponential(2.0), kinds.HalfNormal(1.0)):
        with pytest.raises(ValueError, match="values"):
            d.cdf(tg.tensor(-1.0))
        assert d.cdf(tg.tensor(0.0)).item() == 0


def test_what_a_distribution_lacks_is_named_once() -> None:
    of = tg.distributions
    for lacking in (of.Laplace(0.0, 1.0), of.TransformedDistribution(of.Laplace(0.0, 1.0), [])):
        with pytest.raises(NotImplementedError, match=r"^cdf: Laplace has none$"):
            lacking.cdf(tg.tensor(1.0))
