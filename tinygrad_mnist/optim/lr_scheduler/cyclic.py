"""Schedules in which the learning rate rises and falls, and momentum the other way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tinygrad_mnist.optim.lr_scheduler.scheduler import (
    LRScheduler,
    checked,
    for_groups,
    positive,
    set_value,
)
from tinygrad_mnist.optim.optimizer import Optimizer


class _MomentumCycle(LRScheduler):
    """A schedule that may also set each group's momentum, or its first beta."""

    use_beta1: bool

    def _start_momentum(self, lowest: Any, highest: Any, begin: bool) -> tuple[list[Any], ...]:
        """Look up which momentum there is; let it begin at its highest."""
        optimizer = self.optimizer
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled; "
                "pass cycle_momentum=False"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        lows = for_groups("base_momentum", optimizer, lowest)
        highs = for_groups("max_momentum", optimizer, highest)
        if begin:
            for low, high, group in zip(lows, highs, optimizer.param_groups, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return lows, highs

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_MomentumCycle):
    r"""The learning rate goes up and down between two bounds, along straight lines.

    .. math:: \eta = \eta_{\text{base}} + (\eta_{\max} - \eta_{\text{base}}) \, h \, s

    The height h goes from 0 to 1 and back in each cycle; s scales the cycles: 1 (triangular),
    :math:`2^{1-c}` in cycle c (triangular2), or :math:`\gamma^t` (exp_range). Meant to be stepped
    after each batch (Smith, 2015). Follows ``torch.optim.lr_scheduler.CyclicLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    base_lr, max_lr
        The bounds, or lists of one for each group.
    step_size_up, step_size_down
        How many steps it takes to go up, and down.
    mode, gamma
        The name of the scale, and :math:`\gamma`.
    scale_fn, scale_mode
        A scale of your own; of the ``"cycle"`` (from 1) or of the ``"iterations"``.
    cycle_momentum, base_momentum, max_momentum
        Whether momentum goes down while the rate goes up, and its bounds.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import CyclicLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = CyclicLR(optimizer, base_lr=0.0, max_lr=1.0, step_size_up=2)
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.0]
    [0.5]
    [1.0]
    [0.5]
    """

    _parts = ("_scale_fn_custom",)

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked(optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(
                f"mode is invalid and scale_fn is None: use 'triangular', 'triangular2' or "
                f"'exp_range', not {mode!r}"
            )
        base_lrs = for_groups("base_lr", optimizer, base_lr)
        self.max_lrs = for_groups("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        up = float(positive("step_size_up", step_size_up))
        down = up if step_size_down is None else float(positive("step_size_down", step_size_down))
        self.total_size = up + down
        self.step_ratio = up / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            begin = last_epoch == -1
            bounds = self._start_momentum(base_momentum, max_momentum, begin)
            self.base_momentums, self.max_momentums = bounds
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return the scale in a cycle, or at an iteration."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return float(1 / (2.0 ** (x - 1)) if self.mode == "triangular2" else self.gamma**x)

    def get_lr(self) -> list[float]:
        """Compute the rates from the place in the cycle; set the momentum likewise."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio
        if x > self.step_ratio:
            height = (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                self._set_momentum(group, high - (high - low) * height * scale)
        bounds = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height * scale for low, high in bounds]


class OneCycleLR(_MomentumCycle):
    r"""The learning rate rises once, then falls to almost nothing.

    From ``max_lr / div_factor`` to ``max_lr``, then to the first rate over ``final_div_factor``,
    each time along half a cosine or a line. Meant to be stepped after each batch (Smith and Topin,
    2017). Follows ``torch.optim.lr_scheduler.OneCycleLR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`LRScheduler`.
    max_lr
        The highest rate, or a list of one for each group.
    total_steps, epochs, steps_per_epoch
        The number of steps, or the two factors of it.
    pct_start
        The share of the steps in which the rate rises.
    anneal_strategy
        ``"cos"`` or ``"linear"``.
    cycle_momentum, base_momentum, max_momentum
        Whether momentum goes down while the rate goes up, and its bounds.
    div_factor, final_div_factor
        The highest rate over the first, and the first over the last.
    three_phase
        Fall as long as it rose, back to the first rate, before going on to the last.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import OneCycleLR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.4)
    >>> for batch in range(5):
    ...     print(f"{scheduler.get_last_lr()[0]:.6f} {optimizer.param_groups[0]['momentum']:.3f}")
    ...     optimizer.step()
    ...     scheduler.step()
    0.040000 0.950
    1.000000 0.850
    0.750001 0.875
    0.250003 0.925
    0.000004 0.950
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = checked(optimizer)
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("you must define either total_steps OR (epochs AND steps_per_epoch)")
        counts = {"total_steps": total_steps}
        if total_steps is None:
            counts = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
        for name, count in counts.items():
            if not isinstance(count, int) or count <= 0:
                raise ValueError(f"expected positive integer {name}, but got {count}")
        self.total_steps: int = math.prod(counts.values())  # type: ignore[arg-type]  # integers, as checked
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        rise, end = float(pct_start * self.total_steps), self.total_steps - 1
        self._schedule_phases = [_phase(rise - 1, "initial_lr", "max_lr", "max", "base")]
        if three_phase:
            self._schedule_phases += [
                _phase(2 * rise - 2, "max_lr", "initial_lr", "base", "max"),
                _phase(end, "initial_lr", "min_lr", "max", "max"),
            ]
        else:
            self._schedule_phases += [_phase(end, "max_lr", "min_lr", "base", "max")]
        begin = last_epoch == -1
        max_lrs = for_groups("max_lr", optimizer, max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(base_momentum, max_momentum, begin)
        if begin:
            for group, highest in zip(optimizer.param_groups, max_lrs, strict=True):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def _anneal(self, start: Any, end: Any, done: float) -> Any:
        """Return what lies between two numbers, a share of the way done."""
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)
        return (end - start) * done + start

    def get_lr(self) -> list[float]:
        """Compute the rates from the place in the phase; set the momentum likewise."""
        self._warn_outside_step()
        step, start = self.last_epoch, 0.0
        if step > self.total_steps:
            raise ValueError(
                f"tried to step {step} times; the specified number of total steps is "
                f"{self.total_steps}"
            )
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        done = (step - start) / (phase["end_step"] - start)
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._anneal(*ends, done))
        return [self._anneal(g[phase["start_lr"]], g[phase["end_lr"]], done) for g in groups]


def _phase(end_step: float, start: str, end: str, from_: str, to: str) -> dict[str, Any]:
    """Return when a phase ends, and between which of a group's settings it goes."""
    return {
        "end_step": end_step,
        "start_lr": start,
        "end_lr": end,
        "start_momentum": f"{from_}_momentum",
        "end_momentum": f"{to}_momentum",
    }
