"""Log-normal, half-normal, Weibull, Pareto, Gumbel and geometric distributions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.distributions.distribution import (
    Distribution,
    LocationScale,
    ProbsOrLogits,
    broadcast,
)
from tinygrad_mnist.distributions.exponential import Exponential
from tinygrad_mnist.distributions.normal import Normal
from tinygrad_mnist.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    ExpTransform,
    PowerTransform,
    TransformedDistribution,
)
from tinygrad_mnist.nn.functional import softplus
from tinygrad_mnist.tensor import Tensor, finfo, full_like, where, zeros_like

EULER = 0.57721566490153286060


class _Named(TransformedDistribution):
    __repr__ = Distribution.__repr__


class LogNormal(_Named):
    """``exp`` of a normal number.

    Follows ``torch.distributions.LogNormal``.

    Parameters
    ----------
    loc
        The normal number's mean: a number, or a tensor of shape (*).
    scale
        Its standard deviation, above 0.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import LogNormal
    >>> LogNormal(0.0, 1.0).mean
    tensor(1.6487)
    """

    parameters = ("loc", "scale")

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> Tensor:
        """The normal number's mean."""
        return self.base_dist.mean

    @property
    def scale(self) -> Tensor:
        """The normal number's standard deviation."""
        return self.base_dist.stddev

    @property
    def mean(self) -> Tensor:
        return (self.loc + self.scale.square() / 2).exp()

    @property
    def variance(self) -> Tensor:
        square = self.scale.square()
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Tensor:
        """Return the normal number's entropy plus its mean."""
        return self.base_dist.entropy() + self.loc


class HalfNormal(_Named):
    """The size of a normal number of mean 0.

    Follows ``torch.distributions.HalfNormal``.

    Parameters
    ----------
    scale
        Its standard deviation, above 0: a number, or a tensor of shape (*).
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import HalfNormal
    >>> HalfNormal(1.0).mean
    tensor(0.7979)
    """

    parameters = ("scale",)

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0.0, scale, validate_args), AbsTransform(), validate_args)

    @property
    def scale(self) -> Tensor:
        """The normal number's standard deviation."""
        return self.base_dist.stddev

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1 - 2 / math.pi)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density: twice the normal one."""
        density = self.base_dist.log_prob(value) + math.log(2)
        return where(value >= zeros_like(density), density, full_like(density, -math.inf))

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a smaller number."""
        self._check("values can't be negative", value >= 0)
        return 2 * self.base_dist.cdf(value) - 1

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)


class Weibull(_Named):
    """A power of an exponential number: ``scale * e ** (1 / concentration)``.

    Follows ``torch.distributions.Weibull``.

    Parameters
    ----------
    scale
        A number above 0, or a tensor of shape (*).
    concentration
        A number above 0.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import Weibull
    >>> Weibull(2.0, 1.0).mean
    tensor(2.)
    """

    parameters = ("scale", "concentration")

    def __init__(
        self,
        scale: Tensor | float,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self.scale, self.concentration = broadcast(scale, concentration)
        base = Exponential(self.scale * 0 + 1, validate_args)
        parts = [PowerTransform(1 / self.concentration), AffineTransform(0.0, self.scale)]
        super().__init__(base, parts, validate_args)
        self._check("scale must be positive", self.scale > 0)
        self._check("concentration must be positive", self.concentration > 0)

    @property
    def mean(self) -> Tensor:
        return self.scale * (1 + 1 / self.concentration).lgamma().exp()

    @property
    def variance(self) -> Tensor:
        first = (1 + 1 / self.concentration).lgamma()
        second = (1 + 2 / self.concentration).lgamma()
        return self.scale.square() * (second.exp() - (2 * first).exp())

    def entropy(self) -> Tensor:
        inverse = 1 / self.concentration
        return EULER * (1 - inverse) + (self.scale * inverse).log() + 1


class Pareto(_Named):
    """``scale`` times ``exp`` of an exponential number: ``P(x > t) = (scale / t) ** alpha``.

    Follows ``torch.distributions.Pareto``.

    Parameters
    ----------
    scale
        The least number, above 0, or a tensor of shape (*).
    alpha
        The rate of the exponential number, above 0.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import Pareto
    >>> Pareto(1.0, 3.0).mean
    tensor(1.5000)
    """

    parameters = ("alpha", "scale")

    def __init__(
        self, scale: Tensor | float, alpha: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.scale, self.alpha = broadcast(scale, alpha)
        base = Exponential(self.alpha, validate_args)
        super().__init__(base, [ExpTransform(), AffineTransform(0.0, self.scale)], validate_args)
        self._check("scale must be positive", self.scale > 0)

    @property
    def mean(self) -> Tensor:
        """The mean, which is infinite for an alpha of 1 or less."""
        above = self.alpha.clamp(min=1)
        return above * self.scale / (above - 1)

    @property
    def variance(self) -> Tensor:
        """The variance, which is infinite for an alpha of 2 or less."""
        above = self.alpha.clamp(min=2)
        return self.scale.square() * above / ((above - 1).square() * (above - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + 1 + 1 / self.alpha


class Gumbel(LocationScale):
    r"""The distribution that the largest of many numbers tends to.

    .. math:: P(x \le t) = e^{-e^{-(t - \mu) / \beta}}

    Follows ``torch.distributions.Gumbel``.

    Parameters
    ----------
    loc
        :math:`\mu`: a number, or a tensor of shape (*).
    scale
        :math:`\beta`, above 0.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import Gumbel
    >>> Gumbel(0.0, 1.0).mean
    tensor(0.5772)
    """

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * EULER

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (math.pi**2 / 6)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw from the inverse of the distribution function."""
        limits = finfo(self.loc.dtype)
        low, high = limits.tiny, 1 - limits.eps
        drawn = self.loc.new_empty(self._shape(sample_shape)).uniform_() * (high - low) + low
        return self.loc - self.scale * (-drawn.log()).log()

    def log_prob(self, value: Tensor) -> Tensor:
        y = (self.loc - value) / self.scale
        return y - y.exp() - self.scale.log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + EULER)


class Geometric(ProbsOrLogits):
    """How often one fails before the first success: ``P(k) = (1 - p) ** k * p``.

    Follows ``torch.distributions.Geometric``.

    Parameters
    ----------
    probs
        The probability p of success: a number, or a tensor of shape (*).
    logits
        Instead, ``log(p / (1 - p))``.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.distributions import Geometric
    >>> Geometric(probs=0.5).log_prob(tensor(1.0)).exp()
    tensor(0.2500)
    """

    def _in_range(self, probs: Tensor) -> tuple[str, Tensor]:
        return "probs must be in (0, 1]", (probs > 0) & (probs <= 1)

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            drawn = self.probs.new_empty(self._shape(sample_shape)).uniform_()
            drawn = drawn.clamp(min=finfo(drawn.dtype).tiny)
            return (drawn.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        chance = self.probs
        sure = (chance == 1) & (value == 0)
        return value * (-chance.masked_fill(sure, 0)).log1p() + chance.log()

    def entropy(self) -> Tensor:
        chance, logit = self.probs, self.logits
        return (softplus(logit) - chance * logit) / chance
