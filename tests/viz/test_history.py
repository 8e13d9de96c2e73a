"""Histories, and the curves that are drawn of them."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.viz import History, LiveCurves, draw_curves


def test_history_survives_json_and_a_checkpoint(tmp_path: Path) -> None:
    history = History()
    history.add(train_cost=0.5, train_accuracy=0.75)
    history.add(train_cost=0.25, train_accuracy=1)
    assert History(json.loads(json.dumps(history))) == history
    tg.save({"history": dict(history)}, tmp_path / "h.npz")
    restored = History(tg.load(tmp_path / "h.npz")["history"])
    restored.add(train_cost=0.1, train_accuracy=1.0)
    assert restored["train_cost"] == [0.5, 0.25, 0.1]


def test_history_refuses_an_epoch_with_other_names() -> None:
    history = History()
    history.add(train_cost=1.0)
    with pytest.raises(ValueError, match="the epochs so far have train_cost; this one has cost"):
        history.add(cost=1.0)
    with pytest.raises(ValueError, match="this one has nothing"):
        history.add()
    assert history.epochs == 1


def test_history_names_the_best_and_the_diverged_epoch() -> None:
    history = History(cost=[3.0, math.nan, 1.0, 1.0], accuracy=[0.1, 0.9, 0.5, math.inf])
    assert history.best("cost") == 3
    assert history.best("accuracy", highest=True) == 4
    assert history.diverged == 2
    assert History(cost=[1.0]).diverged is None


def test_a_panel_is_a_figure_and_a_curve_is_a_part() -> None:
    figure = draw_curves({"train_cost": [2.0, 1.0], "validation_cost": [3.0, 2.0], "lr": [1, 2]})
    cost, lr = figure.axes
    assert [axes.get_ylabel() for axes in (cost, lr)] == ["cost", "lr"]
    train, validation = cost.get_lines()
    assert list(train.get_xdata()) == [1, 2]
    assert list(train.get_ydata()) == [2.0, 1.0]
    assert list(validation.get_ydata()) == [3.0, 2.0]
    assert [text.get_text() for text in cost.get_legend().get_texts()] == [
        "train 1.0000",
        "validation 2.0000",
    ]


def test_a_diverged_curve_says_so() -> None:
    figure = draw_curves({"train_cost": [2.0, math.inf, math.nan]})
    (text,) = figure.axes[0].get_legend().get_texts()
    assert text.get_text() == "train diverged in epoch 2"


def test_an_empty_history_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="add an epoch first"):
        draw_curves(History())


def test_live_curves_replace_their_picture(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    live = LiveCurves(path, "title")
    live.update({"cost": [1.0]})
    first = path.read_bytes()
    live.update({"cost": [1.0, 0.5]})
    assert path.read_bytes() != first
    assert [entry.name for entry in tmp_path.iterdir()] == ["curves.png"]


def test_live_curves_need_a_path_outside_a_notebook() -> None:
    with pytest.raises(ValueError, match="give path= for a PNG"):
        LiveCurves()


def test_live_curves_update_one_picture_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []

    class Handle:
        def update(self, image: Any) -> None:
            shown.append(("update", image["data"][:4]))

    def display(image: Any, display_id: bool) -> Handle:
        shown.append(("display", image["data"][:4]))
        return Handle()

    notebook = types.ModuleType("IPython")
    notebook.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    screen = types.ModuleType("IPython.display")
    screen.Image, screen.display = dict, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", screen)
    live = LiveCurves()
    for count in (1, 2):
        live.update({"cost": [1.0] * count})
    assert shown == [("display", b"\x89PNG"), ("update", b"\x89PNG")]
