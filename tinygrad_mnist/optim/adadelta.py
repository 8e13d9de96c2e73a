"""Adadelta."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class Adadelta(ArrayOptimizer):
    r"""Steps in the unit of the parameters: the mean step over the mean gradient (Zeiler, 2012).

    .. math::
        v \leftarrow \rho v + (1 - \rho) g^2, \quad
        d = g \sqrt{\frac{u + \epsilon}{v + \epsilon}}, \quad
        u \leftarrow \rho u + (1 - \rho) d^2, \quad
        p \leftarrow p - \eta d

    Follows ``torch.optim.Adadelta``.

    Parameters
    ----------
    lr, rho, eps
        :math:`\eta, \rho, \epsilon`.
    params, weight_decay, maximize, foreach, capturable, differentiable
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import Adadelta
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = Adadelta([w], lr=1.0, eps=1e-2)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.6877], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        if not rho <= 1:
            raise ValueError(f"Invalid rho value: {rho}; use 0 <= rho <= 1")
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        return {"step": scalar(0), "square_avg": self.zeros(p), "acc_delta": self.zeros(p)}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        self.count(state)
        lr, rho, eps = float(group["lr"]), group["rho"], group["eps"]
        means = state["square_avg"], state["acc_delta"]
        for p_, g_, v, u, one, d in self.blocks(p, g, *means, decay=group["weight_decay"]):
            self.follow_square(v, g_, rho, one)
            np.add(v, eps, out=one)
            np.sqrt(one, out=one)
            np.add(u, eps, out=d)
            np.sqrt(d, out=d)
            d /= one
            d *= g_
            self.follow_square(u, d, rho, one)
            d *= lr
            p_ -= d
