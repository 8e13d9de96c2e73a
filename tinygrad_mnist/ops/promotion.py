"""Bringing the inputs of an operation to the dtype that it is computed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.contract import Op

_KINDS = {"b": "bools", "i": "integers", "u": "integers", "f": "floating-point numbers"}

REFUSED: dict[Callable[..., None], str] = {}
"""What checks refuse, in words."""


def refuse(kinds: str) -> Callable[..., None]:
    """Return an entry's check that refuses kinds of numbers: b for bools, iu integers, f floats."""

    def check(*inputs: Any) -> None:
        if (kind := dtypes.result_type(*inputs).kind) in kinds:
            raise NotImplementedError(
                f"not implemented for {_KINDS[kind]}; convert the tensor first"
            )

    REFUSED[check] = " and ".join(dict.fromkeys(_KINDS[kind] for kind in kinds))
    return check


def refuse_bools(*inputs: Any) -> None:
    """Refuse bools, as an entry's check, in favour of what inverts and combines masks."""
    for x in inputs:
        if isinstance(x, bool | np.bool_) or (isinstance(x, np.ndarray) and x.dtype.kind == "b"):
            raise RuntimeError(
                "is not supported for bools; use ~, ^ or logical_not() for masks, or convert the "
                "tensor with int()"
            )


REFUSED[refuse_bools] = "bools"


def promote(op: Op, arrays: list[Any]) -> list[Any]:
    """Bring inputs to the dtype they are computed in, by PyTorch's category rule.

    Python scalars stay what they are where NumPy already treats them as weak. Inputs without
    a rule in a differentiable operation (a condition, an index) are left alone.
    """
    try:
        if arrays[-1] is None and type(op.forward) is np.ufunc:
            raise TypeError("expected a tensor, an array or a number, got NoneType")
        if op.check is not None:
            op.check(*arrays)
        return _brought(op, arrays)
    except (TypeError, RuntimeError) as error:
        raise type(error)(f"{op.name}: {error}") from None
    except (IndexError, ValueError):  # as many inputs as there are names
        raise TypeError(f"{op.name}: {op.misuse(len(arrays), {})}") from None
    except OverflowError as error:
        said = str(error) if str(error).startswith("the number") else "a number is too large"
        raise RuntimeError(f"{op.name}: {said}") from None


def _brought(op: Op, arrays: list[Any]) -> list[Any]:
    if op.differentiable and len(op.rules) < len(op.inputs):
        numbers = [a for a, name in zip(arrays, op.inputs, strict=True) if name in op.rules]
        brought = iter(_promote(op.promotes, numbers))
        pairs = zip(arrays, op.inputs, strict=True)
        return [next(brought) if name in op.rules else a for a, name in pairs]
    return _promote(op.promotes, arrays)


def _promote(kind: str, arrays: list[Any]) -> list[Any]:
    first = next((a.dtype for a in arrays if isinstance(a, np.ndarray)), None)
    for a in arrays:
        if isinstance(a, np.ndarray):
            if a.dtype is not first:
                break
        elif a.__class__ is float:
            if first is None or first.kind != "f":
                break
        elif a is not None and (a.__class__ is not int or first is None):
            break
    else:
        if first is not None and first.kind == "f":
            return arrays
        if first is not None and kind != "float" and first.kind != "b":
            # A number beyond an integer dtype wraps around, as it does in PyTorch.
            return [_wrapped(a, first) if type(a) is int else a for a in arrays]
    common = dtypes.result_type(*(a for a in arrays if a is not None))
    if kind == "float" and common.kind != "f":
        common = dtypes.default_float()
    if any(map(_may_overflow, arrays)):
        with np.errstate(all="ignore"):
            return [a if a is None else dtypes.as_array(a, common) for a in arrays]
    return [a if a is None else dtypes.as_array(a, common) for a in arrays]


def _may_overflow(a: Any) -> bool:
    """Whether something without dimensions may be too large for the dtype of other tensors."""
    if isinstance(a, np.ndarray):
        return not a.ndim
    return isinstance(a, float) and not -65504 <= a <= 65504


def _wrapped(number: int, dtype: np.dtype[Any]) -> Any:
    info = np.iinfo(dtype)
    if info.min <= number <= info.max:
        return number
    if not -(2**63) <= number < 2**63:
        raise OverflowError(f"the number {number} is too large for an int64; use a float")
    return np.asarray(number % (int(info.max) - int(info.min) + 1), np.uint64).astype(dtype)
