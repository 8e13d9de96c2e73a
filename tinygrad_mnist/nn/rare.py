"""Layers that few programs have; imported when they are first asked for."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn.functional import rare as F
from tinygrad_mnist.nn.loss import _Loss
from tinygrad_mnist.tensor import Tensor


class MultiLabelMarginLoss(_Loss):
    """How far a sample's classes are from being 1 above all others.

    Follows ``torch.nn.MultiLabelMarginLoss``.
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)
