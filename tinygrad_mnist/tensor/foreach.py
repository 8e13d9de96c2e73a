"""In-place methods as functions, ``relu_(x)``, and functions on lists, ``_foreach_add(xs, ys)``.

On a list a method is called for one tensor after the other: what a script writes by hand for an
optimizer gets its numbers, and gradients, though no speed. Imported when one is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.tensor.arguments import as_tensors, complain
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.export import checked

INPLACE = """abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_
asinh_ atan_ atanh_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ detach_ erf_
erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ index_put_ log10_ log1p_ log2_ log_ logit_
nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_ resize_as_ round_ rsqrt_ sigmoid_ sin_
sinc_ sinh_ sqrt_ conj_physical_ gcd_ lcm_ ldexp_ square_ tan_ tanh_ trunc_ xlogy_ zero_""".split()
"""Those of Tensor's in-place methods that PyTorch has as functions, too."""

NEW = """abs acos add addcdiv addcmul asin atan ceil clamp_max clamp_min clone cos cosh div erf erfc
exp expm1 floor frac lerp lgamma log log10 log1p log2 max maximum minimum mm mul neg norm pow powsum
reciprocal round rsqrt sigmoid sign sin sinh sqrt sub tan tanh trunc""".split()
"""Functions on lists that return a tuple of new tensors."""

WRITING = [f"{name}_" for name in NEW if name not in ("clone", "max", "mm", "norm", "powsum")]
WRITING += ["copy_", "zero_"]
"""Those that write into the tensors, and return the list of them."""


def _norm(x: Any, ord: float = 2, dtype: Any = None) -> Any:
    return x.norm(ord, dtype=dtype)


def _powsum(x: Any, ord: float = 2, dtype: Any = None) -> Any:
    return x.abs().pow(ord).sum(dtype=dtype)


_METHODS: dict[str, Callable[..., Any]] = {
    "norm": _norm, "powsum": _powsum, "maximum": Tensor.clamp_min, "minimum": Tensor.clamp_max,
    "maximum_": Tensor.clamp_min_, "minimum_": Tensor.clamp_max_,
}  # fmt: skip
"""Functions that aren't the method of their name: maximum and minimum take numbers here."""

_SETTINGS = ("alpha", "value", "dtype", "ord", "non_blocking")
"""Keywords of the methods; others name what may be given by position (scalars, other, weight)."""


def _each(name: str, method: Callable[..., Any], first: Any, *args: Any, **settings: Any) -> Any:
    """Call a method for each tensor of a list, with its own part of each argument."""
    args += tuple(settings.pop(key) for key in list(settings) if key not in _SETTINGS)
    if isinstance(first, int | float):  # a number to the power of each tensor
        return tuple(Tensor.__rpow__(x, first) for x in as_tensors(args[0]))
    tensors = as_tensors(first)
    columns = [_column(arg, len(tensors)) for arg in args]
    if len(columns) > 2:  # addcmul and addcdiv: value is a keyword of theirs
        values = columns.pop()
        rows = [settings | {"value": value} for value in values]
    else:
        rows = [settings] * len(tensors)
    out = [method(*row, **kwargs) for *row, kwargs in zip(tensors, *columns, rows, strict=True)]
    return list(tensors) if name.endswith("_") else tuple(out)


def _column(arg: Any, length: int) -> list[Any]:
    """Return what an argument is for each of the tensors."""
    if isinstance(arg, TensorBase) and arg._array.ndim == 1:
        arg = arg._array.tolist()
    if not isinstance(arg, list | tuple):
        return [arg] * length
    if len(arg) != length:
        raise RuntimeError(f"the lists have {length} and {len(arg)} elements")
    return list(arg)


def _make(name: str) -> Callable[..., Any]:
    called = f"_foreach_{name}"
    method = _METHODS.get(name) or getattr(Tensor, name)

    def foreach(self: Any, *args: Any, **settings: Any) -> Any:
        try:
            return _each(called, method, self, *args, **settings)
        except Exception as error:
            complain(called, error)
            raise

    foreach.__name__ = foreach.__qualname__ = called
    foreach.__doc__ = f"Call ``{name}`` for each tensor of a list. Follows ``torch.{called}``."
    return foreach


globals().update({name: checked(getattr(Tensor, name)) for name in INPLACE})
globals().update({f"_foreach_{name}": _make(name) for name in NEW + WRITING})
