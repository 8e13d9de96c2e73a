"""Sums by BLAS are NumPy's, whatever lies where in memory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygrad_mnist.ops import sums

SHAPES = [(5,), (3, 4), (1, 4), (2, 3, 4), (2, 1, 3), (2, 3, 4, 5), (0, 3), (3, 0, 2)]


def views(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return arrays of a shape in every order in memory, and some that have gaps."""
    source = np.random.default_rng(0)
    arrays = []
    for order in itertools.permutations(range(len(shape))):
        array = source.standard_normal([shape[d] for d in order])
        arrays.append(array.transpose(np.argsort(order)))
    return [*arrays, *(a[::-1] for a in arrays), *(a[..., ::2] for a in arrays)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("long", [2, 1024])
def test_sums_are_numpys(
    shape: tuple[int, ...], long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "SMALL", 0)
    monkeypatch.setattr(sums, "LONG", long)
    for x in views(shape):
        for count in range(len(shape) + 1):
            for dims in itertools.combinations(range(-1, len(shape) - 1), count):
                for keepdims in (False, True):
                    expected = np.sum(x, axis=dims, keepdims=keepdims)
                    found = sums.add_up(x, dims, keepdims)
                    assert found.shape == expected.shape, (dims, keepdims, x.strides)
                    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
                    expected = np.sum(x * x, axis=dims, keepdims=keepdims)
                    found = sums.dot(x, x, dims, keepdims)
                    assert found.shape == expected.shape, (dims, keepdims, x.strides)
                    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_sum_has_the_dtype_of_what_is_added(dtype: type) -> None:
    x = np.ones((100, 100), dtype)
    for found in (sums.sum_rows(x), sums.add_up(x, 0), sums.add_up(x, 1), sums.dot(x, x, 1)):
        assert found.dtype == dtype
        assert (found == 100).all()


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_long_columns_are_added_to_the_last_bits(columns: int) -> None:
    x = np.random.default_rng(0).random((1_000_001, columns), dtype=np.float32)
    exact = np.sum(x, axis=0, dtype=np.float64)
    assert (abs(sums.sum_rows(x) - exact) <= 1e-6 * exact).all()


def test_infinity_and_nan_stay_in_their_own_sum() -> None:
    x = np.ones((100, 100), np.float32)
    x[0, 0], x[1, 1], x[2, 2], x[3, 2] = np.inf, np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        for dim in (0, 1):
            found, expected = sums.add_up(x, dim), np.add.reduce(x, axis=dim)
            np.testing.assert_array_equal(found, expected)
