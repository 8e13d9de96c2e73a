"""Pooling: one number for each window of an image."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Literal, Protocol, cast, overload

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.autograd.names import name_nodes
from tinygrad_mnist.nn.layer import Layer
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.padding import padded
from tinygrad_mnist.nn.spatial import Ints, as_batch, for_each_dim, per_dim
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.joining import stack
from tinygrad_mnist.tensor.precision import in_float32

Lengths = tuple[int, ...]
Sizes = int | Sequence[int | None] | None
"""An output size, in which None is the input's own length."""


def _settings(
    dims: int, kernel: Ints, stride: Ints | None, padding: Ints, dilation: Ints = 1
) -> list[Lengths]:
    """Read kernel, stride (the kernel's size if it is None), padding and dilation."""
    sizes = per_dim("kernel_size", kernel, dims)
    steps = sizes if stride is None or stride in ([], ()) else per_dim("stride", stride, dims)
    around = per_dim("padding", padding, dims)
    spread = per_dim("dilation", dilation, dims)
    if min(*sizes, *steps, *spread) < 1:
        raise RuntimeError(
            f"kernel_size {sizes}, stride {steps} and dilation {spread} must be positive"
        )
    most = [(d * (k - 1) + 1) // 2 for k, d in zip(sizes, spread, strict=True)]
    if any(not 0 <= p <= m for p, m in zip(around, most, strict=True)):
        raise RuntimeError(
            f"padding {padding} must be from 0 to half of the kernel's size {kernel}"
        )
    return [sizes, steps, around, spread]


def _around(size: Lengths, settings: list[Lengths], ceil_mode: bool) -> list[int]:
    """Return how many elements to put around images: with ceil_mode, a part of a last window."""
    widths: list[int] = []
    for n, k, s, p, d in zip(size, *settings, strict=True):
        reach = d * (k - 1) + 1
        room = n + 2 * p - reach
        steps = -(-room // s) if ceil_mode else room // s
        if ceil_mode and steps * s >= n + p:  # the last window must start within the image
            steps -= 1
        if steps < 0:
            raise RuntimeError(
                f"windows that reach over {reach} elements don't fit into a size of {n} with "
                f"padding {p}"
            )
        widths[:0] = p, max(steps * s + reach - n - p, 0)
    return widths


class _MaxPool(Protocol):
    """The functions of maximum pooling: with return_indices they return a pair."""

    @overload
    def __call__(
        self,
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Tensor: ...
    @overload
    def __call__(
        self,
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(
        self,
        input: Tensor,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]: ...


def _max_pool(
    dims: int,
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Return the largest element of each window of images, signals or volumes.

    Its gradient goes to that element, the first of equals.

    Follows ``torch.nn.functional.max_pool1d``, ``max_pool2d`` and ``max_pool3d``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W); N may be left
        out.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many elements, minus infinity each, to put around, at each side: at most half a window.
    dilation
        The step from element to element of a window.
    ceil_mode
        Whether a last window may reach over the end.
    return_indices
        Whether to return a pair: the elements, and their numbers in the flattened image.

    Returns
    -------
    A tensor of shape (N, C, H', W'), and likewise with one or three lengths; with return_indices
    also their numbers, int64.

    Raises
    ------
    RuntimeError
        When windows don't fit, or there is more padding than half a window.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.max_pool2d(torch.arange(16.0).reshape(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    >>> F.max_pool1d(torch.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2, return_indices=True)
    (tensor([[[3., 5.]]]), tensor([[[1, 3]]]))
    >>> F.max_pool3d(torch.ones(1, 1, 4, 4, 4), 2).shape
    torch.Size([1, 1, 2, 2, 2])
    """
    settings = kernel, steps, around, spread = _settings(
        dims, kernel_size, stride, padding, dilation
    )
    x, single = as_batch(input, dims)
    kind = x._array.dtype
    least = float("-inf") if kind.kind == "f" else int(np.iinfo(kind).min)
    images = padded(x, _around(x.shape[2:], settings, ceil_mode), least)
    out = apply(ops.max_pool, images, kernel=kernel, stride=steps, dilation=spread)
    if single:
        out = out.squeeze(0)
    if dims > 1:
        name_nodes(f"MaxPool{dims}DWithIndicesBackward0", out)
    if not return_indices:
        return out
    index = apply(
        ops.max_pool_index, images, kernel=kernel, stride=steps, dilation=spread,
        size=tuple(x.shape[2:]), padding=around,
    )  # fmt: skip
    return out, index.squeeze(0) if single else index


max_pool1d, max_pool2d, max_pool3d = cast(
    tuple[_MaxPool, _MaxPool, _MaxPool], for_each_dim(_max_pool, "max_pool{}d")
)


class _MaxPoolLayer(Layer):
    _shown = "kernel_size= stride= padding= dilation= ceil_mode="

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        dilation: Ints = 1,
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

    def forward(self, input: Tensor) -> Tensor:
        """Return the largest elements; with return_indices, also where they were."""
        # To type checkers it is a Tensor, which can be unpacked too.
        return self._call(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip


class MaxPool1d(_MaxPoolLayer, call=max_pool1d):
    """Largest element of each window of signals.

    Shapes: input (N, C, L) or (C, L), output (N, C, L'). Follows ``torch.nn.MaxPool1d``.

    Parameters
    ----------
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many elements, minus infinity each, to put around, at each side: at most half a window.
    dilation
        The step from element to element of a window.
    return_indices
        Whether to return the elements' numbers in the flattened input, too.
    ceil_mode
        Whether a last window may reach over the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.MaxPool1d(2)(torch.ones(1, 1, 4)).shape
    torch.Size([1, 1, 2])
    """


class MaxPool2d(_MaxPoolLayer, call=max_pool2d):
    """Largest element of each window of images.

    Shapes: input (N, C, H, W) or (C, H, W), output (N, C, H', W'). Follows ``torch.nn.MaxPool2d``.

    Parameters
    ----------
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many elements, minus infinity each, to put around, at each side: at most half a window.
    dilation
        The step from element to element of a window.
    return_indices
        Whether to return the elements' numbers in the flattened input, too.
    ceil_mode
        Whether a last window may reach over the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.MaxPool2d(2)(torch.arange(16.0).reshape(1, 1, 4, 4))
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """


class MaxPool3d(_MaxPoolLayer, call=max_pool3d):
    """Largest element of each window of volumes.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output (N, C, D', H', W'). Follows
    ``torch.nn.MaxPool3d``.

    Parameters
    ----------
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many elements, minus infinity each, to put around, at each side: at most half a window.
    dilation
        The step from element to element of a window.
    return_indices
        Whether to return the elements' numbers in the flattened input, too.
    ceil_mode
        Whether a last window may reach over the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.MaxPool3d(2)(torch.ones(1, 1, 4, 4, 4)).shape
    torch.Size([1, 1, 2, 2, 2])
    """


def _max_unpool(
    dims: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put what :func:`max_pool2d` has picked back into its place, among zeros.

    Follows ``torch.nn.functional.max_unpool1d``, ``max_unpool2d`` and ``max_unpool3d``.

    Parameters
    ----------
    input
        What was picked: images (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W).
    indices
        Where it was: int64, of the same shape.
    kernel_size, stride, padding
        As they were when it was picked.
    output_size
        The size of the result, where several lead to the input's.

    Returns
    -------
    A tensor of the size that was pooled.

    Raises
    ------
    RuntimeError
        When the shapes differ, or an index is outside of the output.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]])
    >>> F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """
    kernel, steps, around, _ = _settings(dims, kernel_size, stride, padding)
    if indices.shape != input.shape:
        raise RuntimeError(
            f"the indices have shape {list(indices.shape)}, the input has {list(input.shape)}; "
            f"they must be equal"
        )
    counts = input.shape[-dims:]
    if output_size is None:
        size = [
            (n - 1) * s - 2 * p + k
            for n, s, p, k in zip(counts, steps, around, kernel, strict=True)
        ]
    else:
        size = list(output_size)[-dims:]
    index = indices._array.reshape(-1, prod(counts))
    _check_places(index, size)
    rows = np.arange(len(index))[:, None]
    zeros = wrap(np.zeros((len(index), prod(size)), input._array.dtype))
    out = apply(ops.setitem, zeros, input.reshape(index.shape), index=(rows, index))
    return out.reshape((*input.shape[:-dims], *size))


@one_call
def _check_places(index: np.ndarray, size: Sequence[int]) -> None:
    """Refuse numbers of elements that an output doesn't have."""
    if index.size and not 0 <= index.min() <= index.max() < prod(size):
        raise RuntimeError(
            f"the indices go from {index.min()} to {index.max()}, which is not within an output "
            f"of size {size}"
        )


max_unpool1d, max_unpool2d, max_unpool3d = for_each_dim(_max_unpool, "max_unpool{}d")


class _MaxUnpool(Layer):
    _shown = "kernel_size= stride= padding="

    def __init__(self, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0) -> None:
        super().__init__()
        self.kernel_size = per_dim("kernel_size", kernel_size, self.dims)
        steps = kernel_size if stride is None else stride
        self.stride = per_dim("stride", steps, self.dims)
        self.padding = per_dim("padding", padding, self.dims)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Return zeros with the input's elements at the indices."""
        return self._call(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool, call=max_unpool1d, dims=1):
    """Put what :class:`MaxPool1d` has picked back into its place, among zeros.

    Shapes: input and indices (N, C, L), output of the size that was pooled. Follows
    ``torch.nn.MaxUnpool1d``.

    Parameters
    ----------
    kernel_size, stride, padding
        As they were when it was picked.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> pool = nn.MaxPool1d(2, return_indices=True)
    >>> nn.MaxUnpool1d(2)(*pool(torch.tensor([[[1.0, 3.0, 5.0, 2.0]]])))
    tensor([[[0., 3., 5., 0.]]])
    """


class MaxUnpool2d(_MaxUnpool, call=max_unpool2d, dims=2):
    """Put what :class:`MaxPool2d` has picked back into its place, among zeros.

    Shapes: input and indices (N, C, H, W), output of the size that was pooled. Follows
    ``torch.nn.MaxUnpool2d``.

    Parameters
    ----------
    kernel_size, stride, padding
        As they were when it was picked.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> pool = nn.MaxPool2d(2, return_indices=True)
    >>> nn.MaxUnpool2d(2)(*pool(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]])))
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """


class MaxUnpool3d(_MaxUnpool, call=max_unpool3d, dims=3):
    """Put what :class:`MaxPool3d` has picked back into its place, among zeros.

    Shapes: input and indices (N, C, D, H, W), output of the size that was pooled. Follows
    ``torch.nn.MaxUnpool3d``.

    Parameters
    ----------
    kernel_size, stride, padding
        As they were when it was picked.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> pool = nn.MaxPool3d(2, return_indices=True)
    >>> nn.MaxUnpool3d(2)(*pool(torch.ones(1, 1, 4, 4, 4))).sum()
    tensor(8.)
    """


@in_float32
def _avg_pool(
    dims: int,
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of images or volumes, or its sum over a divisor.

    Follows ``torch.nn.functional.avg_pool2d`` and ``avg_pool3d``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W) or volumes (N, C, D, H, W); N may be left out.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many zeros to put around, at each side: at most half a window.
    ceil_mode
        Whether a last window may reach over the end.
    count_include_pad
        Whether zeros of the padding count as elements.
    divisor_override
        What to divide sums by, instead of the number of elements.

    Returns
    -------
    A tensor of shape (N, C, H', W') or (N, C, D', H', W').

    Raises
    ------
    RuntimeError
        When windows don't fit, there is more padding than half a window, or the divisor is 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.avg_pool2d(torch.arange(16.0).reshape(1, 1, 4, 4), 2)
    tensor([[[[ 2.5000,  4.5000],
              [10.5000, 12.5000]]]])
    >>> F.avg_pool3d(torch.ones(1, 1, 4, 4, 4), 2).shape
    torch.Size([1, 1, 2, 2, 2])
    """
    settings = kernel, steps, _, spread = _settings(dims, kernel_size, stride, padding)
    if divisor_override is not None and not divisor_override:
        raise RuntimeError("divisor_override must not be zero")
    x, single = as_batch(input, dims)
    size = x.shape[2:]
    images = padded(x, _around(size, settings, ceil_mode))
    view = apply(ops.windows, images, kernel=kernel, stride=steps, dilation=spread)
    total = view.sum(tuple(range(-dims, 0)))
    if divisor_override is not None:
        out = total / divisor_override
    else:
        divisor = _counts(size, total.shape[2:], settings, count_include_pad)
        same = divisor.size and (divisor == divisor.flat[0]).all()
        out = total / (int(divisor.flat[0]) if same else wrap(divisor.astype(x._array.dtype)))
    if single:
        out = out.squeeze(0)
    return name_nodes(f"AvgPool{dims}DBackward0", out) if dims > 1 else out


def _counts(
    size: Lengths, places: Lengths, settings: list[Lengths], with_padding: bool
) -> np.ndarray:
    """Count the elements of each window that are in the image, or in its padding too."""
    out = np.ones(1, np.int64)
    for n, count, k, s, p, _ in zip(size, places, *settings, strict=True):
        start = np.arange(count) * s - p
        end = np.minimum(start + k, n + p)
        if not with_padding:
            start, end = np.maximum(start, 0), np.minimum(end, n)
        out = out[..., None] * (end - start)
    counted: np.ndarray = out[0]
    return counted


@named
def avg_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of signals.

    Follows ``torch.nn.functional.avg_pool1d``.

    Parameters
    ----------
    input
        Signals of shape (N, C, L) or (C, L).
    kernel_size
        The length of a window.
    stride
        The step from window to window; the length of a window unless given.
    padding
        How many zeros to put around, at each side: at most half a window.
    ceil_mode
        Whether a last window may reach over the end.
    count_include_pad
        Whether zeros of the padding count as elements.

    Returns
    -------
    A tensor of shape (N, C, L').

    Raises
    ------
    RuntimeError
        When windows don't fit, or there is more padding than half a window.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.avg_pool1d(torch.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[2.0000, 3.5000]]])
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


avg_pool2d, avg_pool3d = for_each_dim(_avg_pool, "avg_pool{}d")[1:]


class AvgPool1d(Module):
    """Mean of each window of signals.

    Shapes: input (N, C, L) or (C, L), output (N, C, L'). Follows ``torch.nn.AvgPool1d``.

    Parameters
    ----------
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many zeros to put around, at each side: at most half a window.
    ceil_mode
        Whether a last window may reach over the end.
    count_include_pad
        Whether zeros of the padding count as elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AvgPool1d(2)(torch.tensor([[[1.0, 3.0, 2.0, 5.0]]]))
    tensor([[[2.0000, 3.5000]]])
    """

    _shown = "kernel_size= stride= padding="

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = per_dim("kernel_size", kernel_size, 1)
        self.stride = per_dim("stride", kernel_size if stride is None else stride, 1)
        self.padding = per_dim("padding", padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip


class _AvgPool(Layer):
    _shown = "kernel_size= stride= padding="

    def __init__(
        self,
        kernel_size: Ints,
        stride: Ints | None = None,
        padding: Ints = 0,
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
        return self._call(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip


class AvgPool2d(_AvgPool, call=avg_pool2d):
    """Mean of each window of images.

    Shapes: input (N, C, H, W) or (C, H, W), output (N, C, H', W'). Follows ``torch.nn.AvgPool2d``.

    Parameters
    ----------
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many zeros to put around, at each side: at most half a window.
    ceil_mode
        Whether a last window may reach over the end.
    count_include_pad
        Whether zeros of the padding count as elements.
    divisor_override
        What to divide sums by, instead of the number of elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AvgPool2d(2)(torch.ones(64, 6, 28, 28)).shape
    torch.Size([64, 6, 14, 14])
    """


class AvgPool3d(_AvgPool, call=avg_pool3d):
    """Mean of each window of volumes.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output (N, C, D', H', W'). Follows
    ``torch.nn.AvgPool3d``.

    Parameters
    ----------
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    padding
        How many zeros to put around, at each side: at most half a window.
    ceil_mode
        Whether a last window may reach over the end.
    count_include_pad
        Whether zeros of the padding count as elements.
    divisor_override
        What to divide sums by, instead of the number of elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AvgPool3d(2)(torch.ones(1, 1, 4, 4, 4)).shape
    torch.Size([1, 1, 2, 2, 2])
    """


def _lp_pool(
    dims: int,
    input: Tensor,
    norm_type: float,
    kernel_size: Ints,
    stride: Ints | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    r"""Return the p-norm of each window of images, signals or volumes.

    .. math:: y = \left(\sum_{i \in \text{window}} x_i^p\right)^{1/p}

    Numbers are taken to be positive.

    Follows ``torch.nn.functional.lp_pool1d``, ``lp_pool2d`` and ``lp_pool3d``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W); N may be left
        out.
    norm_type
        p.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    ceil_mode
        Whether a last window may reach over the end.

    Returns
    -------
    A tensor of shape (N, C, H', W'), and likewise with one or three lengths.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.lp_pool2d(torch.tensor([[[[3.0, 4.0]]]]), 2, (1, 2))
    tensor([[[[5.]]]])
    """
    count = prod(per_dim("kernel_size", kernel_size, dims))
    means = _avg_pool(dims, input**norm_type, kernel_size, stride, 0, ceil_mode)
    return ((means.sign() * means.abs()) * count).relu() ** (1 / norm_type)


lp_pool1d, lp_pool2d, lp_pool3d = for_each_dim(_lp_pool, "lp_pool{}d")


class _LPPool(Layer):
    _shown = "norm_type= kernel_size= stride= ceil_mode="

    def __init__(
        self,
        norm_type: float,
        kernel_size: Ints,
        stride: Ints | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return self._call(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool1d(_LPPool, call=lp_pool1d):
    """The p-norm of each window of signals.

    Shapes: input (N, C, L) or (C, L), output (N, C, L'). The equation is that of
    :func:`nn.functional.lp_pool2d`. Follows ``torch.nn.LPPool1d``.

    Parameters
    ----------
    norm_type
        p.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    ceil_mode
        Whether a last window may reach over the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.LPPool1d(2, 4)(torch.ones(1, 1, 4))
    tensor([[[2.]]])
    """


class LPPool2d(_LPPool, call=lp_pool2d):
    """The p-norm of each window of images.

    Shapes: input (N, C, H, W) or (C, H, W), output (N, C, H', W'). The equation is that of
    :func:`nn.functional.lp_pool2d`. Follows ``torch.nn.LPPool2d``.

    Parameters
    ----------
    norm_type
        p.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    ceil_mode
        Whether a last window may reach over the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.LPPool2d(2, (1, 2))(torch.tensor([[[[3.0, 4.0]]]]))
    tensor([[[[5.]]]])
    """


class LPPool3d(_LPPool, call=lp_pool3d):
    """The p-norm of each window of volumes.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output (N, C, D', H', W'). The equation is that
    of :func:`nn.functional.lp_pool2d`. Follows ``torch.nn.LPPool3d``.

    Parameters
    ----------
    norm_type
        p.
    kernel_size
        The lengths of a window: one number, or one for each dimension.
    stride
        The step from window to window; the size of a window unless given.
    ceil_mode
        Whether a last window may reach over the end.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.LPPool3d(3, 2)(torch.ones(1, 1, 2, 2, 2))
    tensor([[[[[2.]]]]])
    """


def _tiles(dims: int, size: Lengths, wanted: Sizes) -> Lengths:
    """Read an output size, in which None is the input's own length."""
    given: Any = wanted if isinstance(wanted, tuple | list) else (wanted,) * dims
    if len(given) != dims:
        raise RuntimeError(f"output_size is an integer or {dims} of them, got {wanted}")
    filled = tuple(n if w is None else w for n, w in zip(size, given, strict=True))
    read = per_dim("output_size", filled, dims)
    if min(read) < 0:
        raise RuntimeError(f"output_size {wanted} must not be negative")
    if not prod(size):
        raise RuntimeError(f"an input of size {list(size)} has no elements to pool")
    return read


def _stretches(length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a dimension into so many stretches, as equal as can be; they may overlap by one.

    Returns where each begins, and where it ends.
    """
    number = np.arange(count)
    return number * length // count, -(-(number + 1) * length // count)


def _adaptive_avg_pool(dims: int, input: Tensor, output_size: Sizes) -> Tensor:
    """Return means over so many tiles of images, signals or volumes.

    Tile i of n goes from floor(i H / n) to ceil((i + 1) H / n), so that any size is pooled to one.

    Follows ``torch.nn.functional.adaptive_avg_pool1d``, ``adaptive_avg_pool2d`` and
    ``adaptive_avg_pool3d``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W); N may be left
        out.
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.

    Returns
    -------
    A tensor of shape (N, C, *output_size).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.adaptive_avg_pool2d(torch.arange(6.0).reshape(1, 1, 2, 3), (1, 2))
    tensor([[[[2., 3.]]]])
    """
    x, single = as_batch(input, dims)
    size = x.shape[2:]
    for dim, (n, count) in enumerate(zip(size, _tiles(dims, size, output_size), strict=True), 2):
        if count == 1:
            x = x.mean(dim, keepdim=True)
        elif count > n or not count:  # a stretch is one element, or two
            first, end = _stretches(n, count)
            one, two = (x.index_select(dim, wrap(places)) for places in (first, end - 1))
            x = one * 0.5 + two * 0.5
        elif count < n:
            ends = zip(*_stretches(n, count), strict=True)
            x = stack([x.narrow(dim, a, b - a).mean(dim) for a, b in ends], dim)
    if single:
        x = x.squeeze(0)
    return x.clone() if np.may_share_memory(x._array, input._array) else x


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = for_each_dim(
    _adaptive_avg_pool, "adaptive_avg_pool{}d"
)


class _AdaptiveMaxPool(Protocol):
    """The functions of adaptive maximum pooling: with return_indices they return a pair."""

    @overload
    def __call__(
        self, input: Tensor, output_size: Sizes, return_indices: Literal[False] = False
    ) -> Tensor: ...
    @overload
    def __call__(
        self, input: Tensor, output_size: Sizes, return_indices: Literal[True]
    ) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(
        self, input: Tensor, output_size: Sizes, return_indices: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]: ...


def _adaptive_max_pool(
    dims: int, input: Tensor, output_size: Sizes, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Return the largest elements of so many tiles of images, signals or volumes.

    Tiles are those of :func:`adaptive_avg_pool2d`.

    Follows ``torch.nn.functional.adaptive_max_pool1d``, ``adaptive_max_pool2d`` and
    ``adaptive_max_pool3d``.

    Parameters
    ----------
    input
        Images of shape (N, C, H, W), signals (N, C, L) or volumes (N, C, D, H, W); N may be left
        out.
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.
    return_indices
        Whether to return a pair: the elements, and their numbers in the flattened image.

    Returns
    -------
    A tensor of shape (N, C, *output_size); with return_indices also their numbers, int64.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.adaptive_max_pool2d(torch.arange(6.0).reshape(1, 1, 2, 3), (1, 2))
    tensor([[[[4., 5.]]]])
    """
    x, single = as_batch(input, dims)
    size = x.shape[2:]
    wanted = _tiles(dims, size, output_size)
    numbers = np.arange(prod(size)).reshape(size)
    for dim, (n, count) in enumerate(zip(size, wanted, strict=True)):
        first, end = _stretches(n, count)
        longest = int((end - first).max(initial=1))
        places = np.minimum(first[:, None] + np.arange(longest), end[:, None] - 1)
        numbers = np.moveaxis(numbers.take(places, dim), dim + 1, -1)
    # The numbers of each one's elements, some of them twice.
    tiles = numbers.reshape(*wanted, prod(numbers.shape[dims:]))
    whole = x._array.reshape(*x.shape[:2], prod(size))
    one = prod(wanted) == 1
    rows = np.expand_dims(whole, tuple(range(2, 2 + dims))) if one else whole.take(tiles, -1)
    best = last_of_nan(rows)
    found = wrap(np.take_along_axis(tiles[None, None], best[..., None], -1)[..., 0])
    out = picked(x, found)
    if single:
        out, found = out.squeeze(0), found.squeeze(0)
    if dims == 2:
        name_nodes("AdaptiveMaxPool2DBackward0", out)
    return (out, found) if return_indices else out


def picked(x: Tensor, index: Tensor) -> Tensor:
    """Return the elements of images (N, C, *S) whose numbers are given, as (N, C, *P)."""
    return x.flatten(2).gather(2, index.flatten(2)).reshape(index.shape)


@array_function
def last_of_nan(rows: np.ndarray) -> np.ndarray:
    """Return where each row is largest: at the first of equals, at the last NaN if there is one."""
    first, nan = np.asarray(rows.argmax(-1)), np.isnan(rows)
    if not nan.any():
        return first
    last = rows.shape[-1] - 1 - np.flip(nan, -1).argmax(-1)
    return np.asarray(np.where(nan.any(-1), last, first))


adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = cast(
    tuple[_AdaptiveMaxPool, _AdaptiveMaxPool, _AdaptiveMaxPool],
    for_each_dim(_adaptive_max_pool, "adaptive_max_pool{}d"),
)


class _AdaptiveAvg(Layer):
    _shown = "output_size="

    def __init__(self, output_size: Sizes) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return self._call(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvg, call=adaptive_avg_pool1d):
    """Means of so many tiles of signals, whatever their size.

    Shapes: input (N, C, L) or (C, L), output (N, C, *output_size). What a tile is:
    :func:`nn.functional.adaptive_avg_pool2d`. Follows ``torch.nn.AdaptiveAvgPool1d``.

    Parameters
    ----------
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AdaptiveAvgPool1d(5)(torch.ones(1, 64, 8)).shape
    torch.Size([1, 64, 5])
    """


class AdaptiveAvgPool2d(_AdaptiveAvg, call=adaptive_avg_pool2d):
    """Means of so many tiles of images, whatever their size.

    Shapes: input (N, C, H, W) or (C, H, W), output (N, C, *output_size). What a tile is:
    :func:`nn.functional.adaptive_avg_pool2d`. Follows ``torch.nn.AdaptiveAvgPool2d``.

    Parameters
    ----------
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AdaptiveAvgPool2d((5, None))(torch.ones(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 9])
    >>> nn.AdaptiveAvgPool2d(1)(torch.arange(4.0).reshape(1, 1, 2, 2))  # the mean of each channel
    tensor([[[[1.5000]]]])
    """


class AdaptiveAvgPool3d(_AdaptiveAvg, call=adaptive_avg_pool3d):
    """Means of so many tiles of volumes, whatever their size.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output (N, C, *output_size). What a tile is:
    :func:`nn.functional.adaptive_avg_pool2d`. Follows ``torch.nn.AdaptiveAvgPool3d``.

    Parameters
    ----------
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AdaptiveAvgPool3d((5, 7, None))(torch.ones(1, 64, 8, 9, 10)).shape
    torch.Size([1, 64, 5, 7, 10])
    """


class _AdaptiveMax(Layer):
    _shown = "output_size="

    def __init__(self, output_size: Sizes, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Tensor) -> Tensor:
        """Return the largest elements; with return_indices, also where they were."""
        # To type checkers it is a Tensor, which can be unpacked too.
        return self._call(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMax, call=adaptive_max_pool1d):
    """Largest elements of so many tiles of signals, whatever their size.

    Shapes: input (N, C, L) or (C, L), output (N, C, *output_size). What a tile is:
    :func:`nn.functional.adaptive_avg_pool2d`. Follows ``torch.nn.AdaptiveMaxPool1d``.

    Parameters
    ----------
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.
    return_indices
        Whether to return the elements' numbers in the flattened input, too.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AdaptiveMaxPool1d(5)(torch.ones(1, 64, 8)).shape
    torch.Size([1, 64, 5])
    """


class AdaptiveMaxPool2d(_AdaptiveMax, call=adaptive_max_pool2d):
    """Largest elements of so many tiles of images, whatever their size.

    Shapes: input (N, C, H, W) or (C, H, W), output (N, C, *output_size). What a tile is:
    :func:`nn.functional.adaptive_avg_pool2d`. Follows ``torch.nn.AdaptiveMaxPool2d``.

    Parameters
    ----------
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.
    return_indices
        Whether to return the elements' numbers in the flattened input, too.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AdaptiveMaxPool2d((5, None))(torch.ones(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 9])
    """


class AdaptiveMaxPool3d(_AdaptiveMax, call=adaptive_max_pool3d):
    """Largest elements of so many tiles of volumes, whatever their size.

    Shapes: input (N, C, D, H, W) or (C, D, H, W), output (N, C, *output_size). What a tile is:
    :func:`nn.functional.adaptive_avg_pool2d`. Follows ``torch.nn.AdaptiveMaxPool3d``.

    Parameters
    ----------
    output_size
        How many tiles: one number, or one for each dimension; None is the input's own length.
    return_indices
        Whether to return the elements' numbers in the flattened input, too.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.AdaptiveMaxPool3d((5, 7, None))(torch.ones(1, 64, 8, 9, 10)).shape
    torch.Size([1, 64, 5, 7, 10])
    """
