"""Dropout as functions."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.nn.functional.activation import written
from tinygrad_mnist.tensor import Generator, Tensor, default_generator
from tinygrad_mnist.tensor.arguments import named


def check_probability(p: float) -> None:
    """Refuse what is no probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


@named
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
    check_probability(p)
    if not training or p == 0:
        return input
    kind = input._array.dtype
    if kind.kind != "f":
        raise RuntimeError(f"dropout: the input must be floating point, not {kind}; use float()")
    if p == 1:
        mask = np.zeros(input._array.shape, kind)
    else:
        mask = (generator or default_generator).bernoulli(1 - p, input._array.shape, kind)
        mask *= 1 / (1 - p)
    return input.mul_(wrap(mask)) if inplace else input.mul(wrap(mask))


def _channel_mask(name: str, input: Tensor, p: float, dims: int, training: bool) -> Tensor:  # noqa: A002
    check_probability(p)
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: expected {dims + 1} or {dims + 2} dimensions, got {input.ndim}"
        )
    if not training or p == 0:
        return input
    kept = input.shape[: input.ndim - dims] + (1,) * dims
    mask = dropout(wrap(np.ones(kept, input._array.dtype)), p)
    return input * mask


@named
def dropout1d(
    input: Tensor,  # noqa: A002
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Tensor:
    """Zero whole channels (N, C, L) with probability p, and scale the others by 1 / (1 - p)."""
    return written(input, inplace, lambda x: _channel_mask("dropout1d", x, p, 1, training))


@named
def dropout2d(
    input: Tensor,  # noqa: A002
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Tensor:
    """Zero whole channels (N, C, H, W) with probability p, scale the others by 1 / (1 - p)."""
    return written(input, inplace, lambda x: _channel_mask("dropout2d", x, p, 2, training))


@named
def alpha_dropout(
    input: Tensor,  # noqa: A002
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Drop elements to SELU's lower limit, and keep mean 0 and variance 1.

    (Klambauer et al., 2017.) Follows ``torch.nn.functional.alpha_dropout``.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return written(input, inplace, lambda x: x * 0)
    limit = 1.7580993408473766  # minus SELU of minus infinity
    scale = 1 / np.sqrt((limit**2 * p + 1) * (1 - p))
    kept = default_generator.bernoulli(1 - p, input._array.shape, input._array.dtype)
    factor = wrap(kept * input._array.dtype.type(scale))
    shift = wrap(((kept - 1) * (limit * scale) + limit * scale * p).astype(kept.dtype))
    return written(input, inplace, lambda x: x * factor + shift)
