"""Tensor methods that write into the tensor: arithmetic, fillings, and draws.

What is only a method with an underscore is in :mod:`~tinygrad_mnist.tensor.twins`.

Each is recorded as the tensor's new history, and each counts up the version that all views of
the memory share, so that backward notices when it would need what was overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, apply
from tinygrad_mnist.autograd.inplace import (
    apply_inplace,
    check_writable,
    memory_of,
    original,
    overwritten,
    rebase_history,
    store,
)
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import random
from tinygrad_mnist.tensor.arguments import (
    as_number,
    as_tensor,
    broadcast,
    named_methods,
    number_first,
)
from tinygrad_mnist.tensor.elementwise import (
    check_lerp,
    check_product,
    is_one,
    mask_and_value,
    scaled,
)

if TYPE_CHECKING:
    pass


def _check_range(dtype: np.dtype[Any], low: int, high: int) -> None:
    """Refuse bounds that a dtype can't hold, and warn of those that it can't hold exactly."""
    if dtype.kind == "f":
        most = int(np.finfo(dtype).max)
        exact = 2 ** (np.finfo(dtype).nmant + 1)
        bounds, kind = (-most, most), f"{dtype}, whose integers are exact up to {exact}"
        if max(-low, high) > exact and bounds[0] <= low and high <= most:
            warn(f"random_: the bounds {low} and {high} are beyond the range of {kind}")
    else:
        info = None if dtype.kind == "b" else np.iinfo(dtype)
        bounds, kind = (0, 1) if info is None else (int(info.min), int(info.max)), str(dtype)
    if low < bounds[0] or high > bounds[1]:
        raise RuntimeError(
            f"random_: numbers from {low} to {high} are out of bounds for {kind}, which holds "
            f"{bounds[0]} to {bounds[1]}"
        )


@named_methods
class InplaceMethods(TensorBase):
    """What Tensor can do to itself."""

    if TYPE_CHECKING:

        def __setitem__(self, index: Any, value: Any) -> None: ...

    def add_(self, other: Any, *older: Any, alpha: float = 1) -> Self:
        """Add ``alpha * other`` to self."""
        if older:
            return number_first(self.add_, (other, *older), "alpha")  # type: ignore[no-any-return]
        if not is_one(alpha):
            other = scaled("add_", self, other, alpha)
        return apply_inplace(ops.add, self, other)

    def sub_(self, other: Any, *older: Any, alpha: float = 1) -> Self:
        """Subtract ``alpha * other`` from self."""
        if older:
            return number_first(self.sub_, (other, *older), "alpha")  # type: ignore[no-any-return]
        if not is_one(alpha):
            other = scaled("sub_", self, other, alpha)
        return apply_inplace(ops.sub, self, other)

    def mul_(self, other: Any) -> Self:
        """Multiply self by other."""
        return apply_inplace(ops.mul, self, other)

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Self:
        """Divide self by other, rounded if rounding_mode is ``"floor"`` or ``"trunc"``."""
        if rounding_mode is None:
            return apply_inplace(ops.div, self, other)
        check_writable("div_", self, other)
        return store("div_", self, self.div(other, rounding_mode=rounding_mode))  # type: ignore[attr-defined]

    multiply_, subtract_ = mul_, sub_
    divide_ = true_divide_ = div_

    def pow_(self, exponent: Any) -> Self:
        """Raise self to a power."""
        return apply_inplace(ops.pow, self, exponent)

    def __iadd__(self, other: Any) -> Self:
        """Add to self in place."""
        return self.add_(other)

    def __isub__(self, other: Any) -> Self:
        """Subtract from self in place."""
        return self.sub_(other)

    def __imul__(self, other: Any) -> Self:
        """Multiply self in place."""
        return self.mul_(other)

    def __itruediv__(self, other: Any) -> Self:
        """Divide self in place."""
        return self.div_(other)

    def __ipow__(self, exponent: Any) -> Self:
        """Raise self to a power in place."""
        return self.pow_(exponent)

    def __ifloordiv__(self, other: Any) -> Self:
        """Divide self in place, rounding down."""
        return apply_inplace(ops.floor_divide, self, other)

    def __imod__(self, other: Any) -> Self:
        """Replace self by the remainder of its division."""
        return apply_inplace(ops.remainder, self, other)

    def __iand__(self, other: Any) -> Self:
        """Keep the bits that are set in other too."""
        return apply_inplace(ops.bitwise_and, self, other)

    def __ior__(self, other: Any) -> Self:
        """Set the bits that are set in other."""
        return apply_inplace(ops.bitwise_or, self, other)

    def __ixor__(self, other: Any) -> Self:
        """Turn the bits that are set in other."""
        return apply_inplace(ops.bitwise_xor, self, other)

    def clamp_(self, min: float | None = None, max: float | None = None) -> Self:
        """Bring the elements into the interval from min to max."""
        if min is None and max is None:
            raise RuntimeError("clamp_: at least one of 'min' or 'max' must not be None")
        if isinstance(min, TensorBase) or isinstance(max, TensorBase):
            check_writable("clamp_", self, min, max)
            clamped = original(self, min, max).clamp(min, max)
            return store("clamp_", self, clamped)
        for name, bound in (("min", min), ("max", max)):
            if bound is not None:
                as_number("clamp_", name, bound)
        return apply_inplace(ops.clamp, self, min=min, max=max)

    clip_ = clamp_

    def lerp_(self, end: Any, weight: Any) -> Self:
        """Move self towards end: add ``weight * (end - self)``."""
        check_lerp("lerp_", self, end, weight)
        return self.add_(apply(ops.mul, apply(ops.sub, end, self), weight))

    def addcmul_(self, tensor1: Any, tensor2: Any, *older: Any, value: float = 1) -> Self:
        """Add ``value * tensor1 * tensor2`` to self."""
        if older:
            return number_first(self.addcmul_, (tensor1, tensor2, *older), "value")  # type: ignore[no-any-return]
        check_product("addcmul_", self, tensor1, tensor2, "b")
        return self.add_(apply(ops.mul, tensor1, tensor2), alpha=value)

    def addcdiv_(self, tensor1: Any, tensor2: Any, *older: Any, value: float = 1) -> Self:
        """Add ``value * tensor1 / tensor2`` to self."""
        if older:
            return number_first(self.addcdiv_, (tensor1, tensor2, *older), "value")  # type: ignore[no-any-return]
        check_product("addcdiv_", self, tensor1, tensor2, "biu")
        return self.add_(apply(ops.div, tensor1, tensor2), alpha=value)

    def exponential_(
        self, lambd: float = 1.0, *, generator: random.Generator | None = None
    ) -> Self:
        """Fill self with numbers drawn from an exponential distribution of a rate."""
        rate, source = as_number("exponential_", "lambd", lambd), random.source_of(generator)
        if self._array.dtype.kind != "f":
            raise RuntimeError("exponential_: the tensor must be floating point")
        return self._draw(
            "exponential_", source.exponential(self._array.shape, self._array.dtype, rate)
        )

    def zero_(self) -> Self:
        """Fill self with zeros."""
        return self.fill_(0)

    def fill_(self, value: Any) -> Self:
        """Fill self with a number."""
        if isinstance(value, TensorBase):
            if value._array.ndim:
                raise RuntimeError(
                    f"fill_: only supports a 0-dimensional value tensor, but got one of shape "
                    f"{list(value._array.shape)}"
                )
        else:
            value = as_number("fill_", "value", value)
        self[...] = value
        return self

    def copy_(self, other: Any, non_blocking: bool = False) -> Self:
        """Write the elements of another tensor into self, converted to self's dtype."""
        if isinstance(other, tuple | list):
            as_tensor("copy_", "other", other)
        self[...] = other
        return self

    def masked_fill_(self, mask: Any, value: Any) -> Self:
        """Write a number wherever the mask is true."""
        mask, value = mask_and_value("masked_fill_", self, mask, value)
        shape = self._array.shape
        if broadcast("masked_fill_", shape, mask._array.shape) != shape:
            raise RuntimeError(
                f"masked_fill_: the mask's shape {list(mask.shape)} doesn't broadcast to the "
                f"tensor's, {list(shape)}"
            )
        self[np.broadcast_to(mask._array, shape)] = value
        return self

    def _draw(self, name: str, values: np.ndarray) -> Self:
        check_writable(name, self)
        memory_of(self)[...] = values
        rebase_history(name, self, overwritten(self))
        return self

    def _need_floats(self, name: str) -> None:
        if self._array.dtype.kind != "f":
            raise NotImplementedError(
                f"{name}: not implemented for {dtypes.of(self._array.dtype)}; use random_ for "
                f"integers"
            )

    def uniform_(
        self,
        from_: float = 0.0,
        to: float = 1.0,
        *,
        generator: random.Generator | None = None,
        **bound: float,
    ) -> Self:
        """Fill self with numbers drawn uniformly from an interval."""
        low = bound.pop("from", from_)
        if bound:
            raise TypeError(f"uniform_: unexpected arguments {sorted(bound)}")
        if not low <= to:
            raise RuntimeError(f"uniform_: expects from <= to, but got from={low} > to={to}")
        self._need_floats("uniform_")
        source = random.source_of(generator)
        return self._draw("uniform_", source.uniform(self._array.shape, self._array.dtype, low, to))

    def normal_(
        self, mean: float = 0.0, std: float = 1.0, *, generator: random.Generator | None = None
    ) -> Self:
        """Fill self with numbers drawn from a normal distribution."""
        if std < 0:
            raise RuntimeError(f"normal_: expects std >= 0.0, but got {std}")
        self._need_floats("normal_")
        source = random.source_of(generator)
        return self._draw("normal_", source.normal(self._array.shape, self._array.dtype, mean, std))

    def bernoulli_(self, p: Any = 0.5, *, generator: random.Generator | None = None) -> Self:
        """Fill self with ones drawn with probability p, and zeros."""
        source = random.source_of(generator)
        chance = p._array if isinstance(p, TensorBase) else p
        if not np.all((np.asarray(chance) >= 0) & (np.asarray(chance) <= 1)):
            raise RuntimeError(f"bernoulli_: expects 0 <= p <= 1, but got p={p}")
        return self._draw(
            "bernoulli_", source.bernoulli(chance, self._array.shape, self._array.dtype)
        )

    def random_(
        self, from_: int = 0, to: int | None = None, *, generator: random.Generator | None = None
    ) -> Self:
        """Fill self with integers drawn uniformly from ``from_`` up to, not including, ``to``.

        Given one number, it is ``to``; given none, they go up to what the dtype holds exactly.
        """
        source = random.source_of(generator)
        if to is None and not from_:
            return self._draw("random_", source.any_integers(self._array.shape, self._array.dtype))
        if to is None:
            from_, to = 0, from_
        if not from_ < to:
            raise RuntimeError(f"random_: 'from' must be less than 'to', but got {from_} and {to}")
        _check_range(self._array.dtype, from_, to - 1)
        drawn = source.integers(from_, to, self._array.shape)
        return self._draw("random_", drawn)
