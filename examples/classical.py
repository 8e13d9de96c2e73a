"""The classical models of the report, as scikit-learn estimators.

They keep scikit-learn's conventions, and pass its checks, so they can be used with its tools.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data


class GaussianClassifier(ClassifierMixin, BaseEstimator):
    """One normal distribution per class, and Bayes' rule.

    The density of class c at x is that of N(m_c, S_c + s I), with the mean and the (biased)
    covariance of its training rows; the class of the largest log prior + log density is predicted.
    With the Cholesky factor L of the covariance no inverse and no determinant is needed:

        log density = -|L^-1 (x - m)|^2 / 2 - sum log diag L - d/2 log 2 pi

    Parameters
    ----------
    smoothing
        What is added to the diagonal of the covariance.
    """

    def __init__(self, smoothing: float = 1e-3) -> None:
        self.smoothing = smoothing

    def fit(self, X: Any, y: Any) -> GaussianClassifier:
        """Estimate prior, mean and covariance of each class."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        self.means_, self.factors_, priors = [], [], []
        for number in range(len(self.classes_)):
            rows = X[numbers == number]
            mean = rows.mean(axis=0)
            centred = rows - mean
            covariance = centred.T @ centred
            covariance /= len(rows)
            covariance.flat[:: len(mean) + 1] += self.smoothing
            self.means_.append(mean)
            self.factors_.append(np.linalg.cholesky(covariance))
            priors.append(len(rows) / len(X))
        self.log_priors_ = np.log(priors)
        return self

    def decision_function_all(self, X: Any) -> np.ndarray:
        """Return log prior + log density of each row for each class."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        scores = np.empty((len(X), len(self.classes_)))
        for number, (mean, factor) in enumerate(zip(self.means_, self.factors_, strict=True)):
            white = solve_triangular(
                factor, (X - mean).T, lower=True, overwrite_b=True, check_finite=False
            )
            distance = np.einsum("ij,ij->j", white, white)
            scores[:, number] = -0.5 * distance - np.log(np.diag(factor)).sum()
        return scores + self.log_priors_ - 0.5 * X.shape[1] * np.log(2 * np.pi)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the classes' probabilities."""
        scores = self.decision_function_all(X)
        scores -= scores.max(axis=1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the classes' probabilities."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row."""
        scores = self.decision_function_all(X)
        return self.classes_[scores.argmax(axis=1)]


class NearestNeighbour(ClassifierMixin, BaseEstimator):
    """The class of the nearest training row, by squared Euclidean distance.

    Distances come from matrix products in float32, |t|^2 - 2 x.t, of blocks of rows, so that memory
    stays bounded. They are rounded; so all training rows that are nearest within the largest
    error that rounding can make are compared again by their differences in float64. A tie goes to
    the lowest index.

    Parameters
    ----------
    block_size
        How many rows are compared with all training rows at a time.
    """

    def __init__(self, block_size: int = 512) -> None:
        self.block_size = block_size

    def fit(self, X: Any, y: Any) -> NearestNeighbour:
        """Keep the training rows."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, self._numbers = np.unique(y, return_inverse=True)
        self._rows = X
        self._single = X.astype(np.float32)
        squares = np.einsum("ij,ij->i", X, X)
        self._squares = squares.astype(np.float32)
        self._longest = float(np.sqrt(squares.max()))
        return self

    def kneighbors(self, X: Any) -> np.ndarray:
        """Return the index of the nearest training row for each row."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        found = np.empty(len(X), np.int64)
        for start in range(0, len(X), self.block_size):
            block = X[start : start + self.block_size]
            # |x|^2 is the same for all training rows, so it is left out.
            distances = (-2 * block).astype(np.float32) @ self._single.T
            distances += self._squares
            lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
            error = 2.0**-23 * (X.shape[1] + 4) * (lengths + self._longest) ** 2
            near = distances <= (distances.min(axis=1) + 2 * error)[:, None]
            for i, candidates in enumerate(map(np.flatnonzero, near)):
                gaps = self._rows[candidates] - block[i]
                found[start + i] = candidates[np.einsum("ij,ij->i", gaps, gaps).argmin()]
        return found

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the nearest training row."""
        nearest = self.kneighbors(X)
        return self.classes_[self._numbers[nearest]]
