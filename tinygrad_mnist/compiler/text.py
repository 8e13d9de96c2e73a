"""What stands in the text of a program: how Python objects are written, and imported."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.ops.contract import TABLE
from tinygrad_mnist.optim.optimizer import Optimizer


class Hint(NamedTuple):
    """What a value might be called, and what to say of it."""

    name: str
    comment: str = ""


def literal(x: Any) -> str:
    """Write something whose text is Python for it; empty if it has none.

    Examples
    --------
    >>> literal((1, None, float("inf"))), literal(np.dtype("float32")), literal(object())
    ('(1, None, np.inf)', 'np.float32', '')
    """
    kind = type(x)
    if x is None or x is Ellipsis or kind in (int, bool, str, bytes):
        return "..." if x is Ellipsis else repr(x)
    if kind is float:
        return repr(x) if abs(x) < np.inf else "np.nan" if x != x else f"{'-' * (x < 0)}np.inf"
    if isinstance(x, np.generic):
        return f"np.{kind.__name__}({literal(x.item())})"
    if isinstance(x, np.dtype):
        return f"np.{x.type.__name__}"
    if isinstance(x, type) and issubclass(x, np.generic):
        return f"np.{x.__name__}"
    if kind is tuple or kind is list:
        parts = [literal(part) for part in x]
        return sequence(parts, kind) if all(parts) else ""
    return ""


def sequence(parts: list[str], kind: type) -> str:
    """Write a tuple or list of what is written already; one of the same many times as a product.

    Examples
    --------
    >>> sequence(["2"], tuple), sequence(["x", "y"], list), sequence(["50"] * 28, tuple)
    ('(2,)', '[x, y]', '(50,) * 28')
    """
    count = len(parts) if len(parts) > 6 and len(set(parts)) == 1 else 1
    inner = ", ".join(parts[:1] if count > 1 else parts)
    text = f"[{inner}]"
    if kind is tuple:
        text = f"({inner},)" if count > 1 or len(parts) == 1 else f"({inner})"
    return f"{text} * {count}" if count > 1 else text


def numpy_name(function: Any) -> str:
    """Return NumPy's name of a function of its own; empty if it's another."""
    method = ""
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        function, method = function.__self__, f".{function.__name__}"
    name = getattr(function, "__name__", "")
    for module, prefix in ((np, "np"), (np.linalg, "np.linalg"), (np.fft, "np.fft")):
        if vars(module).get(name) is function:
            return f"{prefix}.{name}{method}"
    return ""


def imported(x: Any) -> tuple[str, str]:
    """Return a name for a function or object of a module, and the line that imports it.

    Both are empty if there is no such line. An operation's rule without a name is found in the
    table.

    Examples
    --------
    >>> from tinygrad_mnist.ops.sums import sum_rows
    >>> imported(sum_rows)
    ('sum_rows', 'from tinygrad_mnist.ops.sums import sum_rows')
    >>> imported(TABLE["tanh"].rules["x"].function)
    ('tanh_rule', 'tanh_rule = TABLE["tanh"].rules["x"].function')
    """
    if callable(x) and not _named(x):
        return _table(len(TABLE)).get(x, ("", ""))
    named = _named(x)
    if not named:
        return "", ""
    module, name = named
    short = name.lstrip("_")
    return short, f"from {module} import {name}" + (f" as {short}" if short != name else "")


@functools.lru_cache(maxsize=1)
def _table(count: int) -> dict[Any, tuple[str, str]]:
    """Return names and lines for what the table holds; made anew when it has grown."""
    found: dict[Any, tuple[str, str]] = {}
    for op in TABLE.values():
        found.setdefault(op.forward, (op.name, f'{op.name} = TABLE["{op.name}"].forward'))
        for name, rule in op.rules.items():
            short = f"{op.name}_rule" if len(op.rules) == 1 else f"{op.name}_{name}_rule"
            line = f'{short} = TABLE["{op.name}"].rules["{name}"].function'
            found.setdefault(rule.function, (short, line))
    return found


def _named(x: Any) -> tuple[str, str] | None:
    """Return the module of a function or object, and its name there."""
    module = getattr(x, "__module__", None) or type(x).__module__
    names = vars(sys.modules.get(module, object)) if module in sys.modules else {}
    name = getattr(x, "__name__", "")
    known = names.get(name)
    if known is x or (callable(x) and callable(known) and inspect.unwrap(known) is x):
        return module, name
    if not callable(x) or not name:
        for name, known in names.items():
            if known is x and name.isidentifier():
                return module, name
    return None


def optimizer_text(optimizer: Optimizer, name_of: Callable[[Any], str]) -> str:
    """Write the call that makes an optimizer of parameters that have names."""
    takes = inspect.signature(type(optimizer)).parameters

    def settings(group: dict[str, Any], usual: Callable[[str], Any]) -> dict[str, str]:
        return {
            name: text
            for name in takes
            if name in group and name != "params" and group[name] != usual(name)
            and (text := literal(group[name]))
        }  # fmt: skip

    groups = optimizer.param_groups
    lists = [f"[{', '.join(f'from_numpy({name_of(p)})' for p in g['params'])}]" for g in groups]
    if len(groups) == 1:
        own = settings(groups[0], lambda name: takes[name].default)
        rest = "".join(f", {name}={text}" for name, text in own.items())
        return f"{type(optimizer).__name__}({lists[0]}{rest})"
    parts = []
    for params, group in zip(lists, groups, strict=True):
        own = {"params": params, **settings(group, lambda name: takes[name].default)}
        parts.append(f"{{{', '.join(f'{name!r}: {text}' for name, text in own.items())}}}")
    return f"{type(optimizer).__name__}([{', '.join(parts)}])"


def array_text(array: np.ndarray) -> str:
    """Write an array that is short or regular; empty if it's neither."""
    shape, kind = array.shape, literal(array.dtype)
    if array.size <= 16:
        return f"np.array({literal(array.tolist())}, {kind})"
    first = array.flat[0]
    if (array == first).all():
        return f"np.full({literal(shape)}, {literal(first.item())}, {kind})"
    if array.ndim == 1 and np.array_equal(array, np.arange(first, first + len(array))):
        return f"np.arange({first}, {first + len(array)}, dtype={kind})"
    return ""
