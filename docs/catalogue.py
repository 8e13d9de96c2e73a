"""The catalogue of operations: every entry of the table, with its formula and its rules."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import plots

import tinygrad_mnist.ops
from tinygrad_mnist.ops.contract import TABLE, Op


def entries() -> list[tuple[str, Op, str]]:
    """Return the operations by family: the family, the operation, and its entry's text.

    An entry is an assignment or call whose first argument is the operation's name; one that is made
    in a loop has no text of its own.
    """
    found: list[tuple[str, Op, str]] = []
    for path in sorted(Path(tinygrad_mnist.ops.__file__).parent.glob("*.py")):
        source = path.read_text()
        lines = source.splitlines(keepends=True)
        for node in ast.parse(source).body:
            value = getattr(node, "value", None)
            if isinstance(value, ast.Call) and value.args:
                name = getattr(value.args[0], "value", None)
                if isinstance(name, str) and name in TABLE:
                    text = "".join(lines[node.lineno - 1 : node.end_lineno])
                    found.append((path.stem, TABLE[name], textwrap.dedent(text).rstrip()))
    return found


def table() -> str:
    """Return the page's sections, in Markdown."""
    lines: list[str] = []
    family = ""
    for module, op, text in entries():
        if module != family:
            family = module
            lines += ["", f"## {family.replace('_', ' ').capitalize()}", ""]
        first = op.doc.split("\n\n")[0]
        lines += [
            f"### {op.name}",
            "",
            f"`{op.formula}`",
            "",
            " ".join(first.split()),
            "",
            f"PyTorch: `{op.torch}`. {_derivatives(op)}",
            "",
            *([plots.curves(op), ""] if plots.has_curves(op) else []),
            "```{code-block} python",
            text,
            "```",
            "",
        ]
    return "\n".join(lines)


def _derivatives(op: Op) -> str:
    if not op.rules:
        return "It has no derivative."
    without = " and ".join(f"`{name}`" for name in op.inputs if name not in op.rules)
    higher = "through its reference" if op.once_differentiable else "by the same rules"
    return (
        f"Derivatives for {' and '.join(f'`{name}`' for name in op.rules)}"
        f"{', none for ' + without if without else ''}; higher ones {higher}."
    )
