"""Normalisation: values less their mean, divided by their standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.padding import pad
from tinygrad_mnist.nn.parameter import MaybeTensor, Parameter
from tinygrad_mnist.nn.spatial import Ints
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.ops.normalization import statistics
from tinygrad_mnist.tensor import Tensor, empty, ones, tensor, zeros
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.device import DeviceLike
from tinygrad_mnist.tensor.precision import in_float32


class _Affine(Module):
    """A normalisation with a weight that starts at 1 and a bias that starts at 0."""

    weight: MaybeTensor
    bias: MaybeTensor

    def _make(
        self,
        shape: tuple[int, ...],
        device: DeviceLike | None,
        dtype: DTypeLike | None,
        **wanted: bool,
    ) -> None:
        for name, is_wanted in wanted.items():
            made = Parameter(empty(shape, device=device, dtype=dtype)) if is_wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias, if there is one, to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if getattr(self, "bias", None) is not None:
            init.zeros_(self.bias)


@named
@node_name("NativeBatchNormBackward0")
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    r"""Normalise each channel of (N, C, ...) over the batch (Ioffe and Szegedy, 2015).

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} w + b

    In training mean and (biased) variance are those of the batch, and the running ones, with the
    unbiased variance, move towards them in place by the momentum. Otherwise they are the running
    ones. Follows ``torch.nn.functional.batch_norm``.

    Raises
    ------
    ValueError
        When there is one value per channel in training.
    RuntimeError
        When weight, bias or running statistics don't have one number per channel.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> batch_norm(tensor([[1.0], [3.0]]), None, None, training=True).round()
    tensor([[-1.],
            [ 1.]])
    """
    if input.ndim < 2:
        raise RuntimeError(f"expected an input of shape (N, C, ...), got {list(input.shape)}")
    shape = input.shape
    _check(input, (shape[1],), weight, bias, running_mean, running_var)
    if training:
        if shape[0] * prod(shape[2:]) == 1:
            raise ValueError(
                f"Expected more than 1 value per channel when training, got input size "
                f"{list(shape)}: use a larger batch, or eval()"
            )
        dims = (0, *range(2, input.ndim))
        return _by_statistics(input, dims, running_mean, running_var, weight, bias, momentum, eps)
    if running_mean is None or running_var is None:
        raise RuntimeError("needs running_mean and running_var in evaluation")
    like = (-1,) + (1,) * (input.ndim - 2)
    w, b = (None if p is None else p.reshape(like) for p in (weight, bias))
    return _scaled(input, running_mean.reshape(like), running_var.reshape(like), w, b, eps)


def _by_statistics(
    input: Tensor,
    dims: tuple[int, ...],
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float,
    eps: float,
) -> Tensor:
    """Normalise channels over dimensions, and move the running statistics."""
    like = (input.shape[1],) + (1,) * (input.ndim - 2)
    w, b = (None if p is None else p.reshape(like) for p in (weight, bias))
    with np.errstate(all="ignore"):
        mean, var, _ = statistics(input._array, dims)
    if (size := input._array.size) > 0:  # an empty batch has no statistics
        count = size // mean.size
        _move(running_mean, mean, momentum)
        _move(running_var, var, momentum, np.float64(count / max(count - 1, 1)))
    return apply(ops.standardize, input, w, b, mean, var, dim=dims, eps=eps)


def _move(
    running: Tensor | None, value: np.ndarray, momentum: float, factor: np.float64 | None = None
) -> None:
    """Move running statistics towards a value, or towards the mean of several, in place."""
    if running is not None:
        held = running._array
        value = (value if len(value) == 1 else value.mean(0)).reshape(-1)
        value = value if factor is None else value * factor
        held[...] = (1 - momentum) * held + momentum * value
        running._version.bump("batch_norm")


@in_float32
def _scaled(
    input: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """Normalise by statistics that are known."""
    scale = (var.detach() + eps).rsqrt()
    scale = scale if weight is None else weight * scale
    shift = mean.detach() * scale
    return input * scale + (-shift if bias is None else bias - shift)


def _check(
    input: Tensor, shape: tuple[int, ...], *given: Tensor | None, count: str = "num_features"
) -> None:
    for x in given:
        if x is not None and (x.shape != shape or x.dtype != input.dtype):
            if not input.is_floating_point():
                raise RuntimeError(
                    f"the input must be floating point, but is {input.dtype}; convert it with "
                    f"float()"
                )
            if x.shape != shape and len(shape) == x.ndim == 1:
                raise RuntimeError(
                    f"the input has {shape[0]} channels (its shape is {list(input.shape)}), but "
                    f"{count} is {len(x)}, the length of weight, bias or running statistics"
                )
            raise RuntimeError(
                f"weight, bias and running statistics must have shape {list(shape)} and dtype "
                f"{input.dtype} here, but one has {list(x.shape)} and {x.dtype}"
            )


class _ChannelNorm(_Affine):
    """Normalisation of channels by their own statistics, or by running ones."""

    _shown = "num_features eps= momentum= affine= bias= track_running_stats="
    ranks: tuple[int, ...]
    """How many dimensions the input may have."""
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = tracked = track_running_stats
        for name, make in (("running_mean", zeros), ("running_var", ones)):
            made = make(num_features, device=device, dtype=dtype) if tracked else None
            self.register_buffer(name, made)
        count = tensor(0, dtype=dtypes.int64) if tracked else None
        self.register_buffer("num_batches_tracked", count)
        self._make((num_features,), device, dtype, weight=affine, bias=affine and bias)

    _version = 2

    def _upgrade_state(self, values: dict[str, Any], prefix: str, version: int | None) -> None:
        """Keep the count of batches where a state is of a time when it wasn't counted."""
        if (version is None or version < 2) and self.num_batches_tracked is not None:
            values.setdefault(f"{prefix}num_batches_tracked", self.num_batches_tracked)

    def reset_running_stats(self) -> None:
        """Forget the running statistics."""
        if self.running_mean is not None:
            self.running_mean.zero_()
        if self.running_var is not None:
            self.running_var.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0, and forget the running statistics."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check(self, input: Tensor) -> None:
        if input.ndim not in self.ranks:
            expected = " or ".join(f"{n}D" for n in self.ranks)
            raise ValueError(
                f"{type(self).__name__}: expected {expected} input, got {input.ndim}D input of "
                f"shape {list(input.shape)}"
            )


class _BatchNorm(_ChannelNorm):
    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        momentum, used = self.momentum, not self.training or self.track_running_stats
        tracked = self.num_batches_tracked if self.training and used else None
        if tracked is not None and momentum is None:
            momentum = 1 / (tracked.item() + 1)  # the mean over all batches
        out = batch_norm(
            input,
            self.running_mean if used else None,
            self.running_var if used else None,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            0.0 if momentum is None else momentum,
            self.eps,
        )
        if tracked is not None:
            tracked.add_(1)
        return out


class BatchNorm1d(_BatchNorm):
    """Normalise each feature of (N, C) or (N, C, L) over the batch; see :class:`BatchNorm2d`.

    Follows ``torch.nn.BatchNorm1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, tensor
    >>> nn.BatchNorm1d(1, affine=False)(tensor([[1.0], [3.0]])).round()
    tensor([[-1.],
            [ 1.]])
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    r"""Normalise each channel of (N, C, H, W) over the batch. Follows ``torch.nn.BatchNorm2d``.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} w + b

    In training with the batch's mean and biased variance; running ones move towards them by the
    momentum (the unbiased variance), or are the mean over all batches if it is None, and are
    used in evaluation. (Ioffe and Szegedy, 2015.)

    Raises
    ------
    ValueError
        When the input has another number of dimensions, or one value per channel in training.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> norm = nn.BatchNorm2d(3)
    >>> norm(ones(2, 3, 4, 4)).shape, norm.running_mean, norm.num_batches_tracked
    (torch.Size([2, 3, 4, 4]), tensor([0.1000, 0.1000, 0.1000]), tensor(1))
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalise each channel of volumes over the batch. Follows ``torch.nn.BatchNorm3d``."""

    ranks = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation over several processes: here is one, and it is that of the batch.

    Follows ``torch.nn.SyncBatchNorm`` without a process group.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3)))[0].num_features
    3
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        self.process_group = process_group

    def _check(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"SyncBatchNorm: expected 2 dimensions or more, got {input.ndim}")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Return a module with all its batch normalisations replaced by this one."""
        out = module
        if isinstance(module, _BatchNorm) and not isinstance(module, cls):
            out = cls(
                module.num_features, module.eps, module.momentum, module.affine,
                module.track_running_stats, process_group,
            )  # fmt: skip
            out._parameters.update(module._parameters)
            out._buffers.update(module._buffers)
            out.training = module.training
        for name, child in module.named_children():
            setattr(out, name, cls.convert_sync_batchnorm(child, process_group))
        return out


@named
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each image of (N, C, *S) by itself (Ulyanov et al., 2016).

    Running statistics move towards the batch's mean of the images' ones; they are used if
    use_input_stats is False. Follows ``torch.nn.functional.instance_norm``.

    Raises
    ------
    ValueError
        When there is one value per channel.
    RuntimeError
        When weight, bias or running statistics don't have one number per channel.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check(input, (input.shape[1],), weight, bias, running_mean, running_var)
    if prod(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size "
            f"{list(input.shape)}"
        )
    dims = tuple(range(2, input.ndim))
    return _by_statistics(input, dims, running_mean, running_var, weight, bias, momentum, eps)


class _InstanceNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        single = input.ndim == self.ranks[0]
        images = input.unsqueeze(0) if single else input
        if images.shape[1] != self.num_features and self.affine:
            raise ValueError(
                f"{type(self).__name__}: expected {self.num_features} channels, got "
                f"{images.shape[1]}"
            )
        out = instance_norm(
            images, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, self.momentum or 0.0, self.eps,
        )  # fmt: skip
        return out.squeeze(0) if single else out


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each signal (N, C, L). Follows ``torch.nn.InstanceNorm1d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, tensor
    >>> nn.InstanceNorm1d(1)(tensor([[[1.0, 3.0]]])).round()
    tensor([[[-1.,  1.]]])
    """

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each image (N, C, H, W). Follows ``torch.nn.InstanceNorm2d``."""

    ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each volume. Follows ``torch.nn.InstanceNorm3d``."""

    ranks = (4, 5)


@named
@node_name("NativeGroupNormBackward0")
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise groups of channels of each image of (N, C, *S) (Wu and He, 2018).

    Follows ``torch.nn.functional.group_norm``.

    Raises
    ------
    RuntimeError
        When the number of channels isn't divisible by that of groups, or weight or bias don't
        have one number per channel.
    ValueError
        When there is one value per group, in one image.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> group_norm(tensor([[1.0, 3.0, 5.0, 5.0]]), 2).round()
    tensor([[-1.,  1.,  0.,  0.]])
    """
    if input.ndim < 2:
        raise RuntimeError(f"expected at least 2 dimensions, got {input.ndim}")
    n, channels, *size = input.shape
    if num_groups < 1 or channels % num_groups:
        raise RuntimeError(f"the {channels} channels must be divisible by num_groups={num_groups}")
    _check(input, (channels,), weight, bias, count="num_channels")
    if n * prod(size) * channels == num_groups:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}"
        )
    split = (num_groups, channels // num_groups)
    like = split + (1,) * len(size)
    w, b = (None if p is None else p.reshape(like) for p in (weight, bias))
    grouped = input.reshape(n, *split, *size)
    dims = tuple(range(2, grouped.ndim))
    out = apply(ops.standardize, grouped, w, b, None, None, dim=dims, eps=eps)
    return out.reshape(input.shape)


class GroupNorm(_Affine):
    """Normalise groups of channels of each image (N, C, *S). Follows ``torch.nn.GroupNorm``.

    Raises
    ------
    ValueError
        When the number of channels isn't divisible by that of groups.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.GroupNorm(3, 6)(ones(20, 6, 10, 10)).shape
    torch.Size([20, 6, 10, 10])
    """

    _shown = "num_groups num_channels eps= affine= bias="

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._make((num_channels,), device, dtype, weight=affine, bias=affine and bias)

    def forward(self, input: Tensor) -> Tensor:
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


def _last_dims(
    input: Tensor, normalized_shape: Sequence[int], *given: Tensor | None
) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"the input's last dimensions must be {list(shape)} (normalized_shape), but its shape "
            f"is {list(input.shape)}"
        )
    _check(input, shape, *given)
    return tuple(range(input.ndim - len(shape), input.ndim))


@named
@node_name("NativeLayerNormBackward0")
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last dimensions, whose shape is given (Ba et al., 2016).

    Follows ``torch.nn.functional.layer_norm``.

    Raises
    ------
    RuntimeError
        When the shapes don't fit.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> layer_norm(tensor([[1.0, 3.0], [5.0, 9.0]]), (2,)).round()
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    dims = _last_dims(input, normalized_shape, weight, bias)
    return apply(ops.standardize, input, weight, bias, None, None, dim=dims, eps=eps)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    one = isinstance(normalized_shape, Integral)
    return (normalized_shape,) if one else tuple(normalized_shape)


class LayerNorm(_Affine):
    """Normalise over the last dimensions, whose shape is given. Follows ``torch.nn.LayerNorm``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, tensor
    >>> nn.LayerNorm(2, elementwise_affine=False)(tensor([[1.0, 3.0]])).round()
    tensor([[-1.,  1.]])
    """

    _shown = "normalized_shape eps= elementwise_affine= bias="

    def __init__(
        self,
        normalized_shape: Ints,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = wanted = elementwise_affine
        self._make(shape, device, dtype, weight=wanted, bias=wanted and bias)

    def forward(self, input: Tensor) -> Tensor:
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


@named
def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    r"""Divide by the root of the mean square over the last dimensions (Zhang, Sennrich, 2019).

    .. math:: y = \frac{x}{\sqrt{\mathrm{mean}(x^2) + \epsilon}} w

    Epsilon is that of the dtype (of float16, float32's) unless it is given. Follows
    ``torch.nn.functional.rms_norm``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> rms_norm(tensor([3.0, 3.0, 3.0, 3.0]), (4,))
    tensor([1., 1., 1., 1.])
    """
    dims = _last_dims(input, normalized_shape, weight)
    return _by_root_mean_square(input, weight, dims, eps)


@in_float32
def _by_root_mean_square(
    input: Tensor, weight: Tensor | None, dims: tuple[int, ...], eps: float | None
) -> Tensor:
    eps = float(np.finfo(input._array.dtype).eps) if eps is None else eps
    out = input * ((input * input).mean(dims, keepdim=True) + eps).rsqrt()
    return out if weight is None else out * weight


class RMSNorm(_Affine):
    """Divide by the root of the mean square over the last dimensions. Follows ``torch.nn.RMSNorm``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, tensor
    >>> nn.RMSNorm(2)(tensor([[3.0, 3.0]])).detach()
    tensor([[1., 1.]])
    """

    _shown = "normalized_shape eps= elementwise_affine="

    def __init__(
        self,
        normalized_shape: Ints,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._make(shape, device, dtype, weight=elementwise_affine)

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)


@named
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    r"""Divide by neighbouring channels' mean square: (N, C, ...) (Krizhevsky et al., 2012).

    .. math:: y_c = x_c \left(k + \frac{\alpha}{n} \sum_{c'} x_{c'}^2\right)^{-\beta}

    Follows ``torch.nn.functional.local_response_norm``.
    """
    if input.ndim < 3:
        raise ValueError(f"expected at least 3 dimensions, got {input.ndim}")
    if size < 1:
        raise RuntimeError(f"size must be positive, got {size}")
    around = (0, 0) * (input.ndim - 2) + (size // 2, (size - 1) // 2)
    squares = pad(input * input, around)
    first, *rest = (squares.narrow(1, i, input.shape[1]) for i in range(size))
    return input / (sum(rest, first) * (alpha / size) + k) ** beta


class LocalResponseNorm(Module):
    """Divide by neighbouring channels' mean square. Follows ``torch.nn.LocalResponseNorm``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.LocalResponseNorm(2)(ones(32, 5, 24, 24)).shape
    torch.Size([32, 5, 24, 24])
    """

    _shown = "size alpha= beta= k="

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)
