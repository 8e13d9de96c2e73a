"""The mistakes that can be made in a rule's source, one at a time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from tinygrad_mnist.ops.rule_source import Tree

_ABOUT_ARRAYS = frozenset({"shape", "ndim", "size", "dtype"})
_LIKE = frozenset({"zeros_like", "ones_like", "empty_like", "len", "type", "isinstance"})


class Change(NamedTuple):
    """One change of a rule's source.

    Attributes
    ----------
    kind
        The mistake.
    text
        What it was, and what it is: ``g * y -> g``.
    before, after
        The line in which it is, as it was and as it is.
    tree
        The changed rule.
    """

    kind: str
    text: str
    before: str
    after: str
    tree: Tree


def changes(tree: Tree, arrays: tuple[str, ...], names: set[str]) -> Iterator[Change]:
    """Change a rule's source in one place after another, and change it back.

    ``arrays`` are those that the rule asks for, ``names`` all that it could ask for. The tree is
    changed until the next change is asked for.
    """
    parents = {child: part for part in ast.walk(tree) for child in ast.iter_child_nodes(part)}
    for part in list(ast.walk(tree)):
        for kind, new in list(_instead_of(part, parents, arrays, names)):
            line, shown = _lines(part, parents, tree)
            before, context = ast.unparse(line).split("\n")[0], ast.unparse(shown)
            _replace(parents[part], part, new)
            try:
                after = ast.unparse(new if line is part else line).split("\n")[0]
                now = ast.unparse(new if shown is part else shown)
                if isinstance(new, ast.Pass):
                    yield Change(kind, f"without {context}", before, "", tree)
                else:
                    yield Change(kind, f"{context} -> {now}", before, after, tree)
            finally:
                _replace(parents[part], new, part)


def asked(tree: Tree, arrays: tuple[str, ...], names: set[str]) -> tuple[str, ...]:
    """Return the arrays that a rule has to ask for, as its source now is."""
    used = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)}
    return tuple(dict.fromkeys(n for n in (*arrays, *sorted(names)) if n in used))


def returns_zeros(tree: Tree) -> bool:
    """Whether a rule is no more than zeros: no sign or factor changes those."""
    return isinstance(tree, ast.Lambda) and ast.unparse(tree.body) == "np.zeros_like(g)"


def _instead_of(
    part: ast.AST, parents: dict[ast.AST, ast.AST], arrays: tuple[str, ...], names: set[str]
) -> Iterator[tuple[str, ast.AST]]:
    """Yield what may stand in the place of a part of a rule's source."""
    match part:
        case ast.BinOp(left, ast.Add(), right):
            yield from (("term", left), ("term", right))
        case ast.BinOp(left, ast.Sub(), right):
            yield from (("term", left), ("term", ast.UnaryOp(ast.USub(), right)))
        case ast.BinOp(left, ast.Mult(), right):
            yield from (("operand", left), ("operand", right))
        case ast.BinOp(left, ast.Div(), _):
            yield "operand", left
        case ast.AugAssign(op=ast.Add() | ast.Sub()):
            yield "term", ast.Pass()
        case ast.AugAssign(op=ast.Mult() | ast.Div()):
            yield "operand", ast.Pass()
        case ast.Constant(float() as value):
            yield "constant", ast.Constant(value + 1)
        case ast.Name(name, ast.Load()) if name in arrays and not _only_shape(part, parents):
            yield from (("array", ast.Name(other, ast.Load())) for other in sorted(names - {name}))


def _only_shape(part: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether not an array's numbers are asked for, but its shape or dtype, or if it is given."""
    match parents[part]:
        case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
            return True
        case ast.Attribute(attr=attr):
            return attr in _ABOUT_ARRAYS
        case ast.Call(ast.Attribute(attr=name) | ast.Name(id=name)):
            return name in _LIKE
    return False


def _lines(part: ast.AST, parents: dict[ast.AST, ast.AST], tree: Tree) -> tuple[ast.AST, ast.AST]:
    """Return the statement that a part is in, or the lambda; and what of it is worth showing."""
    shown = parents[part] if isinstance(part, ast.Name | ast.Constant) else part
    if isinstance(shown, ast.arguments | ast.keyword):
        shown = part
    line = shown
    while line is not tree and not isinstance(line, ast.stmt):
        line = parents[line]
    return line, (part if isinstance(shown, ast.stmt) and shown is not part else shown)


def _replace(parent: ast.AST, old: ast.AST, new: ast.AST) -> None:
    """Put a part of the source in another's place."""
    for field, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, field, new)
        elif isinstance(value, list):
            setattr(parent, field, [new if item is old else item for item in value])
