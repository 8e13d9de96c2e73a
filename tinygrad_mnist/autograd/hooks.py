"""Hooks: functions that see a gradient on its way, and may replace it."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.autograd.graph import Variable, wrap, wrapped
from tinygrad_mnist.autograd.modes import recording


class RemovableHandle:
    """What registering a hook returns: ``remove()`` unregisters it."""

    _next = 0

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self._hooks = hooks
        self.id = RemovableHandle._next
        RemovableHandle._next += 1
        hooks[self.id] = hook

    def remove(self) -> None:
        """Unregister the hook; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        """Keep the hook for a ``with`` block."""
        return self

    def __exit__(self, *error: object) -> None:
        """Unregister the hook."""
        self.remove()


def run_hooks(hooks: dict[int, Any], g: Any, create_graph: bool) -> Any:
    """Call a tensor's hooks on its accumulated gradient; what one returns replaces it."""
    gradient = g if isinstance(g, Variable) else wrap(g)
    for hook in list(hooks.values()):
        with recording(create_graph):
            returned = hook(gradient)
        if returned is None:
            continue
        if not isinstance(returned, Variable) or returned.shape != gradient.shape:
            raise RuntimeError(
                f"hook: a tensor hook must return None or a tensor of the gradient's shape "
                f"{list(gradient.shape)}; got {returned!r}"
            )
        gradient = returned
    return wrapped(gradient, create_graph)
