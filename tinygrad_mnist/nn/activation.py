"""Activations as modules."""

from __future__ import annotations

from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.tensor import Tensor


class ReLU(Module):
    """Rectified linear unit, ``max(x, 0)``. Follows ``torch.nn.ReLU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> ReLU()(tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return ``max(input, 0)``."""
        return input.relu_() if self.inplace else input.relu()

    def extra_repr(self) -> str:
        """Return the settings."""
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """Logistic function, ``1 / (1 + exp(-x))``. Follows ``torch.nn.Sigmoid``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Sigmoid()(tensor(0.0))
    tensor(0.5000)
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return the logistic function of the input."""
        return input.sigmoid()


class Tanh(Module):
    """Hyperbolic tangent. Follows ``torch.nn.Tanh``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Tanh()(tensor(0.0))
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return the hyperbolic tangent of the input."""
        return input.tanh()


class Softmax(Module):
    """Probabilities along a dimension. Follows ``torch.nn.Softmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softmax(dim=-1)(tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return probabilities."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """Logarithms of probabilities along a dimension. Follows ``torch.nn.LogSoftmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> LogSoftmax(dim=-1)(tensor([1000.0, 0.0]))
    tensor([    0., -1000.])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return logarithms of probabilities."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"dim={self.dim}"
