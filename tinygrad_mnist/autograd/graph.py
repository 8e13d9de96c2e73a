"""The graph: what an operation leaves behind so that it can be differentiated.

Applying an operation to tensors computes on their arrays and, where one of them needs a
gradient, adds a :class:`Node`: the operation, its parents, and just those arrays that the
rules of the tracked inputs ask for. A node holds no tensor of its own output, so there is
no reference cycle: when the last tensor goes, its graph goes with it.

Why versions: a rule that reads an array which has been written to since would return a wrong
gradient without a word. All views of one buffer share one ``Version``; every write adds one
to its count, a node remembers the count of what it saved, and backward compares. A view that was
made before a write has an outdated node, and makes itself a new one when it is next used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinygrad_mnist.autograd.errors import cause, operation_error
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.multi_output import MultiOutputNode, attach_outputs
from tinygrad_mnist.autograd.node import Node as Node
from tinygrad_mnist.autograd.node import Version as Version
from tinygrad_mnist.autograd.views import regenerate_view
from tinygrad_mnist.ops.contract import Op, Shapes
from tinygrad_mnist.ops.promotion import promote

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.saving import *  # here PyTorch has them
    from tinygrad_mnist.tensor.core import Tensor

__all__ = ["Node"]

_UNCHANGED = Version()
"""For saved arrays that nobody else can write to."""


class TensorBase:
    """An array and its place in the graph: all that the engine knows of a Tensor.

    A tensor is a leaf (``_node`` is None), which collects a gradient if ``_requires_grad``,
    or the output of a recorded operation.
    """

    kind: ClassVar[type[Tensor]]
    """The class that operations return; Tensor's module sets it."""

    _array: np.ndarray
    _version: Version
    _node: Node | None = None
    _requires_grad: bool = False
    _grad: Any = None
    _hooks: dict[int, Callable[[Any], Any]] | None = None
    _after: dict[int, Callable[[Any], Any]] | None = None
    """Hooks that a leaf calls when its gradient has been accumulated."""
    _retained: Any = None
    """The handle of the hook that stores ``.grad`` in a computed tensor."""
    _base: TensorBase | None = None
    """The tensor whose memory this one sees, if it is a view: what becomes of that one's
    history becomes of this one's too. A base is never a view itself."""
    _seen: int = 0
    """The version of the memory for which ``_node`` holds."""
    _origin: str = ""
    """How a view was made, if in a way that forbids to rewrite its history."""
    _fixed_order: bool = False
    """Whether a script can tell the order of the elements in memory: that of a view, or of an
    array that was handed in. Otherwise it's for the kernels to choose (channels last)."""

    _held: Any = None
    """What has the numbers, where a compiled step has left them: the array is missing then."""

    if not TYPE_CHECKING:  # a checker would take it for any attribute, misspelt ones too

        def __getattr__(self, name: str) -> Any:
            """Return the array, fetched from where it is."""
            if name == "_array" and self._held is not None:
                return self._held.fetch()
            return object.__getattribute__(self, name)  # which raises the error that it has raised

    def memory(self) -> np.ndarray:
        """Return the array to share it: what one writes, the other sees.

        An order that only kernels know of ends here. From now on the elements lie row by row, as
        scripts expect, so that whatever is a view in PyTorch is one here.

        Returns
        -------
        An array of self's shape.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.zeros(2, requires_grad=True)
        >>> x.memory()[0] = 5.0
        >>> x.detach()
        tensor([5., 0.])
        """
        array = self._array
        if not self._fixed_order and not array.flags.c_contiguous:
            array = self._array = array.copy()
        return array

    def source(self) -> Source | None:
        """Return where a gradient goes from here: to a node, to this leaf, or nowhere.

        Returns
        -------
        A node, the tensor itself, or None.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([1.0], requires_grad=True)
        >>> x.source() is x, (2 * x).source() is None, torch.tensor([1.0]).source()
        (True, False, None)
        """
        if self._base is not None and self._seen != self._version.count:
            regenerate_view(self)
        return self._node if self._node is not None else self if self._requires_grad else None

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions."""
        return self._array.shape

    @staticmethod
    def __op__(op: Op, *inputs: Any, **settings: Any) -> Any:
        """Record an operation that was called with a tensor among its inputs."""
        return (apply if len(op.outputs) == 1 else apply_multi)(op, *inputs, **settings)


Source = Node | TensorBase
"""Where a gradient goes: to a node, or to a leaf."""

# wrap is called for every result: found sooner so
_ndarray = np.ndarray
_plain: type[Any] = np.ndarray
_new: Callable[[type[Tensor]], Tensor] = object.__new__
_as_array: Callable[[Any], np.ndarray] = np.asarray
"""A recording replaces these, to know the tensors that were made, and what they were made of."""


def wrap(array: Any, node: Node | None = None, version: Version | None = None) -> Tensor:
    """Return a new tensor on an array (not copied)."""
    out = _new(TensorBase.kind)
    out._array = array if array.__class__ is _plain else _as_array(array)
    out._version = Version() if version is None else version
    out._node = node
    out._fixed_order = False
    return out


def share(array: np.ndarray, version: Version | None = None) -> Tensor:
    """Return a new tensor on an array that something else sees too."""
    out = wrap(array, version=version)
    out._fixed_order = not array.flags.c_contiguous
    return out


def apply(op: Op, *inputs: Any, **settings: Any) -> Tensor:
    """Compute an operation of one output, and record it where an input needs a gradient.

    Parameters
    ----------
    op
        The operation.
    inputs
        Tensors, arrays, numbers, or None.
    settings
        Its keyword settings.

    Raises
    ------
    RuntimeError, IndexError, TypeError
        When the inputs do not fit; the sentence names the operation and the shapes.
    """
    arrays: list[Any] = []
    parents: list[Source | None] = []
    mask, bit = 0, 1
    dtype, mixed, reordered = None, False, False
    if op.view and isinstance(inputs[0], TensorBase):
        inputs[0].memory()
    for x in inputs:
        parent: Source | None = None
        if isinstance(x, TensorBase):
            array = x._array
            if x._fixed_order:
                if x._base is not None and x._seen != x._version.count:
                    regenerate_view(x)
                reordered = reordered or not array.flags.c_contiguous
            if dtype is None:
                dtype = array.dtype
            elif array.dtype is not dtype:
                mixed = True
            arrays.append(array)
            parent = x._node
            if parent is not None:
                mask |= bit
            elif x._requires_grad:
                parent = x
                mask |= bit
        else:
            arrays.append(x)
            mixed = mixed or (x.__class__ is not float and x.__class__ is not int)
        parents.append(parent)
        bit <<= 1
    if op.promotes and (mixed or dtype is None or dtype.kind != "f"):
        arrays = promote(op, arrays)
    out = _compute(op, arrays, dtype, settings)
    residuals: Sequence[Any] = ()
    if op.packed:
        if len(op.outputs) > 1:
            raise TypeError(f"{op.name}: it has several outputs; call apply_multi")
        out, *residuals = out
    result = wrap(out)
    if op.view:
        _follow_base(result, inputs[0])
    elif reordered and op.elementwise:
        result._fixed_order = not result._array.flags.c_contiguous
    if mask and modes.enabled and op.differentiable:
        result._node = record(op, inputs, arrays, parents, mask, result, residuals, settings)
    return result


def apply_multi(op: Op, *inputs: Any, **settings: Any) -> tuple[Tensor, ...]:
    """Do as :func:`apply` for an operation of several outputs; such operations promote nothing."""
    arrays, parents, mask = sources(inputs)
    out = _compute(op, arrays, None, settings)
    results = tuple(map(wrap, out[: len(op.outputs)]))
    if mask and modes.enabled and op.differentiable:
        first, rest = results[0], out[1:]
        node = record(op, inputs, arrays, parents, mask, first, rest, settings, MultiOutputNode)
        attach_outputs(node, results)
    return results


def sources(inputs: Sequence[Any]) -> tuple[list[Any], list[Source | None], int]:
    """Return the arrays of inputs, where their gradients go, and a mask of those that go on."""
    arrays = [x._array if isinstance(x, TensorBase) else x for x in inputs]
    parents = [x.source() if isinstance(x, TensorBase) else None for x in inputs]
    mask = sum(1 << i for i, parent in enumerate(parents) if parent is not None)
    return arrays, parents, mask


def _compute(
    op: Op, arrays: list[Any], dtype: np.dtype[Any] | None, settings: dict[str, Any]
) -> Any:
    """Call an operation's forward, without floating-point warnings."""
    forward = op.forward
    if dtype is not op.plain and (dtype is None or dtype.char in op.narrow):
        forward = op.compute
    try:
        if settings:
            return quiet.run(forward, *arrays, **settings)
        return quiet.run(forward, *arrays)
    except RuntimeError:
        if not quiet.is_running():
            raise
        # An operation within another one's forward: a signal handler, a finalizer.
        with np.errstate(all="ignore"):
            return forward(*arrays, **settings)
    except (ValueError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise operation_error(op, arrays, settings, error) from cause(error)


def _follow_base(result: TensorBase, source: Any) -> None:
    """Let the output of reshape or the like share its input's history, if it is a view of it."""
    base = result._array.base
    if base is None or not isinstance(source, TensorBase):
        return
    if base is source._array or base is source._array.base:
        result._version = version = source._version
        result._seen = version.count
        result._base = source if source._base is None else source._base
        result._fixed_order = True
        result._origin = source._origin if modes.enabled else "under no_grad"


def record(
    op: Op,
    inputs: Sequence[Any],
    arrays: list[Any],
    parents: Sequence[Source | None],
    mask: int,
    result: TensorBase,
    rest: Sequence[Any],
    settings: dict[str, Any],
    kind: type[Node] = Node,
) -> Any:
    """Make the node of an operation: save what its rules need, and the versions of that."""
    plan = op.plan(len(inputs), mask)
    if op.variadic:
        settings = {**settings, "shapes": Shapes(a.shape for a in arrays)}
    out = result._array
    node = kind(op, parents, plan, settings, out.shape, out.dtype)
    if plan.saves:
        saved: list[Any] = []
        versions: list[Version] = []
        count = len(arrays)
        for i in plan.saves:
            version = _UNCHANGED
            if i < count:
                saved.append(arrays[i])
                if isinstance(x := inputs[i], TensorBase):
                    version = x._version
            elif i == count:
                saved.append(out)
                version = result._version
            else:
                saved.append(rest[i - count - 1])
            versions.append(version)
            node.saved_version += version.count
        if modes.saving is None:
            node.saved = tuple(saved)
            node.versions = versions
        else:
            from tinygrad_mnist.autograd.saving import pack

            node.saved, node.saved_version = pack(saved), 0
            node.versions = [_UNCHANGED] * len(saved)
    return node


def is_tracked(x: Any) -> bool:
    """Whether something is a tensor that a gradient can flow to."""
    if not isinstance(x, TensorBase):
        return False
    if x._node is not None or x._requires_grad:
        return True
    return x._base is not None and x._seen != x._version.count and is_tracked(x._base)


def as_gradient(gradient: Any, create_graph: bool) -> Any:
    """Return a gradient as the backward pass holds it: a tensor if recorded, else an array."""
    if create_graph:
        return gradient if isinstance(gradient, TensorBase) else wrap(gradient)
    if gradient.__class__ is _ndarray:
        return gradient
    return gradient._array if isinstance(gradient, TensorBase) else np.asarray(gradient)
