"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.optim.optimizer import Optimizer


class Adam(Optimizer):
    r"""Steps scaled by running means of gradients and of their squares (Kingma and Ba, 2014).

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        p \leftarrow p - \eta \,
        \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Weight decay is added to the gradient. Follows ``torch.optim.Adam``.

    Parameters
    ----------
    params
        Tensors or groups.
    lr, betas, eps
        :math:`\eta, (\beta_1, \beta_2), \epsilon`.
    weight_decay
        The factor of the L2 penalty.
    amsgrad
        Divide by the largest v so far (Reddi et al., 2018).
    maximize
        Climb instead of descend.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    _decoupled = False

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse betas outside of [0, 1) and a negative epsilon."""
        super().check(group)
        for i, beta in enumerate(group["betas"]):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}; use 0 <= beta < 1")
        if not group["eps"] >= 0:
            raise ValueError(f"Invalid epsilon value: {group['eps']}; it must not be negative")

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Apply the formula to one parameter."""
        if "step" not in state:
            state["step"] = wrap(np.zeros((), np.float32))
            state["exp_avg"], state["exp_avg_sq"] = self.zeros(p), self.zeros(p)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = self.zeros(p)
        state["step"]._array += 1
        t = float(state["step"]._array)
        lr, eps, decay = float(group["lr"]), group["eps"], group["weight_decay"]
        beta1, beta2 = group["betas"]
        size = lr / (1 - beta1**t)
        root = 1 / math.sqrt(1 - beta2**t)
        arrays = [p, g, state["exp_avg"]._array, state["exp_avg_sq"]._array]
        if group["amsgrad"]:
            arrays.append(state["max_exp_avg_sq"]._array)
        for p_, g_, m, v, *rest, one, two in self.blocks(*arrays):
            if decay and self._decoupled:
                p_ *= 1 - lr * decay
            elif decay:
                np.multiply(p_, decay, out=two)
                g_ = np.add(two, g_, out=two)
            np.subtract(g_, m, out=one)
            one *= 1 - beta1
            m += one
            v *= beta2
            np.multiply(g_, g_, out=one)
            one *= 1 - beta2
            v += one
            largest = v
            if rest:
                largest = np.maximum(rest[0], v, out=rest[0])
            np.sqrt(largest, out=one)
            one *= root
            one += eps
            np.divide(m, one, out=one)
            one *= size
            p_ -= one


class AdamW(Adam):
    r"""Adam whose weight decay shrinks the parameters themselves (Loshchilov and Hutter, 2017).

    .. math:: p \leftarrow p - \eta \lambda p, \quad \text{then as Adam}

    Follows ``torch.optim.AdamW``; the parameters are those of :class:`Adam`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8500], requires_grad=True)
    """

    _decoupled = True

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
