"""Samples of a categorical distribution that have a gradient."""

from __future__ import annotations

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.tensor import Tensor, empty_like, zeros_like
from tinygrad_mnist.tensor.arguments import named


@named
def gumbel_softmax(
    logits: Tensor,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
) -> Tensor:
    """Return the softmax of logits and Gumbel noise, divided by a temperature.

    With ``hard`` the result is one-hot, and its gradient that of the soft one. (Jang et al., 2017;
    Maddison et al., 2017.) Follows ``torch.nn.functional.gumbel_softmax``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> gumbel_softmax(zeros(3), hard=True).sum()
    tensor(1.)
    """
    if eps != 1e-10:
        warn("gumbel_softmax: eps is deprecated, and has no effect")
    noise = -empty_like(logits).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.argmax(dim, keepdim=True)
    return zeros_like(logits).scatter_(dim, index, 1.0) - soft.detach() + soft  # type: ignore[no-any-return]
