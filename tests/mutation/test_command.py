"""The mutation lab as a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tinygrad_mnist.mutation import KINDS, lab
from tinygrad_mnist.mutation.__main__ import main
from tinygrad_mnist.ops import TABLE


def test_alone_it_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "gradient check" in said
    assert all(f"  {kind} " in said and what in said for kind, what in KINDS.items())


def test_an_operation_lists_its_mutants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mul"]) == 0
    said = capsys.readouterr().out
    assert "mul(x, y): product of two arrays.\n\n    x * y\n" in said
    assert "\n    lambda g, y: g * y\n" in said
    assert "    - lambda g, x: g * x\n    + lambda g, x: g\n" in said
    main(["mul", "y"])
    assert "lambda g, y: g * y" not in capsys.readouterr().out


def test_a_mutant_is_shown_caught(capsys: pytest.CaptureFixture[str]) -> None:
    before = TABLE["mul"].rules["x"]
    assert main(["mul", "x", "array-2"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "ops/elementwise.py, line" in said
    assert "- lambda g, y: g * y + lambda g, y: g * x" in said
    assert "Likely cause: the wrong array: the gradient fits with y in the place of x" in said
    assert said.endswith("The right rule passes.")
    assert TABLE["mul"].rules["x"] is before


def test_a_mutant_that_changes_nothing_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hardswish", "x", "array-2"]) == 0
    said = capsys.readouterr().out
    assert "passes all the same" in said
    assert "below 3 where the input is" in said


def test_all_mutants_of_an_operation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--all", "hardswish"]) == 0
    said = capsys.readouterr().out
    assert "Of the 11 that change a gradient 100 % are caught." in said
    assert "hardswish, rule for x, array-2: x < 3 -> out < 3" in said


def test_a_gap_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "caught", lambda mutant: None)
    assert main(["--all", "exp"]) == 1
    said = capsys.readouterr().out
    assert "0 % are caught" in said
    assert "unexplained: a gap in the check" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mull"], "there is no operation 'mull'; did you mean mul or matmul?"),
        (["eq"], "eq has no derivative"),
        (["mul", "z"], "mul has no rule for 'z'; it has rules for x, y"),
        (["mul", "x", "sing"], "has no mutant 'sing'; did you mean sign?"),
        (["--all", "sigmodi"], "did you mean sigmoid"),
    ],
)
def test_unknown_names_are_sentences(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_it_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "tinygrad_mnist.mutation", "exp", "x", "sign"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "the sign is reversed" in done.stdout.replace("\n    ", " ")
    assert not done.stderr
