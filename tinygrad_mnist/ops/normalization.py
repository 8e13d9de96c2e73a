"""Standardising: what the normalisations over batches, layers, groups and instances share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist._runtime import threads
from tinygrad_mnist.ops.contract import Sample, op
from tinygrad_mnist.ops.precision import upcast_half
from tinygrad_mnist.ops.reduction import reduced_count
from tinygrad_mnist.ops.sums import add_up, dot

Dims = tuple[int, ...]

_add, _subtract, _multiply = map(threads.elementwise, (np.add, np.subtract, np.multiply))


def _spread(a: Any, x: Any) -> Any:
    """Return what all images x share, spread over one of them if their channels lie last.

    NumPy's loops are as long as an image then, instead of as short as its channels.
    """
    if x.ndim < 3 or x.strides[1] != x.itemsize or a.shape[: 1 - x.ndim] not in ((), (1,)):
        return a
    return np.full_like(x[:1], a)


def statistics(x: Any, dim: Dims) -> tuple[Any, Any, Any]:
    """Return mean and biased variance along dimensions, which are kept, and what x is less mean.

    Of float16 they are float32.
    """
    x = upcast_half(x)
    size = x.dtype.type(reduced_count(x.shape, dim))
    mean = add_up(x, dim, keepdims=True) / size
    centred = _subtract(x, _spread(mean, x))
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
        normal = _subtract(x, _spread(mean, x))
    scale = 1 / np.sqrt(var + x.dtype.type(eps))
    _multiply(normal, _spread(scale, x), out=normal)
    # The output is never the array that is kept for the rule: it may be written to.
    out = normal.copy("K") if weight is None else _multiply(normal, _spread(weight, x))
    if bias is not None:
        _add(out, _spread(bias, x), out=out)
    return out, normal, scale


def _standardize_rule(g: Any, weight: Any, normal: Any, scale: Any, dim: Dims) -> Any:
    if weight is not None:
        g = _multiply(g, _spread(weight, g))
    size = g.dtype.type(reduced_count(g.shape, dim))
    along = dot(g, normal, dim, keepdims=True) / size
    out = _multiply(normal, _spread(-along, normal))
    _add(out, g, out=out)
    _subtract(out, _spread(add_up(g, dim, keepdims=True) / size, out), out=out)
    return _multiply(out, _spread(scale, out), out=out)


def _standardize_reference(
    x: Any, weight: Any = None, bias: Any = None, *statistics: Any, dim: Dims, eps: float
) -> Any:
    centred = x - np.mean(x, axis=dim, keepdims=True)
    out = centred / np.sqrt(np.mean(centred * centred, axis=dim, keepdims=True) + eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


standardize = op(
    "standardize", _standardize,
    x=_standardize_rule, weight=lambda g, normal: _multiply(g, normal), bias=lambda g: g,
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
