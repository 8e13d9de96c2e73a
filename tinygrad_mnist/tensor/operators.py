"""Python's operators on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import complain
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.inplace import apply_inplace
from tinygrad_mnist.ops import Op, dtypes

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Operand

_T = TypeVar("_T", bound=TensorBase)

_ARRAYS = (TensorBase, np.ndarray)
_OPERANDS = (*_ARRAYS, np.generic, int, float)


def _binary(op: Op, operands: tuple[type, ...] = _OPERANDS) -> Callable[[Tensor, Operand], Tensor]:
    """Make an operator of an operation on two tensors; it leaves other classes to themselves."""

    def operator(self: Any, other: Any) -> Any:
        return apply(op, self, other) if isinstance(other, operands) else NotImplemented

    return operator


def _reflected(op: Op) -> Callable[[Tensor, Operand], Tensor]:
    """Make the operator that Python calls where the first operand doesn't know tensors."""

    def operator(self: Any, other: Any) -> Any:
        return apply(op, other, self) if isinstance(other, _OPERANDS) else NotImplemented

    return operator


def _in_place(op: Op) -> Callable[[_T, Operand], _T]:
    """Make the operator that writes into its first operand."""

    def operator(self: Any, other: Any) -> Any:
        try:
            return apply_inplace(op, self, other)
        except Exception as error:
            complain(f"{op.name}_", error)
            raise

    return operator


def _unary(op: Op) -> Callable[[Tensor], Tensor]:
    def operator(self: Any) -> Any:
        return apply(op, self)

    return operator


_equal: Callable[[Any, Any], Tensor] = _binary(ops.eq)
_unequal: Callable[[Any, Any], Tensor] = _binary(ops.ne)


class Operators(TensorBase):
    """The operators of Tensor: ``x + y`` is :func:`add`, and so on."""

    __add__, __radd__, __iadd__ = _binary(ops.add), _reflected(ops.add), _in_place(ops.add)
    __sub__, __rsub__, __isub__ = _binary(ops.sub), _reflected(ops.sub), _in_place(ops.sub)
    __mul__, __rmul__, __imul__ = _binary(ops.mul), _reflected(ops.mul), _in_place(ops.mul)
    __truediv__, __rtruediv__ = _binary(ops.div), _reflected(ops.div)
    __itruediv__ = _in_place(ops.div)
    __floordiv__, __rfloordiv__ = _binary(ops.floor_divide), _reflected(ops.floor_divide)
    __ifloordiv__ = _in_place(ops.floor_divide)
    __mod__, __rmod__ = _binary(ops.remainder), _reflected(ops.remainder)
    __imod__ = _in_place(ops.remainder)
    __pow__, __ipow__ = _binary(ops.pow), _in_place(ops.pow)
    __matmul__, __rmatmul__ = _binary(ops.matmul, _ARRAYS), _reflected(ops.matmul)
    __neg__, __abs__, __invert__ = _unary(ops.neg), _unary(ops.abs), _unary(ops.bitwise_not)

    __and__, __rand__ = _binary(ops.bitwise_and), _reflected(ops.bitwise_and)
    __or__, __ror__ = _binary(ops.bitwise_or), _reflected(ops.bitwise_or)
    __xor__, __rxor__ = _binary(ops.bitwise_xor), _reflected(ops.bitwise_xor)
    __iand__, __ior__ = _in_place(ops.bitwise_and), _in_place(ops.bitwise_or)
    __ixor__ = _in_place(ops.bitwise_xor)

    __lt__, __le__ = _binary(ops.lt), _binary(ops.le)
    __gt__, __ge__ = _binary(ops.gt), _binary(ops.ge)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # object's returns a bool
        return _equal(self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]  # likewise
        return _unequal(self, other)

    __hash__ = object.__hash__

    def __pos__(self) -> Tensor:
        return self  # type: ignore[return-value]  # a Tensor, the only class with these operators

    def __rpow__(self, other: Operand) -> Tensor:
        # The rules compute with the base, so a number becomes an array.
        number = np.isscalar(other)
        base = np.asarray(other, dtypes.result_type(other, self._array)) if number else other
        return apply(ops.pow, base, self) if isinstance(base, _OPERANDS) else NotImplemented

    def __lshift__(self, other: Operand) -> Tensor:
        return _shifted(ops.left_shift, self, other)

    def __rshift__(self, other: Operand) -> Tensor:
        return _shifted(ops.right_shift, self, other)


def _shifted(op: Op, x: Any, y: Any) -> Tensor:
    known = isinstance(y, TensorBase | int | np.integer) and not isinstance(y, bool)
    return apply(op, x, y) if known else NotImplemented
