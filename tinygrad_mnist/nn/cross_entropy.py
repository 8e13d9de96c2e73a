"""Cross entropies: losses of classifiers, for class numbers, probabilities and logits."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.modes import one_call
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
    r"""Return the negative log likelihood of class numbers, given log probabilities.

    .. math:: \ell_n = -w_{y_n} x_{n, y_n}

    With weights the mean divides by the sum of :math:`w_{y_n}`, not by the number of targets.
    Follows ``torch.nn.functional.nll_loss``.

    Parameters
    ----------
    input
        Log probabilities of shape (N, C, ...), or (C) for one sample: what ``log_softmax`` returns.
    target
        Class numbers from 0 to C - 1, int64, of shape (N, ...), or () for one sample.
    weight
        A weight w for each class, of shape (C).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    ignore_index
        Targets of this value cost nothing, and don't count in the mean.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (N, ...) with ``reduction="none"``.

    Raises
    ------
    IndexError
        When a target is not a class number.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
    >>> F.nll_loss(x, torch.tensor([1, 0]), reduction="none")
    tensor([0.2877, 0.6931])
    """
    reduction = as_reduction(reduction, size_average, reduce)
    target = _without_batch(input, target)
    return apply(
        ops.nll_loss, input, target, weight, ignore_index=ignore_index, reduction=reduction
    )


class NLLLoss(_WeightedLoss, call=nll_loss):
    """Negative log likelihood of class numbers (N, ...), given log probabilities (N, C, ...).

    Shapes: log probabilities (N, C, ...), class numbers (N, ...), int64. The result is a scalar, or
    (N, ...) without a reduction. The equation is that of :func:`nn.functional.nll_loss`. Follows
    ``torch.nn.NLLLoss``.

    Parameters
    ----------
    weight
        A weight for each class, of shape (C).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    ignore_index
        Targets of this value cost nothing, and don't count in the mean.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.NLLLoss()(torch.tensor([[-1.0, -2.0]]), torch.tensor([1]))
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
    """:class:`NLLLoss`, under PyTorch's older name.

    Shapes: log probabilities (N, C, H, W), class numbers (N, H, W).

    Parameters
    ----------
    weight, size_average, ignore_index, reduce, reduction
        As in :class:`NLLLoss`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.NLLLoss2d()(torch.zeros(1, 3, 2, 2).log_softmax(1), torch.zeros(1, 2, 2).long())
    tensor(1.0986)
    """


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
    r"""Return the cross entropy of logits and class numbers, or probabilities.

    .. math:: \ell_n = -\sum_c w_c \, p_{nc} \log \frac{e^{x_{nc}}}{\sum_j e^{x_{nj}}}

    The target's probabilities :math:`p_{nc}` are 1 for its class and 0 for the others, unless they
    are given. The logits are what a network's last layer returns: softmax is part of the loss,
    which is so exact even where it would round to 0. Without weights the gradient by the logits is
    :math:`\mathrm{softmax}(x) - p`, divided by N for the mean. Follows
    ``torch.nn.functional.cross_entropy``.

    Parameters
    ----------
    input
        Logits of shape (N, C, ...), or (C) for one sample; floating point.
    target
        Class numbers from 0 to C - 1, int64, of shape (N, ...), or () for one sample; or
        probabilities of the input's shape and dtype.
    weight
        A weight w for each class, of shape (C). With class numbers the mean divides by the sum of
        the targets' weights.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    ignore_index
        Class numbers of this value cost nothing, and don't count in the mean.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    label_smoothing
        How much of each target, from 0 to 1, is shared out evenly to all classes.

    Returns
    -------
    A scalar; of shape (N, ...) with ``reduction="none"``.

    Raises
    ------
    IndexError
        When a target is not a class number.
    RuntimeError
        When the shapes don't fit, or label_smoothing is outside of [0, 1].

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> loss = F.cross_entropy(logits, torch.tensor([0, 1]))
    >>> loss
    tensor(0.4100, grad_fn=<NllLossBackward0>)
    >>> loss.backward()
    >>> logits.grad  # (softmax - one-hot) / N
    tensor([[-0.0596,  0.0596],
            [ 0.2500, -0.2500]])
    >>> probabilities = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    >>> F.cross_entropy(logits.detach(), probabilities, reduction="none")
    tensor([1.1269, 0.6931])
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

    It takes logits, so the network ends with a linear layer, not with softmax. The equation is that
    of :func:`nn.functional.cross_entropy`.

    Shapes: logits (N, C, ...), class numbers (N, ...), int64, or probabilities (N, C, ...). The
    result is a scalar, or (N, ...) without a reduction. Follows ``torch.nn.CrossEntropyLoss``.

    Parameters
    ----------
    weight
        A weight for each class, of shape (C).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    ignore_index
        Class numbers of this value cost nothing, and don't count in the mean.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    label_smoothing
        How much of each target, from 0 to 1, is shared out evenly to all classes.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> logits, classes = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1])
    >>> nn.CrossEntropyLoss()(logits, classes)
    tensor(0.4100)
    >>> nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1)(logits, classes)
    tensor([0.2269, 0.6931])
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

    The logarithms are bounded below by -100, as PyTorch bounds them, so that the loss stays finite.
    Take logits and :func:`binary_cross_entropy_with_logits` for exact gradients. Follows
    ``torch.nn.functional.binary_cross_entropy``.

    Parameters
    ----------
    input
        Probabilities between 0 and 1, of shape (*): what ``sigmoid`` returns.
    target
        Of the same shape and dtype, between 0 and 1.
    weight
        Factors of the losses, of a shape that expands to (*).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Raises
    ------
    ValueError
        When the shapes differ.
    RuntimeError
        When a probability is outside of [0, 1], or the dtypes differ.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.binary_cross_entropy(torch.tensor([0.5, 0.9]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([0.6931, 0.1054])
    """
    reduction = as_reduction(reduction, size_average, reduce)
    check_shape("target", target, input)
    check_expands("weight", weight, input)
    if input.dtype != target.dtype:
        raise RuntimeError(
            f"the target has dtype {target.dtype}, but the input has {input.dtype}; convert it "
            f"with to(input.dtype)"
        )
    _check_probabilities(input._array)
    return weighted(apply(ops.binary_cross_entropy, input, target), weight, reduction)


@one_call
def _check_probabilities(array: np.ndarray) -> None:
    """Refuse what is no probability."""
    if array.size and not ((array >= 0) & (array <= 1)).all():
        raise RuntimeError(
            "all elements of input should be between 0 and 1; apply sigmoid first, or use "
            "binary_cross_entropy_with_logits"
        )


class BCELoss(_WeightedLoss, call=binary_cross_entropy):
    """Binary cross entropy of probabilities and targets of one shape.

    Shapes: probabilities (*), targets (*) between 0 and 1. The result is a scalar, or (*) without a
    reduction. :class:`BCEWithLogitsLoss` takes logits, and is exact where a sigmoid rounds to 0 or
    1. Follows ``torch.nn.BCELoss``.

    Parameters
    ----------
    weight
        Factors of the losses, of a shape that expands to the input's.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.0]))
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
    r"""Return the binary cross entropy of logits and targets between 0 and 1.

    .. math:: \ell = \log(1 + e^x) - x y

    That is ``binary_cross_entropy(sigmoid(x), y)``, exact for logits of any size. Its derivative is
    ``sigmoid(x) - y``. Follows ``torch.nn.functional.binary_cross_entropy_with_logits``.

    Parameters
    ----------
    input
        Logits of shape (*).
    target
        Of the same shape, between 0 and 1; floating point.
    weight
        Factors of the losses, of a shape that expands to (*).
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    pos_weight
        Factors of the terms of the positive class, of a shape that expands to (*): above 1, a
        missed positive costs more.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Raises
    ------
    ValueError
        When the shapes of input and target differ.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x, y = torch.tensor([0.0, 1000.0]), torch.tensor([1.0, 0.0])
    >>> F.binary_cross_entropy_with_logits(x, y, reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
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

    Shapes: logits (*), targets (*) between 0 and 1. The result is a scalar, or (*) without a
    reduction. The equation is that of :func:`nn.functional.binary_cross_entropy_with_logits`.
    Follows ``torch.nn.BCEWithLogitsLoss``.

    Parameters
    ----------
    weight
        Factors of the losses, of a shape that expands to the input's.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    pos_weight
        Factors of the terms of the positive class, which expand likewise.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.BCEWithLogitsLoss()(torch.tensor([1000.0]), torch.tensor([0.0]))
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
    r"""Return the Kullback-Leibler divergence of a target from log probabilities.

    .. math:: \ell = y (\log y - x)

    ``reduction="batchmean"``, the sum divided by the batch, is the divergence proper; the mean over
    all elements isn't. Follows ``torch.nn.functional.kl_div``.

    Parameters
    ----------
    input
        Log probabilities x of shape (*).
    target
        Probabilities y, or their logarithms, of the same shape.
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"batchmean"``, ``"mean"``, ``"sum"``, or ``"none"``: each element by itself.
    log_target
        Whether the target is the logarithm of y.

    Returns
    -------
    A scalar; of shape (*) with ``reduction="none"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]])
    >>> F.kl_div(q.log(), p, reduction="batchmean")
    tensor(0.1438)
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
    """Kullback-Leibler divergence of a target from log probabilities.

    Shapes: log probabilities (*), probabilities (*). The result is a scalar, or (*) without a
    reduction. The equation is that of :func:`nn.functional.kl_div`. Follows ``torch.nn.KLDivLoss``.

    Parameters
    ----------
    size_average, reduce
        PyTorch's older words for the reduction; deprecated.
    reduction
        ``"batchmean"``, the divergence proper, ``"mean"``, ``"sum"``, or ``"none"``: each element
        by itself.
    log_target
        Whether the target is given by its logarithm.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> p = torch.tensor([[0.5, 0.5]])
    >>> nn.KLDivLoss(reduction="batchmean")(p.log(), p)
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
