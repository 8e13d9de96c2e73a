"""Lengths and distances of vectors."""

from __future__ import annotations

from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor, broadcast_tensors
from tinygrad_mnist.tensor.arguments import named, write_out
from tinygrad_mnist.tensor.comparison import where


@named
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    r"""Return the cosine of the angle between vectors along a dimension.

    .. math:: x \cdot y / (\max(|x|, \epsilon) \max(|y|, \epsilon))

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cosine_similarity(tensor([[1.0, 0.0]]), tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    x1, x2 = (x.float() if not x.is_floating_point() else x for x in (x1, x2))
    x1, x2 = broadcast_tensors(x1, x2)  # before the lengths are taken
    # The bound has no gradient, as in PyTorch: where it holds it is the length's.
    lengths = [x.norm(dim=dim, keepdim=True) for x in (x1, x2)]
    first, second = (n + where(n < eps, eps - n, 0.0).detach() for n in lengths)
    return ((x1 / first) * (x2 / second)).sum(dim)


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
        return cosine_similarity(x1, x2, self.dim, self.eps)


@named
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return the p-norm of ``x1 - x2 + eps`` along the last dimension."""
    return (x1 - x2 + eps).norm(p, dim=-1, keepdim=keepdim)


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
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


@named
def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Return vectors along a dimension divided by their p-norm, or by eps if that is smaller.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> normalize(tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    result = input / input.norm(p, dim=dim, keepdim=True).clamp(min=eps)
    return write_out("normalize", result, out)
