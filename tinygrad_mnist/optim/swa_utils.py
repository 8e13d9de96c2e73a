"""Running averages of a model's parameters, and the schedule that goes with them."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim.lr_scheduler.scheduler import LRScheduler, for_groups
from tinygrad_mnist.optim.optimizer import Optimizer
from tinygrad_mnist.tensor import Tensor, tensor


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    r"""Return the function of an exponential average, for one parameter.

    .. math:: a \leftarrow d \, a + (1 - d) \, p

    Follows ``torch.optim.swa_utils.get_ema_avg_fn``.

    Parameters
    ----------
    decay
        d, from 0 to 1.

    Returns
    -------
    A function of the average, the parameter and the number n of those averaged before, all of one
    shape.

    Raises
    ------
    ValueError
        When the decay isn't between 0 and 1.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim.swa_utils import get_ema_avg_fn
    >>> get_ema_avg_fn(0.5)(tensor([1.0]), tensor([2.0]), 1)
    tensor([1.5000])
    """
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"invalid decay value {decay}; provide a value in [0, 1]")

    @no_grad()
    def average(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return averaged * decay + current * (1 - decay)

    return average


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    r"""Return the function of an equal average, for one parameter.

    .. math:: a \leftarrow a + (p - a) / (n + 1)

    Follows ``torch.optim.swa_utils.get_swa_avg_fn``.

    Returns
    -------
    A function of the average a, the parameter p and the number n of those averaged before.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim.swa_utils import get_swa_avg_fn
    >>> get_swa_avg_fn()(tensor([1.0]), tensor([4.0]), 2)
    tensor([2.])
    """

    @no_grad()
    def average(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        moved: Tensor = averaged + (current - averaged) / (num_averaged + 1)
        return moved

    return average


def _for_lists(average: Callable[[Tensor, Tensor, Any], Tensor]) -> Callable[..., None]:
    """Return the function that averages lists of parameters in place."""

    @no_grad()
    def average_all(averaged: Iterable[Tensor], current: Iterable[Tensor], number: Any) -> None:
        for a, p in zip(averaged, current, strict=True):
            a.copy_(average(a, p, number))

    return average_all


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """Return the function of an exponential average, for lists of parameters in place.

    Follows ``torch.optim.swa_utils.get_ema_multi_avg_fn``; see :func:`get_ema_avg_fn`.

    Parameters
    ----------
    decay
        d, from 0 to 1.

    Returns
    -------
    A function of two lists of tensors, and the number of those averaged before.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim.swa_utils import get_ema_multi_avg_fn
    >>> a = tensor([1.0])
    >>> get_ema_multi_avg_fn(0.5)([a], [tensor([2.0])], 1)
    >>> a
    tensor([1.5000])
    """
    return _for_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """Return the function of an equal average, for lists of parameters in place.

    Follows ``torch.optim.swa_utils.get_swa_multi_avg_fn``; see :func:`get_swa_avg_fn`.

    Returns
    -------
    A function of two lists of tensors, and the number of those averaged before.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim.swa_utils import get_swa_multi_avg_fn
    >>> a = tensor([1.0])
    >>> get_swa_multi_avg_fn()([a], [tensor([2.0])], 1)
    >>> a
    tensor([1.5000])
    """
    return _for_lists(get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of a model that holds the running average of its parameters.

    The first call of :meth:`update_parameters` copies them, each further one averages. Equal
    averages are Izmailov et al.'s (2018). Follows ``torch.optim.swa_utils.AveragedModel``.

    Parameters
    ----------
    model
        The model that is trained.
    device
        The CPU.
    avg_fn, multi_avg_fn
        How to average one parameter, or lists of them in place; an equal average if none is given.
    use_buffers
        Average the buffers too, instead of copying them.

    Raises
    ------
    AssertionError
        When both functions are given.

    Examples
    --------
    >>> from tinygrad_mnist import nn, no_grad, tensor
    >>> from tinygrad_mnist.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
    >>> model = nn.Linear(1, 1, bias=False)
    >>> averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    >>> for value in (1.0, 2.0):
    ...     with no_grad():
    ...         _ = model.weight.fill_(value)
    ...     averaged.update_parameters(model)
    >>> averaged(tensor([1.0])).item()
    1.5
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Any], Tensor] | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of a model into the average."""
        averaged, current = self._tensors(self.module), self._tensors(model)
        arrays = [x._array for x in averaged]
        self._take_in([x._array for x in current], self.n_averaged._array, outs=arrays)
        for x in averaged:
            x._version.bump("update_parameters")
        if not self.use_buffers:
            for a, b in zip(self.module.buffers(), model.buffers(), strict=True):
                a.detach().copy_(b)
        self.n_averaged += 1

    @one_call
    def _take_in(self, arrays: list[Any], count: Any, outs: list[Any]) -> None:
        """Change the averages, outs, by what comes after so many."""
        averaged, current = list(map(wrap, outs)), list(map(wrap, arrays))
        if int(count) == 0:
            for a, p in zip(averaged, current, strict=True):
                a.copy_(p)
        elif self.multi_avg_fn is not None:
            self.multi_avg_fn(averaged, current, wrap(count))
        else:
            _for_lists(self.avg_fn or get_swa_avg_fn())(averaged, current, wrap(count))

    def _tensors(self, model: Module) -> list[Tensor]:
        """Return the tensors to average, detached."""
        buffers = model.buffers() if self.use_buffers else ()
        return [x.detach() for x in itertools.chain(model.parameters(), buffers)]


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of a model's batch norms anew, from all batches of a loader.

    The parameters of an average have seen no data, so neither have its statistics. Follows
    ``torch.optim.swa_utils.update_bn``.

    Parameters
    ----------
    loader
        The batches; of a tuple or list, the first element is the input.
    model
        The model.
    device
        The CPU.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.optim.swa_utils import update_bn
    >>> model = torch.nn.BatchNorm1d(1)
    >>> update_bn([torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])], model)
    >>> model.running_mean
    tensor([4.])
    """
    layers: list[Any] = [m for m in model.modules() if hasattr(m, "reset_running_stats")]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    was_training = model.training
    model.train()
    try:
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None
        for batch in loader:
            x = batch[0] if isinstance(batch, list | tuple) else batch
            model(x if device is None else x.to(device))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    r"""The learning rate goes from what it is to a constant, along half a cosine or a line.

    .. math:: \eta_t = (1 - \alpha_t) \, \eta_0 + \alpha_t \, \eta_{\text{swa}}

    Computed from the present rates, so that it can follow another schedule. Follows
    ``torch.optim.swa_utils.SWALR``.

    Parameters
    ----------
    optimizer, last_epoch
        See :class:`~tinygrad_mnist.optim.lr_scheduler.LRScheduler`.
    swa_lr
        The rate to end with, or a list of one for each group.
    anneal_epochs, anneal_strategy
        How long it takes, and ``"cos"`` or ``"linear"``.

    Examples
    --------
    >>> from tinygrad_mnist import optim, tensor
    >>> from tinygrad_mnist.optim.swa_utils import SWALR
    >>> optimizer = optim.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> for epoch in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0]
    [0.75]
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = for_groups("swa_lr", optimizer, swa_lr)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """Return how much of the final rate there is at a step."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        """Take out the last step's share of the final rate, and put in this one's."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        last, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            lr, final = group["lr"], group["swa_lr"]
            without = final if last == 1 else (lr - last * final) / (1 - last)
            rates.append(final * now + without * (1 - now))
        return rates
