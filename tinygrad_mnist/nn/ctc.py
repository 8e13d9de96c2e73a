"""Connectionist temporal classification."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.loss import _Loss
from tinygrad_mnist.tensor import Tensor


class CTCLoss(_Loss):
    """Loss of labels without an alignment to the input. Follows ``torch.nn.CTCLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor, zeros
    >>> CTCLoss()(zeros(2, 1, 3).log_softmax(2), tensor([[1]]), [2], [1])
    tensor(1.0986)
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any
    ) -> Tensor:
        """Return the loss of log probabilities (T, N, C) and labels (N, S)."""
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
            self.zero_infinity,
        )  # fmt: skip
