"""RMSprop."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.optim.optimizer import Optimizer


class RMSprop(Optimizer):
    r"""Steps divided by the root of a running mean of squared gradients (Hinton, 2012).

    .. math::
        v \leftarrow \alpha v + (1 - \alpha) g^2, \quad
        p \leftarrow p - \eta \, g / (\sqrt{v} + \epsilon)

    Centred, the squared mean of the gradients is taken off v; with momentum, a buffer of the
    quotients is followed. Follows ``torch.optim.RMSprop``.

    Parameters
    ----------
    params
        Tensors or groups.
    lr, alpha, eps
        :math:`\eta, \alpha, \epsilon`.
    weight_decay
        The factor of the L2 penalty.
    momentum
        The factor of the buffer.
    centered
        Whether to divide by the deviation instead of the root mean square.
    maximize
        Climb instead of descend.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "maximize": maximize,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse a negative momentum, alpha or epsilon."""
        super().check(group)
        for name in ("momentum", "alpha", "eps"):
            if not group[name] >= 0:
                raise ValueError(f"Invalid {name} value: {group[name]}; it must not be negative")

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Apply the formula to one parameter."""
        if "step" not in state:
            state["step"] = wrap(np.zeros((), np.float32))
            state["square_avg"] = self.zeros(p)
            if group["momentum"] > 0:
                state["momentum_buffer"] = self.zeros(p)
            if group["centered"]:
                state["grad_avg"] = self.zeros(p)
        state["step"]._array += 1
        lr, alpha, eps = float(group["lr"]), group["alpha"], group["eps"]
        momentum, decay = group["momentum"], group["weight_decay"]
        arrays = [p, g, state["square_avg"]._array]
        if group["centered"]:
            arrays.append(state["grad_avg"]._array)
        if momentum > 0:
            arrays.append(state["momentum_buffer"]._array)
        for p_, g_, square, *rest, one, two in self.blocks(*arrays):
            if decay:
                np.multiply(p_, decay, out=two)
                g_ = np.add(two, g_, out=two)
            square *= alpha
            np.multiply(g_, g_, out=one)
            one *= 1 - alpha
            square += one
            if group["centered"]:
                mean = rest[0]
                np.subtract(g_, mean, out=one)
                one *= 1 - alpha
                mean += one
                np.multiply(mean, mean, out=one)
                np.subtract(square, one, out=one)
                np.sqrt(one, out=one)
            else:
                np.sqrt(square, out=one)
            one += eps
            np.divide(g_, one, out=one)
            if momentum > 0:
                buffer = rest[-1]
                buffer *= momentum
                buffer += one
                np.multiply(buffer, lr, out=one)
            else:
                one *= lr
            p_ -= one
