"""Parameters of one group, their gradients and states, each in one array: one update for them all.

It is for optimizers whose formula computes each element for itself, and for parameters that are
small, where calling a function takes longer than what it computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getrefcount

import numpy as np

from tinygrad_mnist import optim
from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, Group, State

ELEMENTWISE = {
    c.update
    for c in (
        optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, optim.Adadelta,
        optim.Adamax, optim.NAdam, optim.RAdam, optim.ASGD, optim.Rprop,
    )
}  # fmt: skip
"""Formulas that compute each element for itself."""

SCALARS = ("step", "eta", "mu", "mu_product")
"""What of a state is one number, the same for all parameters that have made the same steps."""

LARGE = 2**18
"""From how many elements on a parameter has its own update."""


def _references(tensor: TensorBase) -> tuple[int, int]:
    """Count the references to a tensor's array, and to the array that this is a view of."""
    return getrefcount(tensor._array), getrefcount(tensor._array.base)


_ALONE = _references(wrap(np.empty(2).reshape(1, 2)))
"""How many there are if only the tensor holds its array."""


def is_elementwise(optimizer: ArrayOptimizer) -> bool:
    """Whether an optimizer's step computes each element for itself."""
    kind = type(optimizer)
    return kind.update in ELEMENTWISE and kind.blocks is ArrayOptimizer.blocks


def flatten(optimizer: ArrayOptimizer) -> None:
    """Let small parameters of a group lie in one array, and each kind of state likewise.

    An array that anything else holds stays where it is: whoever has it goes on seeing the
    parameter.
    """
    if not is_elementwise(optimizer):
        return
    for group in optimizer.param_groups:
        for dtype in dict.fromkeys(p._array.dtype for p in group["params"]):
            chosen = [p for p in group["params"] if p._array.dtype == dtype and _can_move(p)]
            states = [optimizer.state.get(p) or {} for p in chosen]
            if len(chosen) < 2 or any(s.keys() != states[0].keys() for s in states):
                continue
            kinds = [[s[key] for s in states] for key in states[0]]
            if all(isinstance(t, TensorBase) and _can_move(t) for ts in kinds for t in ts):
                for tensors in (chosen, *kinds):
                    _move(tensors)


def _can_move(tensor: TensorBase) -> bool:
    """Whether nothing but the tensor holds its array, and the array is small and plain."""
    array, references = tensor._array, _references(tensor)
    base, flags = array.base, array.flags
    if base is not None and (
        not isinstance(base, np.ndarray) or base.size > array.size or references[1] > _ALONE[1]
    ):
        return False
    return (
        references[0] == _ALONE[0] + 1  # the one here
        and flags.c_contiguous and flags.writeable
        and array.size < LARGE and tensor._base is None
    )  # fmt: skip


def _move(tensors: Sequence[TensorBase]) -> None:
    """Put the arrays of tensors into one."""
    whole = np.empty(sum(t._array.size for t in tensors), tensors[0]._array.dtype)
    start = 0
    for t in tensors:
        part = whole[start : start + t._array.size].reshape(t._array.shape)
        part[...] = t._array
        t._array = part
        start += part.size


def separate(optimizer: ArrayOptimizer) -> None:
    """Let parameters and states that lie together have arrays of their own again.

    An array that anything else sees stays as it is.
    """
    found: dict[int, list[TensorBase]] = {}
    for group in optimizer.param_groups:
        for p in group["params"]:
            for t in (p, *(optimizer.state.get(p) or {}).values()):
                if isinstance(t, TensorBase) and isinstance(t._array.base, np.ndarray):
                    found.setdefault(id(t._array.base), []).append(t)
    for tensors in found.values():
        alone = _ALONE[0], _ALONE[1] + len(tensors) - 1
        if all(n <= m for t in tensors for n, m in zip(_references(t), alone, strict=True)):
            for t in tensors:
                t._array = t._array.copy()


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the array that consists of others, if these lie one after another in one."""
    first, whole = arrays[0], arrays[0].base
    if not isinstance(whole, np.ndarray) or whole.ndim != 1 or whole.dtype != first.dtype:
        return None
    start = end = (_address(first) - _address(whole)) // whole.itemsize
    for a in arrays:
        at = _address(a) - _address(whole)
        if a.base is not whole or a.dtype != whole.dtype or not a.flags.c_contiguous:
            return None
        if at != end * whole.itemsize:
            return None
        end += a.size
    return whole[start:end]


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


class Flat:
    """Parameters of a group that lie in one array.

    Parameters
    ----------
    optimizer
        Whose parameters they are.
    arrays
        Their arrays.
    """

    def __init__(self, optimizer: ArrayOptimizer, arrays: Sequence[np.ndarray]) -> None:
        self.optimizer = optimizer
        self.arrays = arrays
        self.whole = joined(arrays)
        self.states: list[State] = []
        self.state: State = {}
        self.scalars: list[np.ndarray] = []
        self.entries: list[tuple[State, str, TensorBase, np.ndarray]] = []

    def build(self, states: Sequence[State | None]) -> bool:
        """Put the parameters' states together; return whether everything lies as it has to."""
        if self.whole is None or not is_elementwise(self.optimizer):
            return False
        self.states = [s or {} for s in states]
        first = self.states[0]
        if any(s.keys() != first.keys() for s in self.states):
            return False
        for key in first:
            tensors = [s[key] for s in self.states]
            if not all(isinstance(t, TensorBase) for t in tensors):
                return False
            arrays = [t._array for t in tensors]
            whole = joined(arrays)
            if whole is None:
                return False
            if key in SCALARS:
                self.state[key] = first[key]
                self.scalars.append(whole)
            elif whole.size == self.whole.size:
                self.state[key] = wrap(whole)
            else:
                return False
            self.entries += zip(self.states, [key] * len(arrays), tensors, arrays, strict=True)
        return True

    def update(self, g: np.ndarray, group: Group, states: Sequence[State]) -> None:
        """Change all parameters, given their gradients in one array, and their present states."""
        if self._are_together(states):
            assert self.whole is not None
            self.optimizer.update(self.whole, g, self.state, group)
            for x in self.scalars:
                x[1:] = x[0]
            return
        start = 0
        for array, state in zip(self.arrays, states, strict=True):
            part = g[start : start + array.size].reshape(array.shape)
            self.optimizer.update(array, part, state, group)
            start += array.size

    def _are_together(self, states: Sequence[State]) -> bool:
        """Whether the states are still those that were put together."""
        if not self.entries:
            return not any(states)
        count = len(self.state)
        for now, then in zip(states, self.states, strict=True):
            if now is not then or len(now) != count:
                return False
        for state, key, tensor, array in self.entries:
            if state.get(key) is not tensor or tensor._array is not array:
                return False
        return all(len(set(x.tolist())) == 1 for x in self.scalars)
