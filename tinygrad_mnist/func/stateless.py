"""Functional calls of modules, and stacked states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.tensor import Tensor, stack


@named
def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other parameters and buffers in place of its own.

    The module's own are back afterwards, also after an error. Follows
    ``torch.func.functional_call``.

    Parameters
    ----------
    module
        The module.
    parameter_and_buffer_dicts
        Tensors by their dotted names, those of plain attributes too, or several such dicts without
        common names.
    args, kwargs
        The arguments of the call; args may be a single Tensor.
    tie_weights
        A parameter that the module has under several names is replaced under all of them.
    strict
        Refuse missing and unexpected names.

    Raises
    ------
    RuntimeError
        Naming what is missing or unexpected, where strict; else a name that the module doesn't
        have is left out.
    TypeError
        When a value, or the attribute in whose place it comes, is no tensor.
    ValueError
        When two dicts have a name in common, or a tied tensor gets several values.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones, zeros
    >>> from tinygrad_mnist.func import functional_call
    >>> net = nn.Linear(2, 1)
    >>> functional_call(net, {"weight": ones(1, 2), "bias": zeros(1)}, ones(3, 2)).tolist()
    [[2.0], [2.0], [2.0]]
    """
    values = _merged(parameter_and_buffer_dicts)
    places = _places(module)
    replaced = dict(values)
    if tie_weights:
        replaced |= _tied({name: register[key] for name, (register, key) in places.items()}, values)
    if strict:
        missing, unexpected = sorted(set(places) - set(replaced)), sorted(set(values) - set(places))
        if missing or unexpected:
            raise RuntimeError(
                f"missing key(s): {missing}, unexpected key(s): {unexpected}, for "
                f"{type(module).__name__}"
            )
    for name, x in replaced.items():
        if x is not None and not isinstance(x, Tensor):
            raise TypeError(
                f"what takes the place of {name!r} must be a Tensor, not {type(x).__name__}"
            )
    found = {name: places.get(name) or _attribute(module, name) for name in replaced}
    kept = {name: place for name, place in found.items() if place is not None}
    own = {name: register[key] for name, (register, key) in kept.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for name, (register, key) in kept.items():
            register[key] = replaced[name]
        return module(*args, **(kwargs or {}))
    finally:
        for name, (register, key) in kept.items():
            register[key] = own[name]


def _tied(own: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the replacement of each tensor under all of its names."""
    by_identity: dict[int, list[str]] = {}
    for name, x in own.items():
        by_identity.setdefault(id(x), []).append(name)
    tied: dict[str, Any] = {}
    for names in by_identity.values():
        given = [values[name] for name in names if name in values]
        if any(x is not given[0] for x in given):
            raise ValueError(
                f"{names} are names of one tensor, but got several values; give "
                f"one, or pass tie_weights=False"
            )
        tied |= dict.fromkeys(names if given else (), given[0] if given else None)
    return tied


def _attribute(module: Any, name: str) -> tuple[dict[str, Any], str] | None:
    """Return the dict and key of an unregistered tensor, or None without such an attribute."""
    path, _, key = name.rpartition(".")
    owner = module.get_submodule(path)
    for register in (owner._parameters, owner._buffers, vars(owner)):
        if key in register:
            if isinstance(register[key], Tensor) or register is not vars(owner):
                return register, key
            break
    if hasattr(owner, key):
        raise TypeError(
            f"the attribute {name!r} is not a Tensor, but "
            f"{type(getattr(owner, key)).__name__}; only tensors are replaced"
        )
    return None


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    merged: dict[str, Any] = {}
    for part in dicts:
        common = set(merged) & set(part)
        if common:
            raise ValueError(
                f"{sorted(common)} appeared in several dictionaries; the names must be unique"
            )
        merged.update(part)
    return merged


def _places(module: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """Return the dict and key of each parameter and buffer, under all of its names."""
    return {
        f"{path}.{key}" if path else key: (register, key)
        for path, part in module.named_modules(remove_duplicate=False)
        for register in (part._parameters, part._buffers)
        for key, value in register.items()
        if value is not None
    }


@named
def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Stack the parameters and the buffers of models that are built alike.

    With :func:`vmap` and :func:`functional_call` they run as an ensemble. Follows
    ``torch.func.stack_module_state``.

    Parameters
    ----------
    models
        N modules of one class.

    Returns
    -------
    Two dicts by name, of the parameters and of the buffers: tensors of shape (N, *).

    Raises
    ------
    RuntimeError
        When there are no models, or they differ in class or in training mode.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.func import stack_module_state
    >>> parameters, buffers = stack_module_state([nn.Linear(2, 1) for _ in range(3)])
    >>> parameters["weight"].shape, buffers
    (torch.Size([3, 1, 2]), {})
    """
    models = list(models)
    if not models:
        raise RuntimeError("expected at least one model, got 0")
    if len({type(m) for m in models}) > 1 or len({m.training for m in models}) > 1:
        raise RuntimeError(
            "expected all models to be of one class, and all in training or all in evaluation"
        )

    def stacked(states: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            name: stack([state[name] for state in states])
            .detach()
            .requires_grad_(states[0][name].requires_grad)
            for name in states[0]
        }

    parameters = stacked([dict(m.named_parameters()) for m in models])
    return parameters, stacked([dict(m.named_buffers()) for m in models])
