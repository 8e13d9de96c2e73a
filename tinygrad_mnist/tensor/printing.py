"""Tensors as text, as PyTorch prints them.

All numbers of a tensor share one form. Floats are written as integers with a point where they all
are whole, in scientific notation where their magnitudes differ by more than a thousandfold (or
are very large or small), and else with a fixed number of decimals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.ops import dtypes


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()
_PROFILES = {"default": (4, 1000, 3), "short": (2, 1000, 2), "full": (4, math.inf, 3)}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed. Follows ``torch.set_printoptions``.

    Parameters
    ----------
    precision
        Decimals of floats.
    threshold
        Number of elements above which a tensor is summarised.
    edgeitems
        Elements shown at both ends of each dimension of a summary.
    linewidth
        Characters in a line.
    profile
        ``"default"``, ``"short"`` or ``"full"``: values for the first three.
    sci_mode
        Scientific notation: always, never, or (None) where it is needed.

    Raises
    ------
    ValueError
        For an unknown profile.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([0.12345])
    tensor([0.12])
    >>> torch.set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(
                f"set_printoptions: profile must be one of {sorted(_PROFILES)}, not {profile!r}"
            )
        _options.precision, _options.threshold, _options.edgeitems = _PROFILES[profile]
        _options.linewidth = 80
    given = dict(precision=precision, threshold=threshold, edgeitems=edgeitems, linewidth=linewidth)
    vars(_options).update({name: value for name, value in given.items() if value is not None})
    _options.sci_mode = sci_mode


def format_tensor(
    array: np.ndarray, requires_grad: bool = False, grad_fn: str | None = None
) -> str:
    """Return the text of a tensor.

    Parameters
    ----------
    array
        Its elements.
    requires_grad
        Whether it is a leaf that collects a gradient.
    grad_fn
        The text of the node that made it, if it was computed.

    Examples
    --------
    >>> format_tensor(np.array([0.5, 1.0], np.float32), requires_grad=True)
    'tensor([0.5000, 1.0000], requires_grad=True)'
    """
    suffixes = []
    default = dtypes.default_float()
    usual = (default,) if not array.size else (default, np.dtype(np.int64), np.dtype(np.bool_))
    if not array.size and array.ndim != 1:
        suffixes.append(f"size={tuple(array.shape)}")
    if array.dtype not in usual:
        suffixes.append(f"dtype={dtypes.of(array.dtype)!r}")
    if grad_fn is not None:
        suffixes.append(f"grad_fn={grad_fn}")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    indent = len("tensor(")
    body = "[]"
    if array.size:
        summarize = array.size > _options.threshold
        form, width = _form(_edges(array) if summarize else array)
        body = _nested(array, indent, summarize, form, width)
    return _with_suffixes(f"tensor({body}", suffixes, indent)


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    """Append what follows the numbers, on new lines where it doesn't fit."""
    # One more than the line holds, and one more after a line break: PyTorch counts so.
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            used = indent + len(suffix)
        else:
            text += ", " + suffix
            used += len(suffix) + 2
    return text + ")"


def _edges(array: np.ndarray) -> np.ndarray:
    """Return the elements that a summary shows; they alone decide the form."""
    for dim, length in enumerate(array.shape):
        if length > 2 * _options.edgeitems:
            shown = [*range(_options.edgeitems), *range(length - _options.edgeitems, length)]
            array = np.take(array, shown, axis=dim)
    return array


def _form(array: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """Choose the common form of the numbers: a function that writes one, and the width."""
    if array.dtype.kind != "f":
        width = max((len(str(x)) for x in array.ravel().tolist()), default=1)
        return lambda x: str(x).rjust(width), max(width, 1)
    values = array.astype(np.float64).ravel()
    values = values[np.isfinite(values) & (values != 0)]
    precision = _options.precision
    whole = bool((values == np.ceil(values)).all())
    scientific = False
    if values.size:
        sizes = np.abs(values)
        low, high = sizes.min(), sizes.max()
        with np.errstate(over="ignore"):
            scientific = bool(high / low > 1000 or high > 1e8 or (not whole and low < 1e-4))
        if _options.sci_mode is not None:
            scientific = _options.sci_mode

    def write(x: float) -> str:
        if scientific:
            return f"{x:.{precision}e}"
        if whole:
            return f"{x:.0f}" + ("." if math.isfinite(x) else "")
        return f"{x:.{precision}f}"

    width = max((len(write(x)) for x in values.tolist()), default=1)
    return lambda x: write(x).rjust(width), width


def _nested(
    array: np.ndarray, indent: int, summarize: bool, form: Callable[[Any], str], width: int
) -> str:
    """Write an array: rows of numbers, with blank lines between higher dimensions."""
    if array.ndim == 0:
        return form(array.item())

    def write(part: Any) -> str:
        return form(part) if array.ndim == 1 else _nested(part, indent + 1, summarize, form, width)

    edge, parts = _options.edgeitems, array.tolist() if array.ndim == 1 else array
    if summarize and len(parts) > 2 * edge:
        dots = " ..." if array.ndim == 1 else "..."
        shown = [*map(write, parts[:edge]), dots, *map(write, parts[len(parts) - edge :])]
    else:
        shown = [*map(write, parts)]
    newline = "\n" * max(array.ndim - 1, 1) + " " * (indent + 1)
    if array.ndim == 1:
        count = max(1, (_options.linewidth - indent) // (width + 2))
        shown = [", ".join(shown[i : i + count]) for i in range(0, len(shown), count)]
    return "[" + ("," + newline).join(shown) + "]"
