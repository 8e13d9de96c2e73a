"""Sequences of different lengths in one batch: padded, or packed without padding."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor, cat, full, stack
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.device import device


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """The steps of a batch of sequences without padding: first all first ones, and so on.

    ``data`` has shape (rows, *), ``batch_sizes[t]`` says how many sequences have a step t;
    ``sorted_indices`` how they were ordered by length, and ``unsorted_indices`` how to undo that.
    Made by :func:`pack_padded_sequence` and :func:`pack_sequence`. Follows
    ``torch.nn.utils.rnn.PackedSequence``.

    Parameters
    ----------
    data
        The steps, of shape (rows, *).
    batch_sizes
        How many sequences have each step, of shape (T), int64.
    sorted_indices, unsorted_indices
        The order by length, and how to undo it, of shape (N); or None.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.nn.utils.rnn import pack_sequence
    >>> packed = pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 5, 3]), tensor([2, 2, 1]))
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        """Hold the parts; the way back is worked out where it isn't given."""
        if unsorted_indices is None and sorted_indices is not None:
            unsorted_indices = wrap(np.argsort(sorted_indices._array))
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Convert the data to a dtype."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._replace(data=data)

    def float(self) -> PackedSequence:
        """Convert the data to float32."""
        return self.to(dtypes.float32)

    def double(self) -> PackedSequence:
        """Convert the data to float64."""
        return self.to(dtypes.float64)

    def half(self) -> PackedSequence:
        """Convert the data to float16."""
        return self.to(dtypes.float16)

    def int(self) -> PackedSequence:
        """Convert the data to int32."""
        return self.to(dtypes.int32)

    def long(self) -> PackedSequence:
        """Convert the data to int64."""
        return self.to(dtypes.int64)

    def cpu(self) -> PackedSequence:
        """Return the sequence: it is on the CPU."""
        return self

    @property
    def device(self) -> device:
        """Where the data is: on the CPU."""
        return self.data.device

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU: never here."""
        return False


def _read_lengths(lengths: Any) -> np.ndarray:
    array = lengths._array if isinstance(lengths, TensorBase) else np.asarray(lengths)
    if array.ndim != 1:
        raise RuntimeError(
            f"'lengths' should be a 1-D int64 tensor or a list, but it has {array.ndim} dimensions"
        )
    return array.astype(np.int64)


@named
def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | Sequence[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Pack a batch of padded sequences: (T, N, *), or (N, T, *) with batch_first.

    Sequences must come with the longest first, unless ``enforce_sorted=False``: then they are
    sorted, and what a recurrent layer returns comes in the order of the input again. Follows
    ``torch.nn.utils.rnn.pack_padded_sequence``.

    Parameters
    ----------
    input
        A batch of shape (T, N, *), or (N, T, *) with batch_first.
    lengths
        How long each sequence is, of shape (N): from 1 to T.
    batch_first
        Whether the batch is the first dimension.
    enforce_sorted
        Whether unsorted sequences are an error.

    Returns
    -------
    A :class:`PackedSequence`, for a recurrent layer.

    Raises
    ------
    RuntimeError
        When lengths are not one per sequence, not from 1 to T, or not sorted.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.nn.utils.rnn import pack_padded_sequence
    >>> pack_padded_sequence(tensor([[1, 4], [2, 0]]), [2, 1]).data
    tensor([1, 4, 2])
    """
    array = _read_lengths(lengths)
    if input.dim() < 2:
        raise IndexError(f"the input needs at least 2 dimensions, got {input.dim()}")
    order = None
    if not enforce_sorted:
        order = np.argsort(-array, kind="stable")
        array = array[order]
        input = input.index_select(0 if batch_first else 1, wrap(order))
    if batch_first:
        input = input.transpose(0, 1)
    time, batch = input.shape[:2]
    if len(array) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(array)} "
            f"(batch_size={batch})"
        )
    if array.size and array.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if (array[1:] > array[:-1]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True; "
            "pass enforce_sorted=False to have the sequences sorted"
        )
    if array.size and array[0] > time:
        raise RuntimeError(f"length {array[0]} is beyond the {time} steps of the input")
    mask = np.arange(time)[:, None] < array
    sizes = mask[: array[0] if array.size else 0].sum(axis=1)
    data: Tensor = apply(ops.getitem, input, index=mask)
    return PackedSequence(data, wrap(sizes), None if order is None else wrap(order))


@named
def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Pad a packed batch; return it, (T, N, *) or (N, T, *) with batch_first, and the lengths.

    Follows ``torch.nn.utils.rnn.pad_packed_sequence``.

    Parameters
    ----------
    sequence
        The packed batch.
    batch_first
        Whether the batch becomes the first dimension.
    padding_value
        What stands after the end of a sequence.
    total_length
        The length T; that of the longest sequence unless given.

    Returns
    -------
    A pair: the batch, of shape (T, N, *) or (N, T, *), and the lengths, of shape (N).

    Raises
    ------
    ValueError
        When total_length is less than the longest sequence.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> packed = pack_sequence([torch.tensor([1, 2]), torch.tensor([3])])
    >>> pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))
    """
    sizes = sequence.batch_sizes._array
    time = len(sizes)
    if total_length is not None:
        if total_length < time:
            raise ValueError(
                f"Expected total_length to be at least the length of the longest sequence in "
                f"input, but got total_length={total_length} and max sequence length being {time}"
            )
        time = total_length
    mask = np.zeros((time, sizes[0]), bool)
    mask[: len(sizes)] = np.arange(sizes[0]) < sizes[:, None]
    shape = (*mask.shape, *sequence.data.shape[1:])
    padded: Tensor = apply(ops.scatter_into_zeros, sequence.data, to=shape, index=mask)
    if padding_value != 0:
        outside = np.reshape(mask, mask.shape + (1,) * (len(shape) - 2))
        padded = padded + wrap(np.where(outside, 0, padding_value).astype(padded._array.dtype))
    lengths: Tensor = wrap(mask.sum(axis=0))
    if batch_first:
        padded = padded.transpose(0, 1)
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(0 if batch_first else 1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return padded, lengths


@named
def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Stack sequences of different lengths, padded to the greatest length T.

    Follows ``torch.nn.utils.rnn.pad_sequence``.

    Parameters
    ----------
    sequences
        Tensors of shapes (L, *).
    batch_first
        Whether the batch becomes the first dimension.
    padding_value
        What fills up a sequence.
    padding_side
        ``"right"`` or ``"left"``.

    Returns
    -------
    A tensor of shape (T, N, *), or (N, T, *) with batch_first.

    Raises
    ------
    RuntimeError
        When there are no sequences, or padding_side is neither left nor right.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.nn.utils.rnn import pad_sequence
    >>> pad_sequence([tensor([1, 2]), tensor([3])], batch_first=True, padding_value=9)
    tensor([[1, 2],
            [3, 9]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    listed = list(sequences)
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    for i, x in enumerate(listed):
        if not isinstance(x, TensorBase):
            raise TypeError(f"expected Tensor as element {i} in sequences, got {type(x).__name__}")
        if x.ndim == 0:
            raise RuntimeError(f"element {i} is a 0-d tensor, which has no length")
        if x.shape[1:] != listed[0].shape[1:]:
            raise RuntimeError(
                f"sequences may differ in the first dimension only, got shapes "
                f"{list(listed[0].shape)} and {list(x.shape)}"
            )
    longest = max(len(x) for x in listed)
    padded = []
    for x in listed:
        x = x.to(listed[0].dtype)
        if len(x) < longest:
            padding = full((longest - len(x), *x.shape[1:]), padding_value, dtype=x.dtype)
            x = cat([x, padding] if padding_side == "right" else [padding, x])
        padded.append(x)
    return stack(padded, dim=0 if batch_first else 1)


@named
def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """Cut a padded batch into its sequences.

    Follows ``torch.nn.utils.rnn.unpad_sequence``.

    Parameters
    ----------
    padded_sequences
        A tensor of shape (T, N, *), or (N, T, *) with batch_first.
    lengths
        How long each sequence is, of shape (N).
    batch_first
        Whether the batch is the first dimension.

    Returns
    -------
    A list of N tensors of shapes (L, *).

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.nn.utils.rnn import unpad_sequence
    >>> unpad_sequence(tensor([[1, 2], [3, 9]]), tensor([2, 1]), batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [
        x[: operator.index(n)]
        for x, n in zip(padded_sequences.unbind(0), _read_lengths(lengths), strict=True)
    ]


@named
def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths.

    Follows ``torch.nn.utils.rnn.pack_sequence``.

    Parameters
    ----------
    sequences
        Tensors of shapes (L, *).
    enforce_sorted
        Whether it is an error when the longest isn't first, and so on.

    Returns
    -------
    A :class:`PackedSequence`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.nn.utils.rnn import pack_sequence
    >>> pack_sequence([tensor([1]), tensor([2, 3])], enforce_sorted=False).sorted_indices
    tensor([1, 0])
    """
    lengths = [len(x) for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


@named
def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the sequences of a packed batch.

    Follows ``torch.nn.utils.rnn.unpack_sequence``.

    Parameters
    ----------
    packed_sequences
        The packed batch.

    Returns
    -------
    A list of tensors of shapes (L, *).

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.nn.utils.rnn import pack_sequence, unpack_sequence
    >>> unpack_sequence(pack_sequence([tensor([1, 2]), tensor([3])]))
    [tensor([1, 2]), tensor([3])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), True)
