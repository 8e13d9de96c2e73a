"""Distribution, the base class: shapes, checks, printing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist._runtime.naming import named_class
from tinygrad_mnist.autograd import enable_grad, no_grad
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.tensor import (
    Size,
    Tensor,
    as_tensor,
    broadcast_tensors,
    finfo,
    get_default_dtype,
)
from tinygrad_mnist.tensor.arguments import as_size, as_tuple


def once(derive: Callable[[Any], Tensor]) -> cached_property[Tensor]:
    """Make a parameter that is computed from others when first used, and kept.

    It is recorded also where a sample is what needs it first, under ``no_grad``.
    """
    return cached_property(enable_grad()(derive))


class Distribution:
    """A family of distributions of one kind, of shape ``batch_shape``, over ``event_shape``.

    A subclass has ``rsample`` or ``sample``, ``log_prob``, and names its parameters. Follows
    ``torch.distributions.Distribution``.

    Parameters
    ----------
    batch_shape, event_shape
        The shapes.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import Normal
    >>> d = Normal(torch.zeros(3), 1.0)
    >>> d.batch_shape, d.event_shape, d.sample((5,)).shape
    (torch.Size([3]), torch.Size([]), torch.Size([5, 3]))
    """

    parameters: ClassVar[tuple[str, ...]] = ()
    has_rsample: ClassVar[bool] = False
    batch_shape: Size
    event_shape: Size

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the errors of the library's own distributions name them and their methods."""
        super().__init_subclass__(**kwargs)
        named_class(cls)

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:
        self.batch_shape, self.event_shape = Size(batch_shape), Size(event_shape)
        self._validate = validate_args is not False

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw a tensor of shape ``sample_shape + batch_shape + event_shape``, without gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draw as a function of the parameters, through which their gradients flow."""
        raise NotImplementedError(
            f"{type(self).__name__}: samples have no gradient here; use sample() and log_prob()"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability, or its density, of each value."""
        raise NotImplementedError(f"log_prob: {type(self).__name__} has none")

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a number that isn't above each value."""
        raise NotImplementedError(f"cdf: {type(self).__name__} has none")

    def entropy(self) -> Tensor:
        """Return the mean of ``-log_prob``."""
        raise NotImplementedError(f"entropy: {type(self).__name__} has none")

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError(f"mean: {type(self).__name__} has none")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"variance: {type(self).__name__} has none")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def _check(self, what: str, holds: Tensor) -> None:
        """Raise unless a condition holds for all parameters or values.

        Raises
        ------
        ValueError
            Saying what they must be.
        """
        if self._validate:
            _refuse(what, holds._array)

    def _shape(self, sample_shape: Sequence[int]) -> tuple[int, ...]:
        given = as_tuple("sample_shape", sample_shape)
        return (*(as_size(given) if given else ()), *self.batch_shape, *self.event_shape)

    def __repr__(self) -> str:
        found = [(name, self.__dict__[name]) for name in self.parameters if name in self.__dict__]
        shown = [f"{k}: {v if v.numel() == 1 else v.size()}" for k, v in found]
        return f"{type(self).__name__}({', '.join(shown)})"


class LocationScale(Distribution):
    """Base of distributions that are shifted by ``loc`` and stretched by ``scale``."""

    parameters = ("loc", "scale")
    has_rsample = True

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale = broadcast(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)
        self._check("scale must be positive", self.scale > 0)

    @property
    def mean(self) -> Tensor:
        return self.loc


class ProbsOrLogits(Distribution):
    """Base of distributions of a trial, given its ``probs`` or their ``logits``."""

    parameters = ("probs", "logits")

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("give either probs or logits, not both")
        (given,) = broadcast(logits if probs is None else probs)
        self.__dict__["logits" if probs is None else "probs"] = given
        super().__init__(given.shape, validate_args=validate_args)
        if probs is not None:
            self._check(*self._in_range(given))

    def _in_range(self, probs: Tensor) -> tuple[str, Tensor]:
        """Return which probabilities there are, and whether these are such."""
        return "probs must lie between 0 and 1", (probs >= 0) & (probs <= 1)

    @once
    def probs(self) -> Tensor:
        """Return the probabilities of success."""
        return self.logits.sigmoid()

    @once
    def logits(self) -> Tensor:
        """Return the logarithms of the odds of success."""
        return self.probs.logit(finfo(self.probs.dtype).eps)


def broadcast(*parameters: Any) -> list[Tensor]:
    """Return parameters, tensors or numbers, as tensors of one shape."""
    given = [p for p in parameters if isinstance(p, Tensor)]
    kind = given[0].dtype if given else get_default_dtype()
    tensors = [p if isinstance(p, Tensor) else as_tensor(p, dtype=kind) for p in parameters]
    return list(broadcast_tensors(*tensors))


def last(x: Tensor, count: int) -> Tensor:
    """Sum over the last dimensions."""
    return x.sum(tuple(range(-count, 0))) if count else x


@one_call
def _refuse(what: str, holds: np.ndarray) -> None:
    """Say what must be, unless a condition holds everywhere."""
    if not holds.all():
        raise ValueError(what)


HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
