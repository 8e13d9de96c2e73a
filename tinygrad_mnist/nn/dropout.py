"""Dropout."""

from __future__ import annotations

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.functional.dropout import check_probability
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class Dropout(Module):
    """Zero elements at random while training, and scale the others by 1 / (1 - p).

    In evaluation it hands its input through. Follows ``torch.nn.Dropout`` (Srivastava et al.,
    2014).

    Raises
    ------
    ValueError
        When p is outside of [0, 1].

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Dropout(p=0.5).eval()(ones(2))
    tensor([1., 1.])
    """

    _shown = "p= inplace="

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(Dropout):
    """Zero whole channels of (N, C, L) at random. Follows ``torch.nn.Dropout1d``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Dropout1d(p=1.0)(ones(1, 2, 2)).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """Zero whole channels of (N, C, H, W) at random. Follows ``torch.nn.Dropout2d``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Dropout2d(p=1.0)(ones(1, 1, 2, 1)).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(Dropout):
    """Zero whole channels of (N, C, D, H, W) at random. Follows ``torch.nn.Dropout3d``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> Dropout3d(p=1.0)(ones(1, 1, 1, 2, 1)).sum()
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(Dropout):
    """Dropout that keeps SELU's mean and variance. Follows ``torch.nn.AlphaDropout``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> AlphaDropout(p=0.5).eval()(ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(Dropout):
    """:class:`AlphaDropout` of whole channels. Follows ``torch.nn.FeatureAlphaDropout``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> FeatureAlphaDropout(p=0.5).eval()(ones(1, 2, 1)).shape
    torch.Size([1, 2, 1])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training)
