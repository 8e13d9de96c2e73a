"""Modules that hold modules or parameters."""

from __future__ import annotations

import itertools
import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, SupportsIndex, TypeAlias, cast, overload

from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.nn.module import Module, refuse_module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.tensor import Tensor

Modules: TypeAlias = "Mapping[str, Module] | ModuleDict | Iterable[tuple[str, Module]]"
Parameters: TypeAlias = "Mapping[str, Any] | ParameterDict | Iterable[tuple[str, Any]]"


def _position(index: SupportsIndex, length: int) -> int:
    """Count an index from the front, and check it."""
    i = operator.index(index)
    if not -length <= i < length:
        raise IndexError(f"index {i} is out of range for {length} modules")
    return i % length


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    """Return the pairs of a mapping, of one of our dictionaries, or of an iterable of pairs."""
    if not isinstance(given, Iterable):
        raise TypeError(
            f"should be called with an iterable of key/value pairs, but got {type(given).__name__}"
        )
    if isinstance(given, Mapping | ModuleDict | ParameterDict):
        return list(given.items())
    pairs = []
    for i, pair in enumerate(given):
        if not isinstance(pair, Iterable):
            raise TypeError(f"element {i} should be a pair, not a {type(pair).__name__}")
        key_and_value = tuple(pair)
        if len(key_and_value) != 2:
            raise ValueError(f"element {i} has length {len(key_and_value)}; 2 is required")
        pairs.append(key_and_value)
    return pairs


class _List(Module):
    """A module whose children are numbered."""

    def __len__(self) -> int:
        return len(self._modules)

    def _children(self) -> list[Module]:
        return cast(list[Module], list(self._modules.values()))

    def __iter__(self) -> Iterator[Module]:
        return iter(self._children())

    @overload
    def __getitem__(self, index: SupportsIndex) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Module | Self:
        """Return a child, or a container of some of them."""
        if isinstance(index, slice):
            return self._of(dict(list(self._modules.items())[index]))
        return self._children()[_position(index, len(self))]

    def _of(self, modules: dict[str, Any]) -> Self:
        raise NotImplementedError

    def __setitem__(self, index: SupportsIndex, module: Module) -> None:
        setattr(self, list(self._modules)[_position(index, len(self))], module)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        """Remove children, and number the rest anew."""
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [names[index]]:
            del self._modules[name]
        self._renumber(self._children())

    def _renumber(self, modules: list[Module]) -> None:
        self._modules.clear()
        self._modules.update({str(i): module for i, module in enumerate(modules)})

    @named
    def append(self, module: Module) -> Self:
        """Add a child at the end."""
        self.add_module(str(len(self)), module)
        return self

    @named
    def extend(self, modules: Iterable[Module]) -> Self:
        """Add children at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a child before another."""
        modules = self._children()
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> Self:
        """Return a container of the children of both."""
        both = [*self, *other]
        return self._of({str(i): module for i, module in enumerate(both)})

    def pop(self, key: SupportsIndex | slice = -1) -> Module:
        """Remove a child, or some of them, and return that."""
        found: Module = self[key]
        del self[key if isinstance(key, slice) else _position(key, len(self))]
        return found


def _sequential(other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise ValueError(
            f"Sequential: only another Sequential can be added, not a {type(other).__name__}; use "
            f"extend()"
        )
    return other


class Sequential(_List):
    """Modules one after another: each gets what the one before returns.

    Shapes: those of its first and its last module. Follows ``torch.nn.Sequential``.

    Parameters
    ----------
    args
        Modules, or an ``OrderedDict`` of them by name.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> net(torch.ones(5, 4)).shape
    torch.Size([5, 2])
    >>> net[1]
    ReLU()
    """

    @overload
    def __init__(self, *args: Module) -> None: ...
    @overload
    def __init__(self, arg: OrderedDict[str, Module], /) -> None: ...
    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def _of(self, modules: dict[str, Any]) -> Self:
        return type(self)(OrderedDict(modules))

    @named
    def insert(self, index: int, module: Module) -> Self:
        """Add a module before another.

        Raises
        ------
        IndexError
            When there are fewer modules than the index says.
        """
        if not isinstance(module, Module):
            refuse_module(module)
        if not -len(self) <= operator.index(index) <= len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} modules")
        return super().insert(index, module)

    def __add__(self, other: Iterable[Module]) -> Self:
        """Return the modules of both, one after another."""
        return super().__add__(_sequential(other))

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(_sequential(other))

    def __mul__(self, times: int) -> Sequential:
        """Return the same modules, several times one after another."""
        if not isinstance(times, int):
            raise TypeError(f"Sequential: can't be multiplied by a {type(times).__name__}")
        if times <= 0:
            raise ValueError(f"Sequential: can't be multiplied by {times}; use a positive number")
        return Sequential(*(list(self) * times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Self:
        self._renumber(list(self * times))
        return self

    def forward(self, input: Any) -> Any:
        """Return what the last module makes of what the others have made of the input."""
        modules: Any = self._modules.values()
        for module in modules:
            input = module(input)
        return input


class ModuleList(_List):
    """A list of modules that are registered: unlike a plain list's, their parameters are found.

    Shapes: none, as it computes nothing itself: index it, or go through it. Follows
    ``torch.nn.ModuleList``.

    Parameters
    ----------
    modules
        The modules.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def _of(self, modules: dict[str, Any]) -> Self:
        return type(self)(modules.values())

    def __repr__(self) -> str:
        """Print as PyTorch prints: equal neighbours are counted."""
        lines, first = [], 0
        for text, equal in itertools.groupby(map(repr, self)):
            count = len(list(equal))
            name = f"({first}): " if count == 1 else f"({first}-{first + count - 1}): {count} x "
            lines.append(f"  {name}" + text.replace("\n", "\n  "))
            first += count
        body = "\n" + "\n".join(lines) + "\n" if lines else ""
        return f"{self._get_name()}({body})"


class ModuleDict(Module):
    """A dictionary of modules that are registered: their parameters are found.

    Shapes: none, as it computes nothing itself. Follows ``torch.nn.ModuleDict``.

    Parameters
    ----------
    modules
        The modules by name, or pairs.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    >>> "a" in heads, heads["a"].out_features
    (True, 1)
    """

    def __init__(self, modules: Modules | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Module:
        return cast(Module, self._modules[key])

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """Return the modules."""
        return cast(Iterable[Module], self._modules.values())

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return names with modules."""
        return cast(Iterable[tuple[str, Module]], self._modules.items())

    def pop(self, key: str) -> Module:
        """Remove a module and return it."""
        return cast(Module, self._modules.pop(key))

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def update(self, modules: Modules) -> None:
        """Register the modules of a mapping, of another ModuleDict, or of pairs."""
        for key, module in _pairs(modules):
            self[key] = module


class _Parameters(Module):
    """The base of lists and dictionaries of parameters, which are attributes of the module.

    Tensors become parameters; anything else is kept as it is.
    """

    def _put(self, name: str, value: Any) -> None:
        is_plain = isinstance(value, Tensor) and not isinstance(value, Parameter)
        setattr(self, name, Parameter(value) if is_plain else value)

    def _names(self) -> Iterable[str]:
        raise NotImplementedError

    def _describe(self, tensor: Tensor) -> str:
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Return a line for each."""
        lines = []
        for name in self._names():
            value = getattr(self, name)
            if isinstance(value, Tensor):
                kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
                size = "x".join(map(str, value.shape))
                text = f"{kind} containing: [{self._describe(value)} of size {size}]"
            else:
                text = f"Object of type: {type(value).__name__}"
            lines.append(f"  ({name}): {text}")
        return "\n".join(lines)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raise: it computes nothing."""
        raise RuntimeError(f"{self._get_name()} should not be called.")


class ParameterList(_Parameters):
    """A list of parameters that are registered; tensors of any shape become parameters.

    Follows ``torch.nn.ParameterList``.

    Parameters
    ----------
    values
        The parameters or tensors.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ParameterList([torch.ones(2), torch.ones(3, 1)])
    ParameterList(
        (0): Parameter containing: [torch.float32 of size 2]
        (1): Parameter containing: [torch.float32 of size 3x1]
    )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        self.extend(() if values is None else values)

    def _names(self) -> Iterable[str]:
        return map(str, range(self._size))

    def _describe(self, tensor: Tensor) -> str:
        return str(tensor.dtype)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Parameter | Any]:
        return (getattr(self, name) for name in self._names())

    @overload
    def __getitem__(self, index: SupportsIndex) -> Parameter | Any: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        """Return a parameter, or a list of some of them."""
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, str(_position(index, self._size)))

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(str(_position(index, self._size)), value)

    def append(self, value: Any) -> Self:
        """Add a parameter at the end."""
        self._size += 1
        self[-1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(
                f"ParameterList.extend should be called with an iterable, but got "
                f"{type(values).__name__}"
            )
        for value in list(values):
            self.append(value)
        return self

    __iadd__ = extend


class ParameterDict(_Parameters):
    """A dictionary of parameters that are registered; tensors of any shape become parameters.

    Follows ``torch.nn.ParameterDict``.

    Parameters
    ----------
    parameters
        The parameters or tensors by name, or pairs.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> scales = nn.ParameterDict({"scale": torch.ones(2)})
    >>> list(scales), scales.scale is scales["scale"]
    (['scale'], True)
    """

    def __init__(self, parameters: Parameters | None = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        self.update({} if parameters is None else parameters)

    def _names(self) -> Iterable[str]:
        return self._keys

    def _describe(self, tensor: Tensor) -> str:
        return str(tensor.detach().type())

    def __getitem__(self, key: str) -> Parameter | Any:
        return getattr(self, str(key))

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"ParameterDict: a key must be a string, not a {type(key).__name__}")
        self._put(key, value)
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        delattr(self, str(key))
        del self._keys[key]

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._keys))

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._keys.keys()

    def values(self) -> Iterator[Parameter | Any]:
        """Return the parameters."""
        return (self[key] for key in self._keys)

    def items(self) -> Iterator[tuple[str, Parameter | Any]]:
        """Return names with parameters."""
        return ((key, self[key]) for key in self._keys)

    def get(self, key: str, default: Any = None) -> Parameter | Any:
        """Return the parameter of a name, or a default."""
        return self[key] if key in self else default

    def setdefault(self, key: str, default: Any = None) -> Parameter | Any:
        """Return the parameter of a name, which is the default if it is new."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Parameter | Any:
        """Remove a parameter and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Parameter | Any]:
        """Remove the last parameter and return it with its name."""
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all parameters."""
        for key in list(self):
            del self[key]

    def copy(self) -> Self:
        """Return another dictionary of the same parameters."""
        return type(self)(OrderedDict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> Self:
        """Return a dictionary that has the same value under several names."""
        return type(self)(OrderedDict.fromkeys(keys, default))

    def update(self, parameters: Parameters) -> None:
        """Register the parameters of a mapping, or of pairs.

        As in PyTorch, a plain dict is gone through in the order of its sorted names.
        """
        pairs = _pairs(parameters)
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            pairs.sort(key=operator.itemgetter(0))
        for key, value in pairs:
            self[key] = value

    def __or__(self, other: ParameterDict) -> Self:
        """Return a dictionary of the parameters of both."""
        both = self.copy()
        both.update(other)
        return both

    def __ror__(self, other: Any) -> Any:
        """Return a copy of what stands before, with these parameters put in."""
        both = other.copy()
        both.update(self)
        return both

    def __ior__(self, other: ParameterDict) -> Self:
        """Register the parameters of another dictionary."""
        self.update(other)
        return self
