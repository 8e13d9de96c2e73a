"""Prints a program as Python that runs as it stands."""

from __future__ import annotations

import re

from tinygrad_mnist.compiler.buffers import Room, strides_without_gaps
from tinygrad_mnist.compiler.source import Bound, Source
from tinygrad_mnist.compiler.text import literal
from tinygrad_mnist.compiler.trace import RULE, Call

COLUMN = 56
"""Where comments begin, at the least."""

LONGEST = 92
"""How long lines are at most: as wide as a page shows."""

TOKENS = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|, |[(\[{]|[)\]}]")
"""Strings, commas and brackets."""


def printed(source: Source, name: str = "step") -> str:
    """Return the text of a program: imports, what it is given, its buffers, and the function."""
    imported = set(source.imports.values())
    if any("TABLE[" in line for line in imported):
        imported.add("from tinygrad_mnist.ops import TABLE")
    imports = sorted(imported, key=lambda line: ("TABLE[" in line, line))
    parts = ["\n".join(["import numpy as np", *([""] if imports else []), *imports])]
    bound = list(source.bound.values())
    given = [b for b in bound if b.memory < 0]
    if given:
        parts.append(
            "\n".join(["# What is given.", *(_line(b.name, b.text, b.comment) for b in given)])
        )
    buffers = [b for b in bound if b.memory >= 0]
    if buffers:
        parts.append("\n".join(_buffers(source, buffers)))
    head = broken(f"def {name}({', '.join(source.inputs)}):")
    parts.append("\n".join(["\n" + head, *_body(source)]))
    return "\n\n".join(parts) + "\n"


def _line(name: str, text: str, comment: str) -> str:
    return _commented(f"{name} = {text}", comment)


def _commented(code: str, comment: str) -> str:
    """Put a comment beside a line, or above it if it's long; break what is too long."""
    if not comment:
        return broken(code)
    if max(len(code), COLUMN) + len(comment) + 4 > LONGEST:
        indent = code[: len(code) - len(code.lstrip())]
        return f"{indent}# {comment}\n{broken(code)}"
    return f"{code:{COLUMN}}  # {comment}"


def broken(code: str) -> str:
    """Break a line after commas, where it is inside of brackets anyway."""
    if len(code) <= LONGEST:
        return code
    depth, start, pieces = 0, 0, []
    for token in TOKENS.finditer(code):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if token[0] == ", " and depth:
            pieces.append(code[start : token.end() - 1])
            start = token.end()
    indent = " " * (len(code) - len(code.lstrip()) + 4)
    lines = [""]
    for i, piece in enumerate([*pieces, code[start:]]):
        longer = f"{lines[-1]} {piece}" if i else piece
        if len(longer) <= LONGEST or not i:
            lines[-1] = longer
        else:
            lines.append(indent + piece)
    return "\n".join(lines)


def _buffers(source: Source, buffers: list[Bound]) -> list[str]:
    """Write the buffers: an array, or a part of memory that several have in turn."""
    shared = _shared([source.plan.rooms[b.value.storage] for b in buffers if b.value is not None])
    lines = ["# Buffers." + " Those of one m have its bytes in turn." * bool(shared)]
    names: dict[tuple[int, int], str] = {}
    for b in buffers:
        text = b.text
        if b.value is not None:
            array = b.value.array
            shape, dtype = literal(array.shape), literal(array.dtype)
            strides = strides_without_gaps(array)
            usual = list(strides) == sorted(strides, reverse=True)
            room = source.plan.rooms[b.value.storage]
            start, end = shared.get(room, (room.start, room.end()))
            if usual and room not in shared:
                text = f"np.empty({shape}, {dtype})"
            else:
                memory = room.memory, start
                if memory not in names:
                    names[memory] = f"m{len(names)}"
                    lines.append(f"{names[memory]} = np.empty({end - start}, np.uint8)")
                where = [str(room.start - start)] if not usual or room.start > start else []
                rest = "".join(f", {x}" for x in where + [str(strides)] * (not usual))
                text = f"np.ndarray({shape}, {dtype}, {names[memory]}{rest})"
        lines.append(_line(b.name, text, b.comment))
    return lines


def _shared(rooms: list[Room]) -> dict[Room, tuple[int, int]]:
    """Return where the memory begins and ends that rooms have to do with one another."""
    found: dict[Room, tuple[int, int]] = {}
    together: list[Room] = []
    for room in sorted(rooms, key=lambda x: (x.memory, x.start)):
        if not any(room.shares(x) for x in together):
            together = []
        together.append(room)
        if len(together) > 1:
            place = together[0].start, max(x.end() for x in together)
            found.update(dict.fromkeys(together, place))
    return found


def _body(source: Source) -> list[str]:
    """Write the lines, with a comment where the operation or the module changes."""
    lines: list[str] = []
    before = phase = ""
    for (text, call), now in zip(source.lines, _phases(source), strict=True):
        if now != phase:
            lines += [*([""] if lines else []), f"    # {now}"]
            phase = now
        said = comment(text, call)
        lines.append(_commented(f"    {text}", said if said != before else ""))
        before = said
    end = f"    return {', '.join(source.returned()) or 'None'}"
    if len(end) > LONGEST:
        end = broken(f"    return ({end.partition('return ')[2]})")
    return [*lines, end]


def _phases(source: Source) -> list[str]:
    """Return the part of the step that each line is in: what has no operation stays where it is."""
    calls = [call for _, call in source.lines]
    last = max((i for i, call in enumerate(calls) if call.is_backward or call.kind == "update"),
               default=len(calls))  # fmt: skip
    phases: list[str] = []
    for i, call in enumerate(calls):
        if i > last:
            now = "Afterwards"
        elif call.is_backward:
            now = "Backward"
        elif call.kind == "update":
            now = "Update"
        elif call.operation and not call.effect:
            now = "Forward"
        else:
            now = phases[-1] if phases else "Forward"
        phases.append(now)
    return phases


def comment(text: str, call: Call) -> str:
    """Say which module and operation a line belongs to, but not what it calls by its name."""
    operation = call.operation.rpartition(".")[2].lstrip("_")
    by_name = call.kind == "kernel" and f"{operation.replace(RULE, '_rule')}(" in text
    if by_name or call.kind == "update":
        operation = ""
    return f"{call.module}  {operation}".strip()
