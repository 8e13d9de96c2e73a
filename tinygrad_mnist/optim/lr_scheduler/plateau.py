"""A schedule that waits for a metric to stop improving."""

from __future__ import annotations

import math
from typing import SupportsFloat

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.optim.lr_scheduler.scheduler import (
    EPOCH_WARNING,
    LRScheduler,
    checked,
    rates,
    set_value,
)
from tinygrad_mnist.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    r"""The learning rate falls by a factor when a metric has stopped improving.

    Follows ``torch.optim.lr_scheduler.ReduceLROnPlateau``.

    Parameters
    ----------
    optimizer
        The optimizer whose groups' ``"lr"`` is set.
    mode
        ``"min"`` if lower metrics are better, or ``"max"``.
    factor
        By which the rates are multiplied, less than 1.
    patience
        How many epochs without improvement are borne.
    threshold, threshold_mode
        An improvement is one by this share of the best metric (``"rel"``), or by this much
        (``"abs"``).
    cooldown
        How many epochs after a fall are not counted.
    min_lr
        The lowest rate, or a list of one for each group.
    eps
        Smaller changes of the rate are left undone.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import ReduceLROnPlateau
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 1.0):
    ...     scheduler.step(loss)
    ...     print(scheduler.get_last_lr())
    [1.0]
    [1.0]
    [1.0]
    [0.5]
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = checked(optimizer)
        if factor >= 1.0:
            raise ValueError(f"factor should be < 1.0, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown; use 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown; use 'rel' or 'abs'")
        count = len(optimizer.param_groups)
        self.default_min_lr: float | None = None
        if isinstance(min_lr, list | tuple):
            if len(min_lr) != count:
                raise ValueError(f"expected {count} min_lrs, got {len(min_lr)}")
            self.min_lrs = list(min_lr)
        else:
            self.default_min_lr, self.min_lrs = min_lr, [min_lr] * count
        self.factor, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.last_epoch = self.cooldown_counter = self.num_bad_epochs = 0
        self._last_lr = rates(optimizer)

    # PyTorch's own step takes the metric first.
    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of the metric of an epoch, a number or a tensor of one element."""
        current = float(metrics)
        if epoch is not None:
            warn(EPOCH_WARNING)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self.num_bad_epochs += 1
        if self._is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = rates(self.optimizer)

    @property
    def in_cooldown(self) -> bool:
        """Whether bad epochs aren't counted."""
        return self.cooldown_counter > 0

    def _is_better(self, a: float, best: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            best *= 1.0 + sign * self.threshold
        else:
            best += sign * self.threshold
        return a > best if self.mode == "max" else a < best

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"the optimizer has {len(groups)} param groups now, but "
                    f"there are {len(self.min_lrs)} min_lrs; append to the scheduler's min_lrs"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, lowest in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, lowest)
            if old - new > self.eps:
                set_value(group, "lr", new)
