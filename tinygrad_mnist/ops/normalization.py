"""Standardising: what the normalisations over batches, layers, groups and instances share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops.contract import Sample, op
from tinygrad_mnist.ops.precision import upcast_half
from tinygrad_mnist.ops.reduction import reduced_count
from tinygrad_mnist.ops.sums import add_up, dot

Dims = tuple[int, ...]


def statistics(x: Any, dim: Dims) -> tuple[Any, Any, Any]:
    """Return mean and biased variance along dimensions, which are kept, and what x is less mean.

    Of float16 they are float32.
    """
    x = upcast_half(x)
    size = x.dtype.type(reduced_count(x.shape, dim))
    mean = add_up(x, dim, keepdims=True) / size
    centred = x - mean
    return mean, dot(centred, centred, dim, keepdims=True) / size, centred


def _standardize(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    mean: Any = None,
    var: Any = None,
    *,
    dim: Dims,
    eps: float,
) -> Any:
    """Values less their mean, divided by their standard deviation; then scaled and shifted.

    The statistics of x may be given if they are known already.
    """
    if mean is None:
        mean, var, normal = statistics(x, dim)
    else:
        normal = x - mean
    scale = 1 / np.sqrt(var + x.dtype.type(eps))
    normal *= scale
    # The output is never the array that is kept for the rule: it may be written to.
    out = normal.copy("K") if weight is None else normal * weight
    if bias is not None:
        out += bias
    return out, normal, scale


def _standardize_rule(g: Any, weight: Any, normal: Any, scale: Any, dim: Dims) -> Any:
    if weight is not None:
        g = g * weight
    size = g.dtype.type(reduced_count(g.shape, dim))
    along = dot(g, normal, dim, keepdims=True) / size
    out = normal * -along
    out += g
    out -= add_up(g, dim, keepdims=True) / size
    out *= scale
    return out


def _standardize_reference(
    x: Any, weight: Any = None, bias: Any = None, *statistics: Any, dim: Dims, eps: float
) -> Any:
    centred = x - np.mean(x, axis=dim, keepdims=True)
    out = centred / np.sqrt(np.mean(centred * centred, axis=dim, keepdims=True) + eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


standardize = op(
    "standardize", _standardize,
    x=_standardize_rule, weight=lambda g, normal: g * normal, bias=lambda g: g,
    mean=None, var=None, residuals=["normal", "scale"], reference=_standardize_reference,
    formula="(x - mean) / sqrt(var + eps) * weight + bias", broadcasts=True,
    torch="((x - x.mean(dim, True)) / torch.sqrt(x.var(dim, correction=0, keepdim=True) + eps)) "
    "* (1 if weight is None else weight) + (0 if bias is None else bias)",
    samples=[
        Sample((4, 3), None, None, None, None, dim=(0,), eps=1e-5),
        Sample((3, 2, 2, 2), (2, 1, 1), (2, 1, 1), None, None, dim=(0, 2, 3), eps=1e-5),
        Sample((2, 3, 4), (4,), None, None, None, dim=(2,), eps=1e-2),
        Sample((2, 3, 2), None, (3, 2), None, None, dim=(1, 2), eps=1e-2),
    ],
)  # fmt: skip
