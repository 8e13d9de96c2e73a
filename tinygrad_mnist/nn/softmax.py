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
    r"""Return exponentials divided by their sum along a dimension.

    .. math:: \mathrm{softmax}(x)_i = e^{x_i} / \sum_j e^{x_j}

    Without a dimension one is chosen as PyTorch chooses it, with a warning: 0 for an input of 0, 1
    or 3 dimensions, otherwise 1. Follows ``torch.nn.functional.softmax``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point unless dtype is given.
    dim
        The dimension along which the results sum to 1.
    _stacklevel
        Has no effect.
    dtype
        The dtype to convert to first.

    Returns
    -------
    A tensor of the input's shape, its elements between 0 and 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.softmax(torch.tensor([0.0, 1.0, 1000.0]), dim=0)
    tensor([0., 0., 1.])
    >>> F.softmax(torch.tensor([[1.0, 1.0], [0.0, 1.0]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """
    return input.softmax(_chosen("softmax", dim, input), dtype)


class Softmax(_Softmax, call=softmax):
    """Probabilities along a dimension, ``exp(x) / exp(x).sum(dim)``.

    Shapes: input and output (*). Before a loss use the logits themselves: see
    :class:`CrossEntropyLoss`. Follows ``torch.nn.Softmax``.

    Parameters
    ----------
    dim
        The dimension along which they sum to 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Softmax(dim=-1)(torch.tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """


@named
def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    r"""Return the logarithm of :func:`softmax`, exact where that would round to 0.

    .. math:: \log \mathrm{softmax}(x)_i = x_i - \log \sum_j e^{x_j}

    Follows ``torch.nn.functional.log_softmax``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point unless dtype is given.
    dim
        The dimension of the classes; chosen with a warning where it isn't given.
    _stacklevel
        Has no effect.
    dtype
        The dtype to convert to first.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.log_softmax(torch.tensor([1000.0, 0.0]), dim=0)
    tensor([    0., -1000.])
    """
    return input.log_softmax(_chosen("log_softmax", dim, input), dtype)


class LogSoftmax(_Softmax, call=log_softmax):
    """Logarithms of probabilities along a dimension.

    Shapes: input and output (*). :class:`NLLLoss` takes what it returns. Follows
    ``torch.nn.LogSoftmax``.

    Parameters
    ----------
    dim
        The dimension of the classes.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.LogSoftmax(dim=-1)(torch.tensor([1000.0, 0.0]))
    tensor([    0., -1000.])
    """


@named
def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> Tensor:
    """Return :func:`softmax` of the negative input.

    Follows ``torch.nn.functional.softmin``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point unless dtype is given.
    dim
        The dimension along which the results sum to 1; chosen with a warning where it isn't given.
    _stacklevel
        Has no effect.
    dtype
        The dtype to convert to first.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.softmin(torch.tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])
    """
    return (-input).softmax(_chosen("softmin", dim, input), dtype)


class Softmin(_Softmax, call=softmin):
    """Softmax of the negative input.

    Shapes: input and output (*). Follows ``torch.nn.Softmin``.

    Parameters
    ----------
    dim
        The dimension along which the results sum to 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Softmin(dim=0)(torch.tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """


class Softmax2d(Module):
    """Softmax over the channels of images, at each place by itself.

    Shapes: input and output (N, C, H, W) or (C, H, W). Follows ``torch.nn.Softmax2d``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Softmax2d()(torch.zeros(2, 1, 1)).flatten()
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
    r"""Return a sample of classes with a gradient: softmax of logits and noise.

    .. math:: \mathrm{softmax}((x + g) / \tau), \quad g = -\log(-\log u), \ u \text{ uniform}

    The lower the temperature, the closer to one-hot. (Jang et al., 2017; Maddison et al., 2017.)
    Follows ``torch.nn.functional.gumbel_softmax``.

    Parameters
    ----------
    logits
        A tensor of shape (*): unnormalised log probabilities.
    tau
        The temperature, above 0.
    hard
        Whether to return one-hot vectors, with the gradient of the soft ones.
    eps
        Deprecated, and without effect.
    dim
        The dimension of the classes.

    Returns
    -------
    A tensor of the logits' shape, which sums to 1 along dim.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.gumbel_softmax(torch.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    if eps != 1e-10:
        warn("gumbel_softmax: eps is deprecated, and has no effect")
    noise = -empty_like(logits).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.argmax(dim, keepdim=True)
    return zeros_like(logits).scatter_(dim, index, 1.0) - soft.detach() + soft
