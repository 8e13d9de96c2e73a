"""Tensor methods: shapes, dimensions, joins and splits."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, share
from tinygrad_mnist.autograd.names import give, one_node
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_dims,
    as_int,
    as_ints,
    as_size,
    expands,
    named_methods,
)
from tinygrad_mnist.tensor.layout import channels_last, channels_last_3d, preserve_format

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


def is_dense(array: np.ndarray) -> bool:
    """Whether an array lies in memory without gaps, whatever the order of its dimensions."""
    order = sorted(range(array.ndim), key=array.strides.__getitem__, reverse=True)
    return array.flags.c_contiguous or array.transpose(order).flags.c_contiguous


def _together(name: str, views: list[Any]) -> tuple[Any, ...]:
    """Mark views that one call made: as in PyTorch, none of them can get a history of its own."""
    for view in views:
        view._origin = view._origin or f"by {name}, together with others,"
    return give(f"{name.capitalize()}Backward0", tuple(views))  # type: ignore[no-any-return]


@named_methods
class ShapeMethods(TensorBase):
    """What Tensor can do to its shape."""

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """Return a copy, through which gradients flow."""
        out: Tensor = apply(ops.clone, self)
        return out if memory_format in (None, preserve_format) else out.contiguous(memory_format)

    def contiguous(self, memory_format: Any = None) -> Tensor:
        """Return self if its memory is in an order, row-major if none is named; else a copy.

        ``channels_last`` is the order of images (N, C, H, W) as if they were (N, H, W, C).
        """
        if memory_format in (channels_last, channels_last_3d):
            ndim = self._array.ndim
            if ndim != (4 if memory_format is channels_last else 5):
                raise RuntimeError(f"contiguous: {memory_format} is for images, but got {ndim}-d")
            if self.is_contiguous(memory_format=memory_format):  # type: ignore[attr-defined]
                return self  # type: ignore[return-value]
            return self.movedim(1, -1).contiguous().movedim(-1, 1)
        if self._array.flags.c_contiguous or not self._fixed_order:
            return self  # type: ignore[return-value]
        return apply(ops.contiguous, self)

    def reshape(self, *shape: Any) -> Tensor:
        """Return the same elements in another shape; one length may be -1."""
        return apply(ops.reshape, self, to=as_size("reshape", shape))

    def view(self, *size: Any, dtype: Any = None) -> Tensor:
        """Return the same memory in another shape; one length may be -1.

        Raises
        ------
        RuntimeError
            When the memory order doesn't allow it without a copy: use :meth:`reshape`.
        """
        if dtype is None and len(size) == 1 and isinstance(size[0], dtypes.dtype | type):
            dtype = size[0]
        if dtype is not None:
            return self._reinterpreted(dtypes.of(dtypes.as_numpy(dtype)))
        to = as_size("view", size)
        out = apply(ops.reshape, self, to=to)
        if self._array.size and not np.may_share_memory(out._array, self._array):
            raise RuntimeError(
                f"view: shape {list(self._array.shape)} with strides {self._array.strides} can't "
                f"be seen as {list(to)} without a copy; use reshape() instead"
            )
        return out

    def _reinterpreted(self, dtype: dtypes.dtype) -> Tensor:
        """Return the same bits as numbers of another dtype."""
        if self._node is not None or self._requires_grad:
            raise RuntimeError("view: bits of another dtype have no derivative; detach() first")
        if dtype.itemsize != self._array.itemsize and not self._array.flags.c_contiguous:
            raise RuntimeError("view: the tensor must be contiguous to change the size of elements")
        return share(self.memory().view(dtype.numpy), self._version)

    def view_as(self, other: Tensor) -> Tensor:
        """Return the same memory in another tensor's shape."""
        return self.view(other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """Return the same elements in another tensor's shape."""
        return self.reshape(other.shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Return the elements with a range of dimensions made one."""
        shape = self._array.shape
        start = as_dim("flatten", start_dim, len(shape))
        end = as_dim("flatten", end_dim, len(shape))
        if not shape:
            return self.reshape(1)
        if start > end:
            raise RuntimeError(
                f"flatten: start_dim {start_dim} comes after end_dim {end_dim}; exchange them"
            )
        length = int(np.prod(shape[start : end + 1]))
        return self.reshape((*shape[:start], length, *shape[end + 1 :]))

    def ravel(self) -> Tensor:
        """Return all elements in one dimension."""
        return self.reshape(-1)

    def unflatten(self, dim: int, sizes: Any) -> Tensor:
        """Return the elements with one dimension split into several."""
        d = as_dim("unflatten", dim, self._array.ndim)
        if not self._array.ndim:
            raise RuntimeError("unflatten: a 0-d tensor has no dimension to split")
        shape = self._array.shape
        lengths = as_size("unflatten", [tuple(sizes)])
        known = math.prod(n for n in lengths if n != -1)
        full = tuple(shape[d] // max(known, 1) if n == -1 else n for n in lengths)
        if lengths.count(-1) > 1 or math.prod(full) != shape[d]:
            raise RuntimeError(
                f"unflatten: the sizes {list(lengths)} don't multiply up to {shape[d]}, the length "
                f"of dimension {d}"
            )
        return self.reshape(shape[:d] + full + shape[d + 1 :])

    def squeeze(self, dim: Any = None) -> Tensor:
        """Return a view without dimensions of length 1: all of them, or those named."""
        shape = self._array.shape
        dims = as_dims("squeeze", dim, len(shape))
        if dim is None:
            dims = tuple(range(len(shape)))
        elif dims is None:
            dims = ()
        elif isinstance(dims, int):
            dims = (dims,)
        kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in dims)
        return self.reshape(kept)

    def unsqueeze(self, dim: int) -> Tensor:
        """Return a view with a dimension of length 1 put in."""
        shape = self._array.shape
        d = as_dim("unsqueeze", dim, len(shape) + 1)
        return self.reshape((*shape[:d], 1, *shape[d:]))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Return a view with two dimensions exchanged."""
        ndim = self._array.ndim
        d0, d1 = as_dim("transpose", dim0, ndim), as_dim("transpose", dim1, ndim)
        if not ndim:
            return self.reshape(())
        return apply(ops.transpose, self, dim0=d0, dim1=d1)

    swapaxes = swapdims = transpose

    def permute(self, *dims: Any) -> Tensor:
        """Return a view with the dimensions in another order."""
        named = as_size("permute", dims)
        if len(named) != self._array.ndim:
            raise RuntimeError(
                f"permute: {len(named)} dimensions were given for a tensor that has "
                f"{self._array.ndim}; name each of them once"
            )
        order = as_dims("permute", named, self._array.ndim)
        order = () if order is None else (order,) if isinstance(order, int) else order
        return apply(ops.permute, self, dims=order)

    def movedim(self, source: Any, destination: Any) -> Tensor:
        """Return a view with dimensions moved to other places."""
        ndim = self._array.ndim
        sources = list(as_ints("movedim", "source", source))
        targets = list(as_ints("movedim", "destination", destination))
        if len(sources) != len(targets):
            raise RuntimeError(
                f"movedim: source {source} and destination {destination} must name equally many "
                f"dimensions"
            )
        sources = [as_dim("movedim", d, ndim) for d in sources]
        targets = [as_dim("movedim", d, ndim) for d in targets]
        for which, dims in (("source", sources), ("destination", targets)):
            if len(set(dims)) != len(dims):
                raise RuntimeError(f"movedim: the same dimension appears twice in {which}: {dims}")
        if not ndim:
            return self.reshape(())
        order = [d for d in range(ndim) if d not in sources]
        for target, moved in sorted(zip(targets, sources, strict=True)):
            order.insert(target, moved)
        return self.permute(order)

    moveaxis = movedim

    @one_node("TBackward0")
    def t(self) -> Tensor:
        """Return the transpose of a matrix; a vector stays as it is."""
        if self._array.ndim > 2:
            raise RuntimeError(
                f"t: expects a tensor with at most 2 dimensions, but it has {self._array.ndim}; "
                f"use transpose(dim0, dim1)"
            )
        return self.transpose(0, 1) if self._array.ndim == 2 else self.reshape(self._array.shape)

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order."""
        return self.permute(tuple(reversed(range(self._array.ndim))))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged."""
        if self._array.ndim < 2:
            if not self._array.ndim:
                return self  # type: ignore[return-value]
            raise RuntimeError("mT: is only there for matrices, or batches of them; got a vector")
        return self.transpose(-2, -1)

    def expand(self, *size: Any) -> Tensor:
        """Return a view with dimensions of length 1 repeated; -1 keeps a length."""
        to, shape = as_size("expand", size), self._array.shape
        lead = len(to) - len(shape)
        full = tuple(shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(to))
        if not expands(shape, full):
            raise RuntimeError(
                f"expand: a tensor of shape {list(shape)} can't be expanded to {list(to)}; only "
                f"dimensions of length 1 can be repeated, and new ones come in front"
            )
        return apply(ops.expand, self, to=full)

    def expand_as(self, other: Tensor) -> Tensor:
        """Return a view expanded to another tensor's shape."""
        return self.expand(other.shape)

    def broadcast_to(self, *size: Any) -> Tensor:
        """Return a view expanded to a shape."""
        return self.expand(*size)

    def repeat(self, *repeats: Any) -> Tensor:
        """Return the tensor repeated along each dimension."""
        times, shape = as_size("repeat", repeats), self._array.shape
        lead = len(times) - len(shape)
        if lead < 0:
            raise RuntimeError(
                f"repeat: {len(times)} numbers were given for a tensor that has {len(shape)} "
                f"dimensions; give one for each, or more for new ones in front"
            )
        if min(times, default=0) < 0:
            raise RuntimeError(f"repeat: a tensor can't be repeated {min(times)} times: {times}")
        return apply(ops.repeat, self, times=times)

    def tile(self, *dims: Any) -> Tensor:
        """Return the tensor repeated; missing numbers are 1."""
        times = as_size("tile", dims)
        return self.repeat((1,) * (self._array.ndim - len(times)) + times)

    def flip(self, *dims: Any) -> Tensor:
        """Return the elements in reverse order along dimensions."""
        order = as_dims("flip", as_size("flip", dims), self._array.ndim)
        order = (order,) if isinstance(order, int) else order or ()
        return apply(ops.flip, self, dims=order)

    @one_node("RollBackward0")
    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Return the elements moved along dimensions, around the ends."""
        moves = as_ints("roll", "shifts", shifts)
        if not moves:
            raise RuntimeError("roll: at least one shift is required")
        if not self._array.size:
            return self.clone()
        if dims is None or (len(moves) == 1 and isinstance(dims, tuple | list) and not dims):
            if len(moves) > 1:
                raise RuntimeError(
                    f"roll: {len(moves)} shifts were given for 0 dims; name the dims, one for each"
                )
            flat: Tensor = apply(ops.roll, self.reshape(-1), shifts=moves, dims=(0,) * len(moves))
            return flat.reshape(self._array.shape)
        along = as_ints("roll", "dims", dims)
        if len(along) != len(moves):
            raise RuntimeError(f"roll: {len(moves)} shifts were given for {len(along)} dims")
        along = tuple(as_dim("roll", d, self._array.ndim) for d in along)
        return apply(ops.roll, self, shifts=moves, dims=along)

    def tril(self, diagonal: int = 0) -> Tensor:
        """Return the lower triangle, with zeros above the diagonal."""
        self._need_matrix("tril")
        return apply(ops.tril, self, diagonal=as_int("tril", "diagonal", diagonal))

    def triu(self, diagonal: int = 0) -> Tensor:
        """Return the upper triangle, with zeros below the diagonal."""
        self._need_matrix("triu")
        return apply(ops.triu, self, diagonal=as_int("triu", "diagonal", diagonal))

    def _need_matrix(self, name: str) -> None:
        if self._array.ndim < 2:
            raise RuntimeError(
                f"{name}: the input must have at least 2 dimensions, but has shape "
                f"{list(self._array.shape)}"
            )

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """Return the slices along a dimension, without it."""
        d = as_dim("unbind", dim, self._array.ndim)
        if not self._array.ndim:
            raise IndexError("unbind: a 0-d tensor has no dimension to unbind")
        lead = (slice(None),) * d
        return _together(
            "unbind",
            [apply(ops.getitem, self, index=(*lead, i)) for i in range(self._array.shape[d])],
        )

    def split(self, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Return views of pieces along a dimension: of one length, or of given lengths."""
        d = self._split_dim("split", dim)
        length, sections = self._array.shape[d], split_size
        if not isinstance(sections, tuple | list):
            sections = as_int("split", "split_size", sections)
            if sections < 0 or (sections == 0 and length):
                raise RuntimeError(f"split: the length of a piece must be positive, not {sections}")
            count = max(-(-length // sections), 1) if sections else 1
            sections = [min(sections, length - i * sections) for i in range(count)]
        if sum(sections) != length or min(sections, default=0) < 0:
            raise RuntimeError(
                f"split: the lengths {list(sections)} must add up to {length}, the length of "
                f"dimension {d}, and none may be negative"
            )
        ends = np.cumsum([0, *sections]).tolist()
        lead = (slice(None),) * d
        return _together(
            "split",
            [
                apply(ops.getitem, self, index=(*lead, slice(start, end)))
                for start, end in itertools.pairwise(ends)
            ],
        )

    def _split_dim(self, name: str, dim: int) -> int:
        if not self._array.ndim:
            raise RuntimeError(f"{name}: expects at least a 1-dimensional tensor, got a 0-d one")
        return as_dim(name, dim, self._array.ndim)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """Return views of about equally long pieces along a dimension, at most so many."""
        chunks = as_int("chunk", "chunks", chunks)
        if chunks <= 0:
            raise RuntimeError(f"chunk: the number of chunks must be positive, not {chunks}")
        d = self._split_dim("chunk", dim)
        length = self._array.shape[d]
        if not length:
            return self.split([0] * chunks, d)
        return self.split(-(-length // chunks), d)
