"""The normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.distributions.distribution import HALF_LOG_2PI, LocationScale
from tinygrad_mnist.tensor import Tensor, normal


class Normal(LocationScale):
    r"""Normal distribution with mean ``loc`` and standard deviation ``scale``.

    .. math:: p(x) = \exp(-(x - \mu)^2 / 2 \sigma^2) / \sigma \sqrt{2 \pi}

    Follows ``torch.distributions.Normal``.

    Parameters
    ----------
    loc
        :math:`\mu`: a number, or a tensor of shape (*).
    scale
        :math:`\sigma`, above 0.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.distributions import Normal
    >>> Normal(0.0, 1.0)
    Normal(loc: 0.0, scale: 1.0)
    >>> Normal(0.0, 1.0).log_prob(tensor(0.0))
    tensor(-0.9189)
    """

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        super().__init__(loc, scale, validate_args)
        self._check("loc must be a number, not NaN", self.loc == self.loc)

    @property
    def mode(self) -> Tensor:
        """The mode, which is the mean."""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale.square()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._shape(sample_shape)
        with no_grad():
            return normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``loc + scale * noise``."""
        noise = self.loc.new_empty(self._shape(sample_shape)).normal_()
        return self.loc + noise * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        distance = (value - self.loc).square() / (2 * self.variance)
        return -distance - self.scale.log() - HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a smaller number."""
        return 0.5 * (1 + ((value - self.loc) / (self.scale * math.sqrt(2))).erf())

    def icdf(self, value: Tensor) -> Tensor:
        """Return the number with a given probability of a smaller one."""
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Tensor:
        """Return the entropy, ``log(scale) + (1 + log(2 pi)) / 2``."""
        return 0.5 + HALF_LOG_2PI + self.scale.log()
