"""Mutants: rules of the table, each with one mistake."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, TracebackType
from typing import Any

import numpy as np

from tinygrad_mnist.ops import TABLE
from tinygrad_mnist.ops.contract import Op, Rule

KINDS = {
    "sign": "the gradient's sign is reversed",
    "factor": "the gradient is twice what it should be",
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
    kind
        The mistake, of :data:`KINDS`.
    change
        What was changed in the rule's source; empty if the rule was changed from outside.
    rule
        The rule with the mistake.
    """

    def __init__(self, op: Op, argument: str, kind: str, rule: Rule, change: str = "") -> None:
        self.op, self.argument, self.kind = op, argument, kind
        self.rule, self.change = rule, change

    def __enter__(self) -> Mutant:
        self._right = self.op.rules[self.argument]
        self._put(self.rule)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._put(self._right)

    def _put(self, rule: Rule) -> None:
        self.op.rules[self.argument] = rule
        self.op._plans.clear()

    def __repr__(self) -> str:
        change = f": {self.change}" if self.change else ""
        return f"<mutant of {self.op.name}, rule for {self.argument}: {self.kind}{change}>"


def mutants(op: Op | str, argument: str | None = None) -> list[Mutant]:
    """Return the mutants of an operation's rules, or of the rule for one input.

    Raises
    ------
    KeyError
        If there is no such operation, or no rule for that input.

    Examples
    --------
    >>> [mutant.kind for mutant in mutants("mul", "x")]
    ['sign', 'factor', 'operand', 'operand', 'array', 'array', 'transpose', 'broadcast']
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


def _of_rule(op: Op, name: str) -> Iterator[Mutant]:
    rule = op.rules[name]
    yield Mutant(op, name, "sign", _around(rule, lambda g: -g))
    yield Mutant(op, name, "factor", _around(rule, lambda g: g * 2))
    for kind, change, function in _in_source(op, rule):
        yield Mutant(op, name, kind, _read(op, function), change)
    yield Mutant(op, name, "transpose", _around(rule, _exchanged))
    if op.broadcasts:
        yield Mutant(op, name, "broadcast", _with_first_slice(rule))


def _around(rule: Rule, change: Callable[[Any], Any]) -> Rule:
    """Return a rule whose result is changed."""

    @functools.wraps(rule.function)
    def mutant(*args: Any, **kwargs: Any) -> Any:
        return change(rule.function(*args, **kwargs))

    return rule._replace(function=mutant)


def _exchanged(g: Any) -> Any:
    """Exchange the last two dimensions, if they are equally long."""
    turns = g.ndim >= 2 and g.shape[-1] == g.shape[-2]
    return np.swapaxes(g, -1, -2) if turns else g


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


# Changes of the source


def _in_source(op: Op, rule: Rule) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Change a rule's source in one place after another; yield kind, change and function."""
    found = _tree(rule.function)
    if found is None or not isinstance(rule.function, FunctionType):
        return
    names = {*op.inputs, *op.outputs, *op.residuals}
    parts = list(ast.walk(found))
    for place, part in enumerate(parts):
        for kind, changed in _changes(part, rule.arrays, names):
            tree = copy.deepcopy(found)
            _replace(tree, list(ast.walk(tree))[place], changed)
            if kind == "array":
                _rename_parameters(tree, names, rule)
            change = f"{ast.unparse(part)} -> {ast.unparse(changed)}"
            yield kind, change, _compiled(tree, rule.function)


def _changes(
    part: ast.AST, arrays: tuple[str, ...], names: set[str]
) -> Iterator[tuple[str, ast.expr]]:
    """Yield what may stand in the place of a part of a rule's source."""
    if isinstance(part, ast.BinOp):
        if isinstance(part.op, ast.Add | ast.Sub):
            yield "term", part.left
            minus = isinstance(part.op, ast.Sub)
            yield "term", ast.UnaryOp(ast.USub(), part.right) if minus else part.right
        elif isinstance(part.op, ast.Mult | ast.Div):
            yield "operand", part.left
            if isinstance(part.op, ast.Mult):
                yield "operand", part.right
    elif isinstance(part, ast.Constant) and type(part.value) is float:
        yield "constant", ast.Constant(part.value + 1)
    elif isinstance(part, ast.Name) and part.id in arrays and isinstance(part.ctx, ast.Load):
        for other in sorted(names - {part.id}):
            yield "array", ast.Name(other, ast.Load())


def _tree(function: Callable[..., Any]) -> ast.Lambda | ast.FunctionDef | None:
    """Return the syntax tree of a rule: a lambda in the table, or a function."""
    if not isinstance(function, FunctionType):
        return None
    code = function.__code__
    if code.co_name != "<lambda>":
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        return tree if isinstance(tree, ast.FunctionDef) else None
    where = {p[:4:2] + p[1:4:2] for p in code.co_positions() if None not in p and p[2]}
    for lambda_ in _lambdas(code.co_filename):
        body = lambda_.body
        whole = (body.lineno, body.col_offset, body.end_lineno, body.end_col_offset)
        if code.co_firstlineno <= lambda_.lineno and whole in where:
            return lambda_
    return None


@functools.lru_cache
def _lambdas(file: str) -> list[ast.Lambda]:
    with open(file) as source:
        tree = ast.parse(source.read())
    return [part for part in ast.walk(tree) if isinstance(part, ast.Lambda)]


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for part in ast.walk(tree):
        for field, value in ast.iter_fields(part):
            if value is old:
                setattr(part, field, new)
            elif isinstance(value, list):
                setattr(part, field, [new if item is old else item for item in value])


def _rename_parameters(tree: ast.Lambda | ast.FunctionDef, names: set[str], rule: Rule) -> None:
    """Let a rule ask for the arrays that its source now uses."""
    used = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)}
    arguments = tree.args
    keywords = [a for a in arguments.args[1:] if a.arg not in names]
    arrays = [ast.arg(name) for name in (*rule.arrays, *sorted(names)) if name in used]
    unique = list({a.arg: a for a in arrays}.values())
    arguments.args = [arguments.args[0], *unique, *keywords]


def _compiled(tree: ast.Lambda | ast.FunctionDef, function: FunctionType) -> Callable[..., Any]:
    """Compile a changed rule among the names that the right one sees."""
    names = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    if isinstance(tree, ast.Lambda):
        tree = ast.copy_location(_as_function(tree), tree)
    tree.decorator_list = []
    module = ast.fix_missing_locations(ast.Module([tree], []))
    exec(compile(module, "<mutant>", "exec"), names)
    mutant: Callable[..., Any] = names[tree.name]
    return mutant


def _as_function(tree: ast.Lambda) -> ast.FunctionDef:
    return ast.FunctionDef("mutant", tree.args, [ast.Return(tree.body)], [])


def _read(op: Op, function: Callable[..., Any]) -> Rule:
    _, *rest = inspect.signature(function).parameters
    names = {*op.inputs, *op.outputs, *op.residuals}
    arrays = tuple(name for name in rest if name in names)
    return Rule(function, arrays, tuple(name for name in rest if name not in names))
