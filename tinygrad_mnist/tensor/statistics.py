"""Counts, histograms, differences, distances, running products, and reductions that skip NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_dims,
    as_int,
    as_number,
    as_tensor,
    named,
    need_floats,
)
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.reduction import reduce, running

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


@export
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """Count the elements that aren't 0, along dimensions or all. Follows ``torch.count_nonzero``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> count_nonzero(tensor([0, 3, 2]))
    tensor(2)
    """
    dims = as_dims("count_nonzero", dim, input._array.ndim)
    return wrap(np.asarray(np.count_nonzero(input._array, axis=dims), np.int64))


@export
def bincount(input: Tensor, weights: Any = None, minlength: int = 0) -> Tensor:
    """Count how often each of 0, 1, 2, ... appears, or add up their weights.

    Follows ``torch.bincount``.

    Raises
    ------
    RuntimeError
        When the input isn't a vector of integers from 0 on, or the weights have another length.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> bincount(tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    array, least = input._array, as_int("bincount", "minlength", minlength)
    if array.dtype.kind not in "iu":
        raise NotImplementedError(f"bincount: not implemented for {input.dtype}; use long()")
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError(
            f"bincount: only supports 1-d non-negative integral inputs, got {array.dtype} of shape "
            f"{list(array.shape)}"
        )
    if least < 0:
        raise RuntimeError(f"bincount: minlength should be >= 0, got {least}")
    if weights is None:
        return wrap(np.bincount(array, minlength=least).astype(np.int64))
    heavy = as_tensor("bincount", "weights", weights)._array
    if heavy.shape != array.shape:
        raise RuntimeError(
            f"bincount: input and weights should have the same length, got {list(array.shape)} and "
            f"{list(heavy.shape)}"
        )
    kind = np.dtype(np.float32) if heavy.dtype == np.float32 else np.dtype(np.float64)
    return wrap(np.bincount(array, heavy, least).astype(kind))


@export
def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Tensor:
    """Count elements in equally wide bins from min to max; what lies outside isn't counted.

    With min and max equal, from the smallest to the largest element. Follows ``torch.histc``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> histc(tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    if input._array.dtype.kind != "f":
        raise NotImplementedError(f"histc: not implemented for {input.dtype}; use float()")
    count = as_int("histc", "bins", bins)
    if count <= 0:
        raise RuntimeError(f"histc: bins must be > 0, got {count}")
    low, high = as_number("histc", "min", min), as_number("histc", "max", max)
    x = input._array.reshape(-1)
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"histc: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"histc: max must be larger than min, got min={low} and max={high}")
    inside = x[(x >= low) & (x <= high)].astype(np.float64)
    # Of 1e20 alone the range has no width, because 1e20 - 1 is 1e20: all are in the middle.
    with np.errstate(all="ignore"):
        bin_of = np.nan_to_num((inside - low) / (high - low) * count, nan=count / 2).astype(
            np.int64
        )
    found = np.bincount(np.clip(bin_of, 0, count - 1), minlength=count)
    return wrap(found.astype(x.dtype))


@export(inplace=True)
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the running product along a dimension. Follows ``torch.cumprod``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cumprod(tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    return running("cumprod", ops.cumprod, input, dim, dtype)


@export
def nansum(
    input: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """Return the sum of the elements that aren't NaN. Follows ``torch.nansum``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> nansum(tensor([1.0, float("nan")]))
    tensor(1.)
    """
    if input._array.dtype.kind != "f":
        return input.sum(dim, keepdim, dtype=dtype)
    return reduce(input, ops.nansum, dim, keepdim, dtype)


@export
def nanmean(
    input: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """Return the mean of the elements that aren't NaN. Follows ``torch.nanmean``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> nanmean(tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    need_floats("nanmean", input)
    if dtype is not None and dtypes.as_numpy(dtype).kind != "f":
        raise RuntimeError(f"nanmean: dtype must be floating point, got {dtype}")
    kind = input.dtype if dtype is None else dtype
    narrow = dtypes.as_numpy(kind).char == "e"  # the mean may fit where the sum doesn't
    total: Tensor = nansum(input, dim, keepdim, dtype=np.float32 if narrow else dtype)
    return (total / (~input.isnan()).sum(dim, keepdim)).to(kind)


@export(method=False)
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int = 1,
) -> tuple[Tensor, Tensor]:
    """Return the standard deviation and the mean. Follows ``torch.std_mean``."""
    deviation = input.std(dim, unbiased, keepdim, correction=correction)
    return deviation, input.mean(None if isinstance(dim, bool) else dim, keepdim)


@export(method=False)
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int = 1,
) -> tuple[Tensor, Tensor]:
    """Return the variance and the mean. Follows ``torch.var_mean``."""
    variance = input.var(dim, unbiased, keepdim, correction=correction)
    return variance, input.mean(None if isinstance(dim, bool) else dim, keepdim)


@export
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Any = None,
    append: Any = None,
) -> Tensor:
    """Return the n-th differences of neighbours along a dimension. Follows ``torch.diff``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> diff(tensor([1, 4, 9]))
    tensor([3, 5])
    """
    if not input._array.ndim:
        raise RuntimeError("diff: expects the input to be at least one-dimensional")
    times, d = as_int("diff", "n", n), as_dim("diff", dim, input._array.ndim)
    if times < 0:
        raise RuntimeError(f"diff: order must be non-negative but got {times}")
    parts = [x for x in (prepend, input, append) if x is not None]
    for x in parts:
        as_tensor("diff", "prepend or append", x)
    out: Tensor = apply(ops.cat, *parts, dim=d) if len(parts) > 1 else input
    for _ in range(min(times, out._array.shape[d])):
        length = out._array.shape[d]
        later, earlier = out.narrow(d, 1, length - 1), out.narrow(d, 0, length - 1)
        out = later.logical_xor(earlier) if out._array.dtype.kind == "b" else later - earlier
    return out.clone() if out is input else out


@export
def dist(input: Tensor, other: Tensor, p: Any = 2) -> Tensor:
    """Return the p-norm of the difference. Follows ``torch.dist``."""
    gap: Tensor = input - as_tensor("dist", "other", other)
    return gap.norm(p)


COMPUTE_MODES = (
    "use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist", None,
)  # fmt: skip


@named
@one_node("CdistBackward0")
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """Return the distances of all pairs of rows, of shapes (..., n, d) and (..., m, d).

    Follows ``torch.cdist``; at a distance of 0 the gradient is 0.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cdist(tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]]))
    tensor([[5.]])
    """
    as_tensor("cdist", "x1", x1)
    as_tensor("cdist", "x2", x2)
    shapes = list(x1._array.shape), list(x2._array.shape)
    if min(map(len, shapes)) < 2 or shapes[0][-1] != shapes[1][-1]:
        raise RuntimeError(
            f"cdist: expects rows of equal length in tensors of at least 2 dimensions, got shapes "
            f"{shapes[0]} and {shapes[1]}"
        )
    power = as_number("cdist", "p", p)
    if compute_mode not in COMPUTE_MODES:
        raise ValueError(f"cdist: {compute_mode!r} is not a valid value for compute_mode")
    if power < 0:
        raise RuntimeError(f"cdist: only supports non-negative p values, got {power}")
    need_floats("cdist", x1)
    need_floats("cdist", x2)
    out = (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(power, -1)
    return out.masked_fill(out == 0, 0.0)  # there an infinite gradient too counts for nothing


if not TYPE_CHECKING:
    __all__ = publish(globals(), "cdist")
