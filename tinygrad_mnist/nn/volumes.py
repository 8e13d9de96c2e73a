"""Layers of three dimensions: those of images, with one dimension more."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn.convolution import _ConvTranspose
from tinygrad_mnist.nn.functional import volumes as F
from tinygrad_mnist.nn.normalization import _InstanceNorm
from tinygrad_mnist.nn.padding import _ConstantPad, _Pad
from tinygrad_mnist.nn.pooling import AvgPool2d, MaxPool2d, MaxUnpool2d, _Adaptive, _AdaptiveMax
from tinygrad_mnist.tensor import Tensor


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution of volumes (N, C, D, H, W). Follows ``torch.nn.ConvTranspose3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ConvTranspose3d(1, 2, 3)(ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 2, 4, 5, 6])
    """

    dims = 3


class MaxPool3d(MaxPool2d):
    """Largest element of each window of volumes (N, C, D, H, W). Follows ``torch.nn.MaxPool3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.MaxPool3d(2)(ones(1, 1, 4, 6, 8)).shape
    torch.Size([1, 1, 2, 3, 4])
    """

    dims = 3

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements; with return_indices, also where they were."""
        return F.max_pool3d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip


class MaxUnpool3d(MaxUnpool2d):
    """Put what MaxPool3d has picked back into its place. Follows ``torch.nn.MaxUnpool3d``.

    Examples
    --------
    >>> MaxUnpool3d(2)
    MaxUnpool3d(kernel_size=(2, 2, 2), stride=(2, 2, 2), padding=(0, 0, 0))
    """

    dims = 3

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """Return zeros with the input's elements at the indices."""
        return F.max_unpool3d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class AvgPool3d(AvgPool2d):
    """Mean of each window of volumes (N, C, D, H, W). Follows ``torch.nn.AvgPool3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AvgPool3d(2)(ones(1, 1, 4, 6, 8)).shape
    torch.Size([1, 1, 2, 3, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return F.avg_pool3d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip


class AdaptiveAvgPool3d(_Adaptive):
    """Means of so many tiles of volumes. Follows ``torch.nn.AdaptiveAvgPool3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AdaptiveAvgPool3d((1, None, 2))(ones(1, 3, 4, 5, 6)).shape
    torch.Size([1, 3, 1, 5, 2])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool3d(_AdaptiveMax):
    """Largest elements of so many tiles of volumes. Follows ``torch.nn.AdaptiveMaxPool3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.AdaptiveMaxPool3d(2)(ones(1, 3, 4, 5, 6)).shape
    torch.Size([1, 3, 2, 2, 2])
    """

    def forward(self, input: Tensor) -> Any:
        """Return the largest elements; with return_indices, also where they were."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each volume. Follows ``torch.nn.InstanceNorm3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.InstanceNorm3d(3)(ones(2, 3, 2, 2, 2)).sum()
    tensor(0.)
    """

    ranks = (4, 5)


class ConstantPad3d(_ConstantPad):
    """Put a number around a volume (N, C, D, H, W). Follows ``torch.nn.ConstantPad3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ConstantPad3d(1, 5.0)(ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """

    dims = 3


class ZeroPad3d(_Pad):
    """Put zeros around a volume (N, C, D, H, W). Follows ``torch.nn.ZeroPad3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ZeroPad3d(1)(ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """

    dims = 3
    value = 0.0


class ReflectionPad3d(_Pad):
    """Put its elements, mirrored around a volume (N, C, D, H, W).

    Follows ``torch.nn.ReflectionPad3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ReflectionPad3d(1)(ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """

    dims = 3
    mode = "reflect"


class ReplicationPad3d(_Pad):
    """Put its border around a volume (N, C, D, H, W). Follows ``torch.nn.ReplicationPad3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.ReplicationPad3d(1)(ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """

    dims = 3
    mode = "replicate"


class CircularPad3d(_Pad):
    """Put the elements of its other end around a volume (N, C, D, H, W).

    Follows ``torch.nn.CircularPad3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.CircularPad3d(1)(ones(1, 1, 2, 3, 4)).shape
    torch.Size([1, 1, 4, 5, 6])
    """

    dims = 3
    mode = "circular"
