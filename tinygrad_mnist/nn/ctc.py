"""Connectionist temporal classification: the loss of a sequence without an alignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.nn.loss import Reduction, _Loss, as_reduction
from tinygrad_mnist.tensor import Tensor, stack
from tinygrad_mnist.tensor.arguments import named, need_floats
from tinygrad_mnist.tensor.comparison import where

IMPOSSIBLE = -1e30
"""The logarithm of a probability of 0, which has derivatives."""


@named
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return minus the log probability of labels, over all ways to align them to the input.

    An alignment repeats labels, and puts blanks between them; forward variables sum over all of
    them (Graves et al., 2006). Its gradient is the derivative by ``log_probs``; PyTorch's differs
    from it by what vanishes behind ``log_softmax``. Follows ``torch.nn.functional.ctc_loss``.

    Parameters
    ----------
    log_probs
        Shape (T, N, C) or (T, C): what ``log_softmax`` returned.
    targets
        Labels of shape (N, S), or all of them in one dimension; none is the blank.
    input_lengths, target_lengths
        How many of T and of S belong to each sequence, of shape (N).
    blank
        The number of the class that is no label.
    reduction
        ``"mean"``, which first divides each loss by its target's length, ``"sum"`` or ``"none"``.
    zero_infinity
        Whether labels that don't fit into the input cost nothing, instead of infinity.

    Returns
    -------
    A scalar; of shape (N) with ``reduction="none"``.

    Raises
    ------
    RuntimeError
        When the lengths or labels don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.zeros(2, 1, 3).log_softmax(2)
    >>> F.ctc_loss(x, torch.tensor([[1]]), [2], [1]).exp()  # of 9 ways 3 spell it: 11, 1-, -1
    tensor(3.)
    """
    reduction = as_reduction(reduction)
    need_floats(log_probs)
    if log_probs.ndim not in (2, 3) or not log_probs.numel():
        raise RuntimeError(
            f"log_probs must have shape (T, N, C) or (T, C), and not be empty, but has "
            f"{list(log_probs.shape)}"
        )
    alone = log_probs.ndim == 2
    logs = log_probs.unsqueeze(1) if alone else log_probs
    times, count, classes = logs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be from 0 to {classes - 1}, got {blank}")
    inputs = _lengths("input_lengths", input_lengths, count, times)
    longest = targets.shape[-1] if targets.ndim > 1 else targets.numel()
    lengths = _lengths("target_lengths", target_lengths, count, longest)
    labels = _rows(targets._array, lengths)
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise RuntimeError(f"labels must be from 0 to {classes - 1}, got {labels.tolist()}")

    path = np.full((count, 2 * labels.shape[1] + 1), blank)
    path[:, 1::2] = labels
    jumps = np.zeros(path.shape, bool)  # from label to label, where they differ
    jumps[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    states = np.arange(path.shape[1])
    emitted = logs.gather(2, wrap(np.broadcast_to(path, (times, *path.shape)).copy()))
    never = wrap(np.full(path.shape, IMPOSSIBLE, logs._array.dtype))
    alpha = where(wrap(np.broadcast_to(states < 2, path.shape)), emitted[0], never)
    # A sequence without input has emitted nothing, which only no labels explain.
    nothing = np.where(states == 0, 0.0, IMPOSSIBLE).astype(logs._array.dtype)
    alpha = where(wrap((inputs > 0)[:, None]), alpha, wrap(nothing))
    for t in range(1, times):
        one = where(wrap(states >= 1), alpha.roll(1, 1), never)
        two = where(wrap(jumps), alpha.roll(2, 1), never)
        moved = stack([alpha, one, two]).logsumexp(0) + emitted[t]
        alpha = where(wrap((t < inputs)[:, None]), moved, alpha)
    last = wrap((states >= 2 * lengths[:, None] - 1) & (states <= 2 * lengths[:, None]))
    losses: Tensor = -where(last, alpha, never).logsumexp(1)
    bound = -IMPOSSIBLE / 2
    losses = where(losses > bound, 0.0 if zero_infinity else float("inf"), losses)
    if reduction == "mean":
        return (losses / wrap(np.maximum(lengths, 1).astype(losses._array.dtype))).mean()
    if reduction == "sum":
        return losses.sum()
    return losses[0] if alone else losses


def _lengths(name: str, given: Tensor | Sequence[int], count: int, most: int) -> np.ndarray:
    """Return how long each of a batch's sequences is."""
    lengths = np.asarray(given)
    if lengths.size and lengths.dtype.kind not in "iu":
        raise RuntimeError(f"{name} must be integers, got {lengths.dtype}")
    lengths = lengths.astype(np.int64).reshape(-1)
    if len(lengths) != count:
        raise RuntimeError(f"{len(lengths)} {name} don't fit a batch of {count}")
    if not 0 <= lengths.min() <= lengths.max() <= most:
        raise RuntimeError(f"{name} must be from 0 to {most}, got {lengths.tolist()}")
    return lengths


def _rows(targets: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return labels as rows of one length; what is beyond a sequence's own isn't read."""
    longest = int(lengths.max(initial=0))
    rows = np.zeros((len(lengths), longest), np.int64)
    if targets.ndim > 1 and len(targets) != len(lengths):
        raise RuntimeError(f"{len(targets)} rows of labels don't fit a batch of {len(lengths)}")
    if targets.ndim == 1 and len(targets) != int(lengths.sum()):
        raise RuntimeError(
            f"target_lengths sum to {lengths.sum()}, but there are {len(targets)} labels"
        )
    ends = lengths.cumsum()
    for i, n in enumerate(lengths):
        row = targets[ends[i] - n : ends[i]] if targets.ndim == 1 else targets[i, :n]
        rows[i, :n] = row
    return rows


class CTCLoss(_Loss):
    """Loss of labels without an alignment to the input.

    Shapes: log probabilities (T, N, C) or (T, C), labels (N, S), lengths (N) of both. The result is
    a scalar, or (N) without a reduction. How it is computed: :func:`nn.functional.ctc_loss`.
    Follows ``torch.nn.CTCLoss``.

    Parameters
    ----------
    blank
        The number of the class that is no label.
    reduction
        ``"mean"``, ``"sum"``, or ``"none"``: each loss by itself.
    zero_infinity
        Whether labels that don't fit into the input cost nothing, instead of infinity.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.CTCLoss()(torch.zeros(2, 1, 3).log_softmax(2), torch.tensor([[1]]), [2], [1])
    tensor(1.0986)
    """

    def __init__(
        self, blank: int = 0, reduction: Reduction = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | Sequence[int],
        target_lengths: Tensor | Sequence[int],
    ) -> Tensor:
        """Return the loss of log probabilities (T, N, C) and labels (N, S)."""
        settings = self.blank, self.reduction, self.zero_infinity
        return ctc_loss(log_probs, targets, input_lengths, target_lengths, *settings)
