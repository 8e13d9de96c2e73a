"""Updates: an optimizer's formula for XLA, whose numbers Python computes at each step.

The formula is run on a stand-in of one element, which notes the numbers that meet it: a learning
rate divided by a power of a step's number, say. They are what the program is given, so that
schedules and loaded checkpoints count. The same run on arrays of JAX's is the program. Where
parameters of a group have made the same steps, one run is for them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from operator import is_
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.compiler.flat import SCALARS, is_elementwise
from tinygrad_mnist.compiler.trace import Call
from tinygrad_mnist.compiler.xla.functions import lowered_function, lowered_ufunc
from tinygrad_mnist.compiler.xla.held import Held, held, holding
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer

Array = Any


def is_update(call: Call) -> bool:
    """Whether a call changes a parameter by an optimizer's formula."""
    return getattr(call.function, "__func__", None) is ArrayOptimizer._change


class Script:
    """What a formula's run is told and tells: numbers, and the calls that it makes.

    A call is its name and what it is made on: the marks of arrays, None for a number.
    """

    def __init__(self, numbers: Any = None) -> None:
        self.given = numbers
        self.found: list[float] = []
        self.form: list[Any] = []
        self.count = self.scratch = 0

    def mark(self, is_scratch: bool) -> int:
        """Return the mark of a new array: another for scratch, which is made at the first run."""
        if is_scratch:
            self.scratch -= 1
            return self.scratch
        self.count += 1
        return self.count

    def note(self, name: str, arguments: Sequence[Any], *more: Any) -> None:
        """Note a call."""
        marks = [getattr(x, "mark", None) for x in (*arguments, *more)]
        self.form.append((name, *marks))

    def number(self, x: Any) -> Any:
        """Note a number; return what stands for it."""
        if self.given is not None:
            return lax.convert_element_type(next(self.given), float)  # as weak as Python's are
        self.found.append(float(x))
        return None


class StandIn(np.ndarray):
    """One element in the place of an array, which hears of what is done to it."""

    script: Any = None
    content: Any = None
    mark: Any = None
    """Which array of the formula it stands for."""

    def __array_finalize__(self, other: Any) -> None:
        if other is not None:
            self.script = getattr(other, "script", None)
            self.content = getattr(other, "content", None)
            self.mark = getattr(other, "mark", None)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kw: Any
    ) -> Any:
        if method != "__call__":
            raise NotImplementedError(f"np.{ufunc.__name__}.{method} in an optimizer's formula")
        script = self.script
        script.note(ufunc.__name__, inputs, *(out or ()), kw.get("where", True))
        if script.given is None and out is not None:  # as soon as can be: it is done at each step
            script.found += [float(x) for x in inputs if type(x) is not StandIn]
            return out[0]
        given = [x.content if isinstance(x, StandIn) else script.number(x) for x in inputs]
        where = kw.get("where", True)
        made = None
        if script.given is not None:
            made = lowered_ufunc(ufunc)(*given, dtype=kw.get("dtype"))
        target = None if out is None else out[0]
        if target is None:
            kinds = [np.empty(0, x.dtype) if isinstance(x, StandIn) else x for x in inputs]
            target = stand_in(ufunc(*kinds).dtype, script, None)
            where = True
        if made is not None:
            made = made.astype(target.dtype)
            if where is not True:
                made = jnp.where(where.content, made, target.content)
        target.content = made
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        script = self.script
        if function is not np.empty_like:
            script.note(function.__name__, args, *kwargs.values())
        if function is np.empty_like or function is np.zeros_like:
            content = None if self.content is None else jnp.zeros_like(self.content)
            dtype = np.dtype(kwargs.get("dtype") or self.dtype)
            return stand_in(dtype, script, content, is_scratch=function is np.empty_like)
        if function is np.copyto:
            target, source = args[:2]
            new = source.content if isinstance(source, StandIn) else script.number(source)
            where = kwargs.get("where", args[2] if len(args) > 2 else True)
            if script.given is not None:
                if where is not True:
                    new = jnp.where(where.content, new, target.content)
                target.content = jnp.asarray(new, target.dtype)
            return None
        given = [x.content if isinstance(x, StandIn) else script.number(x) for x in args]
        kinds = [np.zeros(1, x.dtype) if isinstance(x, StandIn) else x for x in args]
        out = kwargs.pop("out", None)
        made = out if out is not None else stand_in(function(*kinds, **kwargs).dtype, script, None)
        if script.given is not None:
            made.content = lowered_function(function)(*given, **kwargs).astype(made.dtype)
        return made

    def __setitem__(self, index: Any, new: Any) -> None:
        script = self.script
        script.note("set", (self, index, new))
        if isinstance(new, StandIn):
            content = new.content
        else:
            content = script.number(new)
        if script.given is None:
            return
        if isinstance(index, StandIn):
            content = jnp.where(index.content, content, self.content)
        self.content = jnp.broadcast_to(jnp.asarray(content, self.dtype), self.content.shape)


def _in_place(ufunc: np.ufunc) -> Any:
    """Return an operator that calls a ufunc, or notes at once that it would."""

    def method(self: StandIn, other: Any) -> StandIn:
        script = self.script
        if script.given is not None:
            made: StandIn = ufunc(self, other, out=self)
            return made
        script.note(ufunc.__name__, (self, other))
        if type(other) is not StandIn:
            script.found.append(float(other))
        return self

    return method


for _name, _ufunc in (
    ("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("truediv", np.divide)
):  # fmt: skip
    setattr(StandIn, f"__i{_name}__", _in_place(_ufunc))


def stand_in(dtype: Any, script: Script, content: Any, is_scratch: bool = False) -> StandIn:
    """Return a stand-in of a dtype."""
    x = np.zeros(1, dtype).view(StandIn)
    x.script, x.content, x.mark = script, content, script.mark(is_scratch)
    return x


class Update:
    """The change of one parameter.

    Attributes
    ----------
    parameter, group, optimizer, shape
        Of the call.

    Raises
    ------
    NotImplementedError
        When the formula isn't one of the library's, and so may be anything.
    """

    def __init__(self, call: Call) -> None:
        self.parameter, self.group, _ = call.arguments
        self.optimizer: ArrayOptimizer = call.function.__self__
        if not is_elementwise(self.optimizer):
            raise NotImplementedError(
                f"{type(self.optimizer).__name__} has a formula of its own; call its step() "
                f"outside of the function that is compiled"
            )
        p: np.ndarray = call.keywords["out"].array
        self.shape = p.shape
        self.dtypes = p.dtype, call.arguments[2].array.dtype
        self._arrays: dict[str, Any] = {}
        self._stage = Stage(self, Script(), None, None, {})

    def alike(self) -> tuple[Any, ...]:
        """Return what parameters have in common that one formula is for."""
        return (id(self.optimizer), id(self.group), self.dtypes)

    def state(self) -> dict[str, Any]:
        """Return the parameter's state, begun if it must be."""
        found = self.optimizer.state.get(self.parameter)
        return found or self.optimizer._started(self.parameter, self.parameter._array, self.group)

    def numbers(self, state: dict[str, Any]) -> tuple[Script, dict[str, Any]]:
        """Run the formula for its numbers, which counts the step; return the state afterwards."""
        arrays = {name: x for name, x in state.items() if is_array(name, x)}
        known = self._arrays
        if [*arrays] != [*known] or not all(map(is_, arrays.values(), known.values())):
            self._arrays, self._stage = arrays, Stage(self, Script(), None, None, arrays)
        stage = self._stage
        script = stage.script
        script.found, script.form = [], []
        shadow = {name: stage.state.get(name, x) for name, x in state.items()}
        stage.run(shadow)
        for name, x in shadow.items():
            if not isinstance(x, TensorBase):
                state[name] = x
        return script, shadow

    def trace(
        self,
        state: dict[str, Any],
        counts: dict[str, float],
        numbers: Iterator[Any],
        p: Array,
        g: Array,
        contents: Any,
    ) -> tuple[Array, dict[str, Array]]:
        """Run it on arrays of JAX's; return the parameter, and the state by names.

        Python has counted the step already: the counts are what they were before.
        """
        stage = Stage(self, Script(numbers), p, g, {n: state[n] for n in contents}, contents)
        shadow: dict[str, Any] = {
            name: None if is_array(name, x) else x  # None: it wasn't there before this step
            for name, x in state.items()
        } | stage.state
        with unchanged([state]):
            for name, count in counts.items():
                state[name]._array[...] = count
            stage.run(shadow)
        after = {name: x._array.content for name, x in shadow.items() if is_array(name, x)}
        return stage.p.content, after


class Stage:
    """Stand-ins for all that a formula is given.

    Parameters
    ----------
    update
        Whose formula it is.
    script
        What hears of what is done to them.
    p, g, contents
        What stands behind them: arrays of JAX's, or nothing.
    arrays
        The state's arrays.
    """

    def __init__(
        self,
        update: Update,
        script: Script,
        p: Any,
        g: Any,
        arrays: dict[str, Any],
        contents: Any = None,
    ) -> None:
        self.update, self.script = update, script
        self.p, self.g = (
            stand_in(dtype, script, x) for dtype, x in zip(update.dtypes, (p, g), strict=True)
        )
        self.state: dict[str, TensorBase] = {}
        for name, x in arrays.items():
            self.state[name] = tensor = wrap(np.zeros(1))
            content = None if contents is None else contents[name]
            tensor._array = stand_in(held(x).form()[1], script, content)
        self._scratch: dict[Any, Any] = {}
        self._count = script.count

    def run(self, state: dict[str, Any]) -> None:
        """Run the formula."""
        optimizer, self.script.count = self.update.optimizer, self._count
        scratch, optimizer._scratch = optimizer._scratch, self._scratch
        try:
            optimizer.update(self.p, self.g, state, self.update.group)
        finally:
            optimizer._scratch = scratch


def is_array(name: str, x: Any) -> bool:
    """Whether an entry of a state is an array that XLA changes."""
    return isinstance(x, TensorBase) and name not in SCALARS


@contextmanager
def unchanged(states: Sequence[dict[str, Any]]) -> Iterator[None]:
    """Let what a run counts be what it was before."""
    before = [
        (s, dict(s), {n: x._array.copy() for n, x in s.items() if n in SCALARS}) for s in states
    ]
    try:
        yield
    finally:
        for state, entries, numbers in before:
            state.clear()
            state.update(entries)
            for name, array in numbers.items():
                state[name]._array[...] = array


class Formula:
    """The changes of parameters that one formula is for.

    Attributes
    ----------
    updates
        One for each.
    form
        What of the formula isn't numbers: its calls, and which arrays there are before and after.
    numbers
        What it is given.
    before, after
        What holds the states' arrays.
    changed, is_new
        Whether these are others than they were, or anything is, until somebody says False.
    """

    def __init__(self, updates: Sequence[Update]) -> None:
        self.updates = updates
        self.optimizer, self.group = updates[0].optimizer, updates[0].group
        self.form: Any = None
        self.numbers: list[float] = []
        self.before: list[Held] = []
        self.after: list[Held] = []
        self._parameters = [u.parameter for u in updates]
        self._states: list[dict[str, Any]] = []
        self._entries: list[Any] = []
        self._counts: list[list[np.ndarray]] = []
        self._begun: list[float] = []
        self._settings: Any = None
        self._ahead: Any = None
        self._has_others = self.changed = self.is_new = True

    def count(self) -> None:
        """Find the numbers of this step, which counts it."""
        ahead, self._ahead = self._ahead, None
        if not self._states or not self._is_known():
            self._find_states()
        elif self._settings is not None and not self._has_others and self.group == self._settings:
            if not self._counts[0]:
                return  # the numbers are those of the last step
            if ahead is not None and [*map(float, chain(*self._counts))] == ahead[0]:
                self._begun, counts, self.numbers = ahead
                self._set_counts(counts)
                self.is_new = True
                return
        self._settings = None
        self._begun = [*map(float, chain(*self._counts))]
        if self._is_together():
            self._run(self.updates[:1])
            self._set_counts(self._counts[0])
            if all(map(_is_plain, self._own_settings())):
                self._settings = dict(self.group)
        else:
            self._run(self.updates)

    def look_ahead(self) -> None:
        """Find the numbers of the next step, while XLA is at work, for the case it is like this."""
        if self._settings is None or not self._counts[0] or self._has_others:
            return
        counts = [*map(float, chain(*self._counts))]
        try:
            with unchanged(self._states[:1]):
                form, numbers = self._forms(self.updates[:1])
                if form == self.form[1:]:
                    self._ahead = counts, [*map(float, self._counts[0])], numbers
        except Exception:  # it is raised where that step is counted
            return

    def _set_counts(self, values: Sequence[Any]) -> None:
        """Let all parameters have made as many steps."""
        for counts in self._counts:
            for x, value in zip(counts, values, strict=True):
                x[...] = value

    def uncounted(self) -> Any:
        """Return a context in which counting has no effect, to find out what a step would do."""
        self._settings, self._ahead, self._has_others = None, None, True
        return unchanged([u.state() for u in self.updates])

    def _is_known(self) -> bool:
        """Whether all states are those of the last time."""
        if self._is_stateless:
            return not self.optimizer.state
        states = self._states
        return (
            all(map(is_, map(self.optimizer.state.get, self._parameters), states))
            and sum(map(len, states)) == len(self._entries)
            and all(map(is_, chain.from_iterable(map(dict.values, states)), self._entries))
        )

    def _find_states(self) -> None:
        self._states = [u.state() for u in self.updates]
        self._is_stateless = not self.optimizer.state
        self._has_others = True
        self._note()

    def _note(self) -> None:
        """Note what the states consist of."""
        self._entries = [x for s in self._states for x in s.values()]
        self._counts = [[s[n]._array for n in SCALARS if n in s] for s in self._states]
        kinds = [[(n, is_array(n, x)) for n, x in s.items()] for s in self._states]
        self._are_alike = all(k == kinds[0] for k in kinds)

    def _is_together(self) -> bool:
        """Whether all parameters have made the same steps, with the same kinds of state."""
        if len(self.updates) == 1 or not self._are_alike:
            return self._are_alike
        return all(len(set(map(float, column))) == 1 for column in zip(*self._counts, strict=True))

    def _own_settings(self) -> list[Any]:
        return [x for k, x in self.group.items() if k != "params"]

    def _run(self, updates: Sequence[Update]) -> None:
        """Run the formula for some updates, and find out which arrays it changes."""
        shared = len(updates) < len(self.updates)
        each, self.numbers = self._forms(updates)
        self.is_new = True
        form = (shared, *each)
        if form != self.form or self._has_others:
            self.form, self._has_others, self.changed = form, False, True
            self._find_arrays(each * (len(self.updates) if shared else 1))

    def _forms(self, updates: Sequence[Update]) -> tuple[tuple[Any, ...], list[float]]:
        """Return what each of some updates is like, and the numbers of all."""
        each, numbers = [], []
        for update, state in zip(updates, self._states, strict=False):
            names = tuple([n for n, x in state.items() if is_array(n, x)])
            script, shadow = update.numbers(state)
            after = tuple([n for n, x in shadow.items() if is_array(n, x)])
            each.append((tuple(script.form), names, after))
            numbers += script.found
        return tuple(each), numbers

    def _find_arrays(self, each: Sequence[Any]) -> None:
        self.before, self.after = [], []
        for state, (_, names, after) in zip(self._states, each, strict=True):
            self.before += [held(state[n]) for n in names]
            for n in after:
                if not is_array(n, state.get(n)):
                    state[n] = holding(None)
                    self._has_others = True
            self.after += [held(state[n]) for n in after]
        if self._has_others:
            self._note()

    def shapes(self) -> Iterator[tuple[Held, tuple[int, ...]]]:
        """Yield what holds an array, and its shape: that of the parameter, unless it has one."""
        shared, *each = self.form
        before, after = iter(self.before), iter(self.after)
        for i, update in enumerate(self.updates):
            _, names, later = each[0 if shared else i]
            for _ in names:
                x = next(before)
                yield x, x.form()[0]
            for _ in later:
                x = next(after)
                yield x, update.shape if x.is_empty() else x.form()[0]

    def traced(self, form: Any, numbers: Sequence[Array]) -> Iterator[Any]:
        """Yield for each update a function, and the names of the states before and after.

        The function takes parameter, gradient and states, and returns the parameter and the states
        afterwards.

        Parameters
        ----------
        form, numbers
            Of a step.
        """
        shared, *each = form
        rest, begun = iter(numbers), iter(self._begun)
        for i, (update, state) in enumerate(zip(self.updates, self._states, strict=True)):
            _, names, after = each[0 if shared else i]
            given = iter(numbers) if shared else rest
            counts = {n: next(begun) for n in SCALARS if n in state}
            yield partial(update.trace, state, counts, given), names, after

    def forget(self) -> None:
        """Forget what was counted without effect."""
        self._states, self._counts, self._settings, self._ahead = [], [], None, None
        self._has_others = self.changed = True


def _is_plain(x: Any) -> bool:
    kind = type(x)
    return (
        kind in (float, int, bool, str) or x is None or (kind is tuple and all(map(_is_plain, x)))
    )
