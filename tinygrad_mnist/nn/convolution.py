"""Convolutional layers, and layers of windows."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.functional.spatial import Size, per_dim
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.tensor import Tensor, empty

_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What convolutions and transposed ones share: settings, parameters, printing."""

    dims: int
    transposed = False
    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | str,
        dilation: Size,
        output_padding: Size,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        name, dims = type(self).__name__, self.dims
        if groups <= 0:
            raise ValueError(f"{name}: groups must be a positive integer, got {groups}")
        for what, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels < 1 or channels % groups:
                raise ValueError(
                    f"{name}: {what} must be positive and divisible by groups, got {channels} and "
                    f"{groups}"
                )
        if padding_mode not in _MODES:
            raise ValueError(f"{name}: padding_mode must be one of {_MODES}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = per_dim(name, "kernel_size", kernel_size, dims)
        self.stride = per_dim(name, "stride", stride, dims)
        self.dilation = per_dim(name, "dilation", dilation, dims)
        self.padding: tuple[int, ...] | str
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{name}: padding is 'same', 'valid' or a number, got {padding!r}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError(
                    f"{name}: padding='same' is not supported for strided convolutions"
                )
            self.padding = padding
        else:
            self.padding = per_dim(name, "padding", padding, dims)
        self.output_padding = per_dim(name, "output_padding", output_padding, dims)
        self.groups = groups
        self.padding_mode = padding_mode
        first, second = (
            (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        )
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(first, second // groups, *self.kernel_size, **kind))
        if bias:
            self.bias = Parameter(empty(out_channels, **kind))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.weight[0].numel())
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Return the settings."""
        zeros, ones = (0,) * self.dims, (1,) * self.dims
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        ]
        if self.padding != zeros:
            parts.append(f"padding={self.padding}")
        if self.dilation != ones:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != zeros:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _around(self) -> list[int]:
        """Return how many elements to put around the image, as :func:`functional.pad` reads it."""
        if self.padding == "valid":
            return [0] * (2 * self.dims)
        widths = []
        for d in reversed(range(self.dims)):
            if self.padding == "same":
                total = self.dilation[d] * (self.kernel_size[d] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [self.padding[d]] * 2  # type: ignore[list-item]
        return widths

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution."""
        images, padding = input, self.padding
        if self.padding_mode != "zeros":
            images, padding = F.pad(input, self._around(), mode=self.padding_mode), "valid"
        function = getattr(F, f"conv{self.dims}d")
        out: Tensor = function(
            images, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )
        return out


class Conv1d(_Conv):
    """Convolution of signals (N, C, L). Follows ``torch.nn.Conv1d``; see :class:`Conv2d`.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.Conv1d(16, 33, 3, stride=2)(ones(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    dims = 1


class Conv2d(_Conv):
    r"""Convolution of images (N, C, H, W) with learned kernels. Follows ``torch.nn.Conv2d``.

    .. math:: y_{noij} = b_o + \sum_{ckl} x_{n,c,si+dk,sj+dl} w_{ockl}

    The weight has shape (out_channels, in_channels / groups, K, L); it and the bias start uniform
    between :math:`\pm 1/\sqrt{\text{fan in}}`.

    Raises
    ------
    ValueError
        When channels aren't divisible by groups, or the padding or its mode is unknown.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.Conv2d(1, 32, 3, padding="same")(ones(64, 1, 28, 28)).shape
    torch.Size([64, 32, 28, 28])
    """

    dims = 2


class Conv3d(_Conv):
    """Convolution of volumes (N, C, D, H, W). Follows ``torch.nn.Conv3d``; see :class:`Conv2d`.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.Conv3d(1, 2, 3)(ones(1, 1, 4, 5, 6)).shape
    torch.Size([1, 2, 2, 3, 4])
    """

    dims = 3


class _ConvTranspose(_Convolution):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f'{name}: only the padding_mode "zeros" is supported')
        if isinstance(padding, str):
            raise TypeError(f"{name}: padding is a number, got {padding!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Return the transposed convolution, of one of the possible sizes if one is given."""
        extra = self.output_padding
        if output_size is not None:
            extra = self._extra(input, output_size)
        function = getattr(F, f"conv_transpose{self.dims}d")
        out: Tensor = function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
            self.dilation,
        )  # fmt: skip
        return out

    def _extra(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """Return the output_padding that leads to a size."""
        wanted, size = tuple(output_size)[-self.dims :], tuple(input.shape[-self.dims :])
        least = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + 1  # type: ignore[operator]
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


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution of signals (N, C, L). Follows ``torch.nn.ConvTranspose1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ConvTranspose1d(16, 33, 3, stride=2)(ones(20, 16, 24)).shape
    torch.Size([20, 33, 49])
    """

    dims = 1


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution of images (N, C, H, W): it undoes the change of size of Conv2d.

    The weight has shape (in_channels, out_channels / groups, K, L). Follows
    ``torch.nn.ConvTranspose2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> up = nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1)
    >>> up(ones(1, 16, 7, 7)).shape, up(ones(1, 16, 7, 7), output_size=(14, 14)).shape
    (torch.Size([1, 8, 13, 13]), torch.Size([1, 8, 14, 14]))
    """

    dims = 2


class Unfold(Module):
    """Windows of images (N, C, H, W) as columns. Follows ``torch.nn.Unfold``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Unfold(3)(ones(2, 5, 8, 8)).shape
    torch.Size([2, 45, 36])
    """

    def __init__(
        self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Return the columns."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Module):
    """Windows given as columns, added up to images. Follows ``torch.nn.Fold``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Fold((8, 8), 3)(ones(2, 45, 36)).shape
    torch.Size([2, 5, 8, 8])
    """

    def __init__(
        self,
        output_size: Size,
        kernel_size: Size,
        dilation: Size = 1,
        padding: Size = 0,
        stride: Size = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Return the images."""
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )
