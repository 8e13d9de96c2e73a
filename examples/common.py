"""Code that the examples share: options, and the writing of reports, pictures and figures.

The models and their training loops are in the examples themselves.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import interruption
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import classification_report, confusion_matrix

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import Digits, load_digits
from tinygrad_mnist.io.files import replacing
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.viz import History, draw_curves

VALIDATION = {"sample": 400, "mnist": 10_000}
"""How many of the last training images are kept for validation."""

Part = tuple[tg.Tensor, tg.Tensor]

one_line_errors = interruption.one_line_errors


def options(
    description: str,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    digits: bool = True,
    settings: Sequence[str] = ("dataset", "seed", "batch_size", "lr"),
    arguments: list[str] | None = None,
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.Namespace:
    """Read the options of every example, and those of a training one with its defaults.

    Without digits there is no choice of a dataset. The settings are those that a run which is
    resumed must share with the one before.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        parents=list(parents),
    )
    parser.set_defaults(settings=settings)
    if digits:
        parser.add_argument(
            "--dataset", choices=["sample", "mnist"], default="sample",
            help="5,000 embedded digits, or all of MNIST (which examples.reproduce takes)",
        )  # fmt: skip
        parser.add_argument(
            "--data", type=Path, default=None,
            help="folder with the four IDX files, for mnist (else $TINYGRAD_MNIST_DATA, else "
            "download)",
        )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of every random choice")
    if epochs is not None:
        parser.add_argument("--epochs", type=positive, default=epochs, help="passes over the data")
        parser.add_argument(
            "--batch-size", type=positive, default=batch_size, help="examples a step"
        )
    if lr is not None:
        parser.add_argument("--lr", type=rate, default=lr, help="learning rate")
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


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = _integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small: at least 1 is needed")
    return number


def rate(text: str) -> float:
    """Read a learning rate."""
    return above_zero(text, "learning rate")


def above_zero(text: str, what: str) -> float:
    """Read a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no {what}: give a number above 0")
    return number


def check_output(args: argparse.Namespace) -> None:
    """Make the output folder, and see that what is to be written can be."""
    try_folder(args.out)
    if args.json is not None and not args.json.parent.is_dir():
        raise OSError(f"--json: the folder {args.json.parent} does not exist")
    if args.json is not None and args.json.is_dir():
        raise OSError(f"--json: {args.json} is a folder; name a file")


def load(args: argparse.Namespace) -> Digits:
    """Load the digits that the options name; the output folder is tried first."""
    check_output(args)
    if args.data is not None and args.dataset != "mnist":
        raise ValueError(f"--data {args.data} is not read for the sample; add --dataset mnist")
    return load_digits(args.dataset, args.data, args.seed)


def try_folder(folder: Path) -> None:
    """Make a folder if it isn't there, and see whether it can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"can't write to the output folder {folder}: {error}") from error


def write(path: Path, content: str) -> None:
    """Write a file at once, when its content is complete."""
    with replacing(path) as file:
        file.write(content.encode())


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write an example's figures, if a file was asked for."""
    if path is not None:
        write(path, json_text(figures, indent=2))


def json_text(figures: Any, indent: int) -> str:
    """Return figures as JSON, which has no NaN and no infinity: they are null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(figures), indent=indent, allow_nan=False) + "\n"


def write_figure(path: Path, figure: Figure) -> None:
    """Write a picture."""
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=90, bbox_inches="tight")


def show(axes: Axes, image: np.ndarray, title: str = "") -> None:
    """Draw a digit."""
    axes.imshow(image.reshape(28, 28), cmap="gray_r")
    axes.set_title(title, fontsize="medium")
    axes.axis("off")


def judge(
    args: argparse.Namespace,
    name: str,
    images: np.ndarray,
    labels: np.ndarray,
    predictions: np.ndarray,
) -> dict[str, Any]:
    """Write a model's report, its confusion matrix, and the digits that it confuses most."""
    errors = int((predictions != labels).sum())
    print(report(args.out / f"{name}-report.txt", labels, predictions))
    title = f"{errors} errors of {len(labels):,}"
    confusion(args.out / f"{name}-confusion.png", title, labels, predictions)
    most_confused(args.out / f"{name}-confused.png", images, labels, predictions)
    return {
        "test_errors": errors,
        "test_accuracy": 1 - errors / len(labels),
        "confusion": confusion_matrix(labels, predictions, labels=range(10)).tolist(),
    }


def tell(args: argparse.Namespace, name: str, figures: dict[str, Any]) -> None:
    """Print the outcome and what was written, and write the figures."""
    write_json(args.json, figures)
    print(
        f"test accuracy {figures['test_accuracy']:.4f} ({figures['test_errors']} errors), "
        f"{figures['seconds']:.1f} s\n"
        f"written: {args.out}/{name}-*"
    )


def report(path: Path, labels: np.ndarray, predictions: np.ndarray) -> str:
    """Write and return precision, recall and F1 of each digit, and the confusion matrix."""
    table = classification_report(labels, predictions, digits=4, zero_division=0.0)
    matrix = confusion_matrix(labels, predictions, labels=range(10))
    head = "true\\predicted" + "".join(f"{digit:>6}" for digit in range(10))
    rows = [f"{digit:>14}" + "".join(f"{n:>6}" for n in row) for digit, row in enumerate(matrix)]
    text = f"{table}\n" + "\n".join([head, *rows]) + "\n"
    write(path, text)
    return text


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


def most_confused(
    path: Path,
    images: np.ndarray,
    labels: np.ndarray,
    predictions: np.ndarray,
    rows: int = 5,
    columns: int = 10,
) -> None:
    """Draw the pairs of digits that are confused most often: a row of images for each pair."""
    matrix = confusion_matrix(labels, predictions, labels=range(10))
    np.fill_diagonal(matrix, 0)
    pairs = [divmod(int(k), 10) for k in np.argsort(-matrix, axis=None, kind="stable")[:rows]]
    figure = Figure(figsize=(columns * 0.9, rows * 1.15), layout="constrained")
    for row, (true, predicted) in zip(figure.subplots(rows, columns), pairs, strict=True):
        chosen = np.flatnonzero((labels == true) & (predictions == predicted))[:columns]
        for axes in row:
            axes.axis("off")
        for axes, position in zip(row, chosen, strict=False):
            show(axes, images[position])
        times = int(matrix[true, predicted])
        row[0].set_title(f"{true}, taken for {predicted}: {times}", loc="left", fontsize="medium")
    write_figure(path, figure)


# For the examples that train a network


def split(dataset: str, digits: Digits) -> tuple[Part, Part, Part]:
    """Return images (0 to 1) and labels to train, to validate and to test, as tensors."""

    def part(images: np.ndarray, labels: np.ndarray) -> Part:
        return tg.from_numpy(images.astype(np.float32) / 255), tg.from_numpy(labels)

    count = len(digits.train_images) - VALIDATION[dataset]
    if count < 1:
        raise ValueError(
            f"{len(digits.train_images)} training images are too few: the last "
            f"{VALIDATION[dataset]} are kept for validation"
        )
    return (
        part(digits.train_images[:count], digits.train_labels[:count]),
        part(digits.train_images[count:], digits.train_labels[count:]),
        part(digits.test_images, digits.test_labels),
    )


@tg.no_grad()
def evaluate(network: nn.Module, part: Part) -> tuple[float, float, np.ndarray]:
    """Return cost, accuracy and predictions."""
    images, labels = part
    network.eval()
    logits = tg.cat([network(block) for block in images.split(1000)])
    network.train()
    predictions = logits.argmax(dim=1)
    accuracy = (predictions == labels).float().mean().item()
    return F.cross_entropy(logits, labels).item(), accuracy, predictions.numpy()


def note(history: History, **figures: float) -> None:
    """Add an epoch to the history, and print it."""
    history.add(**figures)
    values = "  ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in figures.items())
    print(f"epoch {history.epochs:>3}  {values}", flush=True)
    if history.diverged:
        print(f"diverged in epoch {history.diverged}: stopped; try a lower --lr")


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    values = {name: getattr(args, name) for name in args.settings}
    return {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}


def keep(
    path: Path, args: argparse.Namespace, history: History, seconds: float, **parts: Any
) -> None:
    """Write a checkpoint of everything that has a ``state_dict``, and of the random numbers."""
    tg.save(
        {
            **{name: part.state_dict() for name, part in parts.items()},
            "random": tg.get_rng_state(),
            "history": dict(history),
            "settings": _settings(args),
            "seconds": seconds,
        },
        path,
    )


def resume(path: Path, args: argparse.Namespace, **parts: Any) -> tuple[History, float]:
    """Restore what :func:`keep` wrote, if the options ask for it; return history and seconds."""
    if not args.resume:
        return History(), 0.0
    if not path.exists():
        raise FileNotFoundError(f"--resume: there is no checkpoint {path} yet")
    saved = tg.load(path)
    wanted = {"random", "history", "settings", "seconds", *parts}
    if not isinstance(saved, dict) or saved.keys() != wanted:
        raise ValueError(f"{path} is not a checkpoint of this example; leave out --resume")
    made_with = saved["settings"]
    if made_with != _settings(args):
        raise ValueError(
            f"{path} was made with other settings, {made_with}; give the same, or leave out "
            f"--resume"
        )
    try:
        history, seconds = History(saved["history"]), float(saved["seconds"])
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        tg.set_rng_state(saved["random"])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); leave out --resume") from error
    if history.diverged:
        raise ValueError(
            f"the run of {path} diverged in epoch {history.diverged}; leave out --resume, and try "
            f"a lower --lr"
        )
    print(f"resumed {path} after epoch {history.epochs}")
    return history, seconds


def finish(
    name: str,
    title: str,
    args: argparse.Namespace,
    network: nn.Module,
    parts: tuple[Part, Part, Part],
    history: History,
    seconds: float,
) -> dict[str, Any]:
    """Evaluate a trained network; write its report, pictures and figures, and return these."""
    figures: dict[str, Any] = {
        "dataset": args.dataset,
        "seed": args.seed,
        "epochs": history.epochs,
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    for kind, part in zip(("train", "validation", "test"), parts, strict=True):
        figures[f"{kind}_cost"], figures[f"{kind}_accuracy"], predictions = evaluate(network, part)
    images, labels = (tensor.numpy() for tensor in parts[2])
    figures |= judge(args, name, images, labels, predictions)
    figures |= {"seconds": seconds, "history": dict(history)}
    write_figure(args.out / f"{name}-curves.png", draw_curves(history, title))
    tell(args, name, figures)
    return figures
