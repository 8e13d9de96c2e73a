"""The code on the pages runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What is on operations.md goes into two files: ops/test_new_operation.py puts it there.
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if page.name != "operations.md"
]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_on_a_page_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        if "..." in block.split("#")[0] and "op(" in block:
            continue  # the sketch of the table at the top
        exec(block, names)
    printed = capsys.readouterr().out
    for promise in re.findall(r"# \.\.\. (.*)", "\n".join(blocks)):
        assert promise in printed


def test_first_model_learns(capsys: pytest.CaptureFixture[str]) -> None:
    block = next(
        b for b in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "Adam" in b
    )  # fmt: skip
    exec(block, {})
    assert float(capsys.readouterr().out) < 1e-3
