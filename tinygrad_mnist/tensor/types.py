"""Shapes, the order of memory, and names for what arguments may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    overload,
)

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as PyTorch's.

    Examples
    --------
    >>> Size([2, 3]), Size([2, 3]).numel(), Size([2, 3])[:1] + (4,)
    (torch.Size([2, 3]), 6, torch.Size([2, 4]))
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Size: ...
    def __getitem__(self, index: SupportsIndex | slice) -> int | Size:
        found: Any = super().__getitem__(index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(super().__add__(other))

    def __radd__(self, other: Any) -> Size:
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: Any) -> Size:
        return Size(super().__mul__(count))

    __rmul__ = __mul__


# The order of elements in memory, which scripts hand around. NumPy keeps each array's own.


class memory_format:
    """How dimensions follow each other in memory. It prints as PyTorch's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        """Pickle by name, so that there is one of each."""
        return self.name


class layout(memory_format):
    """How the elements of a tensor are stored: by strides."""


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")

# Arguments, for type checkers and readers

Operand: TypeAlias = "Tensor | float | np.ndarray | np.generic"
"""A tensor, or a number or array to combine it with."""

Number: TypeAlias = "float | Tensor | np.generic"
"""One number: Python's, NumPy's, or a tensor of one element."""

Index: TypeAlias = (
    "SupportsIndex | slice | EllipsisType | range | list[Any] | tuple[Any, ...] | None"
)
"""An index: tensors and arrays are among ``SupportsIndex``."""

Dims: TypeAlias = "int | Sequence[int] | None"
"""Dimensions: one, several, or all of them."""

__all__ = [
    "Size", "channels_last", "channels_last_3d", "contiguous_format", "layout", "memory_format",
    "preserve_format", "strided",
]  # fmt: skip


P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)


class WithOut(Protocol[P, R]):
    """A function that takes ``out``, too; the other arguments aren't checked where that is given.

    A method of the same arguments takes none.
    """

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, out: Any, **kwargs: Any) -> R: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> WithOut[P, R]: ...
    @overload
    def __get__(
        self: WithOut[Concatenate[Any, Q], R], instance: Tensor, owner: Any = None
    ) -> Callable[Q, R]: ...


class WithAxis(Protocol[P, R]):
    """A function that takes ``out``, and ``axis`` for ``dim``, too, as its method does."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, out: Any, **kwargs: Any) -> R: ...
    @overload
    def __call__(self, input: Tensor, *, axis: Dims, keepdims: bool = ..., **kwargs: Any) -> R: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> WithAxis[P, R]: ...
    @overload
    def __get__(
        self: WithAxis[Concatenate[Any, Q], R], instance: Tensor, owner: Any = None
    ) -> AxisMethod[Q, R]: ...


class AxisMethod(Protocol[P, R]):
    """A method that takes ``axis`` for ``dim``, too."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *, axis: Dims, keepdims: bool = ..., **kwargs: Any) -> R: ...


class Unary(Protocol):
    """A function of one tensor, which is a method, too."""

    def __call__(self, input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Unary: ...
    @overload
    def __get__(self, instance: Tensor, owner: Any = None) -> Callable[[], Tensor]: ...


class Binary(Protocol):
    """A function of two tensors, or of a tensor and a number, which is a method, too."""

    def __call__(self, input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor: ...
    @overload
    def __get__(self, instance: None, owner: Any = None) -> Binary: ...
    @overload
    def __get__(self, instance: Tensor, owner: Any = None) -> BinaryMethod: ...


class BinaryMethod(Protocol):
    """A method of one argument."""

    def __call__(self, other: Operand) -> Tensor: ...
