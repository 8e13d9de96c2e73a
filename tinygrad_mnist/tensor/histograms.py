"""Histograms, of numbers and of points; imported when one is first asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.tensor import return_types
from tinygrad_mnist.tensor.arguments import as_int, as_number, need_tensor
from tinygrad_mnist.tensor.export import export, publish

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.return_types import Histogram, HistogramOfPoints
    from tinygrad_mnist.tensor.types import Number


@export(takes="out")
def histogram(
    input: Tensor,
    bins: int | Tensor = 100,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """Count the elements between edges; return the counts, and the edges.

    ``bins`` is a number of equal bins, from the smallest to the largest element or over ``range``,
    or a tensor of rising edges. A bin holds its left edge, the last one both. With ``weight``, of
    the input's shape, weights are added up; ``density=True`` makes the histogram's integral 1.
    Follows ``torch.histogram``; the counts have the input's dtype, and no gradient.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    bins
        A number of bins, n, or a vector of n + 1 edges.
    range
        The ends of the first and the last bin.
    weight
        How much each element counts: a tensor of shape (*).
    density
        Whether the integral is 1.

    Returns
    -------
    A named pair ``(hist, bin_edges)`` of vectors of n and n + 1.

    Raises
    ------
    NotImplementedError
        When the input isn't floating point.
    RuntimeError
        When there are no bins, or their range is empty or infinite.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> hist, edges = torch.histogram(torch.tensor([1.0, 2.0, 1.0]), 2, range=(0.0, 4.0))
    >>> hist, edges
    (tensor([2., 1.]), tensor([0., 2., 4.]))
    """
    points = input._array.reshape(-1, 1)
    hist, edges = _count(points, [bins], range, weight, density)
    found: Histogram = return_types.histogram(hist, edges[0])
    return found


@export(takes="out", method=False)
def histogramdd(
    input: Tensor,
    bins: int | Tensor | Sequence[int | Tensor],
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> HistogramOfPoints:
    """Count points in the boxes between edges, which are given for each coordinate.

    The last dimension of the input holds a point's coordinates. ``bins`` is a number for all
    coordinates, or a list with a number or a tensor of edges for each; ``range`` is flat: the first
    coordinate's ends, the second's, and so on. Follows ``torch.histogramdd``.

    Parameters
    ----------
    input
        A tensor of shape (..., d), floating point.
    bins
        A number, or a list of d numbers or edges.
    range
        The 2 d ends.
    weight
        How much each point counts: a tensor of shape (...).
    density
        Whether the integral is 1.

    Returns
    -------
    A named pair ``(hist, bin_edges)``: counts in d dimensions, and d vectors.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> points = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    >>> torch.histogramdd(points, bins=[1, 2]).hist
    tensor([[1., 1.]])
    """
    if input._array.ndim < 2:
        raise RuntimeError(
            f"the input needs 2 dimensions or more, the last of which holds a "
            f"point's coordinates, but its shape is {list(input._array.shape)}"
        )
    points = input._array.reshape(-1, input._array.shape[-1])
    every = list(bins) if isinstance(bins, Sequence) else [bins] * points.shape[1]
    if len(every) != points.shape[1]:
        raise RuntimeError(
            f"bins are given for {len(every)} coordinates, but a point has {points.shape[1]}"
        )
    hist, edges = _count(points, every, range, weight, density)
    found: HistogramOfPoints = return_types.histogramdd(hist, tuple(edges))
    return found


def _count(
    points: np.ndarray,
    bins: Sequence[int | Tensor],
    ends: Sequence[float] | None,
    weight: Tensor | None,
    density: bool,
) -> tuple[Tensor, list[Tensor]]:
    dtype = points.dtype
    if dtype.kind != "f":
        raise NotImplementedError(f"not implemented for {dtype}; use float()")
    if ends is not None and len(ends) != 2 * len(bins):
        raise RuntimeError(f"range must have {2 * len(bins)} numbers, got {len(ends)}")
    weights = None
    if weight is not None:
        weights = need_tensor("weight", weight)._array
        if weights.dtype != dtype or weights.size != len(points):
            raise RuntimeError(
                f"weight must have the input's dtype, {dtype}, and an element for each of "
                f"{len(points)} numbers or points; it has dtype {weights.dtype} and shape "
                f"{list(weights.shape)}"
            )
        weights = weights.reshape(-1).astype(np.float64)
    edges = []
    for i, count in enumerate(bins):
        pair = None if ends is None else ends[2 * i : 2 * i + 2]
        edges.append(_edges(points[:, i], count, pair))
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


def _edges(x: np.ndarray, bins: int | Tensor, ends: Sequence[float] | None) -> np.ndarray:
    """Return the edges of one coordinate's bins."""
    if isinstance(bins, TensorBase) and bins._array.ndim:
        if bins._array.dtype != x.dtype:
            raise RuntimeError(
                f"edges must have the input's dtype, {x.dtype}, not {bins._array.dtype}"
            )
        if bins._array.ndim != 1 or bins._array.size < 2:
            raise RuntimeError(
                f"edges are a tensor of one dimension with at least 2 elements, not of "
                f"shape {list(bins._array.shape)}"
            )
        return np.array(bins._array)
    count = as_int("bins", bins)
    if count <= 0:
        raise RuntimeError(f"bins must be > 0, got {count}")
    if ends is not None:
        low, high = (as_number("range", end) for end in ends)
    else:
        low, high = (x.min(), x.max()) if x.size else (0.0, 1.0)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"the range from {low} to {high} is not finite")
    if low > high:
        raise RuntimeError(f"min should not exceed max, but the range is {low} to {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    first, last = x.dtype.type(low), x.dtype.type(high)
    step, i = (last - first) / x.dtype.type(count), np.arange(count + 1).astype(x.dtype)
    half = (count + 1) // 2  # from both ends, as linspace, so that both are exact
    even: np.ndarray = np.where(i < half, first + step * i, last - step * i[::-1])
    return even


@export
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count how often each of 0, 1, 2, ... appears, or add up their weights.

    Follows ``torch.bincount``.

    Parameters
    ----------
    input
        A vector, of shape (n), of integers that aren't negative.
    weights
        How much each counts: a vector of n.
    minlength
        The least length of the result.

    Returns
    -------
    A vector of int64, or of weights' dtype: one more than the largest element.

    Raises
    ------
    RuntimeError
        When the input isn't a vector of integers from 0 on, or the weights have another length.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> labels = torch.tensor([0, 2, 2, 5])
    >>> labels.bincount(minlength=10)  # how many of each digit
    tensor([1, 0, 2, 0, 0, 1, 0, 0, 0, 0])
    """
    array, least = input._array, as_int("minlength", minlength)
    if array.dtype.kind not in "iu":
        raise NotImplementedError(f"not implemented for {input.dtype}; use long()")
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError(
            f"only supports 1-d non-negative integral inputs, got {array.dtype} of shape "
            f"{list(array.shape)}"
        )
    if least < 0:
        raise RuntimeError(f"minlength should be >= 0, got {least}")
    if weights is None:
        return wrap(np.bincount(array, minlength=least).astype(np.int64))
    heavy = need_tensor("weights", weights)._array
    if heavy.shape != array.shape:
        raise RuntimeError(
            f"input and weights should have the same length, got {list(array.shape)} and "
            f"{list(heavy.shape)}"
        )
    kind = np.dtype(np.float32) if heavy.dtype == np.float32 else np.dtype(np.float64)
    return wrap(np.bincount(array, heavy, least).astype(kind))


@export(takes="out")
def histc(input: Tensor, bins: int = 100, min: Number = 0, max: Number = 0) -> Tensor:
    """Count elements in equally wide bins from min to max; what lies outside isn't counted.

    With min and max equal, from the smallest to the largest element. Follows ``torch.histc``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    bins
        How many bins.
    min
        The lower end.
    max
        The upper end, which the last bin holds.

    Returns
    -------
    A vector of ``bins`` elements, of input's dtype.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0, 2.0, 1.0]).histc(bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    if input._array.dtype.kind != "f":
        raise NotImplementedError(f"not implemented for {input.dtype}; use float()")
    count = as_int("bins", bins)
    if count <= 0:
        raise RuntimeError(f"bins must be > 0, got {count}")
    low, high = as_number("min", min), as_number("max", max)
    x = input._array.reshape(-1)
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"max must be larger than min, got min={low} and max={high}")
    inside = x[(x >= low) & (x <= high)].astype(np.float64)
    # Of 1e20 alone the range has no width, because 1e20 - 1 is 1e20: all are in the middle.
    with np.errstate(all="ignore"):
        bin_of = np.nan_to_num((inside - low) / (high - low) * count, nan=count / 2).astype(
            np.int64
        )
    found = np.bincount(np.clip(bin_of, 0, count - 1), minlength=count)
    return wrap(found.astype(x.dtype))


if not TYPE_CHECKING:
    __all__ = publish(globals())
