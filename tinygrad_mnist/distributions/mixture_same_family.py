"""Mixtures."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.distributions.categorical import Categorical
from tinygrad_mnist.distributions.distribution import Distribution
from tinygrad_mnist.tensor import Tensor


class MixtureSameFamily(Distribution):
    """A mixture: the last dimension of a batch of distributions is chosen from by a Categorical.

    Follows ``torch.distributions.MixtureSameFamily``.

    Parameters
    ----------
    mixture_distribution
        The probabilities of the components, of shape (*, n).
    component_distribution
        The components, of batch shape (*, n).
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import ones, tensor
    >>> from tinygrad_mnist.distributions import Categorical, MixtureSameFamily, Normal
    >>> parts = Normal(tensor([-1.0, 1.0]), ones(2))
    >>> MixtureSameFamily(Categorical(ones(2)), parts).log_prob(tensor(0.0))
    tensor(-1.4189)
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        weights, parts = mixture_distribution, component_distribution
        if not isinstance(weights, Categorical):
            raise ValueError("the mixture distribution must be a Categorical")
        if parts.batch_shape[-1:] != (weights._num_events,):
            raise ValueError(
                f"the Categorical chooses among {weights._num_events}, but the "
                f"components have batch shape {list(parts.batch_shape)}"
            )
        self.mixture_distribution, self.component_distribution = weights, parts
        super().__init__(parts.batch_shape[:-1], parts.event_shape, validate_args)

    def _mixed(self, x: Tensor) -> Tensor:
        """Average over the components."""
        probs = self.mixture_distribution.probs
        probs = probs.reshape(probs.shape + (1,) * len(self.event_shape))
        return (probs * x).sum(-1 - len(self.event_shape))

    @property
    def mean(self) -> Tensor:
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The variance: the mean of variances and the variance of means."""
        means = self.component_distribution.mean
        mean = self._mixed(means).unsqueeze(-1 - len(self.event_shape))
        return self._mixed(self.component_distribution.variance) + self._mixed((means - mean) ** 2)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw which component, and then from it."""
        with no_grad():
            dim = len(tuple(sample_shape)) + len(self.batch_shape)
            chosen = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            index = chosen.reshape(chosen.shape + (1,) * (len(self.event_shape) + 1))
            repeats = (1,) * (chosen.ndim + 1) + tuple(self.event_shape)
            return drawn.gather(dim, index.repeat(repeats)).squeeze(dim)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the logarithm of the mixed densities."""
        value = x.unsqueeze(-1 - len(self.event_shape))
        weights = self.mixture_distribution.logits.log_softmax(-1)
        return (self.component_distribution.log_prob(value) + weights).logsumexp(-1)

    def __repr__(self) -> str:
        return (
            f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
        )
