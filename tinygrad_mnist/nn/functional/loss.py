"""Losses as functions. Each is reduced to its mean or sum, or left as it is."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.naming import warn
from tinygrad_mnist.nn.functional.activation import log1p_exp
from tinygrad_mnist.nn.functional.distance import pairwise_distance
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.functions import where


def check_reduction(name: str, reduction: str) -> None:
    """Refuse a reduction that is not ``"none"``, ``"mean"`` or ``"sum"``."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"{name}: {reduction!r} is not a valid value for reduction; use 'none', 'mean' or 'sum'"
        )


def reduce(losses: Tensor, reduction: str) -> Tensor:
    """Return losses as they are, their mean, or their sum."""
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def _warn_of_broadcasting(name: str, input: Tensor, target: Tensor) -> None:  # noqa: A002
    if input.shape != target.shape:
        warn(
            f"{name}: the target has size {target.shape}, the input {input.shape}; they are "
            f"broadcast, which is rarely what a loss should do: make them equal"
        )


def check_shapes(name: str, input: Tensor, target: Tensor) -> None:  # noqa: A002
    """Refuse a target of another shape than the input."""
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: the target has shape {list(target.shape)}, but the input has "
            f"{list(input.shape)}; they must be equal"
        )


def weighted(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce losses, each times its weight; a mean divides by their number all the same."""
    return reduce(losses if weight is None else losses * weight, reduction)


def _average(name: str, losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce losses; a mean with weights divides by their sum."""
    if weight is None:
        return reduce(losses, reduction)
    if weight.shape != losses.shape:
        raise ValueError(
            f"{name}: the weight has shape {list(weight.shape)}, but the losses have "
            f"{list(losses.shape)}; they must be equal"
        )
    total = reduce(losses * weight, "none" if reduction == "none" else "sum")
    return total / weight.sum() if reduction == "mean" else total


@named
def mse_loss(
    input: Tensor,  # noqa: A002
    target: Tensor,
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
    check_reduction("mse_loss", reduction)
    _warn_of_broadcasting("mse_loss", input, target)
    return _average("mse_loss", (input - target).square(), weight, reduction)


@named
def l1_loss(
    input: Tensor,  # noqa: A002
    target: Tensor,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the absolute differences: their mean over all elements, their sum, or each.

    With weights, of the input's shape, the mean divides by the sum of the weights.
    """
    check_reduction("l1_loss", reduction)
    _warn_of_broadcasting("l1_loss", input, target)
    return _average("l1_loss", (input - target).abs(), weight, reduction)


@named
def smooth_l1_loss(
    input: Tensor,  # noqa: A002
    target: Tensor,
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
    check_reduction("smooth_l1_loss", reduction)
    _warn_of_broadcasting("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return reduce((input - target).abs(), reduction)
    gap = input - target
    size = gap.abs()
    square, line = _near(gap, beta).square() * (0.5 / beta), size - 0.5 * beta
    return reduce(where(size < beta, square, line), reduction)


def _near(gap: Tensor, bound: float) -> Tensor:
    """Return differences below a bound, else 0: their squares and slopes stay finite."""
    return where(gap.abs() < bound, gap, 0.0)  # type: ignore[no-any-return]


@named
def huber_loss(
    input: Tensor,  # noqa: A002
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return half the squared differences where small, a line where they are large.

    .. math:: d^2 / 2 \text{ where } |d| \le \delta, \text{ else } \delta (|d| - \delta / 2)
    """
    check_reduction("huber_loss", reduction)
    _warn_of_broadcasting("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(f"huber_loss: delta must be positive, got {delta}")
    gap = input - target
    size = gap.abs()
    square, line = _near(gap, delta).square() * 0.5, (size - 0.5 * delta) * delta
    return weighted(where(size < delta, square, line), weight, reduction)


@named
def kl_div(
    input: Tensor,  # noqa: A002
    target: Tensor,
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
    if reduction not in ("none", "batchmean", "sum", "mean"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if log_target:
        losses = target.exp() * (target - input)
    else:
        losses = target.xlogy(target) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses.sum()
    return reduce(losses, reduction)


@named
def hinge_embedding_loss(
    input: Tensor,  # noqa: A002
    target: Tensor,
    margin: float = 1.0,
    reduction: str = "mean",
) -> Tensor:
    """Return input where the target is 1, and ``max(0, margin - input)`` where it is -1."""
    check_reduction("hinge_embedding_loss", reduction)
    apart = where(target != 1, (margin - input).clamp(min=0), input * 0)
    return reduce(apart + where(target != -1, input, input * 0), reduction)


@named
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, -target * (input1 - input2) + margin)``; the target is 1 or -1."""
    check_reduction("margin_ranking_loss", reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            f"margin_ranking_loss: inputs and target must have as many dimensions, got "
            f"{input1.shape}, {input2.shape} and {target.shape}"
        )
    return reduce((-target * (input1 - input2) + margin).clamp(min=0), reduction)


@named
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Return ``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1."""
    check_reduction("cosine_embedding_loss", reduction)
    # As PyTorch has it, here epsilon is added to the squared lengths.
    dim = input1.ndim - 1
    tiny = 1e-12
    lengths = ((input1 * input1).sum(dim) + tiny) * ((input2 * input2).sum(dim) + tiny)
    cosine = (input1 * input2).sum(dim) / lengths.sqrt()
    same = where(target == 1, 1 - cosine, cosine * 0)
    return reduce(same + where(target == -1, (cosine - margin).clamp(min=0), cosine * 0), reduction)


@named
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    With swap, the negative's distance to the positive counts where it is smaller (Balntas et al.,
    2016).
    """
    check_reduction("triplet_margin_loss", reduction)
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return reduce((near + margin - far).clamp(min=0), reduction)


@named
def gaussian_nll_loss(
    input: Tensor,  # noqa: A002
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
    check_reduction("gaussian_nll_loss", reduction)
    variance: Tensor = (
        var if isinstance(var, Tensor) else wrap(np.full(input.shape, var, input._array.dtype))
    )
    if (variance._array < 0).any():
        raise ValueError("gaussian_nll_loss: var has negative entry/entries")
    if variance.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(variance.shape):
            variance = variance.unsqueeze(-1)
        elif tuple(variance.shape) != (*input.shape[:-1], 1):
            raise ValueError(
                f"gaussian_nll_loss: var has shape {list(variance.shape)}; it needs the input's, "
                f"{list(input.shape)}, or that with a last dimension of 1 or without it"
            )
    bounded = variance + (variance.clamp(min=eps) - variance).detach()
    losses = (bounded.log() + (input - target) ** 2 / bounded) * 0.5
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduce(losses, reduction)


@named
def poisson_nll_loss(
    input: Tensor,  # noqa: A002
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood of counts under Poisson distributions.

    The input is the logarithm of the rate, or the rate itself. ``full`` adds Stirling's
    approximation of ``log(target!)`` where the target is above 1.
    """
    check_reduction("poisson_nll_loss", reduction)
    if log_input:
        losses = input.exp() - target * input
    else:
        losses = input - target * (input + eps).log()
    if full:
        safe = where(target <= 1, 1.0, target)
        stirling = safe * safe.log() - safe + (safe * (2 * math.pi)).log() * 0.5
        losses = losses + where(target <= 1, 0.0, stirling)
    return reduce(losses, reduction)


@named
def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:  # noqa: A002
    """Return ``log(1 + exp(-target * input))``; the target is 1 or -1."""
    check_reduction("soft_margin_loss", reduction)
    return reduce(log1p_exp(-target * input), reduction)
