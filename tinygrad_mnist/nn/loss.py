"""Losses as modules."""

from __future__ import annotations

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.functions import check_reduction


class _Loss(Module):
    """A loss that is reduced to its mean or sum, or left as it is."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(type(self).__name__, reduction)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with weights, which are a buffer."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """Mean of squared differences over all elements. Follows ``torch.nn.MSELoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> MSELoss()(tensor([1.0, 3.0]), tensor([1.0, 1.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        """Return the loss of an input and a target of one shape."""
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """Mean of absolute differences over all elements. Follows ``torch.nn.L1Loss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> L1Loss()(tensor([1.0, 3.0]), tensor([1.0, 1.0]))
    tensor(1.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        """Return the loss of an input and a target of one shape."""
        return F.l1_loss(input, target, self.reduction)


class NLLLoss(_WeightedLoss):
    """Negative log likelihood of class targets, given log probabilities (N, C, ...).

    Follows ``torch.nn.NLLLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> NLLLoss()(tensor([[-1.0, -2.0]]), tensor([1]))
    tensor(2.)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        """Return the loss of log probabilities (N, C, ...) and class numbers (N, ...)."""
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class CrossEntropyLoss(_WeightedLoss):
    """Cross entropy of logits (N, C, ...) and class numbers, or probabilities.

    Follows ``torch.nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> CrossEntropyLoss()(tensor([[1000.0, 0.0]]), tensor([1]))
    tensor(1000.)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        """Return the loss of logits (N, C, ...) and class numbers (N, ...)."""
        return F.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class BCELoss(_WeightedLoss):
    """Binary cross entropy of probabilities and targets. Follows ``torch.nn.BCELoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> BCELoss()(tensor([0.5]), tensor([1.0]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        """Return the loss of probabilities and targets of one shape."""
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """Binary cross entropy of logits and targets. Follows ``torch.nn.BCEWithLogitsLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> BCEWithLogitsLoss()(tensor([1000.0]), tensor([0.0]))
    tensor(1000.)
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        """Return the loss of logits and targets of one shape."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )
