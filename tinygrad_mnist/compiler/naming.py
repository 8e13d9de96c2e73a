"""Names for the values of a program: those of a function's arguments, and of a network's tensors.

A layer's weight and bias are ``w0`` and ``b0``, where 0 counts the layers that have any; its other
tensors go by their own names with that number. The gradient of ``w0`` is ``g_w0``; what is kept for
a backward pass to come is ``kept0``, ``kept1`` and so on.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.arguments import Place
from tinygrad_mnist.compiler.returned import Output, Taken
from tinygrad_mnist.compiler.text import Hint
from tinygrad_mnist.compiler.trace import Program, Value
from tinygrad_mnist.nn.module import Module

if TYPE_CHECKING:
    from tinygrad_mnist.compiler.recording import Recording
    from tinygrad_mnist.compiler.surroundings import Surroundings

SHORT = {"weight": "w", "bias": "b"}


def hints(
    recording: Recording, program: Program, function: Callable[..., Any]
) -> dict[Value, Hint]:
    """Return names for inputs, state and gradients of a program that was made of a recording."""
    known = dict(tensor_names(recording.surroundings))
    found = {x: known[t] for t, x in recording.state if t in known}
    moving = set(recording.moving)
    for x, at in zip(program.inputs, recording.inputs, strict=True):
        if isinstance(at, tuple):
            found[x] = Hint(argument_name(function, at))
        elif at in moving:
            found[x] = known.get(at, Hint("x"))
        else:
            found[x] = Hint(f"g_{known[at].name}" if at in known else "grad")
    for name, x in _returned_names(recording):
        found.setdefault(x, Hint(name))
    kept = [x for x in program.outputs if x not in found]
    found |= {x: Hint(f"kept{i}") for i, x in enumerate(kept)}
    leaves = [t for t, x in recording.gradients if x is not None]
    for t, x in zip(leaves, program.gradients, strict=True):
        hint = known.get(t)
        found[x] = Hint(f"g_{hint.name}", f"{hint.comment}'s gradient") if hint else Hint("grad")
    return found


def _returned_names(recording: Recording) -> Iterator[tuple[str, Value]]:
    """Name what is computed and returned: after its key in a dictionary, or as the loss."""
    returned = recording.returned
    keys = returned.structure if isinstance(returned.structure, dict) else {}
    loss = "loss"
    for kind, values in ((Output, [x.value for x in returned.computed]), (Taken, returned.taken)):
        for number, x in enumerate(values):
            key = next((k for k, y in keys.items() if type(y) is kind and y == number), None)
            if isinstance(key, str):
                yield re.sub(r"\W", "_", key), x
            elif x.array.ndim == 0 and x.array.dtype.kind == "f":
                yield loss, x
                loss = "out"
            else:
                yield "out", x


def function_name(function: Callable[..., Any]) -> str:
    """Return the name of the program of a function; of a module it is forward."""
    name = getattr(_called(function), "__name__", "")
    return name if name.isidentifier() and not keyword.iskeyword(name) else "step"


def _called(function: Any) -> Any:
    """Return the function that stands in the script: of a module, its forward."""
    if getattr(function, "__name__", "") == "_call_as_it_is":  # a module's, compiled in place
        function = function.__self__
    return function.forward if isinstance(function, Module) else function


def argument_name(function: Callable[..., Any], place: Place) -> str:
    """Return a name for what is found in a place among the arguments."""
    name, *inner = place
    if isinstance(name, int):
        try:
            names = list(inspect.signature(_called(function)).parameters.values())
        except (TypeError, ValueError):
            names = []
        if name < len(names) and names[name].kind is not inspect.Parameter.VAR_POSITIONAL:
            name = names[name].name
        else:
            name = f"x{name}"
    return re.sub(r"\W", "_", "_".join(map(str, (name, *inner))))


def tensor_names(around: Surroundings) -> Iterator[tuple[TensorBase, Hint]]:
    """Name the parameters and buffers of the modules that a function can reach."""
    names, number = module_names(around), 0
    for root in _roots(around):
        for _, module in root.named_modules():
            own = [
                *module.named_parameters(recurse=False), *module.named_buffers(recurse=False)
            ]  # fmt: skip
            for name, tensor in own:
                short = SHORT.get(name, f"{name}_" if name[-1].isdigit() else name)
                yield tensor, Hint(f"{short}{number}", f"{names[id(module)]}.{name}".lstrip("."))
            number += bool(own)


def module_names(around: Surroundings) -> dict[int, str]:
    """Name modules as their networks do; if there are several of these, with their variables."""
    roots, names = _roots(around), dict[int, str]()
    several = sum(next(root.parameters(), None) is not None for root in roots) > 1
    for root in roots:
        variable = re.split(r"[ .]", around.flags[id(root)].path.removesuffix(".training"))[-1]
        for path, module in root.named_modules():
            inner = path.removeprefix("_orig_mod").lstrip(".")
            whole = f"{variable}.{inner}" if several else inner
            names.setdefault(id(module), whole.rstrip("."))
    return names


def _roots(around: Surroundings) -> list[Module]:
    """Return the modules that are in no other."""
    modules = [x for x in around.objects() if isinstance(x, Module)]
    inner = {id(m) for root in modules for name, m in root.named_modules() if name}
    return [m for m in modules if id(m) not in inner]
