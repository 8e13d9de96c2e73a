"""Element types under PyTorch's names, and PyTorch's rule for mixing them.

NumPy would make float64 of ``float32 * np.float64(2)`` and of ``int64 * float32``. PyTorch's
rule goes by category (bool < integer < floating): only a higher category, or a higher dtype of
one category among equals, changes the result; and tensors with dimensions come before 0-d
tensors, which come before Python numbers.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar, TypeAlias

import numpy as np


class dtype:
    """The type of a tensor's elements. There is one instance of each; it prints as PyTorch's.

    Examples
    --------
    >>> float32, float32.is_floating_point, float32 == np.float32
    (torch.float32, True, True)
    """

    _all: ClassVar[dict[np.dtype[Any], dtype]] = {}
    is_complex: builtins.bool = False

    def __init__(self, name: str) -> None:
        self.numpy = np.dtype(name)
        self.dtype = self.numpy  # lets NumPy's own functions take it: np.zeros(3, float32)
        self.name = name
        self.is_floating_point = self.numpy.kind == "f"
        self.is_signed = self.numpy.kind in "fi"
        self.itemsize = self.numpy.itemsize
        dtype._all[self.numpy] = self

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __eq__(self, other: object) -> builtins.bool:
        """Compare with another dtype, or with NumPy's."""
        if isinstance(other, dtype):
            return self is other
        return isinstance(other, np.dtype | type) and self.numpy == other

    def __hash__(self) -> builtins.int:
        """Hash as NumPy's dtype does, which is equal to it."""
        return hash(self.numpy)

    def __reduce__(self) -> Any:
        """Pickle by name, so that there stays one instance of each."""
        return of, (self.numpy,)

    def __deepcopy__(self, memo: Any) -> dtype:
        return self


float16 = half = dtype("float16")
float32 = float = dtype("float32")
float64 = double = dtype("float64")
int8 = dtype("int8")
int16 = short = dtype("int16")
int32 = int = dtype("int32")
int64 = long = dtype("int64")
uint8 = dtype("uint8")
bool = dtype("bool")


class UnknownDtype(dtype):
    """A dtype that NumPy lacks: it can be named and compared, but no tensor has it."""

    def __init__(self, name: str, itemsize: builtins.int) -> None:
        self.name, self.itemsize, self.is_signed = name, itemsize, True
        self.is_complex = name.startswith("complex")
        self.is_floating_point = not self.is_complex

    def __getattr__(self, name: str) -> Any:
        """Raise, when NumPy's dtype is asked for: there is none."""
        if name not in ("numpy", "dtype"):
            raise AttributeError(f"torch.{self.name} has no attribute {name!r}")
        instead = "real and imaginary parts" if self.is_complex else "float32"
        raise TypeError(f"no tensor can be of dtype torch.{self.name} here; use {instead}")

    def __eq__(self, other: object) -> builtins.bool:
        return self is other

    def __hash__(self) -> builtins.int:
        return hash(self.name)

    def __reduce__(self) -> Any:
        """Pickle by name, so that there stays one instance of each."""
        return self.name


bfloat16 = UnknownDtype("bfloat16", 2)
complex64 = cfloat = UnknownDtype("complex64", 8)
complex128 = cdouble = UnknownDtype("complex128", 16)

DTypeLike: TypeAlias = dtype | np.dtype[Any] | type | str
"""Whatever may stand for a dtype in an argument: ours, NumPy's, Python's, or a name."""

_NAMES = {
    "float16": "Half", "float32": "Float", "float64": "Double", "int8": "Char", "int16": "Short",
    "int32": "Int", "int64": "Long", "uint8": "Byte", "bool": "Bool",
}  # fmt: skip
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}
_default = np.dtype(np.float32)


def of(kind: np.dtype[Any]) -> dtype:
    """Return the dtype for one of NumPy's.

    Raises
    ------
    TypeError
        When there is none, as for strings, objects and complex numbers.
    """
    try:
        return dtype._all[kind]
    except KeyError:
        raise TypeError(
            f"can't convert NumPy's dtype {kind} to a tensor's; the supported ones are "
            f"{', '.join(x.name for x in dtype._all.values())}"
        ) from None


def as_numpy(kind: Any) -> np.dtype[Any]:
    """Return NumPy's dtype for a dtype of any form: ours, NumPy's, Python's, or a name."""
    if isinstance(kind, dtype):
        return kind.numpy
    if kind is None:
        raise TypeError("expected a dtype such as float32, got None")
    if isinstance(kind, type) and isinstance(found := getattr(kind, "dtype", None), dtype):
        return found.numpy  # FloatTensor and its like
    if isinstance(kind, str) and kind.startswith("torch."):
        names = {f"torch.{of_type}Tensor": name for name, of_type in _NAMES.items()}
        kind = names.get(kind, kind.removeprefix("torch."))
    try:
        found = np.dtype(kind)
    except (TypeError, ValueError):
        given = repr(kind) if isinstance(kind, str) else type(kind).__name__
        given = "a NumPy array" if isinstance(kind, np.ndarray) else given
        raise TypeError(f"expected a dtype such as float32, got {given}") from None
    try:
        return of(found).numpy
    except TypeError as error:
        raise TypeError(f"expected a dtype such as float32, got {kind!r}: {error}") from None


def _named(name: str, kind: Any) -> np.dtype[Any]:
    """Return NumPy's dtype for an argument of a function that is named in the error."""
    try:
        return as_numpy(kind)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None


def type_name(kind: np.dtype[Any]) -> str:
    """Return the name of PyTorch's class for a dtype, such as ``torch.FloatTensor``."""
    return f"torch.{_NAMES[kind.name]}Tensor"


def convert(array: np.ndarray, kind: np.dtype[Any], copy: builtins.bool = True) -> np.ndarray:
    """Return an array in another dtype, without NumPy's warnings of what doesn't fit there.

    A float too large for its new dtype becomes infinity; NaN, infinity and what is too large for
    an integer become whatever the processor makes of them, as in PyTorch.
    """
    if array.dtype.kind != "f" or (kind.kind == "f" and kind.itemsize >= array.dtype.itemsize):
        return array.astype(kind, copy=copy)
    with np.errstate(all="ignore"):
        return array.astype(kind, copy=copy)


def as_array(x: Any, kind: Any = None) -> np.ndarray:
    """Return what NumPy has computed as an array, for it returns scalars too.

    Other than ``np.asarray`` it lets pass what stands for an array.
    """
    if not isinstance(x, np.ndarray):
        return np.asarray(x, kind)
    return x if kind is None or x.dtype == kind else x.astype(kind)


def as_float(kind: Any) -> np.dtype[Any]:
    """Return NumPy's dtype for a dtype, and the default floating-point one for None."""
    return _default if kind is None else as_numpy(kind)


def default_float() -> np.dtype[Any]:
    """Return NumPy's dtype of new floating-point tensors."""
    return _default


def get_default_dtype() -> dtype:
    """Return the dtype of new floating-point tensors. Follows ``torch.get_default_dtype``.

    Returns
    -------
    A dtype: float32, unless it was set.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return of(_default)


def set_default_dtype(d: DTypeLike) -> None:
    """Set the dtype of new floating-point tensors. Follows ``torch.set_default_dtype``.

    Parameters
    ----------
    d
        A floating-point dtype.

    Raises
    ------
    TypeError
        When it isn't a floating-point one.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_default_dtype(torch.float64)
    >>> torch.tensor([1.0]).dtype, torch.zeros(2).dtype
    (torch.float64, torch.float64)
    >>> torch.set_default_dtype(torch.float32)
    """
    global _default
    chosen = as_numpy(d)
    if chosen.kind != "f":
        raise TypeError(f"set_default_dtype: only floating-point types can be default, not {d}")
    _default = chosen


def can_hold(source: np.dtype[Any], target: np.dtype[Any]) -> builtins.bool:
    """Return whether numbers of one dtype may be written to another without asking.

    Lost digits are allowed; lost fractions, and numbers made bools, are not.
    """
    return _CATEGORY[source.kind] <= _CATEGORY[target.kind]


def can_cast(from_: DTypeLike, to: DTypeLike) -> builtins.bool:
    """Return whether PyTorch casts one dtype to another by itself. Follows ``torch.can_cast``.

    Parameters
    ----------
    from_
        A dtype.
    to
        Another one.

    Returns
    -------
    A bool.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.can_cast(torch.float64, torch.float32), torch.can_cast(torch.float32, torch.int64)
    (True, False)
    """
    return can_hold(_named("can_cast", from_), _named("can_cast", to))


def promote_types(type1: DTypeLike, type2: DTypeLike) -> dtype:
    """Return the dtype in which two are combined. Follows ``torch.promote_types``.

    Parameters
    ----------
    type1, type2
        Dtypes.

    Returns
    -------
    A dtype.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.promote_types(torch.int64, torch.float32)
    torch.float32
    """
    return of(wider(_named("promote_types", type1), _named("promote_types", type2)))


def result_type(*operands: Any) -> np.dtype[Any]:
    """Return the dtype in which operands are combined, by PyTorch's category rule.

    Examples
    --------
    >>> result_type(np.ones(2, np.float32), np.float64(2.0), 3)
    dtype('float32')
    """
    ranks: list[np.dtype[Any] | None] = [None, None, None]
    for x in operands:
        if isinstance(x, np.ndarray):
            rank, kind = (0 if x.ndim else 1), x.dtype
        elif isinstance(x, builtins.bool | np.bool_):
            rank, kind = 2, np.dtype(np.bool_)
        elif isinstance(x, builtins.int | np.integer):
            rank, kind = 2, np.dtype(np.int64)
        elif isinstance(x, builtins.float | np.floating):
            rank, kind = 2, _default
        else:
            raise TypeError(f"expected a tensor, an array or a number, got {type(x).__name__}")
        if kind.kind not in _CATEGORY:
            of(kind)
        present = ranks[rank]
        ranks[rank] = kind if present is None else wider(present, kind)
    result: np.dtype[Any] | None = None
    for candidate in ranks:
        if candidate is None:
            continue
        if result is None or _CATEGORY[candidate.kind] > _CATEGORY[result.kind]:
            result = candidate
    if result is None:
        raise TypeError("expected a Tensor, but got None")
    return result


def wider(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """Return the common dtype of two of equal rank."""
    if a.kind == "f" or b.kind == "f":
        if a.kind != b.kind:
            return a if a.kind == "f" else b
        return a if a.itemsize >= b.itemsize else b
    return np.promote_types(a, b)


__all__ = [
    "bfloat16", "bool", "can_cast", "cdouble", "cfloat", "complex64", "complex128", "double",
    "dtype", "float", "float16", "float32", "float64", "get_default_dtype", "half", "int",
    "int8", "int16", "int32", "int64", "long", "promote_types", "set_default_dtype", "short",
    "uint8",
]  # fmt: skip
