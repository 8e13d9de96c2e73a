"""All formulas of a program, and the arrays of the optimizers' states that they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.xla.held import Held, put
from tinygrad_mnist.compiler.xla.updates import Formula

Array = Any
Change = Callable[[Array, Array], Array]


class Formulas:
    """The formulas of a program.

    Parameters
    ----------
    each
        They, in the order of their first updates.
    where
        On which devices their numbers are to be.

    Attributes
    ----------
    form
        What a program is made for: what of the formulas isn't numbers.
    numbers
        What it is given besides, an array of JAX's if they are those of the last step too; None if
        there are no formulas.
    before, after
        What holds the states' arrays that it takes, and those that it leaves.
    shapes
        The shapes of these.
    """

    def __init__(self, each: Sequence[Formula], where: Any = None) -> None:
        self.each = each
        self.form: Any = None
        self.numbers: Any = None
        self._where = where
        self.before: list[Held] = []
        self.after: list[Held] = []
        self.shapes: dict[Held, tuple[int, ...]] = {}
        self._found: Any = None
        self._places: Any = ((), ())

    def gather(self) -> bool:
        """Put together what the formulas have counted; return whether there are other arrays."""
        if self.form is not None and not any([f.is_new for f in self.each]):
            if type(self.numbers) is np.ndarray:
                self.numbers = put(self.numbers, self._where)
            return False
        for formula in self.each:
            formula.is_new = False
        other = any([f.changed for f in self.each])
        if other:
            self._find_arrays()
        forms = tuple([f.form for f in self.each])
        if self.form is None or forms != self.form[0] or other:
            self.form = forms, self._places
        numbers = [f.numbers for f in self.each]
        if numbers != self._found:
            self._found = list(map(list, numbers))
            self.numbers = np.array([x for some in numbers for x in some], np.float64)
        return other

    def _find_arrays(self) -> None:
        """Give the arrays numbers: what is changed twice in a step is taken and left once."""
        numbers: dict[Held, int] = {}
        taken: dict[Held, None] = {}
        left: dict[Held, None] = {}
        for formula in self.each:
            taken.update((x, None) for x in formula.before if x not in left)
            left.update(dict.fromkeys(formula.after))
            for x in (*formula.before, *formula.after):
                numbers.setdefault(x, len(numbers))
            self.shapes.update(formula.shapes())
            formula.changed = False
        self.before, self.after = list(taken), list(left)
        self._places = tuple(
            tuple([numbers[x] for x in some])
            for some in (taken, left, *(part for f in self.each for part in (f.before, f.after)))
        )

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Count a step without any effect, to find out what the next one will be like."""
        with ExitStack() as stack:
            for formula in self.each:
                stack.enter_context(formula.uncounted())
            for formula in self.each:
                formula.count()
            self.gather()
            yield
        self.forget()

    def forget(self) -> None:
        """Forget what was counted, and where the states' arrays are: all is found anew."""
        if self.each:
            self.form = self._found = None
        for formula in self.each:
            formula.forget()

    def tracing(self, contents: Sequence[Array], numbers: Any) -> Tracing:
        """Return the formulas as a program of JAX's arrays runs them, for the present form."""
        return Tracing(self.each, self.form, contents, numbers)


class Tracing:
    """One run of the formulas on JAX's arrays.

    Parameters
    ----------
    formulas
        The formulas.
    form
        What the program is made for.
    contents
        The states' arrays before.
    numbers
        What it is given.
    """

    def __init__(
        self, formulas: Sequence[Formula], form: Any, contents: Sequence[Array], numbers: Any
    ) -> None:
        forms, (taken, self._left, *places) = form
        self._contents = dict(zip(taken, contents, strict=True))
        self._updates: dict[Formula, Iterator[Any]] = {}
        start = 0
        for i, formula in enumerate(formulas):
            end = start + len(formula.numbers)
            own = [numbers[k] for k in range(start, end)]
            self._updates[formula] = formula.traced(forms[i], own)
            start = end
        self._before = {f: iter(places[2 * i]) for i, f in enumerate(formulas)}
        self._after = {f: iter(places[2 * i + 1]) for i, f in enumerate(formulas)}

    def change(self, formula: Formula, p: Array, g: Array) -> Array:
        """Make the next update of a formula; return the parameter."""
        update, names, after = next(self._updates[formula])
        contents = {n: self._contents[next(self._before[formula])] for n in names}
        new, made = update(p, g, contents)
        for n in after:
            self._contents[next(self._after[formula])] = made[n]
        return new

    def left(self) -> list[Array]:
        """Return the states' arrays afterwards."""
        return [self._contents[k] for k in self._left]
