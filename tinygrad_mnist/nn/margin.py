"""Losses of margins among several classes, and of distances that the caller defines."""

from __future__ import annotations

from collections.abc import Callable

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.distance import PairwiseDistance
from tinygrad_mnist.nn.loss import _Loss, _WeightedLoss
from tinygrad_mnist.tensor import Tensor


class MultiMarginLoss(_WeightedLoss):
    """``sum_i max(0, margin - x_target + x_i)^p / C``. Follows ``torch.nn.MultiMarginLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> MultiMarginLoss()(tensor([[0.0, 0.5]]), tensor([1]))
    tensor(0.2500)
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        if weight is not None and weight.ndim != 1:
            raise ValueError(
                f"MultiMarginLoss: the weight must have one dimension, got shape "
                f"{list(weight.shape)}"
            )
        self.p, self.margin = p, margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of scores (N, C) and class numbers (N)."""
        return F.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """Binary cross entropy of logits (N, C). Follows ``torch.nn.MultiLabelSoftMarginLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> MultiLabelSoftMarginLoss()(tensor([[0.0, 0.0]]), tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """``max(0, d(a, p) - d(a, n) + margin)`` for any distance.

    Follows ``torch.nn.TripletMarginWithDistanceLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> TripletMarginWithDistanceLoss()(zeros(1, 2), zeros(1, 2), zeros(1, 2))
    tensor(1.)
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(
                f"TripletMarginWithDistanceLoss: margin must be greater than 0, got {margin}"
            )
        self.distance_function = distance_function or PairwiseDistance()
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss."""
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function,
            margin=self.margin, swap=self.swap, reduction=self.reduction,
        )  # fmt: skip
