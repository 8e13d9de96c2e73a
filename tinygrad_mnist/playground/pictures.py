"""Arrays as the page gets them: tiles of whole numbers from -127 to 127, and their unit."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np


def tiles(array: np.ndarray) -> dict[str, Any]:
    """Return tiles of shape (n, h, w) for JSON: value = number / 127 * largest.

    Numbers that aren't finite are 0.

    Examples
    --------
    >>> tiles(np.array([[[0.0, -0.5, 2.0]]]))
    {'count': 1, 'height': 1, 'width': 3, 'largest': 2.0, 'numbers': 'AOB/'}
    """
    count, height, width = array.shape
    values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    largest = float(np.abs(values).max(initial=0))
    numbers = np.rint(values * (127 / largest if largest else 0)).astype(np.int8)
    return {
        "count": count,
        "height": height,
        "width": width,
        "largest": largest,
        "numbers": base64.b64encode(numbers.tobytes()).decode(),
    }
