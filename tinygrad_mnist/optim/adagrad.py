"""Adagrad."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class Adagrad(ArrayOptimizer):
    r"""Steps divided by the root of the sum of all squared gradients (Duchi et al., 2011).

    .. math::
        s \leftarrow s + g^2, \quad
        p \leftarrow p - \frac{\eta}{1 + (t - 1) \delta} \, \frac{g}{\sqrt{s} + \epsilon}

    Follows ``torch.optim.Adagrad``.

    Parameters
    ----------
    lr, lr_decay, eps
        :math:`\eta, \delta, \epsilon`.
    initial_accumulator_value
        The s to begin with.
    params, weight_decay, maximize, foreach, differentiable, fused
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import Adagrad
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, options(locals()))
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = self.start(p._array, group)

    def start(self, p: np.ndarray, group: Group) -> State:
        """Begin with the sum that is given to all groups."""
        value = self.defaults["initial_accumulator_value"]
        return {"step": scalar(0), "sum": wrap(np.full_like(p, value))}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        t = self.count(state)
        rate = float(group["lr"]) / (1 + (t - 1) * group["lr_decay"])
        eps, decay = group["eps"], group["weight_decay"]
        for p_, g_, total, one, _ in self.blocks(p, g, state["sum"], decay=decay):
            np.multiply(g_, g_, out=one)
            total += one
            np.sqrt(total, out=one)
            one += eps
            np.divide(g_, one, out=one)
            one *= rate
            p_ -= one
