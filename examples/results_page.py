"""The page of results: the report's figures beside those of a run, and its pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grid
import numpy as np

from tinygrad_mnist.experiment import json_text
from tinygrad_mnist.experiment import write as write_text

Figures = dict[str, Any]

ORDER = ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12")
NETWORKS = {
    "E5": ("5", "784-64-10, sigmoid"),
    "E6": ("6", "784-100-200-10, ReLU"),
    "E7": ("6.7.1", "784-100-200-300-400-10, best start"),
    "E8": ("6.7.2", "784-100-200-10, best penalty"),
    "E9": ("6.8", "784-100-200-10, best optimizer"),
    "E10": ("7.1", "softmax regression"),
    "E11": ("7.2", "784-256-256-10, sigmoid"),
    "E12": ("8", "the same, as Sequential"),
}
PUBLISHED_ACCURACY = {
    "E2": "0.96", "E3": "0.954 (of 1,000)", "E4-right": "-", "E4-report": "0.82", "E5": "0.97",
    "E6": "0.98", "E7": "0.98", "E8": "0.98", "E9": "0.98", "E10": "curves only", "E11": "0.98",
    "E12": "0.98",
}  # fmt: skip
PUBLISHED_COUNTS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


def write(figures: Figures, runs: Path, folder: Path) -> None:
    """Write ``results.md``, and beside it the folder ``results`` with pictures and figures."""
    pictures = folder / "results"
    pictures.mkdir(parents=True, exist_ok=True)
    text = page(figures)
    for name, source in pictures_of(figures["experiments"]).items():
        if f"results/{name})" in text:
            shutil.copyfile(runs / source, pictures / name)
    write_text(pictures / "figures.json", json_text(_without_curves(figures), indent=1))
    write_text(folder / "results.md", text)


def _without_curves(figures: Any) -> Any:
    """Leave out the histories: they are in the pictures."""
    if isinstance(figures, dict):
        return {k: _without_curves(v) for k, v in figures.items() if k != "history"}
    if isinstance(figures, list):
        return [_without_curves(value) for value in figures]
    return figures


def pictures_of(experiments: Figures) -> dict[str, str]:
    """Return where each picture of the page lies among the runs."""
    first = {"E5": "seed138"}
    names = {
        "E1": ["data-digits"],
        "E2": ["gaussian-means", "gaussian-confused"],
        "E3": ["nearest-neighbour-mistakes"],
        "E4-right": ["logistic-right-confusion"],
        "E4-report": ["logistic-report-confusion"],
        "E5": ["two-layer-curves"],
        "E6": ["mlp-curves", "mlp-confusion", "mlp-confused"],
        "E7": ["initialisation-grid"],
        "E8": ["regularisation-grid"],
        "E9": [f"optimizers-{name}-grid" for name in ("sgd", "momentum", "rmsprop", "adam")],
        "E10": ["softmax-regression-curves"],
        "E11": ["mlp-sigmoid-curves"],
        "E12": ["sequential-curves"],
    }
    found = {}
    for key in experiments:
        run = key if key in ("E7", "E8", "E9") else f"{key}-{first.get(key, 'seed0')}"
        found |= {f"{name}.png": f"{run}/{name}.png" for name in names[key]}
    return found


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Return a mean, and between which values it lies."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def picture(name: str, text: str) -> str:
    """Return a picture in Markdown."""
    return f"![{text}](results/{name}.png)"


def over_seeds(found: Figures, name: str) -> str:
    """Return a figure's mean over the seeds, and its spread."""
    return spread([run[name] for run in found["runs"]])


def page(figures: Figures) -> str:
    """Return the page."""
    experiments, machine = figures["experiments"], figures["machine"]
    parts = [
        "# Results",
        "Every experiment of a report of December 2019, *Classification: experimentation with "
        "MNIST*, in which each model was built by hand, repeated with this framework. The page and "
        "its pictures are written by `python -m examples.reproduce`; no figure on it is typed but "
        "the report's.",
        f"Measured on {machine['cores']} cores of {machine['processor']}, Python "
        f"{machine['python']}, NumPy {machine['numpy']}, SciPy {machine['scipy']}. Networks were "
        f"trained side by side, one on each core. All runs together took "
        f"{figures['wall_seconds'] / 60:.0f} minutes. Where a figure has a range, it is the mean "
        f"over three seeds with the lowest and the highest; the grids have one seed a cell, and "
        f"their best cell three. The report's figures come from one run each.",
    ]
    if figures["dataset"] != "mnist" or figures["epochs"] is not None:
        parts.append(
            f"**A trial: data set {figures['dataset']}, epochs {figures['epochs'] or 'as usual'}. "
            f"The figures can't be compared with the report's.**"
        )
    parts += ["## All models", _comparison(experiments)]
    for number in ORDER:
        keys = [key for key in experiments if key.split("-")[0] == number]
        if keys:
            parts.append(SECTIONS[number](*(experiments[key] for key in keys)))
    parts += ["## Reports by digit", *_reports(experiments)]
    return "\n\n".join(parts) + "\n"


def _confusions(experiments: Figures) -> dict[str, tuple[str, str, list[list[int]]]]:
    """Return section, name and confusion matrix of each model; with seeds, of the first."""
    found = {}
    for key, (section, name) in {
        "E2": ("2", "Gaussian, one per digit"),
        "E3": ("3", "nearest neighbour"),
        "E4-right": ("4", "one-vs-all logistic"),
        "E4-report": ("4", "one-vs-all logistic, the report's labels"),
        **NETWORKS,
    }.items():
        if key in experiments:
            entry = experiments[key]
            matrix = entry["confusion"] if "confusion" in entry else entry["runs"][0]["confusion"]
            found[key] = (section, name, matrix)
    return found


def _scores(matrix: list[list[int]]) -> np.ndarray:
    """Return precision, recall, F1 and support of each digit, as rows."""
    counts = np.array(matrix, dtype=float)
    right, predicted, true = counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)
    precision, recall = right / np.maximum(predicted, 1), right / np.maximum(true, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return np.array([precision, recall, f1, true])


def _comparison(experiments: Figures) -> str:
    rows = []
    for key, (section, name, matrix) in _confusions(experiments).items():
        entry = experiments[key]
        runs = entry.get("runs", [entry])
        precision, recall, f1, _ = _scores(matrix)
        rows.append([
            key.split("-")[0], section, name, PUBLISHED_ACCURACY[key],
            spread([run["test_accuracy"] for run in runs]),
            *(f"{values.mean():.4f}" for values in (precision, recall, f1)),
            f"{np.mean([run['seconds'] for run in runs]):.1f}",
        ])  # fmt: skip
    head = ["", "section", "model", "report's test accuracy", "ours", "precision", "recall", "F1",
            "seconds"]  # fmt: skip
    return (
        table(head, rows)
        + "\n\nPrecision, recall and F1 are means over the digits, for the first seed. The report "
        "gives scikit-learn's tables with their arguments exchanged, so what it calls precision "
        "is recall, and the reverse; here they are what they are called. Seconds are those of "
        "one training, or of fitting and predicting."
    )


def _reports(experiments: Figures) -> list[str]:
    parts = []
    for key, (_, name, matrix) in _confusions(experiments).items():
        rows = [
            [digit, *(f"{value:.3f}" for value in scores[:3]), int(scores[3])]
            for digit, scores in enumerate(_scores(matrix).T)
        ]
        number = key.split("-")[0]
        parts.append(f"### {number}: {name}")
        parts.append(table(["digit", "precision", "recall", "F1", "support"], rows))
    return parts


# One function for each experiment


def _data(found: Figures) -> str:
    rows = []
    for part in ("train", "test"):
        ours = found[f"{part}_counts"]
        same = "equal" if ours == PUBLISHED_COUNTS[part] else "different"
        rows.append([part, ", ".join(map(str, PUBLISHED_COUNTS[part])), same])
        rows.append([f"label of the first {part} image", {"train": 5, "test": 7}[part],
                     found[f"{part}_first_label"]])  # fmt: skip
    return "\n\n".join([
        "## E1: the data (sections 1.1 and 1.2)",
        table(["images of each digit, 0 to 9", "report", "ours"], rows),
        picture("data-digits", "digits of the training set"),
    ])  # fmt: skip


def _gaussian(found: Figures) -> str:
    return "\n\n".join([
        "## E2: one normal distribution per digit (section 2)",
        "Means and full covariances, with 4000 added to the diagonals; pixels from 0 to 255.",
        table(["", "report", "ours"], [
            ["errors of 10,000", 431, found["test_errors"]],
            ["accuracy", "0.96", f"{found['test_accuracy']:.4f}"],
            ["seconds to fit and to predict", "not given",
             f"{found['fit_seconds']:.1f} + {found['predict_seconds']:.1f}"],
        ]),
        picture("gaussian-means", "the mean image of each digit"),
        "The pairs of digits that it confuses most:",
        picture("gaussian-confused", "confused digits"),
    ])  # fmt: skip


def _nearest(found: Figures) -> str:
    def same(name: str) -> str:
        return "yes" if found[f"{name}_same_predictions"] else "NO"

    def seconds(name: str) -> str:
        return f"{found[f'{name}_build_seconds']:.1f} + {found[f'{name}_query_seconds']:.1f}"

    rows = [
        ["error on the draw of 7,500 and 1,000", "0.046", f"{found['subset_error_rate']:.4f}"],
        ["seconds, the report by loops, ours by products", "185", f"{found['subset_seconds']:.2f}"],
        ["seconds, ball tree", "1.2 + 16.8", seconds("ball_tree")],
        ["seconds, k-d tree", "0.9 + 23.2", seconds("kd_tree")],
        ["ball tree predicts the same", "yes", same("ball_tree")],
        ["k-d tree predicts the same", "yes", same("kd_tree")],
        ["errors on all 10,000, from all 60,000", "not done", found["test_errors"]],
        ["seconds for all", "", f"{found['seconds']:.1f}"],
    ]
    return "\n\n".join([
        "## E3: the nearest neighbour (section 3)",
        "750 training and 100 test images of each digit. The report's draw is lost, so this one is "
        "another, by seed, and its error differs as draws do.",
        table(["", "report", "ours"], rows),
        picture("nearest-neighbour-mistakes", "mistakes and their nearest neighbours"),
    ])  # fmt: skip


def _logistic(right: Figures, report: Figures) -> str:
    rows = [
        ["accuracy, the report's labels", "0.82", f"{report['test_accuracy']:.4f}"],
        ["zeros recognised, the report's labels", 0, report["zeros_recognised"]],
        ["accuracy, the right labels", "-", f"{right['test_accuracy']:.4f}"],
        ["zeros recognised, the right labels", "-", right["zeros_recognised"]],
        ["seconds", "not given", f"{report['seconds']:.0f} and {right['seconds']:.0f}"],
    ]
    return "\n\n".join([
        "## E4: one-vs-all logistic regression (section 4)",
        "The report has its classes go from 1 to 10, and lets 10 stand for the digit 0; but its "
        "labels hold 0, so the tenth classifier sees no example of its own, and no zero is ever "
        "predicted. With the right labels the same model does better.",
        table(["", "report", "ours"], rows),
        picture("logistic-report-confusion", "confusion matrix, the report's labels"),
        picture("logistic-right-confusion", "confusion matrix, the right labels"),
    ])  # fmt: skip


def _network(
    number: str, words: str, rows: Sequence[tuple[str, str, str]], pictures: Sequence[str]
) -> Callable[[Figures], str]:
    """Return the function that writes the section of a single network."""
    section, name = NETWORKS[number]

    def write(found: Figures) -> str:
        seconds = spread([run["seconds"] for run in found["runs"]], 1)
        lines = [
            *([text, report, over_seeds(found, figure)] for text, report, figure in rows),
            ["seconds", "not given", seconds],
        ]
        return "\n\n".join([
            f"## {number}: {name} (section {section})",
            words,
            table(["", "report", "ours"], lines),
            *(picture(p, p.replace("-", " ")) for p in pictures),
        ])  # fmt: skip

    return write


def _cells(found: Figures) -> str:
    rows = [
        [
            grid.label(cell["cell"]),
            *(f"{cell[f'{part}_accuracy']:.4f}" for part in ("train", "validation", "test")),
            f"diverged in epoch {cell['diverged']}" if cell["diverged"] else "",
            f"{cell['seconds']:.0f}",
        ]
        for cell in found["cells"]
    ]
    return table(["cell", "train", "validation", "test", "", "seconds"], rows)


def _best(found: Figures, report: Sequence[object], published: str) -> str:
    train, validation, test = (
        over_seeds(found, f"{part}_accuracy") for part in ("train", "validation", "test")
    )
    head = ["", "train accuracy", "validation accuracy", "test accuracy"]
    rows = [
        [f"report's best: {published}", *report],
        [f"ours: {grid.label(found['best'])}", train, validation, test],
    ]
    return table(head, rows)


def _accuracy(found: Figures, **settings: object) -> float:
    (cell,) = [cell for cell in found["cells"] if cell["cell"] == settings]
    return cell["validation_accuracy"]


def _against(found: Figures, **settings: object) -> str:
    """Return in a sentence where the report's best cell stands here."""
    mine = _accuracy(found, **settings)
    if found["best"] == settings:
        return f"The report's best cell is the best here too; its first seed has {mine:.4f}."
    seeds = [run["validation_accuracy"] for run in found["runs"]]
    ahead, width = found["validation_accuracy"] - mine, max(seeds) - min(seeds)
    words = (
        f"The report's best cell has {mine:.4f} here. Another is ahead of it by {ahead:.4f}, where "
        f"the seeds of one cell differ by {width:.4f}"
    )
    return f"{words}: which of the two comes first is chance." if ahead < width else f"{words}."


def _unlearned(found: Figures, floor: float = 0.2) -> list[str]:
    return [
        grid.label(cell["cell"])
        for cell in found["cells"]
        if not cell["diverged"] and cell["validation_accuracy"] < floor
    ]


def _diverged(found: Figures) -> str:
    """Return in a sentence which cells failed."""
    gone = [grid.label(cell["cell"]) for cell in found["cells"] if cell["diverged"]]
    stuck = _unlearned(found)
    words = f"Diverged: {'; '.join(gone)}." if gone else "No cell diverged."
    if stuck:
        words += f" Ended at chance, with a finite loss: {'; '.join(stuck)}."
    return words


def _initialisation(found: Figures) -> str:
    return "\n\n".join([
        "## E7: depth and initial weights (section 6.7.1)",
        "784-100-200-300-400-10 rectified units, batches of 32, 25 epochs; weights from "
        "N(0, 0.01²) or Xavier's N(0, 2 / (inputs + outputs)).",
        _best(found, ["1.0", "0.9808", "0.98"], "xavier, lr 0.1"),
        "In the report the network with N(0, 0.01²) and learning rate 0.5 diverged: its softmax "
        "overflowed, since it took the exponential of the logits as they were. Here the largest "
        f"logit is subtracted first. {_diverged(found)} "
        + _against(found, weights="xavier", lr=0.1),
        picture("initialisation-grid", "accuracy and cost of each cell"),
        _cells(found),
    ])  # fmt: skip


def _regularisation(found: Figures) -> str:
    return "\n\n".join([
        "## E8: weights that shrink (section 6.7.2)",
        "784-100-200-10 rectified units, Xavier's weights, learning rate 0.1. In each step alpha "
        "w is subtracted from the weights, not multiplied by the learning rate: in PyTorch's "
        "terms weight_decay = alpha / 0.1.",
        _best(found, ["0.9895", "0.9771", "0.98"], "alpha 0.0001"),
        f"{_against(found, alpha=1e-4)} {_diverged(found)}",
        picture("regularisation-grid", "accuracy and cost of each cell"),
        _cells(found),
    ])  # fmt: skip


def _optimizers(found: Figures) -> str:
    return "\n\n".join([
        "## E9: optimizers (section 6.8)",
        "784-100-200-10 rectified units, Xavier's weights, batches of 32, 25 epochs.",
        _best(found, ["1.0", "0.9822", "0.98"], "momentum 0.95, lr 0.01"),
        _against(found, optimizer="momentum", beta=0.95, lr=0.01),
        "**RMSprop.** Some of the report's runs went NaN: with these steps the logits grow large, "
        "and its softmax took their exponentials unshifted, so that it divided infinity by "
        f"infinity. {_diverged(found)}",
        "**Adam.** The report's Adam divided its running means by the constants 1 - β in every "
        "step, where the correction is 1 - βᵗ and isn't carried over; so the means grew ninefold "
        "and ninety-ninefold each step, and overflowed at learning rates of 1e-9 and 1e-8, until "
        "the run was interrupted. For the biases it also had a sign wrong. Here is Adam as it was "
        "published, with β = (.9, .99), at sensible learning rates.",
        *(picture(f"optimizers-{name}-grid", f"accuracy and cost of each cell, {name}")
          for name in ("sgd", "momentum", "rmsprop", "adam")),
        _cells(found),
    ])  # fmt: skip


def _sequential(found: Figures) -> str:
    (parameters,) = {run["parameters"] for run in found["runs"]}
    first = found["runs"][0]
    layers = " + ".join(f"{count:,}" for count in first["layer_parameters"])
    return "\n\n".join([
        _network(
            "E12",
            "Built by adding layers, with a summary, `fit`, `evaluate` and `predict`.",
            [("test accuracy", "0.98", "test_accuracy"),
             ("validation accuracy", "not given", "validation_accuracy")],
            ["sequential-curves"],
        )(found),
        f"The summary counts {parameters:,} parameters ({layers}); the report's 269,322.",
    ])  # fmt: skip


SECTIONS: dict[str, Callable[..., str]] = {
    "E1": _data,
    "E2": _gaussian,
    "E3": _nearest,
    "E4": _logistic,
    "E5": _network(
        "E5",
        "Batches of 128, 25 epochs, learning rate 4, the gradient averaged with β = .9. The first "
        "seed is the report's 138, though not with the report's random numbers.",
        [("train cost", "0.0043", "train_cost"),
         ("validation cost", "0.0956", "validation_cost"),
         ("test accuracy", "0.97", "test_accuracy")],
        ["two-layer-curves"],
    ),
    "E6": _network(
        "E6",
        "Weights from N(0, 0.01²), learning rate .1, batches of 32, 25 epochs.",
        [("train accuracy", "1.0", "train_accuracy"),
         ("validation accuracy", "0.9794", "validation_accuracy"),
         ("test accuracy", "0.98", "test_accuracy")],
        ["mlp-curves", "mlp-confusion", "mlp-confused"],
    ),
    "E7": _initialisation,
    "E8": _regularisation,
    "E9": _optimizers,
    "E10": _network(
        "E10",
        "Adam, batches of 512, 40 epochs. The report shows curves, and no figure.",
        [("validation accuracy", "curves only", "validation_accuracy"),
         ("test accuracy", "curves only", "test_accuracy")],
        ["softmax-regression-curves"],
    ),
    "E11": _network(
        "E11",
        "Adam, batches of 512, 40 epochs.",
        [("validation accuracy", "curves only", "validation_accuracy"),
         ("test accuracy", "0.98", "test_accuracy")],
        ["mlp-sigmoid-curves"],
    ),
    "E12": _sequential,
}  # fmt: skip
