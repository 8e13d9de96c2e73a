"""Resilient backpropagation."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State, options
from tinygrad_mnist.optim.optimizer import ParamsT, scalar
from tinygrad_mnist.tensor import Tensor


class Rprop(ArrayOptimizer):
    r"""Steps whose size depends on the gradient's signs alone (Riedmiller and Braun, 1993).

    .. math::
        s \leftarrow s \cdot \begin{cases}
            \eta^+ & g \, g' > 0 \\ \eta^- & g \, g' < 0 \\ 1 & \text{else} \end{cases}, \quad
        p \leftarrow p - s \operatorname{sign}(g)

    Here g' is the gradient of the step before. Where the sign has changed, g counts as 0, now and
    in the next comparison. For full batches. Follows ``torch.optim.Rprop``.

    Parameters
    ----------
    lr
        The first s.
    etas
        :math:`(\eta^-, \eta^+)`.
    step_sizes
        The least and the largest s.
    params, maximize, capturable, foreach, differentiable
        See :class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import Rprop
    >>> w = tensor([1.0], requires_grad=True)
    >>> optimizer = Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}; use 0 < eta- < 1 < eta+")
        super().__init__(params, options(locals()))

    def start(self, p: np.ndarray, group: Group) -> State:
        """Begin with steps of the learning rate."""
        sizes = wrap(np.full_like(p, float(group["lr"])))
        return {"step": scalar(0), "prev": self.zeros(p), "step_size": sizes}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        self.count(state)
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        for p_, g_, previous, size, one, two in self.blocks(
            p, g, state["prev"], state["step_size"]
        ):
            np.multiply(g_, previous, out=one)
            turned = one < 0
            two[...] = 1
            two[one > 0] = grow
            two[turned] = shrink
            size *= two
            np.clip(size, least, most, out=size)
            previous[...] = g_
            previous[turned] = 0
            np.sign(previous, out=one)
            one *= size
            p_ -= one
