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

    Follows ``torch.nn.functional.cosine_similarity``.

    Parameters
    ----------
    x1, x2
        Tensors that broadcast with each other, of shape (*).
    dim
        The dimension of the vectors.
    eps
        The least length, so that nothing is divided by 0.

    Returns
    -------
    A tensor of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.cosine_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    x1, x2 = (x.float() if not x.is_floating_point() else x for x in (x1, x2))
    x1, x2 = broadcast_tensors(x1, x2)  # before the lengths are taken
    # The bound has no gradient, as in PyTorch: where it holds it is the length's.
    lengths = [x.norm(dim=dim, keepdim=True) for x in (x1, x2)]
    first, second = (n + where(n < eps, eps - n, 0.0).detach() for n in lengths)
    return ((x1 / first) * (x2 / second)).sum(dim)


class CosineSimilarity(Module):
    """Cosine of the angle between vectors along a dimension.

    Shapes: two tensors (*) that broadcast; the output lacks the dimension. Follows
    ``torch.nn.CosineSimilarity``.

    Parameters
    ----------
    dim
        The dimension of the vectors.
    eps
        The least length, so that nothing is divided by 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.CosineSimilarity()(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
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
    """Return the p-norm of ``x1 - x2 + eps`` along the last dimension.

    Follows ``torch.nn.functional.pairwise_distance``.

    Parameters
    ----------
    x1, x2
        Vectors, of shape (N, D), or shapes that broadcast.
    p
        The order of the norm.
    eps
        A number added to each difference, so that the distance has a derivative at 0.
    keepdim
        Whether the last dimension stays, of length 1.

    Returns
    -------
    Distances, of shape (N).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.pairwise_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, dim=-1, keepdim=keepdim)


class PairwiseDistance(Module):
    """Norm of ``x1 - x2 + eps`` along the last dimension.

    Shapes: two tensors (N, D); the output is (N). Follows ``torch.nn.PairwiseDistance``.

    Parameters
    ----------
    p
        The order of the norm.
    eps
        A number added to each difference, so that the distance has a derivative at 0.
    keepdim
        Whether the last dimension stays, of length 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.PairwiseDistance()(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])).round()
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

    Follows ``torch.nn.functional.normalize``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    p
        The order of the norm.
    dim
        The dimension of the vectors.
    eps
        The least norm, so that nothing is divided by 0.
    out
        A tensor to write to.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    result = input / input.norm(p, dim=dim, keepdim=True).clamp(min=eps)
    return write_out("normalize", result, out)
