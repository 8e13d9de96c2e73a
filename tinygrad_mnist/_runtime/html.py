"""Pieces of HTML with which objects show themselves in notebooks.

Colours are those of the page around them, so that they fit light and dark. All text is escaped.
"""

from __future__ import annotations

import base64
import html
import re
import struct
import zlib
from collections.abc import Sequence

import numpy as np

_STYLE = (
    "<style>.tgm{font:13px/1.5 system-ui,sans-serif}"
    ".tgm table{border-collapse:collapse;font:inherit}"
    ".tgm td,.tgm th{padding:1px 12px 1px 0!important;text-align:left!important;"
    "border-bottom:1px solid rgba(128,128,128,.25)}.tgm .n{text-align:right!important;"
    "font-variant-numeric:tabular-nums}.tgm .soft{opacity:.65}.tgm details details,"
    ".tgm details table{margin-left:1.2em}.tgm summary{cursor:pointer}.tgm pre{margin:2px 0;"
    "font:12px/1.4 ui-monospace,monospace}.tgm img{image-rendering:pixelated;margin:4px 0;"
    "border:1px solid rgba(128,128,128,.4)}</style>"
)


_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither XML nor UTF-8 has: control characters, and halves of surrogate pairs."""


def clean(text: str) -> str:
    """Return a text with a sign in the place of what no file can hold."""
    return _NO_TEXT.sub("\ufffd", text)


def escape(text: str) -> str:
    """Return a text as HTML or XML that shows it."""
    return html.escape(clean(text))


def block(*parts: str) -> str:
    """Return parts as one block with its style."""
    return f'<div class="tgm">{_STYLE}{"".join(parts)}</div>'


def lengths(shape: Sequence[int]) -> str:
    """Return a shape as text."""
    return " x ".join(map(str, shape)) or "one number"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a table of texts; so many first columns are words, the others numbers."""

    def line(kind: str, cells: Sequence[str]) -> str:
        marks = ["" if i < left else ' class="n"' for i in range(len(cells))]
        filled = zip(marks, cells, strict=True)
        return "".join(f"<{kind}{mark}>{escape(text)}</{kind}>" for mark, text in filled)

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    top = f"<thead><tr>{line('th', head)}</tr></thead>" if head else ""
    return f"<table>{top}<tbody>{body}</tbody></table>"


def picture(matrix: np.ndarray, side: int = 112) -> str:
    """Return a matrix as a picture: red above 0, blue below, full colour for the largest."""
    values = np.asarray(matrix, np.float64)
    finite = np.isfinite(values)
    most = np.abs(values[finite]).max(initial=0) or 1.0
    share = np.abs(np.where(finite, values, 0)) / most
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where((values > 0)[..., None], (196, 60, 40), (40, 90, 196))
    pixels[..., 3] = np.round(255 * share)
    pixels[~finite] = 128, 128, 128, 255
    high, wide = values.shape
    scale = side / max(high, wide)
    source = base64.b64encode(_png(pixels)).decode()
    return (
        f'<img alt="the numbers as colours" width="{max(1, round(wide * scale))}" '
        f'height="{max(1, round(high * scale))}" src="data:image/png;base64,{source}">'
    )


def _png(pixels: np.ndarray) -> bytes:
    """Return an array of red, green, blue and opacity as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    high, wide = pixels.shape[:2]
    rows = np.zeros((high, 1 + 4 * wide), np.uint8)  # each begins with 0: no filter
    rows[:, 1:] = pixels.reshape(high, -1)
    head = struct.pack(">IIBBBBB", wide, high, 8, 6, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)
