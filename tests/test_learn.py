"""Answers to exercises: right ones pass, and each kind of mistake is named."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.learn import Exercise, check, verdict
from tinygrad_mnist.learn.exercises import find

ROOT = Path(__file__).parent.parent
MATRIX = Exercise(
    "your rule",
    lambda g, y: g @ y.T,
    lambda rng: {"g": rng.normal(size=(3, 3)), "y": rng.normal(size=(3, 3))},
)
BIAS = Exercise("your gradient", lambda g: g.sum(0), lambda rng: {"g": rng.normal(size=(4, 3))})
KEPT = Exercise(
    "your gradient", lambda g: g.sum(0, keepdims=True), lambda rng: {"g": rng.normal(size=(1, 3))}
)
SQUARE = Exercise("your slope", lambda x: 2 * x, lambda rng: {"x": rng.uniform(1, 2)})
SPREAD = Exercise(
    "your gradient",
    lambda g: np.broadcast_to(g.sum(1, keepdims=True), g.shape),
    lambda rng: {"g": rng.normal(size=(2, 3))},
)


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [
        (MATRIX, lambda g, y: 2 * g @ y.T, "your rule is off by a factor 2:"),
        (MATRIX, lambda g, y: g @ y.T / 3, "your rule is off by a factor 0.3333:"),
        (MATRIX, lambda g, y: -(g @ y.T), "your rule has the wrong sign:"),
        (MATRIX, lambda g, y: y @ g.T, "your rule is transposed:"),
        (MATRIX, lambda g, y: g @ y, "your rule is wrong:"),
        (MATRIX, lambda g, y: 0 * g, "your rule is zero:"),
        (MATRIX, lambda g, y: g * np.nan, "your rule is NaN: 0 / 0, or infinity - infinity"),
        (MATRIX, lambda g, y: None, "your rule is None, where a number or an array is asked for"),
        (MATRIX, lambda g, y: "x", "your rule is a str, where"),
        (MATRIX, lambda g, y: [[1.0], [1.0, 2.0]], "your rule is a list, where"),
        (MATRIX, lambda g: g, "your rule should take 2 arguments: g, y"),
        (MATRIX, 3.0, "your rule is not a function: give the function itself, not its value"),
        (MATRIX, lambda g, y: g @ y[:2], "your rule raised ValueError for g of shape (3, 3), y of"),
        (BIAS, lambda g: g, "has the shape (4, 3), where (3,) is right: the sum over dimension 0"),
        (BIAS, lambda g: g.sum(1), "your gradient has the shape (4,), where (3,) is right"),
        (BIAS, lambda g: g.mean(0), "your gradient is off by a factor 0.25:"),
        (KEPT, lambda g: g.T, "has the shape (3, 1), where (1, 3) is right: it is transposed"),
        (SPREAD, lambda g: g, "your gradient lacks the sum over dimension 1:"),
        (SQUARE, lambda x: 2.0, "your slope lacks the factor x: for x ="),
        (SQUARE, lambda x: 2 * x * x, "your slope has the factor x too often:"),
        (SQUARE, lambda x: x + 1, "your slope is wrong: for x = "),
        (Exercise("your sum", 5.0), 10, "your sum is off by a factor 2: it gives 10, where 5"),
        (Exercise("your sum", 5.0), 7, "your sum is wrong: it gives 7, where 5 is right"),
        (Exercise("your sum", 5.0), math.exp, "your sum is a function; give its value"),
        (Exercise("your sum of", (1.0, 2.0), parts=("a", "b")), 3, "give 2 numbers, as a tuple: a, b"),
        (Exercise("your sum of", (1.0, 2.0), parts=("a", "b")), (1, -2), "your sum of b has the wrong"),
    ],
)  # fmt: skip
def test_the_mistake_is_named(exercise: Exercise, answer: Any, said: str) -> None:
    assert said in exercise.examine(answer)


@pytest.mark.parametrize("exercise", [MATRIX, BIAS, KEPT, SQUARE, SPREAD])
def test_the_right_answer_passes(exercise: Exercise) -> None:
    assert exercise.examine(exercise.right) == ""


def test_tensors_are_answers_too() -> None:
    assert MATRIX.examine(lambda g, y: tg.tensor(g) @ tg.tensor(y).T) == ""
    assert Exercise("your sum", 5.0).examine(tg.tensor(5.0, requires_grad=True)) == ""


def test_an_answer_may_write_to_its_inputs() -> None:
    def halve(g: np.ndarray, y: np.ndarray) -> np.ndarray:
        g *= 0.5
        return 2 * g @ y.T

    assert MATRIX.examine(halve) == ""


def test_check_prints_the_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("1.2", lambda g, out: g * (1 - out**2)) is None
    assert capsys.readouterr().out == "exercise 1.2: right\n"


def test_lacking_a_term_is_said_by_its_name() -> None:
    assert "lacks a term: the path through tanh" in verdict("1.3", np.tanh)
    wrong = verdict("1.3", lambda x: np.tanh(x) - x * (1 - np.tanh(x) ** 2))
    assert "has a term with the wrong sign: the path through tanh" in wrong


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("1.1", (-0.79, 0.39, 0.79), "for w is that for x"),
        ("1.2", lambda g, out: g * (1 - np.tanh(out) ** 2), "takes tanh of out"),
        ("1.2", lambda out, g: g * (1 - out * out), "has its arguments in the other order"),
        ("1.3", lambda x: 1 - np.tanh(x) ** 2, "is the product of the two slopes"),
        ("2.1", lambda g, out: g * np.exp(out), "takes exp of out"),
        ("3.1", lambda n: (n + 1, 2**n), "takes the leaf for a node"),
        ("3.3", lambda x: 3 * x**2, "is that of x³ alone"),
        ("2.1", lambda g, out: g, "lacks the factor out"),
        ("2.2", lambda g, x, y: -g * x / y, "divides by y only once"),
        ("2.2", lambda g, x, y: g / y, "is that for x"),
        ("2.3", lambda g, x, y: g * (x >= y), "gives x all of the gradient at a tie"),
        ("2.3", lambda g, x, y: g * (x > y), "gives x nothing at a tie"),
        ("3.1", lambda n: (2**n, n), "has the two numbers in the other order"),
        ("3.2", ["add", "mul", "mul", "add"], "has 'mul' in place 3, where 'add' is right"),
        ("3.2", ("add", "mul", "add"), "has 3 names, where 4 are right"),
        ("3.2", "add", "your order is no list of names"),
        ("3.3", lambda x: 3 * x**2 + 2 * x, "lacks a term: the path through a into the sum"),
        ("4.1", lambda g, x: g * x, "the sum over dimension 1 is missing"),
        ("4.1", lambda g, x: g.sum(1, keepdims=True), "lacks the factor x"),
        ("4.2", lambda g, x: x.T @ g, "it is transposed"),
        ("4.3", lambda g: g, "lacks a term: the path through the mean"),
        ("4.3", lambda g: g + g.mean(0), "a term with the wrong sign: the path through the mean"),
        ("4.3", lambda g: g - g.sum(0), "subtracts the sum instead of the mean"),
        ("5.1", (1 / 8, 2 / 8, 5 / 8), "gradient for the third logit is wrong"),
        ("5.2", lambda z: np.log(np.exp(z).sum()), "your function is wrong: for z of shape (4,)"),
        ("5.3", lambda g, out: out * g, "lacks a term: the path through the sum"),
        ("5.3", lambda g, out: g - out * g.sum(), "is that of log-softmax"),
        ("6.1", lambda c: 1 / c, "off by a factor 0.5"),
        ("6.2", lambda g, mu: g / (1 - mu), "is that for gradients of one sign"),
        ("6.3", lambda g, m, v, t: (0.9 * m + 0.1 * g) / np.sqrt(0.999 * v + 0.001 * g**2),
         "lacks both corrections"),
        ("6.3", lambda g, m, v, t: m / (1 - 0.9**t) / np.sqrt(v / (1 - 0.999**t)),
         "uses the means as they were before g"),
        ("7.1", lambda g, w: np.convolve(g, w[::-1]), "has the kernel turned around"),
        ("4.1", lambda g, x: (g * x).sum(1), "the numbers are right, and a sum keeps"),
        ("5.2", lambda z: z.max(), "it gives 2000.64, where 2001.5 is right"),
        ("5.3", lambda g, out: g * out * (1 - out), "follows each logit to its own output alone"),
        ("9.1", lambda g, x: g / (1 + x) ** 2, "is right for positive x only"),
        ("7.1", lambda g, w: np.convolve(g, w, "valid"), "has the shape (3,), where (7,) is right"),
        ("7.2", lambda g, x: (g - g.mean(1, keepdims=True)) / x.std(1, keepdims=True),
         "lacks a term: the path through the deviation"),
        ("7.3", lambda w, x: w**2 * x[0] + w * x[1] + x[2], "lacks a term: the earlier uses of w"),
        ("8.1", lambda out: 1 - 2 * out, "lacks the derivative of out"),
        ("8.2", lambda x, v: 4 * (x @ x) * v, "lacks a term: the change of the sum of squares"),
        ("8.3", lambda g, h: np.linalg.solve(h, -g), "is Newton's own"),
        ("10.1", lambda x, w, b: (x @ w + b <= 0).mean(), "is that of zeros, not of units"),
        ("10.2", lambda n: (2 / n) ** 0.5, "is that before a rectifier"),
        ("10.3", lambda g, limit: g, "is longer than the limit"),
        ("10.3", lambda g, limit: g * limit / np.linalg.norm(g), "stretches what is short"),
    ],
)  # fmt: skip
def test_the_guide_names_likely_mistakes(name: str, answer: Any, said: str) -> None:
    assert said in verdict(name, answer)


@pytest.mark.parametrize(
    ("name", "said"),
    [("1.9", "has no exercise '1.9', but 1.1, "), ("99.1", "no chapter"), ("x", "no chapter"),
     (1.25, "no exercise 1.25")],
)  # fmt: skip
def test_an_unknown_exercise_is_said(name: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check(name, 0)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "guide").glob("[0-9]*.md")))
def test_a_chapter_has_three_exercises_with_solutions_that_are_checked(page: Path) -> None:
    number = int(page.name[:2])
    text = page.read_text()
    names = re.findall(r"^\*\*(\d+\.\d+)\*\*", text, re.MULTILINE)
    assert names == [f"{number}.{i}" for i in (1, 2, 3)]
    solved = set(re.findall(r"^exercise (\d+\.\d+): right", text, re.MULTILINE))
    assert solved == set(names)
    assert [find(name) is not None for name in names] == [True] * 3


def test_diagnosis_needs_numpy_alone() -> None:
    for path in (ROOT / "tinygrad_mnist" / "learn").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "tinygrad_mnist"
            ):
                assert node.module.startswith("tinygrad_mnist.learn")
