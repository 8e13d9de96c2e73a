"""Buffers: where the arrays of a program lie, planned once.

An array that a call can write into a given one gets a slot of memory. The slot of an array that
nothing reads any more is used again; an elementwise call writes over an operand that dies with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinygrad_mnist.compiler.rewriting import last_uses
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value

REDUCTIONS = {np.sum, np.mean, np.max, np.min, np.amax, np.amin, np.prod, np.cumsum, np.take}
"""Functions other than ufuncs that can write their result to a given array."""


def takes_out(call: Call) -> bool:
    """Whether a call can be told where to write its result."""
    function = call.function
    if call.writes or call.effect or "out" in call.keywords:
        return False
    if getattr(function, "takes_out", False):
        return True
    if call.kind != "function":
        return False
    if type(function) is np.ufunc:
        return function.nout == 1
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return bool(function.__name__ in ("reduce", "accumulate", "outer"))
    return function in REDUCTIONS


def is_elementwise(call: Call) -> bool:
    """Whether a call reads each element of its inputs just before it writes to the same place."""
    return type(call.function) is np.ufunc and call.function.signature is None


def is_operation(call: Call) -> bool:
    """Whether a call is an operation of the table, or its rule, whose result is the program's."""
    room = getattr(call.function, "__module__", None) or ""
    own = call.kind == "kernel" and not call.effect and type(call.results) is Value
    return own and room.startswith("tinygrad_mnist.ops.")


@dataclass
class Plan:
    """Where arrays are.

    Attributes
    ----------
    slots
        The number of a slot for each storage that has one.
    sizes
        The size of each slot, in bytes.
    offsets
        Where a storage begins in its slot, if not at the start.
    over
        The operand that a value is written over, in the same form.
    fresh
        Storages that a kernel makes anew at each step, with those that are written over them.
    homes
        For the latter, the former.
    """

    slots: dict[Storage, int] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    offsets: dict[Storage, int] = field(default_factory=dict)
    over: dict[Value, Value] = field(default_factory=dict)
    fresh: set[Storage] = field(default_factory=set)
    homes: dict[Storage, Storage] = field(default_factory=dict)


def plan_buffers(program: Program, reuse: bool = True) -> Plan:
    """Give each array that a call can write into a slot, and use those of dead ones again.

    What is returned gets none: it is new at each step. Gradients stay in their slots, where
    something else may have been earlier in the step.
    """
    plan = Plan()
    last = last_uses(program)
    outputs = {x.storage for x in program.outputs + program.rebound}
    lasting = {x.storage for x in program.gradients}
    ends: dict[int, list[Storage]] = {}
    for storage, i in last.items():
        ends.setdefault(i, []).append(storage)
    free: list[int] = []
    for i, call in enumerate(program.calls):
        dying = [plan.slots[s] for s in ends.get(i, ()) if s in plan.slots]
        result = call.results
        if takes_out(call) and type(result) is Value and result.storage not in outputs:
            array, storage = result.array, result.storage
            whole = array.size == storage.array.size and array.dtype == storage.array.dtype
            if array.size and whole and storage not in plan.slots:
                if storage in program.parts:
                    larger, plan.offsets[storage] = program.parts[storage]
                    if larger not in plan.slots:
                        plan.slots[larger] = _slot(plan, [], larger.array.nbytes)
                    plan.slots[storage] = plan.slots[larger]
                elif (
                    reuse
                    and is_elementwise(call)
                    and (over := _operand(call, plan, last, i, storage in lasting)) is not None
                ):
                    plan.over[result] = over
                    slot = plan.slots.get(over.storage)
                    if slot is None:
                        plan.fresh.add(storage)
                        plan.homes[storage] = plan.homes.get(over.storage, over.storage)
                    else:
                        plan.slots[storage] = slot
                        dying.remove(slot)
                else:
                    plan.slots[storage] = _slot(plan, free if reuse else [], array.nbytes)
        elif is_operation(call) and result.storage.origin == "made":
            if result.storage not in outputs and result.array.ndim:  # NumPy's scalars are no arrays
                plan.fresh.add(result.storage)
        if reuse:
            free += dying
    return plan


def _operand(
    call: Call, plan: Plan, last: dict[Storage, int], i: int, lasting: bool
) -> Value | None:
    """Return an operand that the result may be written over; for what lasts, one in a slot."""
    result = call.results.array
    for x in call.values():
        if (
            (x.storage in plan.slots or (x.storage in plan.fresh and not lasting))
            and last[x.storage] == i
            and x.array.shape == result.shape
            and x.array.strides == result.strides
            and x.array.dtype == result.dtype
            and x.storage.array.size == x.array.size
            and all(y is x for y in call.values() if y.storage is x.storage)
        ):
            return x
    return None


def _slot(plan: Plan, free: list[int], size: int) -> int:
    """Take a free slot of about the size, or a new one."""
    fitting = [s for s in free if size <= plan.sizes[s] <= 2 * size]
    if fitting:
        best = fitting[-1]  # the one that was freed last is in the cache
        free.remove(best)
        return best
    plan.sizes.append(size)
    return len(plan.sizes) - 1


def strides_without_gaps(array: np.ndarray) -> tuple[int, ...]:
    """Return the strides of an array that lies in memory in this one's order, without gaps."""
    order = sorted(range(array.ndim), key=lambda d: (-abs(array.strides[d]), d))
    strides, step = [0] * array.ndim, array.itemsize
    for d in reversed(order):
        strides[d] = step
        step *= array.shape[d]
    return tuple(strides)
