"""Losses of regression, and what all losses share; kl_div is with the cross entropies."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn.layer import Layer
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import expands, named
from tinygrad_mnist.tensor.comparison import where

Reduction: TypeAlias = Literal["none", "mean", "sum"]


def as_reduction(
    reduction: str,
    size_average: bool | None = None,
    reduce: bool | None = None,
    allowed: tuple[str, ...] = ("none", "mean", "sum"),
) -> Reduction:
    """Return a loss's reduction, which PyTorch's older ``size_average`` and ``reduce`` name too.

    Where one of them is given, ``reduction`` isn't read; the other counts as True.

    Raises
    ------
    ValueError
        When the reduction is none of those allowed.
    RuntimeError
        When ``size_average`` or ``reduce`` is a tensor.
    """
    if size_average is not None or reduce is not None:
        if isinstance(size_average, Tensor) or isinstance(reduce, Tensor):
            raise RuntimeError(
                "size_average and reduce are bools, got a Tensor; name a reduction instead"
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
            f"{reduction!r} is not a valid value for reduction; use one of "
            f"{', '.join(map(repr, allowed))}"
        )
    return cast(Reduction, reduction)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """Return losses as they are, their mean, or their sum."""
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def weighted(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce losses, each times its weight; a mean divides by their number all the same."""
    return reduced(losses if weight is None else losses * weight, reduction)


def check_shape(argument: str, x: Tensor | None, input: Tensor) -> None:
    """Refuse a target or weight of another shape than the input."""
    if x is not None and input.shape != x.shape:  # in this order an error names the first
        raise ValueError(
            f"the {argument} has shape {list(x.shape)}, but the input has {list(input.shape)}; "
            f"they must be equal"
        )


def check_expands(argument: str, x: Tensor | None, input: Tensor) -> None:
    """Refuse what can't be expanded to the input's shape: there is one loss an element."""
    if x is not None and not expands(x.shape, input.shape):
        raise RuntimeError(
            f"the {argument} has shape {list(x.shape)}, which can't be expanded to the input's, "
            f"{list(input.shape)}"
        )


def check_same_ndim(**tensors: Tensor) -> None:
    """Refuse tensors of different numbers of dimensions."""
    if len({x.ndim for x in tensors.values()}) > 1:
        found = ", ".join(f"{argument} {list(x.shape)}" for argument, x in tensors.items())
        raise RuntimeError(
            f"the tensors must have the same number of dimensions, but the shapes are {found}"
        )


class _Loss(Layer):
    """A loss that is reduced to its mean or sum, or left as it is."""

    reductions: tuple[str, ...] = ("none", "mean", "sum")
    _settings: tuple[str, ...] = ()
    """The settings of its function besides the reduction."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        if isinstance(size_average, Tensor) or isinstance(reduce, Tensor):
            raise RuntimeError(
                f"size_average and reduce are bools, got a Tensor; make the loss first, and call "
                f"it with the tensors then, as in {type(self).__name__}()(input, target)"
            )
        self.reduction: Reduction = as_reduction(reduction, size_average, reduce, self.reductions)

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = {"reduction": self.reduction}  # buffers are quicker than attributes
        for name in self._settings:
            told[name] = self._buffers[name] if name in self._buffers else getattr(self, name)
        return told


class _TargetLoss(_Loss):
    """A loss of an input and a target."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return self._call(input, target, **self._told())


class _WeightedLoss(_TargetLoss):
    """A loss with weights, which are a buffer."""

    _settings: tuple[str, ...] = ("weight",)
    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


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
                f"not implemented for {input.dtype} and {target.dtype}; convert one with float()"
            )
        input, target = (x.byte() if x.dtype == bool else x for x in (input, target))
    return input - target


def _average(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Reduce losses; a mean with weights divides by their sum."""
    if weight is None or reduction != "mean":
        return weighted(losses, weight, reduction)
    return (losses * weight).sum() / weight.sum()


@named
@node_name("MseLossBackward0")
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return the squared differences: their mean over all elements, their sum, or each.

    .. math:: \ell = (x - y)^2

    With weights the mean divides by their sum. Follows ``torch.nn.functional.mse_loss``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    target
        A tensor of the same shape; another is broadcast, with a warning.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    weight
        Factors of the losses, of the input's shape.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Raises
    ------
    ValueError
        When the weight has another shape than the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x, y = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0])
    >>> F.mse_loss(x, y), F.mse_loss(x, y, reduction="none")
    (tensor(2.), tensor([0., 4.]))
    """
    reduction = as_reduction(reduction, size_average, reduce)
    check_shape("weight", weight, input)
    return _average(_difference("mse_loss", input, target).square(), weight, reduction)


class MSELoss(_TargetLoss, call=mse_loss):
    """Mean of squared differences over all elements, ``((x - y) ** 2).mean()``.

    Shapes: input and target (*). The result is a scalar, or (*) without a reduction. Follows
    ``torch.nn.MSELoss``.

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
    >>> nn.MSELoss()(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor(2.)
    """


@named
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return the absolute differences: their mean over all elements, their sum, or each.

    .. math:: \ell = |x - y|

    With weights the mean divides by their sum. Where the difference is 0 so is the gradient.
    Follows ``torch.nn.functional.l1_loss``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    target
        A tensor of the same shape; another is broadcast, with a warning.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    weight
        Factors of the losses, of the input's shape.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.l1_loss(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 1.0]))
    tensor(1.5000)
    """
    reduction = as_reduction(reduction, size_average, reduce)
    check_shape("weight", weight, input)
    return _average(_difference("l1_loss", input, target).abs(), weight, reduction)


class L1Loss(_TargetLoss, call=l1_loss):
    """Mean of absolute differences over all elements, ``(x - y).abs().mean()``.

    Shapes: input and target (*). The result is a scalar, or (*) without a reduction. Follows
    ``torch.nn.L1Loss``.

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
    >>> nn.L1Loss()(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor(1.)
    """


def _near(gap: Tensor, bound: float) -> Tensor:
    """Return differences below a bound, else 0: their squares and slopes stay finite."""
    return where(gap.abs() >= bound, 0.0, gap)


@named
@node_name("SmoothL1LossBackward0")
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    beta: float = 1.0,
) -> Tensor:
    r"""Return differences squared where they are small, absolute where they are large.

    .. math:: d^2 / (2 \beta) \text{ where } |d| < \beta, \text{ else } |d| - \beta / 2

    Follows ``torch.nn.functional.smooth_l1_loss``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    target
        A tensor of the same shape; another is broadcast, with a warning.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    beta
        Where the parabola ends and the line begins; 0 makes it :func:`nn.functional.l1_loss`.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Raises
    ------
    RuntimeError
        When beta is negative.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.smooth_l1_loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 2.5000])
    """
    reduction = as_reduction(reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError(f"beta must not be negative, got {beta}")
    gap = _difference("smooth_l1_loss", input, target)
    if beta == 0:
        return reduced(gap.abs(), reduction)
    size = gap.abs()
    square, line = _near(gap, beta).square() * (0.5 / beta), size - 0.5 * beta
    return reduced(where(size >= beta, line, square), reduction)


class SmoothL1Loss(_TargetLoss, call=smooth_l1_loss):
    """Squared differences where they are small, absolute where large.

    Shapes: input and target (*). The result is a scalar, or (*) without a reduction. The equation
    is that of :func:`nn.functional.smooth_l1_loss`. Follows ``torch.nn.SmoothL1Loss``.

    Parameters
    ----------
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    beta
        Where the parabola ends and the line begins.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.SmoothL1Loss()(torch.tensor([3.0]), torch.tensor([0.0]))
    tensor(2.5000)
    """

    _settings = ("beta",)

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta


@named
@node_name("HuberLossBackward0")
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: Reduction = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return half the squared differences where small, a line where they are large.

    .. math:: d^2 / 2 \text{ where } |d| \le \delta, \text{ else } \delta (|d| - \delta / 2)

    Follows ``torch.nn.functional.huber_loss``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    target
        A tensor of the same shape; another is broadcast, with a warning.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    delta
        Where the parabola ends and the line begins, above 0.
    weight
        Factors of the losses, of the input's shape.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Raises
    ------
    RuntimeError
        When delta isn't positive.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.huber_loss(torch.tensor([0.5, 3.0]), torch.zeros(2), reduction="none", delta=2.0)
    tensor([0.1250, 4.0000])
    """
    reduction = as_reduction(reduction)
    check_shape("weight", weight, input)
    if delta <= 0:
        raise RuntimeError(f"delta must be positive, got {delta}")
    gap = _difference("huber_loss", input, target)
    size = gap.abs()
    square, line = _near(gap, delta).square() * 0.5, (size - 0.5 * delta) * delta
    return weighted(where(size >= delta, line, square), weight, reduction)


class HuberLoss(_TargetLoss, call=huber_loss):
    """Half the squared differences where they are small, a line where they are large.

    Shapes: input and target (*). The result is a scalar, or (*) without a reduction. The equation
    is that of :func:`nn.functional.huber_loss`. Follows ``torch.nn.HuberLoss``.

    Parameters
    ----------
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    delta
        Where the parabola ends and the line begins, above 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.HuberLoss()(torch.tensor([3.0]), torch.tensor([0.0]))
    tensor(2.5000)
    """

    _settings = ("delta",)

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta


@named
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the negative log likelihood of targets under normal distributions.

    .. math:: (\log v + (x - y)^2 / v) / 2, \quad v = \max(\mathrm{var}, \epsilon)

    The bound of the variance has no gradient. ``full`` adds the constant log(2 pi) / 2. Follows
    ``torch.nn.functional.gaussian_nll_loss``.

    Parameters
    ----------
    input
        The means x, of shape (*).
    target
        The samples y, of the same shape, or one that broadcasts with it.
    var
        The variances: a number, or a tensor of the input's shape, of that with one length of 1, or
        without its last dimension.
    full
        Whether to add the constant log(2 pi) / 2.
    eps
        The least variance.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Raises
    ------
    ValueError
        When a variance is negative, or its shape doesn't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.gaussian_nll_loss(torch.zeros(2), torch.tensor([2.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(1.5966)
    """
    reduction = as_reduction(reduction)
    variance: Tensor = (
        var if isinstance(var, Tensor) else wrap(np.full(input.shape, var, input._array.dtype))
    )
    _check_variance(variance._array)
    if variance.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(variance.shape):
            variance = variance.unsqueeze(-1)
        elif not (
            variance.ndim == input.ndim
            and [m for n, m in zip(input.shape, variance.shape, strict=True) if n != m] == [1]
        ):
            raise ValueError(
                f"var has shape {list(variance.shape)}; it needs the input's, "
                f"{list(input.shape)}, or that with one length of 1, or without the last dimension"
            )
    bounded = variance + where(variance < eps, eps - variance, 0.0).detach()
    losses = (bounded.log() + (input - target) ** 2 / bounded) * 0.5
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction)


@one_call
def _check_variance(variance: np.ndarray) -> None:
    """Refuse negative variances."""
    if (variance < 0).any():
        raise ValueError("var has negative entry/entries")


class GaussianNLLLoss(_Loss):
    """Negative log likelihood of samples under normal distributions.

    Shapes: means and targets (*), variances (*). The result is a scalar, or (*) without a
    reduction. The equation is that of :func:`nn.functional.gaussian_nll_loss`. Follows
    ``torch.nn.GaussianNLLLoss``.

    Parameters
    ----------
    full
        Whether to add the constant log(2 pi) / 2.
    eps
        The least variance.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.GaussianNLLLoss()(torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([1.0]))
    tensor(2.)
    """

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor) -> Tensor:
        return gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


@named
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the negative log likelihood of counts under Poisson distributions.

    .. math:: \ell = e^x - y x, \quad \text{or, of the rate itself, } x - y \log(x + \epsilon)

    Follows ``torch.nn.functional.poisson_nll_loss``.

    Parameters
    ----------
    input
        The logarithms x of the rates, or the rates, of shape (*).
    target
        The counts y, of a shape that broadcasts with it.
    log_input
        Whether the input is the logarithm of the rate.
    full
        Whether to add Stirling's approximation of log(y!) where y is above 1.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    eps
        What keeps log(0) finite.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> rates, counts = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])
    >>> F.poisson_nll_loss(rates.log(), counts, reduction="none")
    tensor([1.0000, 0.6137])
    """
    reduction = as_reduction(reduction, size_average, reduce)
    if log_input:
        losses = input.exp() - target * input
    else:
        losses = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + (target * (2 * math.pi)).log() * 0.5
        losses = losses + where(target <= 1, 0.0, stirling)
    return reduced(losses, reduction)


class PoissonNLLLoss(_Loss):
    """Negative log likelihood of counts under Poisson distributions.

    Shapes: rates or their logarithms (*), counts (*). The result is a scalar, or (*) without a
    reduction. The equation is that of :func:`nn.functional.poisson_nll_loss`. Follows
    ``torch.nn.PoissonNLLLoss``.

    Parameters
    ----------
    log_input
        Whether the input is the logarithm of the rate.
    full
        Whether to add Stirling's approximation of log(y!) where y is above 1.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    eps
        What keeps log(0) finite.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.PoissonNLLLoss()(torch.tensor([0.0]), torch.tensor([2.0]))
    tensor(1.)
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return poisson_nll_loss(
            log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )
