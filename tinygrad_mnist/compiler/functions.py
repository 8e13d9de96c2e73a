"""What NumPy's functions promise: whose results have a shape that no number changes.

A program has the shapes that were recorded. So a function is noted only if its result's shape
follows from the shapes of what it takes; everything else counts as a look at numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _named(names: str, module: Any = np) -> set[Callable[..., Any]]:
    """Return the functions of these names that there are: some are of newer versions only."""
    return {getattr(module, name) for name in names.split() if hasattr(module, name)}


STATIC = _named(
    "shape ndim size result_type can_cast may_share_memory shares_memory iscomplexobj isrealobj "
    "common_type min_scalar_type"
)
"""Functions of shapes, dtypes and memory: they look at no number."""

OF_ARRAYS = _named(
    "append argsort atleast_1d atleast_2d atleast_3d average broadcast_arrays choose clip "
    "column_stack concatenate convolve copyto correlate corrcoef cov cross digitize dot dstack "
    "einsum fill_diagonal full_like gradient hstack inner interp isclose isin kron lexsort "
    "matrix_transpose nanpercentile nanquantile outer partition percentile "
    "put_along_axis putmask quantile searchsorted select sort stack take take_along_axis "
    "tensordot trapezoid vdot vstack"
) | _named(
    "cholesky cond cross det eigh eigvalsh inv matmul matrix_norm matrix_power matrix_transpose "
    "multi_dot norm outer pinv qr slogdet solve svd svdvals tensordot tensorinv tensorsolve trace "
    "vecdot vector_norm", np.linalg,
)  # fmt: skip
"""Functions all of whose arguments may be arrays; their shapes alone decide on the result's."""

OF_ONE_ARRAY = _named(
    "all amax amin angle any argmax argmin argpartition around array_split astype broadcast_to "
    "copy count_nonzero cumprod cumsum cumulative_prod cumulative_sum delete diag diagflat "
    "diagonal diff ediff1d empty_like expand_dims fix flip fliplr flipud hsplit i0 imag insert "
    "isneginf isposinf max mean median min moveaxis nanargmax nanargmin nancumprod nancumsum "
    "nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar ones_like pad prod ptp ravel "
    "real repeat reshape resize roll rollaxis rot90 round sinc split squeeze std sum swapaxes "
    "tile trace transpose tril triu unravel_index unwrap vander var vsplit zeros_like"
) | {np.lib.stride_tricks.sliding_window_view}
"""Functions of one array (or a sequence of them): the rest are numbers, which decide on shapes."""

OF_ARRAYS_METHODS = frozenset({"choose", "clip", "dot", "fill", "put", "searchsorted", "take"})
"""The same, of an array's methods; to the rest numbers must be given."""

BY_VALUE = _named(
    "allclose argwhere array_equal array_equiv bincount compress extract flatnonzero histogram "
    "intersect1d nonzero setdiff1d union1d unique"
)
"""Functions whose result has a shape by numbers, or is a number: of constants it is a constant."""

FILLING = _named("zeros ones empty")
"""Functions that make an array of a shape, like another one's."""

WRITING = _named("copyto putmask put_along_axis fill_diagonal")
"""Functions that write to their first argument."""

WRITING_METHODS = frozenset({"fill", "partition", "put", "sort"})
"""The same, of an array's methods."""

_ARRAYS = frozenset({"out", "where", "initial"})
"""Keywords under which any function may take arrays."""

_OURS = __name__.split(".")[0] + "."
"""Functions of this package take part in NumPy's protocol only if shapes decide."""

_NUMBERS = frozenset({"axis", "axes", "shape"})
"""Keywords under which none may."""


def has_fixed_shape(
    function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], kind: str, name: str,
    is_array: Callable[[Any], bool],
) -> bool:  # fmt: skip
    """Whether the shape of a call's result follows from shapes alone.

    ``is_array`` tells whether there is an array whose numbers may change in an argument.
    """
    rest, named = arguments[1:], {key for key, x in keywords.items() if is_array(x)}
    if kind == "getitem":
        parts = filter(is_array, rest[0] if isinstance(rest[0], tuple) else (rest[0],))
        return not any(
            isinstance(x, slice) or (isinstance(x, np.ndarray) and x.dtype.kind == "b")
            for x in parts
        )
    if kind in ("setitem", "attribute"):
        return True
    if kind == "method":
        return name in OF_ARRAYS_METHODS or not (named - _ARRAYS or any(map(is_array, rest)))
    if isinstance(function, np.ufunc) or function in OF_ARRAYS:
        return not named & _NUMBERS
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        of_arrays = function.__name__ in ("at", "outer", "reduceat")
        return not named - _ARRAYS and (of_arrays or not any(map(is_array, rest)))
    if function is np.where:
        return len(arguments) == 3
    if function is np.nan_to_num:  # without a copy it writes to its argument
        return (*rest, keywords.get("copy", True))[0] is True and not named
    if function in FILLING:
        return not named and not any(map(is_array, arguments))
    if function in OF_ONE_ARRAY:
        return not named - _ARRAYS and not any(map(is_array, rest))
    return _module(function).startswith(_OURS)


def _module(function: Any) -> str:
    return getattr(function, "__module__", None) or "numpy."


def is_ours(forward: Any) -> bool:
    """Whether a forward function is of this package, or NumPy's own."""
    return _module(forward).startswith((_OURS, "numpy", "scipy"))


def check_form(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a result of another form than the program was made for."""
    if array.shape != shape or array.dtype != dtype:
        raise RuntimeError(
            f"{name}: it returned {list(array.shape)} of {array.dtype} in a compiled step, which "
            f"was recorded with {list(shape)} of {dtype}; its shape must follow from shapes"
        )


def written(
    function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], kind: str, name: str
) -> list[Any]:
    """Return the arrays that a call writes to."""
    if kind == "setitem" or function in WRITING or (kind == "method" and name in WRITING_METHODS):
        return [arguments[0]]
    out = keywords.get("out")
    found = [x for x in (out if isinstance(out, tuple) else (out,)) if x is not None]
    if isinstance(getattr(function, "__self__", None), np.ufunc) and function.__name__ == "at":
        found.append(arguments[0])
    return found


def perform(function: Any, args: Any, keywords: Any, kind: str, name: str) -> Any:
    """Make a call on arrays."""
    if kind == "getitem":
        return args[0][args[1]]
    if kind == "setitem":
        args[0][args[1]] = args[2]
        return None
    if kind == "attribute":
        return getattr(args[0], name)
    if kind == "method":
        return getattr(args[0], name)(*args[1:], **keywords)
    return function(*args, **keywords)


def name_of(function: Any, kind: str, name: str) -> str:
    """Name what was called, for an error."""
    return name or (kind if kind != "function" else getattr(function, "__name__", repr(function)))
