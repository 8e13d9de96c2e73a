"""RAdam: Adam with a rectified variance."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class RAdam(ArrayOptimizer):
    r"""Adam that trusts the mean of squares only when it has seen enough (Liu et al., 2019).

    .. math::
        \rho_\infty = \frac{2}{1 - \beta_2} - 1, \quad
        \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \quad
        r = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}
                       {(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}

    .. math::
        p \leftarrow p - \eta \, \frac{m}{1 - \beta_1^t} \cdot
        \begin{cases} r \sqrt{1 - \beta_2^t} / (\sqrt v + \epsilon) & \rho_t > 5 \\
                      1 & \text{else} \end{cases}

    The means m and v are those of :class:`~tinygrad_mnist.optim.Adam`. Follows
    ``torch.optim.RAdam``.

    Parameters
    ----------
    lr, betas, eps
        :math:`\eta, (\beta_1, \beta_2), \epsilon`.
    params, weight_decay, decoupled_weight_decay, maximize, foreach, capturable, differentiable
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import RAdam
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        return {"step": scalar(0), "exp_avg": self.zeros(p), "exp_avg_sq": self.zeros(p)}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        t = self.count(state)
        lr, eps = float(group["lr"]), group["eps"]
        beta1, beta2 = map(float, group["betas"])
        size = lr / (1 - beta1**t)
        correction = 1 - beta2**t
        most = 2 / (1 - beta2) - 1
        rho = most - 2 * t * beta2**t / correction
        if rho > 5:
            rectified = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)
            size *= math.sqrt(rectified * correction)
        means = state["exp_avg"], state["exp_avg_sq"]
        for p_, g_, m, v, one, two in self.blocks(p, g, *means, **self.decay(group)):
            self.follow(m, g_, 1 - beta1, one)
            self.follow_square(v, g_, beta2, one)
            np.multiply(m, size, out=one)
            if rho > 5:
                np.sqrt(v, out=two)
                two += eps
                one /= two
            p_ -= one
