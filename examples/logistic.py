"""Classify digits by ten logistic regressions, one digit against all the others.

The report's section 4. Each classifier is fitted by optim.minimize, which lends SciPy (its method
TNC, as in the report) the gradients of our autograd; the bias is not regularised, and lambda is 0.

The report maps the digit 0 to class 10, a label that its data never hold: so the classifier for 0
learns from no example, no zero is ever recognised, and the accuracy is .82. --mapping report shows
it; --mapping right is the default.

Data: the embedded sample, 4,000 digits to fit and 1,000 to test, or MNIST. Expect of the sample: an
accuracy of about 0.88 (0.79 by the labels of the report), in some 6 seconds.
"""

import argparse
import time
from contextlib import suppress

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import numpy as np

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, optim
from tinygrad_mnist.nn import functional as F

LAMBDA = 0.0
ITERATIONS = 50


def cost(theta: tg.Tensor, images: tg.Tensor, targets: tg.Tensor) -> tg.Tensor:
    """Return the regularised cost of one classifier; theta holds the bias, then the weights."""
    logits = images @ theta[1:] + theta[0]
    penalty = LAMBDA / (2 * len(images)) * (theta[1:] ** 2).sum()
    return F.binary_cross_entropy_with_logits(logits, targets) + penalty


def fit(images: tg.Tensor, targets: tg.Tensor) -> np.ndarray:
    """Fit one classifier."""
    theta = tg.zeros(images.shape[1] + 1, dtype=tg.float64, requires_grad=True)
    optim.minimize(
        lambda: cost(theta, images, targets), theta, method="TNC", options={"maxfun": ITERATIONS}
    )
    return theta.detach().numpy()


def main(arguments: list[str] | None = None) -> dict:
    """Fit, predict, and write report, picture and figures."""
    mapping = argparse.ArgumentParser(add_help=False)
    mapping.add_argument(
        "--mapping", choices=["right", "report"], default="right",
        help="class of the digit 0: its own, or the report's, which no image has",
    )  # fmt: skip
    args = experiment.options(__doc__, arguments=arguments, parents=[mapping])
    digits = experiment.load(args)

    start = time.perf_counter()
    # In float64, because TNC takes rounding for a slope, and gets lost.
    images = tg.from_numpy(digits.train_images / 255)
    # Class k is the digit k; in the report classes go from 1 to 10, and 10 stands for 0.
    classes = list(range(10)) if args.mapping == "right" else list(range(1, 11))
    thetas = []
    for number in classes:
        targets = tg.from_numpy((digits.train_labels == number).astype(np.float64))
        thetas.append(fit(images, targets))
        print(f"class {number}: {int(targets.sum())} images", flush=True)
    theta = np.array(thetas)
    scores = digits.test_images / 255 @ theta[:, 1:].T + theta[:, 0]
    predictions = np.array(classes)[scores.argmax(axis=1)]
    seconds = time.perf_counter() - start

    figures = {
        "dataset": args.dataset,
        "mapping": args.mapping,
        "zeros_recognised": int(((predictions == 0) & (digits.test_labels == 0)).sum()),
        "seconds": seconds,
    }
    name = f"logistic-{args.mapping}"
    figures |= experiment.judge(args, name, digits.test_images, digits.test_labels, predictions)
    experiment.tell(args, name, figures)
    return figures


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
