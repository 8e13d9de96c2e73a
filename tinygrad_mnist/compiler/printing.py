"""Prints a program as Python that runs as it stands."""

from __future__ import annotations

from collections import Counter

from tinygrad_mnist.compiler.buffers import strides_without_gaps
from tinygrad_mnist.compiler.source import RULE, Bound, Source
from tinygrad_mnist.compiler.text import literal
from tinygrad_mnist.compiler.trace import Call

COLUMN = 56
"""Where comments begin, at the least."""

LONGEST = 100


def printed(source: Source, name: str = "step") -> str:
    """Return the text of a program: imports, what it is given, its buffers, and the function."""
    imported = set(source.imports.values())
    if any("TABLE[" in line for line in imported):
        imported.add("from tinygrad_mnist.ops import TABLE")
    imports = sorted(imported, key=lambda line: ("TABLE[" in line, line))
    parts = ["\n".join(["import numpy as np", *([""] if imports else []), *imports])]
    bound = list(source.bound.values())
    given = [b for b in bound if b.slot < 0]
    if given:
        parts.append(
            "\n".join(["# What is given.", *(_line(b.name, b.text, b.comment) for b in given)])
        )
    buffers = [b for b in bound if b.slot >= 0]
    if buffers:
        parts.append("\n".join(_buffers(source, buffers)))
    head = f"\ndef {name}({', '.join(source.inputs)}):"
    parts.append("\n".join([head, *_body(source)]))
    return "\n\n".join(parts) + "\n"


def _line(name: str, text: str, comment: str) -> str:
    return _commented(f"{name} = {text}", comment)


def _commented(code: str, comment: str) -> str:
    """Put a comment beside a line, or above it if it's long; break what is too long."""
    if not comment:
        return broken(code)
    if len(code) > COLUMN and len(code) + len(comment) + 4 > LONGEST:
        indent = code[: len(code) - len(code.lstrip())]
        return f"{indent}# {comment}\n{broken(code)}"
    return f"{code:{COLUMN}}  # {comment}"


def broken(code: str) -> str:
    """Break a line after commas, where it is inside of brackets anyway."""
    if len(code) <= LONGEST:
        return code
    depth, places = 0, []
    for i, c in enumerate(code):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth and code[i + 1 : i + 2] == " " and i < LONGEST:
            places.append(i)
    if not places:
        return code
    indent = " " * (len(code) - len(code.lstrip()) + 4)
    end = places[-1] + 1
    rest = indent + code[end:].lstrip()
    return code[:end] + "\n" + (broken(rest[4:]) if len(rest) > LONGEST else rest)


def _buffers(source: Source, buffers: list[Bound]) -> list[str]:
    """Write the buffers: an array, or a part of memory that several have in turn."""
    counts = Counter(b.slot for b in buffers if b.value is not None)
    shared = any(count > 1 for count in counts.values())
    lines = ["# Buffers." + " Those of one m are in use one after the other." * shared]
    seen: set[int] = set()
    for b in buffers:
        text = b.text
        if b.value is not None:
            array = b.value.array
            shape, dtype = literal(array.shape), literal(array.dtype)
            strides = strides_without_gaps(array)
            if counts[b.slot] == 1 and list(strides) == sorted(strides, reverse=True):
                text = f"np.empty({shape}, {dtype})"
            else:
                if b.slot not in seen:
                    lines.append(f"m{b.slot} = np.empty({source.plan.sizes[b.slot]}, np.uint8)")
                    seen.add(b.slot)
                rest = "" if list(strides) == sorted(strides, reverse=True) else f", 0, {strides}"
                text = f"np.ndarray({shape}, {dtype}, m{b.slot}{rest})"
        lines.append(_line(b.name, text, b.comment))
    return lines


def _body(source: Source) -> list[str]:
    """Write the lines, with a comment where the operation or the module changes."""
    lines: list[str] = []
    before = phase = ""
    for text, call in source.lines:
        now = _phase(call) if call.operation else phase or "Forward"
        if now != phase:
            lines += [*([""] if lines else []), f"    # {now}"]
            phase = now
        comment = f"{call.module}  {call.operation}".strip() if call.operation else ""
        code = f"    {text}"
        lines.append(_commented(code, comment if comment != before else ""))
        before = comment
    returned = ", ".join(source.returned())
    return [*lines, f"    return {returned}" if returned else "    return None"]


def _phase(call: Call) -> str:
    if call.operation.endswith(RULE):
        return "Backward"
    return "Update" if call.kind == "update" else "Forward"
