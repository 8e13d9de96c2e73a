"""Distances as modules."""

from __future__ import annotations

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class CosineSimilarity(Module):
    """Cosine of the angle between vectors along a dimension. Follows torch.nn.CosineSimilarity.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> CosineSimilarity()(tensor([[1.0, 0.0]]), tensor([[2.0, 0.0]]))
    tensor([1.])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the cosines."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """Norm of ``x1 - x2 + eps`` along the last dimension. Follows torch.nn.PairwiseDistance.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> PairwiseDistance()(tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]])).round()
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the distances."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
