"""The functions of three dimensions: they are those of images, with one dimension more."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn.functional import convolution, pooling
from tinygrad_mnist.nn.functional.spatial import Size
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import copying, named


@named
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Apply the transpose of ``conv3d`` to (N, C, D, H, W); see ``conv_transpose2d``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> conv_transpose3d(ones(1, 1, 2, 2, 2), ones(1, 1, 2, 2, 2)).amax()
    tensor(8.)
    """
    return convolution._conv_transpose(  # type: ignore[no-any-return]
        3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@named
def max_pool3d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window of volumes (N, C, D, H, W); see ``max_pool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> max_pool3d(arange(8.0).reshape(1, 1, 2, 2, 2), 2).item()
    7.0
    """
    return pooling._max_pool(
        3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@named
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    output_size: Any = None,
) -> Tensor:
    """Put what :func:`max_pool3d` has picked back into its place, among zeros."""
    return pooling._max_unpool(3, input, indices, kernel_size, stride, padding, output_size)  # type: ignore[no-any-return]


@named
def avg_pool3d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of volumes (N, C, D, H, W); see ``avg_pool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> avg_pool3d(arange(8.0).reshape(1, 1, 2, 2, 2), 2).item()
    3.5
    """
    return pooling._avg_pool(  # type: ignore[no-any-return]
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@named
@copying
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over so many tiles of volumes; see ``adaptive_avg_pool2d``.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> adaptive_avg_pool3d(arange(8.0).reshape(1, 1, 2, 2, 2), 1).item()
    3.5
    """
    return pooling._adaptive_avg_pool(3, input, output_size)  # type: ignore[no-any-return]


@named
def adaptive_max_pool3d(
    input: Tensor,
    output_size: Any,
    return_indices: bool = False,
) -> Any:
    """Return the largest elements of so many tiles of volumes; see ``adaptive_max_pool2d``."""
    return pooling._adaptive_max_pool(3, input, output_size, return_indices)
