"""Normalisation layers."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor, empty, ones, tensor, zeros


class _Affine(Module):
    """What normalisations share: a weight that starts at 1 and a bias that starts at 0."""

    weight: Tensor | None
    bias: Tensor | None

    def _make(self, shape: tuple[int, ...], weight: bool, bias: bool, **kind: Any) -> None:
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, Parameter(empty(shape, **kind)) if wanted else None)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _ChannelNorm(_Affine):
    """What batch and instance normalisation share: statistics of channels, and running ones."""

    ranks: tuple[int, ...]
    """How many dimensions the input may have."""
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        **kind: Any,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make((num_features,), affine, affine and bias, **kind)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **kind) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **kind) if tracked else None)
        count = tensor(0, dtype=dtypes.int64) if tracked else None
        self.register_buffer("num_batches_tracked", count)
        self.reset_parameters()

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

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, bias,
            device=device, dtype=dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, normalised."""
        self._check(input)
        batch = self.training or self.running_mean is None
        momentum = self.momentum
        tracked = self.num_batches_tracked if self.training and self.track_running_stats else None
        if tracked is not None and momentum is None:
            momentum = 1 / (tracked.item() + 1)  # the mean over all batches
        out = F.batch_norm(
            input,
            self.running_mean if not self.training or self.track_running_stats else None,
            self.running_var if not self.training or self.track_running_stats else None,
            self.weight,
            self.bias,
            batch,
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
    """Normalise each channel of (N, C, D, H, W) over the batch; see :class:`BatchNorm2d`.

    Follows ``torch.nn.BatchNorm3d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.BatchNorm3d(3)(ones(2, 3, 2, 2, 2)).shape
    torch.Size([2, 3, 2, 2, 2])
    """

    ranks = (5,)


class _InstanceNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, bias,
            device=device, dtype=dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, normalised."""
        self._check(input)
        single = input.ndim == self.ranks[0]
        images = input.unsqueeze(0) if single else input
        if images.shape[1] != self.num_features and self.affine:
            raise ValueError(
                f"{type(self).__name__}: expected {self.num_features} channels, got "
                f"{images.shape[1]}"
            )
        out = F.instance_norm(
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
    """Normalise each channel of each image (N, C, H, W). Follows ``torch.nn.InstanceNorm2d``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.InstanceNorm2d(3)(ones(2, 3, 4, 4)).sum()
    tensor(0.)
    """

    ranks = (3, 4)


class LayerNorm(_Affine):
    """Normalise over the last dimensions, whose shape is given. Follows ``torch.nn.LayerNorm``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, tensor
    >>> nn.LayerNorm(2, elementwise_affine=False)(tensor([[1.0, 3.0]])).round()
    tensor([[-1.,  1.]])
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        single = isinstance(normalized_shape, Integral)
        self.normalized_shape = (normalized_shape,) if single else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        wanted = elementwise_affine
        self._make(self.normalized_shape, wanted, wanted and bias, device=device, dtype=dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, normalised."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """Divide by the root of the mean square over the last dimensions. Follows ``torch.nn.RMSNorm``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, tensor
    >>> nn.RMSNorm(2)(tensor([[3.0, 3.0]])).detach()
    tensor([[1., 1.]])
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        single = isinstance(normalized_shape, Integral)
        self.normalized_shape = (normalized_shape,) if single else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        weight = Parameter(empty(self.normalized_shape, **kind)) if elementwise_affine else None
        self.register_parameter("weight", weight)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the input, normalised."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


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

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels ({num_channels}) must be divisible by num_groups "
                f"({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._make((num_channels,), affine, affine and bias, device=device, dtype=dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, normalised."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divide by neighbouring channels' mean square. Follows ``torch.nn.LocalResponseNorm``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.LocalResponseNorm(2)(ones(32, 5, 24, 24)).shape
    torch.Size([32, 5, 24, 24])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, normalised."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
