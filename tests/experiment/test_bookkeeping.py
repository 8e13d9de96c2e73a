"""Options, data and reports: what is wrong is said in a line, and what is written is right."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import datasets, experiment, nn
from tinygrad_mnist.experiment import ExperimentError, reports


@pytest.mark.parametrize(
    "error", [OSError("a file"), ExperimentError("an option"), KeyboardInterrupt()], ids=repr
)
def test_options_files_and_interruptions_end_in_one_line(error: BaseException) -> None:
    with pytest.raises(SystemExit) as end, experiment.one_line_errors():
        raise error
    said = str(end.value.code).strip()
    words = f"error: {error}" if str(error) else "interrupted; what was written before is whole"
    assert said == words


@pytest.mark.parametrize("error", [RuntimeError, ValueError, ImportError, TypeError, IndexError])
def test_a_bug_keeps_its_traceback(error: type[Exception]) -> None:
    with pytest.raises(error), experiment.one_line_errors():
        raise error("a bug")


@pytest.mark.parametrize(
    ("module", "name"),
    [("sklearn", "scikit-learn"), ("matplotlib", "matplotlib"), ("tqdm", "tqdm")],
)
def test_missing_library_names_the_extra_before_anything_starts(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == module else real(n, *a)
    )
    with pytest.raises(ExperimentError, match=rf'needs {name}.*"tinygrad_mnist\[examples\]"'):
        experiment.options(None, arguments=[])


@pytest.mark.parametrize("error", [ImportError, RuntimeError, ValueError])
def test_data_that_cannot_be_had_are_no_bug(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise error("the data are damaged")

    monkeypatch.setattr("tinygrad_mnist.experiment.digits.load_digits", fail)
    with pytest.raises(ExperimentError, match="the data are damaged"):
        experiment.load(experiment.options(None, arguments=["--out", str(tmp_path)]))


def test_too_few_images_to_keep_some_for_validation_are_refused() -> None:
    digits = datasets.load_digits("sample")
    few = digits._replace(train_images=digits.train_images[:400])
    with pytest.raises(ExperimentError, match="400 training images are too few: the last 400"):
        experiment.split("sample", few)


def test_evaluation_goes_in_blocks_and_leaves_the_network_in_training() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[int, bool]] = []

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            self.seen.append((len(x), self.training))
            return x

    network, labels = Counting(), tg.arange(2500) % 10
    logits = tg.nn.functional.one_hot(labels).float() * 100
    cost, accuracy, predictions = experiment.evaluate(network, (logits, labels))
    assert network.seen == [(1000, False), (1000, False), (500, False)]
    assert network.training
    assert cost < 1e-6 and accuracy == 1.0
    assert (predictions == labels.numpy()).all()


def test_reports_count_true_digits_in_rows(tmp_path: Path) -> None:
    args = experiment.options(None, arguments=["--out", str(tmp_path)])
    labels, predictions = np.array([3, 3, 3, 8]), np.array([3, 5, 5, 8])
    figures = experiment.judge(args, "x", np.zeros((4, 784)), labels, predictions)
    assert figures["test_errors"] == 2 and figures["test_accuracy"] == 0.5
    assert figures["confusion"][3][5] == 2 and sum(map(sum, figures["confusion"])) == 4
    text = (tmp_path / "x-report.txt").read_text()
    row = next(line for line in text.splitlines() if line.startswith(" " * 13 + "3 "))
    assert row.split() == ["3", "0", "0", "0", "1", "0", "2", "0", "0", "0", "0"]
    for name in ("x-confusion.png", "x-confused.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_confused_pairs_are_drawn_with_the_most_frequent_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(reports, "write_figure", lambda path, figure: drawn.append(figure))
    labels, predictions = np.array([3, 3, 3, 8]), np.array([3, 5, 5, 1])
    reports.most_confused(tmp_path / "x.png", np.zeros((4, 784)), labels, predictions, rows=2)
    titles = [axes.get_title(loc="left") for axes in drawn[0].axes if axes.get_title(loc="left")]
    assert titles == ["3, taken for 5: 2", "8, taken for 1: 1"]


def test_figures_that_are_not_finite_are_null() -> None:
    figures = {"a": [1.0, float("nan")], "b": {"c": float("-inf")}}
    assert json.loads(experiment.json_text(figures, 1)) == {"a": [1.0, None], "b": {"c": None}}
