"""Losses of margins among several classes, and of distances that the caller defines."""

from __future__ import annotations

from collections.abc import Callable

from tinygrad_mnist.nn.activation import logsigmoid
from tinygrad_mnist.nn.functional.distance import pairwise_distance
from tinygrad_mnist.nn.functional.loss import as_reduction, check_same_ndim, reduced
from tinygrad_mnist.nn.functional.sparse import one_hot
from tinygrad_mnist.ops.dtypes import int64
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.comparison import where


@named
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
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
    reduction = as_reduction("multi_margin_loss", reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    if input.ndim == 1 and target.shape == (1,):
        input = input.unsqueeze(0)
    if input.ndim not in (1, 2) or target.shape != input.shape[:-1]:
        raise RuntimeError(
            f"multi_margin_loss: the input has shape {list(input.shape)}, the target "
            f"{list(target.shape)}; it needs a row of scores for each target"
        )
    if target.dtype != int64:
        raise RuntimeError(
            f"multi_margin_loss: targets must be class numbers (int64), got {target.dtype}; "
            f"convert them with long()"
        )
    classes = input.shape[-1]
    if weight is not None and (weight.shape != (classes,) or weight.dtype != input.dtype):
        raise RuntimeError(
            f"multi_margin_loss: a weight for each class is needed: shape [{classes}] and dtype "
            f"{input.dtype}, but the weights have shape {list(weight.shape)} and {weight.dtype}"
        )
    index = target.unsqueeze(-1)
    gaps = input - input.gather(-1, index) + margin
    losses = where(gaps > 0, gaps, 0.0)
    losses = losses if p == 1 else losses.square()
    if weight is not None:
        losses = losses * weight[target].unsqueeze(-1)
    chosen = one_hot(target, classes).bool()
    return reduced(losses.masked_fill(chosen, 0.0).mean(-1), reduction)


@named
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the binary cross entropy of logits, its mean over the last dimension first."""
    reduction = as_reduction("multilabel_soft_margin_loss", reduction, size_average, reduce)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    losses = losses if weight is None else losses * weight
    dim = input.ndim - 1
    return reduced(losses.sum(dim) / input.shape[dim], reduction)


@named
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` for any distance."""
    reduction = as_reduction("triplet_margin_with_distance_loss", reduction)
    if margin <= 0:
        raise ValueError(
            f"triplet_margin_with_distance_loss: margin must be greater than 0, got {margin}"
        )
    check_same_ndim(
        "triplet_margin_with_distance_loss", anchor=anchor, positive=positive, negative=negative
    )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((near - far + margin).clamp(min=0), reduction)
