"""Schedules that multiply the learning rate."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

from tinygrad_mnist.optim.lr_scheduler.scheduler import FactorLR, LRScheduler, positive, rates
from tinygrad_mnist.optim.optimizer import Optimizer

Factor: TypeAlias = Callable[[int], float]
"""A function of the epoch."""


class _OfFunctions(LRScheduler):
    """A schedule given by a function of the epoch, or by one for each group."""

    _parts = ("lr_lambdas",)

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1
    ) -> None:
        count = len(optimizer.param_groups)
        if not isinstance(lr_lambda, list | tuple):
            lr_lambda = [lr_lambda] * count
        if len(lr_lambda) != count:
            raise ValueError(f"expected {count} lr_lambdas, but got {len(lr_lambda)}")
        for function in lr_lambda:
            if not callable(function):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(function).__name__}"
                )
        self.lr_lambdas: list[Factor] = list(lr_lambda)
        super().__init__(optimizer, last_epoch)


class LambdaLR(_OfFunctions):
    r"""The initial learning rate times a function of the epoch.

    .. math:: \eta_t = \eta_0 \, f(t)

    Follows ``torch.optim.lr_scheduler.LambdaLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    lr_lambda
        The function, or a list with one for each group.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import LambdaLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]


class MultiplicativeLR(_OfFunctions):
    r"""The last learning rate times a function of the epoch.

    .. math:: \eta_t = \eta_{t-1} \, f(t)

    Follows ``torch.optim.lr_scheduler.MultiplicativeLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    lr_lambda
        The function, or a list with one for each group.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import MultiplicativeLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        """Multiply the present rates, but for the first epoch."""
        self._warn_outside_step()
        if self._is_initial:
            return rates(self.optimizer)
        pairs = zip(self.optimizer.param_groups, self.lr_lambdas, strict=True)
        return [group["lr"] * function(self.last_epoch) for group, function in pairs]


class StepLR(FactorLR):
    r"""The learning rate falls by a factor every few epochs.

    .. math:: \eta_t = \eta_0 \, \gamma^{\lfloor t / s \rfloor}

    Follows ``torch.optim.lr_scheduler.StepLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    step_size, gamma
        :math:`s, \gamma`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import StepLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0]
    [1.0]
    [0.5]
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size, self.gamma = positive("step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return gamma at the multiples of the step size."""
        return 1 if self.last_epoch == 0 or self.last_epoch % self.step_size else self.gamma

    def total_ratio(self) -> float:
        return self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(FactorLR):
    r"""The learning rate falls by a factor at given epochs.

    .. math:: \eta_t = \eta_0 \, \gamma^{\#\{m \in M: \, m \le t\}}

    Follows ``torch.optim.lr_scheduler.MultiStepLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    milestones, gamma
        :math:`M, \gamma`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import MultiStepLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0]
    [0.5]
    [0.5]
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return gamma at a milestone."""
        times = self.milestones.get(self.last_epoch, 0)
        return self.gamma**times if times else 1

    def total_ratio(self) -> float:
        reached = sorted(Counter(self.milestones).elements())
        return self.gamma ** bisect_right(reached, self.last_epoch)


class ConstantLR(FactorLR):
    r"""The learning rate is multiplied by a factor until an epoch.

    .. math:: \eta_t = \eta_0 \cdot \begin{cases} f & t < n \\ 1 & \text{else} \end{cases}

    Follows ``torch.optim.lr_scheduler.ConstantLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    factor, total_iters
        :math:`f, n`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import ConstantLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ConstantLR(optimizer, factor=0.25, total_iters=1)
    >>> optimizer.step()
    >>> print(scheduler.get_last_lr())
    [0.25]
    >>> scheduler.step()
    >>> print(scheduler.get_last_lr())
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(
                f"constant multiplicative factor expected to be between 0 and 1, got {factor}"
            )
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return the factor at first, its reciprocal at the end."""
        if self.last_epoch == 0:
            return self.factor
        return 1.0 / self.factor if self.last_epoch == self.total_iters else 1

    def total_ratio(self) -> float:
        return self.factor + (self.last_epoch >= self.total_iters) * (1 - self.factor)


class LinearLR(FactorLR):
    r"""The learning rate's factor goes from one number to another in equal steps.

    .. math:: \eta_t = \eta_0 \, \bigl(a + (b - a) \min(t, n) / n\bigr)

    Follows ``torch.optim.lr_scheduler.LinearLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    start_factor, end_factor, total_iters
        :math:`a, b, n`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import LinearLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.5]
    [0.75]
    [1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"starting multiplicative factor expected to be greater than 0 and less or equal "
                f"to 1, got {start_factor}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(
                f"ending multiplicative factor expected to be between 0 and 1, got {end_factor}"
            )
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return this epoch's factor over the last one's."""
        if self.last_epoch == 0:
            return self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1
        change = self.end_factor - self.start_factor
        last = self.total_iters * self.start_factor + (self.last_epoch - 1) * change
        return 1.0 + change / last

    def total_ratio(self) -> float:
        change = self.end_factor - self.start_factor
        done = min(self.total_iters, self.last_epoch)
        return self.start_factor + change * done / self.total_iters


class ExponentialLR(FactorLR):
    r"""The learning rate falls by a factor every epoch.

    .. math:: \eta_t = \eta_0 \, \gamma^t

    Follows ``torch.optim.lr_scheduler.ExponentialLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    gamma
        :math:`\gamma`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import ExponentialLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return gamma, but for the first epoch."""
        return 1 if self._is_initial else self.gamma

    def total_ratio(self) -> float:
        return self.gamma**self.last_epoch


class PolynomialLR(FactorLR):
    r"""The learning rate falls to zero as a power of the epochs that are left.

    .. math:: \eta_t = \eta_0 \, (1 - \min(t, n) / n)^k

    Follows ``torch.optim.lr_scheduler.PolynomialLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    total_iters, power
        :math:`n, k`.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import PolynomialLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = PolynomialLR(optimizer, total_iters=2, power=2.0)
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0]
    [0.25]
    [0.0]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return this epoch's power over the last one's."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1
        now, last = (1.0 - t / self.total_iters for t in (self.last_epoch, self.last_epoch - 1))
        return float((now / last) ** self.power)

    def total_ratio(self) -> float:
        return float(
            (1.0 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power
        )
