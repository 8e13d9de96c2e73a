"""Function: a user's own operation, with a backward written by hand."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.autograd import observer
from tinygrad_mnist.autograd.graph import (
    Node,
    Source,
    TensorBase,
    Version,
    apply,
    is_tracked,
    share,
    wrap,
)
from tinygrad_mnist.autograd.inplace import check_writable, rebase_history
from tinygrad_mnist.autograd.modes import modes, recording
from tinygrad_mnist.autograd.multi_output import (
    CustomNode,
    MultiOutputNode,
    OutputNode,
    attach_outputs,
)
from tinygrad_mnist.autograd.saving import Packed, pack
from tinygrad_mnist.ops.contract import Op, Plan
from tinygrad_mnist.ops.shape import reshape


def _with_any_parameters(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let type checkers accept a subclass's method, which names the parameters that it takes."""
    return method


class FunctionCtx:
    """Carries saved tensors, and any attribute set on it, from forward to backward."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._to_save: tuple[Any, ...] = ()
        self._saved: list[tuple[Any, Any, Version | None, int]] | None = []
        self._materialize = True
        self._non_differentiable: set[int] = set()
        self._dirty: tuple[Any, ...] = ()
        self._node: Any = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs (or None) for backward; writes to them will be noticed."""
        for x in tensors:
            if x is not None and not isinstance(x, TensorBase):
                raise TypeError(
                    f"save_for_backward: can only save tensors, but argument is a "
                    f"{type(x).__name__}; set it as an attribute of ctx instead"
                )
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that forward has saved.

        Raises
        ------
        RuntimeError
            When they were released by an earlier backward, or written to since.
        """
        if self._saved is None:
            raise RuntimeError(
                "saved_tensors: trying to go backward through the graph a second time, but the "
                "saved tensors were released by the first; pass retain_graph=True to it"
            )
        tensors: list[Any] = []
        for array, source, version, count in self._saved:
            if version is not None and version.count != count:
                raise RuntimeError(
                    f"saved_tensors: a tensor saved for backward has been modified by an inplace "
                    f"operation, {version.changed_by}, since"
                )
            if type(array) is Packed:
                (array,) = array.arrays()
            if isinstance(source, _OutputOf):
                source = source.node_of(self._node, array)
            if isinstance(source, TensorBase) and source._array is array:
                tensors.append(source)
            else:
                tensors.append(None if array is None else wrap(array, source))
        return tuple(tensors)

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs forward has changed in place; it must return them as outputs."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no derivative."""
        self._non_differentiable.update(map(id, tensors))

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether backward gets zeros (default) or None for outputs that aren't used."""
        self._materialize = value


class _OutputOf(int):
    """Stands for an output of the function itself, by its number."""

    def node_of(self, node: MultiOutputNode, array: np.ndarray) -> Node:
        """Make a node that leads to this output; the original belongs to the user's tensor."""
        return OutputNode.of(node, int(self), array.shape, array.dtype)


class FunctionNode(CustomNode):
    """The node of a Function: its rules are the user's backward."""

    __slots__ = ("count", "ctx", "function", "places")

    ctx: FunctionCtx
    function: type[Function]
    count: int
    """How many outputs forward has returned; some may be no tensors."""
    places: Sequence[int]
    """Which of them are tensors."""

    def release(self) -> None:
        """Forget what forward has saved."""
        if self.ctx._saved:
            self.ctx._saved = None

    def kept(self) -> list[np.ndarray] | None:
        """Return the arrays that forward has saved; None once released."""
        saved = self.ctx._saved
        return None if saved is None else [x for x, *_ in saved if isinstance(x, np.ndarray)]

    def name(self) -> str:
        """Return the function's own name, as PyTorch does."""
        return f"{self.function.__name__}Backward"

    def run(
        self, gradients: Sequence[Any], create_graph: bool, reached: set[Source] | None
    ) -> list[tuple[int, Any]]:
        """Call the user's backward, and check what it returns."""
        ctx, name = self.ctx, self.function.__name__
        given: list[Any] = [None] * self.count
        for i, part, (shape, dtype) in zip(self.places, gradients, self.outputs, strict=True):
            if part is not None:
                given[i] = part if isinstance(part, TensorBase) else wrap(part)
            elif ctx._materialize:
                given[i] = wrap(np.zeros(shape, dtype))
        ctx._node = self
        try:
            with recording(create_graph):
                returned = self.function.backward(ctx, *given)
        finally:
            ctx._node = None  # the context must not hold its own node: that would be a cycle
        results = returned if isinstance(returned, tuple) else (returned,)
        extra = results[len(self.parents) :]
        if len(results) < len(self.parents) or any(x is not None for x in extra):
            raise RuntimeError(
                f"{name}: backward returned {len(results)} gradients, but forward has "
                f"{len(self.parents)} inputs; return one for each, None for those without"
            )
        pairs: list[tuple[int, Any]] = []
        for position, (parent, g) in enumerate(zip(self.parents, results, strict=False)):
            if parent is None or g is None:
                continue
            if not isinstance(g, TensorBase):
                raise TypeError(
                    f"{name}: backward returned a {type(g).__name__} for input {position}, not a "
                    f"Tensor"
                )
            pairs.append((position, g))
        return pairs


class Function:
    """Base of a user's own operation: define forward and backward, then call ``apply``.

    Follows ``torch.autograd.Function``. In backward the gradients are Tensors; written with
    Tensor operations, it can be differentiated again.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd import Function
    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x**2
    >>> x = tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    _op: ClassVar[Op]

    @staticmethod
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; nothing in here is recorded."""
        raise NotImplementedError("a Function must define a static method forward(ctx, ...)")

    @staticmethod
    @_with_any_parameters
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return one gradient per input of forward, given one per output."""
        raise NotImplementedError("a Function must define a static method backward(ctx, ...)")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and record backward where an input needs a gradient."""
        setup = getattr(cls, "setup_context", None)
        if setup is not None:
            # setup_context is given all that forward takes by position, defaults among it.
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        parents: list[Source | None] = []
        for x in args:
            parents.append(x.source() if isinstance(x, TensorBase) else None)
        ctx = FunctionCtx(tuple(parent is not None for parent in parents))
        with recording(False):
            if setup is None:
                returned = cls.forward(ctx, *args, **kwargs)
            else:
                returned = cls.forward(*args, **kwargs)
                setup(ctx, args, returned)
        single = not isinstance(returned, tuple)
        results = [returned] if single else list(returned)
        dirty = set(map(id, ctx._dirty))
        if not dirty <= set(map(id, results)):
            raise RuntimeError(f"{cls.__name__}: forward must return every input it marks dirty")
        handed = {id(x) for x in args if isinstance(x, TensorBase)} - dirty
        for i, x in enumerate(results):
            if id(x) in handed:  # an input handed through is a view of it with a new history
                with recording(False):
                    results[i] = apply(reshape, x, to=x._array.shape)
                ctx._to_save = tuple(results[i] if s is x else s for s in ctx._to_save)
        if modes.observers:
            arrays = [[getattr(x, "_array", x) for x in of] for of in (args, results)]
            observer.tell(observer.Call(_function_op(cls), arrays[0], {}, arrays[1]))
        tracked = modes.enabled and any(parent is not None for parent in parents)
        if tracked:
            cls._record(ctx, args, parents, results)
        else:
            ctx._saved = None
        return results[0] if single else tuple(results)

    @classmethod
    def _record(
        cls, ctx: FunctionCtx, args: Sequence[Any], parents: Sequence[Any], results: Sequence[Any]
    ) -> None:
        places = [i for i, x in enumerate(results) if isinstance(x, TensorBase)]
        if not places or any(isinstance(x, list | dict) for x in results):
            kinds = [type(x).__name__ for x in results]
            raise TypeError(f"{cls.__name__}: forward must return tensors, not {kinds}")
        for x in ctx._dirty:
            check_writable(cls.__name__, x, *args)
        outputs = [results[i] for i in places]
        before = [x._node for x in ctx._dirty]
        node = FunctionNode(
            _function_op(cls), parents, Plan((), ()), {}, (), outputs[0]._array.dtype
        )
        node.ctx, node.function, node.count, node.places = ctx, cls, len(results), places
        attach_outputs(node, outputs)
        for x in outputs:
            if id(x) in ctx._non_differentiable:
                x._node = None
        sources = {id(x): i for i, x in enumerate(outputs) if x._node is not None}
        for x, previous in zip(ctx._dirty, before, strict=True):
            written, x._node, x._origin = x._node, previous, ""
            rebase_history(cls.__name__, x, written)
        saved: list[tuple[Any, Any, Version | None, int]] = []
        for x in ctx._to_save:
            if x is None:
                saved.append((None, None, None, 0))
                continue
            # An output is kept without its tensor, or the graph would hold itself.
            source = _OutputOf(sources[id(x)]) if id(x) in sources else x.source()
            if modes.saving is None:
                saved.append((x._array, source, x._version, x._version.count))
            else:
                saved.append((pack([x._array]), source, None, 0))
        ctx._saved = saved
        ctx._to_save = ()


class _Refusal(Function):
    """Stands for gradients that can't be differentiated again."""

    @staticmethod
    def forward(ctx: Any, gradients: Sequence[Any], *sources: Any) -> Any:
        """Hand the gradients through."""
        return tuple(share(g.memory()) for g in gradients)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Refuse."""
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable; "
            "write its backward with Tensor operations, and leave the mark out"
        )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a Function's backward as one that can't be differentiated again.

    It is run without recording; to differentiate what it returns is an error, not a wrong result.
    Follows ``torch.autograd.function.once_differentiable``.

    Examples
    --------
    >>> from tinygrad_mnist.autograd import Function
    >>> from tinygrad_mnist.autograd.function import once_differentiable
    >>> import numpy as np
    >>> from tinygrad_mnist import from_numpy, tensor
    >>> class Exp(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.out = np.exp(x.detach().numpy())
    ...         return from_numpy(ctx.out)
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, g):
    ...         return from_numpy(g.numpy() * ctx.out)
    >>> x = tensor([0.0], requires_grad=True)
    >>> Exp.apply(x).backward()
    >>> x.grad
    tensor([1.])
    """

    @functools.wraps(backward)
    def once(ctx: Any, *grad_outputs: Any) -> Any:
        with recording(False):
            given = [share(g.memory()) if isinstance(g, TensorBase) else g for g in grad_outputs]
            returned = backward(ctx, *given)
        sources = [g for g in grad_outputs if is_tracked(g)]
        if not modes.enabled or not sources:
            return returned
        results = list(returned) if isinstance(returned, tuple) else [returned]
        places = [i for i, g in enumerate(results) if isinstance(g, TensorBase)]
        for i, g in zip(
            places, _Refusal.apply([results[i] for i in places], *sources), strict=True
        ):
            results[i] = g
        return tuple(results)

    return once


def _function_op(cls: type[Function]) -> Op:
    """Return an operation that names a Function's node in errors and pictures."""
    op = cls.__dict__.get("_op")
    if op is None:
        op = Op(cls.__name__, cls.forward, ("input",), (), {}, variadic=True, broadcasts=True)
        cls._op = op
    return op
