"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class Adam(ArrayOptimizer):
    r"""Steps scaled by running means of gradients and of their squares (Kingma and Ba, 2014).

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        p \leftarrow p - \eta \,
        \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Follows ``torch.optim.Adam``.

    Parameters
    ----------
    lr, betas, eps
        :math:`\eta, (\beta_1, \beta_2), \epsilon`.
    weight_decay
        The factor :math:`\lambda` of the L2 penalty, whose gradient is added to g.
    amsgrad
        Divide by the largest v so far (Reddi et al., 2018).
    decoupled_weight_decay
        Shrink the parameters themselves instead, as :class:`AdamW` does.
    params, maximize, foreach, capturable, differentiable, fused
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import Adam
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * group["amsgrad"]
        return {"step": scalar(0), **{name: self.zeros(p) for name in names}}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        t = self.count(state)
        lr, eps = float(group["lr"]), group["eps"]
        beta1, beta2 = map(float, group["betas"])
        size = lr / (1 - beta1**t)
        root = 1 / math.sqrt(1 - beta2**t)
        means = [state["exp_avg"], state["exp_avg_sq"]]
        if group["amsgrad"]:
            means.append(state["max_exp_avg_sq"])
        for p_, g_, m, v, *largest, one, _ in self.blocks(p, g, *means, **self.decay(group)):
            self.follow(m, g_, 1 - beta1, one)
            self.follow_square(v, g_, beta2, one)
            if largest:
                v = np.maximum(largest[0], v, out=largest[0])
            np.sqrt(v, out=one)
            one *= root  # made part of eps, it would spare a pass, and make eps 0 in float16
            one += eps
            np.divide(m, one, out=one)
            one *= size
            p_ -= one


class AdamW(Adam):
    r"""Adam whose weight decay shrinks the parameters themselves (Loshchilov and Hutter, 2017).

    .. math:: p \leftarrow p - \eta \lambda p, \quad \text{then as Adam}

    m, v and the step are those of :class:`Adam`. Follows ``torch.optim.AdamW``.

    Parameters
    ----------
    lr, betas, eps, weight_decay
        :math:`\eta, (\beta_1, \beta_2), \epsilon, \lambda`.
    amsgrad
        Divide by the largest v so far (Reddi et al., 2018).
    params, maximize, foreach, capturable, differentiable, fused
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import AdamW
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, **options(locals()), decoupled_weight_decay=True)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over settings and state; those of an Adam don't change how weights decay."""
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
