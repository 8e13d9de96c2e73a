"""Mathematics on the site: what would be drawn wrongly is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pages import program


@pytest.fixture(scope="module")
def mathml() -> Any:
    pytest.importorskip("sphinx", reason="the group docs isn't installed")
    return program("mathml")


def warnings(mathml: Any, tex: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Convert a formula; return what is said of it."""
    from docutils import nodes

    said: list[str] = []
    monkeypatch.setattr(mathml.logger, "warning", lambda text, *a, **_: said.append(text % a))
    mathml._convert(nodes.math(tex, tex), False)
    return said


@pytest.mark.parametrize(
    "tex",
    [r"\frac{1}{2} x", r"\tfrac{12}{3}", r"\frac1n", r"\frac x2", "x^2 + 10", "x_{10}",
     r"\sqrt 2 \cdot 12", r"\frac{1}{2} 10", r"10^{12}"],
)  # fmt: skip
def test_a_formula_that_is_read_as_tex_reads_it_is_not_complained_of(
    mathml: Any, tex: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warnings(mathml, tex, monkeypatch) == []


@pytest.mark.parametrize(
    ("tex", "said"),
    [
        (r"\frac12 x", r"mathematics: frac12: it is read as one number"),
        (r"\tfrac12 |x|", r"mathematics: frac12: it is read as one number"),
        (r"\frac{1}23", r"mathematics: frac{1}23: it is read as one number"),
        ("x^12", r"mathematics: ^12: it is read as one number"),
        ("x_10", r"mathematics: _10: it is read as one number"),
        (r"\sqrt12", r"mathematics: sqrt12: it is read as one number"),
        (r"\underbrace{a}_{b}", r"mathematics: \underbrace: its label is put beside it"),
        (r"\nosuch x", "mathematics: Unknown LaTeX command"),
    ],
)
def test_a_formula_that_would_be_drawn_wrongly_is_refused(
    mathml: Any, tex: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [text for text in warnings(mathml, tex, monkeypatch) if text.startswith(said)]
