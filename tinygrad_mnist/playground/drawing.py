"""Drawings become images as MNIST's did: scaled into a box, anti-aliased, centred by their ink."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 28
"""Pixels along a side of an image."""

BOX = 20
"""Pixels along the longer side of the ink of a digit."""

CENTRE = 14.0
"""Where the centre of mass of the ink lies, counted in pixels from the middle of the first."""

PEN = 2.85
"""The width of a line in pixels: it has as much ink as those of MNIST's ones, by their median."""

SMALLEST = 0.15
"""The part of the pad that a drawing fills at least; a smaller one, such as a dot, stays small."""


def rasterise(strokes: Sequence[np.ndarray]) -> np.ndarray:
    r"""Draw strokes as an image like MNIST's.

    The strokes are scaled so that their ink fits into 20 x 20 pixels, and moved so that the centre
    of mass of the ink lies where MNIST's does. A pixel's grey is the part of it that the pen covers

    .. math:: 255 \min(1, \max(0, r + 1/2 - d))

    at a distance d from the nearest line, with a pen of radius r. Unlike MNIST's, whose lines were
    scaled with the digit, lines have the same width however large the drawing is.

    Parameters
    ----------
    strokes
        Arrays of shape (n, 2), n at least 1: points (x, y) from the upper left corner, (0, 0), to
        the lower right one, (1, 1).

    Returns
    -------
    numpy.ndarray
        uint8 of shape (28, 28); 0 is paper, 255 is ink.

    Examples
    --------
    >>> image = rasterise([np.array([[0.5, 0.1], [0.5, 0.9]])])
    >>> np.flatnonzero(image.max(axis=0))
    array([13, 14, 15])
    """
    points = np.concatenate(list(strokes))
    extent = max(np.ptp(points, axis=0).max(), SMALLEST)
    scale = (BOX - PEN - 1) / extent  # a line's soft edge takes half a pixel at either end
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    starts = np.concatenate([s[:-1] if len(s) > 1 else s for s in strokes])
    ends = np.concatenate([s[1:] if len(s) > 1 else s for s in strokes])
    lines = (np.stack([starts, ends]) - middle) * scale + CENTRE
    ink = _coverage(lines)
    rows, columns = np.indices(ink.shape)
    mass = np.array([(ink * columns).sum(), (ink * rows).sum()]) / ink.sum()
    image: np.ndarray = np.rint(255 * _coverage(lines + (CENTRE - mass))).astype(np.uint8)
    return image


def _coverage(lines: np.ndarray) -> np.ndarray:
    """Return how much of each pixel is covered by lines, an array of starts and ends (2, n, 2)."""
    y, x = (index.reshape(-1, 1) for index in np.indices((SIDE, SIDE)))
    nearest = np.full(SIDE * SIDE, np.inf)
    for first in range(0, lines.shape[1], 256):  # so that memory stays bounded
        start, end = lines[:, first : first + 256]
        along = end - start
        u, v = (along / np.maximum((along**2).sum(axis=1, keepdims=True), 1e-12)).T
        right, down = x - start[:, 0], y - start[:, 1]
        share = np.clip(right * u + down * v, 0, 1)
        right -= share * along[:, 0]
        down -= share * along[:, 1]
        np.minimum(nearest, (right**2 + down**2).min(axis=1), out=nearest)
    covered: np.ndarray = np.clip(PEN / 2 + 0.5 - np.sqrt(nearest), 0, 1)
    return covered.reshape(SIDE, SIDE)
