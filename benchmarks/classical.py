"""The classical models on all of MNIST, against scikit-learn's and against NumPy by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Benchmark, Conditions, Step

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def load(check: bool) -> Arrays:
    """Return training images and labels, and test images: all, or few for a check."""
    from tinygrad_mnist.datasets import load_digits

    digits = load_digits("mnist", Path(os.environ["TINYGRAD_MNIST_DATA"]))
    images, labels, tests = digits.train_images, digits.train_labels, digits.test_images
    if check:
        images, labels, tests = images[:6000], labels[:6000], tests[:500]
    rows = images.reshape(len(images), -1).astype(np.float64)
    return rows, labels, tests.reshape(len(tests), -1).astype(np.float64)


def missing() -> str:
    """Say why these can't run, if they can't."""
    if not Path(os.environ.get("TINYGRAD_MNIST_DATA") or "/nowhere").is_dir():
        return "TINYGRAD_MNIST_DATA names no folder with MNIST's four files"
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return "scikit-learn isn't installed"
    return ""


def _ours() -> Any:
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    import classical

    return classical


def predictor(make: Callable[[], Any], data: Arrays) -> Step:
    """Return a step that fits a new model and predicts the test images."""
    images, labels, tests = data
    return lambda: make().fit(images, labels).predict(tests)


def gaussian(conditions: Conditions) -> dict[str, Step]:
    """Return the Gaussian classifiers."""
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    data = load(conditions.check)
    steps = {
        "ours": predictor(lambda: _ours().GaussianClassifier(smoothing=4000.0), data),
        "NumPy": lambda: gaussian_by_hand(*data),
    }
    if (
        not conditions.check
    ):  # its covariance is regularised in another way, so it predicts differently
        steps["scikit-learn"] = predictor(
            lambda: QuadraticDiscriminantAnalysis(reg_param=0.5), data
        )
    return steps


def gaussian_by_hand(images: np.ndarray, labels: np.ndarray, tests: np.ndarray) -> np.ndarray:
    """Fit and predict without a model around it."""
    from scipy.linalg import cholesky, solve_triangular

    scores = np.empty((len(tests), 10))
    for digit in range(10):
        rows = images[labels == digit]
        mean = rows.mean(axis=0)
        covariance = np.cov(rows, rowvar=False, bias=True) + 4000.0 * np.eye(rows.shape[1])
        factor = cholesky(covariance, lower=True)
        white = solve_triangular(factor, (tests - mean).T, lower=True)
        log_det = 2 * np.log(np.diag(factor)).sum()
        scores[:, digit] = np.log(len(rows)) - 0.5 * (np.sum(white * white, axis=0) + log_det)
    return scores.argmax(axis=1)


def nearest(conditions: Conditions) -> dict[str, Step]:
    """Return the nearest neighbours: ours, and scikit-learn's by brute force."""
    from sklearn.neighbors import KNeighborsClassifier

    data = load(conditions.check)
    return {
        "ours": predictor(lambda: _ours().NearestNeighbour(), data),
        "scikit-learn": predictor(
            lambda: KNeighborsClassifier(1, algorithm="brute", n_jobs=1), data
        ),
    }


BENCHMARKS = [
    Benchmark(
        "gaussian", "Gaussian classifier, fit 60,000 and predict 10,000", gaussian,
        {"scikit-learn": 0.5, "NumPy": 1.2}, checks=1, rounds=3, threads=(2,),
    ),
    Benchmark(
        "nearest", "nearest neighbour, 60,000 and 10,000", nearest,
        {"scikit-learn": 0.9}, checks=1, rounds=3, threads=(2,),
    ),
]  # fmt: skip
