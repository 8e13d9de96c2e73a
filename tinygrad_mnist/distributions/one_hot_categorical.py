"""The categorical distribution of one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.distributions.categorical import Categorical
from tinygrad_mnist.distributions.distribution import Distribution
from tinygrad_mnist.tensor import Tensor


class OneHotCategorical(Distribution):
    """One row of the identity matrix, chosen as by Categorical.

    Follows ``torch.distributions.OneHotCategorical``.

    Parameters
    ----------
    probs
        Shape (*, n): weights, which needn't sum to 1.
    logits
        Their logarithms, up to a constant.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.distributions import OneHotCategorical
    >>> OneHotCategorical(tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        super().__init__(
            self._categorical.batch_shape, (self._categorical._num_events,), validate_args
        )

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def mean(self) -> Tensor:
        """The mean: the probabilities."""
        return self.probs

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw rows of the identity matrix."""
        numbers = self._categorical.sample(sample_shape)
        out = self.probs.new_zeros(self._shape(sample_shape))
        return out.scatter_(-1, numbers.unsqueeze(-1), 1.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithms of the rows' probabilities."""
        ones = ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)
        self._check("values are rows of the identity matrix", ones)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()
