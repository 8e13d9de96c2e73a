"""A run keeps its history and its checkpoint, and goes on from it under the same options only."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.experiment import ExperimentError, Run, options
from tinygrad_mnist.nn import functional as F


def read(out: Path, *words: str) -> argparse.Namespace:
    return options(None, epochs=4, batch_size=8, lr=0.1, arguments=["--out", str(out), *words])


def train(args: argparse.Namespace, width: int = 3) -> tuple[Run, nn.Module]:
    """Fit a layer to random points, with momentum, so that the optimizer has a state."""
    tg.manual_seed(args.seed)
    layer = nn.Linear(width, 3)
    optimizer = tg.optim.SGD(layer.parameters(), lr=args.lr, momentum=0.9)
    run = Run("layer", args, layer=layer, optimizer=optimizer)
    for _ in run.epochs():
        for _ in run.batches(range(2)):
            logits, labels = layer(tg.randn(8, width)), tg.randint(3, (8,))
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.count(loss, logits, labels)
        run.note(validation_cost=1.0)
    return run, layer


def test_resumed_run_ends_as_one_that_was_not_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, expected = train(read(tmp_path / "."))
    (tmp_path / "other").mkdir()
    first, _ = train(read(tmp_path / "other", "--epochs", "1"))
    resumed, layer = train(read(tmp_path / "other", "--resume"))
    assert "layer.npz after epoch 1\n" in capsys.readouterr().out
    assert resumed.history == whole.history
    assert list(resumed.history) == ["train_cost", "train_accuracy", "validation_cost"]
    assert resumed.seconds > first.seconds > 0
    assert tg.equal(layer.weight, expected.weight)
    again, _ = train(read(tmp_path / "other", "--resume"))  # nothing is left to do
    assert again.history == whole.history and again.seconds == resumed.seconds


def test_cost_and_accuracy_of_an_epoch_are_means_over_its_examples(tmp_path: Path) -> None:
    run = Run("mean", read(tmp_path, "--epochs", "1"))
    batches = [([[9.0, 0.0]] * 3, [0, 0, 1]), ([[0.0, 9.0]], [1])]
    for _ in run.epochs():
        for logits, labels in run.batches(batches):
            run.count(tg.tensor(float(len(labels))), tg.tensor(logits), tg.tensor(labels))
        run.note()
    assert run.history == {"train_cost": [(3 * 3 + 1) / 4], "train_accuracy": [3 / 4]}


def test_run_ends_after_an_epoch_that_diverged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run("gone", read(tmp_path))
    for epoch in run.epochs():
        run.note(train_cost=1.0 if epoch == 1 else float("nan"))
    assert run.history.epochs == 2
    assert "diverged in epoch 2: stopped; try a lower --lr" in capsys.readouterr().out
    with pytest.raises(ExperimentError, match=r"gone\.npz diverged in epoch 2; leave out --resume"):
        Run("gone", read(tmp_path, "--resume"))


def test_other_settings_and_other_networks_are_not_resumed(tmp_path: Path) -> None:
    train(read(tmp_path))
    words = r"layer\.npz was made with other settings, \{.*'lr': 0\.1.*\}; give the same"
    with pytest.raises(ExperimentError, match=words):
        train(read(tmp_path, "--resume", "--lr", "1"))
    with pytest.raises(ExperimentError, match=r"layer\.npz is damaged, or of another network"):
        train(read(tmp_path, "--resume"), width=4)
    with pytest.raises(ExperimentError, match="is not a checkpoint of this example"):
        Run("layer", read(tmp_path, "--resume"), layer=nn.Linear(3, 3))
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint .*other\.npz yet"):
        Run("other", read(tmp_path, "--resume"))


@pytest.mark.parametrize("saved", [[1.0], {}, {"layer": 1}, 3], ids=str)
def test_what_is_no_checkpoint_of_a_run_is_named(saved: Any, tmp_path: Path) -> None:
    tg.save(saved, tmp_path / "layer.npz")
    with pytest.raises(ExperimentError, match=r"layer\.npz is not a checkpoint of this example"):
        train(read(tmp_path, "--resume"))
