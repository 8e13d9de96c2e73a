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

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import Digits, load_digits
from tinygrad_mnist.nn import functional as F

VALIDATION = {"sample": 400, "mnist": 10_000}
"""How many of the last training images are kept for validation."""

Part = tuple[tg.Tensor, tg.Tensor]
History = dict[str, list[float]]


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


# For the examples that train a network


def split(dataset: str, digits: Digits) -> tuple[Part, Part, Part]:
    """Return images (0 to 1) and labels to train, to validate and to test, as tensors."""

    def part(images: np.ndarray, labels: np.ndarray) -> Part:
        return tg.from_numpy(images.astype(np.float32) / 255), tg.from_numpy(labels)

    count = len(digits.train_images) - VALIDATION[dataset]
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
    logits = network(images)
    network.train()
    predictions = logits.argmax(dim=1)
    accuracy = (predictions == labels).float().mean().item()
    return F.cross_entropy(logits, labels).item(), accuracy, predictions.numpy()


def new_history() -> History:
    """Return an empty history: cost and accuracy of training and validation by epoch."""
    return {
        f"{part}_{kind}": [] for part in ("train", "validation") for kind in ("cost", "accuracy")
    }


def note(history: History, *values: float) -> None:
    """Add an epoch to the history, and print it."""
    for name, value in zip(history, values, strict=True):
        history[name].append(value)
    cost, accuracy, validation_cost, validation_accuracy = values
    print(
        f"epoch {len(history['train_cost']):>3}  train cost {cost:.4f} accuracy {accuracy:.4f}  "
        f"validation cost {validation_cost:.4f} accuracy {validation_accuracy:.4f}",
        flush=True,
    )


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(args, name) for name in ("dataset", "seed", "batch_size", "lr")}


def keep(
    path: Path, args: argparse.Namespace, history: History, seconds: float, **parts: Any
) -> None:
    """Write a checkpoint of everything that has a ``state_dict``, and of the random numbers."""
    tg.save(
        {
            **{name: part.state_dict() for name, part in parts.items()},
            "random": tg.get_rng_state(),
            "history": history,
            "settings": _settings(args),
            "seconds": seconds,
        },
        path,
    )


def resume(path: Path, args: argparse.Namespace, **parts: Any) -> tuple[History, float]:
    """Restore what :func:`keep` wrote, if the options ask for it; return history and seconds."""
    if not args.resume:
        return new_history(), 0.0
    if not path.exists():
        raise FileNotFoundError(f"--resume: there is no checkpoint {path} yet")
    saved = tg.load(path)
    made_with = saved.get("settings") if isinstance(saved, dict) else None
    if made_with != _settings(args):
        raise ValueError(
            f"{path} was made with other settings, {made_with}; give the same, or leave out "
            f"--resume"
        )
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    tg.set_rng_state(saved["random"])
    print(f"resumed {path} after epoch {len(saved['history']['train_cost'])}")
    return saved["history"], saved["seconds"]


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
        "epochs": len(history["train_cost"]),
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    for kind, part in zip(("train", "validation", "test"), parts, strict=True):
        figures[f"{kind}_cost"], figures[f"{kind}_accuracy"], predictions = evaluate(network, part)
    labels = parts[2][1].numpy()
    errors = figures["test_errors"] = int((predictions != labels).sum())
    figures |= {"seconds": seconds, "history": history}
    print("\n" + report(args.out / f"{name}-report.txt", labels, predictions))
    curves(args.out / f"{name}-curves.png", title, history)
    confusion(
        args.out / f"{name}-confusion.png", f"{errors} errors of {len(labels)}", labels, predictions
    )
    write_json(args.json, figures)
    print(
        f"validation accuracy {figures['validation_accuracy']:.4f}, test accuracy "
        f"{figures['test_accuracy']:.4f} ({errors} errors), {seconds:.1f} s of training\n"
        f"written to {args.out}/: {name}-report.txt, {name}-curves.png, {name}-confusion.png, "
        f"{name}.npz"
    )
    return figures
