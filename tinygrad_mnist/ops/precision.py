"""The precision of operations: float16 is computed in float32, and some float32 in float64.

A sum of float16 in float16 overflows at 65504, and stops growing where the next number is less
than half a unit in the last place: a sum of ones at 2,048. So operations and their rules see
float32 in its place, and what comes out is rounded once, as in PyTorch. An entry's ``narrow``
says for which dtypes: ``"e"`` is float16, and ``"ef"`` float32 too, where errors add up (running
sums and products). Views are left alone, and what has no derivative: nothing is added up there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist.ops.contract import Op

WIDER: dict[str, np.dtype[Any]] = {"e": np.dtype(np.float32), "f": np.dtype(np.float64)}
"""The dtype that a narrow one, by NumPy's letter for it, is computed in."""


def computed_in(op: Op, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that an operation computes in, before it rounds to a given one."""
    return WIDER[dtype.char] if dtype.char in op.narrow else dtype


def upcast_half(x: np.ndarray) -> np.ndarray:
    """Return an array of float16 in float32, and any other as it is.

    Examples
    --------
    >>> upcast_half(np.ones(2, np.float16)).dtype, upcast_half(np.ones(2)).dtype
    (dtype('float32'), dtype('float64'))
    """
    return x.astype(WIDER["e"]) if x.dtype.char == "e" else x


def compute(op: Op, arrays: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """Call an operation's forward; where all inputs with a rule are narrow, in the wider dtype.

    Then its outputs are rounded to the narrow one; residuals stay as they are.
    """
    for x in arrays:
        if isinstance(x, np.ndarray) and x.dtype.char in op.narrow and not op.view:
            break
    else:
        return op.forward(*arrays, **settings)
    names = op.inputs * len(arrays) if op.variadic else op.inputs
    ruled = {
        x.dtype
        for x, name in zip(arrays, names, strict=False)
        if name in op.rules and isinstance(x, np.ndarray) and x.dtype.kind == "f"
    }
    if len(ruled) != 1 or (narrow := ruled.pop()).char not in op.narrow:
        return op.forward(*arrays, **settings)
    wide = WIDER[narrow.char]

    def brought(x: Any) -> Any:
        return x.astype(wide) if isinstance(x, np.ndarray) and x.dtype == narrow else x

    def rounded(x: Any) -> Any:
        return x.astype(narrow) if x.dtype == wide else x

    out = op.forward(*map(brought, arrays), **settings)
    if op.packed:
        count = len(op.outputs)
        return (*map(rounded, out[:count]), *out[count:])
    return rounded(out)
