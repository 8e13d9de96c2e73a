"""Random functions: new random tensors, draws by probability, fillings in place, and the seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.autograd.inplace import (
    check_writable,
    memory_of,
    rebase_history,
    record_overwrite,
)
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import generator as random
from tinygrad_mnist.tensor.arguments import (
    as_int,
    as_lengths,
    as_number,
    as_tuple,
    broadcast,
    factory,
    named,
)
from tinygrad_mnist.tensor.creation import dtype_like, finish, from_numpy
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.generator import Generator

if TYPE_CHECKING:
    from typing import Unpack

    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.creation import Settings

_T = TypeVar("_T", bound="Tensor")

# New tensors


def _drawn(
    draw: Callable[..., np.ndarray],
    size: Sequence[Any],
    generator: Generator | None,
    settings: Settings,
) -> Tensor:
    """Draw a shape from a distribution of two parameters, 0 and 1."""
    source, dtype = random.source_of(generator), settings.get("dtype")
    if dtype is not None and dtypes.as_numpy(dtype).kind != "f":
        raise NotImplementedError(f"not implemented for {dtype}; use randint")
    return finish(draw(source, as_lengths(size), dtypes.as_float(dtype), 0.0, 1.0), **settings)


@factory
def rand(
    *size: int | Sequence[int], generator: Generator | None = None, **settings: Unpack[Settings]
) -> Tensor:
    """Draw numbers uniformly from 0 up to, not including, 1.

    A seed gives the numbers that PyTorch draws. Follows ``torch.rand``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    return _drawn(Generator.uniform, size, generator, settings)


@factory
def randn(
    *size: int | Sequence[int], generator: Generator | None = None, **settings: Unpack[Settings]
) -> Tensor:
    """Draw numbers from the standard normal distribution: mean 0, deviation 1.

    A seed gives the numbers that PyTorch draws. Follows ``torch.randn``.

    Parameters
    ----------
    size
        The shape: integers, or one sequence of them.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randn(2, 2)
    tensor([[ 1.5410, -0.2934],
            [-2.1788,  0.5684]])
    """
    return _drawn(Generator.normal, size, generator, settings)


@factory
def rand_like(
    input: Tensor, *, generator: Generator | None = None, **settings: Unpack[Settings]
) -> Tensor:
    """Draw numbers uniformly from 0 up to 1, like another tensor. Follows ``torch.rand_like``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: that of input); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> _ = torch.manual_seed(0)
    >>> torch.rand_like(x) < 0.6  # which to keep
    tensor([ True, False])
    """
    settings["dtype"] = dtype_like(input, settings)
    return _drawn(Generator.uniform, [input.shape], generator, settings)


@factory
def randn_like(
    input: Tensor, *, generator: Generator | None = None, **settings: Unpack[Settings]
) -> Tensor:
    """Draw from the standard normal, like another tensor. Follows ``torch.randn_like``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: that of input); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> _ = torch.manual_seed(0)
    >>> x + 0.1 * torch.randn_like(x)  # with noise
    tensor([1.1541, 1.9707])
    """
    settings["dtype"] = dtype_like(input, settings)
    return _drawn(Generator.normal, [input.shape], generator, settings)


@factory
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    **settings: Unpack[Settings],
) -> Tensor:
    """Draw integers uniformly from low up to, not including, high. Follows ``torch.randint``.

    Parameters
    ----------
    low
        The least integer. Default: 0; a single number before the size is ``high``.
    high
        The integer that is too large.
    size
        The shape, a sequence of integers.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: int64); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Raises
    ------
    RuntimeError
        When high is not larger than low.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randint(1, 7, (8,))  # dice
    tensor([3, 4, 6, 1, 2, 4, 2, 2])
    >>> torch.randint(10, (2, 2)).shape
    torch.Size([2, 2])
    """
    if size is None:
        low, high, size = 0, low, high
        if size is None:
            raise TypeError("missing 1 required positional argument: 'size'")
    elif high is None:
        low, high = 0, low
    return _integers(low, high, as_tuple("size", size), generator, settings)


def _integers(
    low: Any, high: Any, size: Any, generator: Generator | None, settings: Settings
) -> Tensor:
    low, high = as_int("low", low), as_int("high", high)
    if not high > low:
        raise RuntimeError(f"'from' must be less than 'to', but got {low} and {high}")
    dtype = settings.get("dtype")
    kind = np.dtype(np.int64) if dtype is None else dtypes.as_numpy(dtype)
    if kind.kind in "iub":
        least, most = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
        if low < least or high - 1 > most:
            raise RuntimeError(f"from {low} or to - 1, {high - 1}, is out of bounds for {kind}")
    source = random.source_of(generator)
    return finish(source.integers(low, high, as_lengths([size])), **settings)


@factory
def randint_like(
    input: Tensor,
    low: int | None = None,
    high: Any = None,
    *,
    generator: Generator | None = None,
    **settings: Unpack[Settings],
) -> Tensor:
    """Draw integers uniformly from low up to high, like another tensor.

    Follows ``torch.randint_like``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    low
        The least integer. Default: 0; a single number is ``high``.
    high
        The integer that is too large.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: that of input); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randint_like(torch.zeros(4), 10)
    tensor([4., 9., 3., 0.])
    """
    settings["dtype"] = dtype_like(input, settings)
    if high is None:
        low, high = 0, low
    return _integers(0 if low is None else low, high, input.shape, generator, settings)


@factory
def randperm(n: int, *, generator: Generator | None = None, **settings: Unpack[Settings]) -> Tensor:
    """Draw a random order of the numbers from 0 to n - 1. Follows ``torch.randperm``.

    Parameters
    ----------
    n
        How many numbers.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: int64); the device, ``"cpu"``; whether gradients are recorded.

    Returns
    -------
    A vector of n elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> x = torch.tensor([10, 20, 30, 40])
    >>> x[torch.randperm(4)]  # shuffled
    tensor([10, 20, 40, 30])
    """
    n = as_int("n", n)
    if n < 0:
        raise RuntimeError(f"n must not be negative, got {n}")
    return finish(random.source_of(generator).permutation(n), **settings)


@factory
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    **settings: Unpack[Settings],
) -> Tensor:
    """Draw from normal distributions with given means and deviations. Follows ``torch.normal``.

    Parameters
    ----------
    mean
        The mean: a number, or a tensor of means.
    std
        The standard deviation, likewise; none may be negative.
    size
        The shape, where both are numbers. Otherwise it is the one that they broadcast to.
    generator
        The stream to draw from. Default: the global one.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A tensor of that shape.

    Raises
    ------
    RuntimeError
        When a deviation is negative.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.normal(0.0, 0.1, (3,))
    tensor([ 0.1541, -0.0293, -0.2179])
    >>> torch.normal(torch.tensor([0.0, 100.0]), torch.tensor([1.0, 1.0]))
    tensor([ 0.5684, 98.9155])
    """
    if size is None and not isinstance(mean, TensorBase) and not isinstance(std, TensorBase):
        raise TypeError("given numbers for mean and std, it needs a size")
    means = mean._array if isinstance(mean, TensorBase) else np.asarray(as_number("mean", mean))
    deviations = std._array if isinstance(std, TensorBase) else np.asarray(as_number("std", std))
    _check_deviations(deviations)
    if size is None:
        size = broadcast(means.shape, deviations.shape)
    kinds = [x._array.dtype for x in (mean, std) if isinstance(x, TensorBase)]
    dtype = settings.get("dtype")
    kind = dtypes.as_float(dtype) if dtype is not None or not kinds else kinds[0]
    if kind.kind != "f":
        raise NotImplementedError(f"not implemented for {dtypes.of(kind)}; take float32")
    source = random.source_of(generator)
    if not kinds:
        array = source.normal(as_lengths([size]), kind, float(mean), float(std))
        return finish(array, **settings)
    drawn = source.normal(as_lengths([size]), kind, 0.0, 1.0)
    with np.errstate(all="ignore"):
        drawn = (drawn * deviations + means).astype(kind)
    return finish(drawn, **settings)


@named
def manual_seed(seed: int) -> Generator:
    """Seed the global generator. Follows ``torch.manual_seed``.

    Parameters
    ----------
    seed
        An integer.

    Returns
    -------
    The global generator.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> a = torch.rand(2)
    >>> _ = torch.manual_seed(0)
    >>> torch.equal(torch.rand(2), a)
    True
    """
    return random.default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the global generator from the system's randomness; return the seed.

    Follows ``torch.seed``.

    Returns
    -------
    The new seed, an integer.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.seed() == torch.initial_seed()
    True
    """
    return random.default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the global generator. Follows ``torch.initial_seed``.

    Returns
    -------
    An integer.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(5)
    >>> _ = torch.rand(100)
    >>> torch.initial_seed()
    5
    """
    return random.default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the global generator as bytes, for :func:`set_rng_state`.

    Follows ``torch.get_rng_state``.

    Returns
    -------
    A vector of uint8.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> state = torch.get_rng_state()
    >>> a = torch.rand(2)
    >>> torch.set_rng_state(state)
    >>> torch.equal(torch.rand(2), a)
    True
    """
    return from_numpy(random.default_generator.get_state())


@named
def set_rng_state(new_state: Tensor) -> None:
    """Restore the state of the global generator, so that it goes on from there.

    Follows ``torch.set_rng_state``.

    Parameters
    ----------
    new_state
        What :func:`get_rng_state` returned, or PyTorch's function of this name.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> state = torch.get_rng_state()
    >>> torch.set_rng_state(state)
    >>> torch.equal(torch.get_rng_state(), state)
    True
    """
    random.default_generator.set_state(new_state)


# Draws by given probabilities


@export(takes="out")
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Draw ones with the given probabilities, and zeros.

    With ``p``, all are drawn with that one, in the shape of the input. Follows ``torch.bernoulli``.

    Parameters
    ----------
    input
        Probabilities, a tensor of shape (*), floating point.
    p
        One probability for all; then input counts for its shape and dtype only.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    A tensor of shape (*), of zeros and ones.

    Raises
    ------
    RuntimeError
        When a probability is outside of [0, 1].

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.bernoulli(torch.tensor([0.0, 0.5, 0.5, 1.0]))
    tensor([0., 0., 1., 1.])
    """
    if input._array.dtype.kind != "f" and p is None:
        raise NotImplementedError(
            f"probabilities are floating point, not {input.dtype}; convert them"
        )
    out: Tensor = wrap(np.empty_like(input._array))
    return out.bernoulli_(input if p is None else p, generator=generator)


@export(takes="out")
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Draw indices with probabilities in proportion to weights. Follows ``torch.multinomial``.

    Parameters
    ----------
    input
        Weights, which needn't sum to 1, of shape (m) or (n, m).
    num_samples
        How many indices to draw, k.
    replacement
        Whether an index may be drawn again.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    An int64 tensor of shape (k) or (n, k).

    Raises
    ------
    RuntimeError
        When weights are negative, not finite, or fewer than the draws without replacement.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> logits = torch.tensor([2.0, 1.0, -5.0])
    >>> torch.multinomial(logits.softmax(0), 8, replacement=True)
    tensor([1, 0, 0, 1, 0, 1, 0, 0])
    """
    source, weights = random.source_of(generator), input._array
    num_samples = as_int("num_samples", num_samples)
    if weights.dtype.kind != "f":
        raise RuntimeError(f"only supports floating-point dtypes for input, got {input.dtype}")
    if weights.ndim not in (1, 2) or num_samples <= 0:
        raise RuntimeError(
            f"expected weights of 1 or 2 dimensions and a positive number of samples, "
            f"got shape {list(weights.shape)} and {num_samples}"
        )
    if not weights.shape[-1]:
        raise RuntimeError("there is nothing to choose from: the weights are empty")
    _check_weights(weights, num_samples, replacement)
    return wrap(source.multinomial(weights, num_samples, replacement))


@one_call
def _check_weights(weights: np.ndarray, num_samples: int, replacement: bool) -> None:
    """Refuse weights that can't be drawn by."""
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("the weights must be finite and not negative")
    if not (weights > 0).any(-1).all():
        raise RuntimeError("the weights of a row add up to 0; one must be positive")
    if not replacement and (np.count_nonzero(weights, axis=-1) < num_samples).any():
        raise RuntimeError(
            f"can't draw {num_samples} different indices, because fewer have a weight "
            f"above 0; pass replacement=True"
        )


@one_call
def _check_deviations(deviations: np.ndarray) -> None:
    """Refuse negative standard deviations."""
    if not (deviations >= 0).all():
        raise RuntimeError("expects all elements of std >= 0.0")


@one_call
def _check_chance(chance: Any) -> None:
    """Refuse what is no probability."""
    if not np.all((np.asarray(chance) >= 0) & (np.asarray(chance) <= 1)):
        p = wrap(chance) if isinstance(chance, np.ndarray) else chance
        raise RuntimeError(f"expects 0 <= p <= 1, but got p={p}")


# Fillings in place


def _check_range(dtype: np.dtype[Any], low: int, high: int) -> None:
    """Refuse bounds that a dtype can't hold, and warn of those that it can't hold exactly."""
    if dtype.kind == "f":
        most = int(np.finfo(dtype).max)
        exact = 2 ** (np.finfo(dtype).nmant + 1)
        bounds, kind = (-most, most), f"{dtype}, whose integers are exact up to {exact}"
        if max(-low, high) > exact and bounds[0] <= low and high <= most:
            warn(f"random_: the bounds {low} and {high} are beyond the range of {kind}")
    else:
        info = None if dtype.kind == "b" else np.iinfo(dtype)
        bounds, kind = (0, 1) if info is None else (int(info.min), int(info.max)), str(dtype)
    if low < bounds[0] or high > bounds[1]:
        raise RuntimeError(
            f"numbers from {low} to {high} are out of bounds for {kind}, which holds "
            f"{bounds[0]} to {bounds[1]}"
        )


@export
def _exponential_(
    input: _T, lambd: float = 1.0, *, generator: random.Generator | None = None
) -> _T:
    """Fill self with numbers drawn from an exponential distribution of a rate.

    Its density is ``lambd * exp(-lambd * x)``. Follows ``torch.Tensor.exponential_``.

    Parameters
    ----------
    lambd
        The rate; the mean is its reciprocal.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(10000).exponential_(2.0).mean().round(decimals=1)
    tensor(0.5000)
    """
    rate, source = as_number("lambd", lambd), random.source_of(generator)
    if input._array.dtype.kind != "f":
        raise RuntimeError("the tensor must be floating point")
    return _draw(
        input, "exponential_", source.exponential(input._array.shape, input._array.dtype, rate)
    )


def _draw(input: _T, name: str, values: np.ndarray) -> _T:
    check_writable(name, input)
    memory_of(input)[...] = values
    rebase_history(name, input, record_overwrite(input))
    return input


def _need_floats(input: Tensor) -> None:
    if input._array.dtype.kind != "f":
        raise NotImplementedError(
            f"not implemented for {dtypes.of(input._array.dtype)}; use random_ for integers"
        )


@export
def _uniform_(
    input: _T,
    from_: float = 0.0,
    to: float = 1.0,
    *,
    generator: random.Generator | None = None,
    **bound: float,
) -> _T:
    """Fill self with numbers drawn uniformly from an interval. Follows ``torch.Tensor.uniform_``.

    Parameters
    ----------
    from_
        The lower end.
    to
        The upper end, which isn't drawn.
    generator
        The stream to draw from. Default: the global one.
    bound
        ``from``, as older scripts name the lower end.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(3).uniform_(-1, 1)
    tensor([-0.0075,  0.5364, -0.8230])
    """
    low = bound.pop("from", from_)
    if bound:
        raise TypeError(f"unexpected arguments {sorted(bound)}")
    if not low <= to:
        raise RuntimeError(f"expects from <= to, but got from={low} > to={to}")
    _need_floats(input)
    source = random.source_of(generator)
    return _draw(input, "uniform_", source.uniform(input._array.shape, input._array.dtype, low, to))


@export
def _normal_(
    input: _T, mean: float = 0.0, std: float = 1.0, *, generator: random.Generator | None = None
) -> _T:
    """Fill self with numbers drawn from a normal distribution. Follows ``torch.Tensor.normal_``.

    Parameters
    ----------
    mean
        The mean.
    std
        The standard deviation.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(3).normal_(0, 0.02)
    tensor([ 0.0308, -0.0059, -0.0436])
    """
    if std < 0:
        raise RuntimeError(f"expects std >= 0.0, but got {std}")
    _need_floats(input)
    source = random.source_of(generator)
    return _draw(input, "normal_", source.normal(input._array.shape, input._array.dtype, mean, std))


@export
def _bernoulli_(input: _T, p: Any = 0.5, *, generator: random.Generator | None = None) -> _T:
    """Fill self with ones drawn with probability p, and zeros. Follows ``torch.Tensor.bernoulli_``.

    Parameters
    ----------
    p
        A probability, or a tensor of them whose shape broadcasts to self's.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    self.

    Raises
    ------
    RuntimeError
        When a probability is outside of [0, 1].

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(5).bernoulli_(0.5)
    tensor([0., 0., 1., 0., 0.])
    """
    source = random.source_of(generator)
    chance = p._array if isinstance(p, TensorBase) else p
    _check_chance(chance)
    return _draw(
        input, "bernoulli_", source.bernoulli(chance, input._array.shape, input._array.dtype)
    )


@export
def _random_(
    input: _T, from_: int = 0, to: int | None = None, *, generator: random.Generator | None = None
) -> _T:
    """Fill self with integers drawn uniformly from ``from_`` up to, not including, ``to``.

    Given one number, it is ``to``; given none, they go up to what the dtype holds exactly. Follows
    ``torch.Tensor.random_``.

    Parameters
    ----------
    from_
        The least integer.
    to
        The integer that is too large.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(4).random_(10)
    tensor([4., 9., 3., 0.])
    """
    source = random.source_of(generator)
    if to is None and not from_:
        return _draw(input, "random_", source.any_integers(input._array.shape, input._array.dtype))
    if to is None:
        from_, to = 0, from_
    if not from_ < to:
        raise RuntimeError(f"'from' must be less than 'to', but got {from_} and {to}")
    _check_range(input._array.dtype, from_, to - 1)
    drawn = source.integers(from_, to, input._array.shape)
    return _draw(input, "random_", drawn)


def _uniform(input: Tensor, generator: Any, kinds: str = "f") -> np.ndarray:
    if input._array.dtype.kind not in kinds:
        raise NotImplementedError("the tensor must be floating point; use float()")
    source = random.source_of(generator)
    drawn: np.ndarray = source.uniform(input._array.shape, np.dtype(np.float64), 0.0, 1.0)
    return drawn


@export
def _geometric_(input: _T, p: float, *, generator: Any = None) -> _T:
    """Fill self with counts of trials until the first success, of probability p.

    The number k has probability ``(1 - p)**(k - 1) * p``. Follows ``torch.Tensor.geometric_``.

    Parameters
    ----------
    p
        The probability of success, between 0 and 1.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(10000).geometric_(0.25).mean().round()
    tensor(4.)
    """
    if not 0 < p < 1:
        raise RuntimeError(f"expects p to be in (0, 1), but got p={p}")
    counts = np.ceil(np.log(_uniform(input, generator, "fiu")) / math.log1p(-p))
    return _draw(input, "geometric_", counts)


@export
def _cauchy_(input: _T, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> _T:
    """Fill self with numbers drawn from a Cauchy distribution.

    Its density is ``1 / (pi * sigma * (1 + ((x - median) / sigma)**2))``: it has no mean. Follows
    ``torch.Tensor.cauchy_``.

    Parameters
    ----------
    median
        The median.
    sigma
        Half the distance between the quartiles.
    generator
        The stream to draw from. Default: the global one.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(10000).cauchy_(5.0).median().round()
    tensor(5.)
    """
    if sigma <= 0:
        raise RuntimeError(f"expects sigma > 0.0, but found sigma={sigma}")
    angles = np.pi * (_uniform(input, generator) - 0.5)
    return _draw(input, "cauchy_", median + sigma * np.tan(angles))


if not TYPE_CHECKING:
    __all__ = publish(
        globals(),
        *"""rand randn randint randint_like randperm normal rand_like randn_like manual_seed seed
        initial_seed get_rng_state set_rng_state""".split(),
    )
