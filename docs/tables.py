"""Wide tables on a phone: each row stands below the last, and each cell says its column."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

MOST = 3
"""Columns that a phone has room for."""


class NameCells(SphinxPostTransform):
    """Puts the name of its column into each cell of a wide table; the style shows it on phones."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Change the tables of a page."""
        for table in self.document.findall(nodes.table):
            rows = list(table.findall(nodes.row))
            if len(rows[0]) <= MOST or not isinstance(rows[0].parent, nodes.thead):
                continue
            table["classes"].append("stack")
            names = [entry.astext() for entry in rows[0]]
            for row in rows[1:]:
                for name, entry in zip(names, row, strict=True):
                    if name and entry.astext():
                        entry[0].insert(0, nodes.inline("", f"{name}: ", classes=["column-name"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_post_transform(NameCells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
