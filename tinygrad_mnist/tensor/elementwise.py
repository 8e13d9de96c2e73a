"""Tensor methods: arithmetic, elementwise functions, comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_int, as_number, as_tensor, named, number_first

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor

_OPERANDS = (TensorBase, int, float, np.ndarray, np.generic)


def operate(op: ops.Op, x: Any, y: Any) -> Any:
    """Apply a binary operator, or leave it to the other operand's class."""
    if isinstance(x, _OPERANDS) and isinstance(y, _OPERANDS):
        return apply(op, x, y)
    return NotImplemented


def is_one(alpha: Any) -> bool:
    """Whether a factor changes nothing."""
    return alpha.__class__ in (int, float) and bool(alpha == 1)


def scaled(name: str, x: TensorBase, other: Any, alpha: Any) -> Any:
    """Return ``alpha * other``, for a sum or difference with x."""
    if isinstance(alpha, bool) and alpha is True:
        return other
    number = as_number(name, "alpha", alpha)
    kinds = x._array.dtype.kind + (
        other._array.dtype.kind if isinstance(other, TensorBase) else "b"
    )
    if isinstance(number, float) and "f" not in kinds and not isinstance(other, float):
        raise RuntimeError(
            f"{name}: for integral input tensors, argument alpha must not be a floating point "
            f"number, got {number}"
        )
    if not isinstance(other, TensorBase):
        return as_number(name, "other", other) * number
    if other._array.dtype.kind == "b" and x._array.dtype.kind == "b":
        return apply(ops.logical_and, other, bool(number))
    if other._array.dtype.kind != "f":
        other = other.to(dtypes.result_type(x._array, other._array))  # type: ignore[attr-defined]
    return apply(ops.mul, other, number)


def _as_base(x: Any, exponent: TensorBase) -> Any:
    """Turn a Python number into an array, for operations whose rules compute with it."""
    return np.asarray(x, dtypes.result_type(x, exponent._array)) if np.isscalar(x) else x


def chosen(condition: Any, x: Any, y: Any) -> Tensor:
    """Return elements of x where a tensor of bools is true, elsewhere of y."""
    if not isinstance(condition, TensorBase):
        kind = type(condition).__name__
        raise TypeError(f"where: argument 'condition' must be Tensor, not {kind}")
    if condition._array.dtype.kind != "b" and condition._array.dtype != np.uint8:
        raise RuntimeError(
            f"where: expected condition to be a boolean tensor, but got {condition._array.dtype}"
        )
    if x is None or y is None:
        raise TypeError("where: give two values to choose from, or none to get the positions")
    return apply(ops.where, condition, x, y)


def mask_and_value(name: str, x: TensorBase, mask: Any, value: Any) -> tuple[Any, Any]:
    """Check what a masked fill is given; return a number as an array of x's dtype."""
    if as_tensor(name, "mask", mask)._array.dtype.kind != "b":
        raise RuntimeError(
            f"{name}: only supports boolean masks, but got one of {mask.dtype}; compare it, as in "
            f"mask != 0"
        )
    if not isinstance(value, TensorBase):
        return mask, dtypes.convert(np.asarray(as_number(name, "value", value)), x._array.dtype)
    if value._array.ndim:
        raise RuntimeError(
            f"{name}: only supports a 0-dimensional value tensor, but got one of shape "
            f"{list(value._array.shape)}"
        )
    return mask, value.to(x._array.dtype)  # type: ignore[attr-defined]


def check_lerp(name: str, start: TensorBase, end: Any, weight: Any) -> None:
    """Refuse an interpolation of mixed dtypes, and of integers."""
    dtype = start._array.dtype
    for what, x in (("end", as_tensor(name, "end", end)), ("weight", weight)):
        if (
            isinstance(x, TensorBase)
            and x._array.dtype != dtype
            and (what == "end" or x._array.ndim)
        ):
            raise RuntimeError(
                f"{name}: expected dtype {dtype} for '{what}', but got {x._array.dtype}"
            )
    if not isinstance(weight, TensorBase):
        as_number(name, "weight", weight)
    if dtype.kind != "f":
        raise NotImplementedError(f"{name}: not implemented for {dtypes.of(dtype)}")


def check_product(name: str, x: TensorBase, tensor1: Any, tensor2: Any, refused: str) -> None:
    """Refuse a product or quotient, to be added, of kinds that PyTorch has none for."""
    arrays = [as_tensor(name, f"tensor{i + 1}", t)._array for i, t in enumerate((tensor1, tensor2))]
    if dtypes.result_type(*arrays).kind in refused and x._array.dtype.kind in (
        refused if refused == "b" else "biuf"
    ):
        kind = NotImplementedError if refused == "b" else RuntimeError
        raise kind(f"{name}: not supported for {tensor1.dtype}; convert the tensors with float()")


class ElementwiseMethods(TensorBase):
    """What Tensor can do element by element."""

    # Arithmetic

    def add(self, other: Any, *older: Any, alpha: float = 1) -> Tensor:
        """Return ``self + alpha * other``."""
        if older:
            return number_first(self.add, (other, *older), "alpha")  # type: ignore[no-any-return]
        return apply(ops.add, self, other if is_one(alpha) else scaled("add", self, other, alpha))

    def sub(self, other: Any, *older: Any, alpha: float = 1) -> Tensor:
        """Return ``self - alpha * other``."""
        if older:
            return number_first(self.sub, (other, *older), "alpha")  # type: ignore[no-any-return]
        return apply(ops.sub, self, other if is_one(alpha) else scaled("sub", self, other, alpha))

    def mul(self, other: Any) -> Tensor:
        """Return ``self * other``."""
        return apply(ops.mul, self, other)

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """Return ``self / other``, rounded if rounding_mode is ``"floor"`` or ``"trunc"``."""
        if rounding_mode is None:
            return apply(ops.div, self, other)
        if not isinstance(rounding_mode, str) or rounding_mode not in ("floor", "trunc"):
            raise RuntimeError(
                f"div: rounding_mode is {rounding_mode!r}; expected None, 'trunc' or 'floor'"
            )
        divide = ops.floor_divide if rounding_mode == "floor" else ops.trunc_divide
        return apply(divide, self, other)

    def pow(self, exponent: Any) -> Tensor:
        """Return ``self ** exponent``."""
        return apply(ops.pow, self, exponent)

    multiply = mul
    divide = true_divide = div
    subtract = sub

    def floor_divide(self, other: Any) -> Tensor:
        """Return the quotient rounded down."""
        return apply(ops.floor_divide, self, other)

    def remainder(self, other: Any) -> Tensor:
        """Return what a division leaves, with the divisor's sign."""
        return apply(ops.remainder, self, other)

    def neg(self) -> Tensor:
        """Return ``-self``."""
        return apply(ops.neg, self)

    def abs(self) -> Tensor:
        """Return the absolute value."""
        return apply(ops.abs, self)

    def exp(self) -> Tensor:
        """Return the exponential."""
        return apply(ops.exp, self)

    def exp2(self) -> Tensor:
        """Return two to the power of self."""
        return apply(ops.exp2, self)

    def expm1(self) -> Tensor:
        """Return ``exp(self) - 1``, exact near 0."""
        return apply(ops.expm1, self)

    def log(self) -> Tensor:
        """Return the natural logarithm."""
        return apply(ops.log, self)

    def log2(self) -> Tensor:
        """Return the logarithm to base 2."""
        return apply(ops.log2, self)

    def log10(self) -> Tensor:
        """Return the logarithm to base 10."""
        return apply(ops.log10, self)

    def log1p(self) -> Tensor:
        """Return ``log(1 + self)``, exact near 0."""
        return apply(ops.log1p, self)

    def sqrt(self) -> Tensor:
        """Return the square root."""
        return apply(ops.sqrt, self)

    def rsqrt(self) -> Tensor:
        """Return the reciprocal of the square root."""
        return apply(ops.rsqrt, self)

    def square(self) -> Tensor:
        """Return the square."""
        return apply(ops.square, self)

    def reciprocal(self) -> Tensor:
        """Return ``1 / self``."""
        return apply(ops.reciprocal, self)

    def sin(self) -> Tensor:
        """Return the sine of radians."""
        return apply(ops.sin, self)

    def cos(self) -> Tensor:
        """Return the cosine of radians."""
        return apply(ops.cos, self)

    def tan(self) -> Tensor:
        """Return the tangent of radians."""
        return apply(ops.tan, self)

    def asin(self) -> Tensor:
        """Return the inverse sine."""
        return apply(ops.asin, self)

    def acos(self) -> Tensor:
        """Return the inverse cosine."""
        return apply(ops.acos, self)

    def atan(self) -> Tensor:
        """Return the inverse tangent."""
        return apply(ops.atan, self)

    def sinh(self) -> Tensor:
        """Return the hyperbolic sine."""
        return apply(ops.sinh, self)

    def cosh(self) -> Tensor:
        """Return the hyperbolic cosine."""
        return apply(ops.cosh, self)

    def tanh(self) -> Tensor:
        """Return the hyperbolic tangent."""
        return apply(ops.tanh, self)

    def sigmoid(self) -> Tensor:
        """Return ``1 / (1 + exp(-self))``."""
        return apply(ops.sigmoid, self)

    def erf(self) -> Tensor:
        """Return the error function."""
        return apply(ops.erf, self)

    def relu(self) -> Tensor:
        """Return ``max(self, 0)``."""
        return apply(ops.relu, self)

    def sign(self) -> Tensor:
        """Return the sign: -1, 0 or 1."""
        return apply(ops.sign, self)

    def floor(self) -> Tensor:
        """Round down."""
        return apply(ops.floor, self)

    def ceil(self) -> Tensor:
        """Round up."""
        return apply(ops.ceil, self)

    def trunc(self) -> Tensor:
        """Round towards zero."""
        return apply(ops.trunc, self)

    def isnan(self) -> Tensor:
        """Return where an element is NaN."""
        return apply(ops.isnan, self)

    def isinf(self) -> Tensor:
        """Return where an element is infinite."""
        return apply(ops.isinf, self)

    def isfinite(self) -> Tensor:
        """Return where an element is finite."""
        return apply(ops.isfinite, self)

    def logical_not(self) -> Tensor:
        """Return where an element is 0."""
        return apply(ops.logical_not, self)

    def bitwise_not(self) -> Tensor:
        """Return the bits reversed, or truth denied."""
        return apply(ops.bitwise_not, self)

    @named
    def round(self, *, decimals: int = 0) -> Tensor:
        """Round to the nearest integer, a half to the even one; or to a number of decimals."""
        if as_int("round", "decimals", decimals):
            if self._array.dtype.kind != "f":
                raise NotImplementedError(
                    f"round: decimals are not implemented for {dtypes.of(self._array.dtype)}"
                )
            scale = 10.0**decimals
            return (self.mul(scale)).round().div(scale)
        return apply(ops.round, self)

    @named
    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """Bring values into the interval from min to max; either may be left out."""
        if min is None and max is None:
            raise RuntimeError("clamp: at least one of 'min' or 'max' must not be None")
        if isinstance(min, np.generic) or isinstance(max, np.generic):
            min, max = (x.item() if isinstance(x, np.generic) else x for x in (min, max))
        if isinstance(min, TensorBase | np.ndarray) or isinstance(max, TensorBase | np.ndarray):
            if min is not None and max is not None:
                arrays = [x._array if isinstance(x, TensorBase) else x for x in (self, min, max)]
                if dtypes.result_type(*arrays).kind == "b":
                    raise NotImplementedError("clamp: not implemented for bools")
            return apply(ops.between, self, min, max)
        for name, bound in (("min", min), ("max", max)):
            if bound is not None:
                as_number("clamp", name, bound)
        x: Any = self
        if isinstance(min, float) or isinstance(max, float):
            if self._array.dtype.kind != "f":
                x = self.to(dtypes.default_float())  # type: ignore[attr-defined]
        return apply(ops.clamp, x, min=min, max=max)

    clip = clamp

    @named
    def where(self, condition: Any, other: Any) -> Tensor:
        """Return self where the condition holds, elsewhere other."""
        return chosen(condition, self, other)

    @named
    @one_node("MaskedFillBackward0")
    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """Return a copy with a value where the mask is true."""
        mask, value = mask_and_value("masked_fill", self, mask, value)
        out: Tensor = apply(ops.where, mask, value, self)
        out._fixed_order = False  # row-major to a script, unlike where's
        return out

    @named
    def lerp(self, end: Any, weight: Any) -> Tensor:
        """Return ``self + weight * (end - self)``."""
        check_lerp("lerp", self, end, weight)
        return apply(ops.lerp, self, end, weight)

    @named
    @one_node("AddcmulBackward0")
    def addcmul(self, tensor1: Any, tensor2: Any, *older: Any, value: float = 1) -> Tensor:
        """Return ``self + value * tensor1 * tensor2``."""
        if older:
            return number_first(self.addcmul, (tensor1, tensor2, *older), "value")  # type: ignore[no-any-return]
        check_product("addcmul", self, tensor1, tensor2, "b")
        return self.add(apply(ops.mul, tensor1, tensor2), alpha=value)

    @named
    @one_node("AddcdivBackward0")
    def addcdiv(self, tensor1: Any, tensor2: Any, *older: Any, value: float = 1) -> Tensor:
        """Return ``self + value * tensor1 / tensor2``."""
        if older:
            return number_first(self.addcdiv, (tensor1, tensor2, *older), "value")  # type: ignore[no-any-return]
        check_product("addcdiv", self, tensor1, tensor2, "biu")
        return self.add(apply(ops.div, tensor1, tensor2), alpha=value)

    def maximum(self, other: Any) -> Tensor:
        """Return the larger of two, element by element."""
        return apply(ops.maximum, self, as_tensor("maximum", "other", other))

    def minimum(self, other: Any) -> Tensor:
        """Return the smaller of two, element by element."""
        return apply(ops.minimum, self, as_tensor("minimum", "other", other))

    def atan2(self, other: Any) -> Tensor:
        """Return the angle of the point (other, self)."""
        return apply(ops.atan2, self, as_tensor("atan2", "other", other))

    def logaddexp(self, other: Any) -> Tensor:
        """Return ``log(exp(self) + exp(other))``."""
        return apply(ops.logaddexp, self, as_tensor("logaddexp", "other", other))

    def eq(self, other: Any) -> Tensor:
        """Return where two are equal."""
        return apply(ops.eq, self, other)

    def ne(self, other: Any) -> Tensor:
        """Return where two differ."""
        return apply(ops.ne, self, other)

    def lt(self, other: Any) -> Tensor:
        """Return where self is smaller."""
        return apply(ops.lt, self, other)

    def le(self, other: Any) -> Tensor:
        """Return where self is not larger."""
        return apply(ops.le, self, other)

    def gt(self, other: Any) -> Tensor:
        """Return where self is larger."""
        return apply(ops.gt, self, other)

    def ge(self, other: Any) -> Tensor:
        """Return where self is not smaller."""
        return apply(ops.ge, self, other)

    def logical_and(self, other: Any) -> Tensor:
        """Return where both are true."""
        return apply(ops.logical_and, self, as_tensor("logical_and", "other", other))

    def logical_or(self, other: Any) -> Tensor:
        """Return where one is true."""
        return apply(ops.logical_or, self, as_tensor("logical_or", "other", other))

    def logical_xor(self, other: Any) -> Tensor:
        """Return where just one is true."""
        return apply(ops.logical_xor, self, as_tensor("logical_xor", "other", other))

    def bitwise_and(self, other: Any) -> Tensor:
        """Return the bits set in both."""
        return apply(ops.bitwise_and, self, other)

    def bitwise_or(self, other: Any) -> Tensor:
        """Return the bits set in one."""
        return apply(ops.bitwise_or, self, other)

    def bitwise_xor(self, other: Any) -> Tensor:
        """Return the bits set in just one."""
        return apply(ops.bitwise_xor, self, other)

    negative, absolute, fix = neg, abs, trunc
    arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge

    # Operators

    def __add__(self, other: Any) -> Tensor:
        """Return ``self + other``."""
        return operate(ops.add, self, other)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> Tensor:
        """Return ``other + self``."""
        return operate(ops.add, other, self)  # type: ignore[no-any-return]

    def __sub__(self, other: Any) -> Tensor:
        """Return ``self - other``."""
        return operate(ops.sub, self, other)  # type: ignore[no-any-return]

    def __rsub__(self, other: Any) -> Tensor:
        """Return ``other - self``."""
        return operate(ops.sub, other, self)  # type: ignore[no-any-return]

    def __mul__(self, other: Any) -> Tensor:
        """Return ``self * other``."""
        return operate(ops.mul, self, other)  # type: ignore[no-any-return]

    def __rmul__(self, other: Any) -> Tensor:
        """Return ``other * self``."""
        return operate(ops.mul, other, self)  # type: ignore[no-any-return]

    def __truediv__(self, other: Any) -> Tensor:
        """Return ``self / other``."""
        return operate(ops.div, self, other)  # type: ignore[no-any-return]

    def __rtruediv__(self, other: Any) -> Tensor:
        """Return ``other / self``."""
        return operate(ops.div, other, self)  # type: ignore[no-any-return]

    def __floordiv__(self, other: Any) -> Tensor:
        """Return ``self // other``."""
        return operate(ops.floor_divide, self, other)  # type: ignore[no-any-return]

    def __rfloordiv__(self, other: Any) -> Tensor:
        """Return ``other // self``."""
        return operate(ops.floor_divide, other, self)  # type: ignore[no-any-return]

    def __mod__(self, other: Any) -> Tensor:
        """Return ``self % other``."""
        return operate(ops.remainder, self, other)  # type: ignore[no-any-return]

    def __rmod__(self, other: Any) -> Tensor:
        """Return ``other % self``."""
        return operate(ops.remainder, other, self)  # type: ignore[no-any-return]

    def __and__(self, other: Any) -> Tensor:
        """Return ``self & other``."""
        return operate(ops.bitwise_and, self, other)  # type: ignore[no-any-return]

    def __rand__(self, other: Any) -> Tensor:
        """Return ``other & self``."""
        return operate(ops.bitwise_and, other, self)  # type: ignore[no-any-return]

    def __or__(self, other: Any) -> Tensor:
        """Return ``self | other``."""
        return operate(ops.bitwise_or, self, other)  # type: ignore[no-any-return]

    def __ror__(self, other: Any) -> Tensor:
        """Return ``other | self``."""
        return operate(ops.bitwise_or, other, self)  # type: ignore[no-any-return]

    def __xor__(self, other: Any) -> Tensor:
        """Return ``self ^ other``."""
        return operate(ops.bitwise_xor, self, other)  # type: ignore[no-any-return]

    def __rxor__(self, other: Any) -> Tensor:
        """Return ``other ^ self``."""
        return operate(ops.bitwise_xor, other, self)  # type: ignore[no-any-return]

    def __matmul__(self, other: Any) -> Tensor:
        """Return ``self @ other``."""
        if isinstance(other, int | float):
            return NotImplemented
        return operate(ops.matmul, self, other)  # type: ignore[no-any-return]

    def __rmatmul__(self, other: Any) -> Tensor:
        """Return ``other @ self``."""
        return operate(ops.matmul, other, self)  # type: ignore[no-any-return]

    def __pow__(self, other: Any) -> Tensor:
        """Return ``self ** other``."""
        return operate(ops.pow, self, other)  # type: ignore[no-any-return]

    def __rpow__(self, other: Any) -> Tensor:
        """Return ``other ** self``."""
        return operate(ops.pow, _as_base(other, self), self)  # type: ignore[no-any-return]

    def __neg__(self) -> Tensor:
        """Return ``-self``."""
        return apply(ops.neg, self)

    def __pos__(self) -> Tensor:
        """Return self."""
        return self  # type: ignore[return-value]

    def __abs__(self) -> Tensor:
        """Return the absolute value."""
        return apply(ops.abs, self)

    def __invert__(self) -> Tensor:
        """Return ``~self``."""
        return apply(ops.bitwise_not, self)

    def __lt__(self, other: Any) -> Tensor:
        """Return where ``self < other``."""
        return operate(ops.lt, self, other)  # type: ignore[no-any-return]

    def __le__(self, other: Any) -> Tensor:
        """Return where ``self <= other``."""
        return operate(ops.le, self, other)  # type: ignore[no-any-return]

    def __gt__(self, other: Any) -> Tensor:
        """Return where ``self > other``."""
        return operate(ops.gt, self, other)  # type: ignore[no-any-return]

    def __ge__(self, other: Any) -> Tensor:
        """Return where ``self >= other``."""
        return operate(ops.ge, self, other)  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        """Return where ``self == other``."""
        return operate(ops.eq, self, other)  # type: ignore[no-any-return]

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        """Return where ``self != other``."""
        return operate(ops.ne, self, other)  # type: ignore[no-any-return]

    __hash__ = object.__hash__
