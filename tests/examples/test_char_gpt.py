"""The small GPT learns, writes, goes on after an interruption, and answers bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import char_gpt
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.experiment import ExperimentError, Run, one_line_errors

SMALL = ["--epochs", "3", "--batch-size", "8", "--length", "20"]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(char_gpt, "STEPS", 8)
    monkeypatch.setattr(char_gpt, "CHARACTERS", 20_000)


def run(out: Path, *options: str) -> dict[str, Any]:
    path = out / "figures.json"
    returned = char_gpt.main(["--out", str(out), "--json", str(path), *SMALL, *options])
    written: dict[str, Any] = json.loads(path.read_text())
    assert written == json.loads(json.dumps(returned))
    return written


def test_it_learns_and_writes(tmp_path: Path) -> None:
    figures = run(tmp_path)
    costs = figures["history"]["train_cost"]
    assert costs[2] < costs[0] - 0.5
    assert figures["validation_cost"] < 3.5
    assert len(figures["sample"]) == len(char_gpt.PROMPT) + 20
    assert (tmp_path / "char-gpt-sample.txt").read_text() == figures["sample"] + "\n"
    assert (tmp_path / "char-gpt-curves.png").read_bytes().startswith(b"\x89PNG")


def test_compiled_training_has_the_same_figures(tmp_path: Path) -> None:
    usual, compiled = run(tmp_path), run(tmp_path, "--compile")
    usual.pop("seconds")
    compiled.pop("seconds")
    assert usual == compiled


def test_interrupted_training_goes_on_to_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path)
    other = tmp_path / "other"
    keep = Run.keep

    def interrupt(run: Run) -> None:
        keep(run)
        if run.history.epochs == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "keep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            char_gpt.main(["--out", str(other), *SMALL])
    resumed = run(other, "--resume")
    for figures in (whole, resumed):
        figures.pop("seconds")
    assert whole == resumed
    with pytest.raises(ExperimentError, match="made with other settings"):
        char_gpt.main(["--out", str(other), *SMALL, "--resume", "--lr", "1"])


def test_weights_are_tied_and_stored() -> None:
    network = char_gpt.GPT(10)
    assert network.head.weight is network.characters.weight
    assert len(list(network.parameters())) == 2 + 2 * 12 + 2
    other = char_gpt.GPT(10)
    other.load_state_dict(network.state_dict())
    tokens = tg.tensor([[1, 2, 3]])
    assert tg.equal(network(tokens), other(tokens))


def test_a_guess_depends_on_nothing_that_comes_after_it() -> None:
    network = char_gpt.GPT(10)
    a, b = network(tg.tensor([[1, 2, 3, 4], [1, 2, 3, 9]]))
    assert tg.allclose(a[:3], b[:3], atol=1e-6)
    assert not tg.allclose(a[3], b[3], atol=1e-6)


def test_one_character_to_draw_from_is_the_likeliest() -> None:
    tg.manual_seed(0)
    network = char_gpt.GPT(10)
    hot, cold = (char_gpt.write(network, [1], 30, t, 1, seed=0) for t in (9.0, 0.1))
    assert hot == cold
    free = [char_gpt.write(network, [1], 30, 9.0, 99, seed=seed) for seed in (0, 0, 1)]
    assert free[0] == free[1] != free[2]


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [char_gpt.rate(step, 130, 1.0) for step in range(131)]
    assert rates[char_gpt.WARMUP] == 1.0 == max(rates)
    assert rates[80] == pytest.approx(0.55)
    assert rates[130] == pytest.approx(char_gpt.LAST_RATE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--temperature", "0"], "0 is no temperature"),
        (["--top-k", "0"], "0 is too small"),
        (["--text", "/nowhere"], "/nowhere"),
        (["--text", "{}/short"], "has 5 characters; at least"),
        (["--text", "{}/bytes"], "is not a text in UTF-8"),
        (["--resume"], "no checkpoint"),
        (["--dataset", "mnist"], "unrecognized arguments"),
    ],
    ids=str,
)
def test_bad_input_ends_in_one_clear_line(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short").write_text("short")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    given = [option.format(tmp_path) for option in options]
    with pytest.raises(SystemExit) as end, one_line_errors():
        char_gpt.main(["--out", str(tmp_path / "out"), *given])
    said = end.value.code if isinstance(end.value.code, str) else capsys.readouterr().err
    assert words in said.strip().splitlines()[-1]
