"""Who may import whom, what an import brings along, and how long the engine is."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

import tinygrad_mnist

ROOT = Path(tinygrad_mnist.__file__).parent
PAGES = Path(__file__).parent.parent
SPLIT = ("_runtime", "compat", "io")
"""Folders in which every file is a room of its own."""
ENTRANCES = {ROOT / "__init__.py", *(ROOT / folder / "__init__.py" for folder in SPLIT)}
MODULES = sorted(set(ROOT.rglob("*.py")) - ENTRANCES)


def plain(name: str) -> str:
    """Return a room's name without the ending that says what it is."""
    return name.removesuffix("/").removesuffix(".py").replace("/", ".")


def rooms() -> dict[str, set[str]]:
    """Return what each room may import, as CONTRIBUTING.md says, in its order."""
    page = (PAGES / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| `([\w/.]+)` \| .{10,} \| (.*) \|$", page, re.M)
    return {plain(name): set(map(plain, re.findall("`(.*?)`", may))) for name, may in rows}


ALLOWED = rooms()


def room(path: Path) -> str:
    return room_of(path.relative_to(ROOT).with_suffix("").parts)


def room_of(parts: tuple[str, ...]) -> str:
    """Name the room of a module by the parts of its path."""
    return ".".join(parts[: 2 if parts[0] in SPLIT else 1])


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
            own, *parts = name.split(".")
            if own == "tinygrad_mnist" and parts and room_of(tuple(parts)) in ALLOWED:
                found.add(room_of(tuple(parts)))
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    own = room(path)
    assert own in ALLOWED, (
        f"{path.relative_to(ROOT)} is in a room that CONTRIBUTING.md's table lacks: put the file into "
        f"another room, or add a row for {own}, below the rooms that it imports"
    )
    wrong = sorted(imports(path) - {own} - ALLOWED[own])
    assert not wrong, (
        f"{path.relative_to(ROOT)} imports {', '.join(wrong)}, which CONTRIBUTING.md's table of rooms "
        f"doesn't allow {own} to: import for types alone under TYPE_CHECKING, or move what is needed "
        f"to a room above; if the import is right, add it to the row of {own}"
    )


def test_every_room_stands_in_the_table_below_what_it_imports() -> None:
    empty = sorted(set(ALLOWED) - set(map(room, MODULES)))
    assert not empty, f"remove the rows of CONTRIBUTING.md's table that no file is in: {empty}"
    seen: set[str] = set()
    for name, may in ALLOWED.items():
        folder = name.partition(".")[0]
        below = sorted({other for other in may if other.partition(".")[0] != folder} - seen)
        assert not below, (
            f"in CONTRIBUTING.md's table {name} may import {', '.join(below)}, which must stand above "
            f"it: imports point one way, so move a row, or what is needed to a room above both"
        )
        seen.add(name)


def test_the_drawing_of_the_rooms_shows_each_once() -> None:
    page = (PAGES / "docs" / "design.md").read_text()
    drawing = page.partition("    tinygrad_mnist/\n")[2].partition("\n\n")[0]
    shown = re.findall(r"^ {6}\S+| (?=\w+/ |\w+\.py )\S+", drawing, re.M)
    tops = [p.relative_to(ROOT).parts[0] + "/" * (p.parent != ROOT) for p in MODULES]
    drawn = sorted(name.strip() for name in shown)
    assert drawn == sorted(set(tops)), "draw each folder and module once in docs/design.md"


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
    assert bare == [], f"write a docstring for each of these functions and classes: {bare}"


@pytest.mark.parametrize("name", ["distributions", "nn", "optim"])
def test_methods_carry_docstrings_or_their_bases_do(name: str) -> None:
    """Every public method is documented; one that overrides another, by that if by nothing else."""
    package = importlib.import_module(f"tinygrad_mnist.{name}")
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    classes = {
        found
        for module in modules
        for found in vars(importlib.import_module(module.name)).values()
        if isinstance(found, type) and found.__module__.startswith(package.__name__)
    }
    bare = [
        f"{found.__name__}.{method}"
        for found in classes
        for method in vars(found)
        if not found.__name__.startswith("_") and not method.startswith("_")
        and isinstance(vars(found)[method], FunctionType | property)
        and not inspect.getdoc(getattr(found, method))
    ]  # fmt: skip
    assert classes and not bare, f"write a docstring for each of these methods: {bare}"


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


def test_book_has_the_files_and_lines_that_the_readme_says() -> None:
    """Lines are those of code, without blank lines, comments and docstrings."""
    text = " ".join((PAGES / "README.md").read_text().split())
    count, most, names, others = re.search(
        r"the book: (\d+) files with ([\d,]+) lines of code at most(.*?)The rest, some ([\d,]+) lines",
        text,
    ).groups()
    book = [ROOT / name for name in re.findall(r"`(\w+/\w+\.py)`", names)]
    total = sum(map(code_lines, book))
    rest = sum(map(code_lines, set(ROOT.rglob("*.py")) - set(book)))
    assert len(book) == int(count)
    limit = int(most.replace(",", ""))
    assert total <= limit, (
        f"the book has {total} lines of code, and README.md says {limit} at most: make it shorter, "
        f"or say there what it has"
    )
    assert total > limit - 120, f"the book has {total} lines only: README.md can say less"
    assert rest == pytest.approx(int(others.replace(",", "")), rel=0.1)
