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
    """Return ``input + alpha * other``. Follows ``torch.add``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*), computed in their common dtype; one may be a number.
    alpha
        A factor of other.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.add(torch.tensor([[1.0], [2.0]]), torch.tensor([10.0, 20.0]))
    tensor([[11., 21.],
            [12., 22.]])
    >>> torch.add(torch.tensor([1.0]), torch.tensor([4.0]), alpha=-0.1)
    tensor([0.6000])
    """
    if older or not is_one(alpha):
        return _scaled(ops.add, input.add, input, other, older, alpha)
    return apply(ops.add, input, other)


@export(takes="out", fast=True, first=scalar_first)
def sub(input: Tensor, other: Operand, *older: Any, alpha: Number = 1) -> Tensor:
    """Return ``input - alpha * other``. Follows ``torch.sub``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*), computed in their common dtype; one may be a number.
    alpha
        A factor of other.

    Returns
    -------
    A tensor of shape (*).

    Raises
    ------
    RuntimeError
        For bools: ``^`` says where they differ.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.sub(torch.tensor([5, 7]), 2)
    tensor([3, 5])
    """
    if older or not is_one(alpha):
        return _scaled(ops.sub, input.sub, input, other, older, alpha)
    return apply(ops.sub, input, other)


mul = binary(ops.mul, "[1, 2, 3], 0.5", "[0.5000, 1.0000, 1.5000]", scalars=True)


@export(takes="out", fast=True, first=scalar_first)
def div(input: Tensor, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """Return ``input / other``, rounded if rounding_mode is ``"floor"`` or ``"trunc"``.

    Follows ``torch.div``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*); one may be a number.
    rounding_mode
        None, ``"floor"`` (down) or ``"trunc"`` (towards 0).

    Returns
    -------
    A tensor of shape (*). Without rounding it is floating point, also of integers.

    Raises
    ------
    RuntimeError
        When there is no such rounding mode, or integers are to be rounded after a division by 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([7, -7])
    >>> x / 2, x.div(2, rounding_mode="floor"), x.div(2, rounding_mode="trunc")
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -4]), tensor([ 3, -3]))
    >>> torch.tensor([1.0, -1.0, 0.0]) / 0
    tensor([inf, -inf, nan])
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
    """Return ``input ** exponent``. Follows ``torch.pow``.

    Parameters
    ----------
    input, exponent
        Tensors whose shapes broadcast to (*), computed in their common dtype; one may be a number.

    Returns
    -------
    A tensor of shape (*).

    Raises
    ------
    RuntimeError
        For integers to the power of a negative integer; make one of them floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.pow(torch.tensor([1, 2, 3]), 2)
    tensor([1, 4, 9])
    >>> torch.pow(2, torch.tensor([0.5, -1.0]))
    tensor([1.4142, 0.5000])
    """
    return apply(ops.pow, input, exponent)


floor_divide = binary(ops.floor_divide, "[7, -7], 2", "[ 3, -4]", inplace=True, scalars=True)
remainder = binary(ops.remainder, "[7, -7], 3", "[1, 2]", inplace=True, scalars=True)
multiply, subtract = mul, sub
divide = true_divide = div


fmod = binary(ops.fmod, "[7, -7], 3", "[ 1, -1]", inplace=True)


@export(takes="out", inplace=True, first=scalar_first)
def float_power(input: Tensor, exponent: Operand) -> Tensor:
    """Return ``input ** exponent``, computed in float64. Follows ``torch.float_power``.

    Parameters
    ----------
    input, exponent
        Tensors whose shapes broadcast to (*); one may be a number.

    Returns
    -------
    A tensor of shape (*), of float64.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.float_power(torch.tensor([1, 2, 3]), -1)
    tensor([1.0000, 0.5000, 0.3333], dtype=torch.float64)
    """
    power = (
        as_number("exponent", exponent)
        if not isinstance(exponent, TensorBase)
        else exponent.to(dtypes.float64)
    )
    return apply(ops.pow, input.to(dtypes.float64), power)


hypot = binary(ops.hypot, "[3.0, 5.0], [4.0, 12.0]", "[ 5., 13.]", inplace=True, tensors=True)
neg = unary(ops.neg, "[1, -2]", "[-1,  2]", inplace=True)
abs = unary(ops.abs, "[-1.5, 2.0]", "[1.5000, 2.0000]", inplace=True)
sign = unary(ops.sign, "[-3.0, 0.0, 2.0]", "[-1.,  0.,  1.]", inplace=True)
sqrt = unary(ops.sqrt, "[4.0, 2.0, -1.0]", "[2.0000, 1.4142,    nan]", inplace=True)
rsqrt = unary(ops.rsqrt, "[4.0, 0.25]", "[0.5000, 2.0000]", inplace=True)
square = unary(ops.square, "[3, -4]", "[ 9, 16]", inplace=True)
reciprocal = unary(ops.reciprocal, "[2, 4]", "[0.5000, 0.2500]", inplace=True)
negative, absolute = neg, abs


@export
def positive(input: Tensor) -> Tensor:
    """Return the tensor itself. Follows ``torch.positive``.

    Parameters
    ----------
    input
        A tensor of shape (*), not of bools.

    Returns
    -------
    input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.positive(torch.tensor([1, -2]))
    tensor([ 1, -2])
    """
    if input._array.dtype.kind == "b":
        raise RuntimeError("is not defined for bools")
    return input


@export(takes="out", inplace=True)
def sgn(input: Tensor) -> Tensor:
    """Return the sign: -1, 0 or 1. Follows ``torch.sgn``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of shape (*). Its gradient is 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.sgn(torch.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
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
    """Return a point between two: ``input + weight * (end - input)``. Follows ``torch.lerp``.

    Parameters
    ----------
    input, end
        Tensors of one floating dtype, whose shapes broadcast with weight's to (*).
    weight
        0 is the start, 1 the end: a number, or a tensor.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.lerp(torch.tensor([0.0, 10.0]), torch.tensor([1.0, 20.0]), 0.25)
    tensor([ 0.2500, 12.5000])
    >>> mean, batch = torch.tensor(0.0), torch.tensor(5.0)
    >>> mean.lerp(batch, 0.1)  # a step of a moving average
    tensor(0.5000)
    """
    check_lerp(input, end, weight)
    return apply(ops.lerp, input, end, weight)


@export(takes="out")
@node_name("AddcmulBackward0")
def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: Number = 1
) -> Tensor:
    """Return ``input + value * tensor1 * tensor2``. Follows ``torch.addcmul``.

    Parameters
    ----------
    input, tensor1, tensor2
        Tensors whose shapes broadcast to (*).
    value
        A factor of the product.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> g, second_moment = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 0.0])
    >>> torch.addcmul(second_moment * 0.999, g, g, value=0.001)  # as in Adam
    tensor([0.0010, 0.0040])
    """
    if older:
        return number_first(input.addcmul, (tensor1, tensor2, *older), "value")
    check_product(input, tensor1, tensor2, "b")
    return input.add(apply(ops.mul, tensor1, tensor2), alpha=value)


@export(takes="out")
@node_name("AddcdivBackward0")
def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: Number = 1
) -> Tensor:
    """Return ``input + value * tensor1 / tensor2``. Follows ``torch.addcdiv``.

    Parameters
    ----------
    input, tensor1, tensor2
        Tensors whose shapes broadcast to (*), floating point.
    value
        A factor of the quotient.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> w, m, v = torch.tensor([1.0]), torch.tensor([0.5]), torch.tensor([4.0])
    >>> torch.addcdiv(w, m, v.sqrt(), value=-0.1)  # as in Adam
    tensor([0.9750])
    """
    if older:
        return number_first(input.addcdiv, (tensor1, tensor2, *older), "value")
    check_product(input, tensor1, tensor2, "biu")
    return input.add(apply(ops.div, tensor1, tensor2), alpha=value)


if not TYPE_CHECKING:
    __all__ = publish(globals())
