"""Methods that write into the tensor: arithmetic, fillings, and draws.

The in-place method of a function that makes a new tensor comes from :func:`export`; here are those
that do it better, or have no such function.

Each is recorded as the tensor's new history, and each counts up the version that all views of
the memory share, so that backward notices when it would need what was overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.inplace import (
    apply_inplace,
    check_writable,
    original,
    rebase_history,
    store,
)
from tinygrad_mnist.tensor.arguments import as_number, need_tensor, number_first
from tinygrad_mnist.tensor.arithmetic import check_lerp, check_product, is_one, scaled
from tinygrad_mnist.tensor.comparison import need_single
from tinygrad_mnist.tensor.export import export, publish

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Number, Operand

_T = TypeVar("_T", bound="Tensor")


@export
def _add_(input: _T, other: Operand, *older: Any, alpha: Number = 1) -> _T:
    """Add ``alpha * other`` to self. Follows ``torch.Tensor.add_``.

    Parameters
    ----------
    other
        A tensor whose shape broadcasts to self's, or a number.
    alpha
        A factor of other.

    Returns
    -------
    self.

    Raises
    ------
    RuntimeError
        When self is a leaf that requires grad (use ``no_grad()``), or can't hold the result.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> w, g = torch.tensor([1.0, 2.0]), torch.tensor([2.0, -2.0])
    >>> w.add_(g, alpha=-0.5)  # a step of gradient descent
    tensor([0., 3.])
    """
    if older:
        return number_first(input.add_, (other, *older), "alpha")
    if not is_one(alpha):
        other = scaled(input, other, alpha)
    return apply_inplace(ops.add, input, other)


@export
def _sub_(input: _T, other: Operand, *older: Any, alpha: Number = 1) -> _T:
    """Subtract ``alpha * other`` from self. Follows ``torch.Tensor.sub_``.

    Parameters
    ----------
    other
        A tensor whose shape broadcasts to self's, or a number.
    alpha
        A factor of other.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([5, 7]).sub_(2)
    tensor([3, 5])
    """
    if older:
        return number_first(input.sub_, (other, *older), "alpha")
    if not is_one(alpha):
        other = scaled(input, other, alpha)
    return apply_inplace(ops.sub, input, other)


@export
def _mul_(input: _T, other: Operand) -> _T:
    """Multiply self by other. Follows ``torch.Tensor.mul_``.

    Parameters
    ----------
    other
        A tensor whose shape broadcasts to self's, or a number.

    Returns
    -------
    self.

    Raises
    ------
    RuntimeError
        When self is a leaf that requires grad (use ``no_grad()``), or can't hold the result.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0, 2.0]).mul_(0.5)
    tensor([0.5000, 1.0000])
    >>> torch.tensor([1, 2]).mul_(2)
    tensor([2, 4])
    """
    return apply_inplace(ops.mul, input, other)


@export
def _div_(input: _T, other: Operand, *, rounding_mode: str | None = None) -> _T:
    """Divide self by other, rounded if rounding_mode is ``"floor"`` or ``"trunc"``.

    Follows ``torch.Tensor.div_``.

    Parameters
    ----------
    other
        A tensor whose shape broadcasts to self's, or a number.
    rounding_mode
        None, ``"floor"`` (down) or ``"trunc"`` (towards 0).

    Returns
    -------
    self.

    Raises
    ------
    RuntimeError
        For integers, unless it is rounded.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0, 2.0]).div_(4)
    tensor([0.2500, 0.5000])
    """
    if rounding_mode is None:
        return apply_inplace(ops.div, input, other)
    check_writable("div_", input, other)
    return store("div_", input, input.div(other, rounding_mode=rounding_mode))


_multiply_, _subtract_ = _mul_, _sub_


_divide_ = _true_divide_ = _div_


@export
def _pow_(input: _T, exponent: Operand) -> _T:
    """Raise self to a power. Follows ``torch.Tensor.pow_``.

    Parameters
    ----------
    exponent
        A tensor whose shape broadcasts to self's, or a number.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0, 2.0, 3.0]).pow_(2)
    tensor([1., 4., 9.])
    """
    return apply_inplace(ops.pow, input, exponent)


@export
def _clamp_(input: _T, min: Operand | None = None, max: Operand | None = None) -> _T:
    """Bring the elements into the interval from min to max. Follows ``torch.Tensor.clamp_``.

    Parameters
    ----------
    min
        The lower bound: a number, or a tensor that broadcasts to self's shape.
    max
        The upper bound, likewise. One of the two may be left out.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> g = torch.tensor([-3.0, 0.5, 8.0])
    >>> g.clamp_(-1, 1)  # clipped gradients
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("at least one of 'min' or 'max' must not be None")
    if isinstance(min, TensorBase) or isinstance(max, TensorBase):
        check_writable("clamp_", input, min, max)
        clamped = original(input, min, max).clamp(min, max)
        return store("clamp_", input, clamped)
    for name, bound in (("min", min), ("max", max)):
        if bound is not None:
            as_number(name, bound)
    return apply_inplace(ops.clamp, input, min=min, max=max)


_clip_ = _clamp_


@export
def _lerp_(input: _T, end: Tensor, weight: Operand) -> _T:
    """Move self towards end: add ``weight * (end - input)``. Follows ``torch.Tensor.lerp_``.

    Parameters
    ----------
    end
        A tensor of self's dtype, whose shape broadcasts to self's.
    weight
        0 leaves self, 1 makes it ``end``: a number, or a tensor.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> average = torch.tensor([0.0, 10.0])
    >>> average.lerp_(torch.tensor([1.0, 20.0]), 0.1)
    tensor([ 0.1000, 11.0000])
    """
    check_lerp(input, end, weight)
    return input.add_(apply(ops.mul, apply(ops.sub, end, input), weight))


@export
def _addcmul_(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: Number = 1
) -> Tensor:
    """Add ``value * tensor1 * tensor2`` to self. Follows ``torch.Tensor.addcmul_``.

    Parameters
    ----------
    tensor1, tensor2
        Tensors whose shapes broadcast to self's.
    value
        A factor of the product.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> g = torch.tensor([1.0, -2.0])
    >>> torch.zeros(2).addcmul_(g, g, value=0.5)
    tensor([0.5000, 2.0000])
    """
    if older:
        return number_first(input.addcmul_, (tensor1, tensor2, *older), "value")
    check_product(input, tensor1, tensor2, "b")
    return input.add_(apply(ops.mul, tensor1, tensor2), alpha=value)


@export
def _addcdiv_(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: Number = 1
) -> Tensor:
    """Add ``value * tensor1 / tensor2`` to self. Follows ``torch.Tensor.addcdiv_``.

    Parameters
    ----------
    tensor1, tensor2
        Floating-point tensors whose shapes broadcast to self's.
    value
        A factor of the quotient.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0]).addcdiv_(torch.tensor([1.0]), torch.tensor([2.0]), value=-0.1)
    tensor([0.9500])
    """
    if older:
        return number_first(input.addcdiv_, (tensor1, tensor2, *older), "value")
    check_product(input, tensor1, tensor2, "biu")
    return input.add_(apply(ops.div, tensor1, tensor2), alpha=value)


@export
def _zero_(input: _T) -> _T:
    """Fill self with zeros. Follows ``torch.Tensor.zero_``.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0, 2.0]).zero_()
    tensor([0., 0.])
    """
    return input.fill_(0)


@export
def _fill_(input: _T, value: Number) -> _T:
    """Fill self with a number. Follows ``torch.Tensor.fill_``.

    Parameters
    ----------
    value
        A number, or a tensor of shape ().

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.empty(2, 2).fill_(0.5)
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """
    if isinstance(value, TensorBase):
        need_single(value)
    else:
        value = as_number("value", value)
    input[...] = value
    return input


@export
def _copy_(input: _T, other: Operand, non_blocking: bool = False) -> _T:
    """Write the elements of another tensor into self, converted to self's dtype.

    Follows ``torch.Tensor.copy_``.

    Parameters
    ----------
    other
        A tensor whose shape broadcasts to self's, or a number.
    non_blocking
        Accepted, and changes nothing.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> weight = torch.zeros(2, 2)
    >>> weight.copy_(torch.tensor([1, 2]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    if isinstance(other, tuple | list):
        need_tensor("other", other)
    input[...] = other
    return input


@export
def _apply_(input: _T, function: Callable[[Any], Any]) -> _T:
    """Replace each element by what a Python function returns for it. It is slow.

    Follows ``torch.Tensor.apply_``.

    Parameters
    ----------
    function
        A function of a number that returns one.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1, 2, 3]).apply_(lambda n: n * 10)
    tensor([10, 20, 30])
    """
    if input._node is not None or input._requires_grad:
        raise RuntimeError("can't be called on a tensor that requires grad")
    check_writable("apply_", input)
    if not callable(function):
        raise TypeError(f"expected a function, got {type(function).__name__}")
    numbers = input._array.ravel().tolist()
    values = [as_number("a result", function(x)) for x in numbers]
    input._array[...] = np.array(values).reshape(input._array.shape)
    rebase_history("apply_", input, None)
    return input


@export
def _fill_diagonal_(input: _T, fill_value: Number, wrap: bool = False) -> _T:
    """Write a number on the diagonal of a matrix. Follows ``torch.Tensor.fill_diagonal_``.

    Parameters
    ----------
    fill_value
        The number.
    wrap
        Whether to begin again at the top after the end of a high matrix.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros(2, 3).fill_diagonal_(5)
    tensor([[5., 0., 0.],
            [0., 5., 0.]])
    """
    check_writable("fill_diagonal_", input)
    if input._array.ndim < 2:
        raise RuntimeError(f"dimensions must be larger than 1, got {list(input._array.shape)}")
    if input._array.ndim > 2 and len(set(input._array.shape)) > 1:
        raise RuntimeError(
            f"all dimensions of input must be of equal length, got {list(input._array.shape)}"
        )
    if input._node is not None:
        raise RuntimeError("the change isn't recorded; use where with eye()")
    number = as_number("fill_value", fill_value)
    with np.errstate(all="ignore"):
        np.fill_diagonal(input._array, number, bool(wrap))
    rebase_history("fill_diagonal_", input, None)
    return input


@export
def _map_(input: _T, other: Tensor, callable: Callable[[Any, Any], Any]) -> _T:
    """Replace each element by what a Python function makes of it and another tensor's.

    Follows ``torch.Tensor.map_``.

    Parameters
    ----------
    other
        A tensor whose shape broadcasts to self's.
    callable
        A function of two numbers that returns one.

    Returns
    -------
    self.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1, 2]).map_(torch.tensor([3, 4]), lambda a, b: a * b)
    tensor([3, 8])
    """
    theirs = need_tensor("other", other)._array
    numbers = zip(input._array.flat, np.broadcast_to(theirs, input._array.shape).flat, strict=True)
    values = [callable(a.item(), b.item()) for a, b in numbers]
    return input.copy_(wrap(np.array(values, input._array.dtype).reshape(input._array.shape)))


if not TYPE_CHECKING:
    __all__ = publish(globals())
