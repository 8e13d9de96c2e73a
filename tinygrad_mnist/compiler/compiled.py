"""A compiled function: it runs as ever, is recorded, and from then on is its program."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import threading
import types
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, ParamSpec, TypeVar

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.autograd.observer import Line
from tinygrad_mnist.compiler.advice import advice
from tinygrad_mnist.compiler.arguments import Arguments, Place, described
from tinygrad_mnist.compiler.backends import NUMPY, Backend
from tinygrad_mnist.compiler.guards import Entry
from tinygrad_mnist.compiler.keeping import KEPT, Keeping
from tinygrad_mnist.compiler.naming import argument_name, function_name
from tinygrad_mnist.compiler.step import Step, recording_now
from tinygrad_mnist.compiler.trace import Call
from tinygrad_mnist.compiler.trial import Choice, Trial
from tinygrad_mnist.compiler.watches import MISSING, Watch, same

P = ParamSpec("P")
R = TypeVar("R")

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
    off
        The passes that are left out.
    limit
        How many programs there are.
    name
        What the function is called in messages; empty: its own name.
    """

    fullgraph: bool = False
    dynamic: bool | None = None
    off: frozenset[str] = frozenset()
    backend: Backend = NUMPY
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
    flags: Sequence[Watch] = ()
    calls: int = 0

    def is_over(self) -> bool:
        """Whether modules have been switched to or from training since: it may be another thing."""
        return any(flag.changed() for flag in self.flags)

    def __str__(self) -> str:
        return self.why if self.line is None else f"{self.why}, at {self.line}"


class _Run:
    """A run of a program, for as long as its call is there."""


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
    choice
        Which backend runs its programs.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from tinygrad_mnist.compiler import Compiled
    >>> double = Compiled(lambda x: x * 2)
    >>> [double(ones(2)).tolist() for _ in range(4)][-1]
    [2.0, 2.0]
    >>> len(double.steps)
    1
    """

    everything: ClassVar[weakref.WeakSet[Compiled[Any, Any]]] = weakref.WeakSet()
    """All compiled functions that there are."""

    def __init__(self, function: Callable[P, R], settings: Settings | None = None) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.settings = settings or Settings()
        self._runs: dict[str, weakref.ref[_Run]] = {}
        """What runs a program now; a lock might be left locked by an interruption."""
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
        self._held: dict[int, Any] = {}
        self._exchanged: frozenset[TensorBase] = frozenset()
        self._warned: set[str] = set()
        self._keeping: Keeping | None = None
        self.choice = Choice(self.settings.backend, self.settings.off)
        self._taken = 0
        """How often it was found that it keeps something."""
        called = self.function
        if hasattr(called, "forward"):
            called = called.forward
        if inspect.isgeneratorfunction(called) or inspect.iscoroutinefunction(called):
            self.uncompiled[None] = Uncompiled("it is a generator or a coroutine, which pauses")

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """Be a method, if it is in a class."""
        return self if owner is None else types.MethodType(self, owner)

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
            ``"backward"``: not the call's own, but that of the gradients of what it has returned;
            if there is none of the last call's, that of an earlier one.

        Raises
        ------
        RuntimeError
            When there is none, saying why.
        ValueError
            For any other part.
        """
        if part not in ("forward", "backward"):
            raise ValueError(f"there is no part {part!r}; choose forward or backward")
        if self._last is None or self._last.built is None:
            known = next((str(x) for x in self.uncompiled.values()), "")
            raise RuntimeError(
                f"{self.name()} has no program: {known}"
                if known
                else f"{self.name()} has no program yet: it is made at the third call"
            )
        if part == "forward":
            text: str = self._last.built.source(function_name(self.function))
            return text
        for step in (self._last, *reversed(self.steps.values())):
            if step.graph is not None and (backward := step.graph.source()):
                return backward
        raise RuntimeError(
            f"{self.name()} has no backward program yet: it is made when gradients have come back "
            f"twice to what its program has returned"
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the program for these arguments, or the function."""
        if self._keeping is not None:
            kept: R = self._keep(self._keeping, args, kwargs)
            return kept
        last = self._last
        if last is not None and stance.now != "force_eager":
            entry = last.enter(args, kwargs)
            if entry is not None:
                result: R = self._run(last, entry, args, kwargs)
                return result
        looked_up: R = self._look_up(args, kwargs)
        return looked_up

    def _keep(self, keeping: Keeping, args: Any, kwargs: Any) -> Any:
        """Do so with the tensors that it keeps, and leave in their places what they are then."""
        kept = keeping.now()
        if other := keeping.other(kept):
            if any(x is MISSING for x in kept):
                self._take([])
            why = f"there is no tensor in {other} at the time"
            self.uncompiled.setdefault(KEPT, Uncompiled(why)).calls += 1
            return self.function(*args, **kwargs)
        given = {**kwargs, KEPT: kept}
        last, entry = self._last, None
        if last is not None and stance.now != "force_eager":
            entry = last.enter(args, given)
        if last is not None and entry is not None:
            result, then = self._run(last, entry, args, given)
        else:
            result, then = self._look_up(args, given)
        keeping.put(then)
        return result

    def given(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return named arguments, with what the function keeps."""
        return kwargs if self._keeping is None else {**kwargs, KEPT: self._keeping.now()}

    def _called(self, kwargs: dict[str, Any]) -> Callable[..., Any]:
        """Return what is called with named arguments: with what is kept, it returns that too."""
        return kwargs[KEPT].keeping if KEPT in kwargs else self.function

    def _run(self, step: Step, entry: Entry, args: Any, kwargs: Any) -> Any:
        run, error, call = _Run(), None, None
        mine = weakref.ref(run)
        try:
            now = self._runs.setdefault("now", mine)
            if now() is None:  # it was interrupted just as it ended
                with self._recorder:
                    if self._runs.get("now") is now:
                        del self._runs["now"]
                now = self._runs.setdefault("now", mine)
            if now is mine:
                return step.run(entry)
        except Exception as raised:
            error = raised
            changed, call = step.failed(error)
            if changed:
                if call is not None and call.line is not None:
                    what = f"{call.operation} of the compiled {self.name()}"
                    error.add_note(f"in {what}, at {call.line}")
                    for place in kwargs[KEPT].keeping.places if KEPT in kwargs else ():
                        error.add_note(f"{place.path} is what it was before")
                raise
        finally:
            if self._runs.get("now") is mine:
                self._runs.clear()
        # Either another thread, or itself, has the buffers; or there was an error, and nothing has
        # changed so far: the function itself raises it, at its own line.
        result = self._called(kwargs)(*args, **kwargs)
        if error is not None:  # If it doesn't, the mistake is the program's.
            self._give_up(step, error, call)
        return result

    def _give_up(self, step: Step, error: Exception, call: Call | None) -> None:
        """Run calls of a signature as they are from now on: its program has failed at one."""
        self.steps = {number: s for number, s in self.steps.items() if s is not step}
        self._last = None
        at = f" in {call.operation}" if call is not None and call.operation else ""
        why = f"its program has raised {error!r}{at}, and the function itself hasn't"
        stopped = Uncompiled(why, None if call is None else call.line)
        self.uncompiled[step.key] = stopped
        self._tell(stopped)

    def _look_up(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if modes.observers or stance.now == "force_eager" or sys.getprofile() is not None:
            return self._called(kwargs)(*args, **kwargs)
        for step in list(self.steps.values()):
            entry = step.enter(args, kwargs)
            if entry is not None:
                self._last = step
                return self._run(step, entry, args, kwargs)
        if stance.now == "fail_on_recompile" and not self._is_tried(args, kwargs):
            raise RuntimeError(
                f"compile: {self.name()} has no program for these arguments, and set_stance says "
                f"that none is to be recorded"
            )
        if (
            stance.now != "default"
            or recording_now.locked()  # by another thread: no guards hold in the meantime
            or not self._recorder.acquire(blocking=False)
        ):
            return self._called(kwargs)(*args, **kwargs)
        try:
            return self._advance(args, kwargs)
        finally:
            self._recorder.release()

    def _advance(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Go one step on the way to a program for these arguments."""
        if (stopped := self.uncompiled.get(None)) is not None:
            return self._as_it_is(stopped, args, kwargs)
        arguments = self._arguments(args, kwargs)
        key = (modes.enabled, arguments.key)
        if (stopped := self.uncompiled.get(key)) is not None:
            if not stopped.is_over():
                return self._as_it_is(stopped, args, kwargs)
            self.again.append("whether modules are in training")
            del self.uncompiled[key]
        trial = self._trial()
        if trial is not None and self.choice.is_open and not trial.awaits(args, kwargs):
            return self._called(kwargs)(*args, **kwargs)
        step = next((s for s in self.steps.values() if s.key == key and s.built is None), None)
        if step is None:
            stopped = self._make_room(key, arguments)
            if stopped is not None:
                return self._as_it_is(stopped, args, kwargs)
            self._numbers += 1
            step = self.steps[self._numbers] = self.choice.step(key)
        result = step.advance(
            self._called(kwargs), args, kwargs, arguments, self._exchanged, self.settings.fullgraph
        )
        for i, x in step.held.items():
            self._held[i] = x if type(x) in (list, dict) else weakref.ref(x)
        step.held = {}
        if step.built is not None:
            if self.choice.is_open and step is not trial:  # there are no others in the meantime
                self.steps = {self._numbers: (step := Trial(step, self.choice))}
            self._last = step
        elif step.stopped:
            self.steps = {n: s for n, s in self.steps.items() if s is not step}
            if step.refused and step.backend.tried:  # others stay with the parameters
                self.steps, self._last = {}, None
                self.choice.make(NUMPY, f"NumPy runs it: {step.stopped}")
            elif step.kept and self._take(step.kept):
                pass
            elif step.looks & self._moving:
                self._looked_at |= step.looks
                self._moving -= step.looks
            else:
                self.uncompiled[key] = stopped = Uncompiled(
                    step.stopped, step.line, step.stopped_at
                )
                self._tell(stopped)
        return result

    def _trial(self) -> Trial | None:
        return next((s for s in self.steps.values() if isinstance(s, Trial)), None)

    def _is_tried(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a trial is about these arguments, and one of its two programs comes and goes."""
        trial = self._trial()
        return trial is not None and self.choice.is_open and trial.is_about(args, kwargs)

    def _take(self, places: list[Watch]) -> bool:
        """Let the function be given what it keeps in some places; its programs are others then."""
        self._taken += 1
        if self._taken > self.settings.limit:
            return False
        known = [] if self._keeping is None else self._keeping.places
        self._keeping = Keeping(self.function, [*known, *places])
        self.steps, self._last = {}, None
        return True

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Take arguments apart, and find the numbers among them that change."""
        arguments = Arguments(args, kwargs, self._moving, self._held)
        if arguments.numbers and self.settings.dynamic is not False:
            seen = self._seen.setdefault(arguments.skeleton, arguments.numbers)
            changing = {
                place
                for place, x in arguments.numbers.items()
                if self.settings.dynamic or not same(x, seen.get(place, x))
            } - self._looked_at
            if not changing <= self._moving:
                self._moving |= changing
                arguments = Arguments(args, kwargs, self._moving, self._held)
        return arguments

    def _make_room(self, key: Any, arguments: Arguments) -> Uncompiled | None:
        """Find out why there is no program; say so if there may be no more."""
        reasons: list[str] = []
        for number, step in list(self.steps.items()):
            if step.key != key or step.built is None:
                continue
            why, tensor = step.guards.why()
            if tensor is not None:  # its memory is another one, and the old one won't come back
                self._exchanged |= {tensor}
                del self.steps[number]
            if why:
                reasons.append(why)
        self.again += reasons[-1:]
        if len(self.uncompiled) >= self.settings.limit:
            self.uncompiled[None] = stopped = list(self.uncompiled.values())[-1]
            return stopped
        full = len(self.steps) >= self.settings.limit
        if len(self.again) > self.settings.limit or (full and reasons):
            most = max(set(self.again), key=self.again.count)
            why = (
                f"{most} keeps changing from call to call; pass it as an argument, as a tensor if "
                f"it is a number"
            )
        elif full:
            why = (
                f"there are {len(self.steps)} programs already, each for other arguments: "
                f"{self._difference(arguments)}"
            )
        else:
            return None
        stopped = self.uncompiled[None] = Uncompiled(why)
        self._tell(stopped)
        return stopped

    def _difference(self, arguments: Arguments) -> str:
        """Say what changes in the arguments, and what to do."""
        for place, x in arguments.leaves:
            if (text := described(x)) in {step.parts.get(place) for step in self.steps.values()}:
                continue
            name = argument_name(self.function, place)
            if isinstance(x, TensorBase):
                return f"{name} has the shape {text} now; give tensors of few different shapes"
            return f"{name} is {text} now; give it few different values"
        return "they are other objects each time"

    def _as_it_is(self, stopped: Uncompiled, args: Any, kwargs: Any) -> Any:
        self._tell(stopped)
        stopped.calls += 1
        return self._called(kwargs)(*args, **kwargs)

    def _sentence(self, stopped: Uncompiled) -> str:
        instead = f"\n  Instead, {said}" if (said := advice(stopped.why)) else ""
        how = "can't be compiled as a whole" if self.settings.fullgraph else (
            "runs as it is, uncompiled"
        )  # fmt: skip
        return f"compile: {self.name()} {how}: {stopped}{instead}"

    def _tell(self, stopped: Uncompiled) -> None:
        if self.settings.fullgraph:
            raise RuntimeError(self._sentence(stopped))
        if stopped.why not in self._warned:
            self._warned.add(stopped.why)
            warn(self._sentence(stopped))
