"""Look at the data: how many images of each digit there are, and what they look like.

The report's sections 1.1 and 1.2.

Data: the embedded sample, 4,000 digits to train and 1,000 to test, or MNIST. Expect of the sample:
counts, and a picture of the digits, in some 5 seconds.
"""

import time
from contextlib import suppress

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import numpy as np
from matplotlib.figure import Figure

from tinygrad_mnist import experiment

COLUMNS = 10


def draw(path, digits) -> None:
    """Draw the first training and test image, and a row of each digit."""
    figure = Figure(figsize=(9, 10), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 4])
    firsts = (("training", digits.train_images, digits.train_labels),
              ("test", digits.test_images, digits.test_labels))  # fmt: skip
    for axes, (part, images, labels) in zip(top.subplots(1, 2), firsts, strict=True):
        experiment.show(axes, images[0], f"first {part} image, label {labels[0]}")
    for digit, row in enumerate(bottom.subplots(10, COLUMNS)):
        chosen = np.flatnonzero(digits.train_labels == digit)[:COLUMNS]
        for axes in row:
            axes.axis("off")  # a folder of one's own may hold fewer
        for axes, position in zip(row, chosen, strict=False):
            experiment.show(axes, digits.train_images[position])
    experiment.write_figure(path, figure)


def main(arguments: list[str] | None = None) -> dict:
    """Count, print, draw."""
    args = experiment.options(__doc__, arguments=arguments)
    start = time.perf_counter()
    digits = experiment.load(args)
    figures: dict = {"dataset": args.dataset}
    for part, images, labels in (
        ("train", digits.train_images, digits.train_labels),
        ("test", digits.test_images, digits.test_labels),
    ):
        counts = np.bincount(labels, minlength=10).tolist()
        print(
            f"{part}: {len(images):,} images of {images.shape[1]} pixels, first label {labels[0]}"
        )
        print("  " + ", ".join(f"{digit}: {count}" for digit, count in enumerate(counts)))
        figures[f"{part}_count"] = len(images)
        figures[f"{part}_counts"] = counts
        figures[f"{part}_first_label"] = int(labels[0])
        figures[f"{part}_mean_pixel"] = float(images.mean())
    draw(args.out / "data-digits.png", digits)
    figures["seconds"] = time.perf_counter() - start
    experiment.write_json(args.json, figures)
    print(f"written to {args.out}/: data-digits.png")
    return figures


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
