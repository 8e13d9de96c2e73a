"""The exponential distribution."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.distributions.distribution import Distribution, broadcast
from tinygrad_mnist.tensor import Tensor


class Exponential(Distribution):
    r"""Exponential distribution, with density :math:`\lambda e^{-\lambda x}`.

    Follows ``torch.distributions.Exponential``.

    Parameters
    ----------
    rate
        :math:`\lambda`: a number, or a tensor of shape (*).
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import Exponential
    >>> Exponential(2.0).mean
    tensor(0.5000)
    """

    parameters = ("rate",)
    has_rsample = True

    def __init__(self, rate: Tensor | float, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)
        self._check("rate must be positive", self.rate > 0)

    @property
    def mean(self) -> Tensor:
        return self.rate.reciprocal()

    @property
    def variance(self) -> Tensor:
        return self.rate.pow(-2)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``noise / rate``."""
        return self.rate.new_empty(self._shape(sample_shape)).exponential_() / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        self._check("values can't be negative", value >= 0)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a smaller number."""
        self._check("values can't be negative", value >= 0)
        return 1 - (-self.rate * value).exp()

    def entropy(self) -> Tensor:
        """Return the entropy, ``1 - log(rate)``."""
        return 1.0 - self.rate.log()
