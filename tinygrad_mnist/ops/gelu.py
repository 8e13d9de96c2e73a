"""The Gaussian error linear unit, fused: transformers spend much of their time in it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Sample, op
from tinygrad_mnist.ops.elementwise import tanh
from tinygrad_mnist.ops.special import erf

_SLOPE = math.sqrt(2 / math.pi)
_CUBE = 0.044715
_CENTRAL = (
    1.7563117615484996e-09, -1.3226740849553047e-07, 3.964786039656978e-06,
    -5.5306379908411196e-05, -3.2594611302449246e-05, 0.03633308430321093, 0.7978849415104373,
)  # fmt: skip
"""Q of erf(x / sqrt(2)) = tanh(x Q(x**2)), fitted for x**2 < 32. From there on both are 1 in
float32, because Q grows.

In exact arithmetic it is off by 6e-8 at most, half of the last bit; rounding adds another.
"""


def _probability(x: np.ndarray) -> Any:
    """How probable it is that a normal number lies below x: (1 + erf(x / sqrt(2))) / 2.

    In float32 it takes a fifth of SciPy's time, and is right to the last bit or two.
    """
    if x.dtype != np.float32:
        out = erf.forward(np.multiply(x, math.sqrt(0.5), out=np.empty_like(x)))
        out += 1
        out *= 0.5
        return out
    square = np.multiply(x, x, out=np.empty_like(x))
    # (1 + tanh(z)) / 2 = 1 / (1 + exp(-2 z)), which takes less time
    first, second, *rest = (np.float32(-2 * coefficient) for coefficient in _CENTRAL)
    out = np.multiply(square, first, out=np.empty_like(x))
    out += second
    for coefficient in rest:
        out *= square
        out += coefficient
    out *= x
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


def _gelu(x: Any, *, approximate: str) -> Any:
    """Input times the normal distribution function at it, or an approximation by tanh."""
    if approximate == "none":
        part = _probability(x)
    else:
        part = np.multiply(x, x, out=np.empty_like(x))
        part *= _CUBE
        part += 1
        part *= x
        part *= _SLOPE
        np.tanh(part, out=part)  # 1 / (1 + exp(-2 z)) would be above 0 where PyTorch's is 0
        part += 1
        part *= 0.5
    return x * part, part


def _gelu_rule(g: Any, x: Any, part: Any, approximate: str) -> Any:
    out = np.multiply(x, x, out=np.empty_like(x))
    if approximate == "none":
        out *= -0.5
        np.exp(out, out=out)
        out *= _SLOPE / 2
    else:
        out *= 3 * _CUBE
        out += 1
        out *= part
        out *= 1 - part
        out *= 2 * _SLOPE
    out *= x
    out += part
    out *= g
    return out


def _gelu_reference(x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        return x * 0.5 * (erf(x * math.sqrt(0.5)) + 1)
    return x * 0.5 * (tanh((x + x * x * x * _CUBE) * _SLOPE) + 1)


gelu = op(
    "gelu", _gelu, elementwise=True, x=_gelu_rule, formula="x * (1 + erf(x / sqrt(2))) / 2",
    torch="F.gelu(x, approximate=approximate)", residuals=["part"], reference=_gelu_reference,
    promotes="float",
    samples=[
        Sample((3, 3), approximate="none"), Sample((3, 3), approximate="tanh"),
        Sample((), approximate="none"),
    ],
)  # fmt: skip
