"""The Laplace distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygrad_mnist.distributions.distribution import Distribution, broadcast
from tinygrad_mnist.tensor import Tensor, finfo


class Laplace(Distribution):
    r"""Laplace distribution, with density :math:`e^{-|x - \mu| / b} / 2b`.

    Follows ``torch.distributions.Laplace``.

    Examples
    --------
    >>> Laplace(0.0, 1.0).log_prob(0.0)
    tensor(-0.6931)
    """

    parameters = ("loc", "scale")
    has_rsample = True

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale = broadcast(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)
        self._check("scale must be positive", self.scale > 0)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return 2 * self.scale.square()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw from the inverse of the distribution function."""
        noise = self.loc.new_empty(self._shape(sample_shape))
        noise.uniform_(finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * noise.sign() * (-noise.abs()).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def entropy(self) -> Tensor:
        """Return the entropy, ``1 + log(2 scale)``."""
        return 1 + math.log(2) + self.scale.log()
