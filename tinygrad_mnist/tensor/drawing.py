"""Making tensors at random, and the global stream that they are drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import random
from tinygrad_mnist.tensor.arguments import (
    as_int,
    as_lengths,
    as_number,
    as_tuple,
    broadcast,
    factory,
    named,
)
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.creation import dtype_like, finish, from_numpy
from tinygrad_mnist.tensor.random import Generator


def _float_only(name: str, dtype: Any) -> None:
    if dtype is not None and dtypes.as_numpy(dtype).kind != "f":
        raise NotImplementedError(f"{name}: not implemented for {dtype}; use randint")


@factory
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw numbers uniformly from 0 up to 1. Follows ``torch.rand``.

    Examples
    --------
    >>> rand(2, 3).shape
    torch.Size([2, 3])
    """
    source = random.source_of(generator)
    _float_only("rand", dtype)
    array = source.uniform(as_lengths("rand", size), dtypes.as_float(dtype), 0.0, 1.0)
    return finish(array, None, device, requires_grad)


@factory
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw numbers from the standard normal distribution. Follows ``torch.randn``.

    Examples
    --------
    >>> randn(2, 3).shape
    torch.Size([2, 3])
    """
    source = random.source_of(generator)
    _float_only("randn", dtype)
    array = source.normal(as_lengths("randn", size), dtypes.as_float(dtype), 0.0, 1.0)
    return finish(array, None, device, requires_grad)


@factory
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw integers uniformly from low up to, not including, high. Follows ``torch.randint``.

    Raises
    ------
    RuntimeError
        When high is not larger than low.

    Examples
    --------
    >>> randint(0, 10, (2,)).shape, randint(10, (3,)).dtype
    (torch.Size([2]), torch.int64)
    """
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    low, high = as_int("randint", "low", low), as_int("randint", "high", high)
    if not high > low:
        raise RuntimeError(f"randint: 'from' must be less than 'to', but got {low} and {high}")
    kind = np.dtype(np.int64) if dtype is None else dtypes.as_numpy(dtype)
    if kind.kind in "iub":
        least, most = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
        if low < least or high - 1 > most:
            raise RuntimeError(
                f"randint: from {low} or to - 1, {high - 1}, is out of bounds for {kind}"
            )
    source = random.source_of(generator)
    array = source.integers(low, high, as_lengths("randint", [as_tuple("randint", "size", size)]))
    return finish(array, kind, device, requires_grad)


@factory
def randint_like(
    input: Tensor,
    low: int | None = None,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw integers uniformly from low up to high, like another tensor.

    Follows ``torch.randint_like``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> randint_like(ones(2), 3).shape
    torch.Size([2])
    """
    kind = dtype_like(input, dtype)
    if high is None:
        low, high = 0, low
    low, high = 0 if low is None else low, as_int("randint_like", "high", high)
    return randint(
        low, high, input.shape, generator=generator, dtype=kind, device=device,
        requires_grad=requires_grad,
    )  # fmt: skip


@factory
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw a random order of the numbers from 0 to n - 1. Follows ``torch.randperm``.

    Examples
    --------
    >>> sorted(randperm(3).tolist())
    [0, 1, 2]
    """
    n = as_int("randperm", "n", n)
    if n < 0:
        raise RuntimeError(f"randperm: n must not be negative, got {n}")
    source = random.source_of(generator)
    return finish(
        source.permutation(n), np.int64 if dtype is None else dtype, device, requires_grad
    )


@factory
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from normal distributions with given means and deviations. Follows ``torch.normal``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> normal(0.0, 1.0, (2,)).shape, normal(ones(3), 0.1).shape
    (torch.Size([2]), torch.Size([3]))
    """
    if size is None and not isinstance(mean, TensorBase) and not isinstance(std, TensorBase):
        raise TypeError("normal: given numbers for mean and std, it needs a size")
    means = (
        mean._array
        if isinstance(mean, TensorBase)
        else np.asarray(as_number("normal", "mean", mean))
    )
    deviations = (
        std._array if isinstance(std, TensorBase) else np.asarray(as_number("normal", "std", std))
    )
    if not (deviations >= 0).all():
        raise RuntimeError("normal: expects all elements of std >= 0.0")
    if size is None:
        size = broadcast("normal", means.shape, deviations.shape)
    kinds = [x._array.dtype for x in (mean, std) if isinstance(x, TensorBase)]
    kind = dtypes.as_float(dtype) if dtype is not None or not kinds else kinds[0]
    if kind.kind != "f":
        raise NotImplementedError(f"normal: not implemented for {dtypes.of(kind)}; take float32")
    source = random.source_of(generator)
    if not kinds:
        array = source.normal(as_lengths("normal", [size]), kind, float(mean), float(std))
        return finish(array, None, device, requires_grad)
    drawn = source.normal(as_lengths("normal", [size]), kind, 0.0, 1.0)
    with np.errstate(all="ignore"):
        drawn = (drawn * deviations + means).astype(kind)
    return finish(drawn, None, device, requires_grad)


@factory
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw numbers uniformly from 0 up to 1, like another tensor. Follows ``torch.rand_like``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> rand_like(ones(2)).shape
    torch.Size([2])
    """
    kind = dtype_like(input, dtype)
    return rand(
        input.shape, generator=generator, dtype=kind, device=device, requires_grad=requires_grad
    )


@factory
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from the standard normal, like another tensor. Follows ``torch.randn_like``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> randn_like(ones(2)).shape
    torch.Size([2])
    """
    kind = dtype_like(input, dtype)
    return randn(
        input.shape, generator=generator, dtype=kind, device=device, requires_grad=requires_grad
    )


@named
def manual_seed(seed: int) -> Generator:
    """Seed the global generator. Follows ``torch.manual_seed``.

    Examples
    --------
    >>> _ = manual_seed(0)
    >>> a = rand(2)
    >>> _ = manual_seed(0)
    >>> bool((rand(2) == a).all())
    True
    """
    return random.default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the global generator from the system's randomness; return the seed."""
    return random.default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the global generator."""
    return random.default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the global generator as bytes, for :func:`set_rng_state`."""
    return from_numpy(random.default_generator.get_state())


@named
def set_rng_state(new_state: Tensor) -> None:
    """Restore the state of the global generator, so that it goes on from there."""
    random.default_generator.set_state(new_state)
