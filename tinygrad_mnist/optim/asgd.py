"""Averaged stochastic gradient descent."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class ASGD(ArrayOptimizer):
    r"""Gradient descent of falling size that also keeps the mean of its path.

    .. math::
        p \leftarrow (1 - \lambda \eta_t) \, p - \eta_t \, g, \quad
        a \leftarrow a + \mu_t (p - a), \quad
        \eta_{t+1} = \frac{\eta}{(1 + \lambda \eta t)^\alpha}, \quad
        \mu_{t+1} = \frac{1}{\max(1, t - t_0)}

    The mean a is in ``state[p]["ax"]`` (Polyak and Juditsky, 1992). Follows ``torch.optim.ASGD``.

    Parameters
    ----------
    lr, lambd, alpha, t0
        :math:`\eta, \lambda, \alpha, t_0`; the mean begins after t0 steps.
    params, weight_decay, maximize, foreach, differentiable, capturable
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import ASGD
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = ASGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        """Begin with the full size, and a mean that is the parameter."""
        eta = scalar(float(group["lr"]))
        return {"step": scalar(0), "eta": eta, "mu": scalar(1), "ax": self.zeros(p)}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        t = self.count(state)
        lr, lambd = float(group["lr"]), group["lambd"]
        eta, mu = state["eta"].item(), state["mu"].item()
        for p_, g_, mean, one, _ in self.blocks(p, g, state["ax"], decay=group["weight_decay"]):
            p_ *= 1 - lambd * eta
            np.multiply(g_, eta, out=one)
            p_ -= one
            if mu == 1:
                mean[...] = p_
            else:
                self.follow(mean, p_, mu, one)
        state["eta"]._array[...] = lr / (1 + lambd * lr * t) ** group["alpha"]
        state["mu"]._array[...] = 1 / max(1, t - group["t0"])
