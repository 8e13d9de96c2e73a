"""The page of PyTorch's names: which are offered, and what compares each of them with PyTorch.

``compatibility.txt`` lists the names that scripts use. Whether one is offered is asked of the
package; what compares it with PyTorch is found in the operation table, the scripts in
``tests/compat`` and the tests that ask for the ``torch`` fixture. ``python docs/compatibility.py``
prints what is missing or not compared.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import tinygrad_mnist
from tinygrad_mnist.ops.contract import TABLE

ROOT = Path(__file__).parent.parent
MODULES = {
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "functional": "torch.nn.functional",
    "init": "torch.nn.init",
    "optim": "torch.optim",
    "lr_scheduler": "torch.optim.lr_scheduler",
    "linalg": "torch.linalg",
    "autograd": "torch.autograd",
    "func": "torch.func",
    "utils": "torch.nn.utils",
    "rnn": "torch.nn.utils.rnn",
    "data": "torch.utils.data",
    "D": "torch.utils.data",
    "checkpoint": "torch.utils.checkpoint",
    "cuda": "torch.cuda",
    "dist": "torch.distributed",
    "parallel": "torch.nn.parallel",
    **dict.fromkeys(("torch", "t", "tg", "m", "lib", "library", "module"), "torch"),
}
"""The meanings of names to the left of a dot in tests and scripts; any other is an object."""

OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.Pow: "pow",
    ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.MatMult: "matmul", ast.USub: "neg",
    ast.Invert: "invert", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor", ast.Eq: "eq",
    ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.In: "contains",
}  # fmt: skip


class Name(NamedTuple):
    """One of PyTorch's names, such as ``torch.nn.Linear``, in the family where it is listed."""

    family: str
    path: str


def listed() -> tuple[list[Name], dict[str, str]]:
    """Return the listed names in order, and the reasons of those that are not offered."""
    names: list[Name] = []
    reasons: dict[str, str] = {}
    family = ""
    for line in (ROOT / "docs" / "compatibility.txt").read_text().splitlines():
        if line.startswith("["):
            family = line.strip("[]")
        elif family == "not offered" and line:
            path, reason = line.split(": ", 1)
            reasons[path] = reason
        elif line and not line.startswith("#"):
            prefix = family.split(":")[0]
            names += [Name(family, f"{prefix}.{name}") for name in line.split()]
    return names, reasons


def find(path: str, library: Any = tinygrad_mnist) -> Any:
    """Return what a library has under one of PyTorch's names, or None."""
    found = library
    for part in path.split(".")[1:]:
        found = getattr(found, part, None)
        if found is None and part not in ("grad", "grad_fn", "__hash__"):
            return None
    return found


def offered(path: str) -> bool:
    """Return whether the package has a name."""
    parent, _, name = path.rpartition(".")
    return hasattr(find(parent), name)


def mentioned(tree: ast.AST) -> Iterator[str]:
    """Yield the names that code mentions: ``torch.nn.Linear``, or ``.sum`` of an object."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            left = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            yield f"{MODULES.get(left, '')}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in OPERATORS:
            yield f".__{OPERATORS[type(node.op)]}__"
            yield f".__r{OPERATORS[type(node.op)]}__"
        elif isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
            yield f".__i{OPERATORS[type(node.op)]}__"
        elif isinstance(node, ast.Compare):
            yield from (f".__{OPERATORS[type(op)]}__" for op in node.ops if type(op) in OPERATORS)
        elif isinstance(node, ast.Subscript):
            yield f".__{'set' if isinstance(node.ctx, ast.Store) else 'get'}item__"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _in_text(node.value)


def _in_text(text: str) -> Iterator[str]:
    """Yield what a string mentions: a name for getattr, or an expression for eval."""
    if text.isidentifier():
        yield f"*.{text}"
    elif "(" in text or "." in text:
        try:
            yield from mentioned(ast.parse(text.strip()))  # calls, separated by semicolons
        except SyntaxError:
            return


def _reached(function: ast.FunctionDef, top: dict[str, ast.stmt]) -> list[ast.stmt]:
    """Return a test and what it uses of its file: helpers, and tables of cases."""
    reached: dict[int, ast.stmt] = {}
    waiting: list[ast.stmt] = [function]
    while waiting:
        node = waiting.pop()
        if id(node) not in reached:
            reached[id(node)] = node
            used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            waiting += [top[name] for name in used if name in top]
    return list(reached.values())


@cache
def evidence() -> dict[str, dict[str, list[str]]]:
    """Return for each mentioned name what mentions it: operations, scripts and test files."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

    def note(kind: str, source: str, names: Iterator[str]) -> None:
        for name in set(names):
            found[name][kind].append(source)

    for op in TABLE.values():
        note("operations", op.name, mentioned(ast.parse(op.torch, mode="eval")))
    for path in sorted((ROOT / "tests" / "compat" / "scripts").glob("*.py")):
        note("scripts", path.stem, mentioned(ast.parse(path.read_text())))
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        top: dict[str, ast.stmt] = {}
        tests: list[ast.FunctionDef] = []
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                top[node.name] = node
                if "torch" in [a.arg for a in node.args.args]:
                    tests.append(node)
            elif isinstance(node, ast.ClassDef):
                top[node.name] = node
            elif isinstance(node, ast.Assign):
                top |= {t.id: node for t in node.targets if isinstance(t, ast.Name)}
        nodes = {id(n): n for test in tests for n in _reached(test, top)}.values()
        source = str(path.relative_to(ROOT / "tests"))
        note("tests", source, (name for node in nodes for name in mentioned(node)))
    program = "distributed/programs/collectives.py"  # it is run with both libraries by a test
    note("tests", program, mentioned(ast.parse((ROOT / "tests" / program).read_text())))
    return found


def compared(path: str) -> dict[str, list[str]]:
    """Return what compares a name with PyTorch.

    A method and a function that are one definition count together.
    """
    prefix, _, name = path.rpartition(".")
    keys = {path, f"*.{name}"}
    if inspect.isclass(find(prefix)):
        keys.add(f".{name}")
    forms = {f"torch.{name}", f"torch.Tensor.{name}", f"torch.nn.functional.{name}"}
    if path in forms:
        own = inspect.unwrap(find(path)) if callable(find(path)) else None
        for form in forms:
            other = find(form)
            if own is not None and callable(other) and inspect.unwrap(other) is own:
                keys |= {form, f".{name}"} if form.startswith("torch.Tensor") else {form}
    merged: dict[str, list[str]] = defaultdict(list)
    for key in sorted(keys):
        for kind, sources in evidence().get(key, {}).items():
            merged[kind] += [s for s in sources if s not in merged[kind]]
    return merged


def table() -> str:
    """Return the page's tables, in Markdown."""
    names, reasons = listed()
    have = [n for n in names if offered(n.path)]
    checked = [n for n in have if compared(n.path)]
    lines = [
        f"Of {len(names)} names {len(have)} are offered, and {len(checked)} of these are compared "
        f"with PyTorch.",
        "",
    ]
    family = ""
    for name in names:
        if name.family != family:
            family = name.family
            lines += ["", f"## {family}", "", "| name | offered | compared by |", "|---|---|---|"]
        short = name.path.removeprefix(family.split(":")[0] + ".")
        lines.append(f"| `{short}` | {_answer(name, reasons)} | {_sources(name)} |")
    return "\n".join(lines)


def _answer(name: Name, reasons: dict[str, str]) -> str:
    return "yes" if offered(name.path) else f"no: {reasons.get(name.path, 'not yet')}"


def _sources(name: Name) -> str:
    if not offered(name.path):
        return ""
    by = compared(name.path)
    parts = []
    if by["operations"]:
        parts.append("table: " + ", ".join(f"`{o}`" for o in by["operations"][:3]))
    if by["scripts"]:
        more = f" and {len(by['scripts']) - 2} more" if len(by["scripts"]) > 3 else ""
        parts.append("scripts: " + ", ".join(by["scripts"][: 2 if more else 3]) + more)
    if by["tests"]:
        parts.append("tests: " + ", ".join(re.sub(r"test_|\.py", "", t) for t in by["tests"][:3]))
    return "; ".join(parts)


def main() -> None:
    """Print what is not offered, and what nothing compares with PyTorch."""
    names, reasons = listed()
    missing = [n.path for n in names if not offered(n.path)]
    print(f"{len(names)} names; not offered: {len(missing)}")
    for path in missing:
        print(f"  {path}: {reasons.get(path, 'not yet')}")
    bare = [n.path for n in names if offered(n.path) and not compared(n.path)]
    print(f"offered, but not compared: {len(bare)}\n  " + "\n  ".join(bare))


if __name__ == "__main__":
    main()
