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

    Parameters
    ----------
    input
        A tensor of shape (N, C, ...), floating point.
    running_mean, running_var
        Statistics of shape (C), changed in training and used otherwise.
    weight, bias
        w and b, of shape (C).
    training
        Whether to use the batch's own statistics.
    momentum
        How far the running statistics move: ``(1 - momentum) * running + momentum * batch``.
    eps
        What keeps the divisor from 0.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    ValueError
        When there is one value per channel in training.
    RuntimeError
        When weight, bias or running statistics don't have one number per channel.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> mean, var = torch.zeros(1), torch.ones(1)
    >>> F.batch_norm(torch.tensor([[1.0], [3.0]]), mean, var, training=True).round(decimals=3)
    tensor([[-1.],
            [ 1.]])
    >>> mean, var  # a tenth of the way to 2 and 2
    (tensor([0.2000]), tensor([1.1000]))
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
    """Normalise each feature over the batch, with the equation of :class:`BatchNorm2d`.

    Shapes: input and output (N, C) or (N, C, L). Follows ``torch.nn.BatchNorm1d``.

    Parameters
    ----------
    num_features
        The number of features C.
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in :class:`BatchNorm2d`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.BatchNorm1d(1, affine=False)(torch.tensor([[1.0], [3.0]])).round()
    tensor([[-1.],
            [ 1.]])
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    r"""Normalise each channel of images over the batch (Ioffe and Szegedy, 2015).

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} w + b

    In training with the batch's mean and biased variance; running ones move towards them by the
    momentum (the unbiased variance), and are used in evaluation.

    The parameters are ``weight``, which starts at 1, and ``bias``, at 0; the buffers are
    ``running_mean``, ``running_var``, all of shape (C), and ``num_batches_tracked``.

    Shapes: input and output (N, C, H, W). Follows ``torch.nn.BatchNorm2d``.

    Parameters
    ----------
    num_features
        The number of channels C.
    eps
        :math:`\epsilon`, which keeps the divisor from 0.
    momentum
        How far the running statistics move at each batch; None makes them the mean over all.
    affine
        Whether there are a weight w and a bias b.
    track_running_stats
        Whether there are running statistics; without them the batch's own are used in evaluation,
        too.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.
    bias
        Whether there is a bias b.

    Raises
    ------
    ValueError
        When the input has another number of dimensions, or one value per channel in training.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> norm = nn.BatchNorm2d(3)
    >>> norm(torch.ones(2, 3, 4, 4)).shape, norm.running_mean, norm.num_batches_tracked
    (torch.Size([2, 3, 4, 4]), tensor([0.1000, 0.1000, 0.1000]), tensor(1))
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalise each channel of volumes over the batch, with the equation of :class:`BatchNorm2d`.

    Shapes: input and output (N, C, D, H, W). Follows ``torch.nn.BatchNorm3d``.

    Parameters
    ----------
    num_features
        The number of channels C.
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in :class:`BatchNorm2d`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.BatchNorm3d(2)(torch.ones(4, 2, 3, 3, 3)).shape
    torch.Size([4, 2, 3, 3, 3])
    """

    ranks = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation over several processes: here is one, and it is that of the batch.

    Follows ``torch.nn.SyncBatchNorm`` without a process group.

    Shapes: input and output (N, C, ...).

    Shapes: input and output (N, C, ...).

    Parameters
    ----------
    num_features
        The number of channels C.
    process_group
        Kept, and without effect.
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in :class:`BatchNorm2d`.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> model = nn.Sequential(nn.BatchNorm2d(3))
    >>> nn.SyncBatchNorm.convert_sync_batchnorm(model)[0].num_features
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
    r"""Normalise each channel of each image by itself (Ulyanov et al., 2016).

    .. math:: y = \frac{x - \mu_{nc}}{\sqrt{\sigma_{nc}^2 + \epsilon}} w_c + b_c

    Running statistics move towards the batch's mean of the images' ones. Follows
    ``torch.nn.functional.instance_norm``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, ...), floating point.
    running_mean, running_var
        Statistics of shape (C), or None.
    weight, bias
        w and b, of shape (C).
    use_input_stats
        Whether to use the images' own statistics instead of the running ones.
    momentum
        How far the running statistics move.
    eps
        What keeps the divisor from 0.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    ValueError
        When there is one value per channel.
    RuntimeError
        When weight, bias or running statistics don't have one number per channel.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.instance_norm(torch.tensor([[[1.0, 3.0]], [[10.0, 30.0]]])).round(decimals=3)
    tensor([[[-1.,  1.]],
    <BLANKLINE>
            [[-1.,  1.]]])
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
    """Normalise each channel of each signal by itself; see :func:`nn.functional.instance_norm`.

    Shapes: input and output (N, C, L) or (C, L). Follows ``torch.nn.InstanceNorm1d``.

    Parameters
    ----------
    num_features
        The number of channels C.
    eps
        What keeps the divisor from 0.
    momentum
        How far the running statistics move at each batch.
    affine
        Whether there are a weight and a bias, of shape (C).
    track_running_stats
        Whether there are running statistics, for evaluation.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.
    bias
        Whether there is a bias.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.InstanceNorm1d(1)(torch.tensor([[[1.0, 3.0]]])).round()
    tensor([[[-1.,  1.]]])
    """

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each image by itself; see :func:`nn.functional.instance_norm`.

    Shapes: input and output (N, C, H, W) or (C, H, W). Follows ``torch.nn.InstanceNorm2d``.

    Parameters
    ----------
    num_features
        The number of channels C.
    eps
        What keeps the divisor from 0.
    momentum
        How far the running statistics move at each batch.
    affine
        Whether there are a weight and a bias, of shape (C).
    track_running_stats
        Whether there are running statistics, for evaluation.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.
    bias
        Whether there is a bias.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.InstanceNorm2d(3)(torch.randn(2, 3, 8, 8)).mean((2, 3)).abs().max() < 1e-5
    tensor(True)
    """

    ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each volume by itself; see :func:`nn.functional.instance_norm`.

    Shapes: input and output (N, C, D, H, W) or (C, D, H, W). Follows ``torch.nn.InstanceNorm3d``.

    Parameters
    ----------
    num_features
        The number of channels C.
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in :class:`InstanceNorm2d`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.InstanceNorm3d(3)(torch.ones(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 4, 4, 4])
    """

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
    r"""Normalise groups of channels of each image by themselves (Wu and He, 2018).

    .. math:: y = \frac{x - \mu_{ng}}{\sqrt{\sigma_{ng}^2 + \epsilon}} w_c + b_c

    Follows ``torch.nn.functional.group_norm``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, ...), floating point.
    num_groups
        How many groups there are; it divides C.
    weight, bias
        w and b, of shape (C).
    eps
        What keeps the divisor from 0.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    RuntimeError
        When the number of channels isn't divisible by that of groups, or weight or bias don't
        have one number per channel.
    ValueError
        When there is one value per group, in one image.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.group_norm(torch.tensor([[1.0, 3.0, 5.0, 5.0]]), 2).round()
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
    """Normalise groups of channels of each image by themselves (Wu and He, 2018).

    Shapes: input and output (N, C, ...). The equation is that of :func:`nn.functional.group_norm`.
    Follows ``torch.nn.GroupNorm``.

    Parameters
    ----------
    num_groups
        How many groups there are; it divides the number of channels.
    num_channels
        The number of channels C.
    eps
        What keeps the divisor from 0.
    affine
        Whether there are a weight and a bias, of shape (C).
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.
    bias
        Whether there is a bias.

    Raises
    ------
    ValueError
        When the number of channels isn't divisible by that of groups.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.GroupNorm(3, 6)(torch.ones(20, 6, 10, 10)).shape
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
    r"""Normalise over the last dimensions, whose shape is given (Ba et al., 2016).

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} w + b

    Follows ``torch.nn.functional.layer_norm``.

    Parameters
    ----------
    input
        A tensor of shape (*, normalized_shape), floating point.
    normalized_shape
        The lengths of the last dimensions, over which mean and variance are taken.
    weight, bias
        w and b, of shape normalized_shape.
    eps
        What keeps the divisor from 0.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    RuntimeError
        When the shapes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.layer_norm(torch.tensor([[1.0, 3.0], [5.0, 9.0]]), (2,)).round()
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    dims = _last_dims(input, normalized_shape, weight, bias)
    return apply(ops.standardize, input, weight, bias, None, None, dim=dims, eps=eps)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    one = isinstance(normalized_shape, Integral)
    return (normalized_shape,) if one else tuple(normalized_shape)


class LayerNorm(_Affine):
    r"""Normalise over the last dimensions, whose shape is given.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} w + b

    Mean and biased variance are each sample's own, so training and evaluation don't differ. The
    weight starts at 1, the bias at 0.

    Shapes: input and output (*, normalized_shape). Follows ``torch.nn.LayerNorm``.

    Parameters
    ----------
    normalized_shape
        The lengths of the last dimensions, or the length of the last.
    eps
        What keeps the divisor from 0.
    elementwise_affine
        Whether there are a weight w and a bias b, of that shape.
    bias
        Whether there is a bias b.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.LayerNorm(2, elementwise_affine=False)(torch.tensor([[1.0, 3.0]])).round()
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

    Parameters
    ----------
    input
        A tensor of shape (*, normalized_shape), floating point.
    normalized_shape
        The lengths of the last dimensions, over which the mean is taken.
    weight
        w, of shape normalized_shape.
    eps
        What keeps the divisor from 0.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.rms_norm(torch.tensor([3.0, 3.0, 3.0, 3.0]), (4,))
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
    """Divide by the root of the mean square over the last dimensions (Zhang, Sennrich, 2019).

    Shapes: input and output (*, normalized_shape). The equation is that of
    :func:`nn.functional.rms_norm`. Follows ``torch.nn.RMSNorm``.

    Parameters
    ----------
    normalized_shape
        The lengths of the last dimensions, or the length of the last.
    eps
        What keeps the divisor from 0; None: that of the dtype.
    elementwise_affine
        Whether there is a weight, of that shape; it starts at 1.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.RMSNorm(2)(torch.tensor([[3.0, 3.0]])).detach()
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
    r"""Divide by the mean square of neighbouring channels (Krizhevsky et al., 2012).

    .. math:: y_c = x_c \left(k + \frac{\alpha}{n} \sum_{c'} x_{c'}^2\right)^{-\beta}

    Follows ``torch.nn.functional.local_response_norm``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, ...).
    size
        n, how many channels count.
    alpha, beta, k
        The numbers of the equation.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    ValueError, RuntimeError
        When there are fewer than 3 dimensions; when size isn't positive.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.local_response_norm(torch.tensor([[[1.0], [2.0]]]), 1, alpha=3.0, beta=0.5)
    tensor([[[0.5000],
             [0.5547]]])
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
    """Divide by the mean square of neighbouring channels (Krizhevsky et al., 2012).

    Shapes: input and output (N, C, ...). The equation is that of
    :func:`nn.functional.local_response_norm`. Follows ``torch.nn.LocalResponseNorm``.

    Parameters
    ----------
    size
        How many channels count.
    alpha, beta, k
        The numbers of the equation.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.LocalResponseNorm(2)(torch.ones(32, 5, 24, 24)).shape
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
