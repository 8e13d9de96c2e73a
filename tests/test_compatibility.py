"""The generated pages: PyTorch's names and their parameters, and the catalogue of operations."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tinygrad_mnist.ops.contract import TABLE

sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))
try:
    import catalogue
    import compatibility
    import compiled_scripts
finally:
    del sys.path[0]


def test_names_are_offered() -> None:
    names, reasons = compatibility.listed()
    missing = [n.path for n in names if not compatibility.offered(n.path)]
    print("\n".join(f"{path}: {reasons.get(path, 'not yet')}" for path in missing))
    assert len(missing) <= 0.03 * len(names), missing


def test_reasons_are_given_for_what_is_not_offered_alone() -> None:
    names, reasons = compatibility.listed()
    assert len({n.path for n in names}) == len(names)
    assert set(reasons) <= {n.path for n in names}
    assert not [path for path in reasons if compatibility.offered(path)]


def test_catalogue_shows_the_entry_of_every_operation() -> None:
    entries = catalogue.entries()
    shown = [op.name for _, op, _ in entries]
    missing = sorted(set(TABLE) - set(shown))
    assert not missing, (
        f"the catalogue finds an entry as an assignment at the top of a file in ops/, whose call has "
        f"the operation's name as its first argument; write these so: {missing}"
    )
    assert len(shown) == len(TABLE), f"entries are found twice: {sorted(shown)}"
    page = catalogue.table()
    assert "lambda g, y: g * y, lambda g, x: g * x" in page


def test_page_of_names_says_what_compares_them() -> None:
    page = compatibility.table()
    assert re.search(r"\| `tanh` \| yes \| table: .*`tanh`.*; scripts: .*; tests: ", page)


def test_page_counts_what_becomes_of_compiled_scripts() -> None:
    page = compiled_scripts.table()
    counts = [
        list(map(int, re.findall(r"\d+", row))) for row in re.findall(r"compiled (\|.*)", page)
    ]
    ways = compiled_scripts.listed()
    assert [sum(row) for row in counts] == [len(scripts) for scripts in ways.values()]
    assert re.search(r"\| it looks at numbers \(a comparison\) \| .*`gaussian_process`", page)


def test_star_import_leaves_pythons_modules_alone() -> None:
    code = "import io; from tinygrad_mnist import *; print(io.BytesIO, bincount, Tensor, nn)"
    code += "; assert not {'compat', 'importlib', 'TYPE_CHECKING'} & set(globals())"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True)
