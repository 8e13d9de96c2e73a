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
    """Return input where the target is 1, and ``max(0, margin - input)`` where it is -1.

    Follows ``torch.nn.functional.hinge_embedding_loss``.

    Parameters
    ----------
    input
        Distances, of shape (*).
    target
        1 (alike) or -1 (apart), of a shape that broadcasts with the input's.
    margin
        The distance from which on what is apart costs nothing.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x, y = torch.tensor([0.5, 0.25]), torch.tensor([1.0, -1.0])
    >>> F.hinge_embedding_loss(x, y, reduction="none")
    tensor([0.5000, 0.7500])
    """
    reduction = as_reduction(reduction, size_average, reduce)
    apart = where(target != 1, (margin - input).clamp(min=0), 0.0)
    return reduced(apart + where(target != -1, input, 0.0), reduction)


class HingeEmbeddingLoss(_TargetLoss, call=hinge_embedding_loss):
    """The input for targets 1, ``max(0, margin - input)`` for -1.

    Shapes: distances (*), targets (*), each 1 or -1. The result is a scalar, or (*) without a
    reduction. Follows ``torch.nn.HingeEmbeddingLoss``.

    Parameters
    ----------
    margin
        The distance from which on what is apart costs nothing.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.HingeEmbeddingLoss()(torch.tensor([0.5, 0.25]), torch.tensor([1.0, -1.0]))
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
    """Return ``max(0, -target * (input1 - input2) + margin)``; the target is 1 or -1.

    Follows ``torch.nn.functional.margin_ranking_loss``.

    Parameters
    ----------
    input1, input2
        Scores, of shape (*).
    target
        1 where input1 should be the larger, -1 where input2 should; of the same number of
        dimensions.
    margin
        By how much.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Raises
    ------
    RuntimeError
        When the tensors have different numbers of dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.margin_ranking_loss(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """
    reduction = as_reduction(reduction, size_average, reduce)
    check_same_ndim(input1=input1, input2=input2, target=target)
    return reduced((-target * (input1 - input2) + margin).clamp(min=0), reduction)


class MarginRankingLoss(_MarginLoss, call=margin_ranking_loss):
    """Cost of a wrong order, ``max(0, -target * (input1 - input2) + margin)``.

    Shapes: two scores (*), targets (*), each 1 or -1. The result is a scalar, or (*) without a
    reduction. Follows ``torch.nn.MarginRankingLoss``.

    Parameters
    ----------
    margin
        By how much one score should be larger.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.MarginRankingLoss()(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
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
    """Return ``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1.

    Follows ``torch.nn.functional.cosine_embedding_loss``.

    Parameters
    ----------
    input1, input2
        Vectors, of shape (N, D), or (D).
    target
        1 (alike) or -1 (apart), of shape (N), or ().
    margin
        The cosine up to which what is apart costs nothing.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (N) with ``reduction="none"``.

    Raises
    ------
    RuntimeError
        When the shapes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> F.cosine_embedding_loss(x, y, torch.tensor([1.0]))
    tensor(1.)
    """
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
    """Cost of angles: ``1 - cos`` for targets 1, ``max(0, cos - margin)`` for -1.

    Shapes: vectors (N, D), targets (N), each 1 or -1. The result is a scalar, or (N) without a
    reduction. Follows ``torch.nn.CosineEmbeddingLoss``.

    Parameters
    ----------
    margin
        The cosine up to which what is apart costs nothing.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    >>> nn.CosineEmbeddingLoss()(x, y, torch.tensor([-1.0]))
    tensor(0.7071)
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
    """Return ``log(1 + exp(-target * input))``; the target is 1 or -1.

    Follows ``torch.nn.functional.soft_margin_loss``.

    Parameters
    ----------
    input
        Scores, of shape (*), floating point.
    target
        1 or -1, of a shape that expands to the input's.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.soft_margin_loss(torch.tensor([0.0, 2.0]), torch.tensor([1.0, -1.0]), reduction="none")
    tensor([0.6931, 2.1269])
    """
    reduction = as_reduction(reduction, size_average, reduce)
    need_floats(input)
    check_expands("target", target, input)
    return reduced(log1p_exp(-(target * input)), reduction)


class SoftMarginLoss(_TargetLoss, call=soft_margin_loss):
    """Logistic loss of scores and signs, ``log(1 + exp(-target * input))``.

    Shapes: scores (*), targets (*), each 1 or -1. The result is a scalar, or (*) without a
    reduction. Follows ``torch.nn.SoftMarginLoss``.

    Parameters
    ----------
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.SoftMarginLoss()(torch.tensor([0.0]), torch.tensor([1.0]))
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

    Follows ``torch.nn.functional.triplet_margin_loss``.

    Parameters
    ----------
    anchor, positive, negative
        Vectors, of shape (N, D), or (D).
    margin
        By how much the negative should be farther away.
    p
        The order of the norm that is the distance.
    eps
        A number added to each difference, so that the distance has a derivative at 0.
    swap
        Whether the negative's distance to the positive counts where it is smaller (Balntas et al.,
        2016).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (N) with ``reduction="none"``.

    Raises
    ------
    ValueError
        When the margin isn't positive.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x, y, z = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    >>> F.triplet_margin_loss(x, y, z)  # 5 - 2 + 1
    tensor(4.0000)
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
    """Cost of distances, ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    Shapes: three vectors (N, D). The result is a scalar, or (N) without a reduction. Follows
    ``torch.nn.TripletMarginLoss``.

    Parameters
    ----------
    margin
        By how much the negative should be farther away.
    p
        The order of the norm that is the distance.
    eps
        A number added to each difference.
    swap
        Whether the negative's distance to the positive counts where it is smaller.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    >>> nn.TripletMarginLoss()(x, x, y)
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
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` for any distance.

    Follows ``torch.nn.functional.triplet_margin_with_distance_loss``.

    Parameters
    ----------
    anchor, positive, negative
        Tensors of one shape, (N, ...).
    distance_function
        What returns the distances of two such tensors; :func:`pairwise_distance` unless given.
    margin
        By how much the negative should be farther away.
    swap
        Whether the negative's distance to the positive counts where it is smaller.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (N) with ``reduction="none"``.

    Raises
    ------
    ValueError
        When the margin isn't positive.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x, y, z = torch.tensor([[0.0]]), torch.tensor([[3.0]]), torch.tensor([[1.0]])
    >>> F.triplet_margin_with_distance_loss(
    ...     x, y, z, distance_function=lambda a, b: (a - b).abs().sum(1)
    ... )
    tensor(3.)
    """
    reduction = as_reduction(reduction)
    _check_margin(margin)
    check_same_ndim(anchor=anchor, positive=positive, negative=negative)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((near + margin - far).clamp(min=0), reduction)


class TripletMarginWithDistanceLoss(_TripletLoss, call=triplet_margin_with_distance_loss):
    """Cost of any distances, ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    Shapes: three tensors (N, ...). The result is a scalar, or (N) without a reduction. Follows
    ``torch.nn.TripletMarginWithDistanceLoss``.

    Parameters
    ----------
    distance_function
        What returns the distances of two tensors; :class:`PairwiseDistance` unless given.
    margin
        By how much the negative should be farther away.
    swap
        Whether the negative's distance to the positive counts where it is smaller.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.TripletMarginWithDistanceLoss()(torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, 2))
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
    r"""Return by how much other classes come too close to the right one.

    .. math:: \ell = \frac{1}{C} \sum_{i \ne y} \max(0, m - x_y + x_i)^p

    Follows ``torch.nn.functional.multi_margin_loss``.

    Parameters
    ----------
    input
        Scores, of shape (N, C) or (C).
    target
        Class numbers y, int64, of shape (N) or ().
    p
        The power, 1 or 2.
    margin
        The margin m.
    weight
        A factor for each class, of shape (C).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (N) with ``reduction="none"``.

    Raises
    ------
    ValueError
        When p isn't 1 or 2.
    RuntimeError
        When the shapes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.multi_margin_loss(torch.tensor([[0.0, 0.5, 2.0]]), torch.tensor([1]))  # (0.5 + 2.5) / 3
    tensor(1.)
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
    """By how much other classes come too close to the right one.

    Shapes: scores (N, C) or (C), class numbers (N) or (), int64. The result is a scalar, or (N)
    without a reduction. The equation is that of :func:`nn.functional.multi_margin_loss`. Follows
    ``torch.nn.MultiMarginLoss``.

    Parameters
    ----------
    p
        The power, 1 or 2.
    margin
        The margin.
    weight
        A factor for each class, of shape (C).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.MultiMarginLoss()(torch.tensor([[0.0, 0.5]]), torch.tensor([1]))
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

    .. math:: \ell = \frac{1}{C} \sum_{j \in y, i \notin y} \max(0, 1 - x_j + x_i)

    Follows ``torch.nn.functional.multilabel_margin_loss``.

    Parameters
    ----------
    input
        Scores, of shape (N, C) or (C).
    target
        Class numbers of each sample, up to the first -1; int64, of the input's shape.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (N) with ``reduction="none"``.

    Raises
    ------
    RuntimeError
        When the shapes differ, or a target is no class number.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.multilabel_margin_loss(torch.tensor([0.1, 0.2, 0.4, 0.8]), torch.tensor([3, 0, -1, 1]))
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

    Shapes: scores (N, C) or (C), class numbers of the same shape, up to the first -1. The result is
    a scalar, or (N) without a reduction. The equation is that of
    :func:`nn.functional.multilabel_margin_loss`. Follows ``torch.nn.MultiLabelMarginLoss``.

    Parameters
    ----------
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.MultiLabelMarginLoss()(torch.tensor([0.1, 0.2, 0.4, 0.8]), torch.tensor([3, 0, -1, 1]))
    tensor(0.8500)
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
    """Return the binary cross entropy of logits, its mean over the last dimension first.

    Follows ``torch.nn.functional.multilabel_soft_margin_loss``.

    Parameters
    ----------
    input
        Logits, of shape (N, C).
    target
        0 or 1 for each class, of the same shape.
    weight
        A factor for each class, of a shape that broadcasts with the input's.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (N) with ``reduction="none"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.multilabel_soft_margin_loss(torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(1.4100)
    """
    reduction = as_reduction(reduction, size_average, reduce)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    losses = losses if weight is None else losses * weight
    dim = input.ndim - 1
    return reduced(losses.sum(dim) / input.shape[dim], reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss, call=multilabel_soft_margin_loss):
    """Binary cross entropy of logits, for samples that may have several classes.

    Shapes: logits (N, C), targets (N, C), each 0 or 1. The result is a scalar, or (N) without a
    reduction. Follows ``torch.nn.MultiLabelSoftMarginLoss``.

    Parameters
    ----------
    weight
        A factor for each class, of a shape that broadcasts with the input's.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.MultiLabelSoftMarginLoss()(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
