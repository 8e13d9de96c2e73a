"""What an exercise is, where it is found, and the sentence about an answer."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_mnist.learn.diagnosis import Trial, compare_names, described, diagnose

TRIALS = 5
"""On how many random inputs a function is compared with the right one."""


@dataclass(frozen=True)
class Exercise:
    """A question of the guide, with its right answer.

    Parameters
    ----------
    subject
        What is answered, as it is called in the sentence: ``"your rule"``.
    right
        The right answer: a number, an array, a list of names, or a function, which is compared on
        random inputs.
    inputs
        What draws the inputs of a function, by name, from a random generator.
    parts
        The names of several numbers that are asked for at once, as a tuple.
    terms
        What returns the terms of which a function's answer is the sum, by name: one that an answer
        lacks is named.
    slips
        What returns the answers that known slips lead to, by what the sentence says of them:
        ``"divides by y only once"``.
    digits
        How many digits count; fewer where the answer is worked out on paper.

    Examples
    --------
    >>> from tinygrad_mnist.learn import Exercise
    >>> square = Exercise("your slope", lambda x: 2 * x, lambda rng: {"x": rng.normal()})
    >>> square.examine(lambda x: 2 * x)
    ''
    >>> square.examine(lambda x: -2 * x).partition(":")[0]
    'your slope has the wrong sign'
    """

    subject: str
    right: Any
    inputs: Callable[[np.random.Generator], Mapping[str, Any]] | None = None
    parts: tuple[str, ...] = ()
    terms: Callable[..., Mapping[str, Any]] | None = None
    slips: Callable[..., Mapping[str, Any]] | None = None
    digits: int = field(default=6, kw_only=True)

    def examine(self, answer: Any) -> str:
        """Return what is wrong with an answer, or an empty string."""
        tolerance = 10.0**-self.digits
        if self.inputs is not None:
            return self._examine_function(answer, tolerance)
        if callable(answer):
            return f"{self.subject} is a function; give its value, a number or an array"
        if isinstance(self.right, list):
            return compare_names(self.subject, self.right, answer)
        if not self.parts:
            return diagnose(self.subject, [Trial({}, self.right, answer)], tolerance)
        if not isinstance(answer, tuple | list) or len(answer) != len(self.parts):
            return f"give {len(self.parts)} numbers, as a tuple: {', '.join(self.parts)}"
        for name, right, found in zip(self.parts, self.right, answer, strict=True):
            others = zip(self.parts, self.right, strict=True)
            slips = {f"is that for {other}": x for other, x in others if abs(x) != abs(right)}
            trial = Trial({}, right, found, slips=slips)
            sentence = diagnose(f"{self.subject} {name}", [trial], tolerance)
            if sentence:
                return sentence
        return ""

    def _examine_function(self, answer: Any, tolerance: float) -> str:
        assert self.inputs is not None
        if not callable(answer):
            return f"{self.subject} is not a function: give the function itself, not its value"
        rng = np.random.default_rng(0)
        trials = []
        for _ in range(TRIALS):
            inputs = dict(self.inputs(rng))
            try:
                inspect.signature(answer).bind(*inputs.values())
            except TypeError:
                return f"{self.subject} should take {len(inputs)} arguments: {', '.join(inputs)}"
            except ValueError:
                pass  # one in C, as older NumPy's functions are, has no signature: it may be called
            given = {name: np.array(x) if np.ndim(x) else x for name, x in inputs.items()}
            try:
                with np.errstate(all="ignore"):  # the sentence says what is wrong
                    found = answer(*given.values())
            except Exception as error:
                kind = type(error).__name__
                return f"{self.subject} raised {kind} for {described(inputs)}: {error}"
            terms = self.terms(**inputs) if self.terms else {}
            slips = self.slips(**inputs) if self.slips else {}
            trials.append(Trial(inputs, self.right(**inputs), found, terms, slips))
        return diagnose(self.subject, trials, tolerance)


def find(name: str) -> Exercise:
    """Return the exercise of a name such as ``"1.2"``, the second of chapter 1.

    Raises
    ------
    ValueError
        When there is none; it says which there are.
    """
    chapter = str(name).partition(".")[0]
    try:
        module = importlib.import_module(f"{__package__}.chapter_{int(chapter):02}")
    except (ModuleNotFoundError, ValueError):
        raise ValueError(
            f"no chapter has exercise {name!r}; a name is chapter.number, such as '1.2'"
        ) from None
    exercises: dict[str, Exercise] = module.EXERCISES
    if name not in exercises:
        raise ValueError(f"chapter {chapter} has no exercise {name!r}, but {', '.join(exercises)}")
    return exercises[name]


def verdict(name: str, answer: Any) -> str:
    """Return the sentence about an answer that :func:`check` prints.

    Parameters
    ----------
    name
        The exercise: ``"1.2"`` is the second of chapter 1.
    answer
        A number, an array, a tuple of numbers or a function, as the exercise asks for.

    Returns
    -------
    The sentence.

    Examples
    --------
    >>> from tinygrad_mnist.learn import verdict
    >>> verdict("1.2", lambda g, out: g * out * out)
    'exercise 1.2: your rule is wrong: for g = 1.46, out = -0.598 it gives
    0.521, where 0.934 is right'
    """
    return f"exercise {name}: {find(name).examine(answer) or 'right'}"


def check(name: str, answer: Any) -> None:
    """Print whether an answer is right, or what is wrong with it.

    A function is compared with the right one on random inputs. What differs is explained where a
    factor, a sign, a transposed array, a sum that is missing, a term that is missing or a shape
    explains it.

    Parameters
    ----------
    name
        The exercise: ``"1.2"`` is the second of chapter 1.
    answer
        A number, an array, a tuple of numbers or a function, as the exercise asks for; Tensors are
        as good as arrays.

    Raises
    ------
    ValueError
        When there is no such exercise.

    Examples
    --------
    >>> from tinygrad_mnist.learn import check
    >>> check("1.2", lambda g, out: g * (1 - out * out))
    exercise 1.2: right
    """
    print(verdict(name, answer))
