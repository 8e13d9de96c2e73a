"""The browser that tests drive sees what a page does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browser import Page

HTML = """<!doctype html><title>t</title><body style="margin:0">
<button id="b" style="width:100px;height:50px">press</button><input id="i">
<pre id="wide" style="overflow:auto"></pre>
<script>
const seen = [];
for (const kind of ["pointerdown", "pointermove", "pointerup", "keydown", "click"])
  addEventListener(kind, (e) => seen.push([kind, e.pointerType ?? "", e.key ?? ""].join(" ").trim()));
</script>"""


@pytest.fixture
def address(tmp_path: Path) -> str:
    (tmp_path / "page.html").write_text(HTML)
    return (tmp_path / "page.html").as_uri()


def test_mouse_and_keys_reach_the_page(page: Page, address: str) -> None:
    page.goto(address)
    page.click("#b")
    page.drag([(10, 10), (20, 20), (30, 30)])
    page.press("ArrowRight")
    page.evaluate("document.querySelector('#i').focus()")
    page.press("a")
    page.type("bc")
    assert page.evaluate("seen") == [
        "pointerdown mouse", "pointerup mouse", "click mouse",
        "pointerdown mouse", "pointermove mouse", "pointermove mouse", "pointerup mouse",
        "click mouse", "keydown  ArrowRight", "keydown  a",
    ]  # fmt: skip
    assert page.evaluate("document.querySelector('#i').value") == "abc"
    assert page.text("#b") == "press"
    assert page.errors == []
    assert page.requests == [address]


def test_fingers_size_and_scheme_are_as_asked(open_page: Callable[..., Page], address: str) -> None:
    page = open_page(width=390, height=844, touch=True, dark=True)
    page.goto(address)
    page.touch([(10, 10), (30, 30)])
    assert "pointerdown touch" in page.evaluate("seen")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    page.viewport(800, 600)
    assert page.evaluate("[innerWidth, innerHeight]") == [800, 600]
    assert not page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("console.error('a', 1)", "a 1"),
        ("console.warn('b')", "b"),
        ("setTimeout(() => { throw new Error('thrown') })", "thrown"),
        ("Promise.reject(new Error('rejected')), 0", "rejected"),
        ("fetch('http://127.0.0.1:9/').catch(() => 0)", "Failed to load resource"),
    ],
)
def test_what_goes_wrong_is_noted(page: Page, address: str, script: str, part: str) -> None:
    page.goto(address)
    page.evaluate(script)
    page.wait_for("new Promise(done => setTimeout(() => done(true), 100))")
    assert any(part in error for error in page.errors), page.errors


def test_requests_to_others_are_noted_and_lead_nowhere(page: Page, address: str) -> None:
    page.goto(address)
    assert page.outside("file://") == []
    reached = page.evaluate("fetch('http://example.org/x').then(() => true, () => false)")
    assert not reached
    assert page.outside("file://") == ["http://example.org/x"]


def test_error_of_a_script_is_raised(page: Page) -> None:
    with pytest.raises(RuntimeError, match="no such thing"):
        page.evaluate("(() => { throw new Error('no such thing') })()")
    with pytest.raises(TimeoutError, match=r"not true in 0\.1 seconds"):
        page.wait_for("null", seconds=0.1)
    assert page.wait_for("document.querySelector('body')") is True
    assert page.wait_for("[1, 2]") == [1, 2]


def test_what_reaches_over_the_edge_is_found_unless_it_scrolls(page: Page, address: str) -> None:
    page.goto(address)
    page.evaluate("document.querySelector('#wide').textContent = 'x'.repeat(5000), 0")
    assert page.sideways() == []
    page.evaluate("document.querySelector('#b').style.width = '5000px', 0")
    assert page.sideways() == ["button#b"]
    page.evaluate("document.querySelector('#b').style = 'position: fixed; left: 100%', 0")
    assert page.sideways() == [], "it waits outside, as a drawer does"
    page.evaluate("document.querySelector('#b').style = 'position: fixed; right: -10px', 0")
    assert page.sideways() == ["button#b"], "the half of it can't be reached"


def test_screenshot_is_a_picture_of_the_whole_page(
    page: Page, address: str, tmp_path: Path
) -> None:
    page.goto(address)
    page.evaluate("document.body.style.height = '3000px', 0")
    for whole, height in ((True, 3000), (False, 900)):
        content = page.screenshot(tmp_path / "pictures" / "a.png", whole=whole).read_bytes()
        assert content[1:4] == b"PNG"
        assert int.from_bytes(content[20:24]) == height
