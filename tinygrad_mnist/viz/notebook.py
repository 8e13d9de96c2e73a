"""A history as a notebook shows it: curves, and the last figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tinygrad_mnist._runtime import html

WIDTH, HEIGHT, MARGIN = 240.0, 120.0, 6.0
DASHES = {"validation": "5 3", "test": "1 3"}


def shown(history: Mapping[str, Sequence[float]]) -> str:
    """Return a history as HTML: a panel for each figure, with a curve for each part."""
    epochs = max((len(values) for values in history.values()), default=0)
    if not epochs:
        return html.block('<div class="soft">a history of no epochs</div>')
    panels: dict[str, dict[str, Sequence[float]]] = {}
    for name, values in history.items():
        part, _, kind = name.rpartition("_")
        panels.setdefault(kind, {})[part] = values
    charts = "".join(
        f'<div style="display:inline-block;margin-right:18px"><div>{html.escape(kind)}</div>'
        f"{chart(parts)}</div>"
        for kind, parts in panels.items()
    )
    rows = []
    for name, values in history.items():
        if not values:
            continue
        finite = [v for v in values if math.isfinite(v)] or [math.nan]
        rows.append((name, *(f"{v:.4g}" for v in (values[-1], min(finite), max(finite)))))
    last = html.table(("", f"epoch {epochs}", "lowest", "highest"), rows, left=1)
    return html.block(charts, last)


def chart(parts: Mapping[str, Sequence[float]]) -> str:
    """Return curves over epochs as SVG; what isn't finite is left out."""
    finite = [v for values in parts.values() for v in values if math.isfinite(v)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    spread = high / 2 - low / 2 or 1.0  # halves, since the difference of two may be infinite
    lines = []
    for part, values in parts.items():
        step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
        points = [
            (MARGIN + i * step, MARGIN + (HEIGHT - 2 * MARGIN) * ((high / 2 - v / 2) / spread))
            for i, v in enumerate(values)
            if math.isfinite(v)
        ]
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in points[-1:])
        lines.append(
            f'<g fill="currentColor" stroke="currentColor"><title>{html.escape(part)}</title>'
            f'<polyline fill="none" stroke-width="1.5" stroke-dasharray="{DASHES.get(part, "")}" '
            f'points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>{dots}</g>'
        )
    names = ", ".join(filter(None, parts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="curves of '
        f'{html.escape(names)}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" '
        f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}"><rect width="{WIDTH:.0f}" '
        f'height="{HEIGHT:.0f}" fill="none" stroke="currentColor" stroke-opacity=".25"/>'
        f'{"".join(lines)}</svg><div class="soft">{_legend(parts)}</div>'
    )


def _legend(parts: Mapping[str, Sequence[float]]) -> str:
    looks = {"validation": "dashed", "test": "dotted"}
    return html.escape(", ".join(f"{p} {looks.get(p, 'solid')}" for p in parts if p))
