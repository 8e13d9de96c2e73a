"""The site: it is built without a warning, fits a phone, finds what is searched for, asks no host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

SIDEWAYS = """
(() => {
  const found = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
  for (const e of document.querySelectorAll("article *")) {
    if (e.closest(".highlight") || !e.getClientRects().length) continue;
    const scrolls = /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1;
    if (scrolls || e.getBoundingClientRect().right > innerWidth + 1)
      found.push(`${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 60)}`);
  }
  return found.slice(0, 5);
})()
"""
SEARCHES = {
    "install": "Install",
    "chain rule": "1. One number",
    "load digits": "Install",
    "cross_entropy": "tinygrad_mnist.nn.functional.cross_entropy",
}
"""What is searched for, and the title of one of the first answers."""


@pytest.mark.slow
def test_the_site_fits_a_phone_and_is_searched(tmp_path: Path) -> None:
    pytest.importorskip("furo", reason="the group docs isn't installed")
    browser = pytest.importorskip("browser")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", str(ROOT / "docs"), str(tmp_path)]
    subprocess.run(command, check=True)
    for chapter in (ROOT / "docs" / "guide").glob("[0-9]*.md"):
        assert (
            f'href="{chapter.stem}.ipynb"' in (tmp_path / f"guide/{chapter.stem}.html").read_text()
        )
        assert (tmp_path / f"guide/{chapter.stem}.ipynb").exists()
    with browser.Browser() as opened:
        assert _sideways(opened, tmp_path) == {}
        for words, title in SEARCHES.items():
            answers = _search(opened, tmp_path, words)
            assert any(answer.startswith(title) for answer in answers[:4]), (words, answers)


def _sideways(browser: Any, site: Path) -> dict[str, list[str]]:
    """Return what is wider than a phone, by page, and what its pages complain of or ask of hosts."""
    found = {}
    page = browser.page(width=390, height=844, touch=True)
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        if wide := page.evaluate(SIDEWAYS):
            found[path.name] = wide
    found |= {"errors": page.errors} if page.errors else {}
    asked = page.outside(site.as_uri())
    return found | ({"asked": asked} if asked else {})


def _search(browser: Any, site: Path, words: str) -> list[str]:
    page = browser.page()
    page.goto(f"{(site / 'search.html').as_uri()}?q={words.replace(' ', '+')}")
    page.wait_for("/found|did not match/.test(document.querySelector('#search-results').innerText)")
    return page.evaluate(
        "[...document.querySelectorAll('#search-results li a')].map((a) => a.innerText)"
    )
