"""Dropout: elements or channels that are left out at random while training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.nn.activation import maybe_inplace
from tinygrad_mnist.nn.layer import Layer
from tinygrad_mnist.nn.spatial import for_each_dim
from tinygrad_mnist.tensor import Generator, Tensor, default_generator
from tinygrad_mnist.tensor.arguments import named


def check_probability(p: float) -> None:
    """Refuse what is no probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


class _DropoutNd(Layer):
    _shown = "p= inplace="

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return self._call(input, self.p, self.training, self.inplace)


@named
def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Zero each element with probability p, and scale the others by 1 / (1 - p).

    So the expected value of each element stays what it was. (Srivastava et al., 2014.) Follows
    ``torch.nn.functional.dropout``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    p
        The probability, from 0 to 1.
    training
        Whether to do so at all.
    inplace
        Whether to write the result over the input, which is then returned.
    generator
        Where the random numbers come from.

    Returns
    -------
    A tensor of the input's shape; the input itself where there is nothing to do.

    Raises
    ------
    ValueError
        When p is outside of [0, 1].

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.dropout(torch.ones(6), p=0.5, generator=torch.Generator().manual_seed(0))
    tensor([0., 0., 2., 0., 0., 0.])
    >>> F.dropout(torch.ones(2), training=False)
    tensor([1., 1.])
    """
    check_probability(p)
    if not training or p == 0:
        return input
    kind = input._array.dtype
    if kind.kind != "f":
        raise RuntimeError(f"the input must be floating point, not {kind}; use float()")
    if p == 1:
        mask = np.zeros(input._array.shape, kind)
    else:
        mask = (generator or default_generator).bernoulli(1 - p, input._array.shape, kind)
        mask *= 1 / (1 - p)
    return input.mul_(wrap(mask)) if inplace else input.mul(wrap(mask))


class Dropout(_DropoutNd, call=dropout):
    """Zero elements at random while training, and scale the others by 1 / (1 - p).

    In evaluation, after ``eval()``, it hands its input through.

    Shapes: input and output (*). Follows ``torch.nn.Dropout``.

    Parameters
    ----------
    p
        The probability with which an element is zeroed.
    inplace
        Whether to write the result over the input.

    Raises
    ------
    ValueError
        When p is outside of [0, 1].

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> layer = nn.Dropout(p=0.5)
    >>> layer(torch.ones(1000)).unique(), layer.eval()(torch.ones(2))
    (tensor([0., 2.]), tensor([1., 1.]))
    """


def _channels(input: Tensor, p: float) -> tuple[int, ...]:
    """Return a shape with one number for each channel, which broadcasts with the input."""
    if input.ndim < 2 and p < 1:
        raise RuntimeError(
            f"the input must have at least 2 dimensions, (N, C, ...), but has {input.ndim}; "
            f"use dropout, or alpha_dropout"
        )
    return input._array.shape[:2] + (1,) * (input.ndim - 2)


def _channel_dropout(
    dims: int, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels with probability p, and scale the others by 1 / (1 - p).

    Neighbouring pixels say the same, so that dropping single ones takes little away (Tompson et
    al., 2015). As in PyTorch, three dimensions of ``dropout2d`` are (N, C, L), with a warning.

    Follows ``torch.nn.functional.dropout1d``, ``dropout2d`` and ``dropout3d``.

    Parameters
    ----------
    input
        Signals (N, C, L), images (N, C, H, W) or volumes (N, C, D, H, W); signals and volumes may
        come without N.
    p
        The probability, from 0 to 1.
    training
        Whether to do so at all.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    ValueError
        When p is outside of [0, 1].

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = F.dropout2d(torch.ones(1, 100, 2, 2), p=0.5)
    >>> x.amax((2, 3)).eq(x.amin((2, 3))).all()  # each channel is kept or dropped whole
    tensor(True)
    """
    check_probability(p)
    single = dims != 2 and input.ndim == dims + 1
    if input.ndim != dims + 2 and not single:
        if dims == 1:
            raise RuntimeError(f"expected 2 or 3 dimensions, got {input.ndim}")
        warn(
            f"dropout{dims}d: the input has {input.ndim} dimensions, where {dims + 2}, "
            f"(N, C, ...), are expected; use dropout1d for (N, C, L), and dropout to drop single "
            f"elements"
        )
        single = dims == 3  # what has no N, to PyTorch
    out = x = input.unsqueeze(0) if single else input
    if training and p > 0 and input.numel():
        mask = dropout(wrap(np.ones(_channels(x, p), x._array.dtype)), p)
        out = x.mul_(mask) if inplace else x.mul(mask)
    if not single:
        return out
    return input if inplace else out.squeeze(0)


dropout1d, dropout2d, dropout3d = for_each_dim(_channel_dropout, "dropout{}d")


class Dropout1d(_DropoutNd, call=dropout1d):
    """Zero whole channels of signals at random while training.

    Shapes: input and output (N, C, L) or (C, L). Follows ``torch.nn.Dropout1d``.

    Parameters
    ----------
    p
        The probability with which a channel is zeroed.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.Dropout1d(p=1.0)(torch.ones(1, 2, 2)).sum()
    tensor(0.)
    """


class Dropout2d(_DropoutNd, call=dropout2d):
    """Zero whole channels of images at random while training.

    Shapes: input and output (N, C, H, W). Follows ``torch.nn.Dropout2d``.

    Parameters
    ----------
    p
        The probability with which a channel is zeroed.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.Dropout2d(p=1.0)(torch.ones(1, 1, 2, 1)).sum()
    tensor(0.)
    """


class Dropout3d(_DropoutNd, call=dropout3d):
    """Zero whole channels of volumes at random while training.

    Shapes: input and output (N, C, D, H, W) or (C, D, H, W). Follows ``torch.nn.Dropout3d``.

    Parameters
    ----------
    p
        The probability with which a channel is zeroed.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.Dropout3d(p=1.0)(torch.ones(1, 1, 1, 2, 1)).sum()
    tensor(0.)
    """


def _to_limit(
    input: Tensor,
    p: float,
    training: bool,
    inplace: bool,
    shape: Callable[[Tensor, float], tuple[int, ...]],
) -> Tensor:
    """Drop to SELU's lower limit what a mask leaves out; its shape is that of the input's units."""
    check_probability(p)
    if not training or p == 0 or not input.numel():
        return input
    if p == 1:
        return maybe_inplace(input, inplace, lambda x: x * 0)
    limit = 1.7580993408473766  # minus SELU of minus infinity
    scale = 1 / np.sqrt((limit**2 * p + 1) * (1 - p))
    kept = default_generator.bernoulli(1 - p, shape(input, p), input._array.dtype)
    factor = wrap(kept * input._array.dtype.type(scale))
    shift = wrap(((kept - 1) * (limit * scale) + limit * scale * p).astype(kept.dtype))
    return maybe_inplace(input, inplace, lambda x: x * factor + shift)


@named
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Drop elements to SELU's lower limit, and keep mean 0 and variance 1.

    (Klambauer et al., 2017.) Follows ``torch.nn.functional.alpha_dropout``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    p
        The probability, from 0 to 1.
    training
        Whether to do so at all.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    ValueError
        When p is outside of [0, 1].

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = F.alpha_dropout(torch.randn(100000), p=0.2, training=True)
    >>> abs(x.mean()) < 0.02, abs(x.std() - 1) < 0.02
    (tensor(True), tensor(True))
    """
    return _to_limit(input, p, training, inplace, lambda x, _: x._array.shape)


class AlphaDropout(_DropoutNd):
    """Dropout for :class:`SELU`, which keeps mean 0 and variance 1.

    Shapes: input and output (*). Follows ``torch.nn.AlphaDropout``.

    Parameters
    ----------
    p
        The probability with which an element is dropped to SELU's lower limit.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.AlphaDropout(p=0.5).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return alpha_dropout(input, self.p, self.training)


@named
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Drop whole channels of (N, C, ...) to SELU's lower limit, as :func:`alpha_dropout`.

    Follows ``torch.nn.functional.feature_alpha_dropout``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, ...), floating point.
    p
        The probability, from 0 to 1.
    training
        Whether to do so at all.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.feature_alpha_dropout(torch.ones(1, 2), p=1.0, training=True)
    tensor([[0., 0.]])
    """
    return _to_limit(input, p, training, inplace, _channels)


class FeatureAlphaDropout(_DropoutNd):
    """:class:`AlphaDropout` of whole channels.

    Shapes: input and output (N, C, ...). Follows ``torch.nn.FeatureAlphaDropout``.

    Parameters
    ----------
    p
        The probability with which a channel is dropped to SELU's lower limit.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.FeatureAlphaDropout(p=0.5).eval()(torch.ones(1, 2, 1)).shape
    torch.Size([1, 2, 1])
    """

    def forward(self, input: Tensor) -> Tensor:
        return feature_alpha_dropout(input, self.p, self.training)
