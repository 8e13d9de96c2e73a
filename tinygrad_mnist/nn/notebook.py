"""A module as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinygrad_mnist._runtime import html

if TYPE_CHECKING:
    from tinygrad_mnist.nn.module import Module

MOST = 12
"""How many modules of one module are shown at most."""


def shown(module: Module) -> str:
    """Return a module as HTML: a table of layers; modules of layers open and close."""
    return html.block(_part("", module, True))


def _part(name: str, module: Module, opened: bool) -> str:
    title = f"{name} " if name else ""
    rows: list[tuple[str, str, str]] = []
    parts: list[str] = []
    for parameter, x in module.named_parameters(recurse=False):
        rows.append((parameter, html.lengths(x.shape), f"{x.numel():,}"))
    children = list(module.named_children())
    for key, child in children[:MOST]:
        if any(True for _ in child.children()):
            _end_table(rows, parts)
            parts.append(_part(key, child, False))
        else:
            settings = child.extra_repr().replace("\n", ", ")
            kind = f"{child._get_name()}({settings})"
            rows.append((key, kind, f"{_count(child):,}"))
    _end_table(rows, parts)
    if len(children) > MOST:
        rest = children[MOST:]
        count = sum(_count(child) for _, child in rest)
        parts.append(f'<div class="soft">and {len(rest)} more, with {count:,} parameters</div>')
    return (
        f"<details{' open' if opened else ''}><summary>{html.escape(title)}"
        f"<b>{html.escape(module._get_name())}</b> "
        f'<span class="soft">{_count(module):,} parameters</span></summary>'
        f"{''.join(parts)}</details>"
    )


def _end_table(rows: list[tuple[str, str, str]], parts: list[str]) -> None:
    if rows:
        parts.append(html.table((), rows, left=2))
        rows.clear()


def _count(module: Module) -> int:
    return sum(x.numel() for x in module.parameters())
