"""Pooling layers."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.functional.spatial import Size, per_dim
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class MaxPool2d(Module):
    """Largest element of each window of images (N, C, H, W). Follows ``torch.nn.MaxPool2d``.

    The stride is the size of a window unless it is given; padding counts as minus infinity.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.MaxPool2d(2)(ones(64, 32, 24, 24)).shape
    torch.Size([64, 32, 12, 12])
    """

    dims = 2

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements; with return_indices, also where they were."""
        function = F.max_pool1d if self.dims == 1 else F.max_pool2d
        return function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPool2d):
    """Largest element of each window of signals (N, C, L). Follows ``torch.nn.MaxPool1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.MaxPool1d(3, stride=2)(ones(20, 16, 50)).shape
    torch.Size([20, 16, 24])
    """

    dims = 1


class MaxUnpool2d(Module):
    """Put what MaxPool2d has picked back into its place. Follows ``torch.nn.MaxUnpool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> pool = MaxPool2d(2, return_indices=True)
    >>> MaxUnpool2d(2)(*pool(tensor([[[[1.0, 2.0], [4.0, 3.0]]]])))
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """

    dims = 2

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = per_dim(name, "kernel_size", kernel_size, self.dims)
        steps = kernel_size if stride is None else stride
        self.stride = per_dim(name, "stride", steps, self.dims)
        self.padding = per_dim(name, "padding", padding, self.dims)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """Return zeros with the input's elements at the indices."""
        function = F.max_unpool1d if self.dims == 1 else F.max_unpool2d
        return function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpool2d):
    """Put what MaxPool1d has picked back into its place. Follows ``torch.nn.MaxUnpool1d``.

    Examples
    --------
    >>> MaxUnpool1d(2)
    MaxUnpool1d(kernel_size=(2,), stride=(2,), padding=(0,))
    """

    dims = 1


class AvgPool1d(Module):
    """Mean of each window of signals (N, C, L). Follows ``torch.nn.AvgPool1d``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> AvgPool1d(2)(tensor([[[1.0, 3.0, 2.0, 5.0]]]))
    tensor([[[2.0000, 3.5000]]])
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = per_dim("AvgPool1d", "kernel_size", kernel_size, 1)
        steps = kernel_size if stride is None else stride
        self.stride = per_dim("AvgPool1d", "stride", steps, 1)
        self.padding = per_dim("AvgPool1d", "padding", padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """Mean of each window of images (N, C, H, W). Follows ``torch.nn.AvgPool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AvgPool2d(2)(ones(64, 6, 28, 28)).shape
    torch.Size([64, 6, 14, 14])
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _Adaptive(Module):
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """Means of so many stretches of signals (N, C, L). Follows ``torch.nn.AdaptiveAvgPool1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AdaptiveAvgPool1d(5)(ones(1, 64, 8)).shape
    torch.Size([1, 64, 5])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """Means of so many rows and columns of tiles. Follows ``torch.nn.AdaptiveAvgPool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AdaptiveAvgPool2d((5, None))(ones(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 9])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class _AdaptiveMax(_Adaptive):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMax):
    """Largest elements of so many stretches of signals. Follows ``torch.nn.AdaptiveMaxPool1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AdaptiveMaxPool1d(5)(ones(1, 64, 8)).shape
    torch.Size([1, 64, 5])
    """

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements; with return_indices, also where they were."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """Largest elements of so many tiles. Follows ``torch.nn.AdaptiveMaxPool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AdaptiveMaxPool2d((5, 7))(ones(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 7])
    """

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements; with return_indices, also where they were."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)
