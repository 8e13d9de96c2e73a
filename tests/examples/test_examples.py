"""The examples run on the sample, write what they promise, and answer bad input in one line."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import grid
import interruption
import joblib
import mlp
import nearest_neighbour
import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.experiment import ExperimentError, reports

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
SHARED = ("__init__", "classical", "grid", "interruption", "reproduce", "results_page")
SCRIPTS = [path for path in sorted(EXAMPLES.glob("*.py")) if path.stem not in SHARED]


def long(*values: Any) -> list[Any]:
    """Return parameters of a test that only the long sweep runs."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def run(name: str, out: Path, *options: str) -> dict[str, Any]:
    """Run an example in this process, and return its figures, as they were written."""
    path = out / f"{name}.json"
    main = importlib.import_module(name).main
    returned = main(["--out", str(out), "--json", str(path), *options])
    written: dict[str, Any] = json.loads(path.read_text())
    assert written == json.loads(json.dumps(returned))
    return written


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pictures, which take longer than a short training."""
    for name in ("write_figure", "confusion", "most_confused"):
        monkeypatch.setattr(reports, name, lambda *args: None)
    monkeypatch.setattr(experiment, "write_figure", lambda *args: None)


def last_line(main: Any, *options: str) -> str:
    """Run an example that has to fail; return the one line in which it ends."""
    with pytest.raises(SystemExit) as end, experiment.one_line_errors():
        main(list(options))
    assert end.value.code not in (0, None)
    return str(end.value.code)


def test_mlp_learns_the_sample(tmp_path: Path) -> None:
    figures = run("mlp", tmp_path)
    assert figures["test_accuracy"] >= 0.92
    assert figures["test_errors"] == round(1000 * (1 - figures["test_accuracy"]))
    assert figures["parameters"] == 784 * 100 + 100 + 100 * 200 + 200 + 200 * 10 + 10
    assert len(figures["history"]["train_cost"]) == 25
    for name in ("mlp-report.txt", "mlp-curves.png", "mlp-confusion.png", "mlp.npz"):
        assert (tmp_path / name).stat().st_size > 0
    assert "f1-score" in (tmp_path / "mlp-report.txt").read_text()


@pytest.mark.parametrize("name", ["softmax_regression", *long("mlp", "two_layer")])
def test_interrupted_training_resumes_to_the_same_figures(
    name: str, tmp_path: Path, undrawn: None
) -> None:
    whole = run(name, tmp_path, "--epochs", "4")
    other = tmp_path / "other"
    other.mkdir()
    run(name, other, "--epochs", "2")
    resumed = run(name, other, "--epochs", "4", "--resume")
    for figures in (whole, resumed):
        figures.pop("seconds")
    assert whole == resumed


@pytest.mark.parametrize(
    "name",
    [
        "mlp", "two_layer", "softmax_regression", "mlp_sigmoid", "sequential", "regularisation",
        pytest.param("cnn", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_compiled_training_has_the_same_figures(
    name: str, tmp_path: Path, undrawn: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, real = [], tg.compile

    def noted(**options: Any) -> Any:
        return lambda step: made.append(real(step, **options)) or made[-1]

    monkeypatch.setattr(tg, "compile", noted)
    options = ["--epochs", "1"] + ["--jobs", "1"] * (name == "regularisation")
    usual = run(name, tmp_path, *options)
    compiled = run(name, tmp_path, *options, "--compile")
    assert without_seconds(usual) == without_seconds(compiled)
    assert made[-1].source().startswith("import numpy as np")


def without_seconds(figures: Any) -> Any:
    if isinstance(figures, list):
        return [without_seconds(part) for part in figures]
    if not isinstance(figures, dict):
        return figures
    return {name: without_seconds(x) for name, x in figures.items() if name != "seconds"}


@pytest.mark.parametrize(
    ("name", "accuracy", "pictures"),
    [
        ("data", None, ["data-digits"]),
        ("gaussian", 0.94, ["gaussian-means", "gaussian-confusion", "gaussian-confused"]),
        pytest.param(
            *("nearest_neighbour", 0.92),
            ["nearest-neighbour-mistakes", "nearest-neighbour-confused"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("cnn", 0.93, ["cnn-curves", "cnn-confusion", "cnn-confused"]), marks=pytest.mark.slow
        ),
        ("two_layer", 0.91, ["two-layer-curves", "two-layer-confused"]),
        pytest.param(
            *("mlp_sigmoid", 0.87, ["mlp-sigmoid-curves", "mlp-sigmoid-confused"]),
            marks=pytest.mark.slow,
        ),
        ("sequential", 0.87, ["sequential-curves", "sequential-confused"]),
    ],
)
def test_example_runs_on_the_sample(
    name: str,
    accuracy: float | None,
    pictures: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(nearest_neighbour.PER_DIGIT, "sample", (400, 20))  # the trees are slow
    options = {
        name: ["--epochs", "5", "--batch-size", "32"] for name in ("mlp_sigmoid", "sequential")
    }
    options["cnn"] = ["--epochs", "2"]
    figures = run(name, tmp_path, *options.get(name, []))
    for picture in pictures:
        assert (tmp_path / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    if accuracy is None:
        assert figures["train_counts"] == [400] * 10
    else:
        assert figures["test_accuracy"] >= accuracy
        matrix = figures["confusion"]
        count = sum(map(sum, matrix))
        assert count == (200 if name == "nearest_neighbour" else 1000)
        assert count - sum(matrix[i][i] for i in range(10)) == figures["test_errors"]
    if name == "sequential":
        assert figures["layer_parameters"] == [200_960, 65_792, 2_570]
        assert figures["parameters"] == 269_322
    if name == "nearest_neighbour":
        assert figures["ball_tree_same_predictions"]
        assert figures["kd_tree_same_predictions"]


@pytest.mark.parametrize(
    ("name", "cells", "grids"),
    [
        pytest.param("initialisation", 8, ["initialisation-grid"], marks=pytest.mark.slow),
        ("regularisation", 3, ["regularisation-grid"]),
        pytest.param(
            *("optimizers", 24),
            [f"optimizers-{o}-grid" for o in ("sgd", "momentum", "rmsprop", "adam")],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_grid_runs_every_cell(name: str, cells: int, grids: list[str], tmp_path: Path) -> None:
    epochs = "1" if name == "optimizers" else "2"
    figures = run(name, tmp_path, "--epochs", epochs, "--jobs", "1")
    assert len(figures["cells"]) == cells
    best = max(cell["validation_accuracy"] for cell in figures["cells"])
    assert figures["validation_accuracy"] == best > 0.8
    for picture in grids:
        assert (tmp_path / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


def test_a_diverging_run_is_stopped_and_recorded(tmp_path: Path) -> None:
    def build(cell: dict[str, Any]) -> tuple[nn.Module, tg.optim.Optimizer]:
        network = nn.Sequential(nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10))
        return network, tg.optim.SGD(network.parameters(), lr=cell["lr"])

    options = ["--out", str(tmp_path), "--epochs", "5", "--jobs", "1"]
    args = grid.options(None, {"sample": 9, "mnist": 9}, 32, options)
    good, bad = results = grid.run(build, [{"lr": 0.1}, {"lr": 1e30}], args)
    assert good["diverged"] is None
    assert bad["diverged"] == 1
    assert len(bad["history"]["train_cost"]) == 1
    assert grid.best_of(results) is good
    figures = grid.present("name", "title", results, 2, args)
    assert [cell["diverged"] for cell in figures["cells"]] == [None, 1]
    json.dumps(figures)
    with pytest.raises(ExperimentError, match="every cell of the grid diverged"):
        grid.best_of([bad])


def test_the_shrinking_is_the_reports(tmp_path: Path) -> None:
    import regularisation

    network, optimizer = regularisation.build({"alpha": 0.01})
    weight, bias = network[0].weight, network[0].bias
    tg.nn.init.ones_(bias)
    before = weight.detach().clone()
    for p in network.parameters():
        p.grad = tg.zeros_like(p)
    optimizer.step()
    assert tg.allclose(weight, before * (1 - 0.01))
    assert (bias == 1).all()


@pytest.mark.slow
def test_sequential_stops_early_and_keeps_the_best_weights(tmp_path: Path, undrawn: None) -> None:
    figures = run(
        "sequential", tmp_path, "--patience", "1", "--epochs", "200", "--batch-size", "16"
    )
    assert figures["epochs"] == figures["best_epoch"] + 1 < 200
    import sequential

    model = nn.Sequential(
        nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 256), nn.Sigmoid(), nn.Linear(256, 10),
        nn.LogSoftmax(dim=1),
    )  # fmt: skip
    model.load_state_dict(tg.load(tmp_path / "sequential-best.npz"))
    _, validation, _ = experiment.split("sample", tg.datasets.load_digits("sample"))
    cost, _ = sequential.evaluate(model, validation)
    assert cost == pytest.approx(min(figures["history"]["validation_cost"]), rel=1e-5)


@pytest.mark.slow
def test_logistic_shows_the_flaw_of_the_reports_labels(tmp_path: Path, undrawn: None) -> None:
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
        (["--data", "/nowhere"], "add --dataset mnist"),
    ],
    ids=str,
)
def test_bad_input_ends_in_one_clear_line(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = last_line(mlp.main, "--out", str(tmp_path), *options)
    if line == "2":  # argparse's: it has printed the line itself
        line = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in line
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


PACKAGE = os.environ | {"PYTHONPATH": str(EXAMPLES.parent)}
SHORT = ["--epochs", "1", "--batch-size", "200", "--out"]


@pytest.mark.parametrize("where", ["a copy", *long("the root")])
def test_mlp_runs_as_a_module_and_as_a_copy_elsewhere(where: str, tmp_path: Path) -> None:
    command, folder = ["-m", "examples.mlp"], EXAMPLES.parent
    if where == "a copy":
        shutil.copy(EXAMPLES / "mlp.py", tmp_path)
        command, folder = ["mlp.py"], tmp_path
    done = subprocess.run(
        [sys.executable, *command, *SHORT, str(tmp_path / "out")], cwd=folder, env=PACKAGE,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "epoch   1  train cost 2.30" in done.stdout
    assert (tmp_path / "out" / "mlp.npz").stat().st_size > 0


def test_wrong_shapes_in_a_changed_example_show_the_line(tmp_path: Path) -> None:
    code = (EXAMPLES / "mlp.py").read_text()
    (tmp_path / "mlp.py").write_text(code.replace("nn.Linear(100, 200)", "nn.Linear(101, 200)"))
    done = subprocess.run(
        [sys.executable, "mlp.py", *SHORT, str(tmp_path / "out")], cwd=tmp_path, env=PACKAGE,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback (most recent call last):" in done.stderr
    number = code[: code.index("logits = network(images)")].count("\n") + 1
    assert f'mlp.py", line {number}, in step' in done.stderr
    assert "logits = network(images)" in done.stderr
    assert "linear: the input's last dimension is 100" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", [path.stem for path in SCRIPTS])
def test_help_says_which_data_an_example_takes_and_what_to_expect(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main = importlib.import_module(name).main
    if "arguments" in inspect.signature(main).parameters:
        with pytest.raises(SystemExit) as end:
            main(["--help"])
        assert end.value.code == 0
        said = capsys.readouterr().out
    else:  # its options are read where it is started
        command = [sys.executable, "-m", f"examples.{name}", "--help"]
        done = subprocess.run(
            command, cwd=EXAMPLES.parent, env=PACKAGE, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout
    assert "\nData: " in said
    assert "Expect" in said
    assert re.search(r"\d+ (seconds|minutes)|a second or two", said)


def test_mlp_is_its_model_and_its_loop() -> None:
    tree = ast.parse((EXAMPLES / "mlp.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    assert len(ast.unparse(tree).split("\n")) <= 60


def test_interruption_while_modules_are_imported_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "mlp.py")],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.strip() == "interrupted; what was written before is whole"


@pytest.mark.slow
def test_interruption_of_a_grid_ends_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "regularisation.py"), "--epochs", "12", "--jobs", "2"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith("alpha")  # of the first cell; others are at work
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.strip() == "interrupted; what was written before is whole"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.* tasks")
def test_an_interrupted_grid_leaves_no_thread_with_semaphores_of_joblibs() -> None:
    jobs = (joblib.delayed(time.sleep)(60) for _ in range(3))
    with pytest.raises(KeyboardInterrupt), grid.side_by_side(2, jobs):
        assert "QueueFeederThread" in {thread.name for thread in threading.enumerate()}
        raise KeyboardInterrupt
    assert "QueueFeederThread" not in {thread.name for thread in threading.enumerate()}


def test_workers_of_a_grid_do_not_hear_ctrl_c() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('deaf')"
    command = [sys.executable, "-c", code]
    with interruption.deaf_processes():
        assert subprocess.run(command, capture_output=True, text=True).stdout == "deaf\n"
    assert subprocess.run(command, capture_output=True, text=True).stdout == ""


def test_a_diverged_run_is_valid_json_and_not_resumed(tmp_path: Path, undrawn: None) -> None:
    path = tmp_path / "figures.json"
    options = ["--out", str(tmp_path), "--lr", "1e30", "--epochs", "3"]
    mlp.main([*options, "--json", str(path)])

    def fail(name: str) -> None:
        raise AssertionError(f"{name} isn't JSON")

    figures = json.loads(path.read_text(), parse_constant=fail)
    assert figures["test_cost"] is None
    assert figures["history"]["train_cost"] == [None]
    with pytest.raises(ExperimentError, match=r"mlp\.npz diverged in epoch 1; leave out --resume"):
        mlp.main([*options, "--resume"])


@pytest.mark.parametrize("name", ["data", *long("gaussian", "nearest_neighbour")])
def test_a_folder_without_one_of_the_digits_is_drawn(name: str, tmp_path: Path) -> None:
    digits = tg.datasets.load_digits("sample")
    for prefix, images, labels in (
        ("train", digits.train_images, digits.train_labels),
        ("t10k", digits.test_images, digits.test_labels),
    ):
        kept = np.flatnonzero(labels != 3)[::7]
        tg.datasets.write_idx(
            tmp_path / f"{prefix}-images-idx3-ubyte", images[kept].reshape(-1, 28, 28)
        )
        tg.datasets.write_idx(
            tmp_path / f"{prefix}-labels-idx1-ubyte", labels[kept].astype(np.uint8)
        )
    figures = run(name, tmp_path, "--dataset", "mnist", "--data", str(tmp_path))
    if name == "data":
        assert figures["train_counts"][3] == 0


def test_panels_leave_out_the_epoch_of_divergence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("train_cost", "train_accuracy", "validation_cost", "validation_accuracy")
    results = [
        {
            "cell": {"lr": 0.1}, "diverged": diverged, "train_accuracy": 0.9,
            "validation_accuracy": 0.9, "history": {name: [0.9] * epochs for name in names},
        }
        for epochs, diverged in ((4, None), (3, 3), (1, 1))
    ]  # fmt: skip
    drawn = []
    monkeypatch.setattr(experiment, "write_figure", lambda path, figure: drawn.append(figure))
    grid.panels(tmp_path / "grid.png", "title", results, 3, 0.5)
    panels = [axes for axes in drawn[0].axes if axes.get_title()]
    assert [len(axes.get_lines()[0].get_xdata()) for axes in panels] == [4, 2, 0]
    assert len({axes.get_xlim() for axes in panels}) == 1
    assert [axes.get_xlabel() for axes in panels] == ["epoch"] * 3
    assert panels[0].get_ylabel() == "accuracy"


def test_mistakes_drawn_beside_their_neighbours_are_of_many_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.repeat(np.arange(10), 20)
    drawn = []
    monkeypatch.setattr(experiment, "write_figure", lambda path, figure: drawn.append(figure))
    images = np.zeros((200, 784))
    nearest_neighbour.neighbours(tmp_path / "x.png", images, images, labels, (labels + 1) % 10)
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles[:10] == [str(digit) for digit in range(10)]
    assert titles[10:] == [str((digit + 1) % 10) for digit in range(10)]


def test_a_grid_starts_no_more_workers_than_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real = [], grid.joblib.Parallel

    def parallel(workers: int, **options: Any) -> Any:
        asked.append(workers)
        return real(1, **options)

    monkeypatch.setattr(grid.joblib, "Parallel", parallel, raising=True)
    monkeypatch.setattr(grid, "_train_number", lambda n, *rest: (n, result))
    result = {"cell": {"lr": 0.1}, "diverged": 1, "seconds": 0.0}
    options = ["--out", str(tmp_path), "--jobs", "100000"]
    args = grid.options(None, {"sample": 1, "mnist": 1}, 32, options)
    grid.run(lambda cell: None, [{"lr": 0.1}, {"lr": 0.2}], args)  # type: ignore[arg-type, return-value]
    assert asked == [2]


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("history", {"train_cost": ["low"]}),
        ("history", {"train_cost": [1.0], "validation_cost": []}),
        ("history", [1.0]),
        ("seconds", None),
        ("random", "dice"),
        ("optimizer", {}),
        ("network", 3),
    ],
    ids=str,
)
def test_doctored_checkpoint_ends_in_one_line(
    entry: str, value: Any, tmp_path: Path, undrawn: None
) -> None:
    options = ["--out", str(tmp_path), "--epochs", "1", "--batch-size", "500"]
    mlp.main(options)
    tg.save(tg.load(tmp_path / "mlp.npz") | {entry: value}, tmp_path / "mlp.npz")
    assert last_line(mlp.main, *options, "--resume").startswith("error: ")


def test_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlp.npz").write_bytes(b"not a checkpoint" * 20)
    line = last_line(mlp.main, "--out", str(tmp_path), "--resume")
    assert line.startswith("error: load: ")
    assert "mlp.npz" in line
