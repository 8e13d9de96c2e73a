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

exp = unary(ops.exp, "[0.0, 1.0, -1.0]", "[1.0000, 2.7183, 0.3679]", inplace=True)
exp2 = unary(ops.exp2, "[0, 1, 3]", "[1., 2., 8.]", inplace=True)
expm1 = unary(ops.expm1, "[0.0, 1e-8]", "[0.0000e+00, 1.0000e-08]", inplace=True)
log = unary(ops.log, "[1.0, 2.7183, 0.0]", "[0.0000, 1.0000,   -inf]", inplace=True)
log2 = unary(ops.log2, "[1, 8, 1024]", "[ 0.,  3., 10.]", inplace=True)
log10 = unary(ops.log10, "[1.0, 0.001]", "[ 0., -3.]", inplace=True)
log1p = unary(ops.log1p, "[0.0, 1e-8]", "[0.0000e+00, 1.0000e-08]", inplace=True)
sigmoid = unary(ops.sigmoid, "[-2.0, 0.0, 2.0]", "[0.1192, 0.5000, 0.8808]", inplace=True)
relu = unary(ops.relu, "[-1.0, 0.0, 2.0]", "[0., 0., 2.]", inplace=True)


logaddexp = binary(
    ops.logaddexp, "[1000.0, 0.0], [1000.0, 0.0]", "[1.0007e+03, 6.9315e-01]", tensors=True
)


@export(takes="out", inplace=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return ``log(input / (1 - input))``, of the input brought into [eps, 1 - eps].

    Follows ``torch.logit``.

    Parameters
    ----------
    input
        A tensor of shape (*), of probabilities.
    eps
        How close to 0 and 1 they are taken to be at most. None: 0 and 1 become infinite.

    Returns
    -------
    A tensor of shape (*), floating point; the inverse of :func:`sigmoid`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.logit(torch.tensor([0.5, 0.0]), eps=0.1)
    tensor([ 0.0000, -2.1972])
    """
    least = None if eps is None else as_number("eps", eps)
    return apply(ops.logit, input, eps=least)


@export(takes="out", inplace=True, first=scalar_first)
def xlogy(input: Tensor, other: Operand) -> Tensor:
    """Return ``input * log(other)``, and 0 where input is 0. Follows ``torch.xlogy``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*), or one of them a number.

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> p = torch.tensor([0.0, 0.5, 0.5])
    >>> -torch.xlogy(p, p).sum()  # the entropy
    tensor(0.6931)
    """
    if not isinstance(other, TensorBase):
        number = as_number("other", other)
        other = np.asarray(number, dtypes.result_type(input._array, number))
    return apply(ops.xlogy, input, other)


# Trigonometry

sin = unary(ops.sin, "[0.0, 0.5236, 1.5708]", "[0.0000, 0.5000, 1.0000]", inplace=True)
cos = unary(ops.cos, "[0.0, 1.0472, 3.1416]", "[ 1.0000,  0.5000, -1.0000]", inplace=True)
tan = unary(ops.tan, "[0.0, 0.7854]", "[0.0000, 1.0000]", inplace=True)
asin = unary(ops.asin, "[0.0, 0.5, 1.0]", "[0.0000, 0.5236, 1.5708]", inplace=True)
acos = unary(ops.acos, "[1.0, 0.0, -1.0]", "[0.0000, 1.5708, 3.1416]", inplace=True)
atan = unary(ops.atan, "[0.0, 1.0, 1e9]", "[0.0000, 0.7854, 1.5708]", inplace=True)
sinh = unary(ops.sinh, "[0.0, 1.0]", "[0.0000, 1.1752]", inplace=True)
cosh = unary(ops.cosh, "[0.0, 1.0]", "[1.0000, 1.5431]", inplace=True)
tanh = unary(ops.tanh, "[-10.0, 0.0, 0.5]", "[-1.0000,  0.0000,  0.4621]", inplace=True)
asinh = unary(ops.asinh, "[0.0, 1.1752]", "[0.0000, 1.0000]", inplace=True)
acosh = unary(ops.acosh, "[1.0, 1.5431]", "[0.0000, 1.0000]", inplace=True)
atanh = unary(ops.atanh, "[0.0, 0.5, 1.0]", "[0.0000, 0.5493,    inf]", inplace=True)
sinc = unary(ops.sinc, "[0.0, 0.5, 1.5]", "[ 1.0000,  0.6366, -0.2122]", inplace=True)


atan2 = binary(
    ops.atan2,
    "[1.0, 1.0, -1.0], [1.0, -1.0, -1.0]",
    "[ 0.7854,  2.3562, -2.3562]",
    inplace=True,
    tensors=True,
)


@export(takes="out", inplace=True)
def deg2rad(input: Tensor) -> Tensor:
    """Turn degrees into radians: ``input * pi / 180``. Follows ``torch.deg2rad``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.deg2rad(torch.tensor([0.0, 90.0, 180.0]))
    tensor([0.0000, 1.5708, 3.1416])
    """
    return input * (np.pi / 180)


@export(takes="out", inplace=True)
def rad2deg(input: Tensor) -> Tensor:
    """Turn radians into degrees: ``input * 180 / pi``. Follows ``torch.rad2deg``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.rad2deg(torch.tensor([0.0, 1.5708, 3.1416]))
    tensor([  0.0000,  90.0002, 180.0004])
    """
    return input * (180 / np.pi)


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
arcsinh, arccosh, arctanh = asinh, acosh, atanh

# Special functions

erf = unary(ops.erf, "[0.0, 1.0, 5.0]", "[0.0000, 0.8427, 1.0000]", inplace=True)
erfc = unary(ops.erfc, "[0.0, 1.0, 5.0]", "[1.0000e+00, 1.5730e-01, 1.5375e-12]", inplace=True)
erfinv = unary(ops.erfinv, "[0.0, 0.8427]", "[0.0000, 1.0000]", inplace=True)
lgamma = unary(ops.lgamma, "[1.0, 5.0, 100.0]", "[  0.0000,   3.1781, 359.1342]", inplace=True)


@export(takes="out", inplace=True)
@node_name("DigammaBackward0")
def digamma(input: Tensor) -> Tensor:
    """Return the derivative of :func:`lgamma`. Follows ``torch.digamma``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.digamma(torch.tensor([1.0, 2.0]))  # the first is minus Euler's constant
    tensor([-0.5772,  0.4228])
    """
    return apply(ops.polygamma, input, n=0)


# Rounding and bounds

floor = unary(ops.floor, "[-1.5, 1.5]", "[-2.,  1.]", inplace=True)
ceil = unary(ops.ceil, "[-1.5, 1.5]", "[-1.,  2.]", inplace=True)
trunc = fix = unary(ops.trunc, "[-1.5, 1.5]", "[-1.,  1.]", inplace=True)


@export(takes="out", inplace=True)
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round to the nearest integer, a half to the even one; or to a number of decimals.

    Follows ``torch.round``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    decimals
        How many decimals to keep; negative ones round to tens and hundreds.

    Returns
    -------
    A tensor of shape (*). Its gradient is 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.round(torch.tensor([0.5, 1.5, 2.4]))
    tensor([0., 2., 2.])
    >>> torch.round(torch.tensor([3.14159]), decimals=2)
    tensor([3.1400])
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
    """Return what follows the point: ``input - trunc(input)``. Follows ``torch.frac``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.

    Returns
    -------
    A tensor of shape (*), with input's sign.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.frac(torch.tensor([1.25, -1.25]))
    tensor([ 0.2500, -0.2500])
    """
    if input._array.dtype.kind != "f":
        raise NotImplementedError(f"not implemented for {input.dtype}; convert it with float()")
    return input - input.trunc()


@export(takes="out")
def clamp(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Bring values into the interval from min to max: ``min(max(input, min), max)``.

    Either bound may be left out. The gradient goes to what lay inside, or on a bound. Follows
    ``torch.clamp``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    min
        The lower bound: a number, or a tensor that broadcasts with input.
    max
        The upper bound, likewise; where it is below ``min``, it counts.

    Returns
    -------
    A tensor of shape (*).

    Raises
    ------
    RuntimeError
        When both are left out.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
    >>> y = x.clamp(0, 1)
    >>> y.sum().backward()
    >>> y.detach(), x.grad
    (tensor([0.0000, 0.5000, 1.0000]), tensor([0., 1., 0.]))
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
    """Bring values up to min. Follows ``torch.clamp_min``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    min
        The lower bound: a number, or a tensor that broadcasts with input.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.clamp_min(torch.tensor([-1.0, 0.5]), 0)
    tensor([0.0000, 0.5000])
    """
    return input.clamp(min=min)


@export(inplace=True)
def clamp_max(input: Tensor, max: Operand) -> Tensor:
    """Bring values down to max. Follows ``torch.clamp_max``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    max
        The upper bound: a number, or a tensor that broadcasts with input.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.clamp_max(torch.tensor([-1.0, 0.5]), 0)
    tensor([-1.,  0.])
    """
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

    Parameters
    ----------
    input
        A tensor of shape (*).
    nan
        What takes the place of NaN. Default: 0.
    posinf, neginf
        What takes the place of the infinities. Default: the dtype's largest and smallest number.

    Returns
    -------
    A tensor of shape (*). What was replaced has a gradient of 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([float("nan"), 1.0, float("inf")])
    >>> x.nan_to_num(posinf=100.0)
    tensor([  0.,   1., 100.])
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

    Parameters
    ----------
    input
        A tensor of shape (*).
    values
        A tensor of input's dtype whose shape broadcasts with input's: what 0 becomes.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.heaviside(torch.tensor([-2.0, 0.0, 3.0]), torch.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    zero, value = input._array == 0, need_tensor("values", values)
    if value._array.dtype != input._array.dtype:
        raise RuntimeError("input and values must have one dtype")
    return apply(ops.where, zero, value, (input > 0).to(input.dtype))


if not TYPE_CHECKING:
    __all__ = publish(globals())
