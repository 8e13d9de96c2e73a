"""Sums, means and maxima of embedded bags of words."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.nn.functional.sparse import embedding
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import as_int, named


@named
@one_node("EmbeddingBagBackward0")
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or maximum of a weight's rows in each bag: a tensor (N, H).

    A bag is a row of a 2-D input; or of a 1-D input, what lies between its offset and the next. An
    empty bag gives zeros. Indices that are ``padding_idx`` belong to no bag. Follows
    ``torch.nn.functional.embedding_bag``.

    Raises
    ------
    ValueError
        When offsets are missing, or given for rows.
    RuntimeError
        When they don't begin with 0.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> table = tensor([[1.0], [2.0], [4.0]])
    >>> embedding_bag(tensor([0, 1, 2]), table, tensor([0, 2]), mode="sum")
    tensor([[3.],
            [4.]])
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode is 'sum', 'mean' or 'max', not {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights are for mode='sum'")
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: the rows of a 2-D input are bags; leave offsets out")
        count, length = input.shape
        starts = np.arange(count) * length
    elif input.ndim == 1:
        if offsets is None or offsets.ndim != 1:
            raise ValueError("embedding_bag: a 1-D input needs offsets, a 1-D tensor")
        bounds = offsets._array
        _check_offsets(bounds, len(input))
        starts = bounds[:-1] if include_last_offset else bounds
    else:
        raise ValueError(f"embedding_bag: the input must be 1-D or 2-D, got {input.ndim}-D")
    flat = input.reshape(-1)
    if input.ndim == 1 and (include_last_offset or not len(starts)):
        flat = flat[: int(bounds[-1]) if len(bounds) else 0]  # what comes after is in no bag
    bags = np.searchsorted(starts, np.arange(len(flat)), side="right") - 1
    rows = embedding(flat, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    if weight.dtype == np.float16:  # sums, which are rounded at the end
        rows = rows.float()
    if per_sample_weights is not None:
        if (per_sample_weights.shape, per_sample_weights.dtype) != (input.shape, weight.dtype):
            raise RuntimeError(
                f"embedding_bag: per_sample_weights must have the input's shape "
                f"{list(input.shape)} and the weight's dtype {weight.dtype}, but have "
                f"{list(per_sample_weights.shape)} and {per_sample_weights.dtype}"
            )
        per_sample_weights = per_sample_weights.reshape(-1)[: len(flat)]
        rows = rows * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        padding_idx, length = as_int("embedding_bag", "padding_idx", padding_idx), weight.shape[0]
        if not -length <= padding_idx < length:
            raise RuntimeError(
                f"embedding_bag: padding_idx must be from {-length} to {length - 1}, the number of "
                f"rows, got {padding_idx}"
            )
        kept = np.flatnonzero(flat._array != padding_idx % weight.shape[0])
        rows, bags = rows[wrap(kept)], bags[kept]
    out = rows.new_zeros((len(starts), weight.shape[1]))
    if mode == "max":
        # Of equal rows the first is chosen, and gets the gradient.
        filled, firsts = np.unique(bags, return_index=True)
        if not len(filled):
            return (out + rows.sum()).type_as(weight)  # zeros, that need a gradient
        best = np.maximum.reduceat(rows._array, firsts)
        hit = rows._array == best.repeat(np.diff(firsts, append=len(bags)), axis=0)
        numbers = np.where(hit | np.isnan(rows._array), np.arange(len(bags))[:, None], len(bags))
        chosen = rows.gather(0, wrap(np.minimum.reduceat(numbers, firsts)))
        return out.index_add(0, wrap(filled), chosen).type_as(weight)
    out = out.index_add(0, wrap(bags), rows)
    if mode == "mean":
        counts = np.maximum(np.bincount(bags, minlength=len(starts)), 1)
        out = out / wrap(counts[:, None].astype(out._array.dtype))
    return out.type_as(weight)


def _check_offsets(offsets: np.ndarray, count: int) -> None:
    """Refuse offsets that aren't places in the input, in order, from 0 on."""
    if offsets.dtype.kind not in "iu":
        raise RuntimeError(f"embedding_bag: offsets must be integers (long()), not {offsets.dtype}")
    if len(offsets) and offsets[0] != 0:
        raise RuntimeError(f"embedding_bag: the first offset must be 0, got {offsets[0]}")
    if (np.diff(offsets) < 0).any() or (len(offsets) and offsets[-1] > count):
        raise RuntimeError(
            f"embedding_bag: offsets must not decrease, nor exceed the input's length {count}, but "
            f"are {offsets.tolist()}"
        )
