"""Names for the values of a program: those of a function's arguments, and of a network's tensors.

A layer's weight and bias are ``w0`` and ``b0``, where 0 counts the layers that have any; its other
tensors go by their own names with that number. The gradient of ``w0`` is ``g_w0``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.arguments import Place
from tinygrad_mnist.compiler.recording import Recording
from tinygrad_mnist.compiler.text import Hint
from tinygrad_mnist.compiler.trace import Program, Value
from tinygrad_mnist.nn.module import Module

SHORT = {"weight": "w", "bias": "b"}


def hints(
    recording: Recording, program: Program, function: Callable[..., Any]
) -> dict[Value, Hint]:
    """Return names for inputs, state and gradients of a program that was made of a recording."""
    known = dict(tensor_names(recording.surroundings.objects()))
    found = {x: known[t] for t, x in recording.state if t in known}
    moving = set(recording.moving)
    for x, at in zip(program.inputs, recording.inputs, strict=True):
        if isinstance(at, tuple):
            found[x] = Hint(argument_name(function, at))
        elif at in moving:
            found[x] = known.get(at, Hint("x"))
        else:
            found[x] = Hint(f"g_{known[at].name}" if at in known else "grad")
    leaves = [t for t, x in recording.gradients if x is not None]
    for t, x in zip(leaves, program.gradients, strict=True):
        hint = known.get(t)
        found[x] = Hint(f"g_{hint.name}", f"{hint.comment}'s gradient") if hint else Hint("grad")
    return found


def argument_name(function: Callable[..., Any], place: Place) -> str:
    """Return a name for what is found in a place among the arguments."""
    name, *inner = place
    if isinstance(name, int):
        try:
            names = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            names = []
        if name < len(names) and names[name].kind is not inspect.Parameter.VAR_POSITIONAL:
            name = names[name].name
        else:
            name = f"x{name}"
    return re.sub(r"\W", "_", "_".join(map(str, (name, *inner))))


def tensor_names(objects: list[Any]) -> Iterator[tuple[TensorBase, Hint]]:
    """Name the parameters and buffers of the modules among some objects."""
    modules = [x for x in objects if isinstance(x, Module)]
    inner = {id(m) for root in modules for name, m in root.named_modules() if name}
    number = 0
    for root in modules:
        if id(root) in inner:
            continue
        for path, module in root.named_modules():
            own = [
                *module.named_parameters(recurse=False), *module.named_buffers(recurse=False)
            ]  # fmt: skip
            for name, tensor in own:
                short = SHORT.get(name, f"{name}_" if name[-1].isdigit() else name)
                yield tensor, Hint(f"{short}{number}", f"{path}.{name}".lstrip("."))
            number += bool(own)
