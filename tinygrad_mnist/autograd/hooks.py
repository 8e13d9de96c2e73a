"""Hooks: functions that see a gradient on its way, and may replace it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_mnist.autograd.graph import Node, Source, TensorBase, as_gradient, wrap
from tinygrad_mnist.autograd.modes import recording

_LAST = 2**60
"""Added to the number of a hook that is to run after all others."""


class RemovableHandle:
    """Returned when a hook is registered: ``remove()`` unregisters it."""

    _numbers = itertools.count()

    def __init__(self, hooks: dict[int, Any], hook: Any, *, last: bool = False) -> None:
        self._hooks = hooks
        self.id = next(self._numbers) + (_LAST if last else 0)
        hooks[self.id] = hook

    def remove(self) -> None:
        """Unregister the hook; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def move(self, node: Node) -> None:
        """Take the hook to another node."""
        hook, self._hooks = self._hooks.pop(self.id), hooks_of(node)
        self._hooks[self.id] = hook

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def hooks_of(owner: Source) -> dict[int, Any]:
    """Return the hooks on the gradient of a node's output, or of a leaf, to add one."""
    attribute = "hooks" if isinstance(owner, Node) else "_hooks"
    hooks: dict[int, Any] | None = getattr(owner, attribute)
    if hooks is None:
        hooks = {}
        setattr(owner, attribute, hooks)
    return hooks


def run_hooks(hooks: dict[int, Any], g: Any, create_graph: bool) -> Any:
    """Call a tensor's hooks on its accumulated gradient; what one returns replaces it."""
    gradient = g if isinstance(g, TensorBase) else wrap(g)
    for _, hook in sorted(hooks.items()):
        with recording(create_graph):
            returned = hook(gradient)
        if returned is None:
            continue
        if not isinstance(returned, TensorBase):
            raise TypeError(f"hook: expected a Tensor or None, got {type(returned).__name__}")
        if returned.shape != gradient.shape:
            raise RuntimeError(
                f"hook: a tensor hook must return None or a tensor of the gradient's shape "
                f"{list(gradient.shape)}; got one of shape {list(returned.shape)}"
            )
        gradient = returned
    return as_gradient(gradient, create_graph)


class Extra:
    """Things that a script has attached to a node: hooks around its rules, and its own data."""

    def __init__(self) -> None:
        self.before: dict[int, Any] = {}
        self.after: dict[int, Any] = {}
        self.metadata: dict[Any, Any] = {}


def run_before(node: Node, g: Any, create_graph: bool) -> Any:
    """Call a node's prehooks on the gradients of its outputs; what one returns replaces them."""
    assert node.extra is not None
    several = isinstance(g, list)
    given = _as_tensors(g if several else [g])
    for hook in list(node.extra.before.values()):
        with recording(create_graph):
            returned = hook(given)
        if returned is not None:
            given = _checked("prehook", returned, given)
    gradients = [x if x is None else as_gradient(x, create_graph) for x in given]
    return gradients if several else gradients[0]


def run_after(node: Node, g: Any, arrivals: list[Any], create_graph: bool) -> list[Any]:
    """Call a node's hooks on the gradients of its inputs; what one returns replaces them."""
    assert node.extra is not None
    hooks = list(node.extra.after.values())
    if not hooks:
        return arrivals
    inputs: list[Any] = [None] * len(node.parents)
    places: list[int] = []
    rest = list(reversed(arrivals))
    for i, parent in enumerate(node.parents):
        if rest and rest[-1][0] is parent:
            inputs[i] = rest.pop()[1]
            places.append(i)
    given, outputs = _as_tensors(inputs), _as_tensors(g if isinstance(g, list) else [g])
    for hook in hooks:
        with recording(create_graph):
            returned = hook(given, outputs)
        if returned is not None:
            given = _checked("hook", returned, given)
    return [(node.parents[i], as_gradient(given[i], create_graph)) for i in places]


def _as_tensors(gradients: Any) -> tuple[Any, ...]:
    return tuple(g if g is None or isinstance(g, TensorBase) else wrap(g) for g in gradients)


def _checked(what: str, returned: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse another number of gradients than a node's hook was given."""
    found = returned if isinstance(returned, tuple | list) else (returned,)
    if len(found) != len(given):
        raise RuntimeError(
            f"{what}: a node's {what} must return None or {len(given)} gradients, got {len(found)}"
        )
    return tuple(found)


def retain(x: TensorBase) -> None:
    """Make backward store the gradient of a computed tensor, as hooks left it, in ``.grad``."""
    assert x._node is not None
    # The graph must not keep the tensor alive: that would be a reference cycle.
    reference = weakref.ref(x)

    def store(gradient: Any) -> None:
        owner = reference()
        if owner is not None:
            present = owner._grad
            owner._grad = gradient.clone() if present is None else present + gradient

    x._retained = RemovableHandle(hooks_of(x._node), store, last=True)


@contextmanager
def nothing_retained(nodes: Iterable[Node]) -> Iterator[None]:
    """Let a backward pass store no ``.grad`` of these nodes' tensors."""
    taken = [
        (node.hooks, {key: node.hooks.pop(key) for key in list(node.hooks) if key >= _LAST})
        for node in nodes
        if node.hooks
    ]
    try:
        yield
    finally:
        for hooks, stores in taken:
            hooks.update(stores)
