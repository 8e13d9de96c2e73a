"""Gradients that XLA writes over those of the step before, as long as nobody has these."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter, is_
from sys import getrefcount
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.xla.held import holding, is_own_look, put

Array = Any


class Gradients:
    """The gradients that a program leaves in its parameters, the same tensors at each step.

    If a script has kept one, or its array, it keeps what it has: the next step makes another.

    Parameters
    ----------
    forms
        Their shapes and dtypes.
    places
        On which devices they are.

    Attributes
    ----------
    keepers
        What holds their numbers.
    """

    def __init__(self, forms: Sequence[Any], places: Sequence[Any]) -> None:
        self.forms, self.places = forms, places
        self._leaves: Sequence[TensorBase] = ()
        self._tensors: list[TensorBase] = [holding(None) for _ in forms]
        self._note()

    def _note(self) -> None:
        """Note what the tensors are like as long as nobody has them."""
        self.keepers = [g._held for g in self._tensors]
        self._fields = [g.__dict__ for g in self._tensors]
        self._plain = list(map(len, self._fields))
        self._alone = list(map(getrefcount, self._tensors))

    def take(self) -> Sequence[Array]:
        """Return memory for those of the next step."""
        if not (
            self._leaves
            and all(map(is_, map(_GRADIENT, self._leaves), self._tensors))
            and [*map(getrefcount, self._tensors)] == self._alone
            and [*map(len, self._fields)] == self._plain
        ):
            self._renew()
        return [*map(_CONTENT, self.keepers)]

    def _renew(self) -> None:
        """Take new memory, in new tensors, in the place of what somebody has."""
        leaves: Sequence[Any] = self._leaves or [None] * len(self.forms)
        for i, (form, where, leaf) in enumerate(zip(self.forms, self.places, leaves, strict=True)):
            if not _is_free(self._tensors, i, leaf):
                self._tensors[i] = holding(put(np.empty(*form), where))
        self._note()
        self._leaves = ()

    def hand_out(self, leaves: Sequence[TensorBase]) -> None:
        """Give them to the parameters."""
        if not self._leaves or not all(map(is_, map(_GRADIENT, leaves), self._tensors)):
            for p, g in zip(leaves, self._tensors, strict=True):
                p._grad = g
            self._leaves = leaves
            del p, g
            self._note()


def _is_free(tensors: Sequence[TensorBase], i: int, leaf: Any) -> bool:
    """Whether nobody but a leaf has a tensor, its array, or a view of it; then it has no array."""
    fields, content = tensors[i].__dict__, tensors[i]._held.content
    if content is None or getrefcount(tensors[i]) - _has(leaf, tensors[i]) > _ALONE:
        return False
    if "_array" in fields and is_own_look(fields, content):
        del fields["_array"]
    return len(fields) == _PLAIN


def _has(leaf: Any, gradient: TensorBase) -> bool:
    return leaf is not None and leaf._grad is gradient


_ALONE = getrefcount([object()][0]) + 1
"""How many references there are to what only a list has."""
_PLAIN = len(holding(None).__dict__)
_GRADIENT, _CONTENT = attrgetter("_grad"), attrgetter("content")
