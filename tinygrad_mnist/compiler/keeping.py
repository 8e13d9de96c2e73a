"""What a function keeps from call to call: tensors that it sets, in attributes, lists and the like.

A hidden state, ``self.h = h``, is an argument that the caller doesn't see, and a result. So the
function is made one that takes and returns it, and its program has nothing new to learn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.watches import MISSING, Watch

KEPT = "kept:"
"""The name of the argument: nobody else has one of this name."""


class Kept(tuple[Any, ...]):
    """What a function keeps at a time.

    Attributes
    ----------
    keeping
        The function.
    """

    keeping: Keeping


class Keeping:
    """A function that is also given what it keeps, and returns what it keeps then.

    After an error amid its program, that is what it was before.

    Parameters
    ----------
    function
        The function, which finds and leaves it in its places.
    places
        The places.
    """

    def __init__(self, function: Callable[..., Any], places: Sequence[Watch]) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.places = [place for place in places if place.now() is not MISSING]
        for place in self.places:
            place.expected = None  # a tensor that nobody needs any more

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """Call the function."""
        del kwargs[KEPT]
        return self.function(*args, **kwargs), tuple([place.now() for place in self.places])

    def now(self) -> Kept:
        """Return what it keeps."""
        kept = Kept([place.now() for place in self.places])
        kept.keeping = self
        return kept

    def put(self, kept: Sequence[Any]) -> None:
        """Leave in its places what a program has returned."""
        for place, x in zip(self.places, kept, strict=True):
            place.put(x)

    def other(self, kept: Kept) -> str:
        """Name a place in which no tensors are kept just then; empty if there is none."""
        places = zip(self.places, kept, strict=True)
        return next((place.path for place, x in places if not is_of_tensors(x)), "")


def is_kept(place: Watch) -> bool:
    """Whether in a place that has changed there is now what a program can put there."""
    now = place.now()
    return place.kind in ("entry", "item", "cell") and now is not None and is_of_tensors(now)


def is_of_tensors(x: Any) -> bool:
    """Whether something is a tensor, None, or a tuple of these, and of no other class."""
    if type(x) is tuple:
        return all(map(is_of_tensors, x))
    return x is None or type(x) is TensorBase.kind
