"""Softmax: probabilities along a dimension, their logarithms, and samples with a gradient."""

from __future__ import annotations

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.nn.layer import Layer
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor import Tensor, empty_like, zeros_like
from tinygrad_mnist.tensor.arguments import named


def _chosen(name: str, dim: int | None, input: Tensor) -> int:
    """Return the dimension that is meant, PyTorch's choice if none was named."""
    if dim is not None:
        return dim
    dim = 0 if input.ndim in (0, 1, 3) else 1
    warn(
        f"{name}: without dim, dimension {dim} is chosen, as PyTorch does; name the dimension of "
        f"the classes, for instance dim=-1"
    )
    return dim


class _Softmax(Layer):
    _shown = "dim="

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return self._call(input, self.dim)


@named
def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """Return exponentials divided by their sum along a dimension.

    Without a dimension one is chosen as PyTorch chooses it, with a warning: 0 for an input of 0, 1
    or 3 dimensions, otherwise 1.
    """
    return input.softmax(_chosen("softmax", dim, input), dtype)


class Softmax(_Softmax, call=softmax):
    """Probabilities along a dimension. Follows ``torch.nn.Softmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softmax(dim=-1)(tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """


@named
def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the logarithm of :func:`softmax`, exact where that would round to 0."""
    return input.log_softmax(_chosen("log_softmax", dim, input), dtype)


class LogSoftmax(_Softmax, call=log_softmax):
    """Logarithms of probabilities along a dimension. Follows ``torch.nn.LogSoftmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> LogSoftmax(dim=-1)(tensor([1000.0, 0.0]))
    tensor([    0., -1000.])
    """


@named
def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """Return :func:`softmax` of the negative input."""
    return (-input).softmax(_chosen("softmin", dim, input), dtype)


class Softmin(_Softmax, call=softmin):
    """Softmax of the negative input. Follows ``torch.nn.Softmin``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softmin(dim=0)(tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """


class Softmax2d(Module):
    """Softmax over the channels of images (N, C, H, W). Follows ``torch.nn.Softmax2d``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> Softmax2d()(zeros(2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the channels at each place."""
        if input.ndim not in (3, 4):
            raise ValueError(f"expected input to be a 3D or 4D tensor, got {input.ndim}D")
        return softmax(input, -3)


@named
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
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
    return zeros_like(logits).scatter_(dim, index, 1.0) - soft.detach() + soft
