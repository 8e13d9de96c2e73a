"""Powers; with a constant exponent by products and roots.

NumPy's power takes logarithms: ten to a hundred times as long as a product, and longest where the
base is negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops import dtypes, node_names
from tinygrad_mnist.ops.contract import Op, Point, Sample
from tinygrad_mnist.ops.elementwise import POSITIVE, binary
from tinygrad_mnist.ops.promotion import refuse

_MOST = 32
"""The largest exponent that products are taken for."""


def constant(y: Any) -> Any:
    """Return an exponent as a Python number, if it is a single one, else None."""
    if y.__class__ is int or y.__class__ is float:
        return y
    if isinstance(y, np.ndarray | np.generic):  # NumPy's float64 is a float of Python's, too
        return None if y.ndim else y.item()
    return y if isinstance(y, int | float) else None


def power(x: np.ndarray, y: Any) -> Any:
    """Return an array of floats to a constant power; to the first it is the array itself."""
    n = constant(y)
    if n == 2:
        return x * x
    size = abs(n)
    if not (size <= _MOST and size * 2 == int(size * 2)):
        n = float(x.dtype.type(n))
        if not n.is_integer():
            return x**y
        out = np.power(np.abs(x), n)
        return np.copysign(out, x) if n % 2 else out
    whole = int(size)
    if not size:
        return np.ones_like(x)
    # Long chains of float32 products, and reciprocals of what overflows, would lose digits.
    wider = (whole > 8 or n < -2) and x.dtype.char == "f"
    base = x.astype(np.float64) if wider else x
    out = _product(base, whole)
    if whole < size:
        root = np.sqrt(base)
        # A power of -0 is positive, and -inf has powers, but for what PyTorch takes the root of.
        if not whole and y is n:
            out = root
        else:
            out = np.where(x == -np.inf, np.inf, (root if out is None else out * root) + 0)
    if n < 0:
        out = np.reciprocal(out)
    return out.astype(x.dtype) if wider else out


def _product(x: np.ndarray, n: int) -> Any:
    """Return the product of n times x, by squares; None of none."""
    out: Any = None
    while n:
        if n & 1:
            out = x if out is None else out * x
        n >>= 1
        if n:
            x = x * x
    return out


def _pow(x: Any, y: Any) -> Any:
    """Power; of integers to a negative one, what is left of the fraction: 0, or of 1 and -1 a 1."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and constant(y) is not None:
        out = power(x, y)
        return x.copy() if out is x else out
    if not (isinstance(y, np.ndarray) and y.dtype.kind == "i" and (y < 0).any()):
        return x**y
    return np.where(y < 0, (x == 1) | ((x == -1) * (1 - 2 * (y & 1))), x ** np.maximum(y, 0))


def _pow_rule(g: Any, x: Any, y: Any) -> Any:
    """The slope is 0 wherever the exponent is, also where a power of -1 would be infinite."""
    n = constant(y)
    if n is None:
        return np.where(y == 0, 0, g * (y * pow(x, y + (y == 0) - 1)))
    if n == 0:
        return np.zeros_like(g)
    return g * ((x if n == 2 and isinstance(x, np.ndarray) else pow(x, y - 1)) * y)


def _check(x: Any, y: Any) -> None:
    """Refuse bools, and integers to a negative power."""
    _no_bools(x, y)
    if type(y) is int and y < 0 and dtypes.result_type(x, y).kind in "iu":
        raise RuntimeError(
            "integers to negative integer powers are not allowed; convert the tensor with float()"
        )


_no_bools = refuse("b")

# 0**y has slope 0 in y where it is defined.
pow: Op = binary(
    "pow", _pow, _pow_rule,
    lambda g, out, x, y: g * (out * np.log(np.where((x == 0) & (y >= 0), 1, x))),
    "x ** y", "Power of one array to another.",
    domains={"x": POSITIVE}, ufunc=np.power, check=_check, node_name=node_names.pow,
    more=[
        *(Sample((3,), y) for y in (2, 3.0, -0.5, 0)),
        Sample([0.0, 0.0, 2.0], np.array([0.0, 1.0, 3.0])),
        Point(np.float64(2.0), 3.0), Point(np.float64(4.0), 0.5),
        Point([0.0, 0.0], [0.0, -1.0]).gives(y=[0.0, -np.inf]), Point([0.0, 0.5], [1.0, 0.0]),
    ],
)  # fmt: skip
