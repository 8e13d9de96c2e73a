"""Pictures that are drawn when the documentation is built, and that follow the page's colours.

The directive ``{plot}`` runs Matplotlib code and puts the figure on the page::

    ```{plot}
    :alt: What the picture shows, for those who don't see it.
    :caption: A line below it.
    :after-page:
    plt.plot(x, y)
    ```

With ``:after-page:`` the page's ``{testcode}`` above it runs first, in the same namespace.
:func:`curves` draws an operation of one input with its derivative, for the catalogue.
"""

from __future__ import annotations

import html
import re
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from notebooks import cells
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import tinygrad_mnist as tg
from tinygrad_mnist.ops.contract import Op

INK = "#010203"
"""Drawn in this colour is what has the colour of the page's text."""

STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "font.family": "sans-serif", "figure.figsize": (6.4, 3.2),
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "legend.framealpha": 0, "axes.spines.top": False, "axes.spines.right": False,
    "text.color": INK, "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlecolor": INK,
    "xtick.color": INK, "ytick.color": INK, "image.cmap": "viridis",
    "axes.prop_cycle": "cycler('color', ['#3987c9', '#e0722c', '#2f9e6b', '#b05fc0', '#c9a227'])",
}  # fmt: skip


def draw(code: str, names: dict[str, Any], salt: str) -> str:
    """Run code that draws with Matplotlib, and return the figure as SVG."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    with plt.rc_context({**STYLE, "svg.hashsalt": salt}):
        exec(code, names)
        text = StringIO()
        plt.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
        plt.close("all")
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


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


def has_curves(op: Op) -> bool:
    """Return whether an operation is a function of one number that has a derivative."""
    return len(op.inputs) == 1 and op.elementwise and bool(op.rules) and op.name != "cast"


def curves(op: Op) -> str:
    """Draw an operation of one input with its derivative, which backward finds."""
    domain = op.domain(0)
    settings = next(sample.settings for sample in op.samples)
    x = tg.linspace(domain.low, domain.high, 161, dtype=tg.float64, requires_grad=True)
    y = op(x, **settings)
    (slope,) = tg.autograd.grad(y.sum(), x)
    lines = [y.detach().numpy(), slope.numpy()]
    low, high = _range(lines)
    right, top = 220, 120

    def place(u: float, v: float) -> tuple[float, float]:
        across = (u - domain.low) / (domain.high - domain.low)
        return round(10 + right * across, 1), round(10 + top * (high - v) / (high - low), 1)

    (left, zero), (ends, _) = place(domain.low, 0), place(domain.high, 0)
    axes = f'<path class="axis" d="M{left} {zero}H{ends}'
    if domain.low <= 0 <= domain.high:
        axes += f"M{place(0, 0)[0]} 10V{10 + top}"
    paths = "".join(
        f'<path class="{name}" d="{_path(x.tolist(), line, place, high - low)}"/>'
        for name, line in zip(("value", "slope"), lines, strict=True)
    )
    numbers = (
        f'<text x="{left}" y="{20 + top}">{domain.low:g}</text>'
        f'<text x="{ends}" y="{20 + top}" text-anchor="end">{domain.high:g}</text>'
        f'<text x="{14 + right}" y="16">{high:.3g}</text>'
        f'<text x="{14 + right}" y="{8 + top}">{low:.3g}</text>'
    )
    return (
        f'<svg class="curves" viewBox="0 0 {right + 50} {top + 26}" role="img" '
        f'aria-label="{op.name} and its derivative from {domain.low:g} to {domain.high:g}">'
        f'{axes}"/>{paths}{numbers}</svg>'
    )


def _range(lines: list[Any]) -> tuple[float, float]:
    """Return what is shown of the values: 0, and all but the steepest ends."""
    finite = np.concatenate(lines)
    finite = finite[np.isfinite(finite)]
    low, high = min(0.0, float(finite.min())), max(0.0, float(finite.max()))
    return low, high if high > low else low + 1


def _path(x: list[float], y: Any, place: Any, height: float) -> str:
    """Join the points, but for jumps."""
    found, last = "", None
    for u, v in zip(x, y.tolist(), strict=True):
        if not np.isfinite(v):
            last = None
            continue
        joined = last is not None and abs(v - last) < height / 5
        found += f"{'L' if joined else 'M'}{place(u, v)[0]} {place(u, v)[1]}"
        last = v
    return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("plot", Plot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
