"""Stochastic gradient descent."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.optim.array_optimizer import LONG_BLOCK, ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT
from tinygrad_mnist.tensor import Tensor


class SGD(ArrayOptimizer):
    r"""Gradient descent, with momentum and weight decay where asked for.

    .. math::
        d = g + \lambda p, \quad
        b \leftarrow \mu b + (1 - \tau) d, \quad
        p \leftarrow p - \eta \, (d + \mu b \text{ if Nesterov, else } b)

    The first buffer b is d itself. Follows ``torch.optim.SGD``.

    Parameters
    ----------
    lr, momentum, dampening, weight_decay
        :math:`\eta, \mu, \tau, \lambda`.
    nesterov
        Look ahead by one momentum step (Sutskever et al., 2013).
    params, maximize, foreach, differentiable, fused
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import SGD
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        """Expect a buffer where there is momentum: the first gradient will be it."""
        return {"momentum_buffer": None} if group["momentum"] else {}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        lr, momentum, decay = float(group["lr"]), group["momentum"], group["weight_decay"]
        kept = 1 - group["dampening"]
        if not momentum and not decay and p.size <= LONG_BLOCK:
            p -= g * lr  # as below, without the ceremony of blocks
            return
        if not momentum:
            for p_, g_, *_ in self.blocks(p, g, decay=decay, length=LONG_BLOCK):
                p_ -= g_ * lr
            return
        first = state["momentum_buffer"] is None
        if first:
            state["momentum_buffer"] = self.zeros(p)
        for p_, g_, buffer, one, two in self.blocks(p, g, state["momentum_buffer"], decay=decay):
            if first:
                buffer[...] = g_
            else:
                buffer *= momentum
                buffer += g_ if kept == 1 else np.multiply(g_, kept, out=one)
            if group["nesterov"]:
                np.multiply(buffer, momentum, out=two)
                two += g_
                two *= lr
            else:
                np.multiply(buffer, lr, out=two)
            p_ -= two
