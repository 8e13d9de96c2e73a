"""Comparisons, logic, bits, and questions about elements: operations without a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Op, Sample, op
from tinygrad_mnist.ops.elementwise import UNARY, binary
from tinygrad_mnist.ops.promotion import refuse


def _comparison(name: str, forward: Any, formula: str, doc: str) -> Op:
    """Declare a comparison of two arrays: its result has no derivative."""
    return binary(name, forward, None, None, formula, doc)


eq = _comparison("eq", np.equal, "x == y", "Where two arrays are equal.")
ne = _comparison("ne", np.not_equal, "x != y", "Where two arrays differ.")
lt = _comparison("lt", np.less, "x < y", "Where the first is smaller.")
le = _comparison("le", np.less_equal, "x <= y", "Where the first is not larger.")
gt = _comparison("gt", np.greater, "x > y", "Where the first is larger.")
ge = _comparison("ge", np.greater_equal, "x >= y", "Where the first is not smaller.")

logical_and = _comparison("logical_and", np.logical_and, "x and y", "Where both are true (not 0).")
logical_or = _comparison("logical_or", np.logical_or, "x or y", "Where one is true (not 0).")
logical_xor = _comparison(
    "logical_xor", np.logical_xor, "x xor y", "Where just one is true (not 0)."
)


def _bitwise(name: str, forward: Any, symbol: str, doc: str, refused: str = "f") -> Op:
    """Declare an operation on the bits of two integers."""
    return op(
        name, forward, x=None, y=None, formula=f"x {symbol} y", torch=f"x {symbol} y", doc=doc,
        samples=[Sample(np.array([1, 2, 3]), np.array([3, 1, 0]))],
        broadcasts=True, promotes="common", check=refuse(refused),
    )  # fmt: skip


bitwise_and = _bitwise("bitwise_and", np.bitwise_and, "&", "Bits set in both, or truth of both.")
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, "|", "Bits set in one, or truth of one.")
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor, "^", "Bits set in just one of two integers.")
left_shift = _bitwise("left_shift", np.left_shift, "<<", "Bits moved to the left.", "bf")
right_shift = _bitwise("right_shift", np.right_shift, ">>", "Bits moved to the right.", "bf")
bitwise_not = op(
    "bitwise_not", np.invert, x=None, formula="~x", torch="~x",
    doc="Bits reversed, or truth denied.", samples=[Sample(np.array([1, 2, 3]))], promotes="common",
    check=refuse("f"),
)  # fmt: skip


def _predicate(name: str, forward: Any, doc: str) -> Op:
    """Declare a question about each element."""
    return op(
        name, forward, x=None, formula=f"{name}(x)", doc=doc, torch=f"torch.{name}(x)",
        samples=UNARY,
    )  # fmt: skip


logical_not = _predicate("logical_not", np.logical_not, "Where an element is false (0).")
isnan = _predicate("isnan", np.isnan, "Where an element is not a number.")
isinf = _predicate("isinf", np.isinf, "Where an element is infinite.")
isfinite = _predicate("isfinite", np.isfinite, "Where an element is neither infinite nor NaN.")
