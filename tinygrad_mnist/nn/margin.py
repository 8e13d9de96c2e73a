"""Losses that vanish where scores or distances are apart by a margin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn.activation import log1p_exp, logsigmoid
from tinygrad_mnist.nn.distance import PairwiseDistance, pairwise_distance
from tinygrad_mnist.nn.embedding import one_hot
from tinygrad_mnist.nn.loss import (
    Reduction,
    _Loss,
    _TargetLoss,
    _WeightedLoss,
    as_reduction,
    check_expands,
    check_same_ndim,
    reduced,
)
from tinygrad_mnist.ops.dtypes import int64
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named, need_floats, need_tensor
from tinygrad_mnist.tensor.comparison import where


@named
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return input where the target is 1, and ``max(0, margin - input)`` where it is -1."""
    reduction = as_reduction(reduction, size_average, reduce)
    apart = where(target != 1, (margin - input).clamp(min=0), 0.0)
    return reduced(apart + where(target != -1, input, 0.0), reduction)


class HingeEmbeddingLoss(_TargetLoss, call=hinge_embedding_loss):
    """The input for targets 1, ``max(0, margin - input)`` for -1.

    Follows ``torch.nn.HingeEmbeddingLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> HingeEmbeddingLoss()(tensor([0.5, 0.25]), tensor([1.0, -1.0]))
    tensor(0.6250)
    """

    _settings = ("margin",)

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class _MarginLoss(_Loss):
    _settings = ("margin",)

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return self._call(input1, input2, target, **self._told())


@named
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return ``max(0, -target * (input1 - input2) + margin)``; the target is 1 or -1."""
    reduction = as_reduction(reduction, size_average, reduce)
    check_same_ndim(input1=input1, input2=input2, target=target)
    return reduced((-target * (input1 - input2) + margin).clamp(min=0), reduction)


class MarginRankingLoss(_MarginLoss, call=margin_ranking_loss):
    """``max(0, -target * (input1 - input2) + margin)``. Follows ``torch.nn.MarginRankingLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> MarginRankingLoss()(tensor([1.0]), tensor([3.0]), tensor([1.0]))
    tensor(2.)
    """


@named
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return ``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1."""
    reduction = as_reduction(reduction, size_average, reduce)
    if {input1.ndim, input2.ndim} != {target.ndim + 1} or target.ndim > 1:
        raise RuntimeError(
            f"inputs (N, D) need a target (N), inputs (D) one without dimensions, but the shapes "
            f"are {list(input1.shape)}, {list(input2.shape)} and {list(target.shape)}"
        )
    # As PyTorch has it, here epsilon is added to the squared lengths.
    dim = input1.ndim - 1
    tiny = 1e-12
    lengths = ((input1 * input1).sum(dim) + tiny) * ((input2 * input2).sum(dim) + tiny)
    cosine = (input1 * input2).sum(dim) / lengths.sqrt()
    same = where(target == 1, 1 - cosine, 0.0)
    return reduced(same + where(target == -1, (cosine - margin).clamp(min=0), 0.0), reduction)


class CosineEmbeddingLoss(_MarginLoss, call=cosine_embedding_loss):
    """``1 - cos`` for targets 1, ``max(0, cos - margin)`` for -1.

    Follows ``torch.nn.CosineEmbeddingLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> CosineEmbeddingLoss()(tensor([[1.0, 0.0]]), tensor([[0.0, 1.0]]), tensor([1.0]))
    tensor(1.)
    """


@named
@node_name("SoftMarginLossBackward0")
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return ``log(1 + exp(-target * input))``; the target is 1 or -1."""
    reduction = as_reduction(reduction, size_average, reduce)
    need_floats(input)
    check_expands("target", target, input)
    return reduced(log1p_exp(-(target * input)), reduction)


class SoftMarginLoss(_TargetLoss, call=soft_margin_loss):
    """``log(1 + exp(-target * input))``. Follows ``torch.nn.SoftMarginLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> SoftMarginLoss()(tensor([0.0]), tensor([1.0]))
    tensor(0.6931)
    """


def _check_margin(margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")


@named
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    With swap, the negative's distance to the positive counts where it is smaller (Balntas et al.,
    2016).
    """
    reduction = as_reduction(reduction, size_average, reduce)
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=partial(pairwise_distance, p=p, eps=eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


class _TripletLoss(_Loss):
    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return self._call(anchor, positive, negative, **self._told())


class TripletMarginLoss(_TripletLoss, call=triplet_margin_loss):
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    Follows ``torch.nn.TripletMarginLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x, y = tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]])
    >>> TripletMarginLoss()(x, x, y)
    tensor(0.)
    """

    _settings = ("margin", "p", "eps", "swap")

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        _check_margin(margin)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap


@named
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` for any distance."""
    reduction = as_reduction(reduction)
    _check_margin(margin)
    check_same_ndim(anchor=anchor, positive=positive, negative=negative)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((near + margin - far).clamp(min=0), reduction)


class TripletMarginWithDistanceLoss(_TripletLoss, call=triplet_margin_with_distance_loss):
    """``max(0, d(a, p) - d(a, n) + margin)`` for any distance.

    Follows ``torch.nn.TripletMarginWithDistanceLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> TripletMarginWithDistanceLoss()(zeros(1, 2), zeros(1, 2), zeros(1, 2))
    tensor(1.)
    """

    _settings = ("distance_function", "margin", "swap")

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        _check_margin(margin)
        self.distance_function = distance_function or PairwiseDistance()
        self.margin, self.swap = margin, swap


def _check_power(p: int) -> None:
    if p not in (1, 2):
        raise ValueError(f"p must be 1 or 2, got {p}")


@named
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return ``sum_i max(0, margin - x_target + x_i)^p / C`` over all other classes.

    Input (N, C) or (C), target (N) or a number.

    Raises
    ------
    ValueError
        When p isn't 1 or 2.
    RuntimeError
        When the shapes don't fit.
    """
    reduction = as_reduction(reduction, size_average, reduce)
    _check_power(p)
    if input.ndim == 1 and target.shape == (1,):
        input = input.unsqueeze(0)
    if input.ndim not in (1, 2) or target.shape != input.shape[:-1]:
        raise RuntimeError(
            f"the input has shape {list(input.shape)}, the target {list(target.shape)}; it needs a "
            f"row of scores for each target"
        )
    if target.dtype != int64:
        raise RuntimeError(
            f"targets must be class numbers (int64), got {target.dtype}; convert them with long()"
        )
    classes = input.shape[-1]
    if weight is not None and (weight.shape != (classes,) or weight.dtype != input.dtype):
        raise RuntimeError(
            f"a weight for each class is needed: shape [{classes}] and dtype {input.dtype}, but "
            f"the weights have shape {list(weight.shape)} and {weight.dtype}"
        )
    index = target.unsqueeze(-1)
    gaps = input - input.gather(-1, index) + margin
    losses = where(gaps > 0, gaps, 0.0)
    losses = losses if p == 1 else losses.square()
    if weight is not None:
        losses = losses * weight[target].unsqueeze(-1)
    chosen = one_hot(target, classes).bool()
    return reduced(losses.masked_fill(chosen, 0.0).mean(-1), reduction)


class MultiMarginLoss(_WeightedLoss, call=multi_margin_loss):
    """``sum_i max(0, margin - x_target + x_i)^p / C`` of scores (N, C) and class numbers (N).

    Follows ``torch.nn.MultiMarginLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> MultiMarginLoss()(tensor([[0.0, 0.5]]), tensor([1]))
    tensor(0.2500)
    """

    _settings = ("p", "margin", "weight")

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        _check_power(p)
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"the weight must have one dimension, got shape {list(weight.shape)}")
        self.p, self.margin = p, margin


@named
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return how far the classes of a sample are from being 1 above all others.

    .. math:: \frac{1}{C} \sum_{j \in y, i \notin y} \max(0, 1 - x_j + x_i)

    The target lists a sample's classes, until the first -1. Follows
    ``torch.nn.functional.multilabel_margin_loss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> multilabel_margin_loss(tensor([0.1, 0.2, 0.4, 0.8]), tensor([3, 0, -1, 1]))
    tensor(0.8500)
    """
    reduction = as_reduction(reduction, size_average, reduce)
    shape = input._array.shape
    labels = need_tensor("target", target)._array
    if labels.shape != shape or len(shape) not in (1, 2):
        raise RuntimeError(
            f"input and target must have one shape, (C) or (N, C), but have {list(shape)} and "
            f"{list(labels.shape)}"
        )
    outside = (labels < -1) | (labels >= shape[-1])
    if labels.dtype.kind != "i" or outside.any():
        raise RuntimeError(f"the target holds classes from 0 to {shape[-1] - 1}, or -1")
    rows = np.atleast_2d(labels)
    listed = np.cumprod(rows >= 0, 1).astype(bool)
    member = np.zeros(rows.shape, bool)
    member[np.nonzero(listed)[0], rows[listed]] = True
    x = input.reshape(rows.shape)
    chosen = x.gather(1, wrap(np.where(listed, rows, 0)))
    gaps = 1 - chosen.unsqueeze(2) + x.unsqueeze(1)
    counted = wrap(listed[:, :, None] & ~member[:, None, :])
    losses = where(counted & (gaps > 0), gaps, 0.0).sum((1, 2)) / max(rows.shape[1], 1)
    return reduced(losses.reshape(shape[:-1]), reduction)


class MultiLabelMarginLoss(_TargetLoss, call=multilabel_margin_loss):
    """How far a sample's classes are from being 1 above all others.

    Follows ``torch.nn.MultiLabelMarginLoss``.
    """


@named
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return the binary cross entropy of logits, its mean over the last dimension first."""
    reduction = as_reduction(reduction, size_average, reduce)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    losses = losses if weight is None else losses * weight
    dim = input.ndim - 1
    return reduced(losses.sum(dim) / input.shape[dim], reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss, call=multilabel_soft_margin_loss):
    """Binary cross entropy of logits (N, C). Follows ``torch.nn.MultiLabelSoftMarginLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> MultiLabelSoftMarginLoss()(tensor([[0.0, 0.0]]), tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
