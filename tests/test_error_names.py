"""A function's name is put in front of its errors once: by its decorator, not by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinygrad_mnist as tg

ROOT = Path(tg.__file__).parent
NAMING = {"export", "named", "factory", "with_out"}


def decorators(function: ast.FunctionDef) -> set[str]:
    """Return the names of a function's decorators, but for those that leave its method alone."""
    calls = [d for d in function.decorator_list if "fast=True" not in ast.unparse(d)]
    return {ast.unparse(d.func if isinstance(d, ast.Call) else d) for d in calls}


def sentences(function: ast.FunctionDef) -> Iterator[str]:
    """Yield how the sentences begin that a function raises."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            text = node.exc.args[0]
            text = text.values[0] if isinstance(text, ast.JoinedStr) and text.values else text
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def named_by_hand(source: str) -> list[str]:
    return [
        f"{function.name}: {sentence}"
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef) and decorators(function) & NAMING
        for sentence in sentences(function)
        if sentence.startswith(f"{function.name}: ")
    ]


def test_scan_sees_a_name() -> None:
    assert named_by_hand("@export(inplace=True)\ndef f(x):\n    raise ValueError('f: no')")
    assert named_by_hand("@named\ndef f(x):\n    raise ValueError(f'f: {x}')")
    assert not named_by_hand("@named\ndef f(x):\n    raise ValueError(f'no {x}')")
    assert not named_by_hand("def f(x):\n    raise ValueError('f: no')")


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: p.stem)
def test_decorator_alone_names_errors(path: Path) -> None:
    assert named_by_hand(path.read_text()) == []
