"""Drawing by given probabilities: as functions, and as Tensor methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.tensor import random
from tinygrad_mnist.tensor.arguments import as_int, public
from tinygrad_mnist.tensor.random import Generator

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


@public
def bernoulli(
    input: Tensor,
    p: float | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Draw ones with the given probabilities, and zeros. Follows ``torch.bernoulli``.

    With ``p``, all are drawn with that one, in the shape of the input.

    Raises
    ------
    RuntimeError
        When a probability is outside of [0, 1].

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> bernoulli(ones(2))
    tensor([1., 1.])
    """
    if input._array.dtype.kind != "f" and p is None:
        raise NotImplementedError(
            f"bernoulli: probabilities are floating point, not {input.dtype}; convert them"
        )
    out: Tensor = wrap(np.empty_like(input._array))
    return out.bernoulli_(input if p is None else p, generator=generator)


@public
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Draw indices with probabilities in proportion to weights. Follows ``torch.multinomial``.

    Raises
    ------
    RuntimeError
        When weights are negative, not finite, or fewer than the draws without replacement.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> multinomial(tensor([0.0, 1.0]), 2, replacement=True)
    tensor([1, 1])
    """
    source, weights = random.source_of(generator), input._array
    num_samples = as_int("multinomial", "num_samples", num_samples)
    if weights.dtype.kind != "f":
        raise RuntimeError(
            f"multinomial: only supports floating-point dtypes for input, got {input.dtype}"
        )
    if weights.ndim not in (1, 2) or num_samples <= 0:
        raise RuntimeError(
            f"multinomial: expected weights of 1 or 2 dimensions and a positive number of samples, "
            f"got shape {list(weights.shape)} and {num_samples}"
        )
    if not weights.shape[-1]:
        raise RuntimeError("multinomial: there is nothing to choose from: the weights are empty")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("multinomial: the weights must be finite and not negative")
    if not (weights > 0).any(-1).all():
        raise RuntimeError("multinomial: the weights of a row add up to 0; one must be positive")
    if not replacement and (np.count_nonzero(weights, axis=-1) < num_samples).any():
        raise RuntimeError(
            f"multinomial: can't draw {num_samples} different indices, because fewer have a weight "
            f"above 0; pass replacement=True"
        )
    return wrap(source.multinomial(weights, num_samples, replacement))


class SamplingMethods(TensorBase):
    """What Tensor can be drawn from."""

    bernoulli = bernoulli
    multinomial = multinomial
