"""A step: the way from calls of one signature to their program, and the program's runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase, Version
from tinygrad_mnist.autograd.modes import quiet
from tinygrad_mnist.autograd.observer import Line
from tinygrad_mnist.compiler.arguments import Arguments, Place, described
from tinygrad_mnist.compiler.backends import NUMPY, Backend, Built, RefusedError
from tinygrad_mnist.compiler.forgetting import forget
from tinygrad_mnist.compiler.gradients import Gradients
from tinygrad_mnist.compiler.guards import Entry, Guards
from tinygrad_mnist.compiler.naming import hints
from tinygrad_mnist.compiler.passes import improved
from tinygrad_mnist.compiler.recording import Recording, record
from tinygrad_mnist.compiler.returned import tensor_at
from tinygrad_mnist.compiler.trace import Call
from tinygrad_mnist.compiler.watches import Watch

ATTEMPTS = 4
"""How often calls of one signature are recorded until two recordings agree."""

_NAME = "a compiled function"

recording_now = threading.Lock()
"""Held while a step is recorded: classes tell of what is done to their objects in the meantime."""


class Step:
    """The program of one signature, or the way to it.

    Attributes
    ----------
    stopped
        Why there is none; empty if there is, or may be.
    """

    def __init__(
        self, key: Any = None, off: frozenset[str] = frozenset(), backend: Backend = NUMPY
    ) -> None:
        self.key = key
        self.off = off
        """The passes that are left out."""
        self.backend = backend
        self.calls = 0
        self.recorded = 0
        self.runs = 0
        self.seconds = 0.0
        """What recording and building have taken."""
        self.stopped = ""
        self.refused = False
        """Whether the backend is what stands against it."""
        self.described = ""
        self.parts: dict[Place, str] = {}
        """The arguments, in short."""
        self.line: Line | None = None
        self.looks: set[Place] = set()
        self.kept: list[Watch] = []
        """Places of tensors that it sets, and should be given."""
        self.stopped_at: list[Watch] = []
        """The training flags with which it was stopped."""
        self.held: Mapping[int, Any] = {}
        self.recordings: list[Recording] = []
        """Those that none has agreed with so far, in one state of the surroundings each."""
        self.built: Built | None = None
        self.enter: Callable[[Any, Any], Entry | None] = lambda args, kwargs: None

    def advance(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arguments: Arguments,
        exchanged: frozenset[TensorBase],
        at_once: bool = False,
    ) -> Any:
        """Run the function as ever, or record it, on the way to a program.

        What is made at the first call only is no part of a program. To find out at once whether
        there can be one, that call is recorded too.
        """
        if self.calls == 0 and not at_once:
            self.calls += 1
            return function(*args, **kwargs)
        if not recording_now.acquire(blocking=False):  # another thread records
            return function(*args, **kwargs)
        try:
            return self._record(function, args, kwargs, arguments, exchanged)
        finally:
            recording_now.release()

    def _record(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arguments: Arguments,
        exchanged: frozenset[TensorBase],
    ) -> Any:
        """Record a call, and build the program if it agrees with an earlier one."""
        self.calls += 1
        start = perf_counter()
        before = [r for r in self.recordings if not r.surroundings.change()]
        first = self.calls == 1
        recording = record(function, args, kwargs, arguments, exchanged, first, self.backend)
        if self.calls == 1 and recording.line is None:
            return recording.result
        self.recorded += 1
        self.recordings.append(recording)
        self.held = recording.reached()
        if recording.stopped:
            self.stopped, self.line = recording.stopped, recording.line
            self.looks, self.kept = set(recording.looks), recording.kept
            self.stopped_at = list(recording.surroundings.flags.values())
        elif before:
            said = [r.difference(recording) for r in before]
            if "" not in said:
                if len(before) >= ATTEMPTS - 1:
                    self.stopped = f"it isn't the same from call to call: {said[-1]}"
            elif _share(before[said.index("")].raw, recording.raw):
                self.stopped = (
                    "it uses an array that it reaches in a way that can't be watched; pass it as "
                    "an argument, or keep it in an attribute or a variable"
                )
            else:
                self._build(recording, function, args, kwargs, arguments)
        elif self.recorded >= 2 * ATTEMPTS:
            changed = self.recordings[0].surroundings.change()
            self.stopped = f"{changed} is another at each call"
        if self.stopped or self.built is not None:
            self.recordings.clear()
        self.seconds += perf_counter() - start
        result, recording.result = recording.result, None
        return result

    def _build(
        self,
        recording: Recording,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arguments: Arguments,
    ) -> None:
        self.parts = {
            place: "any number" if place in arguments.moving else described(x)
            for place, x in arguments.leaves
        }
        self.described = ", ".join(list(self.parts.values())[:8])
        recording.program.reads_gradients = any(x is not None for *_, x in recording.entered)
        program = improved(recording.program, self.off)
        moving = set(recording.moving)
        may_move = recording.graph is None or not recording.graph.outputs
        state = [(t, x) for t, x in recording.state if may_move and t not in moving]
        try:
            named = hints(recording, program, function)
            self.built = self.backend.maker()(program, named, self.off, state)
        except RefusedError as error:
            self.stopped, self.refused = str(error), True
            return
        kept = {t for t, _ in self.built.kept}
        self.returned = recording.returned
        self.computed, self.plain = len(self.returned.computed), self.returned.is_plain()
        self.graph = recording.graph
        if self.graph is not None:
            self.graph.off, self.graph.backend = self.off, self.backend
            self.graph.set_names(self.built, recording.state)
            self.saved_numbers = self.graph.returned_numbers()
        self.count = len(program.outputs)
        leaves = [leaf for leaf, x in recording.gradients if x is not None]
        self.gradients = Gradients(self.built, leaves)
        self.cleared = [leaf for leaf, x in recording.gradients if x is None]
        self.rebound = recording.rebound
        shown = self.computed + len(self.returned.taken)
        self.built.share([*range(shown), *range(self.count, self.count + len(self.rebound))])
        recording.returned.tensors.clear()  # those of one call need not be kept
        self.written = [t for t in recording.written if isinstance(t, TensorBase)]
        self.written_arguments = [i for i in recording.written if isinstance(i, int)]
        self.added_to = recording.added_to
        self.story, self.whole = recording.story, recording.whole
        self.flags = [(m.__dict__, flag) for m, flag in recording.flags]
        # What each run needs, asked only once.
        self.moved = self.count + len(self.rebound)
        self.prepare = self.gradients.prepare if self.gradients.lasting else None
        self.hand_out = self.gradients.hand_out
        unsaved = self.graph is None or not self.graph.outputs
        self.alone = self.plain and unsaved and self.returned.is_one_tensor()
        self.more = bool(
            self.written_arguments or self.added_to or self.flags or self.cleared or self.rebound
        )
        leaving = {id(t._array) for t in kept}
        lasting = [x for i, x in recording.reached().items() if i not in leaving]
        self.guards = Guards(
            args,
            kwargs,
            arguments,
            recording.surroundings.watched,
            [t for t, _ in recording.state if t not in moving and t not in kept],
            recording.moving,
            [(leaf, array, value is not None) for leaf, array, value in recording.entered],
            [t._array for t in self.written if t not in kept],
            bool(self.written_arguments or self.added_to),
            {id(x): x for x in lasting},
            recording.surroundings.attached(),
            kept,
            kept.intersection(self.written),
            self.built.entering,
        )
        self.enter = self.guards.enter
        forget(self.built.program, {x.storage for _, x in self.built.kept})
        for spec in () if self.graph is None else self.graph.specs:
            if spec.call is not None:
                spec.call.inputs = spec.call.outputs = ()
                spec.call.settings = {}

    def run(self, entry: Entry) -> Any:
        """Run the program."""
        assert self.built is not None
        inputs, given = entry
        if self.prepare is not None:
            self.prepare()
        try:
            results = quiet.unobserved(self.built.run, *inputs)
        except BaseException as error:
            if not isinstance(error, Exception):  # an interruption, wherever it was
                self.gradients.drop()
            raise
        self.runs += 1
        for tensor in self.written:
            version = tensor._version
            version.count += 1
            version.changed_by = _NAME
        if self.more:
            self._change_more(results, given)
        self.hand_out(results[self.moved :])
        if self.alone:
            result = self.built.wrap(results[0])
            if self.graph is not None:
                self.graph.attach((result,), (), given, ())
            return result
        returned = self.returned
        if self.plain:
            made: list[TensorBase] = list(map(self.built.wrap, results[: self.computed]))
            versions = [x._version for x in made] if self.graph is not None else []
        else:
            results = self.built.arrays(results)
            versions = [Version() for _ in returned.fresh]
            made = returned.make(results, given, versions)
        taken = results[len(made) : len(made) + len(returned.taken)]
        if self.graph is not None:
            at = len(made) + len(taken)
            saved = self.built.taken(results[at : self.count], self.saved_numbers)
            self.graph.attach(made, saved, given, versions)
        return returned.result(made, given, self.built.taken(taken, returned.numbers))

    def _change_more(self, results: tuple[Any, ...], given: tuple[Any, ...]) -> None:
        """Make the changes that few steps make."""
        assert self.built is not None
        for i in self.written_arguments:
            given[i]._version.bump(_NAME)
        for leaf in self.added_to:
            leaf._grad._version.bump(_NAME)
        for attributes, flag in self.flags:
            attributes["training"] = flag
        for leaf in self.cleared:
            leaf._grad = None
        rebound = self.built.arrays(results[self.count : self.count + len(self.rebound)])
        for x, array in zip(self.rebound, rebound, strict=True):
            tensor = tensor_at(x.place, given)
            tensor._array, tensor._fixed_order = array, x.fixed_order
            if x.own_version:
                tensor._version, tensor._base = Version(), None

    def failed(self, error: BaseException) -> tuple[bool, Call | None]:
        """Say of an error in the program whether anything was changed before, and in which call."""
        assert self.built is not None
        if self.backend.name != "numpy":
            return self.built.begun, None
        trace, number = error.__traceback__, 0
        while trace is not None:
            if trace.tb_frame.f_code is self.built.run.__code__:
                number = trace.tb_lineno
            trace = trace.tb_next
        calls, branch = self.built.of_line, self.built.branch
        at = number - 2  # below the line of def
        if branch is not None and at == branch.at:
            self.gradients.drop()  # lanes may have written to some
        if not 0 <= at < len(calls):
            return True, None
        changed = any(
            call is not None and (call.effect or any(s.origin != "made" for s in call.writes))
            for call in calls[:at]
        )
        call = calls[at]
        reached = max((c.at for c in calls[: at + 1] if c is not None), default=-1)
        if changed and call is not None:
            self._leave(reached)
        elif not changed and reached >= self.built.program.free:
            self.gradients.drop()
        return changed, call

    def _leave(self, at: int) -> None:
        """Let Python's part of the state be what it is before a call that has raised an error.

        A gradient that more would have been added to isn't there: none is better than a wrong one.
        """
        for tensor in self.written:
            tensor._version.bump(_NAME)
        given = {id(p): t for p, t, _ in self.gradients.given}
        for after, holder, value in self.story:
            if after >= at:
                continue
            if isinstance(holder, TensorBase):
                is_whole = value and self.whole.get(holder, at) < at
                holder._grad = given.get(id(holder)) if is_whole else None
            else:
                holder.__dict__["training"] = value


def _share(first: list[Any], second: list[Any]) -> bool:
    """Whether an array is in both of two lists in the same place."""
    return any(x is y for x, y in zip(first, second, strict=False))
