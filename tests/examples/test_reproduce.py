"""The reproduction goes on where it was stopped, and its page holds what was measured."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import reproduce
import results_page

from tinygrad_mnist.experiment import ExperimentError, one_line_errors

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "examples.reproduce", "--dataset", "sample"]


def quick(out: Path, *options: str) -> list[str]:
    return ["--dataset", "sample", "--epochs", "1", "--jobs", "1", "--out", str(out), *options]


@pytest.mark.slow
def test_page_holds_the_figures_and_finished_runs_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(children: reproduce.Children, job: reproduce.Job, threads: int) -> reproduce.Job:
        reproduce.work(job, children._kept)
        return job

    monkeypatch.setattr(reproduce.Children, "run", here)
    figures = reproduce.main(quick(tmp_path, "E2", "E8"))
    page = (tmp_path / "results.md").read_text()
    errors = figures["experiments"]["E2"]["test_errors"]
    assert f"| errors of 10,000 | 431 | {errors} |" in page
    for cell in figures["experiments"]["E8"]["cells"]:
        assert f"{cell['validation_accuracy']:.4f}" in page
    assert len(figures["experiments"]["E8"]["runs"]) == 3
    assert [run["seed"] for run in figures["experiments"]["E8"]["runs"]] == [0, 1, 2]
    assert "A trial: data set sample, epochs 1" in page
    pictures = re.findall(r"\(results/(.*?\.png)\)", page)
    assert "regularisation-grid.png" in pictures
    assert all((tmp_path / "results" / name).stat().st_size for name in pictures)

    def fail(children: reproduce.Children, job: reproduce.Job, threads: int) -> None:
        raise AssertionError(f"{job.name} was run again")

    monkeypatch.setattr(reproduce.Children, "run", fail)
    again = reproduce.main(quick(tmp_path, "E2", "E8"))
    assert again["experiments"] == figures["experiments"]
    # Asked for one of them, the page still has both.
    assert reproduce.main(quick(tmp_path, "E2"))["experiments"] == figures["experiments"]
    with monkeypatch.context() as patch:
        patch.setattr(reproduce, "fingerprint", lambda digits: "other data")
        with pytest.raises(AssertionError, match="E2-seed0 was run again"):
            reproduce.main(quick(tmp_path, "E2"))
    record = tmp_path / "finished" / "E2-seed0.json"
    settings = json.dumps(json.loads(record.read_text())["settings"])
    for damaged in ('{"settings": ', f'{{"settings": {settings}}}', "[]"):
        record.write_text(damaged)
        with pytest.raises(AssertionError, match="E2-seed0 was run again"):
            reproduce.main(quick(tmp_path, "E2"))
    with pytest.raises(AssertionError, match="E8-3e-05-seed0 was run again"):
        reproduce.main([*quick(tmp_path, "E8"), "--epochs", "2"])


@pytest.mark.slow
def test_interrupted_reproduction_keeps_what_is_finished(tmp_path: Path) -> None:
    command = [*COMMAND, "E5", "E6", "--epochs", "10", "--jobs", "2", "--out", str(tmp_path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    finished = tmp_path / "finished"
    deadline = time.monotonic() + 100
    while not list(finished.glob("E*.json")):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[-1] == "interrupted; what was written before is whole"
    kept = list(finished.glob("E*.json"))
    assert 0 < len(kept) < 6
    assert all(json.loads(path.read_text())["figures"]["epochs"] == 10 for path in kept)
    assert not (tmp_path / "results.md").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_runs_end_with_the_reproduction_that_started_them(tmp_path: Path, name: str) -> None:
    command = [*COMMAND, "E6", "--epochs", "100000", "--jobs", "1", "--out", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    log = tmp_path / "runs" / "E6-seed0" / "mlp.npz"
    deadline = time.monotonic() + 100
    while not log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.Signals[name])
    process.wait()
    changed = 0
    while log.stat().st_mtime_ns != changed:  # it is written many times a second
        assert time.monotonic() < deadline, "the run goes on"
        changed = log.stat().st_mtime_ns
        time.sleep(1)


@pytest.mark.slow
def test_two_reproductions_do_not_share_a_folder(tmp_path: Path) -> None:
    with reproduce.only_one(tmp_path):
        done = subprocess.run(
            [*COMMAND, "E1", "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: another reproduction is at work in ")
        assert not (tmp_path / "finished").exists()
    assert reproduce.main(quick(tmp_path, "E1"))["experiments"]["E1"]


def test_folder_of_the_page_is_tried_first(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "results").write_text("a file where a folder must be")
    with pytest.raises(OSError, match="can't write to the output folder"):
        reproduce.main([*quick(tmp_path / "out", "E1"), "--page", str(tmp_path / "page")])
    assert not (tmp_path / "out" / "finished").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["E99"], "there is no experiment E99; there are E1, E2"),
        (["--epochs", "0"], "0 is too small"),
        (["--jobs", "none"], "'none' is not a whole number"),
        (["--dataset", "mnist", "--data", "/nowhere"], "/nowhere does not exist"),
        (["--out", "/dev/null/x"], "can't write to the output folder"),
        (["--page", "/dev/null/x"], "/dev/null/x"),
    ],
    ids=str,
)
def test_bad_options_end_in_one_clear_line(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, one_line_errors():
        reproduce.main(["--dataset", "sample", "--out", str(tmp_path), *options])
    line = str(end.value.code)
    if line == "2":  # argparse's: it has printed the line itself
        line = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in line
    assert not (tmp_path / "results.md").exists()


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_others_are_kept(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "E2-seed0").write_text("a file where a folder must be")
    with pytest.raises(ExperimentError, match="E2-seed0 failed: can't write to the output folder"):
        reproduce.main(quick(tmp_path, "E1", "E2"))
    assert [path.name for path in (tmp_path / "finished").glob("E*.json")] == ["E1-seed0.json"]


def test_published_page_is_made_of_the_published_figures() -> None:
    folder = ROOT / "docs"
    text = (folder / "results" / "figures.json").read_text()
    assert "NaN" not in text  # which isn't JSON
    figures = json.loads(text)
    assert results_page.page(figures) == (folder / "results.md").read_text()
    assert figures["dataset"] == "mnist"
    assert figures["epochs"] is None
    assert list(figures["experiments"]) == [
        "E1", "E2", "E3", "E4-right", "E4-report", *(f"E{n}" for n in range(5, 13)),
    ]  # fmt: skip
