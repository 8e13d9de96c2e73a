"""The fields of an entry besides its rules, and the check of all its fields.

:func:`check` reads an entry once, where it is defined. What is wrong with one is said in a sentence
that names the operation and the field, and what to write there.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, MappingProxyType, NoneType
from typing import Any, NamedTuple, Self

import numpy as np

from tinygrad_mnist.ops.precision import WIDER


@dataclass(frozen=True)
class Domain:
    """Where an input may be drawn from in a test.

    Parameters
    ----------
    low, high
        Bounds of the values.
    kinks
        Points where the derivative jumps. Finite differences keep away from them; there the
        gradient is compared with PyTorch's instead.
    distinct
        Whether the values must differ from each other, as for a maximum.
    diagonal
        Added to a matrix's diagonal, once, twice, three times, ...: so it is regular, and its
        eigenvalues lie apart.
    symmetric
        Whether the operation is given the mean of a matrix and its transpose.
    """

    low: float = -2.0
    high: float = 2.0
    kinks: tuple[float, ...] = ()
    distinct: bool = False
    diagonal: float = 0.0
    symmetric: bool = False

    def __post_init__(self) -> None:
        numbers = [self.low, self.high, self.diagonal]
        if not all(isinstance(n, int | float) for n in numbers) or not self.low < self.high:
            raise TypeError(f"{self}: give numbers, of which low is below high")
        if not isinstance(self.kinks, tuple):
            raise TypeError(f"{self}: give kinks as a tuple of numbers, such as (0.0,)")


class Sample:
    """One set of inputs to try an operation on, with its settings.

    A tuple is the shape of a floating-point input that the test draws from the input's
    domain; anything else (an index array, a number, None) is handed over as it is.

    Examples
    --------
    >>> Sample((4, 3), (3,), dim=-1).settings
    {'dim': -1}
    """

    def __init__(self, *inputs: Any, **settings: Any) -> None:
        self.inputs = inputs
        self.settings = settings

    def __repr__(self) -> str:
        settings = [f"{key}={value!r}" for key, value in self.settings.items()]
        return f"{type(self).__name__}({', '.join([*map(repr, self.inputs), *settings])})"


class Point(Sample):
    """A sample that only gradients are checked at: where a rule has a case of its own.

    A list of numbers is a floating-point input of these values, of which the derivative is checked
    as that of a drawn one; so is a number of NumPy's. Second derivatives may not exist there.

    Examples
    --------
    >>> Point([0.0, 0.5], dim=0).inputs
    ([0.0, 0.5],)
    """

    slopes: Mapping[str, Any] = MappingProxyType({})

    def gives(self, **slopes: Any) -> Self:
        """Say which gradients the sum of the output has, where differences can't tell."""
        self.slopes = slopes
        return self


class Signature(NamedTuple):
    """The inputs and settings that a function of arrays takes."""

    inputs: tuple[str, ...]
    settings: tuple[str, ...]
    required: frozenset[str]
    """The inputs and settings that have no default."""
    variadic: bool
    """Whether it takes any number of inputs, under one name."""
    is_open: bool = False
    """Whether it takes settings of any name."""

    def misuse(self, count: int, settings: Collection[str]) -> str:
        """Say what doesn't fit a call's number of inputs and its settings, or an empty string."""
        least, most = sum(name in self.required for name in self.inputs), len(self.inputs)
        if not self.variadic and not least <= count <= most:
            takes = f"{most}" if least == most else f"{least} to {most}"
            given = f"{count} {'was' if count == 1 else 'were'} given"
            return f"the number of inputs ({', '.join(self.inputs)}) must be {takes}, but {given}"
        for name in settings:
            if name not in self.settings:
                known = ", ".join(self.settings) or "none"
                return f"there is no setting {name!r}; those that it has: {known}"
        for name in self.settings:
            if name in self.required and name not in settings:
                return f"the setting {name!r} is missing; give it by name: {name}=..."
        return ""


def signature(function: Callable[..., Any], inputs: Collection[str] = ()) -> Signature:
    """Read what a function of arrays takes; a ufunc has no names for its inputs.

    Raises
    ------
    ValueError
        When that can't be read, as of some functions written in C.
    """
    if isinstance(function, np.ufunc):
        return Signature(tuple(inputs), (), frozenset(inputs), False)
    if type(function) is FunctionType and not hasattr(function, "__wrapped__"):
        # As inspect.signature does, in a tenth of the time: there are hundreds to read at import.
        code, names = function.__code__, function.__code__.co_varnames
        count, end = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        variadic = bool(code.co_flags & inspect.CO_VARARGS)
        is_open = bool(code.co_flags & inspect.CO_VARKEYWORDS)
        positional, settings, rest = names[:count], names[count:end], names[end : end + variadic]
        optional = {*positional[count - len(function.__defaults__ or ()) :]}
        optional.update(function.__kwdefaults__ or ())
    else:
        parameters = inspect.signature(function).parameters.values()
        settings = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        rest = tuple(p.name for p in parameters if p.kind is p.VAR_POSITIONAL)
        is_open = any(p.kind is p.VAR_KEYWORD for p in parameters)
        optional = {p.name for p in parameters if p.default is not p.empty}
        others = {*settings, *rest}
        positional = tuple(p.name for p in parameters if p.name not in others)
    required = frozenset({*positional, *settings} - optional)
    return Signature(positional + rest, settings, required, bool(rest), is_open)


_FIELDS: dict[str, tuple[Any, str]] = {
    "samples": ((list, tuple), "a list, such as [Sample((2, 3))]"),
    "formula": (str, "an equation as a string, such as 'exp(-x**2)'"),
    "torch": (str, "an expression of PyTorch's as a string, such as 'torch.exp(-x * x)'"),
    "doc": (str, "a string"),
    "domains": (
        (NoneType, Domain, Mapping),
        "a Domain, or a dict with one for each of some inputs",
    ),
    "residuals": ((list, tuple), "a list of names"),
    "outputs": ((list, tuple), "a list of names"),
    "promotes": (str, "'float', 'common' or ''"),
    "narrow": (str, "a string of NumPy's letters for dtypes"),
    "node_name": ((str, Callable), "a string, or a function of the node that returns one"),
    "ufunc": ((NoneType, np.ufunc), "a ufunc of NumPy's"),
    **dict.fromkeys(
        ("reference", "check", "part", "misfit", "invariant"), ((NoneType, Callable), "a function")
    ),
    **dict.fromkeys(
        ("broadcasts", "view", "elementwise", "once_differentiable", "output_writable"),
        (bool, "True or False"),
    ),
}
"""The kinds of values that the fields take, and how to say it."""


def check(
    name: str, forward: Any, rules: Mapping[str, Any], fields: Mapping[str, Any]
) -> Signature:
    """Check an entry, and return what its forward function takes.

    Raises
    ------
    TypeError
        When a field is missing, or has a value that it can't have.
    """
    for problem in _wrong_kinds(name, forward, rules, fields):
        raise TypeError(f"operation {name!r}: {problem}")
    try:
        takes = signature(forward, rules)
        for problem in itertools.chain(
            _wrong_rules(forward, rules, takes), _wrong_names(fields, takes),
            _wrong_samples(fields, takes), _wrong_functions(fields, takes),
        ):  # fmt: skip
            raise TypeError(f"operation {name!r}: {problem}")
    except ValueError as error:  # Python's own, about a function written in C
        raise TypeError(f"operation {name!r}: {error}; write a lambda in its place") from None
    return takes


def _wrong_kinds(
    name: str, forward: Any, rules: Mapping[str, Any], fields: Mapping[str, Any]
) -> Iterator[str]:
    if not isinstance(name, str) or not name.isidentifier():
        yield "its name must be one that a function of Python's can have"
    if not callable(forward):
        yield f"forward must be a function of arrays, got {forward!r}"
    if isinstance(forward, FunctionType):
        for key in rules.keys() - {*forward.__code__.co_varnames}:
            import difflib  # only now: no right entry needs it

            for meant in difflib.get_close_matches(key, _FIELDS, 1, 0.8):
                yield f"there is no field {key!r}; did you mean {meant!r}?"
    for field, (kinds, wanted) in _FIELDS.items():
        value = fields[field]
        if field in ("samples", "formula", "torch") and not value:
            yield f"it has no {field}; give {wanted}"
        if not isinstance(value, kinds):
            yield f"{field} must be {wanted}, got {value!r}"
    if fields["promotes"] not in ("float", "common", ""):
        yield f"promotes must be 'float', 'common' or '', got {fields['promotes']!r}"
    if not {*fields["narrow"]} <= WIDER.keys():
        yield f"narrow must be made of the letters {', '.join(WIDER)}, got {fields['narrow']!r}"
    if fields["check"] is not None and not fields["promotes"]:
        yield "check is called before inputs are promoted; give promotes too"
    if fields["promotes"] and len(fields["outputs"]) > 1:
        yield "an operation of several outputs takes its inputs as they are; leave promotes out"
    if (fields["once_differentiable"] or fields["residuals"]) and fields["reference"] is None:
        yield "it can be differentiated only once; give a reference composed of other operations"


def _wrong_rules(forward: Any, rules: Mapping[str, Any], takes: Signature) -> Iterator[str]:
    inputs = ", ".join(takes.inputs)
    if not takes.inputs:
        yield "forward must take at least one input"
    if takes.is_open:
        yield "forward must name its settings, but it takes keywords of any name"
    if takes.variadic and len(takes.inputs) > 1:
        yield f"forward must name all of its inputs, or take any number alone, got {inputs}"
    fits = set(rules) == set(takes.inputs)
    if isinstance(forward, np.ufunc) and len(rules) != forward.nin:
        fits, inputs = False, f"the {forward.nin} of np.{forward.__name__}"
    if not fits:
        yield (
            f"its inputs are {inputs}, but there are rules for {', '.join(rules) or 'none'}; give "
            f"one rule per input, or None where there is no derivative (a name that is no field of "
            f"an entry is read as an input's)"
        )
    for key, rule in rules.items():
        if rule is not None and not callable(rule):
            yield f"the rule for {key!r} must be a function of g, or None, got {rule!r}"


def _wrong_names(fields: Mapping[str, Any], takes: Signature) -> Iterator[str]:
    names = [*takes.inputs, *takes.settings, *fields["outputs"], *fields["residuals"]]
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            yield f"outputs and residuals must be lists of names, got {name!r}"
        if names.count(name) > 1:
            yield f"{name!r} names two of its inputs, settings, outputs and residuals; rename one"
    domains = fields["domains"] if isinstance(fields["domains"], Mapping) else {}
    for name, domain in domains.items():
        if name not in takes.inputs:
            yield f"domains has {name!r}, which is no input; those are {', '.join(takes.inputs)}"
        if not isinstance(domain, Domain):
            yield f"domains[{name!r}] must be a Domain, got {domain!r}"


def _wrong_samples(fields: Mapping[str, Any], takes: Signature) -> Iterator[str]:
    for i, sample in enumerate(fields["samples"]):
        if not isinstance(sample, Sample):
            yield f"samples[{i}] must be a Sample, such as Sample((2, 3)), got {sample!r}"
        elif problem := takes.misuse(len(sample.inputs), sample.settings):
            yield f"samples[{i}] is {sample!r}: {problem}"


def _wrong_functions(fields: Mapping[str, Any], forward: Signature) -> Iterator[str]:
    """Call no function, but look whether it can be called as it will be."""
    inputs, settings, nothing = forward.inputs, {*forward.settings}, set[str]()
    for field, arguments, keywords in (
        ("reference", inputs, settings), ("misfit", inputs, settings), ("check", inputs, nothing),
        ("part", (), settings), ("invariant", fields["outputs"], nothing),
    ):  # fmt: skip
        if fields[field] is not None:
            takes = signature(fields[field])
            by_name = {*takes.inputs[len(arguments) :], *takes.settings}
            fits = takes.variadic or len(arguments) <= len(takes.inputs)
            unknown = set() if takes.is_open else keywords - by_name
            if not fits or unknown or takes.required & (by_name - keywords):
                call = ", ".join([*arguments, *(f"{key}=..." for key in keywords)])
                own = ", ".join([*takes.inputs, *takes.settings])
                yield f"{field} is called with ({call}), but it takes ({own})"
