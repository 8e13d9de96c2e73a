"""Trigonometric and hyperbolic functions; angles are in radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain
from tinygrad_mnist.ops.elementwise import POSITIVE, binary, unary


def _inverse_square(x: Any, y: Any) -> Any:
    """Inverse of the squared length, but 0 of length 0: there no direction is steepest."""
    square = x * x + y * y
    return np.where(square == 0, 0, 1 / np.where(square == 0, 1, square))


atan2 = binary(
    "atan2", np.arctan2,
    lambda g, x, y: g * y * _inverse_square(x, y), lambda g, x, y: -g * x * _inverse_square(x, y),
    "atan2(x, y)", "Angle of the point (y, x), in radians from -pi to pi.",
    promotes="float", domains=POSITIVE,
)  # fmt: skip
sin = unary("sin", np.sin, lambda g, x: g * np.cos(x), "sin(x)", "Sine of radians.")
cos = unary("cos", np.cos, lambda g, x: -g * np.sin(x), "cos(x)", "Cosine of radians.")
tan = unary(
    "tan", np.tan, lambda g, out: g * (out * out + 1), "tan(x)", "Tangent of radians.",
    domains=Domain(-1.2, 1.2),
)  # fmt: skip
asin = unary(
    "asin", np.arcsin, lambda g, x: g / np.sqrt(1 - x * x), "arcsin(x)",
    "Inverse sine, in radians.", domains=Domain(-0.8, 0.8),
)  # fmt: skip
acos = unary(
    "acos", np.arccos, lambda g, x: -g / np.sqrt(1 - x * x), "arccos(x)",
    "Inverse cosine, in radians.", domains=Domain(-0.8, 0.8),
)  # fmt: skip
atan = unary(
    "atan", np.arctan, lambda g, x: g / (x * x + 1), "arctan(x)", "Inverse tangent, in radians."
)
sinh = unary("sinh", np.sinh, lambda g, x: g * np.cosh(x), "sinh(x)", "Hyperbolic sine.")
cosh = unary("cosh", np.cosh, lambda g, x: g * np.sinh(x), "cosh(x)", "Hyperbolic cosine.")
