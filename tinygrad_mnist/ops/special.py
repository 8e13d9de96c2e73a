"""Special functions: error and gamma functions, hyperbolic inverses, safe forms of x log y."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.late import late
from tinygrad_mnist.ops.contract import UFUNCS, Domain, Sample, op
from tinygrad_mnist.ops.elementwise import NONZERO, POSITIVE, binary, unary
from tinygrad_mnist.ops.rounding import divisor_checked

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
)  # fmt: skip


def _polygamma(x: Any, *, n: int) -> Any:
    """Derivative number n + 1 of the logarithm of the gamma function; n = 0 is digamma."""
    special = late("scipy.special")
    value = special.psi(x) if n == 0 else special.polygamma(n, x)
    return np.asarray(value).astype(x.dtype, copy=False)


polygamma: Any = op(
    "polygamma", _polygamma, x=lambda g, x, n: g * polygamma(x, n=n + 1),
    formula="(d/dx)**(n + 1) log(gamma(x))", torch="torch.polygamma(n, x)", promotes="float",
    samples=[Sample((3,), n=0), Sample((2, 3), n=1), Sample((), n=2)],
    domains=Domain(8.0, 12.0),  # below, PyTorch's trigamma has only nine digits
)  # fmt: skip
lgamma = unary(
    "lgamma", _scipy("gammaln"), lambda g, x: g * polygamma(x, n=0), "log(|gamma(x)|)",
    "Logarithm of the gamma function's absolute value.", domains=POSITIVE,
)  # fmt: skip


def _sinc_rule(g: Any, out: Any, x: Any) -> Any:
    slope = (np.cos(x * math.pi) - out) / np.where(x == 0, 1, x)
    return g * np.where(x == 0, 0, slope)


sinc = unary(
    "sinc", np.sinc, _sinc_rule, "sin(pi x) / (pi x)", "Normalised cardinal sine, 1 at 0.",
    domains=NONZERO,
)  # fmt: skip


def _xlogy(x: Any, y: Any) -> Any:
    return np.where((x == 0) & ~np.isnan(y), np.zeros_like(x), x * np.log(y))


xlogy = binary(
    "xlogy", _xlogy,
    lambda g, x, y: np.where((x == 0) & (y <= 0), 0, g * np.log(y)), lambda g, x, y: g * x / y,
    "x log(y)", "Product of x and the logarithm of y, 0 where x is 0.",
    promotes="float", domains={"y": POSITIVE},
)  # fmt: skip
hypot = binary(
    "hypot", np.hypot, lambda g, out, x: g * (x / out), lambda g, out, y: g * (y / out),
    "sqrt(x**2 + y**2)", "Length of the hypotenuse, without overflow.", domains=POSITIVE,
)  # fmt: skip
fmod = binary(
    "fmod", divisor_checked(np.fmod), lambda g: g, lambda g, x, y: -g * np.trunc(x / y),
    "x - y * trunc(x / y)", "Remainder of a division, with the sign of the dividend.",
    domains={"x": Domain(0.1, 0.9), "y": Domain(1.0, 2.0)},
)  # fmt: skip
UFUNCS.update({np.fmod: fmod})


def _shift(name: str, forward: Any, symbol: str, doc: str) -> Any:
    return op(
        name, forward, x=None, y=None, formula=f"x {symbol} y", torch=f"x {symbol} y", doc=doc,
        broadcasts=True, promotes="common",
        samples=[Sample(np.array([1, 2, 3]), np.array([3, 1, 0]))],
    )  # fmt: skip


left_shift = _shift("left_shift", np.left_shift, "<<", "Bits moved to the left.")
right_shift = _shift("right_shift", np.right_shift, ">>", "Bits moved to the right.")
