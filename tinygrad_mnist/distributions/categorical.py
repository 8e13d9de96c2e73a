"""The categorical distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.distributions.distribution import Distribution, once
from tinygrad_mnist.tensor import Tensor, broadcast_tensors, finfo, multinomial


class Categorical(Distribution):
    """One of the numbers below n, with probabilities in proportion to ``probs``, or by logits.

    Follows ``torch.distributions.Categorical``.

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
    >>> from tinygrad_mnist.distributions import Categorical
    >>> Categorical(tensor([1.0, 3.0])).log_prob(tensor(1)).exp()
    tensor(0.7500)
    """

    parameters = ("probs", "logits")

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if probs is not None and logits is None:
            given = self.probs = probs / probs.sum(-1, keepdim=True)
        elif logits is not None and probs is None:
            given = self.logits = logits - logits.logsumexp(-1, keepdim=True)
        else:
            raise ValueError("give either probs or logits, not both")
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)
        if logits is None:
            self._check("probs must be positive or 0, and have a finite sum", given >= 0)
        else:
            self._check("logits must be numbers, not NaN", given == given)

    @once
    def probs(self) -> Tensor:
        """Return the probabilities."""
        return self.logits.softmax(-1)

    @once
    def logits(self) -> Tensor:
        """Return the logarithms of the probabilities."""
        eps = finfo(self.probs.dtype).eps
        return self.probs.clamp(min=eps, max=1 - eps).log()

    @property
    def mode(self) -> Tensor:
        """The most probable number."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._shape(sample_shape)
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            return multinomial(rows, math.prod(sample_shape), True).T.reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithms of the numbers' probabilities."""
        inside = (value >= 0) & (value < self._num_events) & (value == value.long())
        self._check(f"values are whole numbers from 0 to {self._num_events - 1}", inside)
        index, rows = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return rows.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)
