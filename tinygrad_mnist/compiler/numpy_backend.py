"""The NumPy backend: a program as Python source, in buffers that are planned once.

What stays where it is from step to step (parameters, buffers, and views of them) is bound once, as
a global name. The rest is a function of straight-line code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_mnist.compiler.passes import is_view
from tinygrad_mnist.compiler.trace import Call, Program, Storage, Value, leaves, mapped
from tinygrad_mnist.compiler.tracer import perform

REDUCTIONS = {np.sum, np.mean, np.max, np.min, np.amax, np.amin, np.prod, np.cumsum, np.take}
"""Functions other than ufuncs that can write their result to a given array."""


def takes_out(call: Call) -> bool:
    """Whether a call can be told where to write its result."""
    if call.writes or call.effect or "out" in call.keywords or call.kind != "function":
        return False
    function = call.function
    if type(function) is np.ufunc:
        return function.nout == 1
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return bool(function.__name__ in ("reduce", "accumulate", "outer"))
    return function in REDUCTIONS


def is_elementwise(call: Call) -> bool:
    """Whether a call reads each element of its inputs just before it writes to the same place."""
    return type(call.function) is np.ufunc and call.function.signature is None


@dataclass
class Plan:
    """Where arrays are: which storages have a buffer, and which buffer.

    Attributes
    ----------
    slots
        The number of a slot for each storage that has one.
    sizes
        The size of each slot, in bytes.
    """

    slots: dict[Storage, int] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)


def plan_buffers(program: Program, reuse: bool = True) -> Plan:
    """Give each array that a call can write into a buffer, and reuse those of dead ones."""
    plan = Plan()
    last: dict[Storage, int] = {}
    for i, call in enumerate(program.calls):
        for x in call.values():
            last[x.storage] = i
        for x in call.made():
            last.setdefault(x.storage, i)
        for storage in call.writes:
            last[storage] = i
    outputs = {x.storage for x in program.outputs}
    for x in program.wanted():
        last[x.storage] = len(program.calls)
    ends: dict[int, list[Storage]] = {}
    for storage, i in last.items():
        ends.setdefault(i, []).append(storage)
    free: list[int] = []
    for i, call in enumerate(program.calls):
        dying = [plan.slots[s] for s in ends.get(i, ()) if s in plan.slots]
        result = call.results
        if takes_out(call) and type(result) is Value and result.storage not in outputs:
            array = result.array
            if array.size and result.storage.array is array and result.storage not in plan.slots:
                inplace = _operand(call, plan, last, i) if reuse and is_elementwise(call) else None
                slot = inplace if inplace is not None else _slot(plan, free, array.nbytes, reuse)
                plan.slots[result.storage] = slot
                if inplace is not None:
                    dying.remove(slot)
        if reuse:
            free += dying
    return plan


def _operand(call: Call, plan: Plan, last: dict[Storage, int], i: int) -> int | None:
    """Return the slot of an operand that the result may be written over."""
    result = call.results.array
    for x in call.values():
        if (
            x.storage in plan.slots
            and last[x.storage] == i
            and x.array.nbytes == result.nbytes
            and x.array.shape == result.shape
            and x.array.strides == result.strides
            and x.array.dtype == result.dtype
            and x.storage.array.size == x.array.size
            and sum(y.storage is x.storage for y in call.values())
            == sum(y is x for y in call.values())
        ):
            return plan.slots[x.storage]
    return None


def _slot(plan: Plan, free: list[int], size: int, reuse: bool) -> int:
    """Take a free slot of about the size, or a new one."""
    fitting = [s for s in free if size <= plan.sizes[s] <= 2 * size]
    if reuse and fitting:
        best = fitting[-1]  # the one that was freed last is in the cache
        free.remove(best)
        return best
    plan.sizes.append(size)
    return len(plan.sizes) - 1


class Names:
    """Python names for what a program uses."""

    def __init__(self, program: Program) -> None:
        self.known: dict[int, str] = {}
        self.counts: dict[str, int] = {}
        self.held: list[Any] = []

    def new(self, x: Any, prefix: str) -> str:
        """Name something."""
        number = self.counts.get(prefix, 0)
        self.counts[prefix] = number + 1
        self.known[id(x)] = name = f"{prefix}{number}"
        self.held.append(x)
        return name


class Built:
    """A program that can be run.

    Attributes
    ----------
    run
        Takes the arrays of the inputs, and returns those of outputs and gradients.
    """

    def __init__(self, program: Program, reuse: bool = True) -> None:
        self.program = program
        self.plan = plan_buffers(program, reuse)
        self.names = Names(program)
        self.globals: dict[str, Any] = {"np": np}
        self._rebind: list[Callable[[], None]] = []
        self.fixed: set[Storage] = set()
        self.lines: list[str] = []
        self.of_line: list[Call | None] = []
        self._write()

    def _write(self) -> None:
        program, names = self.program, self.names
        inputs = {x.storage for x in program.inputs}
        moving = [names.new(x, "x") for x in program.inputs]
        slots = [np.empty(size, np.uint8) for size in self.plan.sizes]
        body: list[str] = []
        for call in program.calls:
            for x in call.values():
                if id(x) not in names.known and x.storage.origin in ("state", "constant"):
                    self._bind(x, "p" if x.storage.origin == "state" else "c", x.array)
            if is_view(call) and call.arguments[0].storage not in inputs:
                first = names.known.get(id(call.arguments[0]))
                if first in self.globals:
                    reals = mapped(call.arguments, self._real)
                    keywords = {k: mapped(x, self._real) for k, x in call.keywords.items()}
                    view = perform(call.function, reals, keywords, call.kind, call.name)
                    self._bind(call.results, first + "_", view)
                    continue
            extra = ""
            target = self._target(call, slots)
            if target and target in self.globals:
                extra, target = f"out={target}", ""
            body.append(
                f"{target} = {self._expression(call, extra)}"
                if target
                else self._expression(call, extra)
            )
            self.of_line.append(call)
        returned = [names.known[id(x)] for x in program.wanted()]
        self.lines = body
        text = "\n    ".join(
            [
                f"def step({', '.join(moving)}):",
                *body,
                f"return {', '.join(returned)}{',' if returned else ''}",
            ]
        )
        self.text = text
        exec(compile(text, "<compiled step>", "exec"), self.globals)
        self.run: Callable[..., tuple[Any, ...]] = self.globals["step"]

    def _bind(self, x: Value, prefix: str, array: Any) -> str:
        name = self.names.new(x, prefix)
        self.globals[name] = array
        return name

    def _real(self, x: Any) -> Any:
        return self.globals[self.names.known[id(x)]] if type(x) is Value else x

    def _target(self, call: Call, slots: Sequence[np.ndarray]) -> str:
        results = call.results
        if type(results) is Value:
            slot = self.plan.slots.get(results.storage)
            if slot is not None and takes_out(call):
                array = results.array
                buffer = np.ndarray(
                    array.shape,
                    array.dtype,
                    buffer=slots[slot][: array.nbytes],
                    strides=_positive(array),
                )
                return self._bind(results, "b", buffer)
            return self.names.new(results, "v")
        if isinstance(results, tuple | list):
            if not any(True for _ in leaves(results)):
                return ""
            return ", ".join(self.names.new(x, "v") if type(x) is Value else "_" for x in results)
        return ""

    def _expression(self, call: Call, extra: str) -> str:
        arguments = [self.text_of(x) for x in call.arguments]
        named = [f"{name}={self.text_of(x)}" for name, x in call.keywords.items()]
        if extra:
            named.append(extra)
        if call.kind == "getitem":
            return f"{arguments[0]}[{arguments[1]}]"
        if call.kind == "setitem":
            return f"{arguments[0]}[{arguments[1]}] = {arguments[2]}"
        if call.kind == "attribute":
            return f"{arguments[0]}.{call.name}"
        if call.kind == "method":
            return f"{arguments[0]}.{call.name}({', '.join([*arguments[1:], *named])})"
        return f"{self.function(call.function)}({', '.join([*arguments, *named])})"

    def function(self, function: Any) -> str:
        """Name a function: NumPy's by its own name, others by one made up."""
        method = ""
        if isinstance(getattr(function, "__self__", None), np.ufunc):
            function, method = function.__self__, f".{function.__name__}"
        name = getattr(function, "__name__", "")
        if getattr(np, name, None) is function:
            return f"np.{name}{method}"
        if getattr(np.linalg, name, None) is function:
            return f"np.linalg.{name}{method}"
        known = self.names.known.get(id(function))
        if known is None:
            known = self.names.new(function, "k")
            self.globals[known] = function
        return known + method

    def text_of(self, x: Any) -> str:
        """Write an argument."""
        if type(x) is Value:
            return self.names.known[id(x)]
        if type(x) is tuple:
            inner = ", ".join(map(self.text_of, x))
            return f"({inner},)" if len(x) == 1 else f"({inner})"
        if type(x) is list:
            return f"[{', '.join(map(self.text_of, x))}]"
        if type(x) is slice:
            return f"slice({self.text_of(x.start)}, {self.text_of(x.stop)}, {self.text_of(x.step)})"
        if (
            x is None
            or x is Ellipsis
            or type(x) in (int, bool, str)
            or (type(x) is float and abs(x) < 1e300)
        ):
            return repr(x)
        known = self.names.known.get(id(x))
        if known is None:
            known = self.names.new(x, "o")
            self.globals[known] = x
        return known


def _positive(array: np.ndarray) -> tuple[int, ...]:
    """Return the strides of a buffer that lies in memory as an array does, without gaps."""
    order = sorted(range(array.ndim), key=lambda d: (-abs(array.strides[d]), d))
    strides, step = [0] * array.ndim, array.itemsize
    for d in reversed(order):
        strides[d] = step
        step *= array.shape[d]
    return tuple(strides)
