"""Pictures of the documentation: they follow the page's colours, and say when they fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tinygrad_mnist.ops.contract import TABLE

DOCS = Path(__file__).parent.parent / "docs"
CONF = f"""
import sys
sys.path.insert(0, {str(DOCS)!r})
extensions = ["myst_parser", "sphinx.ext.doctest", "plot_directive"]
"""


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("sphinx", reason="the group docs isn't installed")
    monkeypatch.syspath_prepend(DOCS)
    import plots

    return plots


def test_a_figure_has_the_colour_of_the_text_and_no_fonts(plots: Any) -> None:
    svg = plots.draw("import matplotlib.pyplot as plt\nplt.plot([0, 1])", {}, "salt")
    assert svg.startswith("<svg") and "currentColor" in svg and plots.INK not in svg
    assert "<text" in svg and "<metadata" not in svg
    assert svg == plots.draw("import matplotlib.pyplot as plt\nplt.plot([0, 1])", {}, "salt")


def test_operations_of_one_number_are_drawn_with_their_slopes(plots: Any) -> None:
    drawn = [op for op in TABLE.values() if plots.has_curves(op)]
    assert len(drawn) > 40
    for op in drawn:
        svg = plots.curves(op)
        assert 'class="value"' in svg and 'class="slope"' in svg and "nan" not in svg


def test_a_jump_is_not_joined(plots: Any) -> None:
    value = re.search(r'class="value" d="(.*?)"', plots.curves(TABLE["floor"]))[1]
    assert value.count("M") == 5  # -2, -1, 0, 1, and 2 at the end


def build(folder: Path, page: str) -> subprocess.CompletedProcess[str]:
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(page)
    command = [sys.executable, "-m", "sphinx", "-W", "-q", str(folder), str(folder / "out")]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_plot_may_use_what_the_page_has_computed(plots: Any, tmp_path: Path) -> None:
    page = """# Title

```{testcode}
print("hidden")
heights = [1, 2]
```

```{plot}
:alt: Two "heights".
:caption: Below & so.
:after-page:
plt.bar([0, 1], heights)
```
"""
    built = build(tmp_path, page)
    assert built.returncode == 0, built.stderr
    assert "hidden" not in built.stdout
    shown = (tmp_path / "out" / "index.html").read_text()
    assert '<figure class="plot" role="img" aria-label="Two &quot;heights&quot;."><svg' in shown
    assert "<figcaption>Below &amp; so.</figcaption>" in shown


@pytest.mark.parametrize(
    ("plot", "said"),
    [
        (":alt: A line.\nplt.plot(missing)", "the plot's code raised NameError: name 'missing'"),
        ("plt.plot([1])", "a plot needs :alt:"),
    ],
)
def test_a_plot_that_fails_stops_the_build(
    plots: Any, tmp_path: Path, plot: str, said: str
) -> None:
    built = build(tmp_path, f"# Title\n\n```{{plot}}\n{plot}\n```\n")
    assert built.returncode != 0
    assert said in built.stderr and "index.md:3" in built.stderr
