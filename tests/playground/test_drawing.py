"""Drawings become images that are like MNIST's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.playground.drawing import rasterise

points = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(list), min_size=1, max_size=12
).map(np.array)
drawings = st.lists(points, min_size=1, max_size=4)


def sides(image: np.ndarray) -> list[int]:
    return [int(np.ptp(np.flatnonzero(image.any(axis=a))) + 1) for a in (0, 1)]


def centre(image: np.ndarray) -> np.ndarray:
    return np.array([(np.indices(image.shape)[a] * (image / image.sum())).sum() for a in (0, 1)])


@given(drawings)
def test_ink_lies_in_the_box_around_the_centre(strokes: list[np.ndarray]) -> None:
    image = rasterise(strokes)
    assert image.dtype == np.uint8 and image.shape == (28, 28)
    assert image.max() > 200
    assert max(sides(image)) <= 20
    inside = 0 < np.flatnonzero(image.any(axis=0)).min() and image[[0, -1]].max() == 0
    if inside and image[:, [0, -1]].max() == 0:  # nothing was cut off
        np.testing.assert_allclose(centre(image), 14, atol=0.35)


@given(drawings, st.floats(0.4, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_size_and_place_on_the_pad_do_not_matter(
    strokes: list[np.ndarray], scale: float, x: float, y: float
) -> None:
    large = [np.array([[0.0, 0.0], [1.0, 1.0]]), *strokes]  # else a dot is one, and stays small
    moved = [stroke * scale + [x, y] for stroke in large]
    np.testing.assert_allclose(rasterise(moved).astype(int), rasterise(large), atol=1)


def test_images_have_the_statistics_of_mnist(digits: Digits) -> None:
    """A box of 20 pixels, the centre of mass at 14, and as much ink as a one's line has."""
    real = digits.train_images.reshape(-1, 28, 28)
    longest = [max(sides(image)) for image in real[:500]]
    assert np.mean(np.array(longest) == 20) > 0.99
    centres = np.array([centre(image) for image in real[:500]])
    np.testing.assert_allclose(centres.mean(axis=0), 14, atol=0.05)
    drawn = rasterise([np.array([[0.4, 0.2], [0.6, 0.8]])])
    assert sides(drawn)[1] in (19, 20)
    ones = real[digits.train_labels == 1]
    widths = [image.sum() / 255 / np.hypot(*sides(image)) for image in (*ones, drawn)]
    assert widths[-1] == pytest.approx(np.median(widths[:-1]), rel=0.03)


def test_a_dot_stays_a_dot() -> None:
    for stroke in ([[0.3, 0.3]], [[0.3, 0.3], [0.3, 0.3]], [[0.3, 0.3], [0.301, 0.3]]):
        image = rasterise([np.array(stroke)])
        assert max(sides(image)) <= 5
        np.testing.assert_allclose(centre(image), 14, atol=0.05)


def test_lines_have_soft_edges_and_one_width() -> None:
    image = rasterise([np.array([[0.1, 0.5], [0.9, 0.5]])])
    rows = image[:, 14] / 255
    assert rows.sum() == pytest.approx(2.85, abs=0.02)
    steep = rasterise([np.array([[0.1, 0.1], [0.9, 0.9]])])
    across = steep[14, :].sum() / 255 / np.sqrt(2)
    assert across == pytest.approx(2.85, abs=0.3)
    assert len(np.unique(steep)) > 4


def test_many_lines_are_drawn_as_few_are() -> None:
    turn = np.linspace(0, 2 * np.pi, 3000)
    circle = np.stack([0.5 + 0.4 * np.cos(turn), 0.5 + 0.4 * np.sin(turn)], axis=1)
    coarse = rasterise([circle[::15]]).astype(int)
    np.testing.assert_allclose(rasterise([circle]).astype(int), coarse, atol=4)
