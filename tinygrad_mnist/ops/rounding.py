"""Rounding, signs and remainders: constant, or of slope 1, almost everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import UFUNCS, Domain, Op, op
from tinygrad_mnist.ops.elementwise import UNARY, binary


def _keep_integers(forward: Any) -> Any:
    """Leave integers as they are: they are whole already."""
    return lambda x: forward(x) if x.dtype.kind == "f" else x.copy()


def _step(name: str, forward: Any, doc: str) -> Op:
    """Declare a function that is constant almost everywhere: its gradient is zero."""
    return op(
        name, forward, x=lambda g: np.zeros_like(g), formula=f"{name}(x)", doc=doc,
        torch=f"torch.{name}(x)", samples=UNARY, promotes="common",
        domains=Domain(-2.0, 2.0, kinks=(-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)),
    )  # fmt: skip


sign = _step(  # unlike NumPy's, that of NaN is 0
    "sign", lambda x: x.copy() if x.dtype.kind == "b" else (x > 0).astype(x.dtype) - (x < 0),
    "Sign: -1, 0 or 1.",
)  # fmt: skip
floor = _step("floor", _keep_integers(np.floor), "Largest integer that is not larger.")
ceil = _step("ceil", _keep_integers(np.ceil), "Smallest integer that is not smaller.")
round = _step("round", _keep_integers(np.rint), "Nearest integer; a half goes to the even one.")  # noqa: A001
trunc = _step("trunc", _keep_integers(np.trunc), "Integer part: rounded towards zero.")


def divisor_checked(divide: Any) -> Any:
    """Refuse to divide integers by zero, for which there is no result."""

    def checked(x: Any, y: Any) -> Any:
        if np.result_type(x, y).kind in "iub" and np.size(x) and not np.all(y):
            raise ValueError("division of integers by zero")
        return divide(x, y)

    return checked


remainder = binary(
    "remainder", divisor_checked(np.remainder), lambda g: g, lambda g, x, y: -g * np.floor(x / y),
    "x - y * floor(x / y)", "Remainder of a division, with the sign of the divisor.",
    domains={"x": Domain(0.1, 0.9), "y": Domain(1.0, 2.0)},
)  # fmt: skip

UFUNCS.update(
    {
        np.remainder: remainder,
        np.sign: sign,
        np.floor: floor,
        np.ceil: ceil,
        np.rint: round,
        np.trunc: trunc,
    }
)
