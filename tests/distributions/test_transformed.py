"""Distributions of what functions make of random numbers."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import distributions

MADE = {
    "LogNormal(a, b)": 0.7, "LogNormal(0.5, 1.5)": 0.7, "HalfNormal(b)": 0.7, "Gumbel(a, b)": 0.7,
    "Weibull(b, c)": 0.7, "Pareto(b, c)": 3.0, "Geometric(p)": 2.0, "Geometric(logits=a)": 1.0,
    "TransformedDistribution(Normal(a, b), [TanhTransform(cache_size=1)])": 0.4,
    "TransformedDistribution(Normal(a, b), TanhTransform())": -0.3,
    "TransformedDistribution(Normal(a, b), [AffineTransform(a, c), ExpTransform()])": 0.9,
    "TransformedDistribution(Uniform(0 * b, b), [SigmoidTransform()])": 0.6,
    "TransformedDistribution(Uniform(0 * b, b), [SigmoidTransform().inv, AffineTransform(1, 2)])": -1.0,
    "TransformedDistribution(Normal(a, b), [SoftplusTransform(), PowerTransform(b)])": 1.2,
    "TransformedDistribution(Normal(a, b), [ComposeTransform([ExpTransform(), AffineTransform(1.0, c)])])": 2.5,
    "TransformedDistribution(Independent(Normal(a, b), 1), [TanhTransform()])": 0.2,
    "Independent(TransformedDistribution(Normal(a, b), [TanhTransform(1)]), 1)": 0.2,
    "TransformedDistribution(Normal(a, b), [AffineTransform(a, c, event_dim=1)])": 0.2,
}  # fmt: skip


@pytest.mark.parametrize("call", MADE)
def test_distribution_is_pytorchs(call: str, torch: Any) -> None:
    results = []
    for m, space in ((tg, distributions), (torch, importlib.import_module("torch.distributions"))):
        m.manual_seed(0)
        given = {
            "a": m.tensor([0.3, -0.6], requires_grad=True), "b": m.tensor([0.8, 1.3], requires_grad=True),
            "c": m.tensor([2.5, 3.5], requires_grad=True), "p": m.tensor([0.3, 0.6], requires_grad=True),
        }  # fmt: skip
        names = {n: getattr(space, n) for n in dir(space)} | {
            n: getattr(space.transforms, n) for n in dir(space.transforms)}  # fmt: skip
        d = eval(call, names | given)
        text = "" if call.startswith(("Trans", "Indep")) else repr(d)
        numbers: list[Any] = [d.sample((3,))]
        if d.has_rsample:
            numbers.append(d.rsample((2,)))
        value = m.full((2,), MADE[call])
        numbers.append(d.log_prob(value))
        for ask in (
            lambda d: d.mean,
            lambda d: d.variance,
            lambda d: d.stddev,
            lambda d: d.entropy(),
        ):
            if not call.startswith(("Trans", "Indep")):
                numbers.append(ask(d))
        if terms := [x.sum() for x in numbers if x.requires_grad]:
            sum(terms).backward()
        grads = [x.grad for x in given.values()]
        results.append((text, tuple(d.batch_shape), tuple(d.event_shape), numbers, grads))
    ours, theirs = results
    assert ours[:3] == theirs[:3]
    for a, b in zip(ours[3] + ours[4], theirs[3] + theirs[4], strict=True):
        if b is not None:
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-4, atol=1e-5)


def test_cached_inverse_survives_rounding() -> None:
    d: Any = distributions.TransformedDistribution(
        distributions.Normal(0.0, 1.0), [distributions.TanhTransform(cache_size=1)]
    )
    x = tg.tensor(20.0)
    y = d.transforms[0](x)
    assert y == 1 and d.transforms[0].inv(y) is x
    assert np.isfinite(d.log_prob(y).item())


def test_parameters_out_of_range_are_refused() -> None:
    for call in ("LogNormal(0.0, -1.0)", "HalfNormal(0.0)", "Gumbel(0.0, 0.0)", "Weibull(-1.0, 1.0)",
                 "Pareto(1.0, -1.0)", "Geometric(0.0)", "Geometric()",
                 "TransformedDistribution(Normal(0.0, 1.0), [3])", "TanhTransform(2)"):  # fmt: skip
        with pytest.raises(ValueError):
            eval(call, vars(distributions) | {n: getattr(distributions, n) for n in (
                "LogNormal", "HalfNormal", "Gumbel", "Weibull", "Pareto", "Geometric",
                "TransformedDistribution", "TanhTransform")})  # fmt: skip
    assert distributions.HalfNormal(1.0).log_prob(tg.tensor(-1.0)) == -np.inf
    with pytest.raises(AttributeError, match="not offered"):
        _ = distributions.Gamma  # type: ignore[attr-defined]
