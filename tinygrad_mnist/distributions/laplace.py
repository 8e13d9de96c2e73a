"""The Laplace distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygrad_mnist.distributions.distribution import LocationScale
from tinygrad_mnist.tensor import Tensor, finfo


class Laplace(LocationScale):
    r"""Laplace distribution, with density :math:`e^{-|x - \mu| / b} / 2b`.

    Follows ``torch.distributions.Laplace``.

    Parameters
    ----------
    loc
        :math:`\mu`: a number, or a tensor of shape (*).
    scale
        b, above 0.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.distributions import Laplace
    >>> Laplace(0.0, 1.0).log_prob(tensor(0.0))
    tensor(-0.6931)
    """

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.square()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw from the inverse of the distribution function."""
        noise = self.loc.new_empty(self._shape(sample_shape))
        noise.uniform_(finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * noise.sign() * (-noise.abs()).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def entropy(self) -> Tensor:
        """Return the entropy, ``1 + log(2 scale)``."""
        return 1 + math.log(2) + self.scale.log()
