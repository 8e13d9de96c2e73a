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

    Parameters
    ----------
    weight
        A matrix of n rows.
    indices
        A tensor of integers, of shape (*), from 0 to n - 1.
    padding_idx
        The row that gets no gradient; a negative one is none.
    scale_grad_by_freq
        Whether a row's gradient is divided by how often it was taken.
    sparse
        As in ``nn.functional.embedding``.

    Returns
    -------
    A tensor of shape (*, m), where m is the length of a row.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.embedding(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1, 0]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    padding = padding_idx if padding_idx >= 0 else None
    return F.embedding(
        indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )


@named
def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Zero each element with probability p while training. Follows ``torch.dropout``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    p
        The probability that an element becomes 0; the others are divided by 1 - p.
    train
        Whether to do so; otherwise nothing changes.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.dropout(torch.ones(6), 0.5, train=True)
    tensor([0., 0., 2., 0., 0., 0.])
    """
    return F.dropout(input, p, train)


@named
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Drop elements to SELU's lower limit while training. Follows ``torch.alpha_dropout``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    p
        The probability that an element is dropped.
    train
        Whether to do so; otherwise nothing changes.

    Returns
    -------
    A tensor of shape (*), of the mean and variance that input has, if these are 0 and 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, -1.0])
    >>> torch.alpha_dropout(x, 0.5, train=False)
    tensor([ 1., -1.])
    """
    return F.alpha_dropout(input, p, train)


@named
def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Drop whole channels while training. Follows ``torch.feature_alpha_dropout``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, *), floating point.
    p
        The probability that a channel is dropped.
    train
        Whether to do so; otherwise nothing changes.

    Returns
    -------
    A tensor of shape (N, C, *).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.feature_alpha_dropout(torch.ones(1, 2, 3), 0.5, train=False)
    tensor([[[1., 1., 1.],
             [1., 1., 1.]]])
    """
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
    """Normalise over the last dimensions: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Follows ``torch.layer_norm``.

    Parameters
    ----------
    input
        A tensor of shape (N, *), floating point.
    normalized_shape
        The lengths of the dimensions to normalise over, (*).
    weight, bias
        Tensors of shape (*).
    eps
        What is added to the variance.
    cudnn_enable
        Accepted, and changes nothing.

    Returns
    -------
    A tensor of shape (N, *).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.layer_norm(torch.tensor([[1.0, 3.0], [10.0, 30.0]]), [2])
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """
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
    """Normalise groups of channels: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Follows ``torch.group_norm``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, *), floating point.
    num_groups
        How many groups the channels make; it divides C.
    weight, bias
        Vectors of C elements.
    eps
        What is added to the variance.
    cudnn_enabled
        Accepted, and changes nothing.

    Returns
    -------
    A tensor of shape (N, C, *).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.group_norm(torch.tensor([[[1.0, 3.0], [10.0, 30.0]]]), 2)
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    return F.group_norm(input, num_groups, weight, bias, eps)


@named
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """Return the binary cross entropy of logits. Follows the function at PyTorch's top level.

    The reduction is a number there: 0 for none, 1 for the mean, 2 for the sum.

    Parameters
    ----------
    input
        Logits, of shape (*).
    target
        The truth, 0 or 1 or between, of shape (*).
    weight
        A factor of each loss, which broadcasts to (*).
    pos_weight
        A factor of the losses of target 1.
    reduction
        0, 1 or 2.

    Returns
    -------
    A tensor of shape (), or (*) for reduction 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> logits, truth = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> torch.binary_cross_entropy_with_logits(logits, truth)
    tensor([0.1269, 0.3133])
    >>> torch.binary_cross_entropy_with_logits(logits, truth, reduction=1)
    tensor(0.2201)
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
    """Return input where it is positive, elsewhere a fraction of it. Follows ``torch.rrelu``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    lower, upper
        The ends of the interval that the fraction is drawn from.
    training
        Whether it is drawn; otherwise it is the middle.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.rrelu(torch.tensor([1.0, -1.0]), 0.1, 0.3)
    tensor([ 1.0000, -0.2000])
    """
    return randomly_leaky(input, lower, upper, training, False, generator)
