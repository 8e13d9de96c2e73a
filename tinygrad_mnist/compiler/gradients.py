"""Gradients in buffers that last, as long as nobody else holds them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter, gt, is_not
from sys import getrefcount
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.compiler.numpy_backend import Built

_array_of = attrgetter("_array")


class Gradients:
    """The gradients that a program leaves in its parameters.

    Those in buffers are the same tensors at each step. If a script has kept one, or its array, or a
    view of that, it keeps what it has: the next step writes to new memory.

    Parameters
    ----------
    built
        The program.
    leaves
        The parameters, in the order of the program's gradients.
    """

    def __init__(self, built: Built, leaves: Sequence[TensorBase]) -> None:
        self.built = built
        pairs = list(zip(leaves, built.lasting, strict=True))
        self.lasting = [p for p, lasts in pairs if lasts]
        self.moving = [p for p, lasts in pairs if not lasts]
        self._bind()

    def _bind(self) -> None:
        """Make the tensors, and count the references to them and to their memory."""
        arrays = self.built.gradients()
        self.given = [(p, wrap(a), a) for p, a in zip(self.lasting, arrays, strict=True)]
        self.arrays = [a for _, _, a in self.given]
        self.tensors = [t for _, t, _ in self.given]
        self.fields = [t.__dict__ for t in self.tensors]
        self.lengths = list(map(len, self.fields))
        self.watched: list[Any] = [x for _, t, a in self.given for x in (t, a)]
        self.watched += self.built.owners()
        del arrays
        # A parameter will refer to its gradient's tensor too.
        self.alone = [
            count + isinstance(x, TensorBase)
            for x, count in zip(self.watched, list(map(getrefcount, self.watched)), strict=True)
        ]

    def prepare(self) -> None:
        """Take new memory if somebody holds the old, or has made something else of a tensor."""
        if (
            any(map(gt, map(getrefcount, self.watched), self.alone))
            or any(map(is_not, map(_array_of, self.tensors), self.arrays))
            or list(map(len, self.fields)) != self.lengths
        ):
            self.built.renew()
            self._bind()

    def drop(self) -> None:
        """Take gradients away, since where they lay something else has been in the meantime."""
        for p, t, _ in self.given:
            if p._grad is t:
                p._grad = None

    def hand_out(self, moving: Sequence[Any]) -> None:
        """Give the parameters their gradients, of which those in no buffer are given."""
        for p, t, _ in self.given:
            p._grad = t
        if moving:
            self.built.hand_out(self.moving, moving)
