"""What the reference does about docstrings: their sections, their stars, and what they refer to."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import reference
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import Config, NumpyDocstring

SECTIONS = Config(
    napoleon_use_rtype=False, napoleon_use_param=False, napoleon_attr_annotations=False
)


def format_docstring(
    app: Sphinx, kind: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Turn NumPy's sections into lists, and let stars be stars."""
    _escape_stars(lines)
    for i in range(len(lines) - 2, 0, -1):
        if lines[i - 1].strip() in ("Returns", "Yields") and _underlines(lines[i]):
            _indent_section(lines, i + 1)
    if kind == "property":  # whose text before a colon would be a type
        kind = "method"
    lines[:] = NumpyDocstring(lines, SECTIONS, app, kind, name, obj, options).lines()


def _underlines(line: str) -> bool:
    return set(line.strip()) == {"-"}


def _indent_section(lines: list[str], start: int) -> None:
    """Make a section's lines the description of what has no name and no type."""
    end = start
    while end < len(lines) and not any(map(_underlines, lines[end + 1 : end + 2])):
        end += 1
    margin = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    lines[start:end] = [f"{margin}:", *(f"    {line}" for line in lines[start:end])]


def _escape_stars(lines: list[str]) -> None:
    """Escape the star in ``(N, *)`` outside of code and mathematics: nothing is emphasised."""
    margin = ""  # what is indented by more is the content of a directive
    directive = example = False
    for i, line in enumerate(lines):
        start = line[: len(line) - len(line.lstrip())]
        directive = directive and (not line.strip() or len(start) > len(margin))
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not directive and (line.lstrip().startswith(".. math::") or line.endswith("::")):
            directive, margin = True, start
        elif not directive and not example:
            parts = re.split(r"(``.*?``|`[^`]*`|^\s*\* )", line)  # code, or a list's bullet
            parts[::2] = [re.sub(r"(?<!\\)\*", r"\*", part) for part in parts[::2]]
            lines[i] = "".join(parts)


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element
) -> nodes.Element | None:
    """Lead a reference that names a definition's file, or another of its names, to its home."""
    if node["refdomain"] != "py":
        return None
    target = node["reftarget"]
    if node["reftype"] == "mod" and importlib.util.find_spec(target):
        return text  # a file of the package is named, and has no page
    for prefix in ("", f"{node.get('py:module')}.", f"{reference.PACKAGE}."):
        home = _home(prefix + target)
        if home and home != target:
            domain = env.domains.python_domain
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", home, node, text)
    return None


def _home(path: str) -> str | None:
    """Return the name under which the reference describes what a path leads to."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for position, part in enumerate(parts[end:], end):
            found = getattr(found, part, None)
            if found is None:
                return None
            home = reference.homes().get(reference.identity(found))
            if home:
                return ".".join([home, *parts[position + 1 :]])
        return path
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what is above."""
    app.connect("autodoc-process-docstring", format_docstring)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
