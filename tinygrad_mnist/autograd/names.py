"""How the graph looks from outside: nodes under PyTorch's names, and what comes after them."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.graph import Node, TensorBase

C = TypeVar("C")

NAMES = {
    "cast": "ToCopyBackward0",
    "cholesky": "LinalgCholeskyExBackward0",
    "clamp": "ClampBackward1",
    "contiguous": "CloneBackward0",
    "cross_entropy": "NllLossBackward0",
    "det": "LinalgDetBackward0",
    "eigh": "LinalgEighBackward0",
    "identity": "AliasBackward0",
    "inv": "LinalgInvExBackward0",
    "log1p": "Log1PBackward0",
    "max": "MaxBackward1",
    "min": "MinBackward1",
    "read_region": "AsStridedBackward0",
    "prelu": "PreluKernelBackward0",
    "norm": "LinalgVectorNormBackward0",
    "pad": "ConstantPadNdBackward0",
    "qr": "LinalgQrBackward0",
    "slogdet": "LinalgSlogdetBackward0",
    "square": "PowBackward0",
    "svd": "LinalgSvdBackward0",
    "write_region": "torch::autograd::CopySlices",
}
"""PyTorch's names, where they aren't the operation's own."""


_GIVEN: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()


def give(name: str, out: Any) -> Any:
    """Give a name to the last node of one or several results, and return them."""
    for x in out if isinstance(out, tuple) else (out,):
        if (node := getattr(x, "_node", None)) is not None:
            _GIVEN[node] = name
    return out


def one_node(name: str) -> Callable[[C], C]:
    """Name the last node of a function as PyTorch does, where that is one operation of its own."""

    def decorate(call: Any) -> Any:
        @functools.wraps(call)
        def named(*args: Any, **kwargs: Any) -> Any:
            out = call(*args, **kwargs)
            return out if any(out is x for x in args) else give(name, out)

        return named

    return decorate


def of(node: Node) -> str:
    """Return a node's name as PyTorch gives it, such as ``MulBackward0``."""
    if (given := _GIVEN.get(node)) is not None:
        return given
    if hasattr(node, "index"):  # one output of several
        return node.parents[0].name()  # type: ignore[union-attr]
    name, settings = node.op.name, node.settings
    if name == "getitem":
        return f"{_last(settings['index'])}Backward0"
    if name == "setitem":
        name = "write_region" if _last(settings["index"]) != "Index" else "index_put"
    if name == "reshape":
        return f"{_reshape(node)}Backward0"
    if name == "matmul":
        return f"{('Dot', 'Mv', 'Mm', 'Bmm')[min(len(node.shape), 3)]}Backward0"
    if name == "linear":
        bias = len(node.parents) > 2 and node.parents[2] is not None
        return "AddmmBackward0" if bias else "MmBackward0"
    if name == "pow":
        base, exponent = (parent is not None for parent in node.parents)
        return f"PowBackward{int(exponent) * (2 - base)}"
    if name in ("amax", "amin") and settings["dim"] is None:
        return f"{name[1:].capitalize()}Backward1"
    if name in ("sum", "mean") and settings["dim"] is not None:
        return f"{name.capitalize()}Backward1"
    return NAMES.get(name) or "".join(map(str.capitalize, name.split("_"))) + "Backward0"


def _last(index: Any) -> str:
    """Name what PyTorch does last to take an index: it goes from part to part."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, np.ndarray | list) for part in parts):
        return "Index"
    for part in reversed(parts):
        if part is not Ellipsis and part != slice(None):
            return "Unsqueeze" if part is None else "Slice" if isinstance(part, slice) else "Select"
    return "Alias" if Ellipsis in parts else "Slice"


def _reshape(node: Node) -> str:
    """Tell the uses of reshape apart by the shapes before and after."""
    have, want = node.parents[0].shape, node.shape  # type: ignore[union-attr]
    if len(want) != len(have) and [n for n in want if n != 1] == [n for n in have if n != 1]:
        return "Squeeze" if len(want) < len(have) else "Unsqueeze"
    return "View"


def extra(node: Any) -> Any:
    """Return what is attached to a node, to attach more."""
    from tinygrad_mnist.autograd.hooks import Extra

    if node.is_output:
        node = node.parents[0]
    if node.extra is None:
        node.extra = Extra()
    return node.extra


def hooked(node: Any, when: str, hook: Any) -> Any:
    """Register a hook around a node's rules."""
    from tinygrad_mnist.autograd.hooks import RemovableHandle

    return RemovableHandle(getattr(extra(node), when), hook)


_TYPES: dict[tuple[type, str], type] = {}


def shown(node: Any) -> Any:
    """Give a node that a script gets to see a type of its name, as PyTorch's have."""
    if node is not None and not node.is_shown:
        own, name = node.__class__, node.name().rpartition("::")[2]
        if (own, name) not in _TYPES:
            _TYPES[own, name] = type(name, (own,), {"__slots__": (), "is_shown": True})
        node.__class__ = _TYPES[own, name]
    return node


class AccumulateGrad:
    """Stands where a backward pass ends: at a leaf, whose ``.grad`` it adds to."""

    def __init__(self, variable: TensorBase) -> None:
        self.variable = variable

    next_functions = ()

    def name(self) -> str:
        """Return the name that PyTorch gives to it."""
        return "torch::autograd::AccumulateGrad"

    def register_hook(self, hook: Any) -> Any:
        """Call a function when the gradient has been added: on no inputs, and the gradient."""
        return self.variable.register_post_accumulate_grad_hook(  # type: ignore[attr-defined]
            lambda leaf: hook((), (leaf.grad,))
        )

    def register_prehook(self, hook: Any) -> Any:
        """Call a function on the gradient that arrives, in a tuple; it may replace it."""

        def before(gradient: Any) -> Any:
            returned = hook((gradient,))
            return returned[0] if isinstance(returned, tuple) else returned

        return self.variable.register_hook(before)  # type: ignore[attr-defined]

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
        return shown(parent), getattr(parent, "index", 0)
    return AccumulateGrad(parent), 0
