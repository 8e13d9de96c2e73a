"""Convolution, transposed convolution, and the windows that both are made of."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.nn.functional.padding import pad
from tinygrad_mnist.nn.functional.spatial import Size, batched, per_dim
from tinygrad_mnist.ops.windows import count
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named


def _conv(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
) -> Any:
    name = f"conv{dims}d"
    steps = per_dim(name, "stride", stride, dims)
    spread = per_dim(name, "dilation", dilation, dims)
    _check_weight(name, weight, dims)
    if padding == "same":
        if any(s != 1 for s in steps):
            raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
        total = [d * (k - 1) for d, k in zip(spread, weight.shape[2:], strict=True)]
        widths = [n for t in reversed(total) for n in (t // 2, t - t // 2)]
    elif isinstance(padding, str):
        if padding != "valid":
            raise RuntimeError(f"{name}: padding is 'same', 'valid' or a number, got {padding!r}")
        widths = [0] * (2 * dims)
    else:
        each = per_dim(name, "padding", padding, dims)
        if min(each) < 0:
            raise RuntimeError(f"{name}: negative padding is not supported, got {padding}")
        widths = [n for p in reversed(each) for n in (p, p)]

    def run(x: Tensor) -> Any:
        return apply(
            ops.conv, pad(x, widths), weight, bias, stride=steps, dilation=spread, groups=groups
        )

    return batched(name, input, dims, run)


def _check_weight(name: str, weight: Tensor, dims: int) -> None:
    if weight.ndim != dims + 2:
        raise RuntimeError(
            f"{name}: expected a weight of {dims + 2} dimensions, got shape {list(weight.shape)}"
        )


@named
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    r"""Cross-correlate signals (N, C, L) with kernels (O, C / groups, K): (N, O, positions).

    .. math:: y_{noi} = b_o + \sum_{ck} x_{n,c,si+dk} w_{ock}

    Follows ``torch.nn.functional.conv1d``; errors are those of :func:`conv2d`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> conv1d(tensor([[[1.0, 2.0, 4.0]]]), tensor([[[-1.0, 1.0]]]))
    tensor([[[1., 2.]]])
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)  # type: ignore[no-any-return]


@named
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    r"""Cross-correlate images (N, C, H, W) with kernels (O, C / groups, K, L).

    .. math:: y_{noij} = b_o + \sum_{ckl} x_{n,c,si+dk,sj+dl} w_{ockl}

    With padding p there are :math:`\lfloor (H + 2p - d (K - 1) - 1) / s \rfloor + 1` positions
    along a dimension; ``"same"`` keeps the size, ``"valid"`` is no padding. Follows
    ``torch.nn.functional.conv2d``.

    Raises
    ------
    RuntimeError
        When channels, groups, dtypes or dimensions don't fit, or a window is larger than the
        padded image.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> conv2d(ones(1, 1, 3, 3), ones(1, 1, 3, 3), padding="same")
    tensor([[[[4., 6., 4.],
              [6., 9., 6.],
              [4., 6., 4.]]]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)  # type: ignore[no-any-return]


@named
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate volumes (N, C, D, H, W) with kernels; see :func:`conv2d`."""
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)  # type: ignore[no-any-return]


def _conv_transpose(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> Any:
    name = f"conv_transpose{dims}d"
    steps, spread = (
        per_dim(name, what, value, dims)
        for what, value in (("stride", stride), ("dilation", dilation))
    )
    around = per_dim(name, "padding", padding, dims)
    extra = per_dim(name, "output_padding", output_padding, dims)
    _check_weight(name, weight, dims)
    if min(around) < 0 or min(extra) < 0:
        raise RuntimeError(f"{name}: padding {padding} and {output_padding} must not be negative")
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, spread, strict=True)):
        raise RuntimeError(
            f"{name}: output_padding {output_padding} must be smaller than stride {stride} or "
            f"dilation {dilation}"
        )
    channels, kind = weight.shape[1] * groups, weight.dtype
    if bias is not None and (bias.shape != (channels,) or bias.dtype != kind):
        raise RuntimeError(
            f"{name}: the bias must have shape [{channels}] and the weight's dtype {kind}, but has "
            f"{list(bias.shape)} and {bias.dtype}"
        )

    def run(x: Tensor) -> Any:
        reach = [
            (n - 1) * s + d * (k - 1) + 1 + e
            for n, s, d, k, e in zip(
                x.shape[2:], steps, spread, weight.shape[2:], extra, strict=True
            )
        ]
        if any(n < 2 * p for n, p in zip(reach, around, strict=True)):
            raise RuntimeError(f"{name}: padding {padding} leaves nothing of a size of {reach}")
        out = apply(
            ops.conv_input, x, weight,
            size=tuple(reach), stride=steps, dilation=spread, groups=groups,
        )  # fmt: skip
        out = pad(out, [n for p in reversed(around) for n in (-p, -p)])
        return out if bias is None else out + bias.reshape((-1,) + (1,) * dims)

    return batched(name, input, dims, run)


@named
@one_node("ConvolutionBackward0")
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Apply the transpose of :func:`conv1d` to (N, C, L); see :func:`conv_transpose2d`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> conv_transpose1d(tensor([[[1.0, 2.0]]]), tensor([[[1.0, 10.0]]]), stride=2)
    tensor([[[ 1., 10.,  2., 20.]]])
    """
    return _conv_transpose(  # type: ignore[no-any-return]
        1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@named
@one_node("ConvolutionBackward0")
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    r"""Apply the transpose of :func:`conv2d`: the derivative of a convolution by its images.

    Input (N, C, H, W), weight (C, O / groups, K, L). There are
    :math:`(H - 1) s - 2p + d (K - 1) + e + 1` positions along a dimension, with e the
    output_padding. Follows ``torch.nn.functional.conv_transpose2d``.

    Raises
    ------
    RuntimeError
        When channels, groups, dtypes or dimensions don't fit.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> conv_transpose2d(ones(1, 1, 2, 2), ones(1, 1, 2, 2))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    return _conv_transpose(  # type: ignore[no-any-return]
        2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@named
@one_node("Im2ColBackward0")
def unfold(
    input: Tensor,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Tensor:
    """Return the windows of images (N, C, H, W) as columns: (N, C * K * L, positions).

    Follows ``torch.nn.functional.unfold``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> unfold(arange(6.0).reshape(1, 1, 2, 3), (2, 2))
    tensor([[[0., 1.],
             [1., 2.],
             [3., 4.],
             [4., 5.]]])
    """
    kernel, spread, around, steps = _window_settings(
        "unfold", kernel_size, dilation, padding, stride
    )

    def run(x: Tensor) -> Any:
        widths = [n for p in reversed(around) for n in (p, p)]
        out = apply(ops.windows, pad(x, widths), kernel=kernel, stride=steps, dilation=spread)
        # A view of windows overlaps itself, which users must not see: this is always a copy.
        return out.permute(0, 1, 4, 5, 2, 3).clone().flatten(4).flatten(1, 3)

    return batched("unfold", input, 2, run)  # type: ignore[no-any-return]


@named
@one_node("Col2ImBackward0")
def fold(
    input: Tensor,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Tensor:
    """Add windows given as columns (N, C * K * L, positions) up to images (N, C, H, W).

    Follows ``torch.nn.functional.fold``; the transpose of :func:`unfold`.

    Raises
    ------
    RuntimeError
        When there are not as many columns as an image of that size has windows, or their length
        is no multiple of a window's.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> fold(ones(1, 4, 2), (2, 3), (2, 2))
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    kernel, spread, around, steps = _window_settings("fold", kernel_size, dilation, padding, stride)
    size = tuple(
        n + 2 * p
        for n, p in zip(per_dim("fold", "output_size", output_size, 2), around, strict=True)
    )
    counts = tuple(map(count, size, kernel, steps, spread))
    each = kernel[0] * kernel[1]

    def run(columns: Tensor) -> Any:
        n, rows, positions = columns.shape
        if min(counts) < 1 or rows % each or positions != counts[0] * counts[1]:
            raise RuntimeError(
                f"fold: an image of size {output_size} has {counts[0]} x {counts[1]} windows of "
                f"{each} elements each, which doesn't fit an input of shape {[n, rows, positions]}"
            )
        parts = columns.reshape(n, rows // each, *kernel, *counts).permute(0, 1, 4, 5, 2, 3)
        out = apply(ops.overlap_add, parts, size=size, stride=steps, dilation=spread)
        return pad(out, [n for p in reversed(around) for n in (-p, -p)])

    return batched("fold", input, 1, run)  # type: ignore[no-any-return]


def _window_settings(
    name: str, kernel: Size, dilation: Size, padding: Size, stride: Size
) -> list[tuple[int, ...]]:
    given = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    read = {what: per_dim(name, what, value, 2) for what, value in given.items()}
    for what, numbers in read.items():
        if min(numbers) < (what != "padding"):
            raise RuntimeError(f"{name}: {what} {given[what]} is too small")
    return list(read.values())
