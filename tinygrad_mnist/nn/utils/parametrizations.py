"""Weights of spectral norm 1, and by length and direction, as parametrizations.

They are what ``nn.utils.spectral_norm`` and ``nn.utils.weight_norm`` are, under newer names for the
parameters. Follows ``torch.nn.utils.parametrizations``.
"""

from __future__ import annotations

from typing import TypeVar

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.compat.unsupported import watch
from tinygrad_mnist.nn.convolution import _ConvTranspose
from tinygrad_mnist.nn.distance import normalize
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.utils.parametrize import register_parametrization
from tinygrad_mnist.nn.utils.weight_norm import _WeightNorm as _Lengths
from tinygrad_mnist.tensor import Tensor

M = TypeVar("M", bound=Module)


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim
        self._length = _Lengths("", None if self.dim == -1 else dim).length

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """Return a weight of a length and a direction."""
        return weight_v * (weight_g / self._length(weight_v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the length and the direction of a weight."""
        return self._length(weight), weight


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"spectral_norm: there is no dimension {dim} of {weight.ndim}")
        if n_power_iterations <= 0:
            raise ValueError(
                f"spectral_norm: n_power_iterations must be positive, got {n_power_iterations}"
            )
        self.dim, self.eps = dim % weight.ndim, eps
        if weight.ndim == 1:
            return
        self.n_power_iterations = n_power_iterations
        matrix = self._matrix(weight.detach())
        for name, length in zip(("_u", "_v"), matrix.shape, strict=True):
            drawn = matrix.new_empty(length).normal_(0, 1)
            self.register_buffer(name, normalize(drawn, dim=0, eps=eps))
        self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    @no_grad()
    def _iterate(self, matrix: Tensor, times: int) -> None:
        for _ in range(times):
            self._u.copy_(normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(normalize(matrix.T.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight divided by its largest singular value."""
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        return weight / self._u.clone().dot(matrix.mv(self._v.clone()))

    def right_inverse(self, value: Tensor) -> Tensor:
        """Return a weight as it is."""
        return value


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Learn the length and the direction of a weight apart.

    They are ``parametrizations.weight.original0`` and ``original1``. Follows
    ``torch.nn.utils.parametrizations.weight_norm``.

    Parameters
    ----------
    module
        The layer.
    name
        The name of its parameter, of any shape.
    dim
        The dimension that keeps a length for each index; None: one length for all.

    Returns
    -------
    The layer.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils.parametrizations import weight_norm
    >>> layer = weight_norm(nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape
    torch.Size([40, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    return module


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> M:
    """Divide a weight by its largest singular value, which is followed by iterations.

    Follows ``torch.nn.utils.parametrizations.spectral_norm``.

    Parameters
    ----------
    module
        The layer.
    name
        The name of its parameter, a matrix of shape (n, m) once the other dimensions are joined.
    n_power_iterations
        How many steps of power iteration each forward in training takes.
    eps
        The least length that is divided by.
    dim
        The dimension of the outputs; 0, or 1 for transposed convolutions, unless given.

    Returns
    -------
    The layer.

    Raises
    ------
    ValueError
        When the module has no such parameter.

    Examples
    --------
    >>> from tinygrad_mnist import linalg, nn
    >>> from tinygrad_mnist.nn.utils.parametrizations import spectral_norm
    >>> layer = spectral_norm(nn.Linear(3, 4), n_power_iterations=30)
    >>> round(float(linalg.svdvals(layer.weight)[0]), 3)
    1.0
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(
            f"spectral_norm: {type(module).__name__} has no parameter or buffer with name {name!r}"
        )
    if dim is None:
        dim = 1 if isinstance(module, _ConvTranspose) else 0
    norm = _SpectralNorm(weight, n_power_iterations, dim, eps)
    register_parametrization(module, name, norm)
    return module


watch("nn.utils.parametrizations")
