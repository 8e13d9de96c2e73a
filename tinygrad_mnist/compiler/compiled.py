"""A compiled function: it runs as ever, is recorded, and from then on is its program."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.compiler.numpy_backend import Built
from tinygrad_mnist.compiler.passes import PASSES
from tinygrad_mnist.compiler.recording import Recording, map_structure, record
from tinygrad_mnist.compiler.trace import Value, differences

ATTEMPTS = 4
"""How often a call of one signature is recorded until two recordings agree."""

SIGNATURES = 8
"""For how many signatures there are programs."""


class Step:
    """The program of one signature, or the way to it.

    Attributes
    ----------
    stopped
        Why there is none; empty if there is, or may be.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.recorded = 0
        self.stopped = ""
        self.last: Recording | None = None
        self.built: Built | None = None

    def advance(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run the function as ever, or record it, on the way to a program."""
        self.calls += 1
        if self.calls == 1:  # what is made at the first call only is no part of the program
            return function(*args, **kwargs)
        before, self.last = self.last, record(function, args, kwargs)
        self.recorded += 1
        recording = self.last
        if recording.stopped:
            self.stopped = recording.stopped
        elif before is not None:
            said = differences(before.program.calls, recording.program.calls)
            if not said:
                self._build(recording)
            elif self.recorded >= ATTEMPTS:
                self.stopped = f"it isn't the same from call to call: {said}"
        result, recording.result = recording.result, None
        return result

    def _build(self, recording: Recording) -> None:
        program = recording.program
        for improve in PASSES:
            program = improve(program)
        self.built = Built(program)
        self.outputs = [x for x in leaves_of(recording.structure) if type(x) is Value]
        self.count = len(program.outputs)
        self.guards = [(t, t._array) for t, _ in recording.state]
        self.watched = recording.surroundings.watched
        self.structure = recording.structure
        self.gradients = [leaf for leaf, x in recording.gradients if x is not None]
        self.cleared = [leaf for leaf, x in recording.gradients if x is None]
        self.written = recording.written

    def holds(self) -> bool:
        """Whether everything is still where the program expects it."""
        for tensor, array in self.guards:
            if tensor._array is not array:
                return False
        return not any(w.changed() for w in self.watched)

    def run(self, inputs: list[Any]) -> Any:
        """Run the program."""
        assert self.built is not None
        results = quiet.unobserved(self.built.run, *inputs)
        for leaf in self.cleared:
            leaf._grad = None
        for leaf, array in zip(self.gradients, results[self.count :], strict=True):
            leaf._grad = wrap(array)
        outputs = iter(results)
        return map_structure(
            self.structure, lambda x: wrap(next(outputs)) if type(x) is Value else x
        )


def leaves_of(x: Any) -> list[Any]:
    """Return the leaves of nested tuples, lists and dicts."""
    out: list[Any] = []
    map_structure(x, out.append)
    return out


class Compiled:
    """A function that becomes a program."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.steps: dict[Any, Step] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program for these arguments, or the function."""
        if modes.observers:
            return self.function(*args, **kwargs)
        inputs: list[Any] = []
        key = (
            modes.enabled,
            signature(args, inputs),
            signature(kwargs, inputs) if kwargs else None,
        )
        step = self.steps.get(key)
        if step is None:
            step = self.steps[key] = Step()
        if step.built is not None and not step.holds():
            step = self.steps[key] = Step()
        if step.built is not None:
            return step.run(inputs)
        if step.stopped:
            return self.function(*args, **kwargs)
        return step.advance(self.function, args, kwargs)


def signature(x: Any, inputs: list[Any]) -> Any:
    """Return what a program depends on in arguments, and collect their arrays."""
    if isinstance(x, TensorBase):
        array = x._array
        inputs.append(array)
        return array.shape, array.dtype, array.strides, x._requires_grad
    kind = type(x)
    if kind is tuple or kind is list:
        return kind, *[signature(part, inputs) for part in x]
    if kind is dict:
        return kind, *[(k, signature(part, inputs)) for k, part in x.items()]
    try:
        hash(x)
    except TypeError:
        return id(x)
    return kind, x
