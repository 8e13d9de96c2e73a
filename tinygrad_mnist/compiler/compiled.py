"""A compiled function: it runs as ever, is recorded, and from then on is its program."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase, Version
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.compiler.gradients import Gradients
from tinygrad_mnist.compiler.naming import hints
from tinygrad_mnist.compiler.numpy_backend import Built
from tinygrad_mnist.compiler.passes import improved
from tinygrad_mnist.compiler.recording import Recording, record

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
        self.lock = threading.Lock()
        """Held while the program runs: its buffers are its own."""

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
            said = before.difference(recording)
            if not said:
                self._build(recording, function, args, kwargs)
            elif self.recorded >= ATTEMPTS:
                self.stopped = f"it isn't the same from call to call: {said}"
        result, recording.result = recording.result, None
        return result

    def _build(
        self, recording: Recording, function: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        program = improved(recording.program)
        self.built = Built(program, hints(recording, program, function, args, kwargs))
        self.returned = recording.returned
        self.graph = recording.graph
        self.count = len(program.outputs)
        self.guards = [(t, t._array, t.source() is None) for t, _ in recording.state]
        self.watched = recording.surroundings.watched
        leaves = [leaf for leaf, x in recording.gradients if x is not None]
        self.gradients = Gradients(self.built, leaves)
        self.cleared = [leaf for leaf, x in recording.gradients if x is None]
        self.written = recording.written

    def holds(self) -> bool:
        """Whether everything is still where the program expects it."""
        for tensor, array, untracked in self.guards:
            if tensor._array is not array or (tensor.source() is None) is not untracked:
                return False
        return not any(w.changed() for w in self.watched)

    def run(self, given: list[TensorBase]) -> Any:
        """Run the program."""
        assert self.built is not None
        self.gradients.prepare()
        results = quiet.unobserved(self.built.run, *[x._array for x in given])
        for tensor in self.written:
            tensor._version.bump("a compiled function")
        for leaf in self.cleared:
            leaf._grad = None
        self.gradients.hand_out(results[self.count :])
        versions = [Version() for _ in self.returned.fresh]
        made = self.returned.make(results, given, versions)
        if self.graph is not None:
            self.graph.attach(made, results[len(made) : self.count], given, versions)
        return self.returned.result(made, given)


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
        given: list[TensorBase] = []
        key = (modes.enabled, signature(args, given), signature(kwargs, given) if kwargs else None)
        step = self.steps.get(key)
        if step is None:
            step = self.steps[key] = Step()
        if step.built is not None and not step.holds():
            step = self.steps[key] = Step()
        if step.built is not None:
            if not step.lock.acquire(blocking=False):  # by another thread, or itself
                return self.function(*args, **kwargs)
            try:
                return step.run(given)
            finally:
                step.lock.release()
        if step.stopped:
            return self.function(*args, **kwargs)
        return step.advance(self.function, args, kwargs)


def signature(x: Any, given: list[TensorBase]) -> Any:
    """Return what a program depends on in arguments, and collect their tensors, each once."""
    if isinstance(x, TensorBase):
        for i, other in enumerate(given):
            if other is x:
                return i
        given.append(x)
        array = x._array
        return array.shape, array.dtype, array.strides, x.source() is None
    kind = type(x)
    if kind is tuple or kind is list:
        return kind, *[signature(part, given) for part in x]
    if kind is dict:
        return kind, *[(k, signature(part, given)) for k, part in x.items()]
    try:
        hash(x)
    except TypeError:
        return id(x)
    return kind, x
