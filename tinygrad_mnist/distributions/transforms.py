"""Invertible transforms, and transformed distributions.

Follows ``torch.distributions.transforms``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinygrad_mnist.distributions.distribution import Distribution, last
from tinygrad_mnist.nn.functional import softplus
from tinygrad_mnist.tensor import Tensor, finfo


class Transform:
    """An invertible function with the logarithm of its Jacobian determinant.

    A subclass has ``_call``, ``_inverse`` and ``log_abs_det_jacobian``. With ``cache_size=1`` the
    inverse of what was last computed is what that was computed from, exactly.

    Parameters
    ----------
    cache_size
        0, or 1: keep the last value, and what it was computed from.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import ExpTransform
    >>> f, x = ExpTransform(), torch.tensor([0.0, 1.0])
    >>> f(x), f.log_abs_det_jacobian(x, f(x))
    (tensor([1.0000, 2.7183]), tensor([0., 1.]))
    """

    event_dim = 0
    """The number of dimensions of an event."""
    bijective = True
    sign = 1

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"{type(self).__name__}: cache_size must be 0 or 1, got {cache_size}")
        self._cache_size = cache_size
        self._last: tuple[Tensor, Tensor] | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function's value."""
        if self._last and x is self._last[0]:
            return self._last[1]
        y = self._call(x)
        if self._cache_size:
            self._last = (x, y)
        return y

    def back(self, y: Tensor) -> Tensor:
        """Return the inverse of a value."""
        if self._last and y is self._last[1]:
            return self._last[0]
        x = self._inverse(y)
        if self._cache_size:
            self._last = (x, y)
        return x

    @property
    def inv(self) -> Transform:
        """The inverse."""
        return _Inverse(self)

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: _call isn't defined")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: it has no inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the logarithm of the absolute Jacobian determinant at x, whose value is y."""
        raise NotImplementedError(f"{type(self).__name__}: log_abs_det_jacobian isn't defined")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Inverse(Transform):
    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self._transform, self.event_dim = transform, transform.event_dim

    @property
    def inv(self) -> Transform:
        return self._transform

    def _call(self, x: Tensor) -> Tensor:
        return self._transform.back(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self._transform(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._transform.log_abs_det_jacobian(y, x)

    def __repr__(self) -> str:
        return f"_InverseTransform({self._transform!r})"


class ComposeTransform(Transform):
    """Several functions, one after the other.

    Shapes: input and output (*). Follows ``torch.distributions.ComposeTransform``.

    Parameters
    ----------
    parts
        The functions, the first one first.
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.distributions import transforms
    >>> parts = [transforms.AffineTransform(1.0, 2.0), transforms.ExpTransform()]
    >>> transforms.ComposeTransform(parts)(tensor([-0.5]))
    tensor([1.])
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = list(parts)
        self.event_dim = max((part.event_dim for part in self.parts), default=0)

    def _call(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part.back(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the sum of the parts' logarithms."""
        total: Any = 0
        for part in self.parts:
            value = part(x)
            more = part.log_abs_det_jacobian(x, value)
            total = total + last(more, self.event_dim - part.event_dim)
            x = value
        size: Tensor = total
        return size

    def __repr__(self) -> str:
        lines = ",\n    ".join(map(repr, self.parts))
        return f"ComposeTransform(\n    {lines}\n)"


class ExpTransform(Transform):
    """``exp(x)``.

    Shapes: input and output (*). Follows ``torch.distributions.ExpTransform``.

    Parameters
    ----------
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import ExpTransform
    >>> ExpTransform()(torch.tensor([0.0]))
    tensor([1.])
    """

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x."""
        return x


class PowerTransform(Transform):
    """``x**exponent``, of positive numbers.

    Shapes: input and output (*). Follows ``torch.distributions.PowerTransform``.

    Parameters
    ----------
    exponent
        A number, or a tensor that broadcasts with the input.
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import PowerTransform
    >>> PowerTransform(2.0).inv(torch.tensor([9.0]))
    tensor([3.])
    """

    def __init__(self, exponent: Tensor | float, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = exponent

    def _call(self, x: Tensor) -> Tensor:
        return x**self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``log |exponent y / x|``."""
        return (self.exponent * y / x).abs().log()


class SigmoidTransform(Transform):
    """``1 / (1 + exp(-x))``.

    Shapes: input and output (*). Follows ``torch.distributions.SigmoidTransform``.

    Parameters
    ----------
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import SigmoidTransform
    >>> SigmoidTransform()(torch.tensor([0.0]))
    tensor([0.5000])
    """

    def _call(self, x: Tensor) -> Tensor:
        limits = finfo(x.dtype)
        return x.sigmoid().clamp(limits.tiny, 1 - limits.eps)

    def _inverse(self, y: Tensor) -> Tensor:
        limits = finfo(y.dtype)
        y = y.clamp(limits.tiny, 1 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``-softplus(-x) - softplus(x)``."""
        return -softplus(-x) - softplus(x)


class TanhTransform(Transform):
    """``tanh(x)``: with ``cache_size=1`` also what rounds to 1 has an inverse.

    Shapes: input and output (*). Follows ``torch.distributions.TanhTransform``.

    Parameters
    ----------
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import TanhTransform
    >>> f = TanhTransform(cache_size=1)
    >>> y = f(torch.tensor([20.0]))
    >>> y, f.inv(y)
    (tensor([1.]), tensor([20.]))
    """

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``log(1 - tanh(x)^2)``, exact where that would round to 0."""
        return 2 * (math.log(2) - x - softplus(-2 * x))


class SoftplusTransform(Transform):
    """``log(1 + exp(x))``.

    Shapes: input and output (*). Follows ``torch.distributions.SoftplusTransform``.

    Parameters
    ----------
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import SoftplusTransform
    >>> SoftplusTransform()(torch.tensor([0.0]))
    tensor([0.6931])
    """

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``-softplus(-x)``."""
        return -softplus(-x)


class AbsTransform(Transform):
    """``|x|``, which has no inverse: positive numbers are taken.

    Shapes: input and output (*). Follows ``torch.distributions.AbsTransform``.

    Parameters
    ----------
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.distributions import AbsTransform
    >>> AbsTransform()(torch.tensor([-2.0, 1.0]))
    tensor([2., 1.])
    """

    bijective = False

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    """``loc + scale * x``.

    Shapes: input and output (*). Follows ``torch.distributions.AffineTransform``.

    Parameters
    ----------
    loc, scale
        Numbers, or tensors that broadcast with the input.
    event_dim
        How many dimensions an event has.
    cache_size
        As in :class:`Transform`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.distributions.transforms import AffineTransform
    >>> AffineTransform(1.0, 2.0).inv(tensor([3.0]))
    tensor([1.])
    """

    def __init__(
        self, loc: Tensor | float, scale: Tensor | float, event_dim: int = 0, cache_size: int = 0
    ) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``log |scale|``, summed over the event's dimensions."""
        scale = self.scale
        size = scale.abs().log() if isinstance(scale, Tensor) else math.log(abs(scale))
        return last((x * 0 + size), self.event_dim)


class TransformedDistribution(Distribution):
    r"""The distribution of a transformed random variable.

    .. math:: \log p(y) = \log p(x) - \log \left| \frac{dy}{dx} \right|, \quad y = f(x)

    Follows ``torch.distributions.TransformedDistribution``.

    Parameters
    ----------
    base_distribution
        The distribution of x, of shape (*).
    transforms
        The function f, or several, the first one first.
    validate_args
        Whether values out of range are refused; they are unless it is False.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.distributions import Normal, TransformedDistribution
    >>> from tinygrad_mnist.distributions.transforms import TanhTransform
    >>> squashed = TransformedDistribution(Normal(0.0, 1.0), [TanhTransform(cache_size=1)])
    >>> squashed.log_prob(tensor(0.0))
    tensor(-0.9189)
    """

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.base_dist = base_distribution
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(part, Transform) for part in self.transforms):
            raise ValueError(
                f"transforms must be a Transform or a list of Transforms, got {transforms!r}"
            )
        batch, event = base_distribution.batch_shape, base_distribution.event_shape
        more = max(ComposeTransform(self.transforms).event_dim - len(event), 0)
        cut = len(batch) - more
        super().__init__(batch[:cut], (*batch[cut:], *event), validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]  # a constant, but of the base
        """Whether samples have a gradient: if those of the base have one."""
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        x = ComposeTransform(self.transforms)(self.base_dist.sample(sample_shape))
        return x.detach() if x.requires_grad else x

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return ComposeTransform(self.transforms)(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        dims, y = len(self.event_shape), value
        total: Tensor | float = 0.0
        for part in reversed(self.transforms):
            x = part.back(y)
            total = total - last(part.log_abs_det_jacobian(x, y), dims - part.event_dim)
            y = x
        base = self.base_dist.log_prob(y)
        return last(base, dims - len(self.base_dist.event_shape)) + total

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a smaller number, of rising functions."""
        x = ComposeTransform(self.transforms).back(value)
        return self.base_dist.cdf(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist!r}, {self.transforms!r})"
