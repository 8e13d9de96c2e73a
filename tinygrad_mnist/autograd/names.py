"""The graph as scripts see it: nodes under PyTorch's names, and the functions next to them."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.hooks import Extra, RemovableHandle
    from tinygrad_mnist.autograd.node import Node
    from tinygrad_mnist.tensor.core import Tensor

C = TypeVar("C")
R = TypeVar("R")

_GIVEN: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()


def name_nodes(name: str, out: R) -> R:
    """Give a name to the last node of one or several results, and return them."""
    for x in out if isinstance(out, tuple) else (out,):
        if (node := getattr(x, "_node", None)) is not None:
            _GIVEN[node] = name
    return out


def node_name(name: str) -> Callable[[C], C]:
    """Name the last node of a function as PyTorch does, where that is one operation of its own."""

    def decorate(call: Any) -> Any:
        @functools.wraps(call)
        def named(*args: Any, **kwargs: Any) -> Any:
            out = call(*args, **kwargs)
            for x in args:  # quicker than any(): this is in the way of every embedding
                if out is x:
                    return out
            return name_nodes(name, out)

        return named

    return decorate


def of(node: Node) -> str:
    """Return a node's name as PyTorch gives it, such as ``MulBackward0``."""
    if (given := _GIVEN.get(node)) is not None:
        return given
    if node.whole is not node:
        return node.whole.name()
    name = node.op.node_name
    return name if isinstance(name, str) else name(node)


def extra(node: Node) -> Extra:
    """Return a node's hooks and data, to attach more."""
    from tinygrad_mnist.autograd.hooks import Extra

    node = node.whole
    if node.extra is None:
        node.extra = Extra()
    return node.extra


def hooked(node: Node, when: str, hook: Callable[..., Any]) -> RemovableHandle:
    """Register a hook around a node's rules."""
    from tinygrad_mnist.autograd.hooks import RemovableHandle

    return RemovableHandle(getattr(extra(node), when), hook)


_TYPES: dict[tuple[type, str], type] = {}


def with_named_type(node: Node | None) -> Node | None:
    """Give a node that a script gets to see a type of its name, as PyTorch's have."""
    if node is not None and not node.is_shown:
        own, name = node.__class__, node.name().rpartition("::")[2]
        if (own, name) not in _TYPES:
            _TYPES[own, name] = type(name, (own,), {"__slots__": (), "is_shown": True})
        node.__class__ = _TYPES[own, name]
    return node


class AccumulateGrad:
    """Stands where a backward pass ends: at a leaf, whose ``.grad`` it adds to."""

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    next_functions = ()

    def name(self) -> str:
        """Return the name that PyTorch gives to it."""
        return "torch::autograd::AccumulateGrad"

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a function when the gradient has been added: on no inputs, and the gradient."""
        return self.variable.register_post_accumulate_grad_hook(lambda leaf: hook((), (leaf.grad,)))

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a function on the gradient that arrives, in a tuple; it may replace it."""

        def before(gradient: Any) -> Any:
            returned = hook((gradient,))
            return returned[0] if isinstance(returned, tuple) else returned

        return self.variable.register_hook(before)

    def __eq__(self, other: object) -> bool:
        """Whether it is the end of the same leaf."""
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        """Hash by the leaf."""
        return id(self.variable)

    def __repr__(self) -> str:
        """Show it as a node is shown."""
        return f"<AccumulateGrad object at {id(self):#x}>"


def edge(parent: Any) -> tuple[Any, int]:
    """Return what a node's gradient goes to, with an output number, as PyTorch shows it."""
    if parent is None or hasattr(parent, "parents"):
        return with_named_type(parent), getattr(parent, "index", 0)
    return AccumulateGrad(parent), 0
