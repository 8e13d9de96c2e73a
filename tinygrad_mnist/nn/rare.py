"""Layers that few programs have; imported when they are first asked for."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn.functional import rare as F
from tinygrad_mnist.nn.functional.spatial import Size
from tinygrad_mnist.nn.loss import _Loss
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.normalization import _BatchNorm
from tinygrad_mnist.tensor import Tensor


class LPPool1d(Module):
    """The p-norm of each window of signals (N, C, L). Follows ``torch.nn.LPPool1d``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> LPPool1d(2, 4)(ones(1, 1, 4))
    tensor([[[2.]]])
    """

    dims = 1

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = stride, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Return the norms."""
        pool = getattr(F, f"lp_pool{self.dims}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool2d(LPPool1d):
    """The p-norm of each window of images (N, C, H, W). Follows ``torch.nn.LPPool2d``."""

    dims = 2


class LPPool3d(LPPool1d):
    """The p-norm of each window of volumes. Follows ``torch.nn.LPPool3d``."""

    dims = 3


class MultiLabelMarginLoss(_Loss):
    """How far a sample's classes are from being 1 above all others.

    Follows ``torch.nn.MultiLabelMarginLoss``.
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


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
        device: Any = None,
        dtype: Any = None,
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
