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
    figures = {
        "dataset": args.dataset,
        "fit_seconds": fitted - start,
        "predict_seconds": done - fitted,
        "seconds": done - start,
    } | common.judge(args, "gaussian", digits.test_images, digits.test_labels, predictions)
    figure = Figure(figsize=(9, 4), layout="constrained")
    figure.suptitle("mean of each digit")
    panels = figure.subplots(2, 5).ravel()
    for axes in panels:
        axes.axis("off")  # a folder of one's own may lack a digit
    for digit, mean in zip(model.classes_, model.means_, strict=True):
        common.show(panels[digit], mean, str(digit))
    common.write_figure(args.out / "gaussian-means.png", figure)
    common.tell(args, "gaussian", figures)
    return figures


if __name__ == "__main__":
    with common.one_line_errors():
        main()
