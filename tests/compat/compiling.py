"""Scripts with their models compiled, or with their training steps cut out and compiled.

``python tests/compat/compiling.py`` prints what becomes of each: the lines of ``compiled.txt``.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tinygrad_mnist as tg
from tinygrad_mnist.compiler import Compiled
from tinygrad_mnist.nn.module import Module

FOLDER = Path(__file__).parent
SCRIPTS = sorted((FOLDER / "scripts").glob("*.py"))
WAYS = ("models", "steps")


def with_imports_changed(source: str) -> str:
    """Put our name in the place of PyTorch's, in import statements alone."""
    source = re.sub(r"^import torch$", "import tinygrad_mnist as torch", source, flags=re.M)
    return re.sub(r"^(import|from) torch\b", r"\1 tinygrad_mnist", source, flags=re.M)


def run(path: Path, code: Any, library: Any, **given: Any) -> tuple[list[float], bool]:
    """Return what a script's main() returns, and whether it worked in double precision."""
    module = types.ModuleType(path.stem)
    module.__dict__.update(given)
    exec(compile(code, str(path), "exec", dont_inherit=True), module.__dict__)
    before = library.get_default_dtype()
    try:
        numbers = module.main()
        return numbers, library.get_default_dtype() == library.float64
    finally:
        library.set_default_dtype(before)


def run_compiled(path: Path, way: str) -> tuple[list[float], str]:
    """Return what a script's main() returns when compiled, and what became of it."""
    made: list[Any] = []

    def compiled(function: Any) -> Any:
        made.append(Compiled(function))
        return made[-1]

    code: Any = with_imports_changed(path.read_text())
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", "compile: ")
        if way == "models":
            with _models(compiled):
                numbers, _ = run(path, code, tg)
        else:
            tree = _Steps().visit(ast.parse(code))
            numbers, _ = run(path, ast.fix_missing_locations(tree), tg, cut_compiled=compiled)
    return numbers, outcome(made)


def outcome(made: list[Any]) -> str:
    """Say what became of compiled functions."""
    programs = any(step.built is not None for f in made for step in f.steps.values())
    reasons = sorted({_plainly(x.why) for f in made for x in f.uncompiled.values()})
    if reasons:
        return f"{'in part' if programs else 'as it is'}: {'; '.join(reasons)}"
    return "whole" if programs else "called too seldom" if made else "nothing to compile"


def _plainly(reason: str) -> str:
    """Leave out of a reason what may be another at each run, and what to do."""
    return re.sub("0x[0-9a-f]+", "", re.split(": |; ", reason)[0])


@contextlib.contextmanager
def _models(compiled: Callable[[Any], Any]) -> Iterator[None]:
    """Compile every module that is called by a script itself."""
    plain = Module.__call__
    known: dict[int, Any] = {}
    inside = False

    def call(self: Module, *args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        if inside:
            return plain(self, *args, **kwargs)
        if id(self) not in known:
            known[id(self)] = compiled(self)
        inside = True
        try:
            return known[id(self)](*args, **kwargs)
        finally:
            inside = False

    Module.__call__ = call  # type: ignore[method-assign]  # as long as the script runs
    try:
        yield
    finally:
        Module.__call__ = plain  # type: ignore[method-assign]  # as it was


class _Steps(ast.NodeTransformer):
    """Makes of a loop's body, up to the last ``backward()`` or ``step()``, a compiled function.

    What it reads of what the loop has set is its arguments, and it returns what it sets.
    """

    def __init__(self) -> None:
        self.count = 0
        self.functions: list[ast.stmt] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Define the steps at a function's beginning."""
        outer, self.functions = self.functions, []
        self.generic_visit(node)
        node.body = self.functions + node.body
        self.functions = outer
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        """Cut the step out, if it is one."""
        self.generic_visit(node)
        last = max((i for i, x in enumerate(node.body) if _steps_in(x)), default=-1)
        body = node.body[: last + 1]
        inner = [x for statement in body for x in ast.walk(statement)]
        if not any(_calls(x, "backward") for x in inner) or any(
            isinstance(x, _LEAVES) for x in inner
        ):
            return node
        set_there = {x.id for x in inner if isinstance(x, ast.Name) and _is_set(x)}
        set_in_loop = {x.id for x in ast.walk(node) if isinstance(x, ast.Name) and _is_set(x)}
        reads = _Reads()
        for statement in body:
            reads.visit(statement)
        read = reads.first
        taken = ", ".join(sorted(read & set_in_loop))
        given = "".join(f"{name}, " for name in sorted(set_there))
        self.count += 1
        name = f"step_{self.count}"
        unset = "".join(f"    {x} = None\n" for x in sorted(set_there - read))
        text = f"@cut_compiled\ndef {name}({taken}):\n{unset}    return ({given})"
        (function,) = ast.parse(text).body
        assert isinstance(function, ast.FunctionDef)
        function.body[-1:-1] = body
        self.functions.append(function)
        node.body[: last + 1] = ast.parse(f"({given}) = {name}({taken})").body
        return node

    visit_While = visit_For


_LEAVES = (ast.Continue, ast.Break, ast.Yield, ast.Return, ast.FunctionDef)


def _calls(x: ast.AST, *names: str) -> bool:
    return isinstance(x, ast.Call) and isinstance(x.func, ast.Attribute) and x.func.attr in names


def _steps_in(statement: ast.stmt) -> bool:
    """Whether a statement is a part of a training step, and no loop of such."""
    inner = list(ast.walk(statement))
    loops = any(isinstance(x, ast.For | ast.While) for x in inner)
    return not loops and any(_calls(x, "backward", "step") for x in inner)


def _is_set(x: ast.Name) -> bool:
    return not isinstance(x.ctx, ast.Load)


class _Reads(ast.NodeVisitor):
    """Walks over names in the order in which they are used."""

    def __init__(self) -> None:
        self.first: set[str] = set()
        """Those that are read before they are set, if they are."""
        self.known: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        """Note a name."""
        if _is_set(node):
            self.known.add(node.id)
        elif node.id not in self.known:
            self.first.add(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        """See the value first."""
        for part in (node.value, *node.targets):
            self.visit(part)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """See that a name is read, too."""
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.visit_Name(ast.Name(node.target.id, ast.Load()))
        self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        """See what is walked over first."""
        for part in (node.iter, node.target, *node.body):
            self.visit(part)

    def visit_ListComp(self, node: Any) -> None:
        """See the loops first; their names are their own."""
        inner = _Reads()
        for part in node.generators:
            inner.visit_For(ast.For(part.target, part.iter, part.ifs))
        for name in ("key", "value", "elt"):
            if hasattr(node, name):
                inner.visit(getattr(node, name))
        self.first |= inner.first - self.known

    visit_GeneratorExp = visit_SetComp = visit_DictComp = visit_ListComp

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """See the body, whose arguments are its own."""
        inner = _Reads()
        inner.known = {x.arg for x in node.args.args}
        inner.visit(node.body)
        self.first |= inner.first - self.known


def listed() -> dict[tuple[str, str], str]:
    """Return what ``compiled.txt`` says of each way and script."""
    found: dict[tuple[str, str], str] = {}
    way = ""
    for line in (FOLDER / "compiled.txt").read_text().splitlines():
        if line.startswith("["):
            way = line.strip("[]")
        elif line:
            name, said = line.split(": ", 1)
            found[way, name] = said
    return found


def lines(way: str, paths: list[Path] = SCRIPTS) -> Iterator[str]:
    """Say what becomes of scripts."""
    yield f"[{way}]"
    yield from (f"{path.stem}: {run_compiled(path, way)[1]}" for path in paths)


if __name__ == "__main__":
    for way in WAYS:
        print("\n".join(lines(way)))
