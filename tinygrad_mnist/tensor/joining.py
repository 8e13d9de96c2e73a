"""Functions of several tensors: joins, grids, blocks, common shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_size,
    as_tensor,
    as_tensors,
    broadcast,
    named,
    write_out,
)
from tinygrad_mnist.tensor.types import Size

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


@named
def cat(tensors: Any, dim: int = 0, *, out: Any = None) -> Tensor:
    """Join tensors along a dimension. Follows ``torch.cat``.

    Raises
    ------
    RuntimeError
        When they differ in another dimension.

    Examples
    --------
    >>> from tinygrad_mnist import ones, zeros
    >>> cat([ones(1), zeros(2)])
    tensor([1., 0., 0.])
    """
    if isinstance(tensors, list | tuple) and not tensors:
        raise ValueError("cat: expected a non-empty list of Tensors")
    found = as_tensors("cat", tensors)
    ndim = max(x.ndim for x in found)
    # PyTorch lets an empty vector be joined with anything.
    kept = [x for x in found if x.shape != (0,)] or found
    if kept is found and ndim == 1:
        dim = 0
    if not ndim:
        raise RuntimeError("cat: zero-dimensional tensors cannot be concatenated; use stack()")
    d = as_dim("cat", dim, ndim)
    for x in kept:
        if x.ndim != ndim or any(
            n != m for i, (n, m) in enumerate(zip(x.shape, kept[0].shape, strict=True)) if i != d
        ):
            raise RuntimeError(
                f"cat: sizes of tensors must match except in dimension {d}, but got shapes "
                f"{list(kept[0].shape)} and {list(x.shape)}"
            )
    joined: Any = apply(ops.cat, *kept, dim=d)
    if len(kept) < len(found):  # what was left out still has a say in the dtype
        arrays = (x._array if isinstance(x, TensorBase) else x for x in found)
        joined = joined.to(dtypes.result_type(*arrays))
    return write_out("cat", joined, out)  # type: ignore[no-any-return]


concat = concatenate = cat


@named
def stack(tensors: Any, dim: int = 0, *, out: Any = None) -> Tensor:
    """Join tensors of one shape along a new dimension. Follows ``torch.stack``.

    Raises
    ------
    RuntimeError
        When their shapes differ.

    Examples
    --------
    >>> from tinygrad_mnist import ones, zeros
    >>> stack([ones(2), zeros(2)])
    tensor([[1., 1.],
            [0., 0.]])
    """
    found = as_tensors("stack", tensors)
    shapes = [x.shape for x in found]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise RuntimeError(
                f"stack: expects each tensor to be of equal size, but got {list(shapes[0])} at "
                f"entry 0 and {list(shape)} at entry {i}"
            )
    joined = apply(ops.stack, *found, dim=as_dim("stack", dim, found[0].ndim + 1))
    return write_out("stack", joined, out)  # type: ignore[no-any-return]


def _several(name: str, tensors: tuple[Any, ...]) -> list[Any]:
    """Return tensors given one by one or as one sequence."""
    if len(tensors) == 1 and not isinstance(tensors[0], TensorBase):
        tensors = tensors[0]
    found = as_tensors(name, tensors)
    return [as_tensor(name, "tensors", x) for x in found]


def _each_or_all(name: str, make: Any, tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], TensorBase):
        return make(tensors[0])
    return tuple(make(x) for x in _several(name, tensors))


def _at_least_2d(x: Any) -> Any:
    return x.reshape(1, -1) if x._array.ndim < 2 else x


@named
def atleast_1d(*tensors: Any) -> Any:
    """Return a tensor, or a tuple of them, of at least 1 dimension. Follows ``torch.atleast_1d``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> atleast_1d(tensor(3))
    tensor([3])
    """
    return _each_or_all("atleast_1d", lambda x: x if x._array.ndim else x.reshape(1), tensors)


@named
def atleast_2d(*tensors: Any) -> Any:
    """Return a tensor, or a tuple of them, of at least 2 dimensions: a vector becomes a row.

    Follows ``torch.atleast_2d``.
    """
    return _each_or_all("atleast_2d", _at_least_2d, tensors)


@named
def atleast_3d(*tensors: Any) -> Any:
    """Return a tensor, or a tuple of them, of at least 3 dimensions: (n) becomes (1, n, 1).

    Follows ``torch.atleast_3d``.
    """
    return _each_or_all("atleast_3d", _at_least_3d, tensors)


def _at_least_3d(x: Any) -> Any:
    if x._array.ndim >= 3:
        return x
    return x.unsqueeze(-1) if x._array.ndim == 2 else x.reshape(1, -1, 1)


@named
def hstack(tensors: Any, *, out: Any = None) -> Tensor:
    """Join tensors side by side: along the second dimension, vectors along the first.

    Follows ``torch.hstack``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> hstack((tensor([1, 2]), tensor([3])))
    tensor([1, 2, 3])
    """
    parts = [x if x._array.ndim else x.reshape(1) for x in as_tensors("hstack", tensors)]
    return cat(parts, 0 if parts[0]._array.ndim == 1 else 1, out=out)


@named
def vstack(tensors: Any, *, out: Any = None) -> Tensor:
    """Join tensors one below the other; vectors are rows. Follows ``torch.vstack``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> vstack((tensor([1, 2]), tensor([3, 4])))
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([_at_least_2d(x) for x in as_tensors("vstack", tensors)], 0, out=out)


row_stack = vstack


@named
def dstack(tensors: Any, *, out: Any = None) -> Tensor:
    """Join tensors along the third dimension. Follows ``torch.dstack``."""
    return cat([_at_least_3d(x) for x in as_tensors("dstack", tensors)], 2, out=out)


@named
def column_stack(tensors: Any, *, out: Any = None) -> Tensor:
    """Join tensors side by side; vectors are columns. Follows ``torch.column_stack``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> column_stack((tensor([1, 2]), tensor([3, 4])))
    tensor([[1, 3],
            [2, 4]])
    """
    found = as_tensors("column_stack", tensors)
    parts = [x.reshape(-1, 1) if x._array.ndim < 2 else x for x in found]
    return cat(parts, 1, out=out)


@named
def broadcast_shapes(*shapes: Any) -> Size:
    """Return the shape that shapes broadcast to. Follows ``torch.broadcast_shapes``.

    Examples
    --------
    >>> broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    sizes = [as_size("broadcast_shapes", [s if isinstance(s, tuple | list) else (s,)])
             for s in shapes]  # fmt: skip
    if any(n < 0 for size in sizes for n in size):
        raise RuntimeError(f"broadcast_shapes: a length can't be negative, got {shapes}")
    return Size(broadcast("broadcast_shapes", *sizes))


@named
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Return views expanded to a common shape. Follows ``torch.broadcast_tensors``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> [x.shape for x in broadcast_tensors(zeros(2, 1), zeros(3))]
    [torch.Size([2, 3]), torch.Size([2, 3])]
    """
    found = _several("broadcast_tensors", tensors)
    shape = broadcast("broadcast_tensors", *(x._array.shape for x in found))
    return tuple(x.expand(shape) for x in found)


@named
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Return grids of coordinates, one for each vector: of its value at every place of the grid.

    With ``indexing="ij"`` (which it is if left out) the first vector goes down the rows, with
    ``"xy"`` along them. Follows ``torch.meshgrid``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> meshgrid(tensor([1, 2]), tensor([3, 4, 5]), indexing="ij")[0]
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    found = _several("meshgrid", tensors)
    if indexing is None:
        warn(
            "meshgrid: name the indexing: 'ij', which it is without, goes down the rows; 'xy', "
            "which is NumPy's, along them"
        )
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be 'ij' or 'xy', but got {indexing!r}")
    if any(x._array.ndim > 1 for x in found):
        raise RuntimeError("meshgrid: expected scalars or vectors, got tensors of more dimensions")
    if len({x._array.dtype for x in found}) > 1:
        raise RuntimeError("meshgrid: expects all tensors to have the same dtype")
    lengths = tuple(x._array.size for x in found)
    grids = [
        x.reshape([-1 if i == d else 1 for i in range(len(found))]).expand(lengths)
        for d, x in enumerate(found)
    ]
    if indexing == "xy" and len(grids) > 1:
        grids = [grid.transpose(0, 1) for grid in grids]
    return tuple(grids)


@named
def cartesian_prod(*tensors: Any) -> Tensor:
    """Return all combinations of elements of vectors, as rows. Follows ``torch.cartesian_prod``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cartesian_prod(tensor([1, 2]), tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    found = _several("cartesian_prod", tensors)
    if any(x._array.ndim != 1 for x in found):
        raise RuntimeError("cartesian_prod: expected one-dimensional tensors")
    if len(found) == 1:
        return found[0]  # type: ignore[no-any-return]
    return stack([grid.reshape(-1) for grid in meshgrid(*found, indexing="ij")], 1)


@named
def block_diag(*tensors: Any) -> Tensor:
    """Return a matrix with matrices on its diagonal, and zeros elsewhere.

    Follows ``torch.block_diag``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> block_diag(tensor([[1, 2]]), tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    blocks = [_at_least_2d(x) for x in _several("block_diag", tensors)]
    if any(x._array.ndim > 2 for x in blocks):
        raise RuntimeError("block_diag: input tensors must have 2 or fewer dimensions")
    width = sum(x._array.shape[1] for x in blocks)
    rows, column = [], 0
    for x in blocks:
        n, m = x._array.shape
        index = (slice(None), slice(column, column + m))
        rows.append(apply(ops.scatter_into_zeros, x, to=(n, width), index=index))
        column += m
    return cat(rows)


__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes",
    "broadcast_tensors", "cartesian_prod", "cat", "column_stack", "concat", "concatenate",
    "dstack", "hstack", "meshgrid", "row_stack", "stack", "vstack",
]  # fmt: skip
