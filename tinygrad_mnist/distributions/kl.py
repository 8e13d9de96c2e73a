"""Kullback-Leibler divergences, a formula for each pair of families."""

from __future__ import annotations

from collections.abc import Callable
from math import e, inf, log, pi, sqrt
from typing import Any

from tinygrad_mnist import linalg
from tinygrad_mnist.distributions.bernoulli import Bernoulli
from tinygrad_mnist.distributions.categorical import Categorical
from tinygrad_mnist.distributions.distribution import Distribution, last
from tinygrad_mnist.distributions.exponential import Exponential
from tinygrad_mnist.distributions.independent import Independent
from tinygrad_mnist.distributions.laplace import Laplace
from tinygrad_mnist.distributions.multivariate_normal import MultivariateNormal
from tinygrad_mnist.distributions.normal import Normal
from tinygrad_mnist.distributions.one_hot_categorical import OneHotCategorical
from tinygrad_mnist.distributions.uniform import Uniform
from tinygrad_mnist.nn.functional import softplus
from tinygrad_mnist.tensor import Tensor, full_like, where

Formula = Callable[[Any, Any], Tensor]
FORMULAS: dict[tuple[type, type], Formula] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Formula], Formula]:
    """Register a function as the divergence of two families.

    Follows ``torch.distributions.register_kl``.

    Parameters
    ----------
    type_p, type_q
        The classes of p and q.

    Returns
    -------
    A decorator of a function of p and q that returns a tensor of the batch's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import Normal, kl_divergence, register_kl
    >>> class Point(Normal):
    ...     pass
    >>> @register_kl(Point, Point)
    ... def _(p, q):
    ...     return (p.loc - q.loc).abs()
    >>> kl_divergence(Point(0.0, 1.0), Point(3.0, 1.0))
    tensor(3.)
    """

    def register(formula: Formula) -> Formula:
        FORMULAS[type_p, type_q] = formula
        return formula

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    r"""Return the Kullback-Leibler divergence of q from p.

    .. math:: KL(p \| q) = \int p(x) \log (p(x) / q(x)) dx

    Follows ``torch.distributions.kl_divergence``.

    Parameters
    ----------
    p, q
        Distributions whose shapes broadcast.

    Returns
    -------
    A tensor of the batch's shape.

    Raises
    ------
    NotImplementedError
        When no formula is known; :func:`register_kl` makes one known.

    Examples
    --------
    >>> from tinygrad_mnist.distributions.kl import Normal, kl_divergence
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            if (a, b) in FORMULAS:
                return FORMULAS[a, b](p, q)
    raise NotImplementedError(
        f"kl_divergence: no formula is known for {type(p).__name__} and {type(q).__name__}; "
        f"register_kl one, or average p.log_prob(x) - q.log_prob(x) over samples of p"
    )


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log())


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    n = p.event_shape[0]
    ratio = linalg.solve_triangular(q._factor, p._factor, upper=False)
    distance = linalg.solve_triangular(q._factor, (q.loc - p.loc).unsqueeze(-1), upper=False)
    squares = ratio.square().sum((-2, -1)) + distance.square().sum((-2, -1))
    return q._half_log_det() - p._half_log_det() + 0.5 * (squares - n)


def _part(weight: Tensor, difference: Tensor, other: Tensor) -> Tensor:
    """Return ``weight * difference``: 0 where weight is 0, otherwise infinite where other is 0."""
    part = weight * difference
    part = where((other == 0).expand_as(part), inf, part)
    return where((weight == 0).expand_as(part), 0.0, part)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = _part(p.probs, softplus(-q.logits) - softplus(-p.logits), q.probs)
    return one + _part(1 - p.probs, softplus(q.logits) - softplus(p.logits), 1 - q.probs)


@register_kl(OneHotCategorical, OneHotCategorical)
@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    return _part(p.probs, p.logits - q.logits, q.probs).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * (-distance / p.scale).exp() - 1


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    out = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), inf, out)


@register_kl(Exponential, Normal)
def _exponential_normal(p: Exponential, q: Normal) -> Tensor:
    squares = 2 / p.rate.square() - 2 * q.loc / p.rate + q.loc.square()
    return p.rate.log() - 1 + _cross_entropy(squares, q)


@register_kl(Laplace, Normal)
def _laplace_normal(p: Laplace, q: Normal) -> Tensor:
    squares = 2 * p.scale.square() + (p.loc - q.loc).square()
    return _cross_entropy(squares, q) - 1 - (2 * p.scale).log()


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> Tensor:
    width = p.high - p.low
    squares = width.square() / 12 + ((p.high + p.low) / 2 - q.loc).square()
    return _cross_entropy(squares, q) - width.log()


def _cross_entropy(squares: Tensor, q: Normal) -> Tensor:
    """Return minus the mean log density of a normal, from the mean square of x less its mean."""
    return 0.5 * (log(2 * pi) + squares / q.scale.square()) + q.scale.log()


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    gap = p.loc - q.loc
    d = gap / p.scale
    distance = p.scale * (sqrt(2 / pi) * (-0.5 * d.square()).exp()) + gap * (d * sqrt(0.5)).erf()
    return distance / q.scale + (2 * q.scale / p.scale).log() - 0.5 * log(2 * pi * e)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    out = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return where((p.low < 0).expand_as(out), inf, out)


@register_kl(Exponential, Uniform)
@register_kl(Laplace, Exponential)
@register_kl(Laplace, Uniform)
@register_kl(Normal, Exponential)
@register_kl(Normal, Uniform)
def _beyond(p: Distribution, q: Distribution) -> Tensor:
    """Return infinity: p has outcomes that are impossible under q."""
    return full_like(p.mean + q.mean, inf)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: the two have events of different dimensions")
    return last(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
