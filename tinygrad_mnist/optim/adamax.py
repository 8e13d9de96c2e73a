"""Adamax."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class Adamax(ArrayOptimizer):
    r"""Adam with the largest recent gradient in place of the root mean square.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        u \leftarrow \max(\beta_2 u, |g| + \epsilon), \quad
        p \leftarrow p - \frac{\eta}{1 - \beta_1^t} \, \frac{m}{u}

    From Kingma and Ba (2014), section 7.1. Follows ``torch.optim.Adamax``.

    Parameters
    ----------
    lr, betas, eps
        :math:`\eta, (\beta_1, \beta_2), \epsilon`.
    params, weight_decay, maximize, foreach, differentiable, capturable
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import Adamax
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        return {"step": scalar(0), "exp_avg": self.zeros(p), "exp_inf": self.zeros(p)}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        t = self.count(state)
        beta1, beta2 = map(float, group["betas"])
        size, eps = float(group["lr"]) / (1 - beta1**t), group["eps"]
        means = state["exp_avg"], state["exp_inf"]
        for p_, g_, m, u, one, _ in self.blocks(p, g, *means, decay=group["weight_decay"]):
            self.follow(m, g_, 1 - beta1, one)
            np.abs(g_, out=one)
            one += eps
            u *= beta2
            np.maximum(u, one, out=u)
            np.divide(m, u, out=one)
            one *= size
            p_ -= one
