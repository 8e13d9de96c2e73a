"""The examples run on the sample, write what they promise, and answer bad input in one line."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def run(name: str, out: Path, *options: str) -> dict[str, Any]:
    """Run an example in this process, and return its figures, as they were written."""
    path = out / f"{name}.json"
    main = importlib.import_module(name).main
    returned = main(["--out", str(out), "--json", str(path), *options])
    written: dict[str, Any] = json.loads(path.read_text())
    assert written == json.loads(json.dumps(returned))
    return written


def test_mlp_learns_the_sample(tmp_path: Path) -> None:
    figures = run("mlp", tmp_path)
    assert figures["test_accuracy"] >= 0.92
    assert figures["test_errors"] == round(1000 * (1 - figures["test_accuracy"]))
    assert figures["parameters"] == 784 * 100 + 100 + 100 * 200 + 200 + 200 * 10 + 10
    assert len(figures["history"]["train_cost"]) == 25
    for name in ("mlp-report.txt", "mlp-curves.png", "mlp-confusion.png", "mlp.npz"):
        assert (tmp_path / name).stat().st_size > 0
    assert "f1-score" in (tmp_path / "mlp-report.txt").read_text()


@pytest.mark.parametrize("name", ["mlp", "two_layer"])
def test_interrupted_training_resumes_to_the_same_figures(name: str, tmp_path: Path) -> None:
    whole = run(name, tmp_path, "--epochs", "4")
    other = tmp_path / "other"
    other.mkdir()
    run(name, other, "--epochs", "2")
    resumed = run(name, other, "--epochs", "4", "--resume")
    for figures in (whole, resumed):
        figures.pop("seconds")
    assert whole == resumed


@pytest.mark.parametrize("name", ["data", "gaussian", "nearest_neighbour", "two_layer"])
def test_example_runs_on_the_sample(name: str, tmp_path: Path) -> None:
    figures = run(name, tmp_path)
    assert list(tmp_path.glob("*.png"))
    if name == "data":
        assert figures["train_counts"] == [400] * 10
    else:
        assert figures["test_accuracy"] > 0.9
    if name == "nearest_neighbour":
        assert figures["ball_tree_same_predictions"]
        assert figures["kd_tree_same_predictions"]


def test_logistic_shows_the_flaw_of_the_reports_labels(tmp_path: Path) -> None:
    right = run("logistic", tmp_path)
    report = run("logistic", tmp_path, "--mapping", "report")
    assert right["test_accuracy"] > 0.85
    assert right["zeros_recognised"] > 80
    assert report["zeros_recognised"] == 0
    assert report["test_accuracy"] < right["test_accuracy"] - 0.07


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--epochs", "0"], "0 is too small"),
        (["--epochs", "many"], "'many' is not a whole number"),
        (["--lr", "-1"], "no learning rate"),
        (["--seed", "-1"], "negative"),
        (["--dataset", "cifar"], "invalid choice"),
        (["--dataset", "mnist", "--data", "/nowhere"], "/nowhere does not exist"),
        (["--out", "/dev/null/x"], "can't write to the output folder"),
        (["--json", "/nowhere/x.json"], "/nowhere does not exist"),
        (["--resume"], "no checkpoint"),
    ],
    ids=str,
)
def test_bad_input_ends_in_one_clear_line(options: list[str], words: str, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "mlp.py"), "--out", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert words in last
    assert list(tmp_path.glob("*.npz")) == []


def test_damaged_data_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + bytes(20))
    command = [sys.executable, str(EXAMPLES / "mlp.py"), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--dataset", "mnist", "--data", str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert done.stderr.startswith("error: ")
    assert "train-images-idx3-ubyte" in done.stderr


def test_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlp.npz").write_bytes(b"not a checkpoint" * 20)
    command = [sys.executable, str(EXAMPLES / "mlp.py"), "--out", str(tmp_path), "--resume"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr.startswith("error: load: ")
    assert "mlp.npz" in done.stderr
