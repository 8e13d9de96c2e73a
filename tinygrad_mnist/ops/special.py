"""Special functions: error and gamma functions, hyperbolic inverses, safe forms of x log y."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist._runtime.protocol import array_function
from tinygrad_mnist.ops.contract import Domain, Op, Point, Sample, op
from tinygrad_mnist.ops.elementwise import NONZERO, POSITIVE, binary, unary
from tinygrad_mnist.ops.promotion import refuse

asinh = unary(
    "asinh", np.arcsinh, lambda g, x: g / np.sqrt(x * x + 1), "arsinh(x)",
    "Inverse hyperbolic sine.",
)  # fmt: skip
acosh = unary(
    "acosh", np.arccosh, lambda g, x: g / np.sqrt(x * x - 1), "arcosh(x)",
    "Inverse hyperbolic cosine.", domains=Domain(1.2, 3.0),
)  # fmt: skip
atanh = unary(
    "atanh", np.arctanh, lambda g, x: g / (1 - x * x), "artanh(x)",
    "Inverse hyperbolic tangent.", domains=Domain(-0.8, 0.8),
)  # fmt: skip


def _scipy(name: str) -> Any:
    """Return a function of SciPy's, imported when it is called: SciPy is slow to import."""

    def forward(x: np.ndarray) -> Any:
        return getattr(late("scipy.special"), name)(x).astype(x.dtype, copy=False)

    return forward


erf = unary(
    "erf", _scipy("erf"), lambda g, x: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x),
    "2/sqrt(pi) * integral of exp(-t**2) from 0 to x", "Error function.",
)  # fmt: skip
erfc = unary(
    "erfc", _scipy("erfc"), lambda g, x: g * (-2 / math.sqrt(math.pi)) * np.exp(-x * x),
    "1 - erf(x)", "Complement of the error function, exact where erf rounds to 1.",
)  # fmt: skip
erfinv = unary(
    "erfinv", _scipy("erfinv"),
    lambda g, out: g * (math.sqrt(math.pi) / 2) * np.exp(out * out),
    "y with erf(y) = x", "Inverse of the error function.", domains=Domain(-0.9, 0.9),
    output_writable=True,
)  # fmt: skip


@array_function
def _polygamma(x: Any, *, n: int) -> Any:
    """Derivative number n + 1 of the logarithm of the gamma function; n = 0 is digamma."""
    special = late("scipy.special")
    value = special.psi(x) if n == 0 else special.polygamma(n, x)
    return value.astype(x.dtype, copy=False)


polygamma: Op = op(
    "polygamma", _polygamma, x=lambda g, x, n: g * polygamma(x, n=n + 1),
    formula="(d/dx)**(n + 1) log(gamma(x))", torch="torch.polygamma(n, x)", promotes="float",
    samples=[Sample((3,), n=0), Sample((3, 3), n=1), Sample((), n=2)],
    domains=Domain(8.0, 12.0),  # below, PyTorch's trigamma has only nine digits
)  # fmt: skip


def _lgamma(x: np.ndarray) -> Any:
    gammaln = late("scipy.special").gammaln
    return np.where(x == -np.inf, -x, gammaln(x)).astype(x.dtype, copy=False)


lgamma = unary(
    "lgamma", _lgamma, lambda g, x: g * polygamma(x, n=0), "log(|gamma(x)|)",
    "Logarithm of the gamma function's absolute value.", domains=POSITIVE,
)  # fmt: skip


def _sinc_rule(g: Any, x: Any) -> Any:
    """Where the square is 0 so is the slope, whatever comes in; its own slope is -pi**2 / 3."""
    square = x * x * math.pi
    flat = square == 0
    angle = x * math.pi
    slope = (angle * np.cos(angle) - np.sin(angle)) / np.where(flat, 1, square)
    near = np.where(np.isfinite(g), g, 0) * x * (-(math.pi**2) / 3)
    return np.where(flat, near, g * slope)


sinc = unary(
    "sinc", np.sinc, _sinc_rule, "sin(pi x) / (pi x)", "Normalised cardinal sine, 1 at 0.",
    domains=NONZERO, more=[Sample([0.0, 0.5])],
)  # fmt: skip


def _between(x: Any, low: Any = None, high: Any = None) -> Any:
    """Values brought between arrays of bounds; at a bound the gradient is x's, at NaN nobody's."""
    out = x if low is None else np.maximum(x, low)
    return out if high is None else np.minimum(out, high)


def _between_rule(g: Any, x: Any, low: Any, high: Any) -> Any:
    below = False if low is None else ~(x >= low)
    above = False if high is None else ~(x <= high)
    return np.where(below | above, 0, g)


between = op(
    "between", _between, elementwise=True, x=_between_rule,
    low=lambda g, x, low, high: np.where((x < low) & (high is None or low < high), g, 0),
    high=lambda g, x, low, high: np.where((x > high) | (low is not None and low > high), g, 0),
    formula="min(max(x, low), high)", torch="torch.clamp(x, low, high)", broadcasts=True,
    promotes="common", domains=Domain(distinct=True),
    samples=[
        Sample((3,), (3,), None), Sample((2, 3), (3,), (2, 1)), Sample((3,), None, (3,)),
        Sample((3, 3), (3, 3), (3, 3)),
        Point([[0.0, 0.0], [0.0, 0.0]], [[-1.0, 0.5], [-2.0, -1.0]], [[1.0, 1.0], [-1.0, 1.0]]),
        Point([0.5], [[0.0], [0.2], [1.0]], [0.7, 2.0]),
        Point([0.0, 0.0, 1.5], [1.0, 2.0, 1.0], [2.0, 1.0, 2.0]),
    ],
)  # fmt: skip


def _lerp(x: Any, y: Any, weight: Any) -> Any:
    """Point between x and y, reckoned from the nearer end."""
    gap = y - x
    return np.where(np.abs(weight) < 0.5, x + weight * gap, y - gap * (1 - weight))


lerp = op(
    "lerp", _lerp, elementwise=True,
    x=lambda g, weight: g * (1 - weight), y=lambda g, weight: g * weight,
    weight=lambda g, x, y: g * (y - x), formula="x + weight * (y - x)",
    torch="torch.lerp(x, y, weight)", broadcasts=True, promotes="common",
    samples=[
        Sample((2, 2), (2, 2), (2, 2)), Sample((2, 1), (1, 3), ()), Sample((2, 3), (3,), (2, 3)),
    ],
)  # fmt: skip


nan_to_num = op(
    "nan_to_num",
    lambda x, *, nan, posinf, neginf: np.nan_to_num(x, True, nan or 0.0, posinf, neginf),
    x=lambda g, x: g * np.isfinite(x),
    doc="Numbers in the place of NaN and the infinities, by default 0 and the dtype's largest.",
    formula="x if isfinite(x) else a number", torch="torch.nan_to_num(x, nan, posinf, neginf)",
    samples=[
        Sample((3, 3), nan=None, posinf=None, neginf=None),
        Point([np.nan, np.inf, -np.inf, 0.5], nan=None, posinf=None, neginf=None),
    ],
)  # fmt: skip


def _logit(x: Any, *, eps: float | None) -> Any:
    """Logarithm of x / (1 - x), of x brought into [eps, 1 - eps] where eps is given."""
    p = x if eps is None else np.where(x < eps, x.dtype.type(eps), np.minimum(x, 1 - eps))
    return np.log(p / (1 - p))


def _logit_rule(g: Any, x: Any, eps: float | None) -> Any:
    """Outside of [0, 1] there is no slope; outside of the bounds it is 0."""
    low, slope = (0, math.nan) if eps is None else (eps, 0.0)
    outside = (x < low) | (x > 1 - low)
    p = np.where(outside, 0.5, x + 0.0)  # which makes -0 a 0
    return np.where(outside, slope, g / (p * (1 - p)))


logit = op(
    "logit", _logit, x=_logit_rule, formula="log(x / (1 - x))", torch="torch.logit(x, eps)",
    samples=[Sample((3,), eps=None), Sample((3, 3), eps=0.3), Sample((), eps=None)],
    domains=Domain(0.1, 0.9, kinks=(0.3, 0.7)), promotes="float",
)  # fmt: skip


def _xlogy_rule(g: Any, x: Any, y: Any) -> Any:
    flat = (x == 0) & (y <= 0)
    return np.where(flat, 0, xlogy(g, np.where(flat, 1, y)))


xlogy: Op = binary(
    "xlogy",
    lambda x, y: np.where((x == 0) & ~np.isnan(y), np.zeros_like(x), x * np.log(y)),
    _xlogy_rule, lambda g, x, y: g * x / y,
    "x log(y)", "Product of x and the logarithm of y, 0 where x is 0.",
    promotes="float", domains={"y": POSITIVE},
    more=[Point([0.0, 0.0], [0.0, -1.0]).gives(x=[0.0, 0.0]), Point([0.0, 1.0], [2.0, 0.5])],
)  # fmt: skip
hypot = binary(
    "hypot", np.hypot, lambda g, out, x: g * x / out, lambda g, out, y: g * y / out,
    "sqrt(x**2 + y**2)", "Length of the hypotenuse, without overflow.", domains=POSITIVE,
    check=refuse("biu"),
)  # fmt: skip
