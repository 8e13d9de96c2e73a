"""The uniform distribution."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.distributions.distribution import Distribution, broadcast
from tinygrad_mnist.tensor import Tensor, rand


class Uniform(Distribution):
    """Uniform distribution from ``low`` up to, not including, ``high``.

    Follows ``torch.distributions.Uniform``.

    Parameters
    ----------
    low, high
        The bounds: numbers, or tensors of shape (*).
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import Uniform
    >>> Uniform(0.0, 4.0).entropy()
    tensor(1.3863)
    """

    parameters = ("low", "high")
    has_rsample = True

    def __init__(
        self, low: Tensor | float, high: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.low, self.high = broadcast(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        self._check("low must be smaller than high", self.low < self.high)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def variance(self) -> Tensor:
        return (self.high - self.low).square() / 12

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ``low + (high - low) * noise``."""
        noise = rand(self._shape(sample_shape), dtype=self.low.dtype)
        return self.low + noise * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density: minus infinity outside, if not validated."""
        self._check_inside(value)
        inside = (self.low <= value) & (self.high > value)
        return inside.type_as(self.low).log() - (self.high - self.low).log()

    def _check_inside(self, value: Tensor) -> None:
        self._check("values lie from low to high", (self.low <= value) & (value <= self.high))

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a smaller number."""
        self._check_inside(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Tensor) -> Tensor:
        """Return the number with a given probability of a smaller one."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        """Return the entropy, ``log(high - low)``."""
        return (self.high - self.low).log()
