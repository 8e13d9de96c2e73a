"""A compiled module: what ``compile(model)`` returns, and a script goes on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from tinygrad_mnist.compiler.compiled import Compiled, Settings
from tinygrad_mnist.nn.module import Module


class OptimizedModule(Module):
    """A module whose calls are a program; everything else is the module's that was given.

    As in PyTorch, that one is the submodule ``_orig_mod``, which the names of its state begin with.

    Parameters
    ----------
    module
        The module.
    settings
        How it is compiled.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> compiled = torch.compile(layer)
    >>> compiled.weight is layer.weight, list(compiled.state_dict())
    (True, ['_orig_mod.weight', '_orig_mod.bias'])
    """

    _orig_mod: Module
    _compiled: Compiled[Any, Any]

    def __init__(self, module: Module, settings: Settings) -> None:
        super().__init__()
        self.__dict__["_modules"]["_orig_mod"] = module
        self.__dict__["_compiled"] = Compiled(module, settings)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program."""
        return self._compiled(*args, **kwargs)

    def source(self, part: Literal["forward", "backward"] = "forward") -> str:
        """Return the program of the last call, or of its gradients, as Python that runs."""
        text: str = self._compiled.source(part)
        return text

    @property
    def training(self) -> bool:
        """Whether the module is in training, not in evaluation."""
        return self._orig_mod.training

    @training.setter
    def training(self, mode: bool) -> None:
        self._orig_mod.training = mode

    def __getattr__(self, name: str) -> Any:
        """Find what isn't here in the module that was given."""
        module = self.__dict__["_modules"]["_orig_mod"]
        return module if name == "_orig_mod" else getattr(module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the other module's attributes."""
        if name in self.__dict__ or name == "training":
            object.__setattr__(self, name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        """Delete the other module's attributes."""
        delattr(self._orig_mod, name)


def compiled_call(module: Module, settings: Settings) -> Callable[..., Any]:
    """Return what a module's calls do once it has been compiled in place."""
    return Compiled(module._call_as_it_is, settings)
