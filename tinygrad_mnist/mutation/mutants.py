"""Mutants: rules of the table, each with one mistake."""

from __future__ import annotations

import ast
import functools
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from types import CellType, FunctionType
from typing import Any

import numpy as np

from tinygrad_mnist.mutation.changes import asked, changes, returns_zeros
from tinygrad_mnist.ops import TABLE
from tinygrad_mnist.ops.contract import Domain, Op, Rule
from tinygrad_mnist.ops.rule_source import Tree, rule_source

KINDS = {
    "sign": "the gradient's sign is reversed",
    "factor": "the gradient is twice what it should be",
    "one": "the gradient is passed on, where the slope is zero",
    "constant": "a number in the rule is another",
    "term": "a term of a sum is dropped",
    "operand": "a factor or divisor is dropped",
    "array": "another saved array is used",
    "transpose": "the last two dimensions are exchanged",
    "broadcast": "broadcasting isn't undone: one slice is taken in the place of their sum",
}
"""The mistakes, each with what it does."""


class Mutant:
    """One rule with one mistake; as a context manager it is put into the table.

    Attributes
    ----------
    op, argument
        The operation, and the input whose rule it is.
    name
        The kind of mistake, with a number if there are several: ``term-2``.
    kind
        The mistake, of :data:`KINDS`.
    change
        What was changed in the rule's source, or what is done to its result.
    before, after
        The line of the source that was changed, as it was and as it is.
    rules
        The rules with the mistake: one, or several that share a function.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.mutation.mutants import mutants
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> with mutants("mul", "x")[0] as mutant:  # its sign is wrong
    ...     torch.mul(x, 3.0).backward()
    >>> mutant.kind, x.grad
    ('sign', tensor(-3.))
    """

    def __init__(
        self, op: Op, kind: str, rules: dict[str, Rule], change: str, before: str, after: str
    ) -> None:
        self.op, self.kind, self.rules = op, kind, rules
        self.argument = next(iter(rules))
        self.change, self.before, self.after = change, before, after
        self.name = kind

    def __enter__(self) -> Mutant:
        self._right = {name: self.op.rules[name] for name in self.rules}
        self._put(self.rules)
        return self

    def __exit__(self, *error: object) -> None:
        self._put(self._right)

    def _put(self, rules: dict[str, Rule]) -> None:
        self.op.rules.update(rules)
        self.op._plans.clear()

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it among all: operation, input, and change."""
        return self.op.name, self.argument, self.change

    def __repr__(self) -> str:
        which = ", ".join(self.rules)
        return f"<mutant of {self.op.name}, rule for {which}: {self.name}: {self.change}>"


def mutants(op: Op | str, argument: str | None = None) -> list[Mutant]:
    """Return the mutants of an operation's rules, or of the rule for one input.

    They are the same each time, in the same order.

    Parameters
    ----------
    op
        The operation, or its name.
    argument
        The name of one input.

    Returns
    -------
    A list of :class:`Mutant`.

    Raises
    ------
    KeyError
        If there is no such operation, or no rule for that input.

    Examples
    --------
    >>> from tinygrad_mnist.mutation.mutants import mutants
    >>> [mutant.name for mutant in mutants("mul", "x")]
    ['sign', 'factor', 'operand', 'operand-2', 'array', 'array-2', 'transpose', 'broadcast']
    """
    if isinstance(op, str):
        if op not in TABLE:
            raise KeyError(f"mutants: there is no operation {op!r}; TABLE has their names")
        op = TABLE[op]
    if argument is not None and argument not in op.rules:
        raise KeyError(
            f"mutants: {op.name} has no rule for {argument!r}; it has {', '.join(op.rules)}"
        )
    arguments = [argument] if argument else list(op.rules)
    return [mutant for name in arguments for mutant in _of_rule(op, name)]


def _of_rule(op: Op, name: str) -> list[Mutant]:
    found = [*_of_result(op, name), *_of_source(op, name), *_of_shape(op, name)]
    kinds: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    for mutant in found:
        kinds[mutant.kind] += 1
        texts[mutant.change] += 1
        if kinds[mutant.kind] > 1:
            mutant.name += f"-{kinds[mutant.kind]}"
        if texts[mutant.change] > 1:
            mutant.change += f" ({texts[mutant.change]})"
    return found


def _of_result(op: Op, name: str) -> Iterator[Mutant]:
    """Change what a rule returns."""
    if _is_zero(op.rules[name]):
        yield _outside(op, name, "one", lambda result, g: g, "g")
        return
    yield _outside(op, name, "sign", lambda result, g: -result, "-result")
    yield _outside(op, name, "factor", lambda result, g: result * 2, "result * 2")


def _is_zero(rule: Rule) -> bool:
    source = rule_source(rule.function)
    return source is not None and returns_zeros(source.tree)


def _of_shape(op: Op, name: str) -> Iterator[Mutant]:
    """Give a gradient that has the right shape, by mistakes that concern shapes."""
    if _is_zero(op.rules[name]):
        return
    symmetric = op.domains.get(name, Domain()).symmetric  # and so is its gradient
    if not symmetric and any(_is_square(given) for given in _given(op, name)):
        yield _outside(op, name, "transpose", _exchanged, "swapaxes(result, -1, -2)")
    if op.broadcasts:
        rule = _with_first_slice(op.rules[name])
        yield Mutant(op, "broadcast", {name: rule}, "result[0]", "result", "result[0]")


def _outside(op: Op, name: str, kind: str, change: Callable[[Any, Any], Any], text: str) -> Mutant:
    """Return a mutant whose result is changed."""
    rule = op.rules[name]

    @functools.wraps(rule.function)
    def mutant(g: Any, *args: Any, **kwargs: Any) -> Any:
        return change(rule.function(g, *args, **kwargs), g)

    return Mutant(op, kind, {name: rule._replace(function=mutant)}, text, "result", text)


def _given(op: Op, name: str) -> Iterator[Any]:
    """Yield what the samples have for an input."""
    for sample in op.samples:
        for position, given in enumerate(sample.inputs):
            if op.input_name(position) == name:
                yield given


def _is_square(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) > 1 and given[-1] == given[-2] > 1


def _exchanged(result: Any, g: Any) -> Any:
    """Exchange the last two dimensions, if they are equally long."""
    turns = result.ndim >= 2 and result.shape[-1] == result.shape[-2]
    return np.swapaxes(result, -1, -2) if turns else result


def _with_first_slice(rule: Rule) -> Rule:
    """Return a rule that undoes broadcasting by taking the first slice."""
    takes_shape = "shape" in rule.keywords

    def mutant(*args: Any, shape: tuple[int, ...], **kwargs: Any) -> Any:
        g = rule.function(*args, **(kwargs | {"shape": shape} if takes_shape else kwargs))
        if g.shape == shape:
            return g
        g = g[(0,) * (g.ndim - len(shape))] if all(g.shape) else np.zeros(shape)
        return g[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]

    keywords = rule.keywords if takes_shape else (*rule.keywords, "shape")
    return rule._replace(function=mutant, keywords=keywords)


def _of_source(op: Op, name: str) -> Iterator[Mutant]:
    """Change a rule's source in one place after another.

    Of rules that share a function the first one's mutants are those of all.
    """
    rule = op.rules[name]
    source, function = rule_source(rule.function), inspect.unwrap(rule.function)
    sharing = [key for key, r in op.rules.items() if inspect.unwrap(r.function) is function]
    if source is None or sharing[0] != name:
        return
    assert isinstance(function, FunctionType)
    wrapped = function is not rule.function
    # A wrapper hands on what it gets: of its arrays none can be missing, and none more.
    names = set(rule.arrays) if wrapped else {*op.inputs, *op.outputs, *op.residuals}
    for change in changes(source.tree, rule.arrays, names):
        exchanged = change.kind == "array" and not wrapped
        arrays = asked(change.tree, rule.arrays, names) if exchanged else rule.arrays
        changed = _compiled(change.tree, function, (*arrays, *rule.keywords))
        rules = {
            key: Rule(_rewrapped(op.rules[key].function, function, changed), arrays, rule.keywords)
            for key in (sharing if wrapped else [name])
        }
        yield Mutant(op, change.kind, rules, change.text, change.before, change.after)


def _compiled(tree: Tree, function: FunctionType, parameters: tuple[str, ...]) -> FunctionType:
    """Compile a changed rule among the names that the right one sees."""
    names = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    body: list[ast.stmt] = [ast.Return(tree.body)] if isinstance(tree, ast.Lambda) else tree.body
    takes = ast.arguments(
        [], [ast.arg(name) for name in ("g", *parameters)], None, [], [], None, []
    )
    made = ast.FunctionDef("mutant", takes, body, [])
    exec(compile(ast.fix_missing_locations(ast.Module([made], [])), "<mutant>", "exec"), names)
    mutant: FunctionType = names["mutant"]
    return mutant


def _rewrapped(
    rule: Callable[..., Any], right: FunctionType, wrong: FunctionType
) -> Callable[..., Any]:
    """Return a rule that wraps the wrong function as it wraps the right one."""
    if rule is right:
        return wrong
    assert isinstance(rule, FunctionType)
    cells = tuple(
        CellType(wrong) if cell.cell_contents is right else cell for cell in rule.__closure__ or ()
    )
    made = FunctionType(rule.__code__, rule.__globals__, closure=cells)
    made.__wrapped__ = wrong  # type: ignore[attr-defined]  # as functools.wraps does
    return made
