"""What tensors, modules, summaries and histories show in a notebook: small, readable, escaped."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, viz
from tinygrad_mnist._runtime import html
from tinygrad_mnist.utils.summary import summary
from tinygrad_mnist.viz import notebook

EVIL = """</details><script>hit()</script> & "x" 'y'"""


class Reader(HTMLParser):
    """The tags of a piece of HTML, which must close as they open, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in ("img", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def read(shown: Any) -> Reader:
    return Reader(shown._repr_html_())


def test_a_small_tensor_is_its_text() -> None:
    x = tg.tensor([[1.0, 2.5]], requires_grad=True)
    assert read(x).text == repr(x)
    assert read(x * 2).text == repr(x * 2)
    assert read(tg.tensor(3)).text == "tensor(3)"
    assert read(tg.ones(0, 3)).text == repr(tg.ones(0, 3))


def test_a_larger_tensor_is_a_summary_and_a_matrix_a_picture() -> None:
    x = tg.linspace(-1, 1, 50).reshape(5, 10)
    shown = read(x)
    assert "Tensor 5 x 10 float32 · 200 bytes" in shown.text
    assert "std 0.2945" not in shown.text and "from -1 to 1" in shown.text
    assert "begins with -1, -0.9592, -0.9184" in shown.text
    assert shown.tags.count("img") == 1 and read(x.reshape(50)).tags.count("img") == 0
    w = nn.Parameter(x)
    assert "Parameter 5 x 10 float32 · 200 bytes · collects a gradient" in read(w).text
    assert "computed by exp" in read(w.exp()).text


@pytest.mark.parametrize("dtype", [tg.float16, tg.float64, tg.int64, tg.uint8, tg.bool])
def test_every_dtype_is_shown(dtype: Any) -> None:
    text = read(tg.ones(20, 20).to(dtype)).text
    assert str(dtype).removeprefix("torch.") in text
    assert "400 of 400 are True" in text if dtype is tg.bool else "from 1 to 1" in text


def test_what_is_not_finite_is_counted() -> None:
    x = tg.ones(10, 10)
    x[0, 0], x[1, 1] = float("nan"), float("inf")
    assert "mean 1, std 0, from 1 to 1; 2 of 100 are not finite" in read(x).text
    assert "100 of 100 are not finite" in read(x.fill_(float("nan"))).text


def test_a_picture_has_a_pixel_for_each_number() -> None:
    matrix = np.array([[1.0, -2.0, 0.0], [np.nan, 0.5, 2.0]])
    shown = html.picture(matrix)
    data = base64.b64decode(re.search(r"base64,([^\"]+)", shown)[1])  # type: ignore[index]
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[16:24] == b"\0\0\0\x03\0\0\0\x02"
    pixels = np.frombuffer(zlib.decompress(data[data.index(b"IDAT") + 4 : -16]), np.uint8)
    pixels = pixels.reshape(2, 13)[:, 1:].reshape(2, 3, 4)
    assert pixels[0, 0].tolist() == [196, 60, 40, 128] and pixels[0, 1].tolist() == [
        40,
        90,
        196,
        255,
    ]
    assert pixels[0, 2, 3] == 0 and pixels[1, 0].tolist() == [128, 128, 128, 255]


def test_large_tensors_are_shown_in_little() -> None:
    for x in (tg.randn(2000, 3000), tg.randn(8, 3, 32, 32), tg.randn(10**6)):
        assert len(x._repr_html_()) < 100_000
        assert read(x).text.count("\n") < 5
    assert "its first 128 rows and columns" in read(tg.zeros(200, 5)).text


def test_a_module_is_a_table_that_folds() -> None:
    inner = nn.Sequential(nn.Linear(8, 4), nn.Tanh())
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), inner)
    shown = read(model)
    assert "Sequential 68 parameters" in shown.text and "2 Sequential 36 parameters" in shown.text
    assert "Linear(in_features=3, out_features=8, bias=True)32" in shown.text
    assert shown.tags.count("details") == 2
    assert model._repr_html_().count("<details open>") == 1
    assert "weight8 x 324" in read(model[0]).text


def test_a_deep_module_stays_short() -> None:
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(100)])
    assert "and 88 more, with 528 parameters" in read(model).text
    large = nn.Transformer(16, 2, 6, 6, 32)
    shown = read(large)
    assert len(large._repr_html_()) < 40_000
    assert shown.text.startswith("Transformer ")


def test_a_summary_is_a_table() -> None:
    shown = read(summary(nn.Sequential(nn.Linear(784, 10)), (1, 784)))
    assert "Sequential 7,850 parameters, 0 of them not trained" in shown.text
    assert "0 (Linear)(1, 10)7,850" in shown.text


def test_a_history_is_curves_and_figures() -> None:
    history = viz.History()
    assert "a history of no epochs" in read(history).text
    for value in (float("nan"), 3.0, 2.0, 1.0):
        history.add(train_cost=value, validation_cost=value + 1, train_accuracy=0.5)
    shown = read(history)
    assert shown.tags.count("svg") == 2 and shown.tags.count("polyline") == 3
    assert "train solid, validation dashed" in shown.text
    assert "train_cost113" in shown.text  # the last, the lowest, the highest: NaN is none of them
    points = re.findall(r'points="([^"]*)"', history._repr_html_())
    assert [p.count(",") for p in points] == [3, 3, 4]
    assert all("nan" not in p for p in points)


def test_names_are_text() -> None:
    class Evil(nn.Module):
        def extra_repr(self) -> str:
            return EVIL

    Evil.__name__ = EVIL
    model = nn.Sequential(Evil())
    model._modules[EVIL] = nn.Sequential(Evil())
    history = viz.History({f"{EVIL}_{EVIL}": [1.0, 2.0]})
    for shown in (model, history, summary(model)):
        found = read(shown)
        assert EVIL in found.text and "script" not in found.tags


def test_nothing_of_it_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys, tinygrad_mnist as tg, tinygrad_mnist.nn as nn; before = set(sys.modules)\n"
        "print([m for m in before if 'notebook' in m or m.endswith(('_runtime.html', '.viz'))])\n"
        "print(len(tg.ones(9, 9)._repr_html_()) > 0, len(nn.ReLU()._repr_html_()) > 0)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[:2] == ["[]", "True True"]


def test_numbers_whose_sum_overflows_or_cancels_warn_of_nothing() -> None:
    large = tg.tensor([1.7e308, -1.7e308] * 20, dtype=tg.float64)
    assert "from -1.7e+308 to 1.7e+308" in large._repr_html_()
    with viz.record() as step:
        layer = nn.Threshold(0.0, 0.0)
        layer(tg.tensor([[float("inf"), 1.0], [float("inf"), 3.0]], requires_grad=True))
    assert "that aren't finite" in repr(viz.statistics(step))
    x = tg.tensor([float("inf"), -float("inf")] * 9, requires_grad=True)
    assert "mean nan, from -inf to inf" in viz.trace((x * 1).sum(), {"x": x})


def test_a_history_of_any_numbers_is_drawn() -> None:
    text = notebook.shown({"train_loss": [1.7e308, -1.7e308, float("nan")], "test_loss": []})
    assert 'points="6.0,6.0' in text and "nan," not in text and ",nan" not in text
    assert "train_loss" in text and "test_loss</td>" not in text
