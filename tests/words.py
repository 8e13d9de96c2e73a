"""The words of an error: our own sentences, never those of NumPy, SciPy or Python's inside."""

from __future__ import annotations

import dis
import re
from types import TracebackType

VOCABULARY = re.compile(
    r"""
    gufunc | ufunc | \boperands?\b | core\ dimension | newaxis | \baxis\ -?\d | (?<!')ndarray | broadcast\ together
    | could\ not\ be\ broadcast | could\ not\ broadcast | array\( | dtype\( | array\ element | out\ of\ bounds\ for\ axis
    | __(?!init__|dlpack)\w+__ | casting\ rule | numpy\. | \bnp\.(?!linalg|fft)\w+\( | scipy | '\ object\ is\ not | '\ object\ cannot | '\ object\ has\ no
    | object\ of\ type | object\ does | input\ array | sequence\ item | not\ supported\ between | C\ long | unhashable
    | _array\b | has\ no\ attribute | fancy\ index | Unable\ to\ allocate | inhomogeneous | \bobject\ at\ 0x | <lambda>
    | \w+Methods\. | zero-size\ array | reduction\ operation | invalid\ literal | to\ unpack | bad\ operand | unsupported\ operand
    | list\ indices | tuple\ indices | string\ indices | <class | <function | <built-in
    | must\ be\ str(?:,|$) | real\ number,\ not | a\ sequence\ is\ expected | setting\ an | LinAlgError | LAPACK | BLAS
    """,
    re.VERBOSE,
)
"""Words that only those use who speak of the inside."""

LEAD = re.compile(r"([A-Za-z_][\w.]*)(\(\))?(: | missing | takes | got )")
SIGNATURE = re.compile(r"[\w.]+\(\) (takes|missing|got) ")
"""Python's own sentence about arguments that don't fit the parameters."""
DOUBLED = re.compile(
    r"[A-Za-z_][\w.]*(\(\))?: [A-Za-z_][\w.]*((\(\))?: |\(\) (takes|missing|got) )"
)
LONGEST = 400

_RAISE = dis.opmap["RAISE_VARARGS"]


def raised_by_us(error: BaseException) -> bool:
    """Whether a ``raise`` of this package made an error, not a call of something else."""
    trace = error.__traceback__
    last: TracebackType | None = None
    while trace is not None:
        last, trace = trace, trace.tb_next
    assert last is not None
    code = last.tb_frame.f_code
    inside = last.tb_frame.f_globals.get("__name__", "").startswith("tinygrad_mnist")
    return inside and code.co_code[last.tb_lasti] == _RAISE


def faults(error: BaseException) -> list[str]:
    """Say what is wrong with the sentence of an error."""
    found: list[str] = []
    message = error.args[0] if isinstance(error, KeyError) else str(error)
    if not raised_by_us(error) and not SIGNATURE.match(message):
        found.append("raised by another")
    if words := VOCABULARY.search(message):
        found.append(f"speaks of {words.group()!r}")
    if DOUBLED.match(message):
        found.append("two names")
    if not LEAD.match(message):
        found.append("no name")
    if len(message) > LONGEST:
        found.append(f"{len(message)} characters")
    if "\n" in message.rstrip():
        found.append("several lines")
    return found
