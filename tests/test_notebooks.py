"""Chapters as notebooks: the same text and code, and they run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from pages import program

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "docs" / "guide").glob("[0-9][0-9]-*.md"))
PAGE = """
(label)=
# Title

See {py:func}`~torch.exp`, and {py:func}`that <torch.log>`.

```{testcode}
x = 1
```

```{testoutput}
nothing
```

```{plot}
:alt: A line.
plt.plot([x])
```

```sh
ls
```

:::{dropdown} Solution
Text.
```{testcode}
y = x
```
:::

The end.
"""


@pytest.fixture(scope="module")
def notebooks() -> Any:
    return program("notebooks")


def test_a_page_is_cut_into_cells(notebooks: Any) -> None:
    assert list(notebooks.cells(PAGE)) == [
        ("text", "# Title\n\nSee `torch.exp`, and `that`."),
        ("code", "x = 1"),
        ("plot", "plt.plot([x])"),
        ("text", "```sh\nls\n```"),
        ("answer", "# your answer"),
        ("text", "**Solution**\n\nText."),
        ("folded", "y = x"),
        ("text", "The end."),
    ]


def test_a_file_that_a_page_includes_is_in_its_text(notebooks: Any) -> None:
    page = """
```{literalinclude} ../../examples/engine.py
:language: python
:start-at: def undo_broadcast
:end-before: "# -- a network"
```

After it.
"""
    ((kind, text),) = notebooks.cells(page)
    lines = text.splitlines()
    assert kind == "text" and lines[0] == "```python" and lines[-1] == "After it."
    assert lines[1].startswith("def undo_broadcast") and lines[-4].startswith("    return")
    assert lines[-3] == "```"


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.stem)
def test_no_directive_or_role_is_left_in_a_notebook(notebooks: Any, page: Path) -> None:
    for kind, text in notebooks.cells(page.read_text()):
        assert kind != "text" or not re.search(r"\{[\w:-]+\}`|`{3}\{|:::", text)


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda p: p.stem)
def test_a_notebook_has_all_code_of_its_page(notebooks: Any, page: Path) -> None:
    """So that it runs as the page does, whose code is run where the documentation is built."""
    blocks = re.findall(r"^```\{testcode\}\n(.*?)^```", page.read_text(), re.M | re.S)
    held = [text for kind, text in notebooks.cells(page.read_text()) if kind != "text"]
    position = 0
    for block in blocks:
        code = [line for line in block.splitlines() if line and not line.startswith(":")]
        while any(line not in held[position].splitlines() for line in code):
            position += 1
            assert position < len(held), block


@pytest.mark.slow
@pytest.mark.parametrize("page", CHAPTERS[::4], ids=lambda p: p.stem)
def test_a_notebook_runs(
    notebooks: Any, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = pytest.importorskip("nbclient", reason="nbclient, of the group docs, isn't installed")
    pytest.importorskip("ipykernel", reason="ipykernel, of the group docs, isn't installed")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, ROOT / "examples"))))
    notebooks.write(tmp_path)
    book = nbformat.read(tmp_path / f"{page.stem}.ipynb", as_version=4)
    nbformat.validate(book)
    client.NotebookClient(book, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    printed = "".join(
        output.get("text", "") for cell in book.cells for output in cell.get("outputs", ())
    )
    promised = page.read_text().split("```{testoutput}\n")[1:]
    for block in promised:
        for line in block.partition("```")[0].splitlines():
            assert all(part in printed for part in line.split("..."))
