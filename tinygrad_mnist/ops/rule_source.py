"""A rule's own source: the lambda or the function, not the whole entry around it."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, NamedTuple, TypeAlias

Tree: TypeAlias = ast.Lambda | ast.FunctionDef


class RuleSource(NamedTuple):
    """Where a rule is written, and how.

    Attributes
    ----------
    text
        ``lambda g, y: g * y``, or the lines of a function.
    file, line
        The file, and the number of the first line.
    tree
        Its syntax.
    """

    text: str
    file: str
    line: int
    tree: Tree


def rule_source(function: Callable[..., Any]) -> RuleSource | None:
    """Return the source of a rule; None where there is none, as of what isn't written in Python.

    Of a function that wraps another it is the other's.

    Examples
    --------
    >>> from tinygrad_mnist.ops import mul, sinc
    >>> rule_source(mul.rules["x"].function).text
    'lambda g, y: g * y'
    >>> rule_source(sinc.rules["x"].function).text.splitlines()[0]
    'def _sinc_rule(g: Any, x: Any) -> Any:'
    """
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType):
        return None
    return _of_code(function.__code__)


@functools.cache
def _of_code(code: CodeType) -> RuleSource | None:
    lines = linecache.getlines(code.co_filename)
    found = [tree for tree in _trees(code.co_filename) if _is_of(tree, code)]
    if not lines or not found:
        return None
    tree = found[-1]  # the innermost
    cut = lines[tree.lineno - 1 : tree.end_lineno]
    if isinstance(tree, ast.Lambda):
        text = ast.get_source_segment("".join(lines), tree) or ""
        first, *rest = text.split("\n")
        text = "\n".join([first, *textwrap.dedent("\n".join(rest)).split("\n")]) if rest else first
    else:
        text = textwrap.dedent("".join(cut)).rstrip()
    return RuleSource(text, code.co_filename, tree.lineno, tree)


@functools.cache
def _trees(file: str) -> list[Tree]:
    """Return a file's functions, an outer one before those in it."""
    try:
        whole = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return []
    return [part for part in ast.walk(whole) if isinstance(part, Tree)]


def _is_of(tree: Tree, code: CodeType) -> bool:
    """Whether a function was compiled to this code."""
    if isinstance(tree, ast.FunctionDef):
        first = min([tree.lineno, *(d.lineno for d in tree.decorator_list)])
        return tree.name == code.co_name and first == code.co_firstlineno
    if code.co_name != "<lambda>" or tree.lineno != code.co_firstlineno:
        return False
    # Several lambdas may begin in a line: this one's instructions lie in its body.
    body = tree.body
    start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    places = [p for p in code.co_positions() if None not in p and p[3]]
    return all(start <= (p[0], p[2]) and (p[1], p[3]) <= end for p in places)
