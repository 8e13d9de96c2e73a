"""Error messages: those of NumPy, SciPy and Python, reworded in terms of tensors.

Most of our errors are written where a check fails. What no check has foreseen, NumPy or Python
refuse, in words about their own functions. Here it is found out whose a sentence is, and what it
says is said in the words of tensors, dimensions and arguments.
"""

from __future__ import annotations

import dis
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any

ALIGNED = "aligned from the right, each pair of lengths must be equal, or one of them 1"
"""The rule of broadcasting, for messages about shapes."""

_RAISE = dis.opmap["RAISE_VARARGS"]


def is_ours(error: BaseException) -> bool:
    """Whether an error was raised by our own ``raise``, not by a library that we call."""
    trace = error.__traceback__
    if trace is None:
        return True
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    ours = frame.f_globals.get("__name__", "").startswith("tinygrad_mnist")
    return ours and frame.f_code.co_code[trace.tb_lasti] == _RAISE


def worded_by_python(sentence: str) -> bool:
    """Whether a message of our own has Python's wording, as of a missing attribute."""
    known = sentence == "AssertionError" or "' object has no attribute '" in sentence
    return known or _SIGNATURE.match(sentence) is not None


def shown(value: Any) -> str:
    """Show an argument in few words."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if type(value).__module__ == "numpy" and shape == ():
        value, shape = value.item(), None
    if shape is not None and dtype is not None:
        kind = "array" if type(value).__module__ == "numpy" else "tensor"
        name = str(dtype).removeprefix("torch.")
        return f"{_article(name)} {name} {kind} of shape {list(shape)}"
    if isinstance(value, tuple | list):
        ends = "()" if isinstance(value, tuple) else "[]"
        parts = [shown(x) for x in value[:4]] + ["..."] * (len(value) > 4)
        comma = "," * (ends == "()" and len(value) == 1)
        text = f"{ends[0]}{', '.join(parts)}{comma}{ends[1]}"
        return text if len(text) <= 60 else f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, slice):
        parts = [value.start, value.stop, value.step][: 3 if value.step is not None else 2]
        return ":".join("" if x is None else shown(x) for x in parts)
    if value is None or value is ... or isinstance(value, str | bytes | int | float | complex):
        try:
            text = repr(value)
        except ValueError:  # an integer of thousands of digits
            text = "a huge integer"
        return text if len(text) <= 40 else f"{text[:37]}..."
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}" if value.__name__.isidentifier() else "a function"
    if type(value).__name__ == "dtype":
        return str(value)
    return f"{_article(type(value).__name__)} {type(value).__name__}"


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeiou" and not word.startswith("u") else "a"


def given(values: Mapping[str, Any] | Iterable[Any]) -> str:
    """Describe the arguments of a call, for the end of a message."""
    if isinstance(values, Mapping):
        parts = [f"{name}={shown(x)}" for name, x in values.items()]
    else:
        parts = [shown(x) for x in values]
    text = ", ".join(parts)
    while len(text) > 200 and len(parts) > 1:
        parts.pop()
        text = ", ".join([*parts, "..."])
    return f" (given {text})" if parts else ""


_NAME = re.compile(r"(?:[A-Za-z_][\w.]*(?:(?:\(\))?: |\(\) (?=takes |missing )))+")


def message(error: Exception) -> str:
    """Return the text of an error; a KeyError's without the quotes."""
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return error.args[0]
    return str(error) or type(error).__name__


def begins_with(sentence: str, name: str) -> bool:
    """Whether a sentence begins with a name, and with no other name behind it."""
    found = re.match(rf"(?:\w+\.)?{re.escape(name)}(?:: |\(\)(?:: | ))", sentence)
    return found is not None and not _NAME.match(sentence, found.end())


def without_name(sentence: str) -> str:
    """Return a message without the function names at its beginning."""
    return _NAME.sub("", sentence, count=1) if _NAME.match(sentence) else sentence


_DUMPED = re.compile(r"\n|array\(|tensor\(| at 0x|<class|ndarray|np\.\w+\(")
_SCALAR = re.compile(r"np\.\w+\(('.*?'|[^()]*)\)")


def tidy(sentence: str, values: Mapping[str, Any]) -> str:
    """Shorten the arguments that a message shows in full, such as arrays."""
    if not _DUMPED.search(sentence):
        return sentence
    waiting, seen = list(values.values()), 0
    while waiting and seen < 100:
        value, seen = waiting.pop(0), seen + 1
        sentence = sentence.replace(repr(type(value)), type(value).__name__)
        if type(value) in (str, bytes, int, float, bool, NoneType):
            continue
        for text in {repr(value), str(value)}:
            sentence = sentence.replace(text, shown(value))
        if isinstance(value, tuple | list):
            waiting += value[:10]
        elif isinstance(value, dict):
            waiting += list(value.values())[:10]
        elif isinstance(value, slice):
            waiting += [value.start, value.stop, value.step]
    return re.sub(r"\b(?:numpy\.)?ndarray\b", "NumPy array", _SCALAR.sub(r"\1", sentence))


_GIVEN = re.compile(r" \(given .*\)$", re.DOTALL)


def without_given(sentence: str) -> str:
    """Remove the description of arguments that :func:`given` has added."""
    return _GIVEN.sub("", sentence)


def arguments(
    call: Callable[..., Any] | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call by parameter name."""
    if call is None:
        return {}
    try:
        bound = inspect.signature(call).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return dict(kwargs)
    # The error's own frames must not be kept alive by what is shown of them.
    found: dict[str, Any] = {}
    parameters = inspect.signature(call).parameters
    for name, value in bound.items():
        kind = parameters[name].kind
        if value is parameters[name].default:
            continue
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        elif name == "self" and not hasattr(value, "_array"):
            continue
        else:
            found["input" if name == "self" else name] = value
    return found


def explained(error: Exception, values: Mapping[str, Any] | Iterable[Any] = ()) -> str:
    """Reword another library's error, and add the arguments of the call."""
    message = str(error)
    for pattern, sentence in _table():
        if found := pattern.search(message):
            said = sentence(*found.groups(), values=values)
            if said:
                return _SCALAR.sub(r"\1", said) + given(values)
    return _unknown(error) + given(values)


def cause(error: Exception) -> Exception | None:
    """Return an error that a traceback should show, or None for one whose meaning is reworded."""
    patterns = [_SIGNATURE, *(pattern for pattern, _ in _table())]
    known = is_ours(error) or any(pattern.search(str(error)) for pattern in patterns)
    return None if known else error


_SIGNATURE = re.compile(
    r"(?:[\w.<>]*\.)?(\w+|<lambda>)\(\) (missing \d+ required .*|takes .* given$"
    r"|got (?:an unexpected|multiple|some) .*)"
)
"""Python's messages about arguments that don't fit a signature."""


def signature(error: Exception, name: str, values: Mapping[str, Any], bound: int = 0) -> str | None:
    """Return Python's message about arguments that don't fit a function's signature.

    It is said under the name that users know, unless it is a function that they gave. So many
    arguments as are ``bound`` aren't the users'.
    """
    found = _SIGNATURE.match(str(error)) if isinstance(error, TypeError) else None
    if found is None:
        return None
    function, complaint = found.groups()
    if any(getattr(x, "__name__", None) == function for x in values.values() if callable(x)):
        return f"{name}: the function {function.strip('<>')} {complaint}"
    if bound and complaint.startswith("takes") and not is_ours(error):
        complaint = _counted(complaint, bound)
    return f"{name}() {complaint}"


def _counted(complaint: str, bound: int) -> str:
    """Return Python's message about a number of arguments without those that are bound."""
    *takes, given = (int(n) - bound for n in re.findall(r"\d+", complaint.partition("(")[0]))
    several = "" if takes == [1] else "s"
    count = f"from {takes[0]} to {takes[1]}" if len(takes) > 1 else f"{takes[0]}"
    was = "was" if given == 1 else "were"
    return f"takes {count} positional argument{several} but {given} {was} given"


_UNKNOWN: dict[type[Exception], str] = {
    TypeError: "an argument is of a kind that it can't take",
    AttributeError: "an argument is of a kind that it can't take",
    MemoryError: "the result needs more memory than there is",
    OverflowError: "a number is too large",
    ZeroDivisionError: "division by zero",
    IndexError: "an index is out of range",
    RecursionError: "the arguments are nested too deeply",
}


def _unknown(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"the key {error} is missing"
    said = (sentence for kind, sentence in _UNKNOWN.items() if isinstance(error, kind))
    return next(said, "the arguments don't fit")


def _guilty(kind: str, values: Any) -> str | None:
    """Return the name of the first argument whose type has a given name, or None."""
    if not isinstance(values, Mapping):
        return None
    return next((name for name, x in values.items() if type(x).__name__ == kind), None)


def _must_be(what: str) -> Callable[..., str]:
    def sentence(kind: str, *_: str, values: Any) -> str:
        name = _guilty(kind, values)
        if kind in ("Tensor", "Parameter") and what == "a Tensor":
            return "an argument is a Tensor where another kind of value is expected"
        if kind == "ndarray":
            kind = "NumPy array"
        if name is not None:
            return f"argument '{name}' must be {what}, not {kind}"
        return f"expected {what}, but got {kind}"

    return sentence


def _attribute(kind: str, attribute: str, values: Any) -> str:
    tensor = attribute.startswith("_") or attribute in (
        "ndim", "shape", "dtype", "T", "mT", "numel", "size", "dim", "detach", "requires_grad",
    )  # fmt: skip
    name = _guilty(kind, values)
    if tensor or (name is not None and not hasattr(values[name], "__dict__")):
        return _must_be("a Tensor")(kind, values=values)
    if name is not None:
        return f"argument '{name}' is a {kind}, which has no {attribute!r}"
    return f"a {kind} has no {attribute!r}"


def _type(kind: str, values: Any) -> str:
    """Return a message that a class was given in place of an instance."""
    name = None
    if isinstance(values, Mapping):
        name = next((n for n, x in values.items() if isinstance(x, type)), None)
    which = f"argument '{name}'" if name else "an argument"
    return f"{which} is the class {kind} itself, not one of its objects"


def _shapes(text: str) -> str:
    return listed(_list(s) for s in re.findall(r"\([\d, ]*\)", text))


def listed(texts: Iterable[str]) -> str:
    """Join texts as in a sentence: a, b and c."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def _list(shape: str) -> str:
    return str([int(n) for n in re.findall(r"-?\d+", shape)])


def _operands(operator: str, left: str, right: str, values: Any) -> str:
    for kind in (left, right):
        if kind not in ("Tensor", "int", "float", "bool", "Parameter", "Size"):
            name = _guilty(kind, values)
            if name is not None:
                return f"argument '{name}' can't be computed with, because it is {_kind(kind)}"
    return f"{operator} is not defined for {_kind(left)} and {_kind(right)}"


def _kind(kind: str) -> str:
    if kind == "NoneType":
        return "None"
    kind = {"ndarray": "NumPy array", "type": "class"}.get(kind, kind)
    return f"{_article(kind)} {kind}"


@functools.cache
def _table() -> list[tuple[re.Pattern[str], Callable[..., str]]]:
    """Compile the patterns, when the first error is to be explained."""
    return [
        (re.compile(pattern, re.DOTALL), _say(said) if isinstance(said, str) else said)
        for pattern, said in _SENTENCES
    ]


def _say(text: str) -> Callable[..., str]:
    """Make a sentence of a text with places for the groups of a pattern."""
    return lambda *groups, values: text.format(*groups)


_SENTENCES: list[tuple[str, str | Callable[..., str]]] = [
    # NumPy: shapes
    (r"shape mismatch: indexing arrays could not be broadcast together with shapes (.*)",
     lambda s, values: f"the indices' shapes {_shapes(s)} do not broadcast; {ALIGNED}"),
    (r"value array of shape (\([\d, ]*\)) *could not be broadcast to indexing result of shape "
     r"(\([\d, ]*\))",
     lambda a, b, values: f"a value of shape {_list(a)} doesn't fit the elements at the index, "
     f"which have shape {_list(b)}"),
    (r"could not broadcast input array from shape (\([\d, ]*\)) into shape (\([\d, ]*\))",
     lambda a, b, values: f"a value of shape {_list(a)} doesn't fit a place of shape {_list(b)}"),
    (r"assign (\d+) input values to the (\d+) output values where the mask is true",
     "{0} values were given for the {1} elements where the mask is true"),
    (r"could not be broadcast together with (?:remapped )?shapes? (.*)",
     lambda s, values: f"the shapes {_shapes(s)} do not broadcast; {ALIGNED}"),
    (r"shape mismatch: objects cannot be broadcast to a single shape",
     lambda values: f"the shapes do not broadcast; {ALIGNED}"),
    (r"cannot reshape array of size (\d+) into shape (\([-\d, ]*\))",
     lambda n, s, values: f"shape {_list(s)} is invalid for a tensor of {n} elements"),
    (r"mismatch in its core dimension .*size (\d+) is different from (\d+)",
     "the lengths {1} and {0} of the dimensions that are summed over must be equal"),
    (r"does not have enough dimensions", "a tensor has too few dimensions"),
    (r"ax[ei]s ?(-?\d+) is out of bounds for array of dimension (\d+)",
     "dimension {0} is out of range for a tensor with {1} dimensions"),
    (r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)",
     "index {0} is out of bounds for dimension {1} with size {2}"),
    (r"index (-?\d+) is out of bounds for size (\d+)",
     "index {0} is out of bounds for size {1}"),
    (r"too many indices for array: array is (\d+)-dimensional, but (\d+) were indexed",
     "too many indices: the tensor has {0} dimensions, but {1} were indexed"),
    (r"boolean index did not match indexed array along axis (\d+); size of axis is (\d+) but "
     r"size of corresponding boolean axis is (\d+)",
     "the mask has length {2} in dimension {0}, where the tensor has {1}"),
    (r"only integers, slices|indices must be integers|valid indices|index can only have"
     r"|arrays used as indices|slice indices must be",
     "an index is made of integers, slices, ..., None, and tensors of integers or bools"),
    (r"slice step cannot be zero", "the step of a slice can't be 0"),
    (r"maximum supported dimension|too many dimensions|more than 64 dim|nd(?:im)? must be",
     "a tensor has at most 64 dimensions"),
    (r"all input arrays must have the same shape", "all tensors must have the same shape"),
    (r"negative dimensions are not allowed", "a length can't be negative"),
    (r"inhomogeneous shape|setting an array element with a sequence",
     "the nested sequences have different lengths, so they form no tensor"),
    # NumPy: sizes and numbers
    (r"Unable to allocate|array is too big|Maximum allowed dimension|Maximum allowed size"
     r"|too large to allocate",
     "the result needs more memory than there is"),
    (r"zero-size array to reduction operation (\w+)", "an empty tensor has no {0}"),
    (r"attempt to get arg(\w+) of an empty sequence", "an empty tensor has no arg{0}"),
    (r"[Pp]ython integer (-?\d+) out of bounds for (\w+)", "{0} is out of range for {1}"),
    (r"cannot convert float NaN to integer", "NaN can't be made an integer"),
    (r"cannot convert float infinity to integer", "infinity can't be made an integer"),
    (r"(?:int|integer) too (?:large|big) to convert|too large to convert to|cannot fit '?int'? into"
     r"|out of range for|int too large|Result too large",
     "a number is too large"),
    (r"could not convert string to float: (.*)", "the text {0} is no number"),
    (r"invalid literal for int\(\) with base \d+: (.*)", "the text {0} is no integer"),
    (r"[Ii]ntegers to negative integer powers are not allowed",
     "integers to negative integer powers are not allowed; convert them with float()"),
    (r"only (?:length-1|0-dimensional|size-1) arrays can be converted"
     r"|can only convert an array of size 1",
     "only a tensor of one element can be made a number"),
    (r"truth value of an array", "the truth of a tensor with several elements is ambiguous"),
    (r"[Ss]ingular matrix", "the matrix is singular, so it has no inverse"),
    (r"not positive definite|leading minor", "the matrix is not positive definite"),
    (r"did not converge", "the computation did not converge; are there NaNs, or infinity?"),
    (r"must be square", "expected square matrices, or batches of them"),
    (r"array must not contain infs or NaNs", "there are NaN or infinite values"),
    (r"[Cc]annot cast .*from dtype\('(\w+)'\) to dtype\('(\w+)'\)",
     "{0} can't be cast to {1} without loss; convert with to()"),
    (r"ufunc '\w+' (?:did not contain a loop|not supported for the input types)",
     "it is not defined for arguments of these kinds"),
    (r"read-only", "the memory can't be written to; clone() it first"),
    # Python: kinds
    (r"'(\w+)' object cannot be interpreted as an integer", _must_be("an integer")),
    (r"'(\w+)' object is not (?:iterable|subscriptable|reversible|an iterator)",
     _must_be("a sequence")),
    (r"cannot unpack non-iterable (\w+) object", _must_be("a sequence")),
    (r"(?:Value|argument) after \* must be an iterable, not (\w+)", _must_be("a sequence")),
    (r"object of type '(\w+)' has no len", _must_be("a sequence")),
    (r"'(\w+)' object is not callable", _must_be("a function")),
    (r"'(\w+)' object is not a mapping", _must_be("a dict")),
    (r"argument after \*\* must be a mapping, not (\w+)", _must_be("a dict")),
    (r"must be real number, not (\w+)", _must_be("a number")),
    (r"must be a string(?:, a bytes-like object)? or a real number, not '(\w+)'",
     _must_be("a number")),
    (r"type (\w+) doesn't define __round__ method", _must_be("a number")),
    (r"an integer is required \(got type (\w+)\)", _must_be("an integer")),
    (r"must be integer, not (\w+)", _must_be("an integer")),
    (r"'(\w+)' object does not support", _must_be("another kind of value")),
    (r"bad operand type for [^:]+: '(\w+)'", _must_be("a number or a Tensor")),
    (r"type object '(\w+)' has no attribute", _type),
    (r"'(\w+)' object has no attribute '(\w+)'", _attribute),
    (r"unsupported operand type\(s\) for ([^:]+): '(\w+)' and '(\w+)'", _operands),
    (r"'(\S+)' not supported between instances of '(\w+)' and '(\w+)'", _operands),
    (r"unhashable type: '(\w+)'", _must_be("a hashable value")),
    (r"can only concatenate .* \(not \"(\w+)\"\)", _must_be("another kind of sequence")),
    (r"can't multiply sequence by non-int of type '(\w+)'", _must_be("a number")),
    (r"list indices must be integers or slices, not (\w+)", _must_be("an integer")),
    (r"(?:float|int)\(\) argument must be .* not '(\w+)'", _must_be("a number")),
    (r"not enough values to unpack \(expected (?:at least )?(\d+), got (\d+)\)",
     "expected {0} values, but got {1}"),
    (r"too many values to unpack \(expected (\d+)\)", "expected {0} values, but got more"),
    (r"zip\(\) argument \d+ is (?:longer|shorter)",
     "sequences that belong together have different lengths"),
]  # fmt: skip
