"""Other sizes for images, pixels that change places with channels, and places between pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d
from tinygrad_mnist.nn.spatial import Ints, per_dim
from tinygrad_mnist.tensor import Tensor, linspace, ones, stack, where
from tinygrad_mnist.tensor.arguments import as_int, as_lengths, copying, named
from tinygrad_mnist.tensor.precision import in_float32

Factors = float | Sequence[float]
ResizeMode: TypeAlias = Literal["nearest", "nearest-exact", "linear", "bilinear", "area"]

_LINEAR = {"linear": 1, "bilinear": 2}


@named
@copying
@in_float32
def interpolate(
    input: Tensor,
    size: Ints | None = None,
    scale_factor: Factors | None = None,
    mode: ResizeMode = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Bring images or signals to another size, which is given or a multiple of theirs.

    Follows ``torch.nn.functional.interpolate``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, L) or (N, C, H, W).
    size
        The size: one number, or one for each dimension.
    scale_factor
        How many times its own size, instead: one number, or one for each dimension.
    mode
        ``"nearest"``, ``"nearest-exact"``, ``"linear"`` (N, C, L), ``"bilinear"`` (N, C, H, W) or
        ``"area"``, the mean.
    align_corners
        Whether the outermost elements' centres stay where they are, instead of the borders.
    recompute_scale_factor
        Whether the factor is that of the sizes, which are whole.
    antialias
        Not offered; leave it False.

    Returns
    -------
    A tensor of shape (N, C, L') or (N, C, H', W').

    Raises
    ------
    ValueError
        When both size and scale_factor are given, or none; when align_corners doesn't go with the
        mode.
    NotImplementedError
        For another mode, for three spatial dimensions, and for antialias.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.tensor([[[1.0, 3.0]]])
    >>> F.interpolate(x, scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    >>> F.interpolate(x, size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    dims = input.ndim - 2
    if not 1 <= dims <= 2:
        raise NotImplementedError(
            f"expected an input of shape (N, C, L) or (N, C, H, W), got {list(input.shape)}"
        )
    if mode not in ("nearest", "nearest-exact", "area", *_LINEAR):
        raise NotImplementedError(
            f"mode {mode!r} isn't offered; the modes are 'nearest', 'nearest-exact', 'area', "
            f"'linear' (N, C, L) and 'bilinear' (N, C, H, W)"
        )
    if _LINEAR.get(mode, dims) != dims:
        raise NotImplementedError(f"mode {mode!r} isn't for {input.ndim} dimensions")
    if align_corners is not None and mode not in _LINEAR:
        raise ValueError(f"align_corners is for linear modes, not for {mode!r}")
    if antialias:
        raise NotImplementedError("antialias isn't offered")
    if (size is None) == (scale_factor is None):
        raise ValueError("give either size or scale_factor")
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is for scale_factor, not for size")
    kind = input._array.dtype
    if kind.kind != "f" and not (kind == np.uint8 and mode != "linear"):
        raise NotImplementedError(
            f"mode {mode!r} is not implemented for {input.dtype}; convert with float()"
        )
    lengths = input.shape[2:]
    factors: list[float | None] = [None] * dims
    if size is not None:
        wanted = per_dim("size", size, dims)
    else:
        given: Any = scale_factor
        given = list(given) if isinstance(given, tuple | list) else [given] * dims
        if len(given) != dims:
            raise ValueError(f"needs {dims} scale factors, got {scale_factor}")
        wanted = tuple(int(np.floor(n * f)) for n, f in zip(lengths, given, strict=True))
        if not recompute_scale_factor:
            factors = [float(f) for f in given]
    if min(*wanted, *lengths) < 1:
        raise RuntimeError(f"can't bring size {list(lengths)} to {list(wanted)}")
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
        return left * (1 - share) + right * share
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
    size: Ints | None = None,
    scale_factor: Factors | None = None,
    mode: ResizeMode = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return :func:`interpolate` of the input: PyTorch's older name for it.

    Follows ``torch.nn.functional.upsample``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, L) or (N, C, H, W).
    size, scale_factor, mode, align_corners
        As in :func:`interpolate`.

    Returns
    -------
    A tensor of the new size.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.upsample(torch.tensor([[[1.0, 3.0]]]), scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


@named
def upsample_nearest(
    input: Tensor, size: Ints | None = None, scale_factor: Factors | None = None
) -> Tensor:
    """Return ``interpolate(mode="nearest")``, its newer name, with a warning.

    Follows ``torch.nn.functional.upsample_nearest``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, L) or (N, C, H, W).
    size, scale_factor
        As in :func:`interpolate`.

    Returns
    -------
    A tensor of the new size.

    Examples
    --------
    >>> import warnings
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> with warnings.catch_warnings(action="ignore"):
    ...     F.upsample_nearest(torch.tensor([[[1.0, 3.0]]]), scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    """
    warn("upsample_nearest is deprecated in PyTorch; use interpolate")
    return interpolate(input, size, scale_factor, mode="nearest")


@named
def upsample_bilinear(
    input: Tensor, size: Ints | None = None, scale_factor: Factors | None = None
) -> Tensor:
    """Return ``interpolate(mode="bilinear", align_corners=True)``, its newer name.

    Follows ``torch.nn.functional.upsample_bilinear``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, H, W).
    size, scale_factor
        As in :func:`interpolate`.

    Returns
    -------
    A tensor of the new size.

    Examples
    --------
    >>> import warnings
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> with warnings.catch_warnings(action="ignore"):
    ...     F.upsample_bilinear(torch.tensor([[[[1.0, 3.0]]]]), size=(1, 3))
    tensor([[[[1., 2., 3.]]]])
    """
    warn("upsample_bilinear is deprecated in PyTorch; use interpolate")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


class Upsample(Module):
    """Bring images or signals to another size, which is given or a multiple of theirs.

    Shapes: input (N, C, L) or (N, C, H, W), output of the new size. Follows ``torch.nn.Upsample``.

    Parameters
    ----------
    size, scale_factor, mode, align_corners, recompute_scale_factor
        As in :func:`nn.functional.interpolate`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Upsample(scale_factor=2)(torch.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    def __init__(
        self,
        size: Ints | None = None,
        scale_factor: Factors | None = None,
        mode: ResizeMode = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        given: Any = scale_factor
        if given is not None:
            given = tuple(map(float, given)) if isinstance(given, tuple) else float(given)
        self.size = size
        self.scale_factor: Factors | None = given
        self.mode: ResizeMode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners,
            self.recompute_scale_factor,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Return the settings."""
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Upsample images by repeating pixels.

    Shapes: input (N, C, H, W), output (N, C, H', W'). Follows ``torch.nn.UpsamplingNearest2d``.

    Parameters
    ----------
    size
        Height and width: one number for both, or two.
    scale_factor
        How many times their own size, instead.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.UpsamplingNearest2d(scale_factor=2)(torch.ones(1, 1, 2, 3)).shape
    torch.Size([1, 1, 4, 6])
    """

    def __init__(self, size: Ints | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Upsample images by bilinear interpolation; their corners stay where they are.

    Shapes: input (N, C, H, W), output (N, C, H', W'). Follows ``torch.nn.UpsamplingBilinear2d``.

    Parameters
    ----------
    size
        Height and width: one number for both, or two.
    scale_factor
        How many times their own size, instead.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.UpsamplingBilinear2d(size=(1, 3))(torch.tensor([[[[1.0, 3.0]]]]))
    tensor([[[[1., 2., 3.]]]])
    """

    def __init__(self, size: Ints | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


@named
@copying
@node_name("PixelShuffleBackward0")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Turn groups of channels into pixels (Shi et al., 2016).

    Follows ``torch.nn.functional.pixel_shuffle``.

    Parameters
    ----------
    input
        A tensor of shape (*, C r², H, W).
    upscale_factor
        r.

    Returns
    -------
    A tensor of shape (*, C, H r, W r).

    Raises
    ------
    RuntimeError
        When the number of channels isn't divisible by the factor's square.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.pixel_shuffle(torch.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    r = as_int("upscale_factor", upscale_factor)
    if input.ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise RuntimeError(
            f"an input of shape {list(input.shape)} needs channels (its third dimension from the "
            f"end) divisible by upscale_factor² = {r * r}"
        )
    *lead, channels, h, w = input.shape
    n = len(lead)
    split = input.reshape(*lead, channels // (r * r), r, r, h, w)
    order = (*range(n + 1), n + 3, n + 1, n + 4, n + 2)
    return split.permute(order).reshape(*lead, channels // (r * r), h * r, w * r)


class PixelShuffle(Module):
    """Turn groups of channels into pixels (Shi et al., 2016).

    Shapes: input (*, C r², H, W), output (*, C, H r, W r). Follows ``torch.nn.PixelShuffle``.

    Parameters
    ----------
    upscale_factor
        How many times as high and wide the image becomes, r.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.PixelShuffle(3)(torch.ones(1, 9, 4, 4)).shape
    torch.Size([1, 1, 12, 12])
    """

    _shown = "upscale_factor="

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return (*, C, H r, W r)."""
        return pixel_shuffle(input, self.upscale_factor)


@named
@copying
@node_name("PixelUnshuffleBackward0")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Turn pixels into channels: the reverse of :func:`pixel_shuffle`.

    Follows ``torch.nn.functional.pixel_unshuffle``.

    Parameters
    ----------
    input
        A tensor of shape (*, C, H r, W r).
    downscale_factor
        r.

    Returns
    -------
    A tensor of shape (*, C r², H, W).

    Raises
    ------
    RuntimeError
        When height or width isn't divisible by the factor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.pixel_unshuffle(torch.arange(4.0).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    r = as_int("downscale_factor", downscale_factor)
    if input.ndim < 3 or r < 1 or input.shape[-1] % r or input.shape[-2] % r:
        raise RuntimeError(
            f"an input of shape {list(input.shape)} needs height and width "
            f"divisible by downscale_factor = {r}"
        )
    *lead, channels, h, w = input.shape
    n = len(lead)
    split = input.reshape(*lead, channels, h // r, r, w // r, r)
    order = (*range(n + 1), n + 2, n + 4, n + 1, n + 3)
    return split.permute(order).reshape(*lead, channels * r * r, h // r, w // r)


class PixelUnshuffle(Module):
    """Turn pixels into channels: the reverse of :class:`PixelShuffle`.

    Shapes: input (*, C, H r, W r), output (*, C r², H, W). Follows ``torch.nn.PixelUnshuffle``.

    Parameters
    ----------
    downscale_factor
        How many times less high and wide the image becomes, r.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.PixelUnshuffle(3)(torch.ones(1, 1, 12, 12)).shape
    torch.Size([1, 9, 4, 4])
    """

    _shown = "downscale_factor="

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return (*, C r², H, W)."""
        return pixel_unshuffle(input, self.downscale_factor)


@named
@copying
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave groups of channels: the first of each, then the second of each, and so on.

    Follows ``torch.nn.functional.channel_shuffle``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, ...).
    groups
        How many groups there are; it divides C.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.channel_shuffle(torch.arange(4.0).reshape(1, 4, 1, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    if input.ndim < 3 or groups < 1 or input.shape[1] % groups:
        raise RuntimeError(
            f"an input of shape {list(input.shape)} needs channels divisible by groups = {groups}"
        )
    n, channels, *size = input.shape
    split = input.reshape(n, groups, channels // groups, *size)
    return split.transpose(1, 2).reshape(input.shape)


class ChannelShuffle(Module):
    """Interleave groups of channels: the first of each, then the second of each, and so on.

    Shapes: input and output (N, C, ...). Follows ``torch.nn.ChannelShuffle``.

    Parameters
    ----------
    groups
        How many groups there are; it divides C.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ChannelShuffle(2)(torch.arange(4.0).reshape(1, 4, 1, 1)).flatten()
    tensor([0., 2., 1., 3.])
    """

    _shown = "groups="

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return channel_shuffle(input, self.groups)


@named
def affine_grid(
    theta: Tensor, size: Sequence[int] | Tensor, align_corners: bool | None = None
) -> Tensor:
    """Return where affine maps take the pixels of an image: coordinates from -1 to 1.

    Follows ``torch.nn.functional.affine_grid``.

    Parameters
    ----------
    theta
        The maps, of shape (N, 2, 3).
    size
        The image's (N, C, H, W).
    align_corners
        Whether -1 and 1 are the centres of the outermost pixels, instead of their edges.

    Returns
    -------
    Places x and y, of shape (N, H, W, 2).

    Raises
    ------
    NotImplementedError
        For volumes.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.affine_grid(torch.eye(2, 3).unsqueeze(0), (1, 1, 1, 2))[0, 0]
    tensor([[-0.5000,  0.0000],
            [ 0.5000,  0.0000]])
    """
    size = as_lengths(tuple(size))
    if len(size) != 4 or tuple(theta.shape) != (size[0], 2, 3):
        raise NotImplementedError(
            f"for images of shape (N, C, H, W), theta has shape (N, 2, 3); got {list(size)} and "
            f"{list(theta.shape)}"
        )
    _, _, height, width = size

    def centres(n: int) -> Tensor:
        if n == 1:
            return theta.new_zeros(1)
        line = linspace(-1, 1, n, dtype=theta.dtype)
        return line if align_corners else line * (n - 1) / n

    x = centres(width).expand(height, width)
    y = centres(height).unsqueeze(1).expand(height, width)
    base = stack([x, y, ones(height, width, dtype=theta.dtype)], -1).reshape(1, -1, 3)
    return (base @ theta.mT).reshape(size[0], height, width, 2)


@named
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: Literal["bilinear", "nearest"] = "bilinear",
    padding_mode: Literal["zeros", "border", "reflection"] = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return the values of images at places between their pixels.

    Follows ``torch.nn.functional.grid_sample``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W).
    grid
        Places x and y, each from -1 to 1, of shape (N, P, Q, 2).
    mode
        ``"bilinear"``, or ``"nearest"``: the nearest pixel's value.
    padding_mode
        What is outside of the image: ``"zeros"``, its ``"border"``, or its ``"reflection"``.
    align_corners
        Whether -1 and 1 are the centres of the outermost pixels, instead of their edges.

    Returns
    -------
    A tensor of shape (N, C, P, Q).

    Raises
    ------
    NotImplementedError
        For volumes, and for ``mode="bicubic"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> F.grid_sample(image, torch.tensor([[[[0.0, 0.0]]]]))
    tensor([[[[2.5000]]]])
    """
    if input.ndim != 4 or mode not in ("bilinear", "nearest"):
        raise NotImplementedError(
            f"offered for images (N, C, H, W), and mode 'bilinear' or 'nearest'; got shape "
            f"{list(input.shape)} and {mode!r}"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"padding_mode is 'zeros', 'border' or 'reflection', not {padding_mode!r}")
    count, channels, height, width = input.shape
    if grid.ndim != 4 or grid.shape[0] != count or grid.shape[3] != 2:
        raise RuntimeError(f"expected a grid of shape [{count}, P, Q, 2], got {list(grid.shape)}")
    pixels = input.flatten(2)

    def place(coordinate: Tensor, n: int) -> Tensor:
        """Return a coordinate in pixels, moved into the image where that is asked for."""
        x = (coordinate + 1) * ((n - 1) / 2) if align_corners else ((coordinate + 1) * n - 1) / 2
        if padding_mode == "reflection":
            first = 0.0 if align_corners else -0.5
            x = _reflected(x, first, n - 1 - first)
        return x if padding_mode == "zeros" else x.clamp(0, n - 1)

    def pick(x: Tensor, y: Tensor) -> Tensor:
        """Return the values of pixels, which are 0 outside of the image."""
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        row, column = (where(inside, place, 0.0).long() for place in (y, x))  # no NaN
        number = row * width + column
        found = pixels.gather(2, number.reshape(count, 1, -1).expand(-1, channels, -1))
        return where(inside.unsqueeze(1), found.reshape(count, channels, *x.shape[1:]), 0.0)

    x, y = place(grid[..., 0], width), place(grid[..., 1], height)
    if mode == "nearest":
        return pick(x.detach().round(), y.detach().round())
    left, top = x.detach().floor(), y.detach().floor()
    first, *rest = (
        pick(left + i, top + j) * (column * row).unsqueeze(1)
        for i, column in enumerate((1 - (x - left), x - left))
        for j, row in enumerate((1 - (y - top), y - top))
    )
    return sum(rest, first)


def _reflected(x: Tensor, first: float, last: float) -> Tensor:
    """Reflect numbers at two points until they lie between them."""
    span = last - first
    if span == 0:
        return x * 0
    away = (x - first).abs()
    turns = (away.detach() / span).floor()
    rest = away - turns * span
    return where(turns % 2 == 0, rest + first, last - rest)
