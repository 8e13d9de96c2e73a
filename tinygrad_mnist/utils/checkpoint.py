"""Gradient checkpointing: saved tensors are computed again in backward.

It trades time for memory: of a checkpointed part only the arguments are kept. The part runs as
usual, and its graph is then replaced by one node that reaches to the same tensors: arguments,
parameters, whatever the function used. When a gradient arrives there, the function is called
again, with the random numbers of the first time, and the backward pass goes through that new graph.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_mnist.autograd.engine import backward_pass
from tinygrad_mnist.autograd.functional import sources_of
from tinygrad_mnist.autograd.graph import Source, TensorBase, is_tracked, wrap
from tinygrad_mnist.autograd.modes import modes, recording
from tinygrad_mnist.autograd.multi_output import CustomNode, attach_outputs
from tinygrad_mnist.autograd.node import next_number
from tinygrad_mnist.func.tree import leaves
from tinygrad_mnist.ops.contract import Op, Plan
from tinygrad_mnist.tensor import default_generator

if TYPE_CHECKING:
    from tinygrad_mnist.nn import Module

R = TypeVar("R")


def checkpoint(
    function: Callable[..., R],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> R:
    """Call a function without saving tensors for backward, which calls it again.

    Results and gradients are those of ``function(*args, **kwargs)``, of any order. Follows
    ``torch.utils.checkpoint.checkpoint``.

    Parameters
    ----------
    function
        A function of Tensors and anything else; called a second time in backward, it must compute
        the same. It returns a Tensor, or lists, tuples and dicts of them.
    args, kwargs
        Its arguments.
    use_reentrant
        PyTorch has two ways to do this, here there is one. With True, it keeps that way's rules:
        no keyword arguments, and no gradient at all unless an argument requires one. None means
        False; PyTorch demands an answer.
    preserve_rng_state
        Draw the same random numbers the second time, as for dropout.
    context_fn, determinism_check, debug, early_stop
        Accepted but for a context_fn, which raises; the shapes of what is computed the second time
        are always checked.

    Raises
    ------
    ValueError
        For keyword arguments with use_reentrant=True, or a context_fn.
    RuntimeError
        In backward, when an argument was written to since, or the function returns something else
        the second time.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.utils.checkpoint import checkpoint
    >>> x = tensor([0.0, 0.5], requires_grad=True)
    >>> checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([ 0.5403, -0.1283])
    """
    if context_fn is not None:
        raise ValueError("checkpoint: context_fn isn't offered; enter the contexts in the function")
    if use_reentrant:
        if kwargs:
            raise ValueError(f"checkpoint: unexpected keyword arguments: {', '.join(kwargs)}")
        if modes.enabled and not any(is_tracked(x) for x in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
            )
            with recording(False):
                return function(*args)
    if not modes.enabled:
        return function(*args, **kwargs)
    call = _Call(function, args, kwargs, preserve_rng_state)
    start = next_number()
    returned = function(*args, **kwargs)
    outputs = _made_since(start, returned)
    if outputs:
        node = _CheckpointNode(_OP, list(sources_of(outputs, start)), _NO_PLAN, {}, (), _FLOAT)
        node.call = call
        attach_outputs(node, outputs)
    return returned


_FLOAT = np.dtype(np.float32)
_NO_PLAN = Plan((), ())
_OP = Op(
    "checkpoint", checkpoint, ("input",), (), {}, "f(x)", "", (), "A checkpointed function.",
    variadic=True,
)  # fmt: skip


def _made_since(start: int, tree: Any) -> list[TensorBase]:
    """Return the computed Tensors in what a function has returned, each once."""
    found = {id(x): x for x in _tensors(tree) if x._node is not None and x._node.number > start}
    return list(found.values())


class _Call:
    """A call that can be repeated, with the same arguments and random numbers."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve: bool,
    ) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.state = default_generator.get_state() if preserve else None
        self.versions = [(x._version, x._version.count) for x in _tensors([*args, kwargs])]

    def again(self) -> Any:
        """Make the call once more."""
        for version, count in self.versions:
            if version.count != count:
                raise RuntimeError(
                    f"checkpoint: an argument has been modified by an inplace operation, "
                    f"{version.changed_by}, since; the function can't be computed again from it; "
                    f"pass a clone()"
                )
        before = default_generator.get_state()
        try:
            if self.state is not None:
                default_generator.set_state(self.state)
            with recording(True):
                return self.function(*self.args, **self.kwargs)
        finally:
            if self.state is not None:
                default_generator.set_state(before)


class _CheckpointNode(CustomNode):
    """A node in place of a function's graph, which it builds again when a gradient arrives."""

    __slots__ = ("call",)

    call: _Call | None

    def release(self) -> None:
        """Forget the arguments, once the gradients are computed."""
        self.call = None

    def kept(self) -> list[np.ndarray] | None:
        """Return the arrays among the arguments; None once released."""
        if self.call is None:
            return None
        return [x._array for x in _tensors((self.call.args, self.call.kwargs))]

    def name(self) -> str:
        """Return the name that PyTorch gives to such a node."""
        return "CheckpointFunctionBackward"

    def run(
        self, gradients: Sequence[Any], create_graph: bool, reached: set[Source] | None
    ) -> list[tuple[int, Any]]:
        """Compute the function again, and differentiate that."""
        if self.call is None:
            raise RuntimeError(
                "checkpoint: trying to go backward through the graph a second time, but its "
                "arguments were released by the first; pass retain_graph=True to the first backward"
            )
        start = next_number()
        outputs = _made_since(start, self.call.again())
        shapes = [(x._array.shape, x._array.dtype) for x in outputs]
        if shapes != list(self.outputs):
            raise RuntimeError(
                f"checkpoint: the function returned Tensors of (shape, dtype) {shapes} when it was "
                f"called again in backward, but {list(self.outputs)} the first time; it must "
                f"compute the same each time"
            )
        roots = [
            (x._node, g if isinstance(g, TensorBase) else wrap(g))
            for x, g in zip(outputs, gradients, strict=True)
            if g is not None and x._node is not None
        ]
        sources = [parent for parent in self.parents if parent is not None]
        arrived = backward_pass(
            roots, until=sources, retain_graph=create_graph, create_graph=create_graph
        )
        return [
            (position, arrived[parent])
            for position, parent in enumerate(self.parents)
            if parent is not None and parent in arrived
        ]


def _tensors(tree: Any) -> list[Any]:
    return [x for x in leaves(tree) if isinstance(x, TensorBase)]


def checkpoint_sequential(
    functions: Module | Iterable[Callable[[Any], Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Call functions one after another, in segments that are checkpointed, but for the last.

    Follows ``torch.utils.checkpoint.checkpoint_sequential``.

    Parameters
    ----------
    functions
        A ``Sequential``, or a list of modules or functions.
    segments
        In how many parts of equal length to divide them.
    input
        What goes into the first, of any shape.
    use_reentrant, kwargs
        As in :func:`checkpoint`.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> from tinygrad_mnist.utils.checkpoint import checkpoint_sequential
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> checkpoint_sequential(net, 2, ones(4, 2), use_reentrant=False).shape
    torch.Size([4, 1])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(
            f"checkpoint_sequential: unexpected keyword arguments: {', '.join(kwargs)}"
        )
    parts = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= max(len(parts), 1):
        raise ValueError(
            f"checkpoint_sequential: segments must be from 1 to {len(parts)}, the number of "
            f"functions, got {segments}"
        )

    def run(start: int, stop: int, x: Any) -> Any:
        for function in parts[start:stop]:
            x = function(x)
        return x

    length = len(parts) // segments
    settings = {"use_reentrant": use_reentrant, "preserve_rng_state": preserve}
    for start in range(0, length * (segments - 1), length or 1):
        input = checkpoint(partial(run, start, start + length), input, **settings)
    return run(length * (segments - 1), len(parts), input)
