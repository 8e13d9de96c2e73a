"""The directive ``{plot}`` runs Matplotlib code and puts the figure on the page.

So it is written::

    ```{plot}
    :alt: What the picture shows, for those who don't see it.
    :caption: A line below it.
    :after-page:
    plt.plot(x, y)
    ```

With ``:after-page:`` the page's ``{testcode}`` above it runs first, in the same namespace.
"""

from __future__ import annotations

import html
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from notebooks import cells
from plots import draw
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Plot(SphinxDirective):
    """A figure, drawn by the code in it."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "alt": directives.unchanged_required,
        "caption": directives.unchanged,
        "after-page": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Return the figure."""
        if "alt" not in self.options:
            raise self.error("a plot needs :alt:, which says what it shows")
        import matplotlib.pyplot as plt

        names: dict[str, Any] = {"np": np, "plt": plt}
        salt = f"{self.env.docname}:{self.lineno}"
        try:
            if "after-page" in self.options:
                self._run_page(names)
            svg = draw("\n".join(self.content), names, salt)
        except Exception as error:
            raise self.error(f"the plot's code raised {type(error).__name__}: {error}") from error
        label = html.escape(self.options["alt"], quote=True)
        caption = f"<figcaption>{html.escape(self.options.get('caption', ''))}</figcaption>"
        text = f'<figure class="plot" role="img" aria-label="{label}">{svg}{caption}</figure>'
        return [nodes.raw("", text, format="html")]

    def _run_page(self, names: dict[str, Any]) -> None:
        """Run what stands above the figure; what it prints is not shown again."""
        lines = self.env.doc2path(self.env.docname).read_text().splitlines()
        with redirect_stdout(StringIO()):
            for kind, text in cells("\n".join(lines[: self.lineno])):
                if kind in ("code", "folded"):
                    exec(text, names)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("plot", Plot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
