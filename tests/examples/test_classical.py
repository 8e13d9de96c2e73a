"""The classical models keep scikit-learn's conventions, and are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from classical import GaussianClassifier, NearestNeighbour
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.neighbors import BallTree, KDTree
from sklearn.utils.estimator_checks import parametrize_with_checks

from tinygrad_mnist.datasets import load_digits


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([GaussianClassifier(), NearestNeighbour()])
def test_scikit_learns_own_check_passes(estimator: Any, check: Any) -> None:
    check(estimator)


def test_gaussian_scores_are_the_densities_of_scipy() -> None:
    source = np.random.default_rng(0)
    X, y = source.standard_normal((60, 4)) * [1, 2, 3, 4], np.repeat([3, 5, 9], 20)
    model = GaussianClassifier(smoothing=0.5).fit(X, y)
    for number, label in enumerate([3, 5, 9]):
        rows = X[y == label]
        covariance = np.cov(rows.T, bias=True) + 0.5 * np.eye(4)
        expected = multivariate_normal(rows.mean(0), covariance).logpdf(X) + np.log(1 / 3)
        np.testing.assert_allclose(model.decision_function_all(X)[:, number], expected)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@given(
    seed=st.integers(0, 2**32 - 1),
    offset=st.sampled_from([0.0, 1e3, 1e7]),
    whole=st.booleans(),
    block=st.integers(1, 9),
)
def test_nearest_neighbour_is_that_of_plain_differences(
    seed: int, offset: float, whole: bool, block: int
) -> None:
    source = np.random.default_rng(seed)
    X, tests = source.standard_normal((30, 3)) + offset, source.standard_normal((7, 3)) + offset
    if whole:  # many ties: the lowest index must win
        X, tests = np.rint(X), np.rint(tests)
    gaps = ((tests[:, None] - X[None]) ** 2).sum(axis=2)
    model = NearestNeighbour(block).fit(X, np.arange(30) % 3)
    np.testing.assert_array_equal(model.kneighbors(tests), gaps.argmin(axis=1))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_predictions_on_digits_are_those_of_both_trees() -> None:
    digits = load_digits("sample")
    images, labels = digits.train_images[:1500], digits.train_labels[:1500]
    tests = digits.test_images[:100].astype(np.float64)
    mine = NearestNeighbour().fit(images, labels).predict(tests)
    for tree in (BallTree, KDTree):
        others = labels[tree(images.astype(np.float64)).query(tests, k=1)[1][:, 0]]
        np.testing.assert_array_equal(mine, others)


@pytest.mark.slow
def test_gaussian_makes_the_published_431_errors(mnist_folder: Path) -> None:
    digits = load_digits("mnist", mnist_folder)
    model = GaussianClassifier(4000.0).fit(digits.train_images, digits.train_labels)
    assert int((model.predict(digits.test_images) != digits.test_labels).sum()) == 431


@pytest.mark.slow
def test_nearest_neighbour_makes_309_errors(mnist_folder: Path) -> None:
    digits = load_digits("mnist", mnist_folder)
    model = NearestNeighbour().fit(digits.train_images, digits.train_labels)
    assert int((model.predict(digits.test_images) != digits.test_labels).sum()) == 309
