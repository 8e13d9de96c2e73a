"""The Bernoulli distribution."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.distributions.distribution import ProbsOrLogits, once
from tinygrad_mnist.nn.functional import binary_cross_entropy_with_logits
from tinygrad_mnist.tensor import Tensor, bernoulli, broadcast_tensors, finfo


class Bernoulli(ProbsOrLogits):
    """One with probability p, else zero.

    .. math:: P(x) = p^x (1 - p)^{1 - x}

    Follows ``torch.distributions.Bernoulli``.

    Parameters
    ----------
    probs
        The probability p of 1: a number, or a tensor of shape (*).
    logits
        Instead, ``log(p / (1 - p))``.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist.distributions import Bernoulli
    >>> Bernoulli(0.5).entropy()
    tensor(0.6931)
    """

    @once
    def logits(self) -> Tensor:
        """Return the logarithms of the odds of one."""
        eps = finfo(self.probs.dtype).eps
        probs = self.probs.clamp(min=eps, max=1 - eps)
        return probs.log() - (-probs).log1p()

    @property
    def mean(self) -> Tensor:
        """The mean: the probability of one."""
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw ones and zeros."""
        with no_grad():
            return bernoulli(self.probs.expand(self._shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithms of the probabilities of ones and zeros."""
        self._check("values are 0 or 1", (value == 0) | (value == 1))
        logits, value = broadcast_tensors(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
