"""What is wrong with an answer: compared with the right one, and put into a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Trial(NamedTuple):
    """One comparison: the inputs by name, the right answer, the one that was found.

    And by name, the terms of which the right one is the sum, and what known slips give.
    """

    inputs: Mapping[str, Any]
    right: Any
    found: Any
    terms: Mapping[str, Any] = {}
    slips: Mapping[str, Any] = {}


def diagnose(subject: str, trials: Sequence[Trial], tolerance: float) -> str:
    """Return a sentence on what is wrong, or an empty string where all answers are right.

    Parameters
    ----------
    subject
        The sentence's first words.
    trials
        The comparisons; a cause must explain all of them.
    tolerance
        By which part of the largest number an answer may be off.
    """
    right = [np.asarray(trial.right, np.float64) for trial in trials]
    found = []
    for trial in trials:
        array = _array(trial.found)
        if array is None:
            kind = "None" if trial.found is None else f"a {type(trial.found).__name__}"
            return f"{subject} is {kind}, where a number or an array is asked for"
        found.append(array)

    def agree(xs: Sequence[np.ndarray], ys: Sequence[np.ndarray]) -> bool:
        return all(_close(x, y, tolerance) for x, y in zip(xs, ys, strict=True))

    if agree(found, right):
        return ""
    first = next(
        i for i, (x, y) in enumerate(zip(found, right, strict=True)) if not _close(x, y, tolerance)
    )
    example = _example(trials[first], found[first], right[first])
    if any(x.shape != y.shape for x, y in zip(found, right, strict=True)):
        return f"{subject} {_shape(found, right, agree)}{example}"
    for cause, mended in _causes(trials, found, right):
        if agree(mended, right):
            return f"{subject} {cause}{example}"
    return f"{subject} is wrong{example}"


def compare_names(subject: str, right: Sequence[str], found: Any) -> str:
    """Return a sentence on the first name that is wrong, or an empty string."""
    if not isinstance(found, tuple | list) or not all(isinstance(x, str) for x in found):
        return f"{subject} is no list of names"
    for place, (x, y) in enumerate(zip(found, right, strict=False), 1):
        if x != y:
            return f"{subject} has {x!r} in place {place}, where {y!r} is right"
    if len(found) != len(right):
        return f"{subject} has {len(found)} names, where {len(right)} are right"
    return ""


def _array(x: Any) -> np.ndarray | None:
    """Return numbers as an array of float64, or None for what is no number."""
    if hasattr(x, "detach"):
        x = x.detach().numpy()
    try:
        array = np.asarray(x)
    except ValueError:  # lists of different lengths
        return None
    return array.astype(np.float64) if array.dtype.kind in "biuf" else None


def _close(x: np.ndarray, y: np.ndarray, tolerance: float) -> bool:
    scale = float(np.abs(y).max(initial=0.0)) or 1.0
    return x.shape == y.shape and bool(np.all(np.abs(x - y) <= tolerance * scale))


def _shape(found: list[np.ndarray], right: list[np.ndarray], agree: Any) -> str:
    """Say what is wrong with a shape, and how it came about where that can be told."""
    x, y = found[0], right[0]
    text = f"has the shape {x.shape}, where {y.shape} is right"
    thinner = all(a.ndim < b.ndim and a.size == b.size for a, b in zip(found, right, strict=True))
    if thinner and agree([a.reshape(b.shape) for a, b in zip(found, right, strict=True)], right):
        return f"{text}: the numbers are right, and a sum keeps a dimension with keepdims=True"
    if x.ndim >= 2 and agree([a.swapaxes(-1, -2) for a in found], right):
        return f"{text}: it is transposed"
    for dims in [*((d,) for d in range(x.ndim)), tuple(range(x.ndim))]:
        for keep in (False, True):
            if agree([a.sum(dims, keepdims=keep) for a in found], right):
                of = f"dimension {dims[0]}" if len(dims) == 1 else "all dimensions"
                return f"{text}: the sum over {of} is missing"
    return text


def _causes(
    trials: Sequence[Trial], found: list[np.ndarray], right: list[np.ndarray]
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield what may be wrong, with the answers as they would be without it."""
    if any(np.isnan(x).any() for x in found):
        yield "is NaN: 0 / 0, or infinity - infinity", right
    if not any(x.any() for x in found):
        yield "is zero", right
    for name in trials[0].slips:
        slips = [np.asarray(trial.slips[name]) for trial in trials]
        yield name, [y + (x - slip) for x, y, slip in zip(found, right, slips, strict=True)]
    yield "has the wrong sign", [-x for x in found]
    for factor in _factors(found, right):
        yield f"is off by a factor {factor:.4g}", [x / factor for x in found]
    if all(x.ndim >= 2 and x.shape[-1] == x.shape[-2] for x in found):
        yield "is transposed", [x.swapaxes(-1, -2) for x in found]
    for dim in range(min(x.ndim for x in found)):
        sums = [np.broadcast_to(x.sum(dim, keepdims=True), x.shape) for x in found]
        yield f"lacks the sum over dimension {dim}", sums
    for name in trials[0].terms:
        missing = [np.asarray(trial.terms[name]) for trial in trials]
        yield f"lacks a term: {name}", [x + m for x, m in zip(found, missing, strict=True)]
        yield (
            f"has a term with the wrong sign: {name}",
            [x + 2 * m for x, m in zip(found, missing, strict=True)],
        )
    for name in trials[0].inputs:
        given = [np.asarray(trial.inputs[name], np.float64) for trial in trials]
        if all(_fits(a, y) for a, y in zip(given, right, strict=True)):
            yield f"lacks the factor {name}", [x * a for x, a in zip(found, given, strict=True)]
            yield (
                f"has the factor {name} too often",
                [x / a for x, a in zip(found, given, strict=True)],
            )


def _factors(found: list[np.ndarray], right: list[np.ndarray]) -> Iterator[float]:
    """Yield by what all answers may have been multiplied; to one number any would fit."""
    weight = sum(float(np.sum(y * y)) for y in right)
    factor = sum(float(np.sum(x * y)) for x, y in zip(found, right, strict=True)) / (weight or 1)
    if not np.isfinite(factor) or factor == 0:
        return
    whole = float(round(factor)) if abs(factor) > 1 else 1 / round(1 / factor)
    yield whole
    if sum(y.size for y in right) > 1:
        yield factor


def _fits(x: np.ndarray, y: np.ndarray) -> bool:
    """Return whether one array could be a factor of another."""
    try:
        return np.broadcast_shapes(x.shape, y.shape) == y.shape and bool(x.all())
    except ValueError:
        return False


def described(inputs: Mapping[str, Any]) -> str:
    """Return inputs in words: numbers with their values, arrays with their shapes."""
    return ", ".join(
        f"{name} of shape {np.shape(x)}" if np.ndim(x) else f"{name} = {float(x):.3g}"
        for name, x in inputs.items()
    )


def _example(trial: Trial, found: np.ndarray, right: np.ndarray) -> str:
    """Return one comparison in numbers: of an array, the element that is off by most."""
    if found.shape != right.shape:
        return ""
    off = np.nan_to_num(np.abs(found - right), nan=np.inf)
    where = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), found.shape))
    place = f" in element {list(where)}" if where else ""
    given = f"for {described(trial.inputs)} " if trial.inputs else ""
    digits = next((n for n in (3, 6) if f"{found[where]:.{n}g}" != f"{right[where]:.{n}g}"), 10)
    x, y = f"{found[where]:.{digits}g}", f"{right[where]:.{digits}g}"
    return f": {given}it gives {x}{place}, where {y} is right"
