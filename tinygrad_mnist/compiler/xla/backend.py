"""The XLA backend: a program as one function that XLA compiles.

What the program reads and writes besides its inputs is its state. A parameter, or what an optimizer
keeps of it, stays with XLA from step to step, which writes its new numbers over the old ones; what
shares its memory with others is brought there and back at each step.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import Any

import jax
import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.compiler import numpy_backend
from tinygrad_mnist.compiler.backends import RefusedError
from tinygrad_mnist.compiler.flat import separate
from tinygrad_mnist.compiler.functions import perform
from tinygrad_mnist.compiler.guards import is_apart
from tinygrad_mnist.compiler.text import Hint
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, leaves, mapped
from tinygrad_mnist.compiler.xla import aliases
from tinygrad_mnist.compiler.xla.checks import Check
from tinygrad_mnist.compiler.xla.exchanges import Together, has_exchanges
from tinygrad_mnist.compiler.xla.formulas import Formulas, Tracing
from tinygrad_mnist.compiler.xla.gradients import Gradients
from tinygrad_mnist.compiler.xla.held import (
    Held,
    adopt,
    array_of,
    entering,
    given,
    held,
    holding,
    is_look,
    pending,
    seen,
)
from tinygrad_mnist.compiler.xla.lowering import Lowering
from tinygrad_mnist.compiler.xla.memory import Memory, address
from tinygrad_mnist.compiler.xla.placement import Placement, compiled, placement
from tinygrad_mnist.compiler.xla.steps import Steps
from tinygrad_mnist.compiler.xla.updates import Formula, is_update
from tinygrad_mnist.compiler.xla.versions import call_wide, enable_x64

Array = Any


class Built:
    """A program that XLA runs.

    Parameters
    ----------
    program
        The program.
    hints, off
        For readers alone: XLA has names and passes of its own.
    state
        The tensors that were there before, each with its value; none if they may not be moved.
    where
        On which devices.

    Raises
    ------
    RefusedError
        When XLA has no counterpart for what the program calls.
    """

    def __init__(
        self,
        program: Program,
        hints: Mapping[Value, Hint] | None = None,
        off: Collection[str] = (),
        state: Sequence[tuple[TensorBase, Value]] = (),
        where: Placement | None = None,
    ) -> None:
        self.program = program
        self.hints = hints or {}
        self.where = where or placement()
        self._compile = partial(Together, self.where) if has_exchanges(program) else compiled
        self.lasting = [False] * len(program.gradients)
        self.begun = False
        """Whether a run has changed anything: it is looked at when it has raised an error."""
        self.of_line: list[Call] = program.calls
        self.names: dict[Value, str] = {}
        self._executables: dict[Any, Any] = {}
        try:
            with enable_x64(True):
                self._steps = Steps(program)
                self._formulas = Formulas(self._steps.formulas, self.where.whole)
                self._sort_state(state)
                self._sort_inputs()
                self._try()
        except NotImplementedError as error:
            raise RefusedError(f"XLA can't run it: {error}") from error

    # What a step asks for

    entering: Any = staticmethod(entering)
    """What reads a tensor's numbers, wherever they are."""

    @staticmethod
    def wrap(result: Any) -> TensorBase:
        """Return a tensor of a result."""
        return wrap(result) if isinstance(result, np.ndarray) else holding(result)

    @staticmethod
    def arrays(results: Sequence[Array]) -> list[np.ndarray]:
        """Return results as NumPy's arrays."""
        return [seen(x) if isinstance(x, jax.Array) else x for x in results]

    def taken(self, results: Sequence[Array], numbers: Set[int]) -> list[Any]:
        """Return results that are no tensors: arrays, and some that are Python's numbers."""
        arrays = self.arrays(results)
        return [x.item() if i in numbers else x for i, x in enumerate(arrays)]

    def wait(self) -> None:
        """Return when results are there."""
        pending.wait()

    def leave(self) -> None:
        """Let tensors have arrays of NumPy's own: another program goes on."""
        pending.wait()
        for keeper in {*self._taken, *self._left, *(k for k, _ in self._lenders)}:
            keeper.leave()
        self._formulas.forget()

    def resume(self) -> None:
        """Let tensors have arrays that a step can take: this program goes on."""
        for optimizer in {f.optimizer for f in self._formulas.each}:
            separate(optimizer)
        adopt([t for t, _ in self.kept], self.where)

    def share(self, some: Sequence[int]) -> None:
        """Let some results be views of what they are views of: the state, an input, or another."""
        for i in some:
            view = aliases.found(i, some, self.program, self._starts, self.kept)
            if view is not None:
                self._views.append((i, view))
        if self._views:
            self._more, self.entering = True, None  # a view is one of an array

    def hand_out(self, leaves: Sequence[TensorBase], results: Sequence[Any]) -> None:
        """Give leaves their gradients."""
        if self._gradients is not None:
            self._gradients.hand_out(leaves)
            return
        for p, x in zip(leaves, results, strict=True):
            if type(x) is not np.ndarray:
                p._grad = holding(x)
            elif p._grad is None or p._grad._array is not x:  # else it was added to
                p._grad = wrap(x)

    def gradients(self) -> list[np.ndarray]:
        """Return the gradients that lie in buffers: there are none."""
        return []

    def owners(self) -> list[np.ndarray]:
        """Return the memory of these gradients."""
        return []

    def renew(self) -> None:
        """Take new memory for these gradients."""

    def measures(self) -> tuple[int, int, int, int]:
        """Return the number of calls, and the memory that XLA needs on a device meanwhile."""
        memory = next(iter(self._executables.values())).memory_analysis()
        size = 0 if memory is None else int(memory.temp_size_in_bytes)
        return len(self.program.calls), int(size > 0), size, 0

    def where_it_runs(self) -> str:
        """Return that XLA does, and on which devices."""
        return f"XLA runs them as one, on {self.where}"

    def source(self, name: str = "step") -> str:
        """Return the program as NumPy's calls: Python that runs as it stands."""
        return numpy_backend.Built(self.program, self.hints).source(name)

    # What it is made of

    def _sort_state(self, state: Sequence[tuple[TensorBase, Value]]) -> None:
        """Find the memory that was there before, and who has it."""
        program = self.program
        of_storage: dict[Storage, list[tuple[TensorBase, Value]]] = {}
        for tensor, x in state:
            of_storage.setdefault(x.storage, []).append((tensor, x))
        inputs = {x.storage for x in program.inputs}
        written = {s for call in program.calls for s in call.writes}
        used: dict[Storage, Value] = {}
        for call in program.calls:
            for x in (*call.values(), *call.made(), *(Value(s.array, s) for s in call.writes)):
                used.setdefault(x.storage, x)
        for x in program.wanted():
            used.setdefault(x.storage, x)
        self.kept: list[tuple[TensorBase, Value]] = []
        brought: list[Value] = []
        for storage, x in used.items():
            if storage.origin != "state" or storage in inputs:
                continue
            owners = of_storage.get(storage, ())
            if len(owners) == 1 and owners[0][1].array.size == storage.array.size:
                self.kept.append(owners[0])
            else:
                whole = x.array.size == storage.array.size
                brought.append(x if whole else Value(storage.array, storage))
        self._changed = [(t, x) for t, x in self.kept if x.storage in written]
        self._lent = [(t, x) for t, x in self.kept if x.storage not in written]
        self._written_inputs = [x for x in program.inputs if x.storage in written]
        self._read = [x for x in brought if x.storage not in written]
        self._written = [x for x in brought if x.storage in written]
        known = [*program.inputs, *program.wanted(), *brought, *(x for _, x in self.kept)]
        for call in program.calls:
            known += [*call.values(), *call.made()]
        self._views: list[tuple[int, aliases.Shown]] = []
        self._starts = {
            x: address(x.array) - address(x.storage.array)
            for x in known
            if x.storage.origin != "made"
        }
        wanted = program.wanted()
        first = len(wanted) - len(program.gradients)
        self._added_to = [
            (i, x) for i, x in enumerate(wanted) if i >= first and x in self._written_inputs
        ]
        self._objects = [
            (i, type(x.array[()])) for i, x in enumerate(wanted) if x.array.dtype == object
        ]
        self._wanted = [x for x in wanted if x.array.dtype != object]
        sizes = [x.array.size for x in self._wanted]
        self._least = sizes.index(min(sizes)) if sizes else 0
        self._more = bool(
            self._written or self._written_inputs or self._steps.checks or self._objects
        )

    def _sort_inputs(self) -> None:
        """Find out where each array is to be that is given to a step."""
        where, program = self.where, self.program
        used = [(i, x) for i, x in enumerate(program.inputs) if x.array.dtype != object]
        arrays = [x for _, x in used]
        drawn = [x for made in self._steps.drawn for x in made]
        size = self._batch(arrays) if where.count > 1 else None
        self._used = [(i, where.of_batch(x.array.shape, size)) for i, x in used]
        self._given_places = [where.of_batch(x.array.shape, size) for x in (*arrays, *drawn)]
        self._given_forms = _forms((*arrays, *drawn))
        self._keepers = [(held(t), where.of_state(x.array.shape)) for t, x in self._changed]
        self._lenders = [(held(t), where.of_state(x.array.shape)) for t, x in self._lent]
        at = {x: i for i, x in enumerate(program.inputs)}
        looks = self._steps.looks
        self._looks = [
            (at[x.value], x.look) for x in looks if isinstance(x, Check) and x.value in at
        ]
        self._other_looks = [x for x in looks if not (isinstance(x, Check) and x.value in at)]
        self._has_others = bool(self._written or self._lenders or self._read)
        gradients = set(program.gradients)
        self._result_places = [
            where.of_state(x.array.shape) if x in gradients else None for x in self._wanted
        ]
        self._gradients: Gradients | None = None
        if program.gradients and not program.reads_gradients:
            forms = _forms(program.gradients)
            self._gradients = Gradients(forms, [where.of_state(shape) for shape, _ in forms])
            self._before_gradients = len(self._wanted) - len(forms)

    def _batch(self, arrays: Sequence[Value]) -> int:
        """Return the size of the batch that is split over the devices."""
        count = self.where.count
        size = next((x.array.shape[0] for x in arrays if x.array.ndim), None)
        if size is None:
            raise NotImplementedError(
                f"it has no argument with a batch to be split over {count} devices; pass the batch "
                f"as an argument, a tensor whose first dimension it is"
            )
        if size % count:
            raise NotImplementedError(
                f"a batch of {size} can't be split over {count} devices; give batches of a size "
                f"that {count} divides: drop_last=True leaves out a shorter one"
            )
        return int(size)

    def _define_inputs(self, memory: Memory, arrays: Iterator[Array]) -> None:
        """Put the arrays of the inputs into memory."""
        shared = Counter(x.storage for x in self.program.inputs)
        for x in self.program.inputs:
            if x.array.dtype == object:  # what a kernel leaves for its rules: they do without
                memory.define(x, None)
        for i, _ in self._used:
            x = self.program.inputs[i]
            a = next(arrays)
            if x.weak:
                a = jax.lax.convert_element_type(a, type(x.array.item()))
            if shared[x.storage] == 1:
                memory.define(x, a)
            elif x not in self._written_inputs:
                memory.give(x, a)
            else:
                raise NotImplementedError("arguments that share memory are written to")

    @staticmethod
    def _define_drawn(lowering: Lowering, call: Call, arrays: Iterator[Array]) -> None:
        """Put what a call of Python's has made into memory."""
        if (out := call.keywords.get("out")) is not None:
            lowering.write_out(out, next(arrays))
            return
        for x in leaves(call.results):
            lowering.define(x, next(arrays))

    def _try(self) -> None:
        """Compile what the next step would be: what can't be run is refused now."""
        with self._formulas.trial():
            self._place_states()
            self._executable = self._new_executable()
        self._form: Any = _NOTHING

    def _place_states(self) -> None:
        """Find out where the arrays of the optimizers' states are to be."""
        formulas, of = self._formulas, self._formulas.shapes
        self._before_places = [self.where.of_state(of[x]) for x in formulas.before]
        self._after_places = [self.where.of_state(of[x]) for x in formulas.after]
        self._taken = [k for k, _ in self._keepers] + formulas.before
        self._taken_places = [w for _, w in self._keepers] + self._before_places
        self._left = [k for k, _ in self._keepers] + formulas.after
        self._fields = [k.fields for k in self._taken]

    # A run

    def run(self, *inputs: Any) -> Sequence[Array]:
        """Run it; return outputs, rebound tensors' arrays and gradients."""
        into: list[Sequence[Array]] = []
        try:
            return self._run(inputs, into)
        except BaseException:  # an error, or an interruption, wherever it was
            for made in into:  # XLA has run: what it was given is no more
                for keeper, content in zip(self._left, made, strict=False):
                    if keeper.content is not content:
                        keeper.give(content)
                self._keep_gradients(made)
            self._formulas.forget()
            self._form = _NOTHING
            raise

    def _run(self, inputs: Sequence[Any], into: list[Sequence[Array]]) -> Sequence[Array]:
        self.begun = False
        if any(map(_HAS_IT, self._fields, _ARRAYS)):
            self._check_apart(inputs)
        for i, look in self._looks:
            look(inputs[i])
        values, drawn = self._by_python(inputs)
        formulas, taken = self._formulas, self._taken
        if self._form is not formulas.form:
            self._form = formulas.form
            self._executable = self._executables.get(self._form) or self._new_executable()
        is_away = (
            not any(map(_HAS_IT, self._fields, _ARRAYS))
            and [*map(_WHERE, taken)] == self._taken_places
        )
        if is_away:
            state = map(_CONTENT, taken)
        else:
            state = map(Held.take, taken, self._taken_places)
        numbers, gradients = formulas.numbers, self._gradients
        arguments = [
            *state,
            *(self._others() if self._has_others else ()),
            *[given(inputs[i], where) for i, where in self._used],
            *drawn,
            *(() if numbers is None else (numbers,)),
            *(() if gradients is None else gradients.take()),
        ]
        call_wide(self._executable, arguments, into)
        made = into[0]
        at = len(self._left)
        if made:
            pending.add(made[at + self._least if self._wanted else 0])
        if self._is_looked_at(inputs):  # it must have read what may be written to from now on
            pending.wait()
        if is_away:
            for keeper, content in zip(self._left, made, strict=False):
                keeper.content = content
        else:
            for keeper, content in zip(self._left, made, strict=False):
                keeper.give(content)
        self._keep_gradients(made)
        for formula in formulas.each:
            formula.look_ahead()
        return self._finish(list(made[at:]), values) if self._more else made[at:]

    def _check_apart(self, inputs: Sequence[Any]) -> None:
        """Raise an error if an argument is memory that an optimizer is about to write to."""
        arrays = [x for x in inputs if type(x) is np.ndarray]
        if not all(is_apart(keeper.fields, *arrays) for keeper in self._formulas.before):
            raise NotImplementedError("an argument shares memory with an optimizer's state")

    def _keep_gradients(self, made: Sequence[Array]) -> None:
        if self._gradients is not None:
            start = len(self._left) + self._before_gradients
            for keeper, content in zip(self._gradients.keepers, made[start:], strict=False):
                keeper.content = content

    def _others(self) -> Iterator[Array]:
        """Yield the rest of the state: what NumPy has, or is only read."""
        yield from (x.array.copy() for x in self._written)
        yield from (k.lend(w) for k, w in self._lenders)
        yield from (given(x.array, self.where.whole) for x in self._read)

    def _is_looked_at(self, inputs: Sequence[Any]) -> bool:
        """Whether a step reads memory of XLA's that NumPy can write to."""
        return any(map(is_look, inputs)) or (
            self._has_others
            and (
                any(k.is_seen() for k, _ in self._lenders)
                or any(is_look(x.array) for x in self._read)
            )
        )

    def _by_python(self, inputs: Sequence[Any]) -> tuple[dict[Value, Any], list[Any]]:
        """Do what Python does before XLA runs; return the inputs, and what was drawn."""
        steps, values, drawn = self._steps, {}, []
        if self._more or self._other_looks or steps.drawn:
            values = dict(zip(self.program.inputs, map(array_of, inputs), strict=True))
            for other in self._other_looks:
                self._look(other, values)
        self.begun = True
        for call in steps.before:
            if isinstance(call, Formula):
                call.count()
            else:
                drawn += self._made_by_python(call, values)
        if steps.formulas and self._formulas.gather():
            self._place_states()
        return values, drawn

    def _finish(self, results: list[Any], values: dict[Value, Any]) -> list[Any]:
        """Do what few programs ask for: write to arrays of NumPy's, and look at what came out."""
        at = len(self._wanted)
        results, rest = results[:at], iter(results[at:])
        places = [x.array for x in self._written] + [values[x] for x in self._written_inputs]
        for place in places:
            place[...] = next(rest)
        for check in self._steps.checks:
            arrays = {x: np.asarray(next(rest)) for x in _looked_at(check)}
            self._look(check, arrays)
        kind: Any
        for i, kind in self._objects:  # what a kernel leaves for its rules, and XLA has no need of
            results.insert(i, kind())
        for i, view in self._views:
            results[i] = view(results, values)
        for i, x in self._added_to:  # a gradient that was there before goes on being what it was
            results[i] = values[x]
        return results

    def _look(self, look: Call | Check, values: dict[Value, Any]) -> None:
        """Look at numbers, and raise an error if they aren't allowed."""
        if isinstance(look, Check):
            look.look(self._actual(look.value, values))
            return
        arguments = mapped(look.arguments, lambda x: self._actual(x, values))
        keywords = {
            k: mapped(x, lambda y: self._actual(y, values)) for k, x in look.keywords.items()
        }
        look.function(*arguments, **keywords)

    def _actual(self, x: Any, values: dict[Value, Any]) -> Any:
        """Return what an argument is, made by Python if need be, as a view of an input."""
        if type(x) is not Value:
            return x
        if x in values:
            return values[x]
        if (call := self._steps.maker(x)) is not None:
            self._made_by_python(call, values)
            return values[x]
        for tensor, y in self.kept:
            if y is x:
                return tensor._array
        return x.array

    def _actual_all(self, x: Any, values: dict[Value, Any]) -> Any:
        return mapped(x, lambda part: self._actual(part, values))

    def _named(self, call: Call, values: dict[Value, Any]) -> dict[str, Any]:
        return {k: self._actual_all(x, values) for k, x in call.keywords.items() if k != "out"}

    def _made_by_python(self, call: Call, values: dict[Value, Any]) -> list[Any]:
        """Make a call in Python; return the arrays that it makes, or writes to its ``out``."""
        out = call.keywords.get("out")
        keywords, arguments = self._named(call, values), self._actual_all(call.arguments, values)
        if out is not None:
            place = values[out] = np.empty(out.array.shape, out.array.dtype)
            call.function(*arguments, **keywords, out=place)
            return [place]
        made = perform(call.function, arguments, keywords, call.kind, call.name)
        found = list(_pairs(call.results, made))
        values.update(found)
        return [x for _, x in found]

    # What XLA compiles

    def _new_executable(self) -> Any:
        """Compile the program for the present form of the optimizers' formulas."""
        formulas, where = self._formulas, self.where
        form = formulas.form

        def function(*given: Any) -> Any:
            with jax.default_matmul_precision("float32"):
                return self._trace(given, formulas.tracing)

        taken = [(x.array.shape, x.array.dtype) for _, x in self._changed]
        taken += [x.form() for x in formulas.before]
        taken += _forms(self._written)
        rest = [*_forms(x for _, x in self._lent), *_forms(self._read), *self._given_forms]
        places = [w for _, w in self._keepers] + list(self._before_places)
        places += [where.whole] * len(self._written)
        places += [w for _, w in self._lenders] + [where.whole] * len(self._read)
        places += self._given_places
        if formulas.numbers is not None:
            rest.append((formulas.numbers.shape, formulas.numbers.dtype))
            places.append(where.whole)
        donated = list(range(len(taken)))
        if self._gradients is not None:
            donated += range(len(places), len(places) + len(self._gradients.forms))
            rest += self._gradients.forms
            places += self._gradients.places
        left = [w for _, w in self._keepers] + list(self._after_places) + self._result_places
        left += [where.whole] * (len(self._written) + len(self._written_inputs))
        left += [where.whole for check in self._steps.checks for _ in _looked_at(check)]
        forms = [jax.ShapeDtypeStruct(*x) for x in (*taken, *rest)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Some donated buffers were not usable")
            try:
                with enable_x64(True):
                    executable = self._compile(function, forms, places, left, donated)
            except NotImplementedError:
                raise
            except Exception as error:
                said = str(error).partition("\n")[0] or type(error).__name__
                raise NotImplementedError(f"JAX refuses the program: {said}") from error
        self._executables[form] = executable
        return executable

    def _trace(self, given: Sequence[Array], tracing: Callable[..., Tracing]) -> tuple[Array, ...]:
        """Run the program on JAX's arrays."""
        memory, steps = Memory(self._starts), self._steps
        lowering = Lowering(memory, set(self._wanted))
        rest = iter(given)
        for _, x in self._changed:
            memory.define(x, next(rest))
        states = [next(rest) for _ in self._formulas.before]
        for x in (*self._written, *(x for _, x in self._lent), *self._read):
            memory.define(x, next(rest))
        self._define_inputs(memory, rest)
        for call in steps.before:
            if isinstance(call, Call):
                self._define_drawn(lowering, call, rest)
        changes = tracing(states, None if self._formulas.numbers is None else next(rest))
        checked = []
        for call in steps.calls:
            for check in steps.checks_at.get(call, ()):
                checked += [lowering.read(x) for x in _looked_at(check)]
            if call in steps.checks:
                continue
            if is_update(call):
                p, g = call.keywords["out"], call.arguments[2]
                formula = steps.formula_of(call)
                memory.write(p, changes.change(formula, lowering.read(p), lowering.read(g)))
            else:
                lowering.run(call)
        results = [lowering.read(x) for x in self._wanted]
        state = [memory.read(x) for _, x in self._changed] + changes.left()
        ends = [memory.read(x) for x in self._written + self._written_inputs]
        return (*state, *results, *ends, *checked)


_NOTHING = object()
_HAS_IT, _ARRAYS = dict.__contains__, repeat("_array")
_CONTENT, _WHERE = attrgetter("content"), attrgetter("where")


def _forms(values: Iterable[Value]) -> list[tuple[Any, Any]]:
    """Return shapes and dtypes."""
    return [(x.array.shape, x.array.dtype) for x in values]


def _looked_at(look: Call | Check) -> list[Value]:
    """Return the arrays that are looked at."""
    if isinstance(look, Check):
        return [look.value]
    return list(dict.fromkeys(look.values()))


def _pairs(results: Any, made: Any) -> Iterator[tuple[Value, Any]]:
    """Walk over the values of nested tuples, with what has been made of each."""
    if type(results) is Value:
        yield results, made
    elif isinstance(results, tuple | list):
        for x, y in zip(results, made, strict=True):
            yield from _pairs(x, y)
