"""Comparisons, logic, bits, and choosing elements by what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_number, broadcast, named, need_tensor, write_out
from tinygrad_mnist.tensor.export import binary, export, publish, scalar_first, unary

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Operand

_T = TypeVar("_T", bound="Tensor")

# Comparisons


eq = binary(ops.eq, inplace=True)
ne = binary(ops.ne, inplace=True)
lt = binary(ops.lt, inplace=True)
le = binary(ops.le, inplace=True)
gt = binary(ops.gt, inplace=True)
ge = binary(ops.ge, inplace=True)
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge


maximum = binary(ops.maximum, tensors=True)
minimum = binary(ops.minimum, tensors=True)


@export(takes="out")
@node_name("FmaxBackward0")
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of two, element by element; a number rather than NaN.

    Follows ``torch.fmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> fmax(tensor([float("nan"), 1.0]), tensor([3.0, 0.0]))
    tensor([3., 1.])
    """
    y = need_tensor("other", other)
    return apply(ops.where, (input >= y) | y.isnan(), input, y)


@export(takes="out")
@node_name("FminBackward0")
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of two, element by element; a number rather than NaN.

    Follows ``torch.fmin``.
    """
    y = need_tensor("other", other)
    return apply(ops.where, (input <= y) | y.isnan(), input, y)


def _compared(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays of two tensors of one dtype."""
    other = need_tensor("other", y)._array
    if x._array.dtype != other.dtype:
        raise RuntimeError(
            f"the dtypes {x._array.dtype} and {other.dtype} differ; convert one of them"
        )
    broadcast(x._array.shape, other.shape)
    return x._array, other


@export
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
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
    x, y = _compared(input, other)
    relative, absolute = as_number("rtol", rtol), as_number("atol", atol)
    if relative < 0 or absolute < 0:
        raise RuntimeError(f"tolerances must not be negative, got rtol={relative}, atol={absolute}")
    with np.errstate(all="ignore"):
        if x.dtype.kind != "f":
            x, y = x.astype(np.float64), y.astype(np.float64)
        return wrap(np.isclose(x, y, relative, absolute, bool(equal_nan)))


@export
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
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


@export
def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements. Follows ``torch.equal``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> equal(tensor([1, 2]), tensor([1, 2]))
    True
    """
    return bool(np.array_equal(input._array, need_tensor("other", other)._array))


# Kinds of numbers

isnan = unary(ops.isnan)
isinf = unary(ops.isinf)
isfinite = unary(ops.isfinite)


def _question(
    name: str, ask: Callable[[np.ndarray], np.ndarray], doc: str
) -> Callable[[Tensor], Tensor]:
    def call(input: Tensor) -> Tensor:
        return wrap(np.asarray(ask(input._array)))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{doc} Follows ``torch.{name}``."
    return export(call)


signbit = _question(
    "signbit",
    lambda x: x < 0 if x.dtype.kind != "f" else np.signbit(x),
    "Return where the sign is a minus, also of -0.",
)
isposinf = _question("isposinf", lambda x: x == np.inf, "Return where an element is infinity.")
isneginf = _question("isneginf", lambda x: x == -np.inf, "Return where an element is -infinity.")


@export
def is_nonzero(input: Tensor) -> bool:
    """Return the truth of the only element. Follows ``torch.is_nonzero``."""
    return bool(input)


# Logic and bits

logical_not = unary(ops.logical_not, inplace=True)
bitwise_not = unary(ops.bitwise_not, inplace=True)


logical_and = binary(ops.logical_and, inplace=True, tensors=True)
logical_or = binary(ops.logical_or, inplace=True, tensors=True)
logical_xor = binary(ops.logical_xor, inplace=True, tensors=True)
bitwise_and = binary(ops.bitwise_and, inplace=True, scalars=True)
bitwise_or = binary(ops.bitwise_or, inplace=True, scalars=True)
bitwise_xor = binary(ops.bitwise_xor, inplace=True, scalars=True)


@export(takes="out", inplace=True, first=scalar_first)
def bitwise_left_shift(input: Tensor, other: Operand) -> Tensor:
    """Return the bits moved to the left. Follows ``torch.bitwise_left_shift``."""
    return apply(ops.left_shift, input, other)


@export(takes="out", inplace=True, first=scalar_first)
def bitwise_right_shift(input: Tensor, other: Operand) -> Tensor:
    """Return the bits moved to the right. Follows ``torch.bitwise_right_shift``."""
    return apply(ops.right_shift, input, other)


# Choices


def chosen(condition: Any, x: Any, y: Any) -> Tensor:
    """Return elements of x where a tensor of bools is true, elsewhere of y."""
    if not isinstance(condition, TensorBase):
        kind = type(condition).__name__
        raise TypeError(f"argument 'condition' must be Tensor, not {kind}")
    if condition._array.dtype.kind != "b" and condition._array.dtype != np.uint8:
        raise RuntimeError(
            f"expected condition to be a boolean tensor, but got {condition._array.dtype}"
        )
    if x is None or y is None:
        raise TypeError("give two values to choose from, or none to get the positions")
    return apply(ops.where, condition, x, y)


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(
    condition: Tensor, input: Operand, other: Operand, *, out: Tensor | None = None
) -> Tensor: ...
@named
def where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """Return elements of input where the condition holds, elsewhere of other.

    With the condition alone, return the positions where it is true, a tensor for each dimension.
    Follows ``torch.where``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x = tensor([-1.0, 2.0])
    >>> where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    mask = need_tensor("condition", condition)
    if input is None and other is None:
        return tuple((mask if mask.ndim else mask.reshape(1)).nonzero().unbind(1))
    return write_out("where", chosen(mask, input, other), out)


def value_for(x: TensorBase, value: Any) -> Any:
    """Return one number, which may be a tensor without dimensions, in a tensor's dtype."""
    if not isinstance(value, TensorBase):
        return dtypes.convert(np.asarray(as_number("value", value)), x._array.dtype)
    need_single(value)
    return apply(ops.cast, value, dtype=x._array.dtype)


def need_single(value: TensorBase) -> None:
    """Refuse a value that has dimensions."""
    if value._array.ndim:
        raise RuntimeError(
            f"only supports a 0-dimensional value tensor, but got one of shape "
            f"{list(value._array.shape)}; use where()"
        )


def mask_and_value(x: TensorBase, mask: Any, value: Any) -> tuple[Any, Any]:
    """Check what a masked fill is given; return a number as an array of x's dtype."""
    if need_tensor("mask", mask)._array.dtype.kind != "b":
        raise RuntimeError(
            f"only supports boolean masks, but got one of {mask.dtype}; compare it, as in mask != 0"
        )
    return mask, value_for(x, value)


@export
@node_name("MaskedFillBackward0")
def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """Return a copy with a value where the mask is true. Follows ``torch.masked_fill``."""
    mask, value = mask_and_value(input, mask, value)
    out = apply(ops.where, mask, value, input)
    out._fixed_order = False  # row-major to a script, unlike where's
    return out


@export
def _masked_fill_(input: _T, mask: Tensor, value: Operand) -> _T:
    """Write a number wherever the mask is true."""
    mask, value = mask_and_value(input, mask, value)
    shape = input._array.shape
    if broadcast(shape, mask._array.shape) != shape:
        raise RuntimeError(
            f"the mask's shape {list(mask.shape)} doesn't broadcast to the tensor's, {list(shape)}"
        )
    input[np.broadcast_to(mask._array, shape)] = value
    return input


if not TYPE_CHECKING:
    __all__ = publish(globals(), "where")
