"""Functions of each element: exponentials, trigonometry, rounding, special functions, bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_int, as_number, need_tensor
from tinygrad_mnist.tensor.export import binary, export, publish, scalar_first, unary

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Number, Operand

# Exponentials and logarithms

exp = unary(ops.exp, inplace=True)
exp2 = unary(ops.exp2, inplace=True)
expm1 = unary(ops.expm1, inplace=True)
log = unary(ops.log, inplace=True)
log2 = unary(ops.log2, inplace=True)
log10 = unary(ops.log10, inplace=True)
log1p = unary(ops.log1p, inplace=True)
sigmoid = unary(ops.sigmoid, inplace=True)
relu = unary(ops.relu, inplace=True)


logaddexp = binary(ops.logaddexp, tensors=True)


@export(takes="out", inplace=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return ``log(input / (1 - input))``, of the input brought into [eps, 1 - eps].

    Follows ``torch.logit``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> logit(tensor([0.5, 0.0]), eps=0.1)
    tensor([ 0.0000, -2.1972])
    """
    least = None if eps is None else as_number("eps", eps)
    return apply(ops.logit, input, eps=least)


@export(takes="out", inplace=True, first=scalar_first)
def xlogy(input: Tensor, other: Operand) -> Tensor:
    """Return ``input * log(other)``, and 0 where input is 0. Follows ``torch.xlogy``."""
    if not isinstance(other, TensorBase):
        number = as_number("other", other)
        other = np.asarray(number, dtypes.result_type(input._array, number))
    return apply(ops.xlogy, input, other)


# Trigonometry

sin = unary(ops.sin, inplace=True)
cos = unary(ops.cos, inplace=True)
tan = unary(ops.tan, inplace=True)
asin = unary(ops.asin, inplace=True)
acos = unary(ops.acos, inplace=True)
atan = unary(ops.atan, inplace=True)
sinh = unary(ops.sinh, inplace=True)
cosh = unary(ops.cosh, inplace=True)
tanh = unary(ops.tanh, inplace=True)
asinh = unary(ops.asinh, inplace=True)
acosh = unary(ops.acosh, inplace=True)
atanh = unary(ops.atanh, inplace=True)
sinc = unary(ops.sinc, inplace=True)


atan2 = binary(ops.atan2, inplace=True, tensors=True)


@export(takes="out", inplace=True)
def deg2rad(input: Tensor) -> Tensor:
    """Turn degrees into radians. Follows ``torch.deg2rad``."""
    return input * (np.pi / 180)


@export(takes="out", inplace=True)
def rad2deg(input: Tensor) -> Tensor:
    """Turn radians into degrees. Follows ``torch.rad2deg``."""
    return input * (180 / np.pi)


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh

# Special functions

erf = unary(ops.erf, inplace=True)
erfc = unary(ops.erfc, inplace=True)
erfinv = unary(ops.erfinv, inplace=True)
lgamma = unary(ops.lgamma, inplace=True)


@export(takes="out", inplace=True)
@node_name("DigammaBackward0")
def digamma(input: Tensor) -> Tensor:
    """Return the derivative of :func:`lgamma`. Follows ``torch.digamma``."""
    return apply(ops.polygamma, input, n=0)


# Rounding and bounds

floor = unary(ops.floor, inplace=True)
ceil = unary(ops.ceil, inplace=True)
trunc = fix = unary(ops.trunc, inplace=True)


@export(takes="out", inplace=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round to the nearest integer, a half to the even one; or to a number of decimals.

    Follows ``torch.round``.
    """
    if as_int("decimals", decimals):
        if input._array.dtype.kind != "f":
            raise NotImplementedError(
                f"decimals are not implemented for {dtypes.of(input._array.dtype)}"
            )
        scale = 10.0**decimals
        return input.mul(scale).round().div(scale)
    return apply(ops.round, input)


@export(takes="out", inplace=True)
@node_name("FracBackward0")
def frac(input: Tensor) -> Tensor:
    """Return what follows the point: ``input - trunc(input)``. Follows ``torch.frac``."""
    if input._array.dtype.kind != "f":
        raise NotImplementedError(f"not implemented for {input.dtype}; convert it with float()")
    return input - input.trunc()


@export(takes="out")
def clamp(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Bring values into the interval from min to max; either may be left out.

    Follows ``torch.clamp``.

    Raises
    ------
    RuntimeError
        When both are left out.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> clamp(tensor([-1.0, 0.5, 2.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("at least one of 'min' or 'max' must not be None")
    if isinstance(min, np.generic) or isinstance(max, np.generic):
        min, max = (x.item() if isinstance(x, np.generic) else x for x in (min, max))
    if isinstance(min, TensorBase | np.ndarray) or isinstance(max, TensorBase | np.ndarray):
        if min is not None and max is not None:
            arrays = [x._array if isinstance(x, TensorBase) else x for x in (input, min, max)]
            if dtypes.result_type(*arrays).kind == "b":
                raise NotImplementedError("not implemented for bools")
        return apply(ops.between, input, min, max)
    for name, bound in (("min", min), ("max", max)):
        if bound is not None:
            as_number(name, bound)
    if isinstance(min, float) or isinstance(max, float):
        if input._array.dtype.kind != "f":
            input = input.to(dtypes.default_float())
    return apply(ops.clamp, input, min=min, max=max)


clip = clamp


@export(inplace=True)
def clamp_min(input: Tensor, min: Operand) -> Tensor:
    """Bring values up to min. Follows ``torch.clamp_min``."""
    return input.clamp(min=min)


@export(inplace=True)
def clamp_max(input: Tensor, max: Operand) -> Tensor:
    """Bring values down to max. Follows ``torch.clamp_max``."""
    return input.clamp(max=max)


@export(takes="out", inplace=True)
def nan_to_num(
    input: Tensor,
    nan: Number | None = None,
    posinf: Number | None = None,
    neginf: Number | None = None,
) -> Tensor:
    """Replace NaN by a number (0), and infinities by numbers (the dtype's largest).

    Follows ``torch.nan_to_num``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> nan_to_num(tensor([float("nan"), 1.0]))
    tensor([0., 1.])
    """
    if input._array.dtype.kind != "f":
        return input.clone()
    given = {"nan": nan, "posinf": posinf, "neginf": neginf}
    for name, value in given.items():
        if value is not None:
            as_number(name, value)
    return apply(ops.nan_to_num, input, **given)


@export(takes="out", inplace=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """Return 0 for negative elements, 1 for positive ones, else the given values.

    Follows ``torch.heaviside``.
    """
    zero, value = input._array == 0, need_tensor("values", values)
    if value._array.dtype != input._array.dtype:
        raise RuntimeError("input and values must have one dtype")
    return apply(ops.where, zero, value, (input > 0).to(input.dtype))


if not TYPE_CHECKING:
    __all__ = publish(globals())
