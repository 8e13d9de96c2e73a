"""A new operation costs two places, and all that follows from them is there: word for word as
docs/operations.md says.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_mnist.ops.contract import TABLE

PACKAGES = ("ops", "tensor")
ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "operations.md"


def blocks() -> list[str]:
    """Return the code of the page, in order."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)


def places() -> list[str]:
    """Return the files that the page names for the entry and for the line."""
    return re.findall(r"\*\*.*?\n?.*?, here `([\w/.]+)`", PAGE.read_text())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to which the page's operation was added."""
    if not PAGE.exists():
        pytest.skip("the pages are not here")
    if there := TABLE.keys() & {"bell", "center"}:
        pytest.skip(f"the page's example exists already: {', '.join(sorted(there))}; remove it")
    root = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__", "_build", ".*cache", "results")
    for name in ("tinygrad_mnist", "tests", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, root / name)
    codes = [blocks()[i] for i in (0, 1, 4, 5)]
    places_of_layer = [f"nn/{name}.py" for name in ("activation", "functional", "__init__")]
    codes += [blocks()[7], *blocks()[8].splitlines(keepends=True)]
    for place, code in zip(places() + places_of_layer, codes, strict=True):
        path = root / "tinygrad_mnist" / place
        before, ending, after = path.read_text().rpartition("\n\nif not TYPE_CHECKING:")
        path.write_text(f"{before}\n\n{code}{ending}{after}" if ending else after + f"\n\n{code}")
    return root


def run(root: Path, *arguments: str) -> str:
    """Run Python on the copy, and return what it prints."""
    paths = os.pathsep.join([str(root), str(root / "tests"), str(root / "docs")])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_page_names_two_places_for_each_operation() -> None:
    files = [f"{folder}/{name}.py" for name in ("elementwise", "reduction") for folder in PACKAGES]
    assert places() == files
    assert len(blocks()[1].splitlines()) == 1


def test_function_method_and_in_place_method_exist(copy: Path) -> None:
    run(copy, "-W", "error", "-c", blocks()[2])


def test_function_with_a_dimension_checks_it(copy: Path) -> None:
    run(copy, "-W", "error", "-c", blocks()[6])


def test_layer_and_its_function_are_public(copy: Path) -> None:
    run(copy, "-W", "error", "-c", blocks()[9])


def test_function_that_does_more_is_written_out(copy: Path) -> None:
    """The page's other piece of code, in the place of the line."""
    path = copy / "tinygrad_mnist" / places()[1]
    text = path.read_text()
    try:
        path.write_text(text.replace(blocks()[1], blocks()[3]))
        code = "import tinygrad_mnist as t; print(t.ones(1).bell(width=2.0) == t.ones(1).div(2).bell())"
        assert run(copy, "-c", code).strip() == "tensor([True])"
    finally:
        path.write_text(text)


def test_errors_and_documentation_have_its_name(copy: Path) -> None:
    code = """
    import tinygrad_mnist as torch
    print(torch.bell.__name__, torch.bell.__doc__, torch.Tensor.bell_.__doc__)
    for call in (lambda: torch.bell(3), lambda: torch.ones(2, dtype=torch.int64).bell_()):
        try:
            call()
        except (TypeError, RuntimeError) as error:
            print(error)
    """
    printed = run(copy, "-c", "\n".join(line[4:] for line in code.splitlines()))
    assert "bell Gaussian bell.\n\n``exp(-input**2)``, element by element." in printed
    assert ">>> torch.bell(torch.tensor([0.0, 1.0]))\ntensor([1.0000, 0.3679])" in printed
    assert "In PyTorch: ``torch.exp(-input * input)``." in printed
    assert "bell(): argument 'input' (position 1) must be Tensor, not int" in printed
    assert "bell_: the result has dtype" in printed


def test_catalogue_shows_its_entry(copy: Path) -> None:
    printed = run(copy, "-c", "import catalogue; print(catalogue.table())")
    assert "### bell" in printed
    assert blocks()[0].strip() in printed
    assert "### center" in printed


def test_suite_checks_it(copy: Path) -> None:
    printed = run(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", "-k", "bell or center",
        "tests/ops/test_table.py",
    )  # fmt: skip
    passed, skipped = (
        int(found[1]) if (found := re.search(rf"(\d+) {what}", printed)) else 0
        for what in ("passed", "skipped")  # parity is skipped where there is no PyTorch
    )
    assert passed > 30, printed
    assert passed + skipped > 80, printed  # gradients, second derivatives, broadcasting, ...


def test_nothing_else_asks_for_a_third_place(copy: Path) -> None:
    run(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/tensor/test_methods.py",
        "tests/ops/test_facts.py", "tests/test_error_names.py",
    )  # fmt: skip
