"""Elementwise functions beyond arithmetic: special functions, closeness, repairs of NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_number, as_tensor, broadcast, named, public

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


def _unary(op: ops.Op, doc: str) -> Any:
    """Make the public function of an operation on one tensor."""

    def call(input: Any) -> Any:
        return apply(op, input)

    call.__name__ = call.__qualname__ = op.name
    call.__doc__ = f"{doc} Follows ``torch.{op.name}``."
    return public(call)


asinh = _unary(ops.asinh, "Return the inverse hyperbolic sine.")
acosh = _unary(ops.acosh, "Return the inverse hyperbolic cosine.")
atanh = _unary(ops.atanh, "Return the inverse hyperbolic tangent.")
arcsinh, arccosh, arctanh = asinh, acosh, atanh
erfc = _unary(ops.erfc, "Return the complement of the error function, ``1 - erf(input)``.")
erfinv = _unary(ops.erfinv, "Return the inverse of the error function.")
lgamma = _unary(ops.lgamma, "Return the logarithm of the gamma function's absolute value.")
sinc = _unary(ops.sinc, "Return ``sin(pi * input) / (pi * input)``, and 1 at 0.")


@public
@one_node("DigammaBackward0")
def digamma(input: Tensor) -> Tensor:
    """Return the derivative of :func:`lgamma`. Follows ``torch.digamma``."""
    return apply(ops.polygamma, input, n=0)


@public
def positive(input: Tensor) -> Tensor:
    """Return the tensor itself. Follows ``torch.positive``."""
    if input._array.dtype.kind == "b":
        raise RuntimeError("positive: is not defined for bools")
    return input


@public
def sgn(input: Tensor) -> Tensor:
    """Return the sign: -1, 0 or 1. Follows ``torch.sgn``."""
    return apply(ops.sign, input)


@public
@one_node("FracBackward0")
def frac(input: Tensor) -> Tensor:
    """Return what follows the point: ``input - trunc(input)``. Follows ``torch.frac``."""
    if input._array.dtype.kind != "f":
        raise NotImplementedError(
            f"frac: not implemented for {input.dtype}; convert it with float()"
        )
    return input - input.trunc()


@public
def fmod(input: Tensor, other: Any) -> Tensor:
    """Return what a division leaves, with the dividend's sign. Follows ``torch.fmod``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> fmod(tensor([-3.0, 3.0]), 2)
    tensor([-1.,  1.])
    """
    return apply(ops.fmod, input, other)


@public
def hypot(input: Tensor, other: Any) -> Tensor:
    """Return ``sqrt(input**2 + other**2)``, without overflow. Follows ``torch.hypot``."""
    as_tensor("hypot", "other", other)
    return apply(ops.hypot, input, other)


@public
def float_power(input: Tensor, exponent: Any) -> Tensor:
    """Return ``input ** exponent``, computed in float64. Follows ``torch.float_power``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> float_power(tensor([1, 2, 3]), -1)
    tensor([1.0000, 0.5000, 0.3333], dtype=torch.float64)
    """
    if isinstance(exponent, TensorBase):
        exponent = exponent.to(dtypes.float64)  # type: ignore[attr-defined]
    else:
        exponent = as_number("float_power", "exponent", exponent)
    return apply(ops.pow, input.to(dtypes.float64), exponent)


@public
def xlogy(input: Tensor, other: Any) -> Tensor:
    """Return ``input * log(other)``, and 0 where input is 0. Follows ``torch.xlogy``."""
    if not isinstance(other, TensorBase):
        number = as_number("xlogy", "other", other)
        other = np.asarray(number, dtypes.result_type(input._array, number))
    return apply(ops.xlogy, input, other)


@public
@one_node("FmaxBackward0")
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of two, element by element; a number rather than NaN.

    Follows ``torch.fmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> fmax(tensor([float("nan"), 1.0]), tensor([3.0, 0.0]))
    tensor([3., 1.])
    """
    y = as_tensor("fmax", "other", other)
    return apply(ops.where, (input >= y) | y.isnan(), input, y)


@public
@one_node("FminBackward0")
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of two, element by element; a number rather than NaN.

    Follows ``torch.fmin``.
    """
    y = as_tensor("fmin", "other", other)
    return apply(ops.where, (input <= y) | y.isnan(), input, y)


@public
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return ``log(input / (1 - input))``, of the input brought into [eps, 1 - eps].

    Follows ``torch.logit``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> logit(tensor([0.5, 0.0]), eps=0.1)
    tensor([ 0.0000, -2.1972])
    """
    least = None if eps is None else as_number("logit", "eps", eps)
    return apply(ops.logit, input, eps=least)


@public
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Bring values up to min. Follows ``torch.clamp_min``."""
    return input.clamp(min=min)


@public
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Bring values down to max. Follows ``torch.clamp_max``."""
    return input.clamp(max=max)


@public
def deg2rad(input: Tensor) -> Tensor:
    """Turn degrees into radians. Follows ``torch.deg2rad``."""
    return input * (np.pi / 180)


@public
def rad2deg(input: Tensor) -> Tensor:
    """Turn radians into degrees. Follows ``torch.rad2deg``."""
    return input * (180 / np.pi)


@public
def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
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
            as_number("nan_to_num", name, value)
    return apply(ops.nan_to_num, input, **given)


def _question(name: str, ask: Any, doc: str) -> Any:
    def call(input: Any) -> Any:
        return wrap(np.asarray(ask(input._array)))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{doc} Follows ``torch.{name}``."
    return public(call)


signbit = _question("signbit", lambda x: x < 0 if x.dtype.kind != "f" else np.signbit(x),
                    "Return where the sign is a minus, also of -0.")  # fmt: skip
isposinf = _question("isposinf", lambda x: x == np.inf, "Return where an element is infinity.")
isneginf = _question("isneginf", lambda x: x == -np.inf, "Return where an element is -infinity.")


@public
def bitwise_left_shift(input: Tensor, other: Any) -> Tensor:
    """Return the bits moved to the left. Follows ``torch.bitwise_left_shift``."""
    return apply(ops.left_shift, input, other)


@public
def bitwise_right_shift(input: Tensor, other: Any) -> Tensor:
    """Return the bits moved to the right. Follows ``torch.bitwise_right_shift``."""
    return apply(ops.right_shift, input, other)


def _compared(name: str, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays of two tensors of one dtype."""
    other = as_tensor(name, "other", y)._array
    if x._array.dtype != other.dtype:
        raise RuntimeError(
            f"{name}: the dtypes {x._array.dtype} and {other.dtype} differ; convert one of them"
        )
    broadcast(name, x._array.shape, other.shape)
    return x._array, other


@public
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Tensor:
    """Return where elements are close: ``|input - other| <= atol + rtol * |other|``.

    Follows ``torch.isclose``.

    Raises
    ------
    RuntimeError
        When the dtypes differ, or a tolerance is negative.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> isclose(tensor([1.0, 2.0]), tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    x, y = _compared("isclose", input, other)
    relative, absolute = as_number("isclose", "rtol", rtol), as_number("isclose", "atol", atol)
    if relative < 0 or absolute < 0:
        raise RuntimeError(
            f"isclose: tolerances must not be negative, got rtol={relative}, atol={absolute}"
        )
    with np.errstate(all="ignore"):
        if x.dtype.kind != "f":
            x, y = x.astype(np.float64), y.astype(np.float64)
        return wrap(np.isclose(x, y, relative, absolute, bool(equal_nan)))


@public
def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> bool:
    """Return whether all elements are close, as :func:`isclose` says.

    Follows ``torch.allclose``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> allclose(tensor([1.0]), tensor([1.0 + 1e-7]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


@public
def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements. Follows ``torch.equal``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> equal(tensor([1, 2]), tensor([1, 2]))
    True
    """
    return bool(np.array_equal(input._array, as_tensor("equal", "other", other)._array))


@public
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """Return 0 for negative elements, 1 for positive ones, else the given values.

    Follows ``torch.heaviside``.
    """
    zero, value = input._array == 0, as_tensor("heaviside", "values", values)
    if value._array.dtype != input._array.dtype:
        raise RuntimeError("heaviside: input and values must have one dtype")
    return apply(ops.where, zero, value, (input > 0).to(input.dtype))


def _shift(op: ops.Op, x: Any, y: Any) -> Any:
    known = isinstance(y, TensorBase | int | np.integer) and not isinstance(y, bool)
    return apply(op, x, y) if known else NotImplemented


class SpecialMethods(TensorBase):
    """What Tensor can do element by element, beyond arithmetic."""

    asinh = asinh
    acosh = acosh
    atanh = atanh
    arcsinh, arccosh, arctanh = asinh, acosh, atanh
    erfc = erfc
    erfinv = erfinv
    lgamma = lgamma
    digamma = digamma
    sinc = sinc
    positive = positive
    sgn = sgn
    frac = frac
    fmod = fmod
    hypot = hypot
    float_power = float_power
    xlogy = xlogy
    fmax = fmax
    fmin = fmin
    logit = logit
    clamp_min = clamp_min
    clamp_max = clamp_max
    deg2rad = deg2rad
    rad2deg = rad2deg
    nan_to_num = nan_to_num
    signbit = signbit
    isposinf = isposinf
    isneginf = isneginf
    isclose = isclose
    allclose = allclose
    equal = equal
    heaviside = heaviside
    bitwise_left_shift = bitwise_left_shift
    bitwise_right_shift = bitwise_right_shift

    def __lshift__(self, other: Any) -> Tensor:
        """Return ``self << other``."""
        return _shift(ops.left_shift, self, other)  # type: ignore[no-any-return]

    def __rshift__(self, other: Any) -> Tensor:
        """Return ``self >> other``."""
        return _shift(ops.right_shift, self, other)  # type: ignore[no-any-return]

    @named
    def is_nonzero(self) -> bool:
        """Return the truth of the only element."""
        return bool(self)
