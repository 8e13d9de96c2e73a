"""Modules that hold modules or parameters."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.tensor import Tensor


def _position(index: Any, length: int) -> int:
    """Count an index from the front, and check it."""
    i = operator.index(index)
    if not -length <= i < length:
        raise IndexError(f"index {i} is out of range for {length} modules")
    return i % length


class _List(Module):
    """A module whose children are numbered."""

    def __len__(self) -> int:
        """Return the number of children."""
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        """Iterate over the children."""
        return iter(self._modules.values())  # type: ignore[arg-type]

    def __getitem__(self, index: Any) -> Any:
        """Return a child, or a container of some of them."""
        children = list(self._modules.values())
        if isinstance(index, slice):
            return self._of(dict(list(self._modules.items())[index]))
        return children[_position(index, len(children))]

    def _of(self, modules: dict[str, Any]) -> Any:
        raise NotImplementedError

    def __setitem__(self, index: Any, module: Module) -> None:
        """Replace a child."""
        self._modules[list(self._modules)[_position(index, len(self))]] = module

    def __delitem__(self, index: Any) -> None:
        """Remove children, and number the rest anew."""
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [names[index]]:
            del self._modules[name]
        self._renumber(list(self._modules.values()))

    def _renumber(self, modules: list[Any]) -> None:
        self._modules.clear()
        self._modules.update({str(i): module for i, module in enumerate(modules)})

    def append(self, module: Module) -> Self:
        """Add a child at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add children at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a child before another."""
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, index: Any = -1) -> Module:
        """Remove a child and return it."""
        module: Module = self[index]
        del self[_position(index, len(self))]
        return module


class Sequential(_List):
    """Modules one after another: each gets what the one before returns.

    Follows ``torch.nn.Sequential``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> net(ones(5, 4)).shape
    torch.Size([5, 2])
    >>> net[1]
    ReLU()
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def _of(self, modules: dict[str, Any]) -> Sequential:
        return type(self)(modules)

    def forward(self, input: Any) -> Any:  # noqa: A002
        """Return what the last module makes of what the others have made of the input."""
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]  # noqa: A001
        return input


class ModuleList(_List):
    """A list of modules that are registered.

    Follows ``torch.nn.ModuleList``.

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

    def _of(self, modules: dict[str, Any]) -> ModuleList:
        return type(self)(modules.values())

    def __repr__(self) -> str:
        """Print as PyTorch prints: equal neighbours are counted."""
        groups: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            if groups and groups[-1][2] == text:
                groups[-1] = (groups[-1][0], i, text)
            else:
                groups.append((i, i, text))
        lines = []
        for first, last, text in groups:
            name = f"({first})" if first == last else f"({first}-{last})"
            count = "" if first == last else f"{last - first + 1} x "
            lines.append(f"  {name}: {count}" + text.replace("\n", "\n  "))
        body = "\n" + "\n".join(lines) + "\n" if lines else ""
        return f"{self._get_name()}({body})"


class ModuleDict(Module):
    """A dictionary of modules that are registered.

    Follows ``torch.nn.ModuleDict``.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    >>> "a" in heads, heads["a"].out_features
    (True, 1)
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Module:
        """Return the module of a name."""
        return self._modules[key]  # type: ignore[return-value]

    def __setitem__(self, key: str, module: Module) -> None:
        """Register a module under a name."""
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        """Remove a module."""
        del self._modules[key]

    def __len__(self) -> int:
        """Return the number of modules."""
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        """Return whether there is a module of a name."""
        return key in self._modules

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return names with modules."""
        return self._modules.items()

    def pop(self, key: str) -> Module:
        """Remove a module and return it."""
        return self._modules.pop(key)  # type: ignore[return-value]

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def update(self, modules: Any) -> None:
        """Register the modules of a mapping, or of pairs."""
        for key, module in modules.items() if isinstance(modules, Mapping) else modules:
            self[key] = module


def _as_parameter(value: Any) -> Any:
    is_plain = isinstance(value, Tensor) and not isinstance(value, Parameter)
    return Parameter(value) if is_plain else value


class ParameterList(Module):
    """A list of parameters that are registered; tensors become parameters.

    Follows ``torch.nn.ParameterList``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> len(nn.ParameterList([ones(2), ones(3)]))
    2
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the parameters."""
        return iter(self._parameters.values())

    def __getitem__(self, index: Any) -> Any:
        """Return a parameter, or a list of some of them."""
        values = list(self._parameters.values())
        if isinstance(index, slice):
            return type(self)(values[index])
        return values[_position(index, len(values))]

    def __setitem__(self, index: int, value: Any) -> None:
        """Replace a parameter."""
        setattr(self, str(_position(index, len(self))), _as_parameter(value))

    def append(self, value: Any) -> Self:
        """Add a parameter at the end."""
        self.register_parameter(str(len(self)), _as_parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end."""
        for value in values:
            self.append(value)
        return self


class ParameterDict(Module):
    """A dictionary of parameters that are registered; tensors become parameters.

    Follows ``torch.nn.ParameterDict``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> list(nn.ParameterDict({"scale": ones(2)}).keys())
    ['scale']
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        for key, value in dict(parameters or {}).items():
            self[key] = value

    def __getitem__(self, key: str) -> Any:
        """Return the parameter of a name."""
        return self._parameters[key]

    def __setitem__(self, key: str, value: Any) -> None:
        """Register a parameter under a name."""
        self.register_parameter(key, _as_parameter(value))

    def __delitem__(self, key: str) -> None:
        """Remove a parameter."""
        del self._parameters[key]

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._parameters)

    def __contains__(self, key: str) -> bool:
        """Return whether there is a parameter of a name."""
        return key in self._parameters

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._parameters.keys()

    def values(self) -> Iterable[Any]:
        """Return the parameters."""
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return names with parameters."""
        return self._parameters.items()
