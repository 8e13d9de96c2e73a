"""Writing into tensors that a graph may need, so that no gradient is silently wrong."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.errors import refuse_stale
from tinygrad_mnist.autograd.graph import Node, Variable, apply, record, wrap
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.ops.contract import Op
from tinygrad_mnist.ops.dtypes import can_hold
from tinygrad_mnist.ops.indexing import setitem
from tinygrad_mnist.ops.shape import cast


def apply_inplace(op: Op, target: Any, *inputs: Any, **settings: Any) -> Any:
    """Write an operation's result into its first input, and record that as its new history.

    Raises
    ------
    RuntimeError
        When the target is a leaf that requires grad, or a view inside a graph, or the result
        has another shape or a dtype that does not fit into the target's.
    """
    name = op.name + "_"
    check_writable(name, target, *inputs)
    first = original(target, *inputs) if modes.enabled and _keeps_first(op) else target
    return store(name, target, apply(op, first, *inputs, **settings))


@functools.cache
def _keeps_first(op: Op) -> bool:
    """Whether a rule of an operation needs its first input."""
    return any(op.inputs[0] in rule.arrays for rule in op.rules.values())


def original(target: Any, *inputs: Any) -> Any:
    """Return a copy of a tensor that is about to be overwritten, if a rule may need it."""
    if modes.enabled and any(map(_is_tracked, (target, *inputs))):
        return wrap(np.array(target._array), target._node)
    return target


def store(name: str, target: Any, result: Any) -> Any:
    """Write a result into a target that has been found writable, and adopt its history."""
    have, want = result._array, target._array
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
    np.copyto(want, have, casting="unsafe")
    node = result._node
    adopt(name, target, overwritten(target) if node is None and target._node else node)
    return target


def overwritten(target: Variable) -> Node | None:
    """Make the node of a write that depends on nothing: what was there before gets no gradient."""
    return record_write(setitem, target, target._array, index=...)


def record_write(op: Op, target: Variable, *inputs: Any, **settings: Any) -> Node | None:
    """Make the node of a write that has been done already, if it needs one.

    For operations whose rules save nothing of the target or the output, such as setitem: the
    write itself needs no copy then.
    """
    everything = (target, *inputs)
    if not (modes.enabled and any(_is_tracked(x) for x in everything)):
        return None
    parents: list[Node | Variable | None] = []
    mask = 0
    for position, x in enumerate(everything):
        tracked = _is_tracked(x)
        parents.append((x._node or x) if tracked else None)
        mask |= tracked << position
    arrays = [x._array if isinstance(x, Variable) else x for x in everything]
    node: Node = record(op, everything, arrays, parents, mask, target, (), settings)
    return node


def check_writable(name: str, target: Variable, *inputs: Any) -> None:
    """Refuse to write into a Variable where its gradient would be lost or wrong."""
    if not target._array.flags.writeable:
        raise RuntimeError(
            f"{name}: the tensor can't be written to: it is an expanded view, in which several "
            f"elements are one in memory, or made from a read-only array; clone() it first"
        )
    if not modes.enabled:
        return
    if target._requires_grad and target._node is None:
        raise RuntimeError(
            f"{name}: a leaf Variable that requires grad can't be changed by an in-place "
            f"operation; do it under no_grad(), or use the form that makes a new tensor"
        )
    if target._view_of is not None:
        if target._seen != target._version.history:
            refuse_stale(name, target)
        base: Variable | None = target
        while base is not None:
            tracked = base._node is not None or base._requires_grad
            if tracked or (base is target and any(_is_tracked(x) for x in inputs)):
                raise RuntimeError(
                    f"{name}: the tensor is a view of another one, and the change would have to "
                    f"be recorded in both; assign through the base (base[index] = value), or "
                    f"clone() the view before it is changed"
                )
            base = base._view_of


def _is_tracked(x: Any) -> bool:
    return isinstance(x, Variable) and (x._node is not None or x._requires_grad)


def adopt(name: str, target: Variable, node: Node | None) -> None:
    """Note that an operation has written into a Variable; a node becomes its new history."""
    if node is not None:
        target._node = node
    target._version.bump(name, recorded=node is not None)
