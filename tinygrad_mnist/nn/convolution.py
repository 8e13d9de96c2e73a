"""Convolution, transposed convolution, and the windows that both are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.layer import Layer
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.padding import pad, padded
from tinygrad_mnist.nn.parameter import MaybeTensor, Parameter
from tinygrad_mnist.nn.spatial import Ints, as_batch, for_each_dim, per_dim
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.ops.windows import window_count
from tinygrad_mnist.tensor import Tensor, empty
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.device import DeviceLike

Padding: TypeAlias = Ints | Literal["same", "valid"]
PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]


def _conv(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    r"""Cross-correlate images, signals or volumes with kernels.

    .. math:: y_{noij} = b_o + \sum_{ckl} x_{n,c,si+dk,sj+dl} w_{ockl}

    Each output channel o is a weighted sum over a window of all input channels. With padding p
    there are :math:`\lfloor (H + 2p - d (K - 1) - 1) / s \rfloor + 1` positions along a dimension.

    Follows ``torch.nn.functional.conv1d``, ``conv2d`` and ``conv3d``.

    Parameters
    ----------
    input
        Images x, of shape (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W); N may be left
        out.
    weight
        Kernels w, of shape (O, C / groups, K, L), and likewise with one or three lengths.
    bias
        b, of shape (O).
    stride
        The step s from window to window: one number, or one for each dimension.
    padding
        How many zeros to put around the images, at each side; ``"same"`` keeps the size,
        ``"valid"`` is none.
    dilation
        The step d from element to element of a window.
    groups
        Into how many groups the channels are divided; a group sees only its own.

    Returns
    -------
    A tensor of shape (N, O, H', W'), and likewise with one or three lengths.

    Raises
    ------
    RuntimeError
        When channels, groups, dtypes or dimensions don't fit, or a window is larger than the
        padded image.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3), padding="same")
    tensor([[[[4., 6., 4.],
              [6., 9., 6.],
              [4., 6., 4.]]]])
    >>> F.conv1d(torch.tensor([[[1.0, 2.0, 4.0]]]), torch.tensor([[[-1.0, 1.0]]]))  # differences
    tensor([[[1., 2.]]])
    >>> F.conv3d(torch.ones(1, 2, 4, 4, 4), torch.ones(5, 2, 3, 3, 3)).shape
    torch.Size([1, 5, 2, 2, 2])
    """
    steps = per_dim("stride", stride, dims)
    spread = per_dim("dilation", dilation, dims)
    _check_weight(weight, dims)
    widths = _widths(padding, weight.shape[2:], steps, spread)
    if min(widths) < 0:
        raise RuntimeError(f"negative padding is not supported, got {padding}")
    x, single = as_batch(input, dims)
    around = tuple(zip(widths[::2], widths[1::2], strict=True))[::-1]
    out = apply(
        ops.conv, x, weight, bias, stride=steps, padding=around, dilation=spread, groups=groups
    )
    return out.squeeze(0) if single else out


def _widths(
    padding: Padding,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    refusal: type[Exception] = RuntimeError,
) -> list[int]:
    """Return how many elements to put around images, as :func:`pad` reads them."""
    if padding == "same":
        if any(s != 1 for s in stride):
            raise refusal("padding='same' is not supported for strided convolutions")
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [n for t in reversed(total) for n in (t // 2, t - t // 2)]
    if isinstance(padding, str):
        if padding != "valid":
            raise refusal(f"padding is 'same', 'valid' or a number, got {padding!r}")
        padding = 0
    return [n for p in reversed(per_dim("padding", padding, len(stride))) for n in (p, p)]


def _check_weight(weight: Tensor, dims: int) -> None:
    if weight.ndim != dims + 2:
        raise RuntimeError(
            f"expected a weight of {dims + 2} dimensions, got shape {list(weight.shape)}"
        )


conv1d, conv2d, conv3d = for_each_dim(_conv, "conv{}d")


class _Convolution(Layer):
    """Settings and parameters of convolutions and transposed convolutions, and their printing."""

    transposed = False
    weight: Tensor
    bias: MaybeTensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints,
        padding: Padding,
        dilation: Ints,
        output_padding: Ints,
        groups: int,
        bias: bool,
        padding_mode: PaddingMode,
        device: DeviceLike | None,
        dtype: DTypeLike | None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError(f"groups must be a positive integer, got {groups}")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels < 1 or channels % groups:
                raise ValueError(
                    f"{name} must be positive and divisible by groups, got {channels} and {groups}"
                )
        if padding_mode not in (modes := get_args(PaddingMode)):
            raise ValueError(f"padding_mode must be one of {modes}, got {padding_mode!r}")
        dims = self.dims
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_dim("kernel_size", kernel_size, dims)
        self.stride = per_dim("stride", stride, dims)
        self.dilation = per_dim("dilation", dilation, dims)
        _widths(padding, self.kernel_size, self.stride, self.dilation, ValueError)
        self.padding: Padding = (
            padding if isinstance(padding, str) else per_dim("padding", padding, dims)
        )
        self.output_padding = per_dim("output_padding", output_padding, dims)
        self.groups = groups
        self.padding_mode: PaddingMode = padding_mode
        first, second = (
            (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        )
        shape = (first, second // groups, *self.kernel_size)
        self.weight = Parameter(empty(*shape, device=device, dtype=dtype))
        made = Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            init.uniform_(self.bias, -bound, bound)


class _Conv(_Convolution):
    _shown = (
        "in_channels out_channels kernel_size= stride= padding? dilation? groups? bias? "
        "padding_mode?"
    )

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Padding = 0,
        dilation: Ints = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        padding: Padding = self.padding
        if self.padding_mode != "zeros":
            around = _widths(padding, self.kernel_size, self.stride, self.dilation)
            input, padding = pad(input, around, self.padding_mode), "valid"
        return self._call(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv1d(_Conv, call=conv1d, dims=1):
    """Convolution of signals with learned kernels; the equation is that of :class:`Conv2d`.

    The parameters are ``weight``, of shape (O, C / groups, K), and ``bias``.

    Shapes: input (N, C, L) or (C, L), output (N, O, L'). Follows ``torch.nn.Conv1d``.

    Parameters
    ----------
    in_channels, out_channels
        The numbers of channels C and O.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window.
    padding
        How many elements to put around the input, at each side; ``"same"`` keeps the size,
        ``"valid"`` is none.
    dilation
        The step from element to element of a window.
    groups
        Into how many groups the channels are divided; a group sees only its own.
    bias
        Whether there is a bias, of shape (O).
    padding_mode
        What is put around: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``; see
        :func:`nn.functional.pad`.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Conv1d(16, 33, 3, stride=2)(torch.ones(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """


class Conv2d(_Conv, call=conv2d, dims=2):
    r"""Convolution of images with learned kernels.

    .. math:: y_{noij} = b_o + \sum_{ckl} x_{n,c,si+dk,sj+dl} w_{ockl}

    The parameters are ``weight``, of shape (O, C / groups, K, L), and ``bias``; both start uniform
    between :math:`\pm 1/\sqrt{\text{fan in}}`, the fan in being C / groups times K L.

    Shapes: input (N, C, H, W) or (C, H, W), output (N, O, H', W'), with
    :math:`H' = \lfloor (H + 2p - d (K - 1) - 1) / s \rfloor + 1`. Follows ``torch.nn.Conv2d``.

    Parameters
    ----------
    in_channels, out_channels
        The numbers of channels C and O.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window.
    padding
        How many elements to put around the input, at each side; ``"same"`` keeps the size,
        ``"valid"`` is none.
    dilation
        The step from element to element of a window.
    groups
        Into how many groups the channels are divided; a group sees only its own.
    bias
        Whether there is a bias, of shape (O).
    padding_mode
        What is put around: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``; see
        :func:`nn.functional.pad`.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Raises
    ------
    ValueError
        When channels aren't divisible by groups, or the padding or its mode is unknown.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Conv2d(1, 32, 3, padding="same")(torch.ones(64, 1, 28, 28)).shape
    torch.Size([64, 32, 28, 28])
    >>> nn.Conv2d(1, 32, 5, stride=2)(torch.ones(64, 1, 28, 28)).shape
    torch.Size([64, 32, 12, 12])
    """


class Conv3d(_Conv, call=conv3d, dims=3):
    """Convolution of volumes with learned kernels; the equation is that of :class:`Conv2d`.

    The parameters are ``weight``, of shape (O, C / groups, K, L, M), and ``bias``.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output (N, O, D', H', W'). Follows
    ``torch.nn.Conv3d``.

    Parameters
    ----------
    in_channels, out_channels
        The numbers of channels C and O.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window.
    padding
        How many elements to put around the input, at each side; ``"same"`` keeps the size,
        ``"valid"`` is none.
    dilation
        The step from element to element of a window.
    groups
        Into how many groups the channels are divided; a group sees only its own.
    bias
        Whether there is a bias, of shape (O).
    padding_mode
        What is put around: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``; see
        :func:`nn.functional.pad`.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Conv3d(3, 8, 3, padding=1)(torch.ones(2, 3, 4, 6, 6)).shape
    torch.Size([2, 8, 4, 6, 6])
    """


@node_name("ConvolutionBackward0")
def _conv_transpose(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """Apply the transpose of :func:`conv2d`: the derivative of a convolution by its images.

    Each element of the input adds a kernel, times itself, to the output. With e the output_padding
    there are :math:`(H - 1) s - 2p + d (K - 1) + e + 1` positions along a dimension.

    Follows ``torch.nn.functional.conv_transpose1d``, ``conv_transpose2d`` and ``conv_transpose3d``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W); N may be left
        out.
    weight
        Kernels of shape (C, O / groups, K, L), and likewise with one or three lengths.
    bias
        Of shape (O).
    stride
        The step s from kernel to kernel.
    padding
        How many elements to cut off at each side.
    output_padding
        How many elements to add at one side: less than the stride or the dilation.
    groups
        Into how many groups the channels are divided.
    dilation
        The step d from element to element of a kernel.

    Returns
    -------
    A tensor of shape (N, O, H', W'), and likewise with one or three lengths.

    Raises
    ------
    RuntimeError
        When channels, groups, dtypes or dimensions don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    >>> x, w = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 10.0]]])
    >>> F.conv_transpose1d(x, w, stride=2)
    tensor([[[ 1., 10.,  2., 20.]]])
    >>> F.conv_transpose3d(torch.ones(1, 2, 2, 2, 2), torch.ones(2, 3, 2, 2, 2)).shape
    torch.Size([1, 3, 3, 3, 3])
    """
    steps, spread = per_dim("stride", stride, dims), per_dim("dilation", dilation, dims)
    around = per_dim("padding", padding, dims)
    extra = per_dim("output_padding", output_padding, dims)
    _check_weight(weight, dims)
    if min(around) < 0 or min(extra) < 0:
        raise RuntimeError(f"padding {padding} and {output_padding} must not be negative")
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, spread, strict=True)):
        raise RuntimeError(
            f"output_padding {output_padding} must be smaller than stride {stride} or dilation "
            f"{dilation}"
        )
    channels, kind = weight.shape[1] * groups, weight.dtype
    if bias is not None and (bias.shape != (channels,) or bias.dtype != kind):
        raise RuntimeError(
            f"the bias must have shape [{channels}] and the weight's dtype {kind}, but has "
            f"{list(bias.shape)} and {bias.dtype}"
        )
    x, single = as_batch(input, dims)
    reach = tuple(
        (n - 1) * s + d * (k - 1) + 1 + e
        for n, s, d, k, e in zip(x.shape[2:], steps, spread, weight.shape[2:], extra, strict=True)
    )
    if any(n < 2 * p for n, p in zip(reach, around, strict=True)):
        raise RuntimeError(f"padding {padding} leaves nothing of a size of {list(reach)}")
    size = tuple(n - 2 * p for n, p in zip(reach, around, strict=True))
    borders = tuple((p, p) for p in around)
    out = apply(
        ops.conv_input, x, weight, size=size, stride=steps, padding=borders, dilation=spread,
        groups=groups,
    )  # fmt: skip
    if bias is not None:
        out = out + bias.reshape((-1,) + (1,) * dims)
    return out.squeeze(0) if single else out


def _without_border(images: Tensor, around: Sequence[int]) -> Tensor:
    widths = [-p for p in reversed(around) for _ in range(2)]
    return pad(images, widths) if any(widths) else images


conv_transpose1d, conv_transpose2d, conv_transpose3d = for_each_dim(
    _conv_transpose, "conv_transpose{}d"
)


class _ConvTranspose(_Convolution):
    _shown = (
        "in_channels out_channels kernel_size= stride= padding? dilation? output_padding? groups? "
        "bias?"
    )
    transposed = True
    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Ints = 1,
        padding_mode: PaddingMode = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError('only the padding_mode "zeros" is supported')
        if isinstance(padding, str):
            raise TypeError(f"padding is a number, got {padding!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return the transposed convolution, of one of the possible sizes if one is given."""
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return self._call(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
            self.dilation,
        )  # fmt: skip

    def _extra(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """Return the output_padding that leads to a size."""
        wanted, size = tuple(output_size)[-self.dims :], tuple(input.shape[-self.dims :])
        least = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                size, self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        )
        most = tuple(n + s - 1 for n, s in zip(least, self.stride, strict=True))
        if len(wanted) != self.dims or not all(
            a <= n <= b for a, n, b in zip(least, wanted, most, strict=True)
        ):
            raise ValueError(
                f"{type(self).__name__}: output_size {tuple(output_size)} must be from {least} to "
                f"{most} for an input of size {size}"
            )
        return tuple(n - a for n, a in zip(wanted, least, strict=True))


class ConvTranspose1d(_ConvTranspose, call=conv_transpose1d, dims=1):
    """Transposed convolution of signals: it undoes the change of size of :class:`Conv1d`.

    The parameters are ``weight``, of shape (C, O / groups, K), and ``bias``. What is computed:
    :func:`nn.functional.conv_transpose2d`.

    Shapes: input (N, C, L) or (C, L), output (N, O, L'). Follows ``torch.nn.ConvTranspose1d``.

    Parameters
    ----------
    in_channels, out_channels
        The numbers of channels C and O.
    kernel_size
        The lengths of a kernel: one number, or one for each dimension.
    stride
        The step from kernel to kernel.
    padding
        How many elements to cut off at each side.
    output_padding
        How many elements to add at one side.
    groups
        Into how many groups the channels are divided.
    bias
        Whether there is a bias, of shape (O).
    dilation
        The step from element to element of a kernel.
    padding_mode
        ``"zeros"``, the only one.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ConvTranspose1d(16, 8, 4, stride=2)(torch.ones(1, 16, 7)).shape
    torch.Size([1, 8, 16])
    """


class ConvTranspose2d(_ConvTranspose, call=conv_transpose2d, dims=2):
    """Transposed convolution of images: it undoes the change of size of :class:`Conv2d`.

    The parameters are ``weight``, of shape (C, O / groups, K, L), and ``bias``. What is computed:
    :func:`nn.functional.conv_transpose2d`.

    Shapes: input (N, C, H, W) or (C, H, W), output (N, O, H', W'). Follows
    ``torch.nn.ConvTranspose2d``.

    Parameters
    ----------
    in_channels, out_channels
        The numbers of channels C and O.
    kernel_size
        The lengths of a kernel: one number, or one for each dimension.
    stride
        The step from kernel to kernel.
    padding
        How many elements to cut off at each side.
    output_padding
        How many elements to add at one side.
    groups
        Into how many groups the channels are divided.
    bias
        Whether there is a bias, of shape (O).
    dilation
        The step from element to element of a kernel.
    padding_mode
        ``"zeros"``, the only one.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> up = nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1)
    >>> up(torch.ones(1, 16, 7, 7)).shape
    torch.Size([1, 8, 13, 13])
    >>> up(torch.ones(1, 16, 7, 7), output_size=(14, 14)).shape
    torch.Size([1, 8, 14, 14])
    """


class ConvTranspose3d(_ConvTranspose, call=conv_transpose3d, dims=3):
    """Transposed convolution of volumes: it undoes the change of size of :class:`Conv3d`.

    The parameters are ``weight``, of shape (C, O / groups, K, L, M), and ``bias``. What is
    computed: :func:`nn.functional.conv_transpose2d`.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output (N, O, D', H', W'). Follows
    ``torch.nn.ConvTranspose3d``.

    Parameters
    ----------
    in_channels, out_channels
        The numbers of channels C and O.
    kernel_size
        The lengths of a kernel: one number, or one for each dimension.
    stride
        The step from kernel to kernel.
    padding
        How many elements to cut off at each side.
    output_padding
        How many elements to add at one side.
    groups
        Into how many groups the channels are divided.
    bias
        Whether there is a bias, of shape (O).
    dilation
        The step from element to element of a kernel.
    padding_mode
        ``"zeros"``, the only one.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ConvTranspose3d(4, 2, 2, stride=2)(torch.ones(1, 4, 3, 3, 3)).shape
    torch.Size([1, 2, 6, 6, 6])
    """


@named
@node_name("Im2ColBackward0")
def unfold(
    input: Tensor, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:
    """Return the windows of images as columns: a convolution is then a matrix product.

    Follows ``torch.nn.functional.unfold``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W) or (C, H, W).
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    dilation
        The step from element to element of a window.
    padding
        How many zeros are around the images, at each side.
    stride
        The step from window to window.

    Returns
    -------
    A tensor of shape (N, C * K * L, positions).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.unfold(torch.arange(6.0).reshape(1, 1, 2, 3), (2, 2))
    tensor([[[0., 1.],
             [1., 2.],
             [3., 4.],
             [4., 5.]]])
    """
    kernel, spread, around, steps = _window_settings(kernel_size, dilation, padding, stride)
    x, single = as_batch(input, 2)
    x = padded(x, [p for p in reversed(around) for _ in range(2)])
    out = apply(ops.windows, x, kernel=kernel, stride=steps, dilation=spread)
    # A view of windows overlaps itself, which users must not see: this is always a copy.
    out = out.permute(0, 1, 4, 5, 2, 3).clone().flatten(4).flatten(1, 3)
    return out.squeeze(0) if single else out


@named
@node_name("Col2ImBackward0")
def fold(
    input: Tensor,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Tensor:
    """Add windows given as columns up to images; the transpose of :func:`unfold`.

    Follows ``torch.nn.functional.fold``.

    Parameters
    ----------
    input
        Columns of shape (N, C * K * L, positions), or without N.
    output_size
        The height and width of the images.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    dilation
        The step from element to element of a window.
    padding
        How many zeros are around the images, at each side.
    stride
        The step from window to window.

    Returns
    -------
    A tensor of shape (N, C, H, W).

    Raises
    ------
    RuntimeError
        When there are not as many columns as an image of that size has windows, or their length
        is no multiple of a window's.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.fold(torch.ones(1, 4, 2), (2, 3), (2, 2))
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    kernel, spread, around, steps = _window_settings(kernel_size, dilation, padding, stride)
    whole = per_dim("output_size", output_size, 2)
    size = tuple(n + 2 * p for n, p in zip(whole, around, strict=True))
    counts = tuple(map(window_count, size, kernel, steps, spread))
    each = kernel[0] * kernel[1]
    columns, single = as_batch(input, 1)
    n, rows, positions = columns.shape
    if min(counts) < 1 or rows % each or positions != counts[0] * counts[1]:
        raise RuntimeError(
            f"an image of size {output_size} has {counts[0]} x {counts[1]} windows of {each} "
            f"elements each, which doesn't fit an input of shape {[n, rows, positions]}"
        )
    parts = columns.reshape(n, rows // each, *kernel, *counts).permute(0, 1, 4, 5, 2, 3)
    out = apply(ops.overlap_add, parts, size=size, stride=steps, dilation=spread)
    out = _without_border(out, around)
    return out.squeeze(0) if single else out


def _window_settings(
    kernel: Ints, dilation: Ints, padding: Ints, stride: Ints
) -> list[tuple[int, ...]]:
    given = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    read = {name: per_dim(name, value, 2) for name, value in given.items()}
    for name, numbers in read.items():
        if min(numbers) < (name != "padding"):
            raise RuntimeError(f"{name} {given[name]} is too small")
    return list(read.values())


class Unfold(Module):
    """Windows of images as columns.

    Shapes: input (N, C, H, W), output (N, C * K * L, positions). Follows ``torch.nn.Unfold``.

    Parameters
    ----------
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    dilation
        The step from element to element of a window.
    padding
        How many zeros are around the images, at each side.
    stride
        The step from window to window.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Unfold(3)(torch.ones(2, 5, 8, 8)).shape
    torch.Size([2, 45, 36])
    """

    _shown = "kernel_size= dilation= padding= stride="

    def __init__(
        self, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation = kernel_size, dilation
        self.padding, self.stride = padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(Module):
    """Windows given as columns, added up to images: the transpose of :class:`Unfold`.

    Shapes: input (N, C * K * L, positions), output (N, C, H, W). Follows ``torch.nn.Fold``.

    Parameters
    ----------
    output_size
        The height and width of the images.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    dilation
        The step from element to element of a window.
    padding
        How many zeros are around the images, at each side.
    stride
        The step from window to window.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Fold((8, 8), 3)(torch.ones(2, 45, 36)).shape
    torch.Size([2, 5, 8, 8])
    """

    _shown = "output_size= kernel_size= dilation= padding= stride="

    def __init__(
        self,
        output_size: Ints,
        kernel_size: Ints,
        dilation: Ints = 1,
        padding: Ints = 0,
        stride: Ints = 1,
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )
