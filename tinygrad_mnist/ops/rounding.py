"""Rounding, signs and remainders: constant, or of slope 1, almost everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Op, Point, op
from tinygrad_mnist.ops.elementwise import NONZERO, UNARY, binary
from tinygrad_mnist.ops.promotion import refuse

_NO_BOOLS = refuse("b")


def _step(name: str, forward: Any, doc: str, **kw: Any) -> Op:
    """Declare a function that is constant almost everywhere: its gradient is zero."""
    return op(
        name, forward, x=lambda g: np.zeros_like(g), formula=f"{name}(x)", doc=doc,
        torch=f"torch.{name}(x)", samples=UNARY, promotes="common", elementwise=True,
        domains=Domain(-2.0, 2.0, kinks=(-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)), **kw,
    )  # fmt: skip


sign = _step(  # unlike NumPy's, that of NaN is 0
    "sign",
    lambda x: x.copy() if x.dtype.kind == "b" else np.subtract(x > 0, x < 0, dtype=x.dtype),
    "Sign: -1, 0 or 1.",
    ufunc=np.sign,
)
abs = op(
    "abs", np.absolute, x=lambda g, x: g * sign(x), formula="|x|", doc="Absolute value.",
    torch="torch.abs(x)", samples=UNARY, domains=NONZERO, promotes="common",
    check=_NO_BOOLS,
)  # fmt: skip


def _rounded(name: str, ufunc: np.ufunc, doc: str) -> Op:
    """Declare a way to round floats; integers are whole already."""

    def forward(x: Any) -> Any:
        return ufunc(x) if x.dtype.kind == "f" else x.copy()

    return _step(name, forward, doc, ufunc=ufunc, check=_NO_BOOLS)


floor = _rounded("floor", np.floor, "Largest integer that is not larger.")
ceil = _rounded("ceil", np.ceil, "Smallest integer that is not smaller.")
round = _rounded("round", np.rint, "Nearest integer; a half goes to the even one.")
trunc = _rounded("trunc", np.trunc, "Integer part: rounded towards zero.")


def divisor_checked(divide: Any) -> Any:
    """Refuse to divide integers by zero, for which there is no result."""

    def checked(x: Any, y: Any) -> Any:
        if np.result_type(x, y).kind in "iub" and np.size(x) and not np.all(y):
            raise ValueError("division of integers by zero")
        return divide(x, y)

    return checked


def _trunc_divide(x: Any, y: Any) -> Any:
    dtype = np.result_type(x, y)
    if dtype.kind == "f":
        return np.trunc(x / y)
    if dtype.kind == "b":
        raise NotImplementedError("bools can't be divided; convert them with int()")
    quotient = x // y
    return quotient + ((quotient < 0) & (quotient * y != x))


_FRACTION = {"x": Domain(2.2, 2.8), "y": Domain(0.95, 1.05)}
"""Quotients well between 2 and 3."""
_SIGNS = Point([-2.5, 2.5], [1.0, -1.0])


def _integer_division(name: str, forward: Any, formula: str, doc: str, **kw: Any) -> Op:
    """Declare a division without a fraction: like a step it has slope 0."""
    return binary(
        name, divisor_checked(forward), lambda g: np.zeros_like(g), lambda g: np.zeros_like(g),
        formula, doc, torch=f"torch.div(x, y, rounding_mode='{name[:5]}')", domains=_FRACTION,
        **kw,
    )  # fmt: skip


floor_divide = _integer_division(
    "floor_divide", np.floor_divide, "floor(x / y)", "Quotient rounded down.",
    ufunc=np.floor_divide, check=_NO_BOOLS,
)  # fmt: skip
trunc_divide = _integer_division(
    "trunc_divide", _trunc_divide, "trunc(x / y)", "Quotient rounded towards zero."
)
remainder = binary(
    "remainder", divisor_checked(np.remainder), lambda g: g,
    lambda g, x, y: -g * floor_divide(x, y),
    "x - y * floor(x / y)", "Remainder of a division, with the sign of the divisor.",
    domains=_FRACTION, more=[_SIGNS], ufunc=np.remainder, check=_NO_BOOLS,
)  # fmt: skip
fmod = binary(
    "fmod", divisor_checked(np.fmod), lambda g: g, lambda g, x, y: -g * trunc_divide(x, y),
    "x - y * trunc(x / y)", "Remainder of a division, with the sign of the dividend.",
    domains=_FRACTION, more=[_SIGNS], ufunc=np.fmod, check=_NO_BOOLS,
)  # fmt: skip
