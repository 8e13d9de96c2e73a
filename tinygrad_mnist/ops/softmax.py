"""Softmax, its logarithm, and the losses built on it. All are shifted, so nothing overflows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Point, Sample, op
from tinygrad_mnist.ops.elementwise import logaddexp, sigmoid
from tinygrad_mnist.ops.indexing import scatter_into_zeros
from tinygrad_mnist.ops.promotion import refuse
from tinygrad_mnist.ops.sums import add_up, dot

_SAMPLES = [Sample((3,), dim=0), Sample((3, 3), dim=-1), Sample((2, 3, 2), dim=1)]


def _softmax(x: Any, *, dim: int) -> Any:
    """Exponentials divided by their sum along a dimension: probabilities."""
    out = np.exp(x - np.max(x, axis=dim, keepdims=True)) if x.size else x.copy()
    out /= add_up(out, dim, keepdims=True)
    return out


def _log_softmax(x: Any, *, dim: int) -> Any:
    """Logarithm of softmax, exact where softmax itself would round to 0."""
    if not x.size:
        return x.copy()
    out = x - np.max(x, axis=dim, keepdims=True)
    out -= np.log(add_up(np.exp(out), dim, keepdims=True))
    return out


softmax = op(
    "softmax", _softmax,
    x=lambda g, out, dim: out * (g - dot(g, out, dim, keepdims=True)),
    formula="exp(x) / sum of exp(x)", torch="torch.softmax(x, dim)", samples=_SAMPLES,
    promotes="float", check=refuse("biu"),
)  # fmt: skip
log_softmax = op(
    "log_softmax", _log_softmax,
    x=lambda g, out, dim: g - np.exp(out) * add_up(g, dim, keepdims=True),
    formula="x - log(sum of exp(x))", torch="torch.log_softmax(x, dim)", samples=_SAMPLES,
    promotes="float", check=refuse("biu"),
)  # fmt: skip


def _rows(x: Any) -> Any:
    """Bring the class dimension (1, or 0 of a single row) to the end, and flatten the rest."""
    if len(x.shape) == 2:
        return x
    if len(x.shape) == 1:
        return np.reshape(x, (1, -1))
    return np.reshape(np.moveaxis(x, 1, -1), (-1, x.shape[1]))


def _unrows(rows: Any, like: tuple[int, ...]) -> Any:
    """Undo :func:`_rows`."""
    if len(like) <= 2:
        return np.reshape(rows, like)
    return np.moveaxis(np.reshape(rows, (like[0], *like[2:], like[1])), -1, 1)


_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def check_target(shape: tuple[int, ...], target: Any, ignore_index: int) -> bool:
    """Check class targets against the shape of their scores; return whether some are ignored.

    Raises
    ------
    TypeError, ValueError, IndexError
        When targets are not integers, have another shape than the scores without their
        classes, or lie outside of 0 ... C - 1. They would otherwise wrap around, as NumPy's
        indices do.
    """
    if target.dtype not in (np.int64, np.uint8):
        raise (TypeError if target.dtype.kind not in "iu" else RuntimeError)(
            f"targets must be class numbers (int64), got {target.dtype}; convert them with long()"
        )
    if not shape:
        raise ValueError("the scores have no dimension; expected shape (C,), (N, C) or (N, C, ...)")
    expected = shape[:1] + shape[2:] if len(shape) > 1 else ()
    if target.shape != expected:
        raise ValueError(
            f"scores of shape {list(shape)} need targets of shape {list(expected)}, got "
            f"{list(target.shape)}"
        )
    classes = shape[1] if len(shape) > 1 else shape[0]
    if not target.size:
        return False
    # Seen as unsigned, a negative number is huge: one reduction finds both kinds of error.
    if np.maximum.reduce(target.view(_UNSIGNED[target.dtype.itemsize]), axis=None) < classes:
        return 0 <= ignore_index < classes and bool((target == ignore_index).any())
    wrong = (target != ignore_index) & ((target < 0) | (target >= classes))
    if wrong.any():
        raise IndexError(
            f"target {int(target[wrong].flat[0])} is out of bounds: class numbers go from 0 to "
            f"{classes - 1}, and {ignore_index} (ignore_index) is left out"
        )
    return True


def _terms(shape: tuple[int, ...], target: Any, weight: Any, ignore_index: int, dtype: Any) -> Any:
    """Return rows, columns and weights (None if all are 1) of the elements that count."""
    ignored = check_target(shape, target, ignore_index)
    classes = shape[1] if len(shape) > 1 else shape[0]
    if weight is not None and (weight.shape != (classes,) or weight.dtype != dtype):
        raise RuntimeError(
            f"a weight for each class is needed: shape [{classes}] and dtype {dtype}, but the "
            f"weights have shape {list(weight.shape)} and dtype {weight.dtype}"
        )
    columns = target.reshape(-1)
    rows = np.arange(columns.size)
    if ignored:
        rows = rows[columns != ignore_index]
        columns = columns[rows]
    weights = None if weight is None else weight[columns]
    return rows, columns, weights


def _total(rows: Any, weights: Any, dtype: Any) -> Any:
    """Return the sum of the weights used, which a mean divides by."""
    return np.array(rows.size, dtype) if weights is None else np.sum(weights)


def _nll_loss(x: Any, target: Any, weight: Any = None, *, ignore_index: int, reduction: str) -> Any:
    """Negative log likelihood of the target classes, given log probabilities of shape (N, C)."""
    rows, columns, weights = _terms(x.shape, target, weight, ignore_index, x.dtype)
    return _reduced(_rows(x)[rows, columns], target.shape, rows, weights, reduction)


def _reduced(
    log_probs: Any, shape: tuple[int, ...], rows: Any, weights: Any, reduction: str
) -> Any:
    """Return the losses of the rows that count, or their mean or sum, as an array."""
    if reduction == "mean" and weights is None and rows.size:
        return np.asarray(np.add.reduce(log_probs) / -rows.size)
    losses = -log_probs
    if weights is not None:
        losses *= weights
    if reduction == "none":
        out = np.zeros(math.prod(shape), losses.dtype)
        out[rows] = losses
        return out.reshape(shape)
    total = np.sum(losses)
    if reduction == "mean":
        total = total / _total(rows, weights, losses.dtype)
    return np.asarray(total)


def _slopes(g: Any, rows: Any, weights: Any, reduction: str, dtype: Any) -> Any:
    """Return the gradient of each loss that counts."""
    if reduction == "none":
        scale = np.reshape(g, (-1,))[rows]
    elif reduction == "mean":
        scale = np.broadcast_to(g / _total(rows, weights, dtype), rows.shape)
    else:
        scale = np.broadcast_to(g, rows.shape)
    return scale if weights is None else scale * weights


def _nll_rule(
    g: Any, target: Any, weight: Any, shape: Any, ignore_index: int, reduction: str
) -> Any:
    rows, columns, weights = _terms(shape, target, weight, ignore_index, g.dtype)
    slopes = -_slopes(g, rows, weights, reduction, g.dtype)
    classes = shape[1] if len(shape) > 1 else shape[0]
    return _unrows(
        scatter_into_zeros(slopes, to=(target.size, classes), index=(rows, columns)), shape
    )


def _binary_cross_entropy(x: Any, target: Any) -> Any:
    """Cross entropy of probabilities x and targets; a logarithm counts as at least -100."""
    hit, miss = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    return -(target * hit + (1 - target) * miss)


binary_cross_entropy = op(
    "binary_cross_entropy", _binary_cross_entropy,
    # Bounded as PyTorch bounds it: at 0 and 1 the slope would be infinite.
    x=lambda g, x, target: g * (x - target) / np.maximum(x * (1 - x), 1e-12),
    target=lambda g, x: g * (np.log1p(-x) - np.log(x)),
    formula="-(y log(x) + (1 - y) log(1 - x))", broadcasts=True, promotes="common",
    torch="F.binary_cross_entropy(x, target, reduction='none')",
    samples=[Sample((3,), (3,)), Sample((2, 2), (2, 2)), Point((3,), (2, 1))],
    domains=Domain(0.1, 0.9),
)  # fmt: skip


def _nll(x: Any) -> Any:
    """Minus the logarithm of sigmoid(x)."""
    return logaddexp(-x, np.zeros((), x.dtype))


def _with_logits(x: Any, target: Any, pos_weight: Any = None) -> Any:
    """Cross entropy of logits x and targets between 0 and 1; positive ones may have a weight."""
    miss = _nll(x)
    if pos_weight is not None:
        miss = miss * ((pos_weight - 1) * target + 1)
    return (1 - target) * x + miss


def _with_logits_rule(g: Any, x: Any, target: Any, pos_weight: Any) -> Any:
    if pos_weight is None:
        return g * (sigmoid(x) - target)
    hit = pos_weight * target
    return g * ((hit + 1 - target) * sigmoid(x) - hit)


binary_cross_entropy_with_logits = op(
    "binary_cross_entropy_with_logits", _with_logits, x=_with_logits_rule,
    target=lambda g, x, pos_weight: (
        -x * g if pos_weight is None else g * (pos_weight * _nll(x) - _nll(-x))
    ),
    pos_weight=lambda g, x, target: g * target * _nll(x),
    formula="(1 - y) x - (1 + (w - 1) y) log(sigmoid(x))", broadcasts=True, promotes="common",
    torch="(1 - target) * x - (1 if pos_weight is None else (pos_weight - 1) * target + 1) "
    "* F.logsigmoid(x)",
    samples=[
        Sample((3,), (2, 1), None), Sample((3, 3), (3, 3), (3, 3)), Sample((2, 3), (2, 3), (3,)),
        Sample((), (), None),
    ],
)  # fmt: skip

_TARGET = np.array([1, 0, 2, 1])
_IGNORED = np.array([1, -100, 2, -100])
_WEIGHT = np.array([0.5, 1.0, 2.0])
_CLASSES = [
    Sample((4, 3), _TARGET, None, ignore_index=-100, reduction="mean"),
    Sample((3, 3), np.array([1, 2, 0]), None, ignore_index=-100, reduction="mean"),
    Sample((4, 3), _IGNORED, _WEIGHT, ignore_index=-100, reduction="mean"),
    Sample((4, 3), _IGNORED, None, ignore_index=-100, reduction="none"),
    Sample((4, 3), _TARGET, _WEIGHT, ignore_index=1, reduction="sum"),
    Sample((3,), np.array(2), None, ignore_index=-100, reduction="mean"),
    Sample((2, 3, 2), _TARGET.reshape(2, 2), None, ignore_index=-100, reduction="mean"),
    Sample((2, 3, 2), _TARGET.reshape(2, 2), _WEIGHT, ignore_index=-100, reduction="mean"),
]
nll_loss = op(
    "nll_loss", _nll_loss, x=_nll_rule, target=None, weight=None,
    formula="-sum of weight[target] x[i, target[i]] / sum of weight[target]",
    torch="F.nll_loss(x, target, weight, ignore_index=ignore_index, reduction=reduction)",
    samples=_CLASSES,
)  # fmt: skip


def _cross_entropy(
    x: Any, target: Any, weight: Any = None, *, ignore_index: int, reduction: str
) -> Any:
    """Negative log likelihood of the target classes, given logits: log_softmax and nll_loss."""
    rows, columns, weights = _terms(x.shape, target, weight, ignore_index, x.dtype)
    shifted = _rows(x)
    if x.size:
        shifted = shifted - np.maximum.reduce(shifted, axis=1, keepdims=True)
    probs = np.exp(shifted)
    totals = np.add.reduce(probs, axis=1, keepdims=True)
    probs /= totals
    log_totals = np.log(totals[:, 0])
    log_probs = shifted[rows, columns]
    log_probs -= log_totals if rows.size == log_totals.size else log_totals[rows]
    out = _reduced(log_probs, target.shape, rows, weights, reduction)
    # What is kept is never memory of the targets, which a program may use for something else.
    return out, probs, rows, columns.copy(), weights


def _cross_entropy_rule(
    g: Any, probs: Any, rows: Any, columns: Any, weights: Any, shape: Any, reduction: str
) -> Any:
    if weights is None and reduction == "mean" and rows.size == probs.shape[0]:
        scale = g / rows.size
        out = probs * scale
        out[rows, columns] -= scale
        return _unrows(out, shape)
    slopes = np.zeros(len(probs), probs.dtype)
    slopes[rows] = _slopes(g, rows, weights, reduction, g.dtype)
    out = probs * slopes[:, None]
    out[rows, columns] -= slopes[rows]
    return _unrows(out, shape)


def _cross_entropy_reference(x: Any, target: Any, weight: Any = None, **settings: Any) -> Any:
    log_probs = log_softmax(x, dim=1 if len(x.shape) > 1 else 0)
    return nll_loss(log_probs, target, weight, **settings)


cross_entropy = op(
    "cross_entropy", _cross_entropy, x=_cross_entropy_rule, target=None, weight=None,
    formula="nll_loss(log_softmax(x), target)", residuals=["probs", "rows", "columns", "weights"],
    torch="F.cross_entropy(x, target, weight, ignore_index=ignore_index, reduction=reduction)",
    reference=_cross_entropy_reference, samples=_CLASSES, domains={"x": Domain(-3.0, 3.0)},
    node_name="NllLossBackward0",
)  # fmt: skip
