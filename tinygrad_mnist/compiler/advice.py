"""What to do about what stands against a program: advice for each reason that a script gives."""

from __future__ import annotations

LOOK_OUTSIDE = "look at numbers outside, in what it returns"

ADVICE = (
    ("a mask says", "multiply by the mask, or choose with where(), which keeps the shape"),
    ("(bool)", f"choose with where(), which is a call like any other, or {LOOK_OUTSIDE}"),
    ("(a comparison)", f"choose with where(), which is a call like any other, or {LOOK_OUTSIDE}"),
    ("(an index)", f"take elements with gather() or index_select(), or {LOOK_OUTSIDE}"),
    ("(int)", f"take elements with gather() or index_select(), or {LOOK_OUTSIDE}"),
    ("looks at numbers", LOOK_OUTSIDE),
    ("random generator", "draw with rand() or randn(), or pass the numbers as an argument"),
    ("calls print, ", "return what is to be printed, and print it outside"),
    ("something outside", "do that outside, and pass what comes of it as an argument"),
    ("which Python does", "return it, and change that outside"),
    ("is kept somewhere else", "return it, and keep it outside"),
    ("generator or a coroutine", "compile the functions that it calls"),
    ("makes another", "make it once, outside"),
)
"""Words of reasons, and the advice; the first that fits counts."""


def advice(why: str) -> str:
    """Return what to do about a reason; empty if it says so itself, or nobody knows.

    Examples
    --------
    >>> advice("it looks at numbers (float)")
    'look at numbers outside, in what it returns'
    >>> advice("it calls print, which does or depends on something outside")
    'return what is to be printed, and print it outside'
    >>> advice("it is another one at each call; pass it as an argument")
    ''
    """
    return next((x for words, x in ADVICE if words in why), "") if "; " not in why else ""
