"""The older constructors, one for each dtype: ``FloatTensor([1, 2])``, ``LongTensor(2, 3)``.

They aren't classes of tensors: every tensor is a Tensor. But ``isinstance(x, FloatTensor)`` says
whether it holds float32.
"""

from __future__ import annotations

import copyreg
from typing import Any

from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import complain
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.creation import of_dtype


class _Typed(type):
    """Makes a tensor where a class would make an instance."""

    dtype: dtypes.dtype

    def __call__(cls, *data: Any) -> Tensor:
        """Make an uninitialised tensor of a shape, or one of the given numbers."""
        try:
            return of_dtype(cls.dtype, data)
        except Exception as error:
            complain(cls.__name__, error)
            raise

    def __instancecheck__(cls, x: Any) -> bool:
        """Return whether an object is a tensor of the dtype."""
        return isinstance(x, Tensor) and x._array.dtype == cls.dtype.numpy


def _typed(name: str, dtype: dtypes.dtype) -> Any:
    doc = f"Make a tensor of {dtype} from a shape or from numbers. Follows ``torch.{name}``."
    return _Typed(name, (), {"dtype": dtype, "__doc__": doc, "__module__": "torch"})


def _named(name: str) -> Any:
    return globals()[name]


copyreg.pickle(_Typed, lambda kind: (_named, (kind.__name__,)))  # they say that they are torch's

FloatTensor = _typed("FloatTensor", dtypes.float32)
DoubleTensor = _typed("DoubleTensor", dtypes.float64)
HalfTensor = _typed("HalfTensor", dtypes.float16)
LongTensor = _typed("LongTensor", dtypes.int64)
IntTensor = _typed("IntTensor", dtypes.int32)
ShortTensor = _typed("ShortTensor", dtypes.int16)
CharTensor = _typed("CharTensor", dtypes.int8)
ByteTensor = _typed("ByteTensor", dtypes.uint8)
BoolTensor = _typed("BoolTensor", dtypes.bool)

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor",
]  # fmt: skip
