"""Mathematics as MathML, which browsers draw themselves: no script, no host, no fonts to load."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


COMMANDS = {r"\dots": r"\ldots", r"\textstyle": ""}
"""What the converter doesn't know, and what it does."""

WRONG = {
    r"(?:frac|binom|sqrt|\^|_)\s*\d\d|(?:frac|binom)\s*(?:\{[^{}]*\}|\w)\s*\d\d": (
        "it is read as one number, where TeX takes one digit; put braces around what is meant"
    ),
    r"\\(?:under|over)brace": "its label is put beside it; write an equals sign instead",
}
"""What the converter gets wrong without a word."""


def _convert(node: nodes.Element, block: bool) -> str:
    for pattern, reason in WRONG.items():
        if found := re.search(pattern, node.astext()):
            logger.warning("mathematics: %s: %s", found[0], reason, location=node)
    tex = re.sub(r"\\[a-z]+", lambda m: COMMANDS.get(m[0], m[0]), node.astext())
    try:
        tree: Any = latex2mathml.tex2mathml(tex, as_block=block)
    except MathError as error:
        logger.warning("mathematics: %s in %s", error, node.astext(), location=node)
        return ""
    return str(tree)


def inline(translator: Any, node: nodes.Element) -> None:
    """Write a formula within a line."""
    translator.body.append(_convert(node, False))
    raise nodes.SkipNode


def display(translator: Any, node: nodes.Element) -> None:
    """Write formulas on a line of their own; where it is too long, it breaks between them."""
    parts = [node] if "\\begin" in node.astext() else _parts(node)
    text = "".join(f"<span>{_convert(part, True)}</span> " for part in parts)
    translator.body.append(f'<div class="equation">{text}</div>')
    raise nodes.SkipNode


def _parts(node: nodes.Element) -> list[nodes.Element]:
    r"""Return what ``\quad`` sets apart, outside of braces."""
    parts, depth = [""], 0
    for piece in re.split(r"([{}]|\\q?quad)", node.astext()):
        depth += (piece == "{") - (piece == "}")
        if piece in (r"\quad", r"\qquad") and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    found = [node.copy() for _ in parts]
    for made, part in zip(found, parts, strict=True):
        made += nodes.Text(part)
    return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
