"""Other sizes for images, and pixels that change places with channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.nn.functional.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d
from tinygrad_mnist.nn.functional.spatial import per_dim
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import as_int, copying, named
from tinygrad_mnist.tensor.precision import in_float32

_LINEAR = {"linear": 1, "bilinear": 2}


@named
@copying
@in_float32
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Bring images (N, C, *S) to another size, which is given or a multiple of theirs.

    Modes: ``"nearest"``, ``"nearest-exact"``, ``"linear"`` (N, C, L), ``"bilinear"``
    (N, C, H, W), ``"area"``. With align_corners the outermost elements' centres stay where they
    are, else the image's borders. Follows ``torch.nn.functional.interpolate``.

    Raises
    ------
    ValueError
        When both size and scale_factor are given, or none; when align_corners doesn't go with the
        mode.
    NotImplementedError
        For another mode, for three spatial dimensions, and for antialias.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x = tensor([[[1.0, 3.0]]])
    >>> interpolate(x, scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    >>> interpolate(x, size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    dims = input.ndim - 2
    if mode not in ("nearest", "nearest-exact", "area", *_LINEAR) or not 1 <= dims <= 2:
        raise NotImplementedError(
            f"interpolate: mode {mode!r} isn't offered for an input of {input.ndim} dimensions; "
            f"the modes are 'nearest', 'nearest-exact', 'area', 'linear' (N, C, L) and 'bilinear' "
            f"(N, C, H, W)"
        )
    if _LINEAR.get(mode, dims) != dims:
        raise NotImplementedError(f"interpolate: mode {mode!r} isn't for {input.ndim} dimensions")
    if align_corners is not None and mode not in _LINEAR:
        raise ValueError(f"interpolate: align_corners is for linear modes, not for {mode!r}")
    if antialias:
        raise NotImplementedError("interpolate: antialias isn't offered")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if recompute_scale_factor and size is not None:
        raise ValueError("interpolate: recompute_scale_factor is for scale_factor, not for size")
    kind = input._array.dtype
    if kind.kind != "f" and not (kind == np.uint8 and mode != "linear"):
        raise NotImplementedError(
            f"interpolate: mode {mode!r} is not implemented for {input.dtype}; convert with float()"
        )
    lengths = input.shape[2:]
    factors: list[float | None] = [None] * dims
    if size is not None:
        wanted = per_dim("interpolate", "size", size, dims)
    else:
        several = isinstance(scale_factor, tuple | list)
        given = list(scale_factor) if several else [scale_factor] * dims
        if len(given) != dims:
            raise ValueError(f"interpolate: needs {dims} scale factors, got {scale_factor}")
        wanted = tuple(int(np.floor(n * f)) for n, f in zip(lengths, given, strict=True))
        if not recompute_scale_factor:
            factors = [float(f) for f in given]
    if min(*wanted, *lengths) < 1:
        raise RuntimeError(f"interpolate: can't bring size {list(lengths)} to {list(wanted)}")
    if mode == "area":
        return (adaptive_avg_pool1d if dims == 1 else adaptive_avg_pool2d)(input, wanted)
    for dim, n, factor in reversed(list(zip(range(2, dims + 2), wanted, factors, strict=True))):
        if n == lengths[dim - 2] and (mode in _LINEAR or (mode == "nearest" and dims == 2)):
            continue  # whatever the factor is: 1.1 of four elements are the four
        if mode in _LINEAR:
            input = _linear(input, dim, n, factor, bool(align_corners))
        else:
            input = _nearest(input, dim, n, factor, 0.5 if mode == "nearest-exact" else 0.0)
    return input


def _nearest(x: Tensor, dim: int, count: int, factor: float | None, shift: float) -> Tensor:
    length = x.shape[dim]
    times = count // length
    if count % length == 0 and (
        factor in (None, times) or (times == 2 and not shift and x.ndim == 4)
    ):
        # Whole repeats: their derivative is a sum, which is faster than adding up by index.
        spread = x.unsqueeze(dim + 1).expand((*x.shape[: dim + 1], times, *x.shape[dim + 1 :]))
        return spread.reshape((*x.shape[:dim], count, *x.shape[dim + 1 :]))
    scale = np.float32(length / count if factor is None else 1 / factor)
    index = np.floor((np.arange(count, dtype=np.float32) + np.float32(shift)) * scale)
    index = np.minimum(index.astype(np.int64), length - 1)
    return x[(slice(None),) * dim + (index,)]


def _linear(x: Tensor, dim: int, count: int, factor: float | None, align_corners: bool) -> Tensor:
    """Interpolate along a dimension: a product with a matrix of two weights in each column."""
    length, own = x.shape[dim], x._array.dtype
    kind: Any = np.float64 if own == np.float64 else np.float32
    place = np.arange(count, dtype=kind)
    if align_corners:
        place *= kind((length - 1) / (count - 1) if count > 1 else 0)
    else:
        scale = kind(length / count if factor is None else 1 / factor)
        place = np.maximum((place + kind(0.5)) * scale - kind(0.5), 0)
    low = np.minimum(place.astype(np.int64), length - 1)
    high = np.minimum(low + 1, length - 1)
    weight = np.minimum(place - low, 1).astype(kind)
    if own != np.uint8 and not np.isfinite(x._array).all():
        # A product would spread infinity and NaN over the whole row.
        share = wrap(weight.astype(own).reshape((-1,) + (1,) * (x.ndim - dim - 1)))
        left, right = (x[(slice(None),) * dim + (index,)] for index in (low, high))
        out: Tensor = left * (1 - share) + right * share
        return out
    matrix = np.zeros((length, count), kind)
    columns = np.arange(count)
    matrix[low, columns] = 1 - weight
    matrix[high, columns] += weight
    rows = x.movedim(dim, -1)
    if own == np.uint8:
        return wrap(_bytes(rows._array, matrix)).movedim(-1, dim)
    return (rows @ wrap(matrix.astype(own))).movedim(-1, dim)


def _bytes(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Multiply bytes with weights of 16 bits, as PyTorch does, and round: halves go up."""
    bits = 14 if matrix.max() > 1 - 2.0**-16 else 15
    steps = np.floor(matrix * np.float64(2**bits) + 0.5)
    out: np.ndarray = np.floor((rows @ steps + 2 ** (bits - 1)) / 2**bits).astype(np.uint8)
    return out


@named
def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return :func:`interpolate` of the input: PyTorch's older name for it."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@named
@copying
@one_node("PixelShuffleBackward0")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Turn groups of channels into pixels: (*, C r², H, W) to (*, C, H r, W r).

    Follows ``torch.nn.functional.pixel_shuffle``.

    Raises
    ------
    RuntimeError
        When the number of channels isn't divisible by the factor's square.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> pixel_shuffle(arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    r = as_int("pixel_shuffle", "upscale_factor", upscale_factor)
    if input.ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise RuntimeError(
            f"pixel_shuffle: an input of shape {list(input.shape)} needs channels (its third "
            f"dimension from the end) divisible by upscale_factor² = {r * r}"
        )
    *lead, channels, h, w = input.shape
    n = len(lead)
    split = input.reshape(*lead, channels // (r * r), r, r, h, w)
    order = (*range(n + 1), n + 3, n + 1, n + 4, n + 2)
    return split.permute(order).reshape(*lead, channels // (r * r), h * r, w * r)


@named
@copying
@one_node("PixelUnshuffleBackward0")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Turn pixels into channels: (*, C, H r, W r) to (*, C r², H, W).

    Follows ``torch.nn.functional.pixel_unshuffle``.

    Raises
    ------
    RuntimeError
        When height or width isn't divisible by the factor.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> pixel_unshuffle(arange(4.0).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    r = as_int("pixel_unshuffle", "downscale_factor", downscale_factor)
    if input.ndim < 3 or r < 1 or input.shape[-1] % r or input.shape[-2] % r:
        raise RuntimeError(
            f"pixel_unshuffle: an input of shape {list(input.shape)} needs height and width "
            f"divisible by downscale_factor = {r}"
        )
    *lead, channels, h, w = input.shape
    n = len(lead)
    split = input.reshape(*lead, channels, h // r, r, w // r, r)
    order = (*range(n + 1), n + 2, n + 4, n + 1, n + 3)
    return split.permute(order).reshape(*lead, channels * r * r, h // r, w // r)


@named
@copying
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels of (N, C, ...).

    Follows ``torch.nn.functional.channel_shuffle``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> channel_shuffle(arange(4.0).reshape(1, 4, 1, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    if input.ndim < 3 or groups < 1 or input.shape[1] % groups:
        raise RuntimeError(
            f"channel_shuffle: an input of shape {list(input.shape)} needs channels divisible by "
            f"groups = {groups}"
        )
    n, channels, *size = input.shape
    split = input.reshape(n, groups, channels // groups, *size)
    return split.transpose(1, 2).reshape(input.shape)
