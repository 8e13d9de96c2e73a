"""Histograms over edges that are given or computed, of numbers and of points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.tensor import return_types
from tinygrad_mnist.tensor.arguments import as_int, as_number, as_tensor
from tinygrad_mnist.tensor.export import export, publish

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


@export
def histogram(
    input: Tensor,
    bins: Any = 100,
    *,
    range: Any = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Count the elements between edges; return the counts, and the edges.

    ``bins`` is a number of equal bins, from the smallest to the largest element or over ``range``,
    or a tensor of rising edges. A bin holds its left edge, the last one both. With ``weight``, of
    the input's shape, weights are added up; ``density=True`` makes the histogram's integral 1.
    Follows ``torch.histogram``; the counts have the input's dtype, and no gradient.

    Raises
    ------
    NotImplementedError
        When the input isn't floating point.
    RuntimeError
        When there are no bins, or their range is empty or infinite.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> hist, edges = histogram(tensor([1.0, 2.0, 1.0]), 2, range=(0.0, 4.0))
    >>> hist, edges
    (tensor([2., 1.]), tensor([0., 2., 4.]))
    """
    points = input._array.reshape(-1, 1)
    hist, edges = _count("histogram", points, [bins], range, weight, density)
    return return_types.histogram(hist, edges[0])


@export(method=False)
def histogramdd(
    input: Tensor,
    bins: Any,
    *,
    range: Any = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Count points in the boxes between edges, which are given for each coordinate.

    The last dimension of the input holds a point's coordinates. ``bins`` is a number for all
    coordinates, or a list with a number or a tensor of edges for each; ``range`` is flat: the
    first coordinate's ends, the second's, and so on. Follows ``torch.histogramdd``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> histogramdd(tensor([[0.0, 0.0], [1.0, 2.0]]), bins=[1, 2]).hist
    tensor([[1., 1.]])
    """
    if input._array.ndim < 2:
        raise RuntimeError(
            f"histogramdd: the input needs 2 dimensions or more, the last of which holds a "
            f"point's coordinates, but its shape is {list(input._array.shape)}"
        )
    points = input._array.reshape(-1, input._array.shape[-1])
    every = list(bins) if isinstance(bins, list | tuple) else [bins] * points.shape[1]
    if len(every) != points.shape[1]:
        raise RuntimeError(
            f"histogramdd: bins are given for {len(every)} coordinates, but a point has "
            f"{points.shape[1]}"
        )
    hist, edges = _count("histogramdd", points, every, range, weight, density)
    return return_types.histogramdd(hist, tuple(edges))


def _count(
    name: str, points: np.ndarray, bins: list[Any], ends: Any, weight: Any, density: bool
) -> tuple[Any, list[Any]]:
    dtype = points.dtype
    if dtype.kind != "f":
        raise NotImplementedError(f"{name}: not implemented for {dtype}; use float()")
    if ends is not None and len(ends) != 2 * len(bins):
        raise RuntimeError(f"{name}: range must have {2 * len(bins)} numbers, got {len(ends)}")
    weights = None
    if weight is not None:
        weights = as_tensor(name, "weight", weight)._array
        if weights.dtype != dtype or weights.size != len(points):
            raise RuntimeError(
                f"{name}: weight must have the input's dtype, {dtype}, and an element for each of "
                f"{len(points)} numbers or points; it has dtype {weights.dtype} and shape "
                f"{list(weights.shape)}"
            )
        weights = weights.reshape(-1).astype(np.float64)
    edges = []
    for i, count in enumerate(bins):
        pair = None if ends is None else ends[2 * i : 2 * i + 2]
        edges.append(_edges(name, points[:, i], count, pair))
    lengths = [len(edge) - 1 for edge in edges]
    place, inside = np.zeros(len(points), np.int64), np.ones(len(points), bool)
    for x, edge, length in zip(points.T, edges, lengths, strict=True):
        inside &= (x >= edge[0]) & (x <= edge[-1])
        place = place * length + np.minimum(np.searchsorted(edge, x, "right") - 1, length - 1)
    heavy = None if weights is None else weights[inside]
    found = np.bincount(place[inside], heavy, math.prod(lengths)).reshape(lengths)
    if density:
        found = found / found.sum()
        for i, edge in enumerate(edges):
            widths = np.diff(edge.astype(np.float64))
            found = found / widths.reshape([-1 if j == i else 1 for j in np.arange(len(edges))])
    return wrap(found.astype(dtype)), [wrap(edge) for edge in edges]


def _edges(name: str, x: np.ndarray, bins: Any, ends: Sequence[Any] | None) -> np.ndarray:
    """Return the edges of one coordinate's bins."""
    if isinstance(bins, TensorBase) and bins._array.ndim:
        if bins._array.dtype != x.dtype:
            raise RuntimeError(
                f"{name}: edges must have the input's dtype, {x.dtype}, not {bins._array.dtype}"
            )
        if bins._array.ndim != 1 or bins._array.size < 2:
            raise RuntimeError(
                f"{name}: edges are a tensor of one dimension with at least 2 elements, not of "
                f"shape {list(bins._array.shape)}"
            )
        return np.array(bins._array)
    count = as_int(name, "bins", bins)
    if count <= 0:
        raise RuntimeError(f"{name}: bins must be > 0, got {count}")
    if ends is not None:
        low, high = (as_number(name, "range", end) for end in ends)
    else:
        low, high = (x.min(), x.max()) if x.size else (0.0, 1.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name}: the range from {low} to {high} is not finite")
    if low > high:
        raise RuntimeError(f"{name}: min should not exceed max, but the range is {low} to {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    first, last = x.dtype.type(low), x.dtype.type(high)
    step, i = (last - first) / x.dtype.type(count), np.arange(count + 1).astype(x.dtype)
    half = (count + 1) // 2  # from both ends, as linspace, so that both are exact
    even: np.ndarray = np.where(i < half, first + step * i, last - step * i[::-1])
    return even


if not TYPE_CHECKING:
    __all__ = publish(globals())
