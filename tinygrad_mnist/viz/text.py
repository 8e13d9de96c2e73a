"""Tables of text."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return rows under a head; so many first columns are words, the others numbers.

    Examples
    --------
    >>> print(table(("fruit", "count"), [("apple", "9"), ("fig", "10")], left=1))
    fruit  count
    apple      9
    fig       10
    """
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i < left else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
