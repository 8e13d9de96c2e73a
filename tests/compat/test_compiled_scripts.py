"""Scripts compute the same numbers, bit for bit, when their models or their steps are compiled.

``compiled.txt`` says which become programs as a whole, and why others don't.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from compat.compiling import SCRIPTS, WAYS, listed, run, run_compiled, with_imports_changed

import tinygrad_mnist as tg

pytestmark = pytest.mark.slow


@functools.cache
def plain(path: Path) -> list[float]:
    """Return what a script computes as it is."""
    return run(path, with_imports_changed(path.read_text()), tg)[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_compiled_script_computes_the_same(path: Path, way: str) -> None:
    compiled, said = run_compiled(path, way)
    assert compiled == plain(path)
    assert said == listed()[way, path.stem]


def test_no_script_is_listed_that_is_none() -> None:
    assert set(listed()) == {(way, path.stem) for way in WAYS for path in SCRIPTS}
