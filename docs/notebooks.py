"""Each chapter of the guide as a notebook: the same text, and the same code in cells that run.

``python docs/notebooks.py FOLDER`` writes them there; the documentation does, beside its pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parent / "guide"
FENCE = re.compile(r"^(`{3,}|:{3,})(?:\{([\w-]+)\}\s*(.*)|(\w*))$")
IMPORTS = "import matplotlib.pyplot as plt\nimport numpy as np"
"""What the code of a plot finds imported."""
CODE = ("testcode", "plot")
HIDDEN = ("testoutput", "toctree")


def chapters() -> list[Path]:
    """Return the guide's chapters, in order."""
    return sorted(GUIDE.glob("[0-9][0-9]-*.md"))


def cells(text: str) -> Iterator[tuple[str, str]]:
    """Yield a page's parts: ``code`` that runs, ``plot`` that draws, and the ``text`` between.

    Code in a ``{dropdown}`` is ``folded``, and before its title, which is text, an ``answer`` has
    room.
    """
    prose: list[str] = []
    lines = iter(text.splitlines())
    dropdown = ""  # the fence that ends the one that we are in
    for line in lines:
        found = FENCE.match(line)
        if dropdown and line.strip() == dropdown:
            dropdown = ""
        elif found is None:
            prose.append(line)
            continue
        fence, directive, argument, _ = found.groups()
        if directive in CODE + HIDDEN:
            block = _until(lines, fence)
            if directive in CODE:
                yield from _text(prose)
                prose = []
                code = "folded" if dropdown else "code"
                yield (code if directive == "testcode" else "plot"), _content(block)
        elif directive == "literalinclude":
            prose += ["```python", _included(argument, _until(lines, fence)), "```"]
        elif fence[0] == "`" and not directive:
            prose += [line, *_until(lines, fence), fence]
        elif directive:  # what is in it follows, as text
            if directive == "dropdown":
                dropdown = fence
                yield from _text(prose)
                yield "answer", "# your answer"
                prose = []
            if argument:
                prose += [f"**{argument}**", ""]
    yield from _text(prose)


def _until(lines: Iterator[str], fence: str) -> list[str]:
    found = []
    for line in lines:
        if line.strip() == fence:
            break
        found.append(line)
    return found


def _included(path: str, options: list[str]) -> str:
    """Return the part of a file that a page shows."""
    chosen = dict(re.findall(r":([\w-]+): *\"?(.*?)\"?$", "\n".join(options), re.MULTILINE))
    text = (GUIDE / path).read_text()
    text = text[text.index(chosen["start-at"]) :] if "start-at" in chosen else text
    return text.partition(chosen["end-before"])[0].rstrip() if "end-before" in chosen else text


def _content(block: list[str]) -> str:
    """Return a directive's content without its options."""
    start = next((i for i, line in enumerate(block) if not re.match(r":[\w-]+:", line)), len(block))
    return "\n".join(block[start:]).strip("\n")


def _text(prose: list[str]) -> Iterator[tuple[str, str]]:
    """Yield text as Markdown that notebooks know."""
    lines = [line for line in prose if not re.match(r"(:{3,}$|:[\w-]+:|\([\w-]+\)=$|<!--)", line)]
    text = re.sub(r"\{[\w:]+\}`(?:([^`<]+?) ?<[^`>]*>|~?([^`]+))`", _role, "\n".join(lines))
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    if text:
        yield "text", text


def _role(found: re.Match[str]) -> str:
    return f"`{found[1] or found[2]}`"


def notebook(page: Path) -> Any:
    """Return a chapter as a notebook."""
    from nbformat import v4

    made = []
    for kind, text in cells(page.read_text()):
        if kind == "text":
            made.append(v4.new_markdown_cell(text))
        elif kind == "plot":
            made.append(v4.new_code_cell(f"{IMPORTS}\n\n{text}"))
        else:
            hidden = {"jupyter": {"source_hidden": True}} if kind == "folded" else {}
            made.append(v4.new_code_cell(text, metadata=hidden))
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=made, metadata={"kernelspec": kernel})


def write(folder: Path) -> None:
    """Write all chapters to a folder."""
    import nbformat

    folder.mkdir(parents=True, exist_ok=True)
    for page in chapters():
        nbformat.write(notebook(page), folder / f"{page.stem}.ipynb")


def _offer(app: Any, docname: str, source: list[str]) -> None:
    """Put a link to its notebook below a chapter's title."""
    name = docname.removeprefix("guide/")
    if any(page.stem == name for page in chapters()):
        link = f'<a class="notebook" href="{name}.ipynb" download>This chapter as a notebook</a>'
        source[0] = re.sub(r"^(# .*\n)", rf"\1\n{link}\n", source[0], count=1, flags=re.MULTILINE)


def _write_beside(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        write(Path(app.outdir) / "guide")


def setup(app: Any) -> dict[str, bool]:
    """Offer and write the notebooks when the documentation is built."""
    app.connect("source-read", _offer)
    app.connect("build-finished", _write_beside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
