"""Losses as functions. Each is reduced to its mean or sum, or left as it is."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.nn.activation import log1p_exp
from tinygrad_mnist.nn.functional.distance import pairwise_distance
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import expands, named, need_floats
from tinygrad_mnist.tensor.comparison import where


def as_reduction(
    name: str,
    reduction: str,
    size_average: bool | None = None,
    reduce: bool | None = None,
    allowed: tuple[str, ...] = ("none", "mean", "sum"),
) -> str:
    """Return a loss's reduction, which PyTorch's older ``size_average`` and ``reduce`` name too.

    Where one of them is given, ``reduction`` isn't read; the other counts as True.

    Raises
    ------
    ValueError
        When the reduction is none of those allowed.
    RuntimeError
        When ``size_average`` or ``reduce`` is a tensor, as in ``MSELoss(input, target)``.
    """
    if size_average is not None or reduce is not None:
        if isinstance(size_average, Tensor) or isinstance(reduce, Tensor):
            raise RuntimeError(
                f"{name}: size_average and reduce are bools, got a Tensor; make the loss first, "
                f"and call it with the tensors then, as in {name}()(input, target)"
            )
        average, combine = (True if x is None else x for x in (size_average, reduce))
        reduction = "none" if not combine else "mean" if average else "sum"
        warn(
            f"size_average and reduce args will be deprecated, please use "
            f"reduction='{reduction}' instead."
        )
    elif reduction == "elementwise_mean":
        warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.")
        reduction = "mean"
    if reduction not in allowed:
        raise ValueError(
            f"{name}: {reduction!r} is not a valid value for reduction; use one of "
            f"{', '.join(map(repr, allowed))}"
        )
    return reduction


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """Return losses as they are, their mean, or their sum."""
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def check_shapes(name: str, input: Tensor, target: Tensor) -> None:
    """Refuse a target of another shape than the input."""
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: the target has shape {list(target.shape)}, but the input has "
            f"{list(input.shape)}; they must be equal"
        )


def check_expands(name: str, argument: str, x: Tensor | None, input: Tensor) -> None:
    """Refuse what can't be expanded to the input's shape: there is one loss an element."""
    if x is not None and not expands(x.shape, input.shape):
        raise RuntimeError(
            f"{name}: the {argument} has shape {list(x.shape)}, which can't be expanded to the "
            f"input's, {list(input.shape)}"
        )


def check_same_ndim(name: str, **tensors: Tensor) -> None:
    """Refuse tensors of different numbers of dimensions."""
    if len({x.ndim for x in tensors.values()}) > 1:
        found = ", ".join(f"{argument} {list(x.shape)}" for argument, x in tensors.items())
        raise RuntimeError(
            f"{name}: the tensors must have the same number of dimensions, but the shapes are "
            f"{found}"
        )


def weighted(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce losses, each times its weight; a mean divides by their number all the same."""
    return reduced(losses if weight is None else losses * weight, reduction)


def _difference(name: str, input: Tensor, target: Tensor) -> Tensor:
    """Return input - target, warning of broadcasting; bools are read as 0 and 1."""
    if input.shape != target.shape:
        warn(
            f"{name}: the target has size {target.shape}, the input {input.shape}; they are "
            f"broadcast, which is rarely what a loss should do: make them equal"
        )
    kinds = input._array.dtype.kind + target._array.dtype.kind
    if name != "l1_loss":  # as PyTorch has it
        if "f" not in kinds:
            raise NotImplementedError(
                f"{name}: not implemented for {input.dtype} and {target.dtype}; convert one with "
                f"float()"
            )
        input, target = (x.byte() if x.dtype == bool else x for x in (input, target))
    return input - target


def _check_weight(name: str, input: Tensor, weight: Tensor | None) -> None:
    if weight is not None and weight.shape != input.shape:
        raise ValueError(
            f"{name}: the weight has shape {list(weight.shape)}, but the input has "
            f"{list(input.shape)}; they must be equal"
        )


def _average(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce losses; a mean with weights divides by their sum."""
    if weight is None or reduction != "mean":
        return weighted(losses, weight, reduction)
    return (losses * weight).sum() / weight.sum()


@named
@one_node("MseLossBackward0")
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the squared differences: their mean over all elements, their sum, or each.

    With weights, of the input's shape, the mean divides by the sum of the weights.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> mse_loss(tensor([1.0, 3.0]), tensor([1.0, 1.0]))
    tensor(2.)
    """
    reduction = as_reduction("mse_loss", reduction, size_average, reduce)
    _check_weight("mse_loss", input, weight)
    return _average(_difference("mse_loss", input, target).square(), weight, reduction)


@named
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the absolute differences: their mean over all elements, their sum, or each.

    With weights, of the input's shape, the mean divides by the sum of the weights.
    """
    reduction = as_reduction("l1_loss", reduction, size_average, reduce)
    _check_weight("l1_loss", input, weight)
    return _average(_difference("l1_loss", input, target).abs(), weight, reduction)


@named
@one_node("SmoothL1LossBackward0")
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    r"""Return differences squared where they are small, absolute where they are large.

    .. math:: d^2 / (2 \beta) \text{ where } |d| < \beta, \text{ else } |d| - \beta / 2

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> smooth_l1_loss(tensor([0.5, 3.0]), tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 2.5000])
    """
    reduction = as_reduction("smooth_l1_loss", reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    gap = _difference("smooth_l1_loss", input, target)
    if beta == 0:
        return reduced(gap.abs(), reduction)
    size = gap.abs()
    square, line = _near(gap, beta).square() * (0.5 / beta), size - 0.5 * beta
    return reduced(where(size >= beta, line, square), reduction)


def _near(gap: Tensor, bound: float) -> Tensor:
    """Return differences below a bound, else 0: their squares and slopes stay finite."""
    return where(gap.abs() >= bound, 0.0, gap)


@named
@one_node("HuberLossBackward0")
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return half the squared differences where small, a line where they are large.

    .. math:: d^2 / 2 \text{ where } |d| \le \delta, \text{ else } \delta (|d| - \delta / 2)
    """
    reduction = as_reduction("huber_loss", reduction)
    _check_weight("huber_loss", input, weight)
    if delta <= 0:
        raise RuntimeError(f"huber_loss: delta must be positive, got {delta}")
    gap = _difference("huber_loss", input, target)
    size = gap.abs()
    square, line = _near(gap, delta).square() * 0.5, (size - 0.5 * delta) * delta
    return weighted(where(size >= delta, line, square), weight, reduction)


KL_REDUCTIONS = ("none", "batchmean", "mean", "sum")


@named
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    r"""Return the Kullback-Leibler divergence, of log probabilities from a target.

    .. math:: y (\log y - x)

    ``reduction="batchmean"``, the sum divided by the batch, is the divergence proper; the mean over
    all elements isn't.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> p = tensor([[0.5, 0.5]])
    >>> kl_div(p.log(), p, reduction="batchmean")
    tensor(0.)
    """
    if reduction == "mean" and size_average is None and reduce is None:
        warn(
            "kl_div: reduction='mean' divides by the number of elements; 'batchmean' divides by "
            "the batch size alone, and is the divergence proper"
        )
    per_batch = reduction == "batchmean" and input.ndim > 0
    reduction = as_reduction("kl_div", reduction, size_average, reduce, KL_REDUCTIONS)
    need_floats("kl_div", input)
    need_floats("kl_div", target)
    if log_target:
        losses = target.exp() * (target - input)
    else:
        losses = target.xlogy(target) - target * input
    total = reduced(losses, "sum" if reduction == "batchmean" else reduction)
    # PyTorch divides by the batch whatever else size_average says.
    return total / input.shape[0] if per_batch else total


@named
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return input where the target is 1, and ``max(0, margin - input)`` where it is -1."""
    reduction = as_reduction("hinge_embedding_loss", reduction, size_average, reduce)
    apart = where(target != 1, (margin - input).clamp(min=0), 0.0)
    return reduced(apart + where(target != -1, input, 0.0), reduction)


@named
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, -target * (input1 - input2) + margin)``; the target is 1 or -1."""
    reduction = as_reduction("margin_ranking_loss", reduction, size_average, reduce)
    check_same_ndim("margin_ranking_loss", input1=input1, input2=input2, target=target)
    return reduced((-target * (input1 - input2) + margin).clamp(min=0), reduction)


@named
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1."""
    reduction = as_reduction("cosine_embedding_loss", reduction, size_average, reduce)
    if target.ndim > 1 or {input1.ndim, input2.ndim} != {target.ndim + 1}:
        raise RuntimeError(
            f"cosine_embedding_loss: inputs (N, D) need a target (N), inputs (D) one without "
            f"dimensions, but the shapes are {list(input1.shape)}, {list(input2.shape)} and "
            f"{list(target.shape)}"
        )
    # As PyTorch has it, here epsilon is added to the squared lengths.
    dim = input1.ndim - 1
    tiny = 1e-12
    lengths = ((input1 * input1).sum(dim) + tiny) * ((input2 * input2).sum(dim) + tiny)
    cosine = (input1 * input2).sum(dim) / lengths.sqrt()
    same = where(target == 1, 1 - cosine, 0.0)
    return reduced(same + where(target == -1, (cosine - margin).clamp(min=0), 0.0), reduction)


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
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    With swap, the negative's distance to the positive counts where it is smaller (Balntas et al.,
    2016).
    """
    reduction = as_reduction("triplet_margin_loss", reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    check_same_ndim("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduced((near + margin - far).clamp(min=0), reduction)


@named
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    r"""Return the negative log likelihood of targets under normal distributions.

    .. math:: (\log v + (x - y)^2 / v) / 2, \quad v = \max(\mathrm{var}, \epsilon)

    The bound of the variance has no gradient. ``full`` adds the constant log(2 pi) / 2.

    Raises
    ------
    ValueError
        When a variance is negative, or its shape doesn't fit.
    """
    reduction = as_reduction("gaussian_nll_loss", reduction)
    variance: Tensor = (
        var if isinstance(var, Tensor) else wrap(np.full(input.shape, var, input._array.dtype))
    )
    if (variance._array < 0).any():
        raise ValueError("gaussian_nll_loss: var has negative entry/entries")
    if variance.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(variance.shape):
            variance = variance.unsqueeze(-1)
        elif not (
            variance.ndim == input.ndim
            and [m for n, m in zip(input.shape, variance.shape, strict=True) if n != m] == [1]
        ):
            raise ValueError(
                f"gaussian_nll_loss: var has shape {list(variance.shape)}; it needs the input's, "
                f"{list(input.shape)}, or that with one length of 1, or without the last dimension"
            )
    bounded = variance + where(variance < eps, eps - variance, 0.0).detach()
    losses = (bounded.log() + (input - target) ** 2 / bounded) * 0.5
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction)


@named
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood of counts under Poisson distributions.

    The input is the logarithm of the rate, or the rate itself. ``full`` adds Stirling's
    approximation of ``log(target!)`` where the target is above 1.
    """
    reduction = as_reduction("poisson_nll_loss", reduction, size_average, reduce)
    if log_input:
        losses = input.exp() - target * input
    else:
        losses = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + (target * (2 * math.pi)).log() * 0.5
        losses = losses + where(target <= 1, 0.0, stirling)
    return reduced(losses, reduction)


@named
@one_node("SoftMarginLossBackward0")
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``log(1 + exp(-target * input))``; the target is 1 or -1."""
    reduction = as_reduction("soft_margin_loss", reduction, size_average, reduce)
    need_floats("soft_margin_loss", input)
    check_expands("soft_margin_loss", "target", target, input)
    return reduced(log1p_exp(-(target * input)), reduction)
