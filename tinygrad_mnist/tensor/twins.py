"""In-place twins of what makes a new tensor: ``sin_`` writes what ``sin`` returns into the tensor.

Each is recorded as the tensor's new history. The twins of views (``squeeze_``, ``t_``) write no
element: they change how the tensor looks at its memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.autograd.inplace import (
    apply_inplace,
    check_writable,
    original,
    rebase_history,
    store,
)
from tinygrad_mnist.autograd.modes import modes, recording
from tinygrad_mnist.tensor import scattering, special, statistics
from tinygrad_mnist.tensor.arguments import as_number, complain, named
from tinygrad_mnist.tensor.elementwise import ElementwiseMethods
from tinygrad_mnist.tensor.indexing import IndexingMethods
from tinygrad_mnist.tensor.linalg import LinalgMethods
from tinygrad_mnist.tensor.reduction import ReductionMethods
from tinygrad_mnist.tensor.shape import ShapeMethods

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


def applied(op: ops.Op) -> Callable[[Any], Tensor]:
    """Make the in-place twin of an operation on one tensor."""
    name = op.name + "_"

    def twin(self: Any) -> Any:
        try:
            return apply_inplace(op, self)
        except Exception as error:
            complain(name, error)
            raise

    twin.__name__ = twin.__qualname__ = name
    twin.__doc__ = f"Write what :meth:`{op.name}` returns into self."
    return twin


def inplace(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make the in-place twin of a method: its result is written into the tensor."""
    name = method.__name__ + "_"

    @functools.wraps(method)
    def twin(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            check_writable(name, self, *args, *kwargs.values())
            first = original(self, *args, *kwargs.values())
            return store(name, self, method(first, *args, **kwargs))
        except Exception as error:
            complain(name, error, method, (self, *args), kwargs)
            raise

    twin.__name__ = twin.__qualname__ = name
    twin.__doc__ = f"Write what :meth:`{method.__name__}` returns into self."
    return twin


def is_outdated(x: TensorBase) -> bool:
    """Whether a view's memory was written to since its history was made."""
    return x._base is not None and x._seen != x._version.count


def reshaped(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make the in-place twin of a view: the tensor itself becomes the view."""
    name = method.__name__ + "_"

    @functools.wraps(method)
    def twin(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if modes.enabled and self._requires_grad and self._node is None:
                raise RuntimeError(
                    f"{name}: a leaf Variable that requires grad can't be changed by an in-place "
                    f"operation; use {method.__name__}, which makes a view"
                )
            # What a tensor was computed from doesn't change with its shape, under no_grad either.
            # A view whose memory was written to since gets its history anew anyway.
            computed = self._node is not None and not is_outdated(self)
            with recording(modes.enabled or computed):
                view = method(self, *args, **kwargs)
            self._array, self._fixed_order = view._array, view._fixed_order
            if not is_outdated(self):
                self._node = view._node
        except Exception as error:
            complain(name, error, method, (self, *args), kwargs)
            raise
        return self

    twin.__name__ = twin.__qualname__ = name
    twin.__doc__ = f"Make self the view that :meth:`{method.__name__}` returns."
    return twin


class InplaceTwins(TensorBase):
    """What Tensor can do to itself as it does to others."""

    abs_ = applied(ops.abs)
    ceil_ = applied(ops.ceil)
    exp_ = applied(ops.exp)
    floor_ = applied(ops.floor)
    log_ = applied(ops.log)
    neg_ = applied(ops.neg)
    reciprocal_ = applied(ops.reciprocal)
    relu_ = applied(ops.relu)
    rsqrt_ = applied(ops.rsqrt)
    sigmoid_ = applied(ops.sigmoid)
    sign_ = applied(ops.sign)
    sqrt_ = applied(ops.sqrt)
    square_ = applied(ops.square)
    tanh_ = applied(ops.tanh)
    trunc_ = applied(ops.trunc)
    negative_, absolute_, fix_ = neg_, abs_, trunc_

    addbmm_ = inplace(LinalgMethods.addbmm)
    addmm_ = inplace(LinalgMethods.addmm)
    addmv_ = inplace(LinalgMethods.addmv)
    addr_ = inplace(LinalgMethods.addr)
    baddbmm_ = inplace(LinalgMethods.baddbmm)
    acos_ = inplace(ElementwiseMethods.acos)
    acosh_ = inplace(special.acosh)
    asin_ = inplace(ElementwiseMethods.asin)
    asinh_ = inplace(special.asinh)
    atan_ = inplace(ElementwiseMethods.atan)
    atan2_ = inplace(ElementwiseMethods.atan2)
    atanh_ = inplace(special.atanh)
    bitwise_and_ = inplace(ElementwiseMethods.bitwise_and)
    bitwise_not_ = inplace(ElementwiseMethods.bitwise_not)
    bitwise_or_ = inplace(ElementwiseMethods.bitwise_or)
    bitwise_xor_ = inplace(ElementwiseMethods.bitwise_xor)
    clamp_max_ = inplace(special.clamp_max)
    clamp_min_ = inplace(special.clamp_min)
    bitwise_left_shift_ = inplace(special.bitwise_left_shift)
    bitwise_right_shift_ = inplace(special.bitwise_right_shift)
    cos_ = inplace(ElementwiseMethods.cos)
    cosh_ = inplace(ElementwiseMethods.cosh)
    cumprod_ = inplace(statistics.cumprod)
    cumsum_ = inplace(ReductionMethods.cumsum)
    deg2rad_ = inplace(special.deg2rad)
    digamma_ = inplace(special.digamma)
    eq_ = inplace(ElementwiseMethods.eq)
    erf_ = inplace(ElementwiseMethods.erf)
    erfc_ = inplace(special.erfc)
    erfinv_ = inplace(special.erfinv)
    exp2_ = inplace(ElementwiseMethods.exp2)
    expm1_ = inplace(ElementwiseMethods.expm1)
    float_power_ = inplace(special.float_power)
    floor_divide_ = inplace(ElementwiseMethods.floor_divide)
    fmod_ = inplace(special.fmod)
    frac_ = inplace(special.frac)
    ge_ = inplace(ElementwiseMethods.ge)
    gt_ = inplace(ElementwiseMethods.gt)
    heaviside_ = inplace(special.heaviside)
    hypot_ = inplace(special.hypot)
    index_add_ = inplace(scattering.index_add)
    index_copy_ = inplace(scattering.index_copy)
    index_fill_ = inplace(scattering.index_fill)
    index_put_ = inplace(scattering.index_put)
    le_ = inplace(ElementwiseMethods.le)
    lgamma_ = inplace(special.lgamma)
    log10_ = inplace(ElementwiseMethods.log10)
    log1p_ = inplace(ElementwiseMethods.log1p)
    log2_ = inplace(ElementwiseMethods.log2)
    logical_and_ = inplace(ElementwiseMethods.logical_and)
    logical_not_ = inplace(ElementwiseMethods.logical_not)
    logical_or_ = inplace(ElementwiseMethods.logical_or)
    logical_xor_ = inplace(ElementwiseMethods.logical_xor)
    logit_ = inplace(special.logit)
    lt_ = inplace(ElementwiseMethods.lt)
    masked_scatter_ = inplace(scattering.masked_scatter)
    nan_to_num_ = inplace(special.nan_to_num)
    ne_ = inplace(ElementwiseMethods.ne)
    rad2deg_ = inplace(special.rad2deg)
    remainder_ = inplace(ElementwiseMethods.remainder)
    round_ = inplace(ElementwiseMethods.round)
    scatter_ = inplace(scattering.scatter)
    scatter_add_ = inplace(IndexingMethods.scatter_add)
    scatter_reduce_ = inplace(scattering.scatter_reduce)
    sgn_ = inplace(special.sgn)
    sin_ = inplace(ElementwiseMethods.sin)
    sinc_ = inplace(special.sinc)
    sinh_ = inplace(ElementwiseMethods.sinh)
    tan_ = inplace(ElementwiseMethods.tan)
    tril_ = inplace(ShapeMethods.tril)
    triu_ = inplace(ShapeMethods.triu)
    xlogy_ = inplace(special.xlogy)
    arccos_, arccosh_, arcsin_, arcsinh_ = acos_, acosh_, asin_, asinh_
    arctan_, arctanh_, arctan2_ = atan_, atanh_, atan2_
    greater_, greater_equal_, less_, less_equal_, not_equal_ = gt_, ge_, lt_, le_, ne_

    squeeze_ = reshaped(ShapeMethods.squeeze)
    unsqueeze_ = reshaped(ShapeMethods.unsqueeze)
    transpose_ = reshaped(ShapeMethods.transpose)
    swapaxes_ = swapdims_ = transpose_
    t_ = reshaped(ShapeMethods.t)

    @named
    def apply_(self, function: Callable[[Any], Any]) -> Tensor:
        """Replace each element by what a Python function returns for it. It is slow."""
        if self._node is not None or self._requires_grad:
            raise RuntimeError("apply_: can't be called on a tensor that requires grad")
        check_writable("apply_", self)
        if not callable(function):
            raise TypeError(f"apply_: expected a function, got {type(function).__name__}")
        numbers = self._array.ravel().tolist()
        values = [as_number("apply_", "a result", function(x)) for x in numbers]
        self._array[...] = np.array(values).reshape(self._array.shape)
        rebase_history("apply_", self, None)
        return self  # type: ignore[return-value]

    @named
    def fill_diagonal_(self, fill_value: Any, wrap: bool = False) -> Tensor:
        """Write a number on the diagonal of a matrix."""
        check_writable("fill_diagonal_", self)
        if self._array.ndim < 2:
            raise RuntimeError(
                f"fill_diagonal_: dimensions must be larger than 1, got {list(self._array.shape)}"
            )
        if self._array.ndim > 2 and len(set(self._array.shape)) > 1:
            raise RuntimeError(
                f"fill_diagonal_: all dimensions of input must be of equal length, got "
                f"{list(self._array.shape)}"
            )
        if self._node is not None:
            raise RuntimeError("fill_diagonal_: the change isn't recorded; use where with eye()")
        number = as_number("fill_diagonal_", "fill_value", fill_value)
        with np.errstate(all="ignore"):
            np.fill_diagonal(self._array, number, bool(wrap))
        rebase_history("fill_diagonal_", self, None)
        return self  # type: ignore[return-value]
