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


eq = binary(ops.eq, "[1, 2, 3], [1, 5, 3]", "[ True, False,  True]", inplace=True)
ne = binary(ops.ne, "[1, 2, 3], [1, 5, 3]", "[False,  True, False]", inplace=True)
lt = binary(ops.lt, "[1, 2, 3], 2", "[ True, False, False]", inplace=True)
le = binary(ops.le, "[1, 2, 3], 2", "[ True,  True, False]", inplace=True)
gt = binary(ops.gt, "[1, 2, 3], 2", "[False, False,  True]", inplace=True)
ge = binary(ops.ge, "[1, 2, 3], 2", "[False,  True,  True]", inplace=True)
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge


maximum = binary(ops.maximum, "[1.0, 5.0], [3.0, 2.0]", "[3., 5.]", tensors=True)
minimum = binary(ops.minimum, "[1.0, 5.0], [3.0, 2.0]", "[1., 2.]", tensors=True)


@export(takes="out")
@node_name("FmaxBackward0")
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of two, element by element; a number rather than NaN.

    Follows ``torch.fmax``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*).

    Returns
    -------
    A tensor of shape (*); NaN only where both are.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.fmax(torch.tensor([float("nan"), 1.0]), torch.tensor([3.0, 0.0]))
    tensor([3., 1.])
    """
    y = need_tensor("other", other)
    return apply(ops.where, (input >= y) | y.isnan(), input, y)


@export(takes="out")
@node_name("FminBackward0")
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of two, element by element; a number rather than NaN.

    Follows ``torch.fmin``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*).

    Returns
    -------
    A tensor of shape (*); NaN only where both are.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.fmin(torch.tensor([float("nan"), 1.0]), torch.tensor([3.0, 0.0]))
    tensor([3., 0.])
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

    Parameters
    ----------
    input, other
        Tensors of one dtype, whose shapes broadcast to (*).
    rtol
        The relative tolerance.
    atol
        The absolute tolerance, in the tensors' units.
    equal_nan
        Whether NaN is close to NaN.

    Returns
    -------
    A tensor of bools, of shape (*).

    Raises
    ------
    RuntimeError
        When the dtypes differ, or a tolerance is negative.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, 2.0, float("nan")])
    >>> x.isclose(torch.tensor([1.000001, 2.1, float("nan")]))
    tensor([ True, False, False])
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
    """Return whether all elements are close, as :func:`isclose` says. Follows ``torch.allclose``.

    Parameters
    ----------
    input, other
        Tensors of one dtype, whose shapes broadcast to (*).
    rtol
        The relative tolerance.
    atol
        The absolute tolerance, in the tensors' units.
    equal_nan
        Whether NaN is close to NaN.

    Returns
    -------
    A bool.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([0.1, 0.2])
    >>> torch.equal(x + 0.2 - 0.2, x), torch.allclose(x + 0.2 - 0.2, x)
    (False, True)
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


@export
def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements. Follows ``torch.equal``.

    Parameters
    ----------
    input, other
        Tensors of shape (*).

    Returns
    -------
    A bool; False where a NaN is.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    return bool(np.array_equal(input._array, need_tensor("other", other)._array))


# Kinds of numbers

isnan = unary(ops.isnan, '[1.0, float("nan")]', "[False,  True]")
isinf = unary(ops.isinf, '[1.0, float("inf"), float("-inf")]', "[False,  True,  True]")
isfinite = unary(ops.isfinite, '[1.0, float("inf"), float("nan")]', "[ True, False, False]")


def _question(
    name: str, ask: Callable[[np.ndarray], np.ndarray], doc: str, example: str, answer: str
) -> Callable[[Tensor], Tensor]:
    def call(input: Tensor) -> Tensor:
        return wrap(dtypes.as_array(ask(input._array)))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""{doc} Follows ``torch.{name}``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of bools, of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.{name}(torch.tensor({example}))
    tensor({answer})
    """
    return export(call)


signbit = _question(
    "signbit",
    lambda x: x < 0 if x.dtype.kind != "f" else np.signbit(x),
    "Return where the sign is a minus, also of -0.",
    "[-1.0, -0.0, 0.0]",
    "[ True,  True, False]",
)
isposinf = _question(
    "isposinf",
    lambda x: x == np.inf,
    "Return where an element is infinity.",
    '[1.0, float("inf"), float("-inf")]',
    "[False,  True, False]",
)
isneginf = _question(
    "isneginf",
    lambda x: x == -np.inf,
    "Return where an element is -infinity.",
    '[1.0, float("inf"), float("-inf")]',
    "[False, False,  True]",
)


@export
def is_nonzero(input: Tensor) -> bool:
    """Return the truth of the only element. Follows ``torch.is_nonzero``.

    Parameters
    ----------
    input
        A tensor of one element, such as shape (1, 1).

    Returns
    -------
    A bool.

    Raises
    ------
    RuntimeError
        When there isn't just one element.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.is_nonzero(torch.tensor([2]))
    True
    """
    return bool(input)


# Logic and bits

logical_not = unary(ops.logical_not, "[0, 1, 2]", "[ True, False, False]", inplace=True)
bitwise_not = unary(ops.bitwise_not, "[0, 1, 5]", "[-1, -2, -6]", inplace=True)


logical_and = binary(
    ops.logical_and, "[0, 1, 1], [0, 0, 2]", "[False, False,  True]", inplace=True, tensors=True
)
logical_or = binary(
    ops.logical_or, "[0, 1, 1], [0, 0, 2]", "[False,  True,  True]", inplace=True, tensors=True
)
logical_xor = binary(
    ops.logical_xor, "[0, 1, 1], [0, 0, 2]", "[False,  True, False]", inplace=True, tensors=True
)
bitwise_and = binary(ops.bitwise_and, "[6, 5], 3", "[2, 1]", inplace=True, scalars=True)
bitwise_or = binary(ops.bitwise_or, "[6, 5], 3", "[7, 7]", inplace=True, scalars=True)
bitwise_xor = binary(ops.bitwise_xor, "[6, 5], 3", "[5, 6]", inplace=True, scalars=True)


@export(takes="out", inplace=True, first=scalar_first)
def bitwise_left_shift(input: Tensor, other: Operand) -> Tensor:
    """Return the bits moved to the left: ``input * 2**other``.

    Follows ``torch.bitwise_left_shift``.

    Parameters
    ----------
    input, other
        Tensors of integers, whose shapes broadcast to (*); one may be a number.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.bitwise_left_shift(1, torch.arange(4))
    tensor([1, 2, 4, 8])
    """
    return apply(ops.left_shift, input, other)


@export(takes="out", inplace=True, first=scalar_first)
def bitwise_right_shift(input: Tensor, other: Operand) -> Tensor:
    """Return the bits moved to the right: ``floor(input / 2**other)``.

    Follows ``torch.bitwise_right_shift``.

    Parameters
    ----------
    input, other
        Tensors of integers, whose shapes broadcast to (*); one may be a number.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.bitwise_right_shift(torch.tensor([12, 13]), 2)
    tensor([3, 3])
    """
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

    Each gets the gradient where it was chosen. With the condition alone, return the positions where
    it is true. Follows ``torch.where``.

    Parameters
    ----------
    condition
        A tensor of bools; its shape and the others' broadcast to (*).
    input, other
        Tensors or numbers.
    out
        A tensor to write the result to.

    Returns
    -------
    A tensor of shape (*); of the condition alone, a tuple of an index vector for each dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([-1.0, 2.0, -3.0])
    >>> torch.where(x > 0, x, 0.1 * x)  # a leaky rectified linear unit
    tensor([-0.1000,  2.0000, -0.3000])
    >>> torch.where(x < 0)
    (tensor([0, 2]),)
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
    """Return a copy with a value where the mask is true. Follows ``torch.masked_fill``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    mask
        A tensor of bools whose shape broadcasts with (*).
    value
        A number, or a tensor of shape ().

    Returns
    -------
    A tensor of shape (*). What was filled has a gradient of 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> scores = torch.zeros(3, 3)
    >>> future = torch.ones(3, 3, dtype=torch.bool).triu(1)
    >>> scores.masked_fill(future, float("-inf")).softmax(1)
    tensor([[1.0000, 0.0000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.3333, 0.3333, 0.3333]])
    """
    mask, value = mask_and_value(input, mask, value)
    out = apply(ops.where, mask, value, input)
    out._fixed_order = False  # row-major to a script, unlike where's
    return out


@export
def _masked_fill_(input: _T, mask: Tensor, value: Operand) -> _T:
    """Write a number wherever the mask is true. Follows ``torch.Tensor.masked_fill_``.

    Parameters
    ----------
    mask
        A tensor of bools whose shape broadcasts to self's.
    value
        A number, or a tensor of shape ().

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, -2.0, 3.0])
    >>> x.masked_fill_(x < 0, 0)
    tensor([1., 0., 3.])
    """
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
