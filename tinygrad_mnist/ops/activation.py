"""Activations whose slope is smooth, but is not what their parts' slopes give at infinity.

As products and sums of other operations they would multiply infinity by 0; and ``exp`` of a large
negative number is exact where the slope of ``expm1``, its value plus 1, has rounded to 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Domain, Point, Sample, op
from tinygrad_mnist.ops.elementwise import UNARY, sigmoid


def _elu(x: Any, *, alpha: float, scale: float, input_scale: float) -> Any:
    """Exponential linear unit: the identity where x is positive, below 0 it levels out."""
    out = np.expm1(np.minimum(x, 0) * input_scale)
    out *= alpha
    out = np.where(x > 0, x, out)
    return out if scale == 1 else np.multiply(out, scale, out=np.empty_like(out))


def _elu_rule(g: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    slope = np.exp(np.where(x < 0, x, 0) * input_scale) * (alpha * scale * input_scale)
    return g * np.where(x <= 0, slope, scale)


elu = op(
    "elu", _elu, elementwise=True, x=_elu_rule, promotes="float",
    formula="scale * (x if x > 0 else alpha * (exp(input_scale * x) - 1))",
    torch="torch.ops.aten.elu(x, alpha, scale, input_scale)",
    samples=[
        Sample((3,), alpha=1.0, scale=1.0, input_scale=1.0),
        Sample((3, 3), alpha=0.7, scale=1.2, input_scale=1 / 0.7),
        Point([-1.0, 1.0], alpha=-0.7, scale=1.0, input_scale=1.0),
    ],
    domains=Domain(kinks=(0.0,)),
)  # fmt: skip


def _silu(x: Any) -> Any:
    """Input times its sigmoid."""
    s = sigmoid.forward(x)
    return x * s, s


def _silu_rule(g: Any, x: Any, s: Any) -> Any:
    out = np.subtract(1, s, out=np.empty_like(s))
    out *= x
    out += 1
    out *= s
    out *= g
    return out


silu = op(
    "silu", _silu, elementwise=True,
    x=_silu_rule, formula="x / (1 + exp(-x))", torch="F.silu(x)", samples=UNARY,
    promotes="float", residuals=["s"], reference=lambda x: x * sigmoid(x),
)  # fmt: skip


def _softplus(x: Any, *, beta: float, threshold: float) -> Any:
    """Logarithm of 1 + exp(beta * x), divided by beta; x itself beyond the threshold."""
    y = x if beta == 1 else x * beta
    out = np.logaddexp(y, np.zeros((), x.dtype))
    return np.where(y > threshold, x, out if beta == 1 else out / beta)


def _softplus_rule(g: Any, x: Any, beta: float, threshold: float) -> Any:
    y = x * beta
    z = np.exp(np.where(y > threshold, 0, y))
    return np.where(y > threshold, g, g * z / (z + 1))


softplus = op(
    "softplus", _softplus, x=_softplus_rule, formula="log(1 + exp(beta * x)) / beta",
    torch="F.softplus(x, beta, threshold)", promotes="float",
    elementwise=True,
    samples=[
        Sample((3,), beta=1.0, threshold=20.0),
        Sample((3, 3), beta=2.0, threshold=1.0),
    ],
    domains=Domain(kinks=(0.5,)),
)  # fmt: skip


def _mish_parts(x: Any) -> tuple[Any, Any]:
    """Return the sigmoid and the hyperbolic tangent of softplus; beyond 20 both are 1."""
    e = np.exp(np.minimum(x, 20))
    square = e * (e + 2)
    return e / (e + 1), square / (square + 2)


def _mish_rule(g: Any, x: Any) -> Any:
    s, t = _mish_parts(x)
    return g * (t + x * s * (1 - t * t))


mish = op(
    "mish", lambda x: x * _mish_parts(x)[1], elementwise=True, x=_mish_rule,
    doc="Input times the hyperbolic tangent of its softplus.", formula="x * tanh(log(1 + exp(x)))",
    torch="F.mish(x)", samples=UNARY, promotes="float",
)  # fmt: skip


prelu = op(
    "prelu", lambda x, weight: np.where(x > 0, x, x * weight),
    x=lambda g, x, weight: np.where(x > 0, g, g * weight),
    weight=lambda g, x: np.where(x > 0, 0, g * x),
    formula="x if x > 0 else weight * x", doc="Input where positive, elsewhere a share of it.",
    torch="torch.where(x > 0, x, x * weight)", broadcasts=True,
    elementwise=True,
    samples=[
        Sample((3,), ()), Sample((3, 3), (3,)), Sample((3,), (2, 1)), Sample((2, 3, 2), (3, 1)),
    ],
    domains={"x": Domain(kinks=(0.0,))}, node_name="PreluKernelBackward0",
)  # fmt: skip
hardswish = op(
    "hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, elementwise=True,
    x=lambda g, x: np.where(x <= -3, 0, np.where(x < 3, g * (x / 3 + 0.5), g)),
    doc="Input times a slope that grows from 0 at -3 to 1 at 3.",
    formula="x * min(max(x + 3, 0), 6) / 6", torch="F.hardswish(x)", samples=UNARY,
    promotes="float", domains=Domain(-5.0, 5.0, kinks=(-3.0, 3.0)),
)  # fmt: skip
