"""What an experiment writes: figures as JSON, a report by digit, and pictures of mistakes."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.io.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def write(path: Path, content: str) -> None:
    """Write a text file at once, when its content is complete.

    Parameters
    ----------
    path
        The file, which is replaced if it is there.
    content
        Its text, which is written as UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_mnist.experiment import write
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> write(path, "whole")
    >>> path.read_text()
    'whole'
    """
    with replacing(path) as file:
        file.write(content.encode())


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write an experiment's figures as JSON, if a file was asked for.

    Parameters
    ----------
    path
        The file, which is replaced if it is there; None writes nothing.
    figures
        Numbers, texts, lists and dictionaries, by name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_mnist.experiment import write_json
    >>> path = Path(tempfile.mkdtemp()) / "figures.json"
    >>> write_json(path, {"test_accuracy": 0.98})
    >>> print(path.read_text(), end="")
    {
      "test_accuracy": 0.98
    }
    """
    if path is not None:
        write(path, json_text(figures, indent=2))


def json_text(figures: Any, indent: int) -> str:
    """Return figures as JSON, which has no NaN and no infinity: they are null.

    Parameters
    ----------
    figures
        Numbers, texts, and lists and dictionaries of such.
    indent
        Spaces before what is inside.

    Examples
    --------
    >>> from tinygrad_mnist.experiment import json_text
    >>> print(json_text({"cost": float("nan")}, indent=0), end="")
    {
    "cost": null
    }
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(figures), indent=indent, allow_nan=False) + "\n"


def write_figure(path: Path, figure: Figure) -> None:
    """Write a matplotlib figure as a PNG file.

    Parameters
    ----------
    path
        The file, which is replaced if it is there.
    figure
        A ``matplotlib.figure.Figure``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_mnist.experiment import write_figure
    >>> from tinygrad_mnist.viz import draw_curves
    >>> path = Path(tempfile.mkdtemp()) / "curves.png"
    >>> write_figure(path, draw_curves({"train_cost": [0.5, 0.3]}))
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=90, bbox_inches="tight")


def show(axes: Axes, image: np.ndarray, title: str = "") -> None:
    """Draw a digit, of 784 pixels, dark on light.

    Parameters
    ----------
    axes
        Where to draw.
    image
        Of shape (784,) or (28, 28).
    title
        A line above it.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from tinygrad_mnist.experiment import show
    >>> axes = Figure().subplots()
    >>> show(axes, np.zeros(784), "nothing")
    >>> axes.get_title()
    'nothing'
    """
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
    """Write a model's report, its confusion matrix, and the digits that it confuses most.

    Parameters
    ----------
    args
        What ``options`` returned.
    name
        What the files begin with.
    images, labels, predictions
        Of shapes (N, 784), (N,) and (N,); labels from 0 to 9.

    Returns
    -------
    dict
        ``test_errors``, ``test_accuracy`` (0 to 1) and ``confusion``: rows of true digits.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from tinygrad_mnist.experiment import judge, options
    >>> args = options(None, arguments=["--out", tempfile.mkdtemp()])
    >>> labels = np.arange(10)
    >>> figures = judge(args, "perfect", np.zeros((10, 784)), labels, labels)  # doctest: +ELLIPSIS
                  precision    recall  f1-score   support
    ...
    >>> figures["test_errors"], figures["test_accuracy"]
    (0, 1.0)
    """
    errors = int((predictions != labels).sum())
    print(report(args.out / f"{name}-report.txt", labels, predictions))
    title = f"{errors} errors of {len(labels):,}"
    confusion(args.out / f"{name}-confusion.png", title, labels, predictions)
    most_confused(args.out / f"{name}-confused.png", images, labels, predictions)
    return {
        "test_errors": errors,
        "test_accuracy": 1 - errors / len(labels),
        "confusion": _counts(labels, predictions).tolist(),
    }


def tell(args: argparse.Namespace, name: str, figures: dict[str, Any]) -> None:
    """Print the outcome and what was written, and write the figures.

    Parameters
    ----------
    args
        What ``options`` returned.
    name
        What the files begin with.
    figures
        ``test_accuracy`` (0 to 1), ``test_errors`` and ``seconds``, and what else is to be written.

    Examples
    --------
    >>> import argparse
    >>> from tinygrad_mnist.experiment import tell
    >>> args = argparse.Namespace(json=None, out="out")
    >>> tell(args, "mlp", {"test_accuracy": 0.98, "test_errors": 200, "seconds": 3.0})
    test accuracy 0.9800 (200 errors), 3.0 s
    written: out/mlp-*
    """
    write_json(args.json, figures)
    print(
        f"test accuracy {figures['test_accuracy']:.4f} ({figures['test_errors']} errors), "
        f"{figures['seconds']:.1f} s\n"
        f"written: {args.out}/{name}-*"
    )


def _counts(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return the confusion matrix: a row for each true digit, a column for each predicted."""
    metrics = late("sklearn.metrics")
    counts: np.ndarray = metrics.confusion_matrix(labels, predictions, labels=range(10))
    return counts


def report(path: Path, labels: np.ndarray, predictions: np.ndarray) -> str:
    """Write and return precision, recall and F1 of each digit, and the confusion matrix."""
    metrics = late("sklearn.metrics")
    table = metrics.classification_report(labels, predictions, digits=4, zero_division=0.0)
    head = "true\\predicted" + "".join(f"{digit:>6}" for digit in range(10))
    rows = [
        f"{digit:>14}" + "".join(f"{n:>6}" for n in row)
        for digit, row in enumerate(_counts(labels, predictions))
    ]
    text = f"{table}\n" + "\n".join([head, *rows]) + "\n"
    write(path, text)
    return text


def confusion(path: Path, title: str, labels: np.ndarray, predictions: np.ndarray) -> None:
    """Draw the confusion matrix; the diagonal is left pale, so that the mistakes stand out."""
    matrix = _counts(labels, predictions)
    mistakes = matrix - np.diag(np.diag(matrix))
    figure = late("matplotlib.figure").Figure(figsize=(6, 5.4), layout="constrained")
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
    matrix = _counts(labels, predictions)
    np.fill_diagonal(matrix, 0)
    pairs = [divmod(int(k), 10) for k in np.argsort(-matrix, axis=None, kind="stable")[:rows]]
    figure = late("matplotlib.figure").Figure(
        figsize=(columns * 0.9, rows * 1.15), layout="constrained"
    )
    for row, (true, predicted) in zip(figure.subplots(rows, columns), pairs, strict=True):
        chosen = np.flatnonzero((labels == true) & (predictions == predicted))[:columns]
        for axes in row:
            axes.axis("off")
        for axes, position in zip(row, chosen, strict=False):
            show(axes, images[position])
        times = int(matrix[true, predicted])
        row[0].set_title(f"{true}, taken for {predicted}: {times}", loc="left", fontsize="medium")
    write_figure(path, figure)
