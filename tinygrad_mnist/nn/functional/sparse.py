"""Embedding and one-hot encoding as functions."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.ops.precision import widened
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import as_int, named
from tinygrad_mnist.tensor.comparison import where


@named
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return a one in the place of each class number, and zeros elsewhere, as int64.

    Raises
    ------
    RuntimeError
        When a number is negative or not smaller than num_classes.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> one_hot(tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    array = tensor._array
    if array.dtype != np.int64:
        raise RuntimeError(f"one_hot: class numbers must be int64 (long()), not {tensor.dtype}")
    if array.size == 0 and num_classes <= 0:
        raise RuntimeError("one_hot: can't infer the number of classes from an empty tensor")
    classes = int(array.max()) + 1 if num_classes == -1 else num_classes
    if array.size and (array.min() < 0 or array.max() >= classes):
        raise RuntimeError(
            f"one_hot: class numbers must be from 0 to {classes - 1}, but go from {array.min()} to "
            f"{array.max()}"
        )
    out: Tensor = wrap((array[..., None] == np.arange(classes)).astype(np.int64))
    return out


@named
@one_node("EmbeddingBackward0")
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return a row of the weight for each index: input (*), weight (V, H), output (*, H).

    The row at padding_idx gets no gradient. With max_norm, rows that are used and longer are scaled
    down in place first.

    Raises
    ------
    IndexError
        When an index is negative or not smaller than V.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> embedding(tensor([1, 0]), tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    if weight.ndim != 2:
        raise RuntimeError(f"embedding: the weight must have shape (V, H), not {weight.shape}")
    index, rows = input._array, weight.shape[0]
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"embedding: the indices must be integers (long()), not {input.dtype}")
    if index.size and (index.min() < 0 or index.max() >= rows):
        raise IndexError(
            f"embedding: index out of range: indices go from {index.min()} to {index.max()}, but "
            f"the weight has {rows} rows"
        )
    if sparse or scale_grad_by_freq:
        raise NotImplementedError(
            "embedding: sparse and scale_grad_by_freq are not offered; leave them False"
        )
    if max_norm is not None:
        used = np.unique(index)
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(widened(weight._array[used]), norm_type, axis=1)
        long = lengths > max_norm
        with no_grad():
            scale = (max_norm / (lengths[long] + 1e-7)).astype(weight._array.dtype)
            weight[used[long]] = weight.detach()[used[long]] * wrap(scale[:, None])
    out: Tensor = weight[input]
    if padding_idx is not None:
        padding_idx = as_int("embedding", "padding_idx", padding_idx)
        if not -rows <= padding_idx < rows:
            raise RuntimeError(f"embedding: padding_idx {padding_idx} is not within {rows} rows")
        kept = wrap((index != padding_idx % rows)[..., None])
        out = where(kept, out, out.detach())
    return out
