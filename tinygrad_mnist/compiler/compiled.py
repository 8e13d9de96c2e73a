"""A compiled function: it runs as ever, is recorded, and from then on is its program."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar, Generic, Literal, ParamSpec, TypeVar

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, Version
from tinygrad_mnist.autograd.modes import modes, quiet
from tinygrad_mnist.autograd.observer import Line
from tinygrad_mnist.compiler.arguments import Arguments, Place, described
from tinygrad_mnist.compiler.gradients import Gradients
from tinygrad_mnist.compiler.guards import Entry, Guards
from tinygrad_mnist.compiler.naming import hints
from tinygrad_mnist.compiler.numpy_backend import Built
from tinygrad_mnist.compiler.passes import improved
from tinygrad_mnist.compiler.recording import Recording, record

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 4
"""How often a call of one signature is recorded until two recordings agree."""

LIMIT = 8
"""How many programs a function has, and how often one is recorded anew."""


@dataclass
class Settings:
    """How a function is compiled.

    Attributes
    ----------
    fullgraph
        Whether it is an error that it can't be.
    dynamic
        Whether numbers among the arguments are given to the program anew at each step; None:
        those that change.
    backend
        What runs the program.
    limit
        How many programs there are.
    name
        What the function is called in messages; empty: its own name.
    """

    fullgraph: bool = False
    dynamic: bool | None = None
    backend: str = "numpy"
    limit: int = LIMIT
    name: str = ""


class Stance:
    """What compiled functions do just now: ``set_stance`` changes it."""

    now = "default"


stance = Stance()


@dataclass
class Uncompiled:
    """Why calls run as they are, and since which line."""

    why: str
    line: Line | None = None
    calls: int = 0

    def __str__(self) -> str:
        return self.why if self.line is None else f"{self.why}, at {self.line}"


class Step:
    """The program of one signature, or the way to it.

    Attributes
    ----------
    stopped
        Why there is none; empty if there is, or may be.
    """

    def __init__(self, key: Any = None) -> None:
        self.key = key
        self.calls = 0
        self.recorded = 0
        self.runs = 0
        self.seconds = 0.0
        """What recording and building have taken."""
        self.stopped = ""
        self.described = ""
        """The arguments, in short."""
        self.line: Line | None = None
        self.looks: set[Place] = set()
        self.held: set[int] = set()
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
    ) -> Any:
        """Run the function as ever, or record it, on the way to a program."""
        self.calls += 1
        if self.calls == 1:  # what is made at the first call only is no part of the program
            return function(*args, **kwargs)
        start = perf_counter()
        before = next((r for r in self.recordings if not r.surroundings.change()), None)
        recording = record(function, args, kwargs, arguments, exchanged)
        self.recorded += 1
        self.recordings = [r for r in self.recordings if r is not before][-ATTEMPTS:]
        self.recordings.append(recording)
        self.held = {id(t) for t, _ in recording.state}
        if recording.stopped:
            self.stopped, self.line = recording.stopped, recording.line
            self.looks = set(recording.looks)
        elif before is not None:
            said = before.difference(recording)
            if not said and any(x is y for x, y in zip(before.raw, recording.raw, strict=False)):
                self.stopped = (
                    "it uses an array that it reaches in a way that can't be watched; pass it as "
                    "an argument, or keep it in an attribute or a variable"
                )
            elif not said:
                self._build(recording, function, args, kwargs, arguments)
            elif self.recorded >= ATTEMPTS:
                self.stopped = f"it isn't the same from call to call: {said}"
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
        self.described = ", ".join(
            str(list(x.shape)) if isinstance(x, TensorBase) else repr(x)
            for _, x in arguments.leaves[:8]
        )
        program = improved(recording.program)
        self.built = Built(program, hints(recording, program, function))
        self.returned = recording.returned
        self.graph = recording.graph
        if self.graph is not None:
            self.graph.set_names(self.built, recording.state)
        self.count = len(program.outputs)
        leaves = [leaf for leaf, x in recording.gradients if x is not None]
        self.gradients = Gradients(self.built, leaves)
        self.cleared = [leaf for leaf, x in recording.gradients if x is None]
        self.rebound = [(t, t._fixed_order) for t, _ in recording.rebound]
        self.written = recording.written
        entered = {id(leaf) for leaf, _, value in recording.entered if value is not None}
        self.added_to = [leaf for leaf, *_ in recording.entered if id(leaf) in entered]
        moving = set(recording.moving)
        self.guards = Guards(
            args,
            kwargs,
            arguments,
            recording.surroundings.watched,
            [t for t, _ in recording.state if t not in moving],
            recording.moving,
            [(leaf, array, value is not None) for leaf, array, value in recording.entered],
            [t._array for t in self.written],
        )
        self.enter = self.guards.enter

    def run(self, entry: Entry) -> Any:
        """Run the program."""
        assert self.built is not None
        inputs, given = entry
        self.gradients.prepare()
        results = quiet.unobserved(self.built.run, *inputs) or ()
        self.runs += 1
        for tensor in self.written:
            tensor._version.bump("a compiled function")
        for leaf in self.cleared:
            leaf._grad = None
        at = self.count
        for (tensor, order), array in zip(self.rebound, results[at:], strict=False):
            tensor._array, tensor._version, tensor._fixed_order = array, Version(), order
        self.gradients.hand_out(results[at + len(self.rebound) :])
        returned = self.returned
        versions = [Version() for _ in returned.fresh]
        made = returned.make(results, given, versions)
        taken = results[len(made) : len(made) + len(returned.taken)]
        if self.graph is not None:
            at = len(made) + len(taken)
            self.graph.attach(made, results[at : self.count], given, versions)
        return returned.result(made, given, taken)

    def failed(self, error: BaseException) -> tuple[bool, Line | None]:
        """Say of an error in the program whether anything was changed before, and the line."""
        assert self.built is not None
        trace, number = error.__traceback__, 0
        while trace is not None:
            if trace.tb_frame.f_code is self.built.run.__code__:
                number = trace.tb_lineno
            trace = trace.tb_next
        calls = self.built.of_line
        at = number - 2  # below the line of def
        if not 0 <= at < len(calls):
            return True, None
        changed = any(
            call is not None and (call.effect or any(s.origin != "made" for s in call.writes))
            for call in calls[:at]
        )
        call = calls[at]
        return changed, None if call is None else call.line


class Compiled(Generic[P, R]):
    """A function that becomes a program.

    Parameters
    ----------
    function
        The function, or a module.
    settings
        How it is compiled.

    Attributes
    ----------
    steps
        The programs, and those that are on the way, by number.
    uncompiled
        Why calls run as they are, by signature; under None, why all others do.
    again
        Why programs were recorded anew.
    """

    everything: ClassVar[weakref.WeakSet[Compiled[Any, Any]]] = weakref.WeakSet()
    """All compiled functions that there are."""

    def __init__(self, function: Callable[P, R], settings: Settings | None = None) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.settings = settings or Settings()
        self._lock = threading.Lock()
        self._recorder = threading.RLock()
        self.reset()
        self.everything.add(self)

    def reset(self) -> None:
        """Forget all programs."""
        self.steps: dict[int, Step] = {}
        self.uncompiled: dict[Any, Uncompiled] = {}
        self.again: list[str] = []
        self._numbers = 0
        self._last: Step | None = None
        self._moving: set[Place] = set()
        self._looked_at: set[Place] = set()
        self._seen: dict[Any, dict[Place, Any]] = {}
        self._held: set[int] = set()
        self._exchanged: frozenset[TensorBase] = frozenset()
        self._warned: set[str] = set()
        called = self.function
        if hasattr(called, "forward"):
            called = called.forward
        if inspect.isgeneratorfunction(called) or inspect.iscoroutinefunction(called):
            self.uncompiled[None] = Uncompiled("it is a generator or a coroutine, which pauses")

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """Be a method, if it is in a class."""
        return self if owner is None else functools.partial(self, owner)

    def __repr__(self) -> str:
        return f"<compiled {self.name()}>"

    def name(self) -> str:
        """Return the function's name."""
        if self.settings.name:
            return self.settings.name
        function: Any = self.function
        if getattr(function, "__name__", "") == "_call_as_it_is":  # a module's, compiled in place
            function = function.__self__
        name = getattr(function, "__qualname__", type(function).__name__)
        return str(name).rpartition("<locals>.")[2]

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled[P, R]:
        """Copy the function; a copy has no programs yet."""
        return type(self)(copy.deepcopy(self.function, memo), self.settings)

    def __reduce__(self) -> Any:
        """Pickle the function; what is unpickled has no programs yet."""
        return type(self), (self.function, self.settings)

    def source(self, part: Literal["forward", "backward"] = "forward") -> str:
        """Return the program of the last call as Python that runs as it stands.

        Parameters
        ----------
        part
            ``"backward"``: not the call's own, but that of the gradients of what it returns.

        Raises
        ------
        RuntimeError
            When there is none, saying why.
        """
        if self._last is None or self._last.built is None:
            known = next((str(x) for x in self.uncompiled.values()), "")
            raise RuntimeError(
                f"{self.name()} has no program: {known}"
                if known
                else f"{self.name()} has no program yet: it is made at the third call"
            )
        if part == "forward":
            return self._last.built.source()
        if self._last.graph is None or not (text := self._last.graph.source()):
            raise RuntimeError(
                f"{self.name()} has no backward program: it is made when gradients have arrived "
                f"twice at what a program has returned"
            )
        return text

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the program for these arguments, or the function."""
        last = self._last
        if last is not None:
            entry = last.enter(args, kwargs)
            if entry is not None and stance.now != "force_eager":
                result: R = self._run(last, entry, args, kwargs)
                return result
        looked_up: R = self._look_up(args, kwargs)
        return looked_up

    def _run(self, step: Step, entry: Entry, args: Any, kwargs: Any) -> Any:
        if not self._lock.acquire(False):  # another thread, or itself: it has the buffers
            return self.function(*args, **kwargs)
        try:
            return step.run(entry)
        except Exception as error:
            changed, line = step.failed(error)
            if changed:
                if line is not None:
                    error.add_note(f"in the compiled {self.name()}, at {line}")
                raise
        finally:
            self._lock.release()
        # Nothing has changed so far: the function itself raises the error, at its own line.
        return self.function(*args, **kwargs)

    def _look_up(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if modes.observers or stance.now == "force_eager" or sys.getprofile() is not None:
            return self.function(*args, **kwargs)
        for step in list(self.steps.values()):
            entry = step.enter(args, kwargs)
            if entry is not None:
                self._last = step
                return self._run(step, entry, args, kwargs)
        if stance.now == "fail_on_recompile":
            raise RuntimeError(
                f"compile: {self.name()} has no program for these arguments, and set_stance says "
                f"that none is to be recorded"
            )
        if stance.now != "default" or not self._recorder.acquire(blocking=False):
            return self.function(*args, **kwargs)  # as another thread records
        try:
            return self._advance(args, kwargs)
        finally:
            self._recorder.release()

    def _advance(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Go one step on the way to a program for these arguments."""
        arguments = self._arguments(args, kwargs)
        key = (modes.enabled, arguments.key)
        stopped = self.uncompiled.get(key) or self.uncompiled.get(None)
        if stopped is not None:
            return self._as_it_is(stopped, args, kwargs)
        step = next((s for s in self.steps.values() if s.key == key and s.built is None), None)
        if step is None:
            stopped = self._make_room(key, arguments)
            if stopped is not None:
                return self._as_it_is(stopped, args, kwargs)
            self._numbers += 1
            step = self.steps[self._numbers] = Step(key)
        result = step.advance(self.function, args, kwargs, arguments, self._exchanged)
        self._held |= step.held
        if step.built is not None:
            self._last = step
        elif step.stopped:
            self.steps = {n: s for n, s in self.steps.items() if s is not step}
            if step.looks & self._moving:
                self._looked_at |= step.looks
                self._moving -= step.looks
            else:
                self.uncompiled[key] = stopped = Uncompiled(step.stopped, step.line)
                self._tell(stopped)
        return result

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Take arguments apart, and find the numbers among them that change."""
        arguments = Arguments(args, kwargs, self._moving, self._held)
        if arguments.numbers and self.settings.dynamic is not False:
            seen = self._seen.setdefault(arguments.skeleton, arguments.numbers)
            changing = {
                place
                for place, x in arguments.numbers.items()
                if self.settings.dynamic or x != seen.get(place, x)
            } - self._looked_at
            if not changing <= self._moving:
                self._moving |= changing
                arguments = Arguments(args, kwargs, self._moving, self._held)
        return arguments

    def _make_room(self, key: Any, arguments: Arguments) -> Uncompiled | None:
        """Find out why there is no program; say so if there may be no more."""
        for number, step in list(self.steps.items()):
            if step.key != key or step.built is None:
                continue
            why, tensor = step.guards.why()
            if tensor is not None:
                self._exchanged |= {tensor}
            if why:
                self.again.append(why)
                if tensor is not None or not isinstance(why, str):
                    del self.steps[number]
        if len(self.again) > self.settings.limit:
            most = max(set(self.again), key=self.again.count)
            why = (
                f"{most} keeps changing from call to call; pass it as an argument, as a tensor if "
                f"it is a number"
            )
        elif len(self.steps) >= self.settings.limit:
            why = (
                f"there are {len(self.steps)} programs already, each for other arguments: "
                f"{self._difference(arguments)}; give tensors of few different shapes"
            )
        else:
            return None
        stopped = self.uncompiled[None] = Uncompiled(why)
        self._tell(stopped)
        return stopped

    def _difference(self, arguments: Arguments) -> str:
        """Say what changes in the arguments."""
        for place, x in arguments.leaves:
            if isinstance(x, TensorBase):
                return f"{described(place)} has the shape {list(x.shape)} now"
        for place, x in arguments.numbers.items():
            return f"{described(place)} is {x} now"
        return "they are other objects each time"

    def _as_it_is(self, stopped: Uncompiled, args: Any, kwargs: Any) -> Any:
        self._tell(stopped)
        stopped.calls += 1
        return self.function(*args, **kwargs)

    def _sentence(self, stopped: Uncompiled) -> str:
        if self.settings.fullgraph:
            return f"compile: {self.name()} can't be compiled as a whole: {stopped}"
        return f"compile: {self.name()} runs as it is, uncompiled: {stopped}"

    def _tell(self, stopped: Uncompiled) -> None:
        if self.settings.fullgraph:
            raise RuntimeError(self._sentence(stopped))
        if stopped.why not in self._warned:
            self._warned.add(stopped.why)
            warn(self._sentence(stopped))
