"""Schedules composed of other schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from tinygrad_mnist.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tinygrad_mnist.optim.lr_scheduler.scheduler import LRScheduler, rates, set_value
from tinygrad_mnist.optim.optimizer import Optimizer


class _Composed(LRScheduler):
    """A schedule that steps others."""

    _parts = ("_schedulers",)
    _schedulers: Sequence[LRScheduler]

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        """Check that the schedules can be composed, and keep them."""
        if len(schedulers) < 1:
            raise ValueError("expects at least one scheduler, but got no scheduler")
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"scheduler {i} should have `optimizer` as its attribute")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"does not support `ReduceLROnPlateau`, which is at index {i}: its "
                    f"step needs a metric; step it on its own"
                )
            optimizer = optimizer or scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"expects all schedulers to belong to the same optimizer, but "
                    f"scheduler {i}, {type(scheduler).__name__}, has another one"
                )
        assert optimizer is not None
        self._schedulers, self.optimizer = schedulers, optimizer


class SequentialLR(_Composed):
    """One schedule after the other, each from a milestone on.

    Every schedule begins at its own epoch 0. Follows ``torch.optim.lr_scheduler.SequentialLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    schedulers
        The schedules, of the same optimizer.
    milestones
        The epochs at which the second and all further ones take over.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> warmup = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> decay = ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.5]
    [0.75]
    [1.0]
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"expects one scheduler more than milestones, but got "
                f"{len(schedulers)} schedulers and {len(milestones)} milestones"
            )
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            set_value(group, "lr", group["initial_lr"])
        self.recursive_undo()
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def recursive_undo(self, sched: LRScheduler | None = None) -> None:
        """Take back the step that each schedule made when it was created."""
        scheduler = self if sched is None else sched
        if isinstance(scheduler, _Composed):
            for inner in scheduler._schedulers:
                self.recursive_undo(inner)
        elif hasattr(scheduler, "last_epoch"):
            scheduler.last_epoch -= 1

    # Its schedules count epochs for themselves.
    def step(self) -> None:  # type: ignore[override]
        """Step the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """Several schedules at once, each changing what the one before has made of the rates.

    Follows ``torch.optim.lr_scheduler.ChainedScheduler``.

    Parameters
    ----------
    schedulers
        The schedules, of the same optimizer.
    optimizer
        Their optimizer.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> warmup = ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> scheduler = ChainedScheduler([warmup, ExponentialLR(optimizer, gamma=0.5)])
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.5]
    [0.25]
    [0.25]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._take(schedulers, optimizer)
        self._last_lr = rates(self.optimizer)

    # Its schedules count epochs for themselves.
    def step(self) -> None:  # type: ignore[override]
        """Step all schedules."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = rates(self.optimizer)
