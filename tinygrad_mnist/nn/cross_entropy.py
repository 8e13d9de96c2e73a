"""Cross entropies: losses of classifiers, for class numbers, probabilities and logits."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn.loss import (
    Reduction,
    _TargetLoss,
    _WeightedLoss,
    as_reduction,
    check_expands,
    check_shape,
    reduced,
    weighted,
)
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named, need_floats
from tinygrad_mnist.tensor.comparison import where


@named
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Return the negative log likelihood of class targets, given log probabilities (N, C, ...).

    Raises
    ------
    IndexError
        When a target is not a class number.
    """
    reduction = as_reduction(reduction, size_average, reduce)
    target = _without_batch(input, target)
    return apply(
        ops.nll_loss, input, target, weight, ignore_index=ignore_index, reduction=reduction
    )


class NLLLoss(_WeightedLoss, call=nll_loss):
    """Negative log likelihood of class numbers (N, ...), given log probabilities (N, C, ...).

    Follows ``torch.nn.NLLLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> NLLLoss()(tensor([[-1.0, -2.0]]), tensor([1]))
    tensor(2.)
    """

    _settings = ("weight", "ignore_index")

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index


class NLLLoss2d(NLLLoss):
    """:class:`NLLLoss`, under PyTorch's older name."""


@named
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the cross entropy of logits (N, C, ...) and class targets, or probabilities.

    .. math:: -\sum_c p_c \log \mathrm{softmax}(x)_c

    Follows ``torch.nn.functional.cross_entropy``.

    Raises
    ------
    IndexError
        When a target is not a class number.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cross_entropy(tensor([[1000.0, 0.0]]), tensor([1]))
    tensor(1000.)
    """
    reduction = as_reduction(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0, got {label_smoothing}")
    if isinstance(target, TensorBase) and target._array.dtype.kind == "f":
        if ignore_index >= 0:
            raise RuntimeError(
                f"ignore_index={ignore_index} has no meaning for probabilities as targets; leave "
                f"it away, or give class numbers (long())"
            )
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    target = _without_batch(input, target)
    if not label_smoothing:
        return apply(
            ops.cross_entropy, input, target, weight, ignore_index=ignore_index, reduction=reduction
        )
    dim = 1 if input.ndim > 1 else 0
    log_probs = input.log_softmax(dim)
    nll = apply(
        ops.nll_loss, log_probs, target, weight, ignore_index=ignore_index, reduction=reduction
    )
    kept = target != ignore_index
    smooth: Tensor = where(kept, -_times(log_probs, weight, dim).sum(dim), 0.0)
    if reduction == "sum":
        smooth = smooth.sum()
    elif reduction == "mean":
        total = kept if weight is None else where(kept, weight[where(kept, target, 0)], 0.0)
        smooth = smooth.sum() / total.sum()
    per_class: float = label_smoothing / input.shape[dim]
    return nll * (1 - label_smoothing) + smooth * per_class


def _without_batch(scores: Tensor, target: Tensor) -> Tensor:
    """Return the target of a single row of scores, which may have a dimension of length 1."""
    if scores.ndim == 1 and target.ndim == 1 and len(target) == 1:
        return target.reshape(())
    return target


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """Return the cross entropy with probabilities as targets."""
    if input.shape != target.shape:
        raise RuntimeError(
            f"probabilities need the logits' shape {list(input.shape)}, got "
            f"{list(target.shape)}; class numbers are integers: convert them with long()"
        )
    dim = 1 if input.ndim > 1 else 0
    classes = input.shape[dim]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"a weight for each of {classes} classes is needed, but the weights have shape "
            f"{list(weight.shape)}"
        )
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    losses = -_times(input.log_softmax(dim) * target, weight, dim).sum(dim)
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" else total / (input.numel() / classes)


def _times(x: Tensor, weight: Tensor | None, dim: int) -> Tensor:
    """Multiply by the weights of the classes, which are along a dimension."""
    if weight is None:
        return x
    return x * weight.reshape([-1 if i == dim else 1 for i in range(x.ndim)])


class CrossEntropyLoss(_WeightedLoss, call=cross_entropy):
    """Cross entropy of logits (N, C, ...) and class numbers (N, ...), or probabilities.

    Follows ``torch.nn.CrossEntropyLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> CrossEntropyLoss()(tensor([[1000.0, 0.0]]), tensor([1]))
    tensor(1000.)
    """

    _settings = ("weight", "ignore_index", "label_smoothing")

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing


@named
@node_name("BinaryCrossEntropyBackward0")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Return the binary cross entropy of probabilities and targets, both between 0 and 1.

    .. math:: -(y \log p + (1 - y) \log(1 - p))

    The logarithms are bounded below by -100, as PyTorch bounds them, so that the loss stays
    finite. Take logits and :func:`binary_cross_entropy_with_logits` for exact gradients.

    Raises
    ------
    RuntimeError
        When a probability is outside of [0, 1].
    """
    reduction = as_reduction(reduction, size_average, reduce)
    check_shape("target", target, input)
    check_expands("weight", weight, input)
    if input.dtype != target.dtype:
        raise RuntimeError(
            f"the target has dtype {target.dtype}, but the input has {input.dtype}; convert it "
            f"with to(input.dtype)"
        )
    if input._array.size and not ((input._array >= 0) & (input._array <= 1)).all():
        raise RuntimeError(
            "all elements of input should be between 0 and 1; apply sigmoid first, or use "
            "binary_cross_entropy_with_logits"
        )
    return weighted(apply(ops.binary_cross_entropy, input, target), weight, reduction)


class BCELoss(_WeightedLoss, call=binary_cross_entropy):
    """Binary cross entropy of probabilities and targets of one shape.

    Follows ``torch.nn.BCELoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> BCELoss()(tensor([0.5]), tensor([1.0]))
    tensor(0.6931)
    """


@named
@node_name("BinaryCrossEntropyWithLogitsBackward0")
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    r"""Return the binary cross entropy of logits and targets between 0 and 1, of one shape.

    .. math:: \log(1 + e^x) - x y

    Follows ``torch.nn.functional.binary_cross_entropy_with_logits``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> binary_cross_entropy_with_logits(tensor(1000.0), tensor(0.0))
    tensor(1000.)
    """
    reduction = as_reduction(reduction, size_average, reduce)
    check_shape("target", target, input)
    check_expands("weight", weight, input)
    check_expands("pos_weight", pos_weight, input)
    need_floats(target, "target")
    losses = apply(ops.binary_cross_entropy_with_logits, input, target, pos_weight)
    return weighted(losses, weight, reduction)


class BCEWithLogitsLoss(_WeightedLoss, call=binary_cross_entropy_with_logits):
    """Binary cross entropy of logits and targets of one shape.

    Follows ``torch.nn.BCEWithLogitsLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> BCEWithLogitsLoss()(tensor([1000.0]), tensor([0.0]))
    tensor(1000.)
    """

    _settings = ("weight", "pos_weight")
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)


KL_REDUCTIONS = ("none", "batchmean", "mean", "sum")
KLReduction: TypeAlias = Literal["none", "batchmean", "mean", "sum"]


@named
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: KLReduction = "mean",
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
    chosen: str = as_reduction(reduction, size_average, reduce, KL_REDUCTIONS)
    need_floats(input)
    need_floats(target)
    if log_target:
        losses = target.exp() * (target - input)
    else:
        losses = target.xlogy(target) - target * input
    total = reduced(losses, "sum" if chosen == "batchmean" else chosen)
    # PyTorch divides by the batch whatever else size_average says.
    return total / input.shape[0] if per_batch else total


class KLDivLoss(_TargetLoss, call=kl_div):
    """Kullback-Leibler divergence of log probabilities from a target.

    ``reduction="batchmean"`` is the divergence proper. Follows ``torch.nn.KLDivLoss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> p = tensor([[0.5, 0.5]])
    >>> KLDivLoss(reduction="batchmean")(p.log(), p)
    tensor(0.)
    """

    reductions = KL_REDUCTIONS
    _settings = ("log_target",)

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: KLReduction = "mean",
        log_target: bool = False,
    ) -> None:
        kind: Any = reduction  # of `reductions`, which has one more
        super().__init__(size_average, reduce, kind)
        self.log_target = log_target
