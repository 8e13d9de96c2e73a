"""Elementwise operations: arithmetic, exponentials and logarithms, bounds, and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist._runtime import threads
from tinygrad_mnist.ops.contract import Domain, Op, Point, Sample, op
from tinygrad_mnist.ops.masks import where_nonzero
from tinygrad_mnist.ops.promotion import refuse, refuse_bools

UNARY = [Sample((3,)), Sample((3, 3)), Sample(()), Sample((0, 2))]
BINARY = [
    Sample((3, 3), (3, 3)),
    Sample((3, 1), (1, 4)),
    Sample((1,), (1, 2)),
    Sample((), (3, 4)),
    Sample((2, 0), (1, 1)),
    Sample((2, 3), (3,)),
]
POSITIVE = Domain(0.2, 3.0)
NONZERO = Domain(-2.0, 2.0, kinks=(0.0,))


def unary(
    name: str, forward: Any, rule: Any, formula: str, doc: str, *, torch: str = "",
    more: Sequence[Sample] = (), **kw: Any,
) -> Op:  # fmt: skip
    """Declare a function of one float array: integers are brought to the default dtype.

    It is tried on the usual samples, and on those of ``more``.
    """
    return op(
        name, forward, x=rule, formula=formula, doc=doc, torch=torch or f"torch.{name}(x)",
        samples=[*UNARY, *more], elementwise=True, **{"promotes": "float", **kw},
    )  # fmt: skip


def binary(
    name: str, forward: Any, x: Any, y: Any, formula: str, doc: str, *, torch: str = "",
    more: Sequence[Sample] = (), **kw: Any,
) -> Op:  # fmt: skip
    """Declare a function of two arrays that broadcast and are brought to a common dtype."""
    return op(
        name, forward, x=x, y=y, formula=formula, doc=doc, torch=torch or f"torch.{name}(x, y)",
        samples=[*BINARY, *more], broadcasts=True, elementwise=True, **{"promotes": "common", **kw},
    )  # fmt: skip


add = binary("add", np.add, lambda g: g, lambda g: g, "x + y", "Sum of two arrays.")
sub = binary(
    "sub", np.subtract, lambda g: g, lambda g: -g, "x - y", "Difference of two arrays.",
    check=refuse_bools,
)  # fmt: skip
mul = binary(
    "mul", np.multiply, lambda g, y: g * y, lambda g, x: g * x, "x * y", "Product of two arrays."
)
div = binary(
    "div", np.divide, lambda g, y: g / y, lambda g, out, y: -g * (out / y), "x / y",
    "Quotient of two arrays; of integers too it is a floating-point number.",
    promotes="float", domains={"y": NONZERO}, output_writable=True,
)  # fmt: skip


def _share(g: Any, lost: Any, tied: Any) -> Any:
    """Pass the gradient where this input isn't the lost one (NaN never is), at a tie half of it."""
    return np.where(lost, 0, np.where(tied, g * 0.5, g))


_TIES = Point([0.5, 0.5, 1.0], [0.5, 1.0, 1.0])
maximum = binary(
    "maximum", np.maximum, lambda g, x, y: _share(g, x < y, x == y),
    lambda g, x, y: _share(g, y < x, x == y), "max(x, y)",
    "Larger of two arrays, element by element; a tie shares the gradient.",
    domains=Domain(distinct=True), more=[_TIES],
)  # fmt: skip
minimum = binary(
    "minimum", np.minimum, lambda g, x, y: _share(g, x > y, x == y),
    lambda g, x, y: _share(g, y > x, x == y), "min(x, y)",
    "Smaller of two arrays, element by element; a tie shares the gradient.",
    domains=Domain(distinct=True), more=[_TIES],
)  # fmt: skip
logaddexp = binary(
    "logaddexp", np.logaddexp,
    lambda g, x, y: g * sigmoid(x - y), lambda g, x, y: g * sigmoid(y - x),
    "log(exp(x) + exp(y))", "Logarithm of a sum of exponentials, without overflow.",
    promotes="float", check=refuse("biu"),
)  # fmt: skip

neg = unary(
    "neg", np.negative, lambda g: -g, "-x", "Negative.", promotes="common", check=refuse_bools
)
exp = unary("exp", np.exp, lambda g, out: g * out, "exp(x)", "Exponential.")
exp2 = unary("exp2", np.exp2, lambda g, out: g * out * math.log(2), "2 ** x", "Power of two.")
expm1 = unary(
    "expm1", np.expm1, lambda g, out: g * (out + 1), "exp(x) - 1",
    "Exponential less one, exact near zero.",
)  # fmt: skip
log = unary("log", np.log, lambda g, x: g / x, "log(x)", "Natural logarithm.", domains=POSITIVE)
log2 = unary(
    "log2", np.log2, lambda g, x: g / (x * math.log(2)), "log(x) / log(2)",
    "Logarithm to base 2.", domains=POSITIVE,
)  # fmt: skip
log10 = unary(
    "log10", np.log10, lambda g, x: g / (x * math.log(10)), "log(x) / log(10)",
    "Logarithm to base 10.", domains=POSITIVE,
)  # fmt: skip
log1p = unary(
    "log1p", np.log1p, lambda g, x: g / (x + 1), "log(1 + x)",
    "Logarithm of one plus x, exact near zero.", domains=Domain(-0.7, 3.0),
)  # fmt: skip
sqrt = unary(
    "sqrt", np.sqrt, lambda g, out: g / (out * 2), "x ** (1/2)", "Square root.", domains=POSITIVE
)
rsqrt = unary(
    "rsqrt", lambda x: np.reciprocal(np.sqrt(x)), lambda g, out: g * -0.5 * (out * out * out),
    "x ** (-1/2)", "Reciprocal of the square root.", domains=POSITIVE,
)  # fmt: skip
square = op(
    "square", lambda x: np.square(x, dtype=np.int64 if x.dtype.kind == "b" else None),
    x=lambda g, x: g * x * 2, formula="x ** 2", doc="Square.", torch="torch.square(x)",
    samples=UNARY, elementwise=True, ufunc=np.square, node_name="PowBackward0",
)  # fmt: skip
reciprocal = unary(
    "reciprocal", np.reciprocal, lambda g, out: -g * (out * out), "1 / x", "Reciprocal.",
    domains=POSITIVE,
)  # fmt: skip
tanh = unary("tanh", np.tanh, lambda g, out: g * (1 - out * out), "tanh(x)", "Hyperbolic tangent.")


def _sigmoid(x: np.ndarray) -> Any:
    out = np.negative(x, out=np.empty_like(x))
    np.exp(out, out=out)
    out += 1
    # For large -x the exponential is infinite and the quotient 0, which is exact.
    return np.reciprocal(out, out=out)


sigmoid: Op = unary(
    "sigmoid", _sigmoid, lambda g, out: g * (out * (1 - out)), "1 / (1 + exp(-x))",
    "Logistic function: any real number to the interval from 0 to 1.",
)  # fmt: skip


_maximum = threads.elementwise(np.maximum)

relu = unary(
    "relu", lambda x: _maximum(x, 0), lambda g, out: where_nonzero(g, out), "max(x, 0)",
    "Rectified linear unit; its slope at 0 is 0.",
    domains=NONZERO, promotes="common", check=refuse_bools,
)  # fmt: skip


def _inside(x: Any, low: float | None, high: float | None) -> Any:
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


clamp = op(
    "clamp", lambda x, *, min, max: np.clip(x, min, max), elementwise=True,
    x=lambda g, x, min, max: np.where(_inside(x, min, max), g, 0),
    doc="Values brought into an interval; the slope is 1 inside and on its bounds.",
    formula="min(max(x, low), high)",
    torch="torch.clamp(x, min, max)", domains=Domain(kinks=(0.0, 1.0)),
    samples=[
        Sample((3, 3), min=0.0, max=1.0),
        Sample((2, 3), min=None, max=1.0),
        Sample((2, 3), min=0.0, max=None),
    ],
    node_name="ClampBackward1",
)  # fmt: skip
where = op(
    "where", lambda condition, x, y: np.where(condition, x, y), elementwise=True,
    condition=None, x=lambda g, condition: np.where(condition, g, 0),
    y=lambda g, condition: np.where(condition, 0, g),
    doc="Elements of x where the condition holds, elsewhere of y.", formula="x if condition else y",
    torch="torch.where(condition, x, y)", broadcasts=True, promotes="common",
    samples=[
        Sample(np.array([True, False]), (2, 2), (2, 2)),
        Sample(np.array([[True, False, True], [True, True, False]]), (3,), (2, 1)),
    ],
)  # fmt: skip
