"""Whatever is particular to one operation stands in its entry: nothing else asks which one it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinygrad_mnist
from tinygrad_mnist import ops

ROOT = Path(tinygrad_mnist.__file__).parent
KERNEL = [ROOT / "ops" / f"{name}.py" for name in ("contract", "precision", "promotion")]
ENGINE = [*KERNEL, *sorted((ROOT / "autograd").glob("*.py"))]
FILES = [*KERNEL, *sorted(p for p in ROOT.rglob("*.py") if p.parent.name != "ops")]


def is_operation(name: str) -> bool:
    return isinstance(getattr(ops, name, None), ops.Op)


def questions(tree: ast.AST) -> Iterator[str]:
    """Yield where an operation or its name is compared, looked up, or the key of a collection."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinygrad_mnist.ops")
        for alias in node.names
        if is_operation(alias.name)
    }

    def tells(x: ast.AST | None) -> bool:
        if isinstance(x, ast.Tuple | ast.List | ast.Set):
            return any(map(tells, x.elts))
        if isinstance(x, ast.Name):
            return x.id in imported
        if not isinstance(x, ast.Attribute):
            return False
        owner = ast.unparse(x.value).rpartition(".")[2]
        return (owner == "ops" and is_operation(x.attr)) or (owner, x.attr) == ("op", "name")

    for node in ast.walk(tree):
        asked: list[ast.expr | None] = []
        if isinstance(node, ast.Compare):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.Subscript):
            asked = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("get", "startswith", "endswith"):
                asked = [node.func.value, *node.args]
        elif isinstance(node, ast.Set):
            asked = [*node.elts]
        elif isinstance(node, ast.Dict):
            asked = [*node.keys]
        elif isinstance(node, ast.Match):
            asked = [node.subject]
        if any(map(tells, asked)):
            yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_asks_which_operation_it_has(path: Path) -> None:
    asked = list(questions(ast.parse(path.read_text())))
    assert not asked, (
        f"{path.relative_to(ROOT)} asks which operation it has; what is particular to one is a field "
        f"of its entry (see op in ops/contract.py), so ask for that: {'; '.join(asked)}"
    )


@pytest.mark.parametrize("path", ENGINE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_engine_spells_no_name_of_an_operation(path: Path) -> None:
    texts = [x for x in ast.walk(ast.parse(path.read_text())) if isinstance(x, ast.Constant)]
    spelt = [
        f"line {x.lineno}: {x.value!r}"
        for x in texts
        if isinstance(x.value, str) and x.value in ops.TABLE
    ]
    assert not spelt, (
        f"{path.relative_to(ROOT)} spells names of operations; what is particular to one is a field "
        f"of its entry (see op in ops/contract.py), so ask for that: {', '.join(spelt)}"
    )


@pytest.mark.parametrize(
    "line",
    [
        "node.op is ops.getitem",
        "op.name in ('add', 'sub')",
        "FITS.get(op.name)",
        "names[node.op.name]",
        "op.name.startswith('bitwise')",
        "special = {ops.sub, ops.neg}",
        "from tinygrad_mnist.ops.indexing import getitem as g\nop == g",
    ],
)
def test_the_scan_finds_such_questions(line: str) -> None:
    assert len(list(questions(ast.parse(line)))) == 1
