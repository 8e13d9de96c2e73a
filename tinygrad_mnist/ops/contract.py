"""The contract of operations: a forward function on arrays, and one derivative rule per input.

An operation is declared once, and everything else follows from its entry::

    exp = op("exp", np.exp, x=lambda g, out: g * out, ...)
    mul = op("mul", np.multiply, x=lambda g, y: g * y, y=lambda g, x: g * x, ...)

A rule takes the gradient ``g`` of the output and returns the gradient of its input. **Its
signature says what is saved** for it: it may name

* an input, ``out``, or a residual (something extra that forward returns): an array is kept;
* a setting (a keyword-only parameter of forward): kept as it is;
* ``shape``, the shape of the rule's own input; for an operation on any number of inputs also
  ``position``, which of them this is, and ``shapes``, those of them all. No array is kept.

So ``x + y`` saves nothing, and ``x * y`` saves ``y`` only if ``x`` needs a gradient.

An operation may have several outputs. Then they have names, which stand where ``out`` stood, and
``g`` is the list of their gradients, with None for an output that nothing was computed from.

Rules are written with operators and NumPy functions. In training they see plain arrays. To
differentiate a second time the engine calls the same rule with Tensors, which speak NumPy's
protocols and record what the rule does; so there is no second table for second derivatives.

The entry also declares how to test it (samples, domain, kinks, PyTorch's expression) and how
to explain it (formula, docstring). Without them :func:`op` refuses it, so an untested
operation cannot exist.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_mnist.ops.entries import Domain as Domain
from tinygrad_mnist.ops.entries import Point as Point
from tinygrad_mnist.ops.entries import Sample as Sample
from tinygrad_mnist.ops.entries import check as check_entry
from tinygrad_mnist.ops.entries import signature
from tinygrad_mnist.ops.precision import compute

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.node import Node

TABLE: dict[str, Op] = {}
"""Every operation by name, in order of declaration."""

UFUNCS: dict[np.ufunc, Op] = {}
"""The operation that stands for a NumPy ufunc when it is called on Tensors."""


class Shapes(list[tuple[int, ...]]):
    """The shapes of an operation's inputs."""

    _starts: list[int] | None = None

    def start(self, position: int, dim: int) -> int:
        """Return where an input begins in all of them joined along a dimension."""
        if self._starts is None:
            self._starts = list(itertools.accumulate((s[dim] for s in self), initial=0))
        return self._starts[position]


class Rule(NamedTuple):
    """A derivative rule, read: which arrays and which keywords its signature asks for."""

    function: Callable[..., Any]
    arrays: tuple[str, ...]
    keywords: tuple[str, ...]


class Step(NamedTuple):
    """A rule made ready for a node: the input's position, and where its arrays were saved."""

    position: int
    function: Callable[..., Any]
    arrays: slice
    keywords: tuple[str, ...]


class Plan(NamedTuple):
    """The arrays a node saves and the rules it will run, for one set of tracked inputs."""

    saves: tuple[int, ...]
    """Positions in ``(*inputs, *outputs, *residuals)`` of the arrays to keep."""
    steps: tuple[Step, ...]


@dataclass(eq=False)
class Op:
    """An operation. Calling it computes on arrays, or records when given Tensors.

    Its fields are what :func:`op` was given, and explains.
    :func:`op` checks an entry and makes those of the table; what does no more than name a node,
    as a user's ``Function`` does, is made here.
    """

    name: str
    forward: Callable[..., Any]
    inputs: tuple[str, ...]
    settings: tuple[str, ...]
    rules: dict[str, Rule]
    formula: str = ""
    torch: str = ""
    samples: tuple[Sample, ...] = ()
    doc: str = ""
    domains: Mapping[str, Domain] = field(default_factory=dict)
    residuals: tuple[str, ...] = ()
    reference: Callable[..., Any] | None = None
    variadic: bool = False
    broadcasts: bool = False
    promotes: str = ""
    view: bool = False
    elementwise: bool = False
    once_differentiable: bool = False
    differentiable: bool = True
    outputs: tuple[str, ...] = ("out",)
    narrow: str = "e"
    check: Callable[..., None] | None = None
    output_writable: bool = False
    node_name: str | Callable[[Node], str] = ""
    part: Callable[..., Any] | None = None
    misfit: Callable[..., str] | None = None
    invariant: Callable[..., Sequence[Any]] | None = None
    packed: bool = field(init=False)
    """Whether forward returns a tuple: the outputs and the residuals."""
    plain: np.dtype[Any] | None = field(init=False)
    """float32, or None where that is narrow: for most calls, comparing with it is all there is."""
    _plans: dict[tuple[int, int], Plan] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Show the docstring of the entry as the operation's own."""
        self.__doc__ = self.doc
        self.node_name = self.node_name or self.name.title().replace("_", "") + "Backward0"
        self.packed = len(self.outputs) + len(self.residuals) > 1
        self.plain = None if "f" in self.narrow else np.dtype(np.float32)

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.inputs)})>"

    def __reduce__(self) -> tuple[Any, ...]:
        return entry, (self.name,)

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        """Compute on arrays, or record on the graph where an input is a Tensor.

        Tensors announce themselves with ``__op__``, as NumPy's own protocols do, so that this
        package needs to know nothing of them.
        """
        for x in inputs:
            if hasattr(type(x), "__op__"):
                return x.__op__(self, *inputs, **settings)
        try:
            out = self.compute(*inputs, **settings)
        except TypeError:
            if said := self.misuse(len(inputs), settings):
                raise TypeError(f"{self.name}: {said}") from None
            raise
        count = len(self.outputs)
        return tuple(out[:count]) if count > 1 else out[0] if self.packed else out

    def compute(self, *arrays: Any, **settings: Any) -> Any:
        """Call forward; in the next wider dtype where that of the arrays is narrow."""
        return compute(self, arrays, settings)

    def misuse(self, count: int, settings: Mapping[str, Any]) -> str:
        """Say what doesn't fit a call's number of inputs and its settings, or an empty string."""
        return signature(self.forward, self.inputs).misuse(count, settings)

    def input_name(self, position: int) -> str:
        """Name the input at a position; a variadic operation has one name for them all."""
        return self.inputs[0] if self.variadic else self.inputs[position]

    def domain(self, position: int) -> Domain:
        """Return where the input at a position may be drawn from."""
        return self.domains.get(self.input_name(position), Domain())

    def plan(self, count: int, mask: int) -> Plan:
        """Return what to save and which rules to run; bit ``i`` of mask: input i is tracked.

        Raises
        ------
        RuntimeError
            When a tracked input has no rule while other inputs have: dropping its gradient
            in silence would be a wrong gradient.
        """
        plan = self._plans.get((count, mask))
        if plan is None:
            plan = self._plans[count, mask] = self._make_plan(count, mask)
        return plan

    def _make_plan(self, count: int, mask: int) -> Plan:
        if count > len(self.inputs) and not self.variadic:
            raise TypeError(f"{self.name}: {self.misuse(count, {})}")
        names = self.inputs * count if self.variadic else self.inputs
        stored = (*names[:count], *self.outputs, *self.residuals)
        saves: list[int] = []
        steps: list[Step] = []
        for position in range(count):
            if not mask >> position & 1:
                continue
            rule = self.rules.get(names[position])
            if rule is None:
                raise RuntimeError(
                    f"{self.name}: the derivative with respect to '{names[position]}' is not "
                    f"defined; pass {names[position]}.detach()"
                )
            start = len(saves)
            saves += [stored.index(name) for name in rule.arrays]
            arrays = slice(start, len(saves))
            steps.append(Step(position, rule.function, arrays, rule.keywords))
        if self.once_differentiable:
            # Higher derivatives go through the reference, which starts from the inputs.
            saves += [i for i in range(count) if i not in saves]
        return Plan(tuple(saves), tuple(steps))


def entry(name: str) -> Op:
    """Return an operation by its name, as pickles name it."""
    if name not in TABLE:
        raise KeyError(f"there is no operation {name!r}; import the module that declares it first")
    return TABLE[name]


def op(
    name: str,
    forward: Callable[..., Any],
    *,
    formula: str = "",
    torch: str = "",
    samples: Sequence[Sample] = (),
    doc: str = "",
    domains: Mapping[str, Domain] | Domain | None = None,
    residuals: Sequence[str] = (),
    reference: Callable[..., Any] | None = None,
    broadcasts: bool = False,
    promotes: str = "",
    view: bool = False,
    elementwise: bool = False,
    once_differentiable: bool = False,
    outputs: Sequence[str] = ("out",),
    narrow: str = "e",
    check: Callable[..., None] | None = None,
    output_writable: bool = False,
    node_name: str | Callable[[Node], str] = "",
    part: Callable[..., Any] | None = None,
    misfit: Callable[..., str] | None = None,
    invariant: Callable[..., Sequence[Any]] | None = None,
    ufunc: np.ufunc | None = None,
    **rules: Callable[..., Any] | None,
) -> Op:
    """Declare an operation and enter it into the table.

    Parameters
    ----------
    name
        Its name; PyTorch's where PyTorch has one.
    forward
        A function of arrays. Positional parameters are its inputs, keyword-only ones its
        settings. With residuals it returns ``(out, *residuals)``.
    formula, doc
        What it computes, as an equation and in words (default: forward's docstring).
    torch
        The same in PyTorch: an expression of the inputs, the settings, ``torch`` and ``F``.
    samples, domains
        Inputs to test it on; where to draw them from, for all inputs or by name.
    residuals
        Names of further arrays that forward returns for the rules.
    reference
        The same function composed of other operations, which tests compare with forward.
    broadcasts
        Whether inputs broadcast; then the engine sums a gradient back to its input's shape.
    promotes
        ``"float"``: integers become the default floating dtype; ``"common"``: inputs are
        brought to their common dtype; ``""``: they are taken as they are.
    view
        Whether the output may share memory with the first input.
    elementwise
        Whether the output lies in memory in the order of the inputs.
    once_differentiable
        Whether the rules compute in a way that can't be recorded, so that higher derivatives
        go through the reference. So it is where there are residuals.
    outputs
        Their names, where there are several: forward returns ``(*outputs, *residuals)``.
    narrow
        Dtypes that are computed in the next wider one (:mod:`~tinygrad_mnist.ops.precision`).
    check
        A function of the inputs that raises where PyTorch has no such operation for numbers of
        their kinds (:func:`~tinygrad_mnist.ops.promotion.refuse`). It is called before inputs are
        promoted, so ``promotes`` has to be given too.
    output_writable
        Whether scripts may write to the output though a rule reads it, because PyTorch's rule
        doesn't: what is saved of the output is copied before such a write.
    node_name
        The name that PyTorch gives to its node, or a function of the node that returns it, if it
        isn't made of the operation's own as ``MaskedSelectBackward0`` is.
    part
        For an operation that returns a part of its one input: a function of the settings that
        returns the part's index, or None if elements repeat. Gradients of parts are added up in
        one array, where the rule would make one of zeros for each.
    misfit
        A function of the inputs and settings that says in a sentence what of them doesn't fit;
        it is called when forward has raised a ValueError. An empty sentence leaves it at that.
    invariant
        For outputs that aren't unique, such as columns of any sign: a function of them that
        returns what is, for tests to compare.
    ufunc
        The ufunc of NumPy's that it stands for when that is called on Tensors, if not forward.
    **rules
        One per input: a function of the gradient and whatever it needs, or None for an input
        that has no derivative.

    Raises
    ------
    TypeError
        When the entry is incomplete, a field can't have its value, or a rule asks for something
        that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> op("half", lambda x: x / 2, x=lambda g: g / 2, formula="x / 2", torch="x / 2",
    ...    samples=[])
    Traceback (most recent call last):
    TypeError: operation 'half': it has no samples; give a list, such as [Sample((2, 3))]
    """
    takes = check_entry(name, forward, rules, locals())
    if name in TABLE:
        raise TypeError(f"operation {name!r}: there is one of this name; choose another name")
    if ufunc is None and isinstance(forward, np.ufunc):
        ufunc = forward
    doc = inspect.cleandoc(doc or ("" if ufunc is forward else forward.__doc__) or "")
    if not doc and op.__doc__:  # python -OO leaves docstrings out, this one too
        raise TypeError(f"operation {name!r}: it has no doc; say in a sentence what it computes")
    elementwise = elementwise or (ufunc is forward and ufunc.signature is None)
    once_differentiable = once_differentiable or bool(residuals)
    inputs, settings = takes.inputs, takes.settings
    known = ({*inputs, *outputs, *residuals}, {*settings, "shape", "position", "shapes"})
    read = {key: _read(name, key, rule, *known) for key, rule in rules.items() if rule is not None}
    if domains is None or isinstance(domains, Domain):
        domains = dict.fromkeys(inputs, domains or Domain())
    made = Op(
        name, forward, inputs, settings, read, formula, torch, tuple(samples), doc, domains,
        tuple(residuals), reference, takes.variadic, broadcasts, promotes, view, elementwise,
        once_differentiable, bool(read), tuple(outputs), narrow, check,
        output_writable, node_name, part, misfit, invariant,
    )  # fmt: skip
    TABLE[name] = made
    if ufunc is not None:
        UFUNCS[ufunc] = made
    return made


def _read(
    name: str, key: str, rule: Callable[..., Any], arrays: set[str], keywords: set[str]
) -> Rule:
    """Read a rule's signature: first ``g``, then arrays to save, then keywords."""
    try:
        takes = signature(rule)
        first, *rest = takes.inputs + takes.settings
    except ValueError:  # it takes none, or is written in C
        first, rest = "nothing that can be read; write it as a lambda", []
    wanted = tuple(p for p in rest if p in arrays)
    others = tuple(p for p in rest if p not in arrays)
    unknown = [p for p in others if p not in keywords]
    if first != "g" or unknown or tuple(rest) != wanted + others:
        raise TypeError(
            f"operation {name!r}: the rule for {key!r} must take g, then arrays out of "
            f"{', '.join(sorted(arrays))}, then keywords out of {', '.join(sorted(keywords))}; it "
            f"takes {', '.join([first, *rest])}"
        )
    return Rule(rule, wanted, others)
