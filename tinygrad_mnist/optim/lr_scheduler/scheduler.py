"""LRScheduler, the base class of learning-rate schedules."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from tinygrad_mnist._runtime.naming import kind, named, named_class, warn
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.optim.optimizer import Optimizer
from tinygrad_mnist.tensor import Tensor

EPOCH_WARNING = (
    "the epoch parameter of scheduler.step() is deprecated: call scheduler.step() without it. With "
    "it, the closed form of the schedule is used where there is one"
)


def _restoring(make: Callable[..., None]) -> Callable[..., None]:
    """Put the settings of the optimizer's groups back if the constructor of a schedule fails."""

    @functools.wraps(make)
    def init(self: LRScheduler, *args: Any, **kwargs: Any) -> None:
        optimizer = args[0] if args else kwargs.get("optimizer")
        groups = optimizer.param_groups if isinstance(optimizer, Optimizer) else []
        before = [dict(group) for group in groups]
        try:
            make(self, *args, **kwargs)
        except BaseException:
            for group, settings in zip(groups, before, strict=True):
                group.clear()
                group.update(settings)
            raise

    return init


@named_class
class LRScheduler:
    """Base of all schedules: sets every group's learning rate at each step.

    A subclass defines :meth:`get_lr`, from ``base_lrs``, ``last_epoch`` and the groups' present
    rates. Follows ``torch.optim.lr_scheduler.LRScheduler``.

    Parameters
    ----------
    optimizer
        The optimizer whose groups' ``"lr"`` is set.
    last_epoch
        The last epoch of a training that is resumed; -1 to begin.

    Raises
    ------
    TypeError
        When it isn't an Optimizer.
    KeyError
        When a training is resumed, but a group has no ``"initial_lr"``.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.lr_scheduler import LRScheduler
    >>> class Halving(LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / 2**self.last_epoch for lr in self.base_lrs]
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=0.8)
    >>> scheduler = Halving(optimizer)
    >>> for epoch in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.2]
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the errors of the library's own constructors name the class, and change nothing."""
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            # the class's own method, wrapped
            cls.__init__ = _restoring(cls.__init__)  # type: ignore[method-assign]
        if "step" in cls.__dict__:
            # one call in a compiled step, as that of the base: it counts in Python
            cls.step = one_call(cls.step)  # type: ignore[method-assign]
        named_class(cls)

    _parts: ClassVar[tuple[str, ...]] = ()
    """Attributes with states of their own: schedules, functions, or lists of such."""
    _is_initial = False
    _get_lr_called_within_step = False

    @_restoring
    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer)
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", _copied(group["lr"]))
        for i, group in enumerate(optimizer.param_groups):
            if "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming a "
                    f"scheduler with last_epoch={last_epoch}; load the optimizer's state first, "
                    f"or begin with last_epoch=-1"
                )
        self.base_lrs = rates(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        # From now on the optimizer notes that it was called, so that a wrong order is seen.
        if not hasattr(optimizer, "_opt_called"):
            optimizer._opt_called = False
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """Compute each group's learning rate for ``last_epoch``; called by :meth:`step`."""
        raise NotImplementedError(f"{type(self).__name__}: define get_lr() in the subclass")

    def get_last_lr(self) -> list[float]:
        """Return the learning rates that were set last."""
        return self._last_lr

    @named
    @one_call
    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch (or to the given one), and set its learning rates."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warn(EPOCH_WARNING)
        self._update_lr(epoch)

    def _check_order(self) -> None:
        """Warn, at the first step of the schedule, unless the optimizer has made one."""
        if not hasattr(self.optimizer.step, "runs_hooks"):
            warn(
                "seems like `optimizer.step()` has been overridden after learning rate scheduler "
                "initialization; make sure to call `optimizer.step()` before "
                "`lr_scheduler.step()`"
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warn(
                "detected call of `lr_scheduler.step()` before `optimizer.step()`; call them in "
                "the opposite order, or the first value of the learning rate schedule is skipped"
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        closed_form = getattr(self, "_get_closed_form_lr", None)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._set(self.get_lr if epoch is None or closed_form is None else closed_form)

    def _set(self, compute: Any) -> None:
        """Compute the groups' learning rates, and set them."""
        self._get_lr_called_within_step = True
        try:
            values = compute()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_value(group, "lr", lr)
        self._last_lr = rates(self.optimizer)

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warn(
                "to get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer; of schedules their states, of objects attributes."""
        found = {name: getattr(self, name) for name in self.__dict__ if name != "optimizer"}
        return found | {name: _state_of(found[name]) for name in self._parts}

    @named
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name in self._parts:
            _restore(getattr(self, name), state_dict[name])
        found = {name: value for name, value in state_dict.items() if name not in self._parts}
        self.__dict__.update(found)


class FactorLR(LRScheduler):
    """A schedule that multiplies the present learning rates by a factor, equal for all groups.

    What others change about a rate is kept, so such schedules can be chained.
    """

    def ratio(self) -> float:
        """Return the factor from the last epoch to this one."""
        raise NotImplementedError

    def total_ratio(self) -> float:
        """Return the factor from the first epoch to this one."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        factor = self.ratio()
        if factor == 1:
            return rates(self.optimizer)
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _get_closed_form_lr(self) -> list[float]:
        factor = self.total_ratio()
        return [lr * factor for lr in self.base_lrs]


def checked(optimizer: Any) -> Optimizer:
    """Return an optimizer; refuse anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{kind(optimizer)} is not an Optimizer")
    return optimizer


def positive(name: str, number: Any) -> int:
    """Return a number of steps; raise unless it is a number above 0."""
    if isinstance(number, bool | str) or not hasattr(number, "__float__"):
        raise TypeError(f"argument '{name}' must be a number, not {kind(number)}")
    if not number > 0:
        raise ValueError(f"{name} must be positive, but is {number}")
    return number  # type: ignore[no-any-return]  # a number, as checked


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def rates(optimizer: Optimizer, key: str = "lr") -> list[float]:
    """Return a setting of each group; tensors are copied."""
    return [_copied(group[key]) for group in optimizer.param_groups]


def set_value(group: dict[str, Any], key: str, value: Any) -> None:
    """Set a group's number; a tensor is written into."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value)
    else:
        group[key] = value


def for_groups(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return a list with a value for each group, given such a list or one value for all."""
    count = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [_copied(value) for _ in range(count)]
    if len(value) != count:
        raise ValueError(
            f"argument '{name}' must have the same length as optimizer.param_groups: it has "
            f"{len(value)} values, param_groups has {count}"
        )
    return [_copied(x) for x in value]


def _state_of(part: Any) -> Any:
    """Return the state of a schedule, the attributes of a function object, or a list of such."""
    if isinstance(part, Sequence):
        return [_state_of(x) for x in part]
    if part is None or isinstance(part, types.FunctionType):
        return None
    if callable(part):
        return {name: getattr(part, name) for name in getattr(part, "__dict__", ())}
    return part.state_dict()


def _restore(part: Any, state: Any) -> None:
    """Give back what :func:`_state_of` returned."""
    if isinstance(part, Sequence):
        for x, its in zip(part, state, strict=True):
            _restore(x, its)
    elif state and part is not None:
        part.__dict__.update(state) if callable(part) else part.load_state_dict(state)


class _LRScheduler(LRScheduler):
    """The name by which older code subclasses :class:`LRScheduler`."""
