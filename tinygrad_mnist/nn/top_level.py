"""Functions that PyTorch has at top level under the same names, with other arguments.

``torch.embedding`` takes the weight first, and ``torch.dropout`` must be told whether it trains.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.activation import randomly_leaky
from tinygrad_mnist.nn.loss import Reduction
from tinygrad_mnist.tensor import Generator, Tensor
from tinygrad_mnist.tensor.arguments import named

_REDUCTIONS: tuple[Reduction, ...] = ("none", "mean", "sum")


@named
def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return a row of the weight for each index. Follows ``torch.embedding``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> embedding(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([1, 0]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    padding = padding_idx if padding_idx >= 0 else None
    return F.embedding(
        indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )


@named
def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Zero each element with probability p while training. Follows ``torch.dropout``."""
    return F.dropout(input, p, train)


@named
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Drop elements to SELU's lower limit while training. Follows ``torch.alpha_dropout``."""
    return F.alpha_dropout(input, p, train)


@named
def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Drop whole channels while training. Follows ``torch.feature_alpha_dropout``."""
    return F.feature_alpha_dropout(input, p, train)


@named
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Normalise over the last dimensions. Follows ``torch.layer_norm``."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


@named
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Normalise groups of channels. Follows ``torch.group_norm``."""
    return F.group_norm(input, num_groups, weight, bias, eps)


@named
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 1,
) -> Tensor:
    """Return the binary cross entropy of logits. Follows the function at PyTorch's top level.

    The reduction is a number there: 0 for none, 1 for the mean, 2 for the sum.
    """
    if reduction not in (0, 1, 2):
        raise ValueError(
            f"reduction is 0 (none), 1 (mean) or 2 (sum) here, got {reduction!r}; nn.functional's "
            f"function takes names"
        )
    return F.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_REDUCTIONS[reduction], pos_weight=pos_weight
    )


@named
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return input where it is positive, elsewhere a fraction of it. Follows ``torch.rrelu``."""
    return randomly_leaky(input, lower, upper, training, False, generator)
