"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class NAdam(ArrayOptimizer):
    r"""Adam that looks ahead by one momentum step (Dozat, 2016).

    .. math::
        \mu_t = \beta_1 \, (1 - 0.96^{t \psi} / 2), \quad
        \hat m = \frac{\mu_{t+1} \, m}{1 - \prod_{i \le t+1} \mu_i}
            + \frac{(1 - \mu_t) \, g}{1 - \prod_{i \le t} \mu_i}, \quad
        p \leftarrow p - \eta \, \frac{\hat m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    The means m and v are those of :class:`~tinygrad_mnist.optim.Adam`. Follows
    ``torch.optim.NAdam``.

    Parameters
    ----------
    lr, betas, eps, momentum_decay
        :math:`\eta, (\beta_1, \beta_2), \epsilon, \psi`.
    params, weight_decay, decoupled_weight_decay, maximize, foreach, capturable, differentiable
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import NAdam
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8944], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        """Begin with means of zero, and an empty product."""
        return {
            "step": scalar(0),
            "mu_product": scalar(1),
            "exp_avg": self.zeros(p),
            "exp_avg_sq": self.zeros(p),
        }

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        t = self.count(state)
        lr, eps = float(group["lr"]), group["eps"]
        beta1, beta2 = map(float, group["betas"])
        mu, following = (
            beta1 * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"])) for step in (t, t + 1)
        )
        product = state["mu_product"]._array
        product *= mu
        of_gradient = lr * (1 - mu) / (1 - float(product))
        of_mean = lr * following / (1 - float(product) * following)
        correction = 1 - beta2**t
        means = state["exp_avg"], state["exp_avg_sq"]
        for p_, g_, m, v, one, root in self.blocks(p, g, *means, **self.decay(group)):
            self.follow(m, g_, 1 - beta1, one)
            self.follow_square(v, g_, beta2, one)
            np.divide(v, correction, out=root)
            np.sqrt(root, out=root)
            root += eps
            for x, size in ((g_, of_gradient), (m, of_mean)):
                np.divide(x, root, out=one)
                one *= size
                p_ -= one
