"""RMSprop."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class RMSprop(ArrayOptimizer):
    r"""Steps divided by the root of a running mean of squared gradients (Hinton, 2012).

    .. math::
        v \leftarrow \alpha v + (1 - \alpha) g^2, \quad
        p \leftarrow p - \eta \, g / (\sqrt{v} + \epsilon)

    Centred, the squared mean of the gradients is taken off v; with momentum, a buffer of the
    quotients is followed. Follows ``torch.optim.RMSprop``.

    Parameters
    ----------
    lr, alpha, eps
        :math:`\eta, \alpha, \epsilon`.
    momentum
        The factor of the buffer.
    centered
        Whether to divide by the deviation instead of the root mean square.
    params, weight_decay, maximize, capturable, foreach, differentiable
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import RMSprop
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        """Begin with means and a buffer of zero."""
        names = ["square_avg"]
        names += ["momentum_buffer"] * (group["momentum"] > 0) + ["grad_avg"] * group["centered"]
        return {"step": scalar(0), **{name: self.zeros(p) for name in names}}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        self.count(state)
        lr, alpha, eps = float(group["lr"]), group["alpha"], group["eps"]
        momentum, centered = group["momentum"], group["centered"]
        means = [state["square_avg"]]
        if centered:
            means.append(state["grad_avg"])
        if momentum > 0:
            means.append(state["momentum_buffer"])
        for p_, g_, v, *rest, one, _ in self.blocks(p, g, *means, decay=group["weight_decay"]):
            self.follow_square(v, g_, alpha, one)
            if centered:
                mean = rest[0]
                self.follow(mean, g_, 1 - alpha, one)
                np.multiply(mean, mean, out=one)
                v = np.subtract(v, one, out=one)
            np.sqrt(v, out=one)
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
