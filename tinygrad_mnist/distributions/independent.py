"""Independent: batch dimensions as dimensions of the event."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.distributions.distribution import Distribution, last
from tinygrad_mnist.tensor import Tensor


class Independent(Distribution):
    """A batch of distributions as one: the last dimensions of the batch become the event's.

    Follows ``torch.distributions.Independent``.

    Parameters
    ----------
    base_distribution
        The distributions, of shape (*, event).
    reinterpreted_batch_ndims
        How many dimensions become the event's.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import ones, zeros
    >>> from tinygrad_mnist.distributions import Independent, Normal
    >>> Independent(Normal(zeros(3), ones(3)), 1).log_prob(zeros(3))
    tensor(-2.7568)
    """

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch, count = base_distribution.batch_shape, reinterpreted_batch_ndims
        if count > len(batch):
            raise ValueError(
                f"{count} dimensions of the batch can't become the event's, for the "
                f"batch has shape {list(batch)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        cut = len(batch) - count
        event = (*batch[cut:], *base_distribution.event_shape)
        super().__init__(batch[:cut], event, validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]  # a constant, but of the base
        """Whether samples have a gradient: if those of the distributions have one."""
        return self.base_dist.has_rsample

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def variance(self) -> Tensor:
        """The variance of each number."""
        return self.base_dist.variance

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the sum of the logarithms."""
        return last(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        """Return the sum of the entropies."""
        return last(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
