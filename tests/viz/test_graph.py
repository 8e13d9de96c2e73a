"""Graphs as SVG and as DOT."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, viz

from .networks import NETWORKS, transformer

EVIL = """<script>alert("1")</script> & 'x' \\ "y" ]]> --> {{data}} ${z}"""


@pytest.mark.parametrize("make", NETWORKS, ids=lambda f: f.__name__)
def test_svg_is_well_formed_and_dot_has_every_edge(make: Any) -> None:
    params, compute = make()
    picture = viz.graph(compute(), params, modules=False)
    root = ET.fromstring(picture.svg)
    boxes = root.findall(".//{*}rect")
    paths = [p for p in root.findall(".//{*}path") if p.get("marker-end")]
    assert len(paths) == picture.dot.count(" -> ")
    assert len(boxes) == len(re.findall(r"^  \d+ \[label", picture.dot, re.M))
    assert "nan" not in picture.svg


def test_many_boxes_become_one_for_each_module() -> None:
    model, compute = transformer()
    with viz.record():
        loss = compute()
    whole, folded = viz.graph(loss, model, modules=False), viz.graph(loss, model)
    assert whole.dot.count("label") > 60 and folded.dot.count("label") <= 40
    assert "layers.0" in folded.dot
    one = viz.graph(loss, model, modules=True)
    assert repr(one) == "<graph of 1 data boxes, 1 module boxes, 2 operation boxes>"


def test_names_are_text() -> None:
    w = tg.ones(2, requires_grad=True)
    picture = viz.graph((w * 2).sum(), {EVIL: w})
    root = ET.fromstring(picture.svg)
    assert not root.findall(".//{*}script")
    assert EVIL in [t.text for t in root.findall(".//{*}text")]
    assert r"\"y\"" in picture.dot and "\\\\" in picture.dot


def test_a_graph_is_saved_by_the_ending_of_its_name(tmp_path: Path) -> None:
    w = tg.ones(2, requires_grad=True)
    picture = viz.graph((w * 2).sum(), {"w": w})
    picture.save(tmp_path / "a.svg")
    picture.save(tmp_path / "a.dot")
    assert (tmp_path / "a.svg").read_text() == picture._repr_svg_()
    assert (tmp_path / "a.dot").read_text().startswith("digraph")
    with pytest.raises(ValueError, match=r"graph: can't write \.png; name a file that ends in"):
        picture.save(tmp_path / "a.png")


def test_names_that_no_file_can_hold_are_replaced(tmp_path: Path) -> None:
    w = tg.ones(2, requires_grad=True)
    picture = viz.graph((w * 2).sum(), {"\x00\x1b\udc80\ufffe": w})
    assert "\ufffd" * 4 in [t.text for t in ET.fromstring(picture.svg).findall(".//{*}text")]
    picture.save(tmp_path / "a.svg")
    picture.save(tmp_path / "a.dot")
    assert "\ufffd" * 4 in (tmp_path / "a.dot").read_text("utf-8")


@pytest.mark.parametrize("called", [1, 600])
def test_a_large_graph_is_drawn_in_parts(called: int) -> None:
    model = nn.RNNCell(2, 2) if called > 1 else nn.Identity()
    x = h = tg.ones(1, 2, requires_grad=True)
    with viz.record():
        for _ in range(called):
            h = model(x, h) if called > 1 else h
        for _ in range(300):
            h = h.sin()
        loss = h.sum()
    picture = viz.graph(loss, model)
    assert 10 < picture.dot.count("label") <= 45 and "operations 1 to " in picture.dot
    assert all(int(a) < int(b) for a, b in re.findall(r"(\d+) -> (\d+)", picture.dot))
    assert ET.fromstring(picture.svg) is not None
    assert viz.graph(loss, model, modules=False).dot.count("label") > 300


def test_a_module_that_is_called_again_has_a_box_for_each_call() -> None:
    model = nn.Linear(3, 3)
    net = nn.ModuleDict({"step": model})
    x = tg.ones(1, 3)
    with viz.record():
        for _ in range(3):
            x = model(x).tanh()
        loss = x.sum()
    picture = viz.graph(loss, net, modules=False)
    assert picture.dot.count('"linear') == 3
