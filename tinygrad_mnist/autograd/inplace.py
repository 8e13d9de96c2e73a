"""Writing into tensors that a graph may need, so that no gradient is silently wrong."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.autograd.graph import Node, TensorBase, apply, is_tracked, record, sources, wrap
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.views import rebase_view, refuse_view, region_of, set_history
from tinygrad_mnist.ops.contract import Op
from tinygrad_mnist.ops.dtypes import can_hold
from tinygrad_mnist.ops.indexing import getitem, is_basic, setitem
from tinygrad_mnist.ops.regions import write_region
from tinygrad_mnist.ops.shape import cast

V = TypeVar("V", bound=TensorBase)


def apply_inplace(op: Op, target: V, *inputs: Any, **settings: Any) -> V:
    """Write an operation's result into its first input, and record that as its new history.

    Raises
    ------
    RuntimeError
        When the target can't be written to (:func:`check_writable`), or the result has another
        shape or a dtype that does not fit into the target's.
    """
    name = op.name + "_"
    if not check_writable(name, target, *inputs) and _write_at_once(op, target._array, *inputs):
        target._version.bump(name)
        return target
    return store(name, target, apply(op, target, *inputs, **settings))


def _write_at_once(op: Op, array: np.ndarray, *inputs: Any) -> bool:
    """Let NumPy write a sum or product into an array, where nothing is to be converted."""
    if type(op.forward) is not np.ufunc or len(inputs) != 1 or not op.differentiable:
        return False
    if not array.flags.writeable:
        return False
    (x,) = inputs
    other = x._array if isinstance(x, TensorBase) else x
    if other.__class__ is np.ndarray:
        # An array that broadcasts to the other's shape, and has no more dimensions than it.
        if other.dtype is not array.dtype or other.shape != array.shape[array.ndim - other.ndim :]:
            return False
        fits = array.dtype.char in "fd"
    elif array.dtype.char == "l":
        fits = type(other) is int and -(2**31) < other < 2**31 and op.promotes != "float"
    else:
        fits = (type(other) is float or type(other) is int) and array.dtype.char in "fd"
    if fits:
        try:
            quiet.run(op.forward, array, other, out=array)
        except (RuntimeError, OverflowError):  # inside of another operation, or a huge number
            return False
    return fits


def original(target: TensorBase, *inputs: Any) -> Any:
    """Return a copy of a tensor that several operations compute from before it is overwritten."""
    if modes.enabled and any(map(is_tracked, (target, *inputs))):
        target.source()  # a view's history is brought up to date
        return wrap(target._array.copy(order="K"), target._node)
    return target


def store(name: str, target: V, result: TensorBase) -> V:
    """Write a result into a target that has been found writable, and rebase its history."""
    have, want, node = result._array, target._array, result._node
    if have.shape != want.shape:
        raise RuntimeError(
            f"{name}: the result has shape {list(have.shape)}, which doesn't fit into the tensor's "
            f"shape {list(want.shape)}; use {name[:-1]}, which makes a new tensor"
        )
    if have.dtype != want.dtype:
        if not can_hold(have.dtype, want.dtype):
            raise RuntimeError(
                f"{name}: the result has dtype {have.dtype}, which can't be cast to the tensor's "
                f"{want.dtype} without loss; use {name[:-1]}, or convert the tensor first"
            )
        result = apply(cast, result, dtype=want.dtype)
        have = result._array
    if node is None:
        node = record_overwrite(target)
    else:
        node.keep(target._version)
        node = result._node
    np.copyto(memory_of(target), have, casting="unsafe")
    rebase_history(name, target, node)
    return target


def record_overwrite(target: TensorBase) -> Node | None:
    """Make the node of a write that depends on nothing: what was there before gets no gradient."""
    return record_write(setitem, target, target._array, index=...)


def _keep_output(node: Node, output: TensorBase) -> None:
    """Copy what a node has saved of its output, if scripts may write to that."""
    while output._base is None and node.op.view and isinstance(node.parents[0], Node):
        node = node.parents[0]  # a part of an output, made to stand on its own
    node = node.whole
    if node.op.output_writable and node.saved:
        node.keep(output._version)


def record_write(op: Op, target: TensorBase, *inputs: Any, **settings: Any) -> Node | None:
    """Make the node of a write that has been done already, if it needs one.

    For operations whose rules save nothing of the target or the output, such as setitem: the
    write itself needs no copy then.
    """
    everything = (target, *inputs)
    if not modes.enabled:
        return None
    arrays, parents, mask = sources(everything)
    if not mask:
        return None
    node: Node = record(op, everything, arrays, parents, mask, target, (), settings)
    return node


def check_writable(name: str, target: TensorBase, *inputs: Any, copies: bool = False) -> bool:
    """Refuse to write into a tensor where its gradient would be lost or wrong.

    Return whether the write is to be recorded. One that isn't, and copies a single number to all
    elements, may go to a view in which several elements are one in memory.

    Raises
    ------
    RuntimeError
        For a leaf that requires grad or a view of one, for a view whose history can't be written
        anew, and for memory that can't be written to.
    """
    array, base = target._array, target._base
    tracked = False
    if modes.enabled:
        tracked = is_tracked(target) or is_tracked(base)
        for x in inputs:
            tracked = tracked or is_tracked(x)
    if not array.flags.writeable:
        if not _lies_in_writable(array):
            raise RuntimeError(
                f"{name}: the tensor can't be written to: it was made from a read-only array; "
                f"clone() it first"
            )
        fills = copies and not tracked and not np.ndim(inputs[0])
        if _overlaps_itself(array) and not fills:
            raise RuntimeError(
                f"{name}: the tensor can't be written to: it is a view in which several elements "
                f"are one in memory; clone() it first"
            )
    if not tracked:
        return False
    for x in (target, base):
        if x is not None and x._node is not None:
            _keep_output(x._node, x)
    if base is not None and target._origin:
        refuse_view(target, f"is written to by {name}")
    # A base that was detached in place is a leaf too, of which there are views with a history.
    given = base is not None and base._node is None and is_tracked(target)
    for leaf, what in ((target, "a leaf"), (base, "a view of a leaf")):
        if (
            leaf is not None
            and leaf._node is None
            and (leaf._requires_grad or (given and leaf is base))
        ):
            raise RuntimeError(
                f"{name}: {what} Variable that requires grad can't be changed by an in-place "
                f"operation; do it under no_grad(), or use the form that makes a new tensor"
            )
    return True


def _lies_in_writable(array: Any) -> bool:
    """Whether what an array sees may be written to, as a view of it that is made read-only."""
    while (array := getattr(array, "base", None)) is not None:
        if isinstance(array, np.ndarray) and array.flags.writeable:
            return True
    return False


def _overlaps_itself(array: np.ndarray) -> bool:
    """Whether several elements of an array are one in memory."""
    offsets = np.zeros((), np.int64)
    for length, stride in zip(array.shape, array.strides, strict=True):
        offsets = np.add.outer(offsets, np.arange(length) * stride)
    return np.unique(offsets).size < array.size


def memory_of(target: TensorBase) -> np.ndarray:
    """Return the array of a target that has been found writable, to write to it.

    NumPy makes the arrays of expanded views read-only.
    """
    array = target._array
    return array if array.flags.writeable else _writable(array)


@array_function
def _writable(array: np.ndarray) -> np.ndarray:
    array = array.view()
    array.flags.writeable = True
    return array


def rebase_history(name: str, target: TensorBase, node: Node | None) -> None:
    """Note that an operation has written into a tensor; a node becomes its new history.

    What is written to a view is written to its base: a part of the base now comes from the node,
    and the view is that part. Other views follow when they are next used.
    """
    target._version.bump(name)
    if node is None:
        return
    base = target._base
    if base is None:
        set_history(target, node)
        return
    inputs, arrays = (base, target), [base._array, target._array]
    mask = 2 if base._node is None else 3
    at = region_of(base, target)
    both = record(write_region, inputs, arrays, (base._node, node), mask, base, (), {"at": at})
    set_history(base, both)
    rebase_view(target, both, at)


def is_part(x: TensorBase, target: TensorBase, index: Any) -> bool:
    """Whether a tensor already is what an index cuts out of another one, with its history."""
    base = target if target._base is None else target._base
    if x._base is not base or x._version is not target._version or not is_basic(index):
        return False
    cut, seen = getitem.forward(target._array, index=index), x._array
    if cut.shape != seen.shape or cut.strides != seen.strides or cut.dtype != seen.dtype:
        return False
    first = (0,) * cut.ndim + (...,)  # where the first elements are one, all are
    return not cut.size or np.may_share_memory(cut[first], seen[first])
