"""Who may import whom, what an import brings along, and how long the engine is."""

from __future__ import annotations

import ast
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinygrad_mnist

ROOT = Path(tinygrad_mnist.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

ROOMS = [
    "__config__",
    "absent",
    "accelerator",
    "cpu",
    "fft",
    "jit",
    "multiprocessing",
    "profiler",
    "version",
    "amp",
    "backends",
    "cuda",
    "files",
    "late",
    "memory",
    "naming",
    "ops",
    "autograd",
    "tensor",
    "threads",
    "linalg",
    "distributions",
    "nn",
    "optim",
    "func",
    "utils",
    "serialization",
    "structure",
    "safetensors",
    "random",
    "settings",
    "special",
    "testing",
    "datasets",
    "viz",
    "words",
]
ALLOWED = {
    "__config__": {"absent", "threads"},
    "absent": set(),
    "accelerator": {"absent"},
    "cpu": {"absent"},
    "fft": {"absent", "tensor"},
    "jit": {"absent", "naming"},
    "multiprocessing": {"absent"},
    "profiler": {"absent"},
    "version": {"absent"},
    "amp": set(),
    "backends": set(),
    "cuda": {"amp"},
    "files": {"late"},
    "late": set(),
    "memory": set(),
    "naming": {"words"},
    "ops": {"late", "threads"},
    "autograd": {"naming", "ops", "words"},
    "tensor": {"absent", "naming", "ops", "autograd"},
    "threads": set(),
    "linalg": {"naming", "ops", "autograd", "tensor"},
    "distributions": {"absent", "naming", "autograd", "tensor", "linalg", "nn"},
    "nn": {"absent", "naming", "ops", "autograd", "tensor"},
    "optim": {"late", "naming", "ops", "autograd", "tensor", "nn"},
    "func": {"naming", "ops", "autograd", "tensor"},
    "utils": {"naming", "ops", "autograd", "tensor", "nn"},
    "serialization": {"files", "late", "structure", "tensor"},
    "safetensors": {"files", "autograd", "tensor", "serialization"},
    "random": {"tensor"},
    "settings": {"tensor"},
    "special": {"tensor"},
    "structure": {"ops", "autograd", "tensor", "nn"},
    "testing": {"absent", "tensor"},
    "datasets": {"files", "late", "tensor", "utils"},
    "viz": {"files"},
    "words": set(),
}


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a file, without what type checkers alone see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from running(node)


def imports(path: Path) -> set[str]:
    """Return the rooms that a file imports, wherever in it the import stands, but for types."""
    found = set()
    for node in running(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "tinygrad_mnist" and len(parts) > 1 and parts[1] in ROOMS:
                found.add(parts[1])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    if path == ROOT / "__init__.py":
        return
    own = room(path)
    assert own in ALLOWED, f"{own} is not in the table of rooms"
    assert imports(path) - {own} <= ALLOWED[own]


def test_import_brings_no_heavy_library() -> None:
    code = (
        "import sys, tinygrad_mnist; "
        "print([m for m in ('scipy', 'matplotlib', 'tqdm', 'sklearn', 'mlxtend', 'torch') "
        "if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_public_names_carry_docstrings() -> None:
    bare = [
        name
        for name in dir(tinygrad_mnist)
        if not name.startswith("_")
        and callable(getattr(tinygrad_mnist, name))
        and not getattr(tinygrad_mnist, name).__doc__
    ]
    assert bare == []


ENGINE = [
    "ops/contract.py", "ops/elementwise.py", "ops/reduction.py", "ops/shape.py", "ops/linalg.py",
    "autograd/node.py", "autograd/graph.py", "autograd/engine.py", "tensor/core.py",
]  # fmt: skip


def code_lines(path: Path) -> int:
    """Count the lines that hold code: no blank lines, comments or docstrings."""
    tree = ast.parse(path.read_text())
    prose: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                prose.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines: set[int] = set()
    ignored = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
               tokenize.ENDMARKER, tokenize.ENCODING}  # fmt: skip
    with open(path, "rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in ignored:
                lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - prose)


def test_engine_can_be_read_in_one_sitting() -> None:
    """The engine's code, without blank lines, comments and docstrings."""
    total = sum(code_lines(ROOT / name) for name in ENGINE)
    assert total <= 1475, f"the engine has {total} lines of code"
