"""A module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_mnist.naming import named
from tinygrad_mnist.tensor import stack


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
        Tensors by their dotted names, or several such dicts without common names.
    args, kwargs
        The arguments of the call; args may be a single Tensor.
    tie_weights
        A parameter that the module has under several names is replaced under all of them.
    strict
        Refuse missing and unexpected names.

    Raises
    ------
    RuntimeError
        Naming what is missing or unexpected, where strict.
    ValueError
        When two dicts have a name in common.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones, zeros
    >>> net = nn.Linear(2, 1)
    >>> functional_call(net, {"weight": ones(1, 2), "bias": zeros(1)}, ones(3, 2)).tolist()
    [[2.0], [2.0], [2.0]]
    """
    values = _merged(parameter_and_buffer_dicts)
    places = _places(module)
    if strict:
        missing, unexpected = sorted(set(places) - set(values)), sorted(set(values) - set(places))
        if missing or unexpected:
            raise RuntimeError(
                f"functional_call: missing key(s): {missing}, unexpected key(s): {unexpected}, for "
                f"{type(module).__name__}"
            )
    own = {name: register[key] for name, (register, key) in places.items()}
    replaced: dict[str, Any] = {name: x for name, x in values.items() if name in places}
    if tie_weights:
        by_identity = {id(own[name]): x for name, x in replaced.items()}
        for name, x in own.items():
            if name not in replaced and id(x) in by_identity:
                replaced[name] = by_identity[id(x)]
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for name, x in replaced.items():
            register, key = places[name]
            register[key] = x
        return module(*args, **(kwargs or {}))
    finally:
        for name in replaced:
            register, key = places[name]
            register[key] = own[name]


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    merged: dict[str, Any] = {}
    for part in dicts:
        common = set(merged) & set(part)
        if common:
            raise ValueError(
                f"functional_call: {sorted(common)} appeared in several dictionaries; the names "
                f"must be unique"
            )
        merged.update(part)
    return merged


def _places(module: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """Return where each parameter and buffer is registered, under all of its names."""
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

    Raises
    ------
    RuntimeError
        When there are no models, or they differ in class or in training mode.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> parameters, buffers = stack_module_state([nn.Linear(2, 1) for _ in range(3)])
    >>> parameters["weight"].shape, buffers
    (torch.Size([3, 1, 2]), {})
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: expected at least one model, got 0")
    if len({type(m) for m in models}) > 1 or len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: expected all models to be of one class, and all in training or "
            "all in evaluation"
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
