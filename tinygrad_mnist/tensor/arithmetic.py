"""Arithmetic: sums, products, quotients, powers, and what combines a few of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import Op, dtypes
from tinygrad_mnist.tensor.arguments import as_number, complain, kind, need_tensor, number_first
from tinygrad_mnist.tensor.export import binary, export, publish, scalar_first, unary

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Number, Operand


def is_one(alpha: Any) -> bool:
    """Whether a factor changes nothing."""
    return alpha.__class__ in (int, float) and bool(alpha == 1)


def scaled(x: TensorBase, other: Any, alpha: Any) -> Any:
    """Return ``alpha * other``, for a sum or difference with x."""
    if isinstance(alpha, bool) and alpha is True:
        return other
    number = as_number("alpha", alpha)
    kinds = x._array.dtype.kind + (
        other._array.dtype.kind if isinstance(other, TensorBase) else "b"
    )
    if isinstance(number, float) and "f" not in kinds and not isinstance(other, float):
        raise RuntimeError(
            f"for integral input tensors, argument alpha must not be a floating point "
            f"number, got {number}"
        )
    if not isinstance(other, TensorBase):
        return as_number("other", other) * number
    if other._array.dtype.kind == "b" and x._array.dtype.kind == "b":
        return apply(ops.logical_and, other, bool(number))
    if other._array.dtype.kind != "f":
        other = apply(ops.cast, other, dtype=dtypes.result_type(x._array, other._array))
    return apply(ops.mul, other, number)


def _scaled(
    op: Op, call: Callable[..., Tensor], input: Tensor, other: Any, older: Any, alpha: Any
) -> Tensor:
    """Add or subtract in a form that few use: with a factor, or as older scripts write it."""
    try:
        if older:
            return number_first(call, (other, *older), "alpha")
        return apply(op, input, scaled(input, other, alpha))
    except Exception as error:
        complain(op.name, error)
        raise


@export(takes="out", fast=True, first=scalar_first)
def add(input: Tensor, other: Operand, *older: Any, alpha: Number = 1) -> Tensor:
    """Return ``input + alpha * other``. Follows ``torch.add``."""
    if older or not is_one(alpha):
        return _scaled(ops.add, input.add, input, other, older, alpha)
    return apply(ops.add, input, other)


@export(takes="out", fast=True, first=scalar_first)
def sub(input: Tensor, other: Operand, *older: Any, alpha: Number = 1) -> Tensor:
    """Return ``input - alpha * other``. Follows ``torch.sub``."""
    if older or not is_one(alpha):
        return _scaled(ops.sub, input.sub, input, other, older, alpha)
    return apply(ops.sub, input, other)


mul = binary(ops.mul, scalars=True)


@export(takes="out", fast=True, first=scalar_first)
def div(input: Tensor, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """Return ``input / other``, rounded if rounding_mode is ``"floor"`` or ``"trunc"``.

    Follows ``torch.div``.
    """
    if rounding_mode is None:
        return apply(ops.div, input, other)
    if not isinstance(rounding_mode, str) or rounding_mode not in ("floor", "trunc"):
        given = repr(rounding_mode) if isinstance(rounding_mode, str) else kind(rounding_mode)
        raise RuntimeError(f"div: rounding_mode is {given}; expected None, 'trunc' or 'floor'")
    divide = ops.floor_divide if rounding_mode == "floor" else ops.trunc_divide
    return apply(divide, input, other)


@export(takes="out", fast=True, first=scalar_first)
def pow(input: Tensor, exponent: Operand) -> Tensor:
    """Return ``input ** exponent``. Follows ``torch.pow``."""
    return apply(ops.pow, input, exponent)


floor_divide = binary(ops.floor_divide, inplace=True, scalars=True)
remainder = binary(ops.remainder, inplace=True, scalars=True)
multiply, subtract = mul, sub
divide = true_divide = div


fmod = binary(ops.fmod, inplace=True)


@export(takes="out", inplace=True, first=scalar_first)
def float_power(input: Tensor, exponent: Operand) -> Tensor:
    """Return ``input ** exponent``, computed in float64. Follows ``torch.float_power``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> float_power(tensor([1, 2, 3]), -1)
    tensor([1.0000, 0.5000, 0.3333], dtype=torch.float64)
    """
    power = (
        as_number("exponent", exponent)
        if not isinstance(exponent, TensorBase)
        else exponent.to(dtypes.float64)
    )
    return apply(ops.pow, input.to(dtypes.float64), power)


hypot = binary(ops.hypot, inplace=True, tensors=True)
neg = unary(ops.neg, inplace=True)
abs = unary(ops.abs, inplace=True)
sign = unary(ops.sign, inplace=True)
sqrt = unary(ops.sqrt, inplace=True)
rsqrt = unary(ops.rsqrt, inplace=True)
square = unary(ops.square, inplace=True)
reciprocal = unary(ops.reciprocal, inplace=True)
negative, absolute = neg, abs


@export
def positive(input: Tensor) -> Tensor:
    """Return the tensor itself. Follows ``torch.positive``."""
    if input._array.dtype.kind == "b":
        raise RuntimeError("is not defined for bools")
    return input


@export(takes="out", inplace=True)
def sgn(input: Tensor) -> Tensor:
    """Return the sign: -1, 0 or 1. Follows ``torch.sgn``."""
    return apply(ops.sign, input)


# Combinations


def check_lerp(start: TensorBase, end: Any, weight: Any) -> None:
    """Refuse an interpolation of mixed dtypes, and of integers."""
    dtype = start._array.dtype
    for what, x in (("end", need_tensor("end", end)), ("weight", weight)):
        if (
            isinstance(x, TensorBase)
            and x._array.dtype != dtype
            and (what == "end" or x._array.ndim)
        ):
            raise RuntimeError(f"expected dtype {dtype} for '{what}', but got {x._array.dtype}")
    if not isinstance(weight, TensorBase):
        as_number("weight", weight)
    if dtype.kind != "f":
        raise NotImplementedError(f"not implemented for {dtypes.of(dtype)}")


def check_product(x: TensorBase, tensor1: Any, tensor2: Any, refused: str) -> None:
    """Refuse a product or quotient, to be added, of kinds that PyTorch has none for."""
    arrays = [need_tensor(f"tensor{i + 1}", t)._array for i, t in enumerate((tensor1, tensor2))]
    if dtypes.result_type(*arrays).kind in refused and x._array.dtype.kind in (
        refused if refused == "b" else "biuf"
    ):
        error = NotImplementedError if refused == "b" else RuntimeError
        raise error(f"not supported for {tensor1.dtype}; convert the tensors with float()")


@export(takes="out")
def lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """Return ``input + weight * (end - input)``. Follows ``torch.lerp``."""
    check_lerp(input, end, weight)
    return apply(ops.lerp, input, end, weight)


@export(takes="out")
@node_name("AddcmulBackward0")
def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: Number = 1
) -> Tensor:
    """Return ``input + value * tensor1 * tensor2``. Follows ``torch.addcmul``."""
    if older:
        return number_first(input.addcmul, (tensor1, tensor2, *older), "value")
    check_product(input, tensor1, tensor2, "b")
    return input.add(apply(ops.mul, tensor1, tensor2), alpha=value)


@export(takes="out")
@node_name("AddcdivBackward0")
def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: Number = 1
) -> Tensor:
    """Return ``input + value * tensor1 / tensor2``. Follows ``torch.addcdiv``."""
    if older:
        return number_first(input.addcdiv, (tensor1, tensor2, *older), "value")
    check_product(input, tensor1, tensor2, "biu")
    return input.add(apply(ops.div, tensor1, tensor2), alpha=value)


if not TYPE_CHECKING:
    __all__ = publish(globals())
