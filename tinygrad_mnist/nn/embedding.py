"""Embedding: rows of a table, one by one or in bags, and one-hot rows."""

from __future__ import annotations

from typing import Literal, Self, TypeAlias, get_args

import numpy as np

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.inplace import check_writable, memory_of
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.ops.precision import upcast_half
from tinygrad_mnist.tensor import Tensor, empty
from tinygrad_mnist.tensor.arguments import as_int, named
from tinygrad_mnist.tensor.comparison import where
from tinygrad_mnist.tensor.device import DeviceLike

BagMode: TypeAlias = Literal["sum", "mean", "max"]


@named
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return a one in the place of each class number, and zeros elsewhere, as int64.

    Follows ``torch.nn.functional.one_hot``.

    Parameters
    ----------
    tensor
        Class numbers of shape (*), int64.
    num_classes
        How many classes C there are; -1: the largest number and 1.

    Returns
    -------
    A tensor of shape (*, C), int64.

    Raises
    ------
    RuntimeError
        When a number is negative or not smaller than num_classes.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    array = tensor._array
    if array.dtype != np.int64:
        raise RuntimeError(f"class numbers must be int64 (long()), not {tensor.dtype}")
    if array.size == 0 and num_classes <= 0:
        raise RuntimeError("can't infer the number of classes from an empty tensor")
    classes = int(array.max()) + 1 if num_classes == -1 else num_classes
    _check_classes(array, classes)
    return wrap((array[..., None] == np.arange(classes)).astype(np.int64))


class _Table(Module):
    """A learned table, and how to look up in it: the base of Embedding and EmbeddingBag."""

    weight: Tensor

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx {padding_idx} is not within {num_embeddings} embeddings")
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            table = empty(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.weight = Parameter(table, requires_grad=not _freeze)
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ValueError(
                    f"the weight has shape {list(_weight.shape)}, not "
                    f"{[num_embeddings, embedding_dim]}"
                )
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)


@named
@node_name("EmbeddingBackward0")
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return a row of the weight for each index.

    The row at padding_idx gets no gradient. With max_norm, rows that are used and longer are scaled
    down in place first. Follows ``torch.nn.functional.embedding``.

    Parameters
    ----------
    input
        Indices of shape (*), integers.
    weight
        A table of shape (V, H).
    padding_idx
        The index whose row is not trained.
    max_norm
        The largest norm a row may have.
    norm_type
        The order of that norm.
    scale_grad_by_freq, sparse
        Not offered; leave them False.

    Returns
    -------
    A tensor of shape (*, H).

    Raises
    ------
    IndexError
        When an index is negative or not smaller than V.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.embedding(torch.tensor([1, 0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    if weight.ndim != 2:
        raise RuntimeError(f"the weight must have shape (V, H), not {weight.shape}")
    index, rows = input._array, weight.shape[0]
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"the indices must be integers (long()), not {input.dtype}")
    _check_rows(index, rows)
    if sparse or scale_grad_by_freq:
        raise NotImplementedError("sparse and scale_grad_by_freq are not offered; leave them False")
    if max_norm is not None:
        with no_grad():
            check_writable("embedding", weight)
        _shorten(index, max_norm, norm_type, out=memory_of(weight))
        weight._version.bump("embedding")
    out: Tensor = weight[input]
    if padding_idx is not None:
        out = where(wrap(_not_padding(index, padding_idx, rows)[..., None]), out, out.detach())
    return out


def _not_padding(index: np.ndarray, padding_idx: int, rows: int) -> np.ndarray:
    """Return which indices don't name the row that pads."""
    padding = as_int("padding_idx", padding_idx)
    if not -rows <= padding < rows:
        raise RuntimeError(f"padding_idx {padding} is not within {rows} rows")
    kept: np.ndarray = index != padding % rows
    return kept


class Embedding(_Table):
    """A table of vectors: a learned row for each index.

    The parameter is ``weight``, of shape (V, H); it starts normal.

    Shapes: indices (*), int64; output (*, H). Follows ``torch.nn.Embedding``.

    Parameters
    ----------
    num_embeddings
        How many rows V there are.
    embedding_dim
        The length H of a row.
    padding_idx
        The index whose row starts 0 and is not trained.
    max_norm
        The largest norm a row may have; longer ones are scaled down when they are used.
    norm_type
        The order of that norm.
    scale_grad_by_freq, sparse
        Not offered; leave them False.
    _weight, _freeze
        A table to begin with, and whether to leave it untrained: see :meth:`from_pretrained`.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> layer = nn.Embedding(10, 3, padding_idx=0)
    >>> layer(torch.tensor([[1, 2], [4, 0]])).shape, layer(torch.tensor([0])).detach()
    (torch.Size([2, 2, 3]), tensor([[0., 0., 0.]]))
    """

    _shown = (
        "num_embeddings embedding_dim padding_idx? max_norm? norm_type? scale_grad_by_freq? sparse?"
    )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """Make one of a table (V, H), which is not trained unless ``freeze`` is False.

        Parameters
        ----------
        embeddings
            The table.
        freeze
            Whether it is left as it is.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
            As in :class:`Embedding`.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> from tinygrad_mnist import nn
        >>> table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> nn.Embedding.from_pretrained(table)(torch.tensor([1]))
        tensor([[3., 4.]])
        """
        if embeddings.ndim != 2:
            raise ValueError(
                f"from_pretrained: embeddings must have 2 dimensions, got {embeddings.ndim}"
            )
        rows, columns = embeddings.shape
        settings = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        return cls(rows, columns, *settings, embeddings, freeze)

    def forward(self, input: Tensor) -> Tensor:
        """Return the rows of indices (*): a tensor (*, embedding_dim)."""
        settings = self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        return embedding(input, self.weight, self.padding_idx, *settings)


@named
@node_name("EmbeddingBagBackward0")
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: BagMode = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or maximum of a weight's rows in each bag.

    A bag is a row of a 2-D input; or of a 1-D input, what lies between its offset and the next. An
    empty bag gives zeros. Follows ``torch.nn.functional.embedding_bag``.

    Parameters
    ----------
    input
        Indices, of shape (N, L), or (L) with offsets.
    weight
        A table of shape (V, H).
    offsets
        Where each bag begins in a 1-D input, of shape (N).
    max_norm
        The largest norm a row may have; longer ones are scaled down in place first.
    norm_type
        The order of that norm.
    scale_grad_by_freq, sparse
        Not offered; leave them False.
    mode
        ``"sum"``, ``"mean"`` or ``"max"``.
    per_sample_weights
        Factors of the rows, of the input's shape; with ``"sum"`` only.
    include_last_offset
        Whether a last offset says where the last bag ends.
    padding_idx
        The index that belongs to no bag.

    Returns
    -------
    A tensor of shape (N, H).

    Raises
    ------
    ValueError
        When offsets are missing, or given for rows.
    RuntimeError
        When they don't begin with 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> table = torch.tensor([[1.0], [2.0], [4.0]])
    >>> F.embedding_bag(torch.tensor([0, 1, 2]), table, torch.tensor([0, 2]), mode="sum")
    tensor([[3.],
            [4.]])
    """
    if mode not in get_args(BagMode):
        raise ValueError(f"mode is 'sum', 'mean' or 'max', not {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("per_sample_weights are for mode='sum'")
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("the rows of a 2-D input are bags; leave offsets out")
        count, length = input.shape
        starts = np.arange(count) * length
    elif input.ndim == 1:
        if offsets is None or offsets.ndim != 1:
            raise ValueError("a 1-D input needs offsets, a 1-D tensor")
        bounds = offsets._array
        _check_offsets(bounds, len(input))
        starts = bounds[:-1] if include_last_offset else bounds
    else:
        raise ValueError(f"the input must be 1-D or 2-D, got {input.ndim}-D")
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
                f"per_sample_weights must have the input's shape {list(input.shape)} and the "
                f"weight's dtype {weight.dtype}, but have {list(per_sample_weights.shape)} and "
                f"{per_sample_weights.dtype}"
            )
        per_sample_weights = per_sample_weights.reshape(-1)[: len(flat)]
        rows = rows * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        kept = np.flatnonzero(_not_padding(flat._array, padding_idx, weight.shape[0]))
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


@one_call
def _shorten(index: np.ndarray, max_norm: float, norm_type: float, out: np.ndarray) -> None:
    """Scale those of the rows at an index down that are longer than a norm."""
    used = np.unique(index)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(upcast_half(out[used]), norm_type, axis=1)
        long = lengths > max_norm
        scale = (max_norm / (lengths[long] + 1e-7)).astype(out.dtype)
        out[used[long]] *= scale[:, None]


@one_call
def _check_rows(index: np.ndarray, rows: int) -> None:
    """Refuse numbers of rows that a table doesn't have."""
    if index.size and (index.min() < 0 or index.max() >= rows):
        wrong = index.min() if index.min() < 0 else index.max()
        raise IndexError(f"index out of range: {wrong}, but the weight has {rows} rows")


@one_call
def _check_classes(array: np.ndarray, classes: int) -> None:
    """Refuse numbers of classes that there aren't."""
    if array.size and (array.min() < 0 or array.max() >= classes):
        raise RuntimeError(
            f"class numbers must be from 0 to {classes - 1}, but go from {array.min()} to "
            f"{array.max()}"
        )


@one_call
def _check_offsets(offsets: np.ndarray, count: int) -> None:
    """Refuse offsets that aren't places in the input, in order, from 0 on."""
    if offsets.dtype.kind not in "iu":
        raise RuntimeError(f"offsets must be integers (long()), not {offsets.dtype}")
    if len(offsets) and offsets[0] != 0:
        raise RuntimeError(f"the first offset must be 0, got {offsets[0]}")
    if (np.diff(offsets) < 0).any() or (len(offsets) and offsets[-1] > count):
        raise RuntimeError(
            f"offsets must not decrease, nor exceed the input's length {count}, but are "
            f"{offsets.tolist()}"
        )


class EmbeddingBag(_Table):
    """Sum, mean or maximum of embeddings, bag by bag.

    Shapes: indices (N, L), or (L) and offsets (N); output (N, H). What a bag is:
    :func:`nn.functional.embedding_bag`. Follows ``torch.nn.EmbeddingBag``.

    Parameters
    ----------
    num_embeddings, embedding_dim
        How many rows V there are, and their length H.
    max_norm, norm_type
        The largest norm a row may have, and its order.
    scale_grad_by_freq, sparse
        Not offered; leave them False.
    mode
        ``"sum"``, ``"mean"`` or ``"max"``.
    _weight
        A table to begin with.
    include_last_offset
        Whether a last offset says where the last bag ends.
    padding_idx
        The index that belongs to no bag.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.EmbeddingBag(10, 3)(torch.tensor([1, 2, 4, 5]), torch.tensor([0, 3])).shape
    torch.Size([2, 3])
    """

    _shown = (
        "num_embeddings embedding_dim max_norm? norm_type? scale_grad_by_freq? mode=!r padding_idx?"
    )

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: BagMode = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        settings = padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        super().__init__(num_embeddings, embedding_dim, *settings, _weight, False, device, dtype)
        self.mode, self.include_last_offset = mode, include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: BagMode = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """Make one of a table (V, H), which is not trained unless ``freeze`` is False.

        Parameters
        ----------
        embeddings
            The table.
        freeze
            Whether it is left as it is.
        max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx
            As in :class:`EmbeddingBag`.
        """
        rows, columns = embeddings.shape
        settings = max_norm, norm_type, scale_grad_by_freq, mode, sparse
        made = cls(rows, columns, *settings, embeddings, include_last_offset, padding_idx)
        made.weight.requires_grad_(not freeze)
        return made

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        """Return a vector for each bag: (N, embedding_dim)."""
        settings = self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse
        return embedding_bag(
            input,
            self.weight,
            offsets,
            *settings,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )
