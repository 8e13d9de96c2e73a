"""The layers and losses as functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.tensor import (
    Generator,
    Tensor,
    default_generator,
)
from tinygrad_mnist.tensor.functions import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from tinygrad_mnist.tensor.functions import check_reduction, reduce
from tinygrad_mnist.tensor.functions import cross_entropy as cross_entropy
from tinygrad_mnist.tensor.functions import elu as elu
from tinygrad_mnist.tensor.functions import gelu as gelu
from tinygrad_mnist.tensor.functions import leaky_relu as leaky_relu
from tinygrad_mnist.tensor.functions import linear as linear
from tinygrad_mnist.tensor.functions import nll_loss as nll_loss
from tinygrad_mnist.tensor.functions import silu as silu
from tinygrad_mnist.tensor.functions import softplus as softplus


def relu(input: Tensor, inplace: bool = False) -> Tensor:  # noqa: A002
    """Return ``max(input, 0)``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> relu(tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else input.relu()


def sigmoid(input: Tensor) -> Tensor:  # noqa: A002
    """Return ``1 / (1 + exp(-input))``."""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:  # noqa: A002
    """Return the hyperbolic tangent."""
    return input.tanh()


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:  # noqa: A002
    """Return exponentials divided by their sum along a dimension.

    Raises
    ------
    TypeError
        When no dimension is named: PyTorch guesses one, and warns.
    """
    return input.softmax(_named("softmax", dim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:  # noqa: A002
    """Return the logarithm of :func:`softmax`, exact where that would round to 0.

    Raises
    ------
    TypeError
        When no dimension is named.
    """
    return input.log_softmax(_named("log_softmax", dim), dtype)


def _named(name: str, dim: int | None) -> int:
    if dim is None:
        raise TypeError(f"{name}: name the dimension of the classes, for instance dim=-1")
    return dim


def dropout(
    input: Tensor,  # noqa: A002
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Zero each element with probability p, and scale the others by 1 / (1 - p).

    Raises
    ------
    ValueError
        When p is outside of [0, 1].

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> dropout(ones(2), p=1.0), dropout(ones(2), training=False)
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    kind = input._array.dtype
    if p == 1:
        mask = np.zeros(input._array.shape, kind)
    else:
        mask = (generator or default_generator).bernoulli(1 - p, input._array.shape, kind)
        mask *= 1 / (1 - p)
    return input.mul_(wrap(mask)) if inplace else input.mul(wrap(mask))


def _check_shapes(name: str, input: Tensor, target: Tensor) -> None:  # noqa: A002
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: the target has shape {list(target.shape)}, but the input has "
            f"{list(input.shape)}; they must be equal"
        )


def _weighted(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    return reduce(losses if weight is None else losses * weight, reduction)


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:  # noqa: A002
    """Return the squared differences: their mean over all elements, their sum, or each.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> mse_loss(tensor([1.0, 3.0]), tensor([1.0, 1.0]))
    tensor(2.)
    """
    check_reduction("mse_loss", reduction)
    _check_shapes("mse_loss", input, target)
    return reduce((input - target).square(), reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:  # noqa: A002
    """Return the absolute differences: their mean over all elements, their sum, or each."""
    check_reduction("l1_loss", reduction)
    _check_shapes("l1_loss", input, target)
    return reduce((input - target).abs(), reduction)


def binary_cross_entropy(
    input: Tensor,  # noqa: A002
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return the binary cross entropy of probabilities and targets, both between 0 and 1.

    .. math:: -(y \log p + (1 - y) \log(1 - p))

    The logarithms are bounded below by -100, as PyTorch bounds them, so that the loss stays
    finite. Take logits and :func:`binary_cross_entropy_with_logits` for exact gradients.

    Raises
    ------
    RuntimeError
        When a probability is outside of [0, 1].
    """
    check_reduction("binary_cross_entropy", reduction)
    _check_shapes("binary_cross_entropy", input, target)
    if input._array.size and not ((input._array >= 0) & (input._array <= 1)).all():
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1; apply sigmoid "
            "first, or use binary_cross_entropy_with_logits"
        )
    return _weighted(apply(ops.binary_cross_entropy, input, target), weight, reduction)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return a one in the place of each class number, and zeros elsewhere, as int64.

    Raises
    ------
    RuntimeError
        When a number is negative or not smaller than num_classes.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> one_hot(tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    array = tensor._array
    if array.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: class numbers must be integers (int64), not {tensor.dtype}")
    if array.size == 0 and num_classes <= 0:
        raise RuntimeError("one_hot: can't infer the number of classes from an empty tensor")
    classes = int(array.max()) + 1 if num_classes == -1 else num_classes
    if array.size and (array.min() < 0 or array.max() >= classes):
        raise RuntimeError(
            f"one_hot: class numbers must be from 0 to {classes - 1}, but go from {array.min()} to "
            f"{array.max()}"
        )
    out: Tensor = wrap((array[..., None] == np.arange(classes)).astype(np.int64))
    return out
