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
_ERF = (
    -8.813430688599231e-10, 3.1222283084541234e-08, -2.6037857447776874e-07,
    -3.2347202954272737e-06, 8.026321316554778e-05, -0.0006088315694610692,
    -0.00019901406634034377, 0.10277065873491595, 1.128379222372168,
)  # fmt: skip
"""R of erf(x) = tanh(x R(x**2)), fitted to it for abs(x) < 4; from there on it is 1 in float32."""


def _erf(x: np.ndarray) -> Any:
    """Error function; in float32 in five times less time than SciPy's, to the last bit or two."""
    if x.dtype != np.float32:
        return erf.forward(x)
    near = np.clip(x, np.float32(-4), np.float32(4), out=np.empty_like(x))
    square = near * near
    out = np.full_like(x, _ERF[0])
    for coefficient in _ERF[1:]:
        out *= square
        out += np.float32(coefficient)
    out *= x  # not the clipped one: beyond it tanh is 1 all the more
    return np.tanh(out, out=out)


def _gelu(x: Any, *, approximate: str) -> Any:
    """Input times the normal distribution function at it, or an approximation by tanh."""
    if approximate == "none":
        part = _erf(np.multiply(x, math.sqrt(0.5), out=np.empty_like(x)))
    else:
        part = np.multiply(x, x, out=np.empty_like(x))
        part *= _CUBE
        part += 1
        part *= x
        part *= _SLOPE
        np.tanh(part, out=part)
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
    "gelu", _gelu, x=_gelu_rule, formula="x * (1 + erf(x / sqrt(2))) / 2",
    torch="F.gelu(x, approximate=approximate)", residuals=["part"], reference=_gelu_reference,
    promotes="float",
    samples=[
        Sample((2, 3), approximate="none"), Sample((2, 3), approximate="tanh"),
        Sample((), approximate="none"),
    ],
)  # fmt: skip
