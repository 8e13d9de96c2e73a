"""Parameters that are computed by modules from others, whenever they are read.

A module with such a parameter is of a class of its own, in which the parameter's name is a
property. Follows ``torch.nn.utils.parametrize``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.compat.unsupported import watch
from tinygrad_mnist.nn.containers import ModuleDict, ModuleList
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.tensor import Tensor

_cache: dict[tuple[int, str], Any] = {}
_depth = 0


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parameter that is parametrized once inside of a block, whatever its shape.

    Follows ``torch.nn.utils.parametrize.cached``.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.weight_norm(nn.Linear(2, 3))
    >>> with parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The modules that compute a parameter one after the other, and what they compute it from.

    That is ``original``, or ``original0`` and so on where the first of them has several inputs.

    Parameters
    ----------
    modules
        The modules.
    original
        The parameter, of any shape.
    unsafe
        Whether shape and dtype may change.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> type(layer.parametrizations.weight).__name__
    'ParametrizationList'
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(list(modules))
        self.unsafe, self._several = unsafe, 0
        parts = self._inverse(original)
        if isinstance(parts, Tensor):
            self.original = _held(original, parts)
            return
        self._several = len(parts)
        for i, part in enumerate(parts):
            setattr(self, f"original{i}", _held(original, part))

    def _inverse(self, value: Any) -> Any:
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Set what the parameter is computed from, so that it becomes a value."""
        parts = self._inverse(value)
        with no_grad():
            if isinstance(parts, Tensor):
                self.original.copy_(parts)
                return
            for i, part in enumerate(parts):
                getattr(self, f"original{i}").copy_(part)

    def forward(self) -> Tensor:
        first, *rest = list(self)
        x: Tensor
        if self._several:
            x = first(*(getattr(self, f"original{i}") for i in range(self._several)))
        else:
            x = first(self.original)
        for module in rest:
            x = module(x)
        return x


def _held(original: Tensor, part: Tensor) -> Tensor:
    """Make a part of a parameter a parameter, and of a buffer a buffer."""
    if part is original or not isinstance(original, Parameter):
        return part
    return Parameter(part.detach(), original.requires_grad)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a parameter or buffer be computed by a module from what it was before.

    A method ``right_inverse`` of that module, if there is one, says from what. Where the parameter
    is computed already, it is computed further. Follows
    ``torch.nn.utils.parametrize.register_parametrization``.

    Parameters
    ----------
    module
        The module.
    tensor_name
        The name of its parameter or buffer, of any shape.
    parametrization
        The module that computes it.
    unsafe
        Whether shape and dtype may change.

    Returns
    -------
    The module.

    Raises
    ------
    ValueError
        When the module has no such parameter, or the shape or dtype would change and ``unsafe``
        is False.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import parametrize
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> (layer.weight == layer.weight.T).all()
    tensor(True)
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        parts: Any = module.parametrizations[tensor_name]
        value = getattr(module, tensor_name)
        if not unsafe:
            _check(tensor_name, value, parametrization(value))
        if hasattr(parametrization, "right_inverse"):
            with no_grad():
                parts.right_inverse(parametrization.right_inverse(value))
        parts.append(parametrization)
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer with "
            f"name {tensor_name!r}"
        )
    original = getattr(module, tensor_name)
    parts = ParametrizationList([parametrization], original, unsafe)
    if not unsafe:
        _check(tensor_name, original, parts())
    delattr(module, tensor_name)
    if not is_parametrized(module):
        base = type(module)
        module.__class__ = type(f"Parametrized{base.__name__}", (base,), {"_unparametrized": base})
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _computed(tensor_name))
    module.parametrizations[tensor_name] = parts
    return module


def _check(name: str, old: Tensor, new: Any) -> None:
    if not isinstance(new, Tensor) or new.shape != old.shape or new.dtype != old.dtype:
        what = f"{new.dtype}{list(new.shape)}" if isinstance(new, Tensor) else type(new).__name__
        raise ValueError(
            f"register_parametrization: {name!r} is {old.dtype}{list(old.shape)}, but would become "
            f"{what}; pass unsafe=True if that is meant"
        )


def _computed(name: str) -> property:
    def get(self: Any) -> Any:
        if not _depth:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, put)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether a module computes a parameter, whatever its shape, or any.

    Follows ``torch.nn.utils.parametrize.is_parametrized``.

    Parameters
    ----------
    module
        The module.
    tensor_name
        The parameter's name; None: any.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.weight_norm(nn.Linear(2, 3))
    >>> parametrize.is_parametrized(layer), parametrize.is_parametrized(layer, "bias")
    (True, False)
    """
    parts = module._modules.get("parametrizations")
    if not isinstance(parts, ModuleDict):
        return False
    return len(parts) > 0 if tensor_name is None else tensor_name in parts


def type_before_parametrizations(module: Module) -> type:
    """Return the class that a module had before its parameters were parametrized.

    Follows ``torch.nn.utils.parametrize.type_before_parametrizations``.

    Parameters
    ----------
    module
        The module.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.weight_norm(nn.Linear(2, 3))
    >>> type(layer).__name__, parametrize.type_before_parametrizations(layer).__name__
    ('ParametrizedLinear', 'Linear')
    """
    return getattr(type(module), "_unparametrized", type(module))


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parameter a parameter again: of its computed value, or of what that came from.

    Follows ``torch.nn.utils.parametrize.remove_parametrizations``.

    Parameters
    ----------
    module
        The module.
    tensor_name
        The parameter's name.
    leave_parametrized
        Whether it keeps the computed value and its shape, instead of what that came from.

    Returns
    -------
    The module.

    Raises
    ------
    ValueError
        When the parameter isn't computed, or comes from several.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.utils import parametrizations, parametrize
    >>> layer = parametrizations.weight_norm(nn.Linear(2, 3))
    >>> list(parametrize.remove_parametrizations(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(
            f"remove_parametrizations: {type(module).__name__} has no parametrization of "
            f"{tensor_name!r}"
        )
    parts: Any = module.parametrizations[tensor_name]
    original = parts.original0 if parts._several else parts.original
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name).clone()
        if parts._several:
            original = Parameter(value) if isinstance(original, Parameter) else value
        else:
            with no_grad():
                original.copy_(value)
    elif parts._several:
        raise ValueError("remove_parametrizations: leave_parametrized=False needs one original")
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type_before_parametrizations(module)
    return module


watch("nn.utils.parametrize")
