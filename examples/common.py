"""What the examples share: their options, and the writing of reports, pictures and figures.

The models and their training loops are in the examples themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import classification_report, confusion_matrix

from tinygrad_mnist.datasets import Digits, load_digits


def options(
    description: str,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    arguments: list[str] | None = None,
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.Namespace:
    """Read the options of every example, and those of a training one with its defaults."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        parents=list(parents),
    )
    parser.add_argument(
        "--dataset", choices=["sample", "mnist"], default="sample",
        help="5,000 embedded digits, or all of MNIST",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, default=None,
        help="folder with the four IDX files, for mnist (else $TINYGRAD_MNIST_DATA, else download)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of every random choice")
    if epochs is not None:
        parser.add_argument("--epochs", type=_positive, default=epochs, help="passes over the data")
        parser.add_argument(
            "--batch-size", type=_positive, default=batch_size, help="images a step"
        )
        parser.add_argument("--lr", type=_rate, default=lr, help="learning rate")
        parser.add_argument(
            "--resume", action="store_true", help="go on from the checkpoint in the output folder"
        )
    return parser.parse_args(arguments)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _natural(text: str) -> int:
    number = _integer(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number


def _positive(text: str) -> int:
    number = _integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small: at least 1 is needed")
    return number


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no learning rate: give a number above 0")
    return number


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End with one clear line where the world is at fault: a file, a folder, Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; what was written before stays as it was, see --resume")
    except (OSError, ImportError, ValueError, RuntimeError) as error:
        sys.exit(f"error: {error}")


def load(args: argparse.Namespace) -> Digits:
    """Load the digits that the options name; the output folder is tried first."""
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=args.out):
            pass
    except OSError as error:
        raise OSError(f"can't write to the output folder {args.out}: {error}") from error
    if args.json is not None and not args.json.parent.is_dir():
        raise OSError(f"--json: the folder {args.json.parent} does not exist")
    return load_digits(args.dataset, args.data, args.seed)


def write(path: Path, content: str | bytes) -> None:
    """Write a file at once, when its content is complete."""
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write an example's figures, if a file was asked for."""
    if path is not None:
        write(path, json.dumps(figures, indent=2) + "\n")


def write_figure(path: Path, figure: Figure) -> None:
    """Write a picture."""
    figure.savefig(path.with_suffix(".part.png"), dpi=110, bbox_inches="tight")
    os.replace(path.with_suffix(".part.png"), path)


def report(path: Path, labels: np.ndarray, predictions: np.ndarray) -> str:
    """Write and return precision, recall and F1 of each digit, and the confusion matrix."""
    table = classification_report(labels, predictions, digits=4, zero_division=0.0)
    matrix = confusion_matrix(labels, predictions, labels=range(10))
    head = "true\\predicted" + "".join(f"{digit:>6}" for digit in range(10))
    rows = [f"{digit:>14}" + "".join(f"{n:>6}" for n in row) for digit, row in enumerate(matrix)]
    text = f"{table}\n" + "\n".join([head, *rows]) + "\n"
    write(path, text)
    return text


def curves(path: Path, title: str, history: dict[str, list[float]]) -> None:
    """Draw loss and accuracy of training and validation over the epochs."""
    epochs = range(1, len(history["train_cost"]) + 1)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    for axes, kind in zip(figure.subplots(1, 2), ("cost", "accuracy"), strict=True):
        for part, style in (("train", "-"), ("validation", "--")):
            values = history[f"{part}_{kind}"]
            axes.plot(epochs, values, style, marker=".", label=f"{part}, last {values[-1]:.4f}")
        axes.set_xlabel("epoch")
        axes.set_ylabel(kind)
        axes.grid(alpha=0.3)
        axes.legend()
    write_figure(path, figure)


def confusion(path: Path, title: str, labels: np.ndarray, predictions: np.ndarray) -> None:
    """Draw the confusion matrix; the diagonal is left pale, so that the mistakes stand out."""
    matrix = confusion_matrix(labels, predictions, labels=range(10))
    mistakes = matrix - np.diag(np.diag(matrix))
    figure = Figure(figsize=(6, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(mistakes, cmap="Reds")
    for i, row in enumerate(matrix):
        for j, count in enumerate(row):
            dark = mistakes[i, j] > 0.6 * max(mistakes.max(), 1)
            axes.text(
                j, i, str(count), ha="center", va="center", color="white" if dark else "black"
            )
    axes.set(title=title, xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    write_figure(path, figure)
