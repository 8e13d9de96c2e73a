"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.optim.optimizer import LONG_BLOCK, Optimizer


class SGD(Optimizer):
    r"""Gradient descent, with momentum and weight decay where asked for.

    .. math::
        d = g + \lambda p, \quad
        b \leftarrow \mu b + (1 - \tau) d, \quad
        p \leftarrow p - \eta \, (d + \mu b \text{ if Nesterov, else } b)

    The first buffer b is d itself. Follows ``torch.optim.SGD``.

    Parameters
    ----------
    params
        Tensors or groups.
    lr, momentum, dampening, weight_decay
        :math:`\eta, \mu, \tau, \lambda`.
    nesterov
        Look ahead by one momentum step (Sutskever et al., 2013).
    maximize
        Climb instead of descend.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse a negative momentum, and Nesterov without momentum or with dampening."""
        super().check(group)
        if group["momentum"] < 0:
            raise ValueError(f"Invalid momentum value: {group['momentum']}; it can't be negative")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Apply the formula to one parameter."""
        lr, momentum, decay = float(group["lr"]), group["momentum"], group["weight_decay"]
        kept = 1 - group["dampening"]
        if not momentum:
            for p_, g_, one, _ in self.blocks(p, g, length=LONG_BLOCK):
                d = g_
                if decay:
                    np.multiply(p_, decay, out=one)
                    d = np.add(one, g_, out=one)
                np.multiply(d, lr, out=one)
                p_ -= one
            return
        first = state.get("momentum_buffer") is None
        if first:
            state["momentum_buffer"] = wrap(np.empty_like(p))
        for p_, g_, buffer, one, two in self.blocks(p, g, state["momentum_buffer"]._array):
            d = g_
            if decay:
                np.multiply(p_, decay, out=one)
                d = np.add(one, g_, out=one)
            if first:
                buffer[...] = d
            else:
                buffer *= momentum
                buffer += d if kept == 1 else np.multiply(d, kept, out=two)
            if group["nesterov"]:
                np.multiply(buffer, momentum, out=two)
                two += d
                np.multiply(two, lr, out=two)
            else:
                np.multiply(buffer, lr, out=two)
            p_ -= two
