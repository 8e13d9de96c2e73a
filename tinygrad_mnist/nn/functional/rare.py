"""Functions of layers that few programs have; imported when they are first asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.nn.functional.loss import as_reduction, reduced
from tinygrad_mnist.tensor import Tensor, where
from tinygrad_mnist.tensor.arguments import as_tensor, named


@named
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    r"""Return how far the classes of a sample are from being 1 above all others.

    .. math:: \frac{1}{C} \sum_{j \in y, i \notin y} \max(0, 1 - x_j + x_i)

    The target lists a sample's classes, until the first -1. Follows
    ``torch.nn.functional.multilabel_margin_loss``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> multilabel_margin_loss(tensor([0.1, 0.2, 0.4, 0.8]), tensor([3, 0, -1, 1]))
    tensor(0.8500)
    """
    reduction = as_reduction("multilabel_margin_loss", reduction, size_average, reduce)
    labels = as_tensor("multilabel_margin_loss", "target", target)._array
    shape = input._array.shape
    if labels.shape != shape or len(shape) not in (1, 2):
        raise RuntimeError(
            f"multilabel_margin_loss: input and target must have one shape, (C) or (N, C), but "
            f"have {list(shape)} and {list(labels.shape)}"
        )
    outside = (labels < -1) | (labels >= shape[-1])
    if labels.dtype.kind != "i" or outside.any():
        raise RuntimeError(
            f"multilabel_margin_loss: the target holds classes from 0 to {shape[-1] - 1}, or -1"
        )
    rows = np.atleast_2d(labels)
    listed = np.cumprod(rows >= 0, 1).astype(bool)
    member = np.zeros(rows.shape, bool)
    member[np.nonzero(listed)[0], rows[listed]] = True
    x: Any = input.reshape(rows.shape)
    chosen = x.gather(1, wrap(np.where(listed, rows, 0)))
    gaps = 1 - chosen.unsqueeze(2) + x.unsqueeze(1)
    counted = wrap(listed[:, :, None] & ~member[:, None, :])
    losses = where(counted & (gaps > 0), gaps, 0.0).sum((1, 2)) / max(rows.shape[1], 1)
    return reduced(losses.reshape(shape[:-1]), reduction)
