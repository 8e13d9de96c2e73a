"""Losses of classifiers, all of them cross entropies: of class numbers, probabilities, logits."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.nn.functional.loss import as_reduction, check_expands, check_shapes, weighted
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named, need_floats
from tinygrad_mnist.tensor.comparison import where


@named
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood of class targets, given log probabilities (N, C, ...).

    Raises
    ------
    IndexError
        When a target is not a class number.
    """
    reduction = as_reduction("nll_loss", reduction, size_average, reduce)
    target = _without_batch(input, target)
    out: Tensor = apply(
        ops.nll_loss, input, target, weight, ignore_index=ignore_index, reduction=reduction
    )
    return out


@named
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
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
    reduction = as_reduction("cross_entropy", reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(
            f"cross_entropy: label_smoothing must be between 0.0 and 1.0, got {label_smoothing}"
        )
    if isinstance(target, TensorBase) and target._array.dtype.kind == "f":
        if ignore_index >= 0:
            raise RuntimeError(
                f"cross_entropy: ignore_index={ignore_index} has no meaning for probabilities as "
                f"targets; leave it away, or give class numbers (long())"
            )
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    target = _without_batch(input, target)
    if not label_smoothing:
        hard: Tensor = apply(
            ops.cross_entropy, input, target, weight, ignore_index=ignore_index, reduction=reduction
        )
        return hard
    dim = 1 if input.ndim > 1 else 0
    log_probs = input.log_softmax(dim)
    settings: dict[str, Any] = {"ignore_index": ignore_index, "reduction": reduction}
    nll = apply(ops.nll_loss, log_probs, target, weight, **settings)
    per_class = _times(log_probs, weight, dim)
    kept = target != ignore_index
    smooth = where(kept, -per_class.sum(dim), 0.0)
    if reduction == "sum":
        smooth = smooth.sum()
    elif reduction == "mean":
        if weight is None:
            total: Any = kept.sum()
        else:
            total = where(kept, weight[where(kept, target, 0)], 0.0).sum()
        smooth = smooth.sum() / total
    classes = input.shape[dim]
    return nll * (1 - label_smoothing) + smooth * (label_smoothing / classes)  # type: ignore[no-any-return]


def _without_batch(scores: Any, target: Any) -> Any:
    """Return the target of a single row of scores, which may have a dimension of length 1."""
    if scores.ndim == 1 and target.ndim == 1 and len(target) == 1:
        return target.reshape(())
    return target


def _soft_cross_entropy(
    input: Any,
    target: Any,
    weight: Any,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    """Return the cross entropy with probabilities as targets."""
    if input.shape != target.shape:
        raise RuntimeError(
            f"cross_entropy: probabilities need the logits' shape {list(input.shape)}, got "
            f"{list(target.shape)}; class numbers are integers: convert them with long()"
        )
    dim = 1 if input.ndim > 1 else 0
    classes = input.shape[dim]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"cross_entropy: a weight for each of {classes} classes is needed, but the weights "
            f"have shape {list(weight.shape)}"
        )
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    losses = -_times(input.log_softmax(dim) * target, weight, dim).sum(dim)
    if reduction == "none":
        return losses  # type: ignore[no-any-return]
    total = losses.sum()
    return total if reduction == "sum" else total / (input.numel() / classes)  # type: ignore[no-any-return]


def _times(x: Any, weight: Any, dim: int) -> Any:
    """Multiply by the weights of the classes, which are along a dimension."""
    return (
        x if weight is None else x * weight.reshape([-1 if i == dim else 1 for i in range(x.ndim)])
    )


@named
@one_node("BinaryCrossEntropyBackward0")
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
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
    reduction = as_reduction("binary_cross_entropy", reduction, size_average, reduce)
    check_shapes("binary_cross_entropy", input, target)
    check_expands("binary_cross_entropy", "weight", weight, input)
    if input.dtype != target.dtype:
        raise RuntimeError(
            f"binary_cross_entropy: the target has dtype {target.dtype}, but the input has "
            f"{input.dtype}; convert it with to(input.dtype)"
        )
    if input._array.size and not ((input._array >= 0) & (input._array <= 1)).all():
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1; apply sigmoid "
            "first, or use binary_cross_entropy_with_logits"
        )
    return weighted(apply(ops.binary_cross_entropy, input, target), weight, reduction)


@named
@one_node("BinaryCrossEntropyWithLogitsBackward0")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
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
    reduction = as_reduction("binary_cross_entropy_with_logits", reduction, size_average, reduce)
    check_shapes("binary_cross_entropy_with_logits", input, target)
    check_expands("binary_cross_entropy_with_logits", "weight", weight, input)
    check_expands("binary_cross_entropy_with_logits", "pos_weight", pos_weight, input)
    need_floats("binary_cross_entropy_with_logits", target, "target")
    losses = apply(ops.binary_cross_entropy_with_logits, input, target, pos_weight)
    return weighted(losses, weight, reduction)
