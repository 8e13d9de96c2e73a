"""Pictures in the page's colours: what the ``{plot}`` directive draws, and an operation's curves.

:func:`curves` draws an operation of one input with its derivative, for the catalogue.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import numpy as np

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
