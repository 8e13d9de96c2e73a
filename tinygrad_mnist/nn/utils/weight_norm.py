"""Weights that are computed before each forward: by length and direction, or of spectral norm 1."""

from __future__ import annotations

from typing import Any, TypeVar

from tinygrad_mnist._runtime.naming import kind
from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.nn.distance import normalize
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.tensor import Tensor

M = TypeVar("M", bound=Module)


class _Recomputed:
    """A pre-forward hook that sets a weight from the parameters that stand for it."""

    kind: str
    parts: tuple[str, ...]
    """The endings of what stands for the weight."""

    def __init__(self, name: str) -> None:
        self.name = name

    def compute(self, module: Module) -> Tensor:
        """Return the weight, recorded."""
        raise NotImplementedError

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute(module))

    @classmethod
    def find(cls, module: Module, name: str) -> tuple[int, Any] | None:
        """Return the hook of this kind that a module has for a weight, and its key."""
        if not isinstance(module, Module):
            raise TypeError(f"{cls.kind}: expected a Module, got {kind(module)}")
        if not isinstance(name, str):
            raise TypeError(f"{cls.kind}: expected the name of a parameter, got {kind(name)}")
        for key, (hook, _) in module.__dict__["_pre_hooks"].items():
            if isinstance(hook, cls) and hook.name == name:
                return key, hook
        return None

    @classmethod
    def taken(cls, module: Module, name: str) -> Parameter:
        """Return a weight that is among a module's parameters, and isn't recomputed yet.

        Raises
        ------
        RuntimeError, AttributeError
            When it is recomputed already, or is no parameter.
        """
        if cls.find(module, name) is not None:
            raise RuntimeError(f"Cannot register two {cls.kind} hooks on the same parameter {name}")
        weight = getattr(module, name, None)
        if not isinstance(weight, Parameter):
            raise AttributeError(f"{cls.kind}: '{name}' is no parameter of {type(module).__name__}")
        return weight

    @classmethod
    def remove(cls, module: M, name: str) -> M:
        """Put the computed weight in the place of its parts, and forget the hook.

        Raises
        ------
        ValueError
            When there is none.
        """
        found = cls.find(module, name)
        if found is None:
            raise ValueError(f"{cls.kind}: '{name}' not found in this {type(module).__name__}")
        key, hook = found
        del module.__dict__["_pre_hooks"][key]
        training, module.training = module.training, False
        try:
            with no_grad():
                weight = hook.compute(module).detach()
        finally:
            module.training = training
        for part in (name, *(f"{name}_{ending}" for ending in cls.parts)):
            delattr(module, part)
        setattr(module, name, Parameter(weight))
        return module


class _WeightNorm(_Recomputed):
    kind, parts = "weight_norm", ("g", "v")

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def length(self, v: Tensor) -> Tensor:
        """Return the norm over all dimensions but one, or over all."""
        if self.dim is None:
            return v.norm()
        dims = tuple(d for d in range(v.dim()) if d != self.dim % v.dim())
        return v.norm(dim=dims, keepdim=True) if dims else v.abs()

    def compute(self, module: Module) -> Tensor:
        v: Tensor = getattr(module, f"{self.name}_v")
        g: Tensor = getattr(module, f"{self.name}_g")
        return v * (g / self.length(v))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    r"""Learn the length and the direction of a weight apart (Salimans and Kingma, 2016).

    .. math:: w = g \frac{v}{\lVert v \rVert}

    The parameter becomes two, ``weight_g`` and ``weight_v``; the norm is taken over all dimensions
    but ``dim``, or over all with None. Follows ``torch.nn.utils.weight_norm``.

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

    Raises
    ------
    RuntimeError
        When the weight is normalised already.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import weight_norm
    >>> layer = weight_norm(nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (torch.Size([40, 1]), torch.Size([40, 20]))
    """
    if dim is not None and not isinstance(dim, int):
        raise TypeError(f"weight_norm: dim must be an integer or None, got {kind(dim)}")
    hook = _WeightNorm(name, None if dim == -1 else dim)
    weight = _WeightNorm.taken(module, name)
    length = hook.length(weight.detach())  # nothing is changed where this fails
    delattr(module, name)
    setattr(module, f"{name}_g", Parameter(length))
    setattr(module, f"{name}_v", Parameter(weight.detach()))
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make a normalised weight, of any shape, a parameter again.

    Follows ``torch.nn.utils.remove_weight_norm``.

    Parameters
    ----------
    module
        The layer.
    name
        The name of its parameter.

    Returns
    -------
    The layer.

    Raises
    ------
    ValueError
        When the weight isn't normalised.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import remove_weight_norm, weight_norm
    >>> list(remove_weight_norm(weight_norm(nn.Linear(2, 3))).state_dict())
    ['bias', 'weight']
    """
    return _WeightNorm.remove(module, name)


class _SpectralNorm(_Recomputed):
    kind, parts = "spectral_norm", ("orig", "u", "v")

    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        super().__init__(name)
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        self.dim = dim

    def matrix(self, weight: Tensor) -> Tensor:
        """Bring the dimension of the outputs to the front, and flatten the others."""
        return weight.movedim(self.dim, 0).reshape(weight.shape[self.dim], -1)

    def compute(self, module: Module) -> Tensor:
        weight: Tensor = getattr(module, f"{self.name}_orig")
        u: Tensor = getattr(module, f"{self.name}_u")
        v: Tensor = getattr(module, f"{self.name}_v")
        matrix = self.matrix(weight)
        if module.training:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(normalize(matrix.mv(v), dim=0, eps=self.eps))
        # Copies, because the next forward will write to u and v.
        return weight / u.clone().dot(matrix.mv(v.clone()))


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> M:
    r"""Divide a weight by its largest singular value (Miyato et al., 2018).

    .. math:: w = \frac{W}{\sigma(W)}, \quad \sigma(W) = u^T W v

    u and v, kept as buffers, come closer to the singular vectors in each forward in training, by
    ``n_power_iterations`` steps of power iteration. Follows ``torch.nn.utils.spectral_norm``.

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
    ValueError, RuntimeError
        When there are no iterations, or the weight is normalised already.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import spectral_norm
    >>> list(spectral_norm(nn.Linear(2, 3)).state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    whole = isinstance(n_power_iterations, int)
    if not whole or n_power_iterations <= 0:
        raise ValueError(
            f"spectral_norm: Expected n_power_iterations to be a positive integer, but got "
            f"n_power_iterations={n_power_iterations if whole else kind(n_power_iterations)}"
        )
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    hook = _SpectralNorm(name, n_power_iterations, eps, dim)
    weight = _SpectralNorm.taken(module, name)
    matrix = hook.matrix(weight.detach())
    delattr(module, name)
    setattr(module, f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    for letter, size in zip("uv", matrix.shape, strict=True):
        drawn = matrix.new_zeros(size).normal_(0, 1)
        module.register_buffer(f"{name}_{letter}", normalize(drawn, dim=0, eps=eps))
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make a normalised weight, of any shape, a parameter again.

    Follows ``torch.nn.utils.remove_spectral_norm``.

    Parameters
    ----------
    module
        The layer.
    name
        The name of its parameter.

    Returns
    -------
    The layer.

    Raises
    ------
    ValueError
        When the weight isn't normalised.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import remove_spectral_norm, spectral_norm
    >>> list(remove_spectral_norm(spectral_norm(nn.Linear(2, 3))).state_dict())
    ['bias', 'weight']
    """
    return _SpectralNorm.remove(module, name)
