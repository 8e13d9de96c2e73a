"""Schedules along a cosine."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_mnist.optim.lr_scheduler.scheduler import LRScheduler, positive, rates
from tinygrad_mnist.optim.optimizer import Optimizer


def _fall(lowest: float, base_lrs: list[Any], angle: float) -> list[float]:
    """Return the rates at an angle of the cosine: the base rates at 0, the lowest at pi."""
    return [lowest + (base - lowest) * (1 + math.cos(angle)) / 2 for base in base_lrs]


class CosineAnnealingLR(LRScheduler):
    r"""The learning rate falls along half a period of a cosine, and rises again along the next.

    .. math:: \eta_t = \eta_{\min} + (\eta_0 - \eta_{\min}) \, \bigl(1 + \cos(\pi t / T)\bigr) / 2

    Computed from the present rates, so that it can be chained (Loshchilov and Hutter, 2016).
    Follows ``torch.optim.lr_scheduler.CosineAnnealingLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    T_max, eta_min
        :math:`T, \eta_{\min}`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import CosineAnnealingLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingLR(optimizer, T_max=2)
    >>> for epoch in range(3):
    ...     print(round(scheduler.get_last_lr()[0], 6))
    ...     optimizer.step()
    ...     scheduler.step()
    1.0
    0.5
    0.0
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max, self.eta_min = positive("T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Move the present rates from the last point of the cosine to this one."""
        self._warn_outside_step()
        t, period, lowest = self.last_epoch, self.T_max, self.eta_min
        present = rates(self.optimizer)
        if self._is_initial:
            return present
        if self._step_count == 1 and t > 0:
            return _fall(lowest, self.base_lrs, t * math.pi / period)
        if (t - 1 - period) % (2 * period) == 0:
            # The last rate was the lowest, which has no ratio to this one.
            rise = 1 - math.cos(math.pi / period)
            pairs = zip(present, self.base_lrs, strict=True)
            return [lr + (base - lowest) * rise / 2 for lr, base in pairs]
        now, last = (1 + math.cos(math.pi * i / period) for i in (t, t - 1))
        return [now / last * (lr - lowest) + lowest for lr in present]

    def _get_closed_form_lr(self) -> list[float]:
        return _fall(self.eta_min, self.base_lrs, math.pi * self.last_epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    r"""The learning rate falls along half a period of a cosine, jumps back, and falls again.

    .. math:: \eta = \eta_{\min} + (\eta_0 - \eta_{\min}) \, \bigl(1 + \cos(\pi t / T_i)\bigr) / 2

    Here t counts from the last restart. From Loshchilov and Hutter (2016). Follows
    ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    T_0, T_mult
        The first period, and the factor from each period to the next.
    eta_min
        :math:`\eta_{\min}`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import CosineAnnealingWarmRestarts
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> for epoch in range(3):
    ...     print(round(scheduler.get_last_lr()[0], 6))
    ...     optimizer.step()
    ...     scheduler.step()
    1.0
    0.5
    1.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, float | int):
            raise ValueError(
                f"expected float or int eta_min, but got {eta_min} of type {type(eta_min).__name__}"
            )
        self.T_0 = self.T_i = T_0
        self.T_mult, self.eta_min = T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Compute the rates from the time since the last restart."""
        self._warn_outside_step()
        return _fall(self.eta_min, self.base_lrs, math.pi * self.T_cur / self.T_i)

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to the given one, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            if epoch < 0:
                raise ValueError(f"expected non-negative epoch, but got {epoch}")
            self._seek(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr)

    def _seek(self, epoch: float) -> None:
        """Find the period that an epoch is in."""
        first, growth = self.T_0, self.T_mult
        if epoch < first:
            self.T_i, self.T_cur = first, epoch
        elif growth == 1:
            self.T_cur = epoch % first
        else:
            n = int(math.log(epoch / first * (growth - 1) + 1, growth))
            self.T_cur = epoch - first * (growth**n - 1) / (growth - 1)
            self.T_i = first * growth**n
