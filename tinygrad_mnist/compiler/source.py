"""The source of a program: Python that NumPy runs, in names that a person would choose.

Two texts come of it. The one that is run binds as much as possible once, so that little is left
for each step. The one that is printed is for readers, and runs as it stands: it begins with what
it imports, what it is given, and its buffers.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.buffers import Plan, strides_without_gaps, takes_out
from tinygrad_mnist.compiler.chains import with_chains
from tinygrad_mnist.compiler.rewriting import is_view
from tinygrad_mnist.compiler.text import (
    Hint,
    array_text,
    imported,
    literal,
    numpy_name,
    optimizer_text,
    sequence,
)
from tinygrad_mnist.compiler.trace import Call, Program, Thing, Value, mapped, same_layout
from tinygrad_mnist.compiler.tracer import perform
from tinygrad_mnist.optim.optimizer import Optimizer


class Names:
    """Names that are used once."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = {"np", "share", "partial", "rows", "TABLE"} | taken
        self._next: dict[str, int] = {}
        """The numbers that come next, by the names that they are given to."""

    def new(self, wish: str) -> str:
        """Return the name wished for; with a number, if it's taken."""
        if wish not in self.taken and wish.isidentifier() and not keyword.iskeyword(wish):
            self.taken.add(wish)
            return wish
        return self.counted(wish)

    def counted(self, wish: str) -> str:
        """Return a name with a number."""
        wish += "_" * wish[-1:].isdigit()
        number = self._next.get(wish, 0)
        while f"{wish}{number}" in self.taken:
            number += 1
        self._next[wish] = number + 1
        self.taken.add(name := f"{wish}{number}")
        return name


@dataclass
class Bound:
    """A name that is bound before the first step.

    Attributes
    ----------
    name
        The name.
    make
        Returns what it stands for.
    text
        An expression of the same; empty for a buffer.
    comment
        What it is, for readers.
    memory
        The number of the memory that it lies in; -1 if in none of ours.
    value
        The value that it is a buffer for.
    """

    name: str
    make: Callable[[], Any]
    text: str = ""
    comment: str = ""
    memory: int = -1
    value: Value | None = None


class Source:
    """A program, written down.

    Attributes
    ----------
    space
        What the lines' names stand for.
    bound
        What is bound before the first step, by name, in order.
    lines
        The lines of the step, and the call that each is.
    names
        The name, or expression, of each value.
    inputs
        The names of the step's arguments.
    """

    def __init__(
        self,
        program: Program,
        plan: Plan,
        hints: Mapping[Value, Hint],
        readable: bool = False,
        chains: bool = False,
        name: str = "step",
        memory: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.program = program
        self.plan = plan
        self.hints = hints
        self.readable = readable
        self.space: dict[str, Any] = {"np": np}
        self.bound: dict[str, Bound] = {}
        self.imports: dict[str, str] = {}
        self.lines: list[tuple[str, Call]] = []
        self.memory = list(memory or (np.empty(size, np.uint8) for size in plan.sizes))
        self.names: dict[Value | Thing, str] = {}
        self.parents: dict[Value, Value] = {}
        """For views, what they are of; for what is written over something else, that."""
        self.merged: dict[str, list[Call]] = {}
        """The calls of lines that stand for several."""
        self._taken = Names({name})
        self._objects: dict[int, str] = {}
        self._held: list[Any] = []
        self.inputs = [self._name(x, hints.get(x, Hint("x")).name) for x in program.inputs]
        for call in program.calls:
            self._write(call)
        for x in program.wanted():
            self._given(x)
        if chains:
            self.lines = with_chains(self)
        if not readable:
            self.lines = self._let_go()

    # Names

    def new_name(self, wish: str) -> str:
        """Return a name that nothing has."""
        return self._taken.counted(wish)

    def _name(self, x: Value | Thing, wish: str, numbered: bool = False) -> str:
        name = self._taken.counted(wish) if numbered else self._taken.new(wish)
        self.names[x] = name
        return name

    def _wish(self, x: Value, call: Call) -> tuple[str, bool]:
        """Return a name for a value that a call makes, and whether it should have a number."""
        if x in self.hints:
            return self.hints[x].name, False
        if x.array.dtype.kind == "b":
            return "mask", True
        return ("g" if call.is_backward else "h"), True

    def _bind(self, bound: Bound) -> None:
        self.bound[bound.name] = bound
        self.space[bound.name] = bound.make()

    def _is_root(self, x: Value, call: Call | None) -> bool:
        """Whether a constant is that with which a backward pass begins."""
        first = call is not None and call.is_backward and call.arguments[0] is x
        return (
            first
            and not x.array.ndim
            and bool(x.array == 1)
            and not any(before.is_backward for _, before in self.lines)
        )

    def _given(self, x: Value, call: Call | None = None) -> None:
        """Bind what was there before the step."""
        if x in self.names or x.storage.origin in ("made", "input"):
            return
        if x.storage.origin == "flat":
            self._buffer(x, "gradients")
            return
        array, hint = x.array, self.hints.get(x, Hint(""))
        constant = x.storage.origin == "constant"
        if constant and self._is_root(x, call):
            hint = Hint("g_loss", "the loss's own gradient")
        wish = "ones" if constant and array.ndim and (array == 1).all() else x.storage.origin[0]
        name = self._name(x, hint.name or wish, numbered=not hint.name and wish != "ones")
        text = array_text(array) if constant and self.readable else ""
        if self.readable and not text:
            text = f"np.zeros({literal(array.shape)}, {literal(array.dtype)})"
        self._bind(Bound(name, lambda: array, text, hint.comment))

    # Lines

    def _write(self, call: Call) -> None:
        for x in call.values():
            self._given(x, call)
        if is_view(call) and self._view(call):
            return
        target, extra = self._target(call)
        expression = self.expression(call, extra)
        self.lines.append((f"{target} = {expression}" if target else expression, call))

    def _view(self, call: Call) -> bool:
        """Bind a view of what stays where it is; return whether the call needs no line."""
        result, first = call.results, self.names[call.arguments[0]]
        owner, short = first.split(".")[0], call.kind == "attribute"
        self.parents[result] = call.arguments[0]
        if owner in self.bound and not (self.readable and short):
            if known := self._seen_before(call):
                self.names[result] = known
                return True
            text = self.expression(call, "") if self.readable else ""
            name = self._name(result, *self._wish(result, call))
            as_it_is = call.arguments[0].array.dtype == result.array.dtype
            comment = "" if as_it_is else f"the bits of {first}"
            memory = self.bound[owner].memory
            self._bind(Bound(name, lambda: self._made(call), text, comment, memory))
            return True
        if short:
            self.names[result] = f"{first}.{call.name}"
        return short

    def _seen_before(self, call: Call) -> str:
        """Return the name of what lies in the same place, if a view leads back to it."""
        made = self._made(call)
        x: Value | None = call.arguments[0]
        while x is not None and (name := self.names[x]) in self.bound:
            if is_same(self.space[name], made):
                return name
            x = self.parents.get(x)
        return ""

    def _made(self, call: Call) -> Any:
        """Make a call on what is bound."""

        def real(x: Any) -> Any:
            return self.space[self.names[x]] if type(x) is Value else x

        keywords = {name: mapped(x, real) for name, x in call.keywords.items()}
        return perform(call.function, mapped(call.arguments, real), keywords, call.kind, call.name)

    def _target(self, call: Call) -> tuple[str, str]:
        """Return what a call's result is assigned to, and what more it is told."""
        results = call.results
        over = self.plan.over.get(results) if type(results) is Value else None
        if over is not None:
            name = self.names[results] = self.names[over]
            self.parents[results] = over
            return "", f"out={name}"
        if type(results) is Value and results.storage in self.plan.rooms and takes_out(call):
            return "", f"out={self._buffer(results, *self._wish(results, call))}"
        if not any(True for _ in _made_by(results)):
            return "", ""
        return self._unpacked(results, call).removeprefix("(").removesuffix(")"), ""

    def _buffer(self, x: Value, wish: str, numbered: bool = False) -> str:
        room = self.plan.rooms[x.storage]
        name, shape, dtype = self._name(x, wish, numbered), x.array.shape, x.array.dtype
        strides = strides_without_gaps(x.array)

        def make() -> np.ndarray:  # which keeps no array of the recording
            return np.ndarray(shape, dtype, self.memory[room.memory], room.start, strides)

        comment = self.hints[x].comment if x in self.hints else ""
        self._bind(Bound(name, make, "", comment, room.memory, x))
        return name

    def _unpacked(self, x: Any, call: Call) -> str:
        if type(x) is Thing:
            return self._name(x, x.name, numbered=x.name == "state")
        if type(x) is Value:
            return self._name(x, *self._wish(x, call))
        if isinstance(x, tuple | list):
            inner = ", ".join([self._unpacked(part, call) for part in x])
            return f"({inner}{',' * (len(x) == 1)})"
        return "_"

    def _let_go(self) -> list[tuple[str, Call]]:
        """Delete what lies in no buffer after the last line that needs it."""
        local: dict[Any, set[str]] = {}
        homes = self.plan.homes
        for x, name in self.names.items():
            if type(x) is Value and name.isidentifier() and name not in self.bound:
                local.setdefault(homes.get(x.storage, x.storage), set()).add(name)
        for x in (*self.program.inputs, *self.program.wanted()):
            local.pop(homes.get(x.storage, x.storage), None)
        lines = []
        seen: set[Any] = set()
        for text, call in reversed(self.lines):
            calls = self.merged.get(text, [call])
            used = {
                homes.get(x.storage, x.storage)
                for c in calls
                for x in (*c.values(), *c.made())
            }  # fmt: skip
            gone = sorted({name for s in used - seen for name in local.get(s, ())})
            lines.append((f"{text}; del {', '.join(gone)}" if gone else text, call))
            seen |= used
        return lines[::-1]

    # Expressions

    def expression(self, call: Call, extra: str) -> str:
        """Write a call, with one more argument if there is one."""
        arguments = [self.text_of(x) for x in call.arguments]
        named = [f"{name}={self.text_of(_single(x))}" for name, x in call.keywords.items()]
        if extra:
            named.append(extra)
        if call.kind == "getitem":
            return f"{arguments[0]}[{self._index(call.arguments[1])}]"
        if call.kind == "setitem":
            return f"{arguments[0]}[{self._index(call.arguments[1])}] = {arguments[2]}"
        if call.kind == "attribute":
            return f"{arguments[0]}.{call.name}"
        if call.kind == "method":
            return f"{arguments[0]}.{call.name}({', '.join([*arguments[1:], *named])})"
        name = getattr(call.function, "__name__", "")
        method = getattr(type(call.arguments[0]), name, None) if call.arguments else None
        if method is not None and inspect.unwrap(method) is call.function:
            return f"{arguments[0]}.{name}({', '.join([*arguments[1:], *named])})"
        return f"{self.function(call.function)}({', '.join([*arguments, *named])})"

    def _index(self, x: Any) -> str:
        """Write an index, as it stands between brackets."""
        if type(x) is tuple and x:
            return ", ".join(map(self._index, x)) + "," * (len(x) == 1)
        if type(x) is slice:
            ends = [("" if part is None else self.text_of(part)) for part in (x.start, x.stop)]
            return ":".join(ends if x.step is None else [*ends, self.text_of(x.step)])
        return self.text_of(x)

    def function(self, function: Any) -> str:
        """Name a function: by NumPy's name, an imported one, or as an object's method."""
        if name := numpy_name(function):
            return name
        owner = getattr(function, "__self__", None)
        if owner is not None and getattr(owner, function.__name__, None) == function:
            return f"{self._object(owner)}.{function.__name__}"
        return self._object(function)

    def text_of(self, x: Any) -> str:
        """Write an argument."""
        if type(x) in (Value, Thing):
            return self.names[x]
        if type(x) is tuple or type(x) is list:
            return sequence([self.text_of(part) for part in x], type(x))
        if type(x) is slice:
            return f"slice({self.text_of(x.start)}, {self.text_of(x.stop)}, {self.text_of(x.step)})"
        return literal(x) or self._object(x)

    def _object(self, x: Any) -> str:
        """Name what has no text of its own."""
        if id(x) in self._objects:
            return self._objects[id(x)]
        wish, line = imported(x)
        name = wish or type(x).__name__.lower()
        name = self._taken.counted(name) if hasattr(builtins, name) else self._taken.new(name)
        self._objects[id(x)] = name
        self._held.append(x)
        self.space[name] = x
        if line:
            self.imports[name] = line if name == wish else f"{line.split(' as ')[0]} as {name}"
        elif isinstance(x, Optimizer):
            text = optimizer_text(x, self._parameter) if self.readable else ""
            self._bind(Bound(name, lambda: x, text))
            for kind in ("from_numpy", type(x).__name__):
                place = "tinygrad_mnist" + ".optim" * (kind != "from_numpy")
                self.imports[kind] = f"from {place} import {kind}"
        else:
            self._bind(Bound(name, lambda: x, "None", f"given: a {type(x).__name__}"))
        return name

    def _parameter(self, p: Any) -> str:
        """Name a parameter's array."""
        given = (x for x in self.names if type(x) is Value and x.storage.origin == "state")
        return next((self.names[x] for x in given if x.array is p._array), "np.zeros(0)")

    # The whole

    def returned(self) -> list[str]:
        """Return the expressions of what a step returns: gradients that lie in no buffer too."""
        program = self.program
        moving = [x for x in program.gradients if not self.lasts(x)]
        others = [
            self.names[x] + (".copy()" if x.storage.origin == "constant" else "") for x in moving
        ]
        return [self.names[x] for x in program.outputs + program.rebound] + others

    def lasts(self, gradient: Value) -> bool:
        """Whether a gradient lies in a buffer."""
        own = gradient.storage in self.plan.rooms
        return own and self.names[gradient].split(".")[0] in self.bound

    def body(self) -> list[str]:
        """Return the lines of the function."""
        returned = ", ".join(self.returned())
        end = [f"return {returned}," if returned else "return ()"]
        return [text for text, _ in self.lines] + end


def is_same(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays see the same memory in the same way."""
    return bool(
        same_layout(x, y) and x.__array_interface__["data"][0] == y.__array_interface__["data"][0]
    )


def _single(x: Any) -> Any:
    """Return the array in a tuple of one, as which a ufunc hands on where it is to write."""
    return x[0] if type(x) is tuple and len(x) == 1 and type(x[0]) is Value else x


def _made_by(results: Any) -> Iterator[Value | Thing]:
    if type(results) in (Value, Thing):
        yield results
    elif isinstance(results, tuple | list):
        for part in results:
            yield from _made_by(part)
