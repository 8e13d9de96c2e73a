"""The same training on one device and in several processes: the same figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scale
from distributed.several import by_hand, launch, needs_jax
from sweeps import IS_LONG

from tinygrad_mnist.experiment import one_line_errors, reports

SCRIPT = Path(scale.__file__)
SHORT = ("--epochs", "3")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pictures, which take longer than a short training."""
    for name in ("write_figure", "confusion", "most_confused"):
        monkeypatch.setattr(reports, name, lambda *args: None)


def run(out: Path, *options: str) -> dict[str, Any]:
    """Run the example in this process."""
    figures = scale.main(["--out", str(out), *SHORT, *options])
    figures.pop("seconds")
    return figures


def test_it_learns_writes_and_goes_on(tmp_path: Path) -> None:
    whole = run(tmp_path)
    assert whole["test_accuracy"] > 0.88
    assert (tmp_path / "scale-report.txt").exists()
    other = tmp_path / "other"
    scale.main(["--out", str(other), "--epochs", "2"])
    assert run(other, "--resume") == whole
    assert run(tmp_path, "--compile") == whole


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            ["--devices", "3"],
            "--batch-size 64 can't be shared out to 3: give a multiple of 3",
            marks=needs_jax,
        ),
        (["--devices", "0"], "0 is too small"),
        (["--resume"], "no checkpoint"),
    ],
)
def test_bad_input_ends_in_one_clear_line(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, one_line_errors():
        scale.main(["--out", str(tmp_path), *options])
    said = end.value.code if isinstance(end.value.code, str) else capsys.readouterr().err
    assert words in said.strip().splitlines()[-1]
    scale.dist.destroy_process_group()


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "how"),
    [(2, ()), (4, ("--devices", "1"))] + [(4, ()), (2, ("--devices", "1"))] * IS_LONG,
)
def test_several_processes_have_the_figures_of_one_and_rank_0_alone_speaks(
    count: int, how: tuple[str, ...], tmp_path: Path
) -> None:
    one, path = run(tmp_path / "one"), tmp_path / "figures.json"
    words = ["--out", str(tmp_path), "--json", str(path), *how]
    ended = launch(count, SCRIPT, *words, "--epochs", 2)
    assert ended.code == 0, ended.err
    ended = launch(count // 2, SCRIPT, *words, *SHORT, "--resume")  # on fewer of them
    assert ended.code == 0, ended.err
    several = json.loads(path.read_text())
    for name, costs in one["history"].items():
        np.testing.assert_allclose(several["history"][name], costs, rtol=1e-4, atol=1e-3)
    assert abs(several["test_errors"] - one["test_errors"]) <= 2
    assert all(line.startswith("[0] ") for line in ended.out.splitlines()) or count == 2
    assert ended.out.count("resumed ") == 1


@needs_jax
@pytest.mark.slow
def test_options_that_do_not_fit_end_all_processes(tmp_path: Path) -> None:
    ended = by_hand(2, SCRIPT, "--out", tmp_path, "--batch-size", 33)
    assert [e.code for e in ended] == [1, 1]
    assert "--batch-size 33 can't be shared out to 2" in ended[1].err
