"""The state of a module: collected into a dictionary, and loaded from one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.tensor import Tensor, as_tensor
from tinygrad_mnist.tensor.exchange import is_foreign

if TYPE_CHECKING:
    from tinygrad_mnist.nn.module import Module

_EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """The names that a module did not find in a state, and those it did not expect there."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def collect(module: Module, destination: Any, prefix: str, keep_vars: bool) -> dict[str, Any]:
    """Return the state of a module and of those in it, or add it to a dictionary."""
    own = module.__dict__
    for hook in list(own["_state_pre_hooks"].values()):
        hook(module, prefix, keep_vars)
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata
    for name, _, value in _own(module):
        destination[prefix + name] = value if keep_vars else value.detach()
    if _has_extra(module):
        destination[prefix + _EXTRA] = module.get_extra_state()
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(
                destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
            )
    for hook in list(own["_state_hooks"].values()):
        returned = hook(module, destination, prefix, metadata)
        destination = destination if returned is None else returned
    collected: dict[str, Any] = destination
    return collected


def _own(module: Module) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield the names of a module's own state, where they are registered, and the tensors."""
    for register in (module._parameters, module._buffers):
        for name, value in register.items():
            if value is not None and name not in module._transient:
                yield name, register, value


def _has_extra(module: Module) -> bool:
    return type(module).get_extra_state.__qualname__ != "Module.get_extra_state"


def load(module: Module, given: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Load a state into a module and those in it; nothing is changed where it doesn't fit."""
    if not isinstance(given, Mapping):
        raise TypeError(
            f"load_state_dict: expected state_dict to be dict-like, got {type(given).__name__}"
        )
    values = OrderedDict((name, as_tensor(x) if is_foreign(x) else x) for name, x in given.items())
    keys = IncompatibleKeys([], [])
    problems: list[str] = []
    modules = [
        (f"{path}." if path else "", part)
        for path, part in module.named_modules(remove_duplicate=False)
    ]
    for prefix, part in modules:
        metadata = getattr(given, "_metadata", {}).get(prefix[:-1], {})
        for hook in list(part.__dict__["_load_pre_hooks"].values()):
            hook(part, values, prefix, metadata, strict, *keys, problems)
        part._upgrade_state(values, prefix, metadata.get("version"))
    places = {
        prefix + name: (register, name, value)
        for prefix, part in modules
        for name, register, value in _own(part)
    }
    extra = {prefix + _EXTRA: part for prefix, part in modules if _has_extra(part)}
    known = {**places, **extra}
    keys.missing_keys.extend(name for name in known if name not in values)
    keys.unexpected_keys.extend(name for name in values if name not in known)
    found = ((name, target) for name, (_, _, target) in places.items() if name in values)
    problems += filter(None, (_problem(name, target, values[name]) for name, target in found))
    hooks = [(hook, part) for _, part in modules for hook in part.__dict__["_load_hooks"].values()]
    if not hooks or problems:
        _check(module, keys if strict else IncompatibleKeys([], []), problems)
    for name, place in places.items():
        if name in values:
            _put(*place, values[name], assign)
    for name, part in extra.items():
        if name in values:
            part.set_extra_state(values[name])
    for hook, part in reversed(hooks):
        hook(part, keys)
    if strict:
        _check(module, keys, [])
    return keys


def _problem(name: str, target: Any, value: Any) -> str:
    if not isinstance(value, Tensor):
        return f'"{name}" is a {type(value).__name__} in the state_dict, not a Tensor.'
    if value.shape == target.shape or (value.shape == (1,) and target.shape == ()):
        return ""
    return (
        f"size mismatch for {name}: copying a param with shape {value.shape} from checkpoint, "
        f"the shape in current model is {target.shape}."
    )


def _check(module: Module, keys: IncompatibleKeys, problems: list[str]) -> None:
    lines = []
    for kind, names in zip(("Missing", "Unexpected"), keys, strict=True):
        if names:
            listed = ", ".join(f'"{name}"' for name in names)
            lines.append(f"{kind} key(s) in state_dict: {listed}. ")
    if lines or problems:
        text = "\n\t".join([*lines, *problems])
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{text}")


def _put(register: dict[str, Any], name: str, target: Any, value: Any, assign: bool) -> None:
    """Copy a value into a registered tensor, or register it in its place."""
    if not assign:
        target._array[...] = np.reshape(value._array, target.shape)
        target._version.bump("load_state_dict")
        return
    if isinstance(target, Parameter):
        kept = value if isinstance(value, Parameter) else Parameter(value, target.requires_grad)
        value = kept.requires_grad_(target.requires_grad)
    register[name] = value
