"""Classify digits by one normal distribution per digit.

The report's section 2: full covariances, with 4000 added to their diagonals; pixels from 0 to 255.
"""

import time

import common
from classical import GaussianClassifier
from matplotlib.figure import Figure

SMOOTHING = 4000.0


def main(arguments: list[str] | None = None) -> dict:
    """Fit, predict, and write report, pictures and figures."""
    args = common.options(__doc__, arguments=arguments)
    digits = common.load(args)
    start = time.perf_counter()
    model = GaussianClassifier(SMOOTHING).fit(digits.train_images, digits.train_labels)
    fitted = time.perf_counter()
    predictions = model.predict(digits.test_images)
    done = time.perf_counter()
    errors = int((predictions != digits.test_labels).sum())
    figures = {
        "dataset": args.dataset,
        "test_errors": errors,
        "test_accuracy": 1 - errors / len(predictions),
        "fit_seconds": fitted - start,
        "predict_seconds": done - fitted,
        "seconds": done - start,
    }
    print(common.report(args.out / "gaussian-report.txt", digits.test_labels, predictions))
    figure = Figure(figsize=(9, 4), layout="constrained")
    figure.suptitle("mean of each digit")
    for axes, digit, mean in zip(
        figure.subplots(2, 5).flat, model.classes_, model.means_, strict=True
    ):
        axes.imshow(mean.reshape(28, 28), cmap="gray")
        axes.set_title(str(digit))
        axes.axis("off")
    common.write_figure(args.out / "gaussian-means.png", figure)
    common.confusion(
        args.out / "gaussian-confusion.png", f"{errors} errors of {len(predictions)}",
        digits.test_labels, predictions,
    )  # fmt: skip
    common.write_json(args.json, figures)
    print(
        f"test accuracy {figures['test_accuracy']:.4f} ({errors} errors), {done - start:.1f} s\n"
        f"written to {args.out}/: gaussian-report.txt, gaussian-means.png, gaussian-confusion.png"
    )
    return figures


if __name__ == "__main__":
    with common.one_line_errors():
        main()
