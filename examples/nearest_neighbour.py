"""Classify digits by their nearest neighbour among the training images.

The report's section 3. It takes 7,500 training and 1,000 test images, 750 and 100 of each digit,
and compares with scikit-learn's ball tree and k-d tree, which must predict the same; on MNIST all
60,000 and 10,000 images are classified too. The report's own draw is lost: this one is by seed.

Data: the embedded sample (400 and 100 images of each digit), or MNIST. Expect of the sample: an
accuracy of about 0.94 within a second; the search trees, which say the same, take 10 seconds more.
"""

import time

import interruption  # noqa: F401 - from here on Ctrl-C ends in one line
import numpy as np
from classical import NearestNeighbour
from matplotlib.figure import Figure
from sklearn.neighbors import BallTree, KDTree

from tinygrad_mnist import experiment

PER_DIGIT = {"mnist": (750, 100), "sample": (400, 100)}


def draw(labels: np.ndarray, count: int, source: np.random.Generator) -> np.ndarray:
    """Draw as many positions of each digit."""
    positions = [source.permutation(np.flatnonzero(labels == d))[:count] for d in range(10)]
    return np.concatenate(positions)


def neighbours(path, tests, nearest, labels, predictions) -> None:
    """Draw test images that are classified wrongly beside their nearest neighbours."""
    wrong = np.flatnonzero(labels != predictions)
    turns = [int((labels[wrong[:n]] == labels[k]).sum()) for n, k in enumerate(wrong)]
    wrong = np.sort(wrong[np.argsort(turns, kind="stable")[:10]])  # of every digit, if there are
    figure = Figure(figsize=(9, 4), layout="constrained")
    figure.suptitle("mistakes (above), and their nearest neighbours (below)")
    panels = figure.subplots(2, 10)
    for axes in panels.flat:
        axes.axis("off")
    for column, position in zip(panels.T, wrong, strict=False):
        for axes, image, label in zip(
            column,
            (tests[position], nearest[position]),
            (labels[position], predictions[position]),
            strict=True,
        ):
            experiment.show(axes, image, str(label))
    experiment.write_figure(path, figure)


def main(arguments: list[str] | None = None) -> dict:
    """Classify, compare, and write report, pictures and figures."""
    args = experiment.options(__doc__, arguments=arguments)
    digits = experiment.load(args)
    source = np.random.default_rng(args.seed)
    train_count, test_count = PER_DIGIT[args.dataset]
    train = draw(digits.train_labels, train_count, source)
    test = draw(digits.test_labels, test_count, source)
    images, labels = digits.train_images[train], digits.train_labels[train]
    tests, wanted = digits.test_images[test], digits.test_labels[test]

    start = time.perf_counter()
    model = NearestNeighbour().fit(images, labels)
    nearest = model.kneighbors(tests)
    seconds = time.perf_counter() - start
    predictions = labels[nearest]
    figures = {
        "dataset": args.dataset,
        "seed": args.seed,
        "subset_errors": int((predictions != wanted).sum()),
        "subset_error_rate": float((predictions != wanted).mean()),
        "subset_seconds": seconds,
    }
    print(f"{len(train):,} training and {len(test):,} test images")
    print(f"  blocks of products  {seconds:7.2f} s, error {figures['subset_error_rate']:.4f}")
    for name, tree in (("ball_tree", BallTree), ("kd_tree", KDTree)):
        start = time.perf_counter()
        built = tree(images.astype(np.float64))
        middle = time.perf_counter()
        others = labels[built.query(tests.astype(np.float64), k=1)[1][:, 0]]
        done = time.perf_counter()
        figures[f"{name}_build_seconds"] = middle - start
        figures[f"{name}_query_seconds"] = done - middle
        figures[f"{name}_same_predictions"] = bool((others == predictions).all())
        same = "the same predictions" if (others == predictions).all() else "OTHER predictions"
        print(f"  {name:<18}  {middle - start:.2f} + {done - middle:.2f} s, {same}")
    neighbours(
        args.out / "nearest-neighbour-mistakes.png", tests, images[nearest], wanted, predictions
    )
    if args.dataset == "mnist":
        start = time.perf_counter()
        model = NearestNeighbour().fit(digits.train_images, digits.train_labels)
        tests, wanted = digits.test_images, digits.test_labels
        predictions = model.predict(tests)
        seconds = time.perf_counter() - start
    figures |= experiment.judge(args, "nearest-neighbour", tests, wanted, predictions)
    figures["seconds"] = seconds
    experiment.tell(args, "nearest-neighbour", figures)
    return figures


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
