"""``torch.jit`` without TorchScript: functions and modules run as they are.

Scripts that decorate functions with ``@torch.jit.script``, or trace a model before they use it, get
the same numbers, so what is given is returned. What would need a compiled program (``jit.save``,
``jit.load``, ``ScriptModule``) can be imported, and raises when it is called.

>>> is_scripting()
False
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.compat.unsupported import watch

__all__ = ["Final"]

T = TypeVar("T")


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """Return a function, class or module as it is, with a warning. Follows ``torch.jit.script``."""
    warn(
        "jit.script: there is no TorchScript here; what is given runs as it is; compile() makes a "
        "program of it",
        DeprecationWarning,
    )
    return obj


def trace(func: T, *args: Any, **kwargs: Any) -> T:
    """Return a function or module as it is, with a warning: it isn't called for a trace.

    Follows ``torch.jit.trace``.
    """
    warn(
        "jit.trace: there is no TorchScript here; what is given runs as it is; compile() makes a "
        "program of it",
        DeprecationWarning,
    )
    return func


def script_if_tracing(fn: T) -> T:
    """Return a function as it is. Follows ``torch.jit.script_if_tracing``."""
    return fn


def script_method(fn: T) -> T:
    """Return a method as it is. Follows ``torch.jit.script_method``."""
    return fn


def export(fn: T) -> T:
    """Return a method as it is. Follows ``torch.jit.export``."""
    return fn


def unused(fn: T) -> T:
    """Return a function as it is. Follows ``torch.jit.unused``."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return a function as it is, or a decorator that does. Follows ``torch.jit.ignore``.

    Examples
    --------
    >>> ignore(len), ignore(drop=True)(len)
    (<built-in function len>, <built-in function len>)
    """
    return drop if callable(drop) else unused


def freeze(mod: T, *args: Any, **kwargs: Any) -> T:
    """Return a module as it is. Follows ``torch.jit.freeze``."""
    return mod


def optimize_for_inference(mod: T, *args: Any, **kwargs: Any) -> T:
    """Return a module as it is. Follows ``torch.jit.optimize_for_inference``."""
    return mod


def annotate(the_type: Any, the_value: T) -> T:
    """Return the value; the type is ignored. Follows ``torch.jit.annotate``."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Return whether an object is of a type. Follows ``torch.jit.isinstance``."""
    kinds = target_type if type(target_type) is tuple else (target_type,)
    return any(getattr(kind, "__origin__", kind) in type(obj).__mro__ for kind in kinds)


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function at once, and return what :func:`wait` returns again."""
    return func(*args, **kwargs)


def wait(future: T) -> T:
    """Return what :func:`fork` returned."""
    return future


def is_scripting() -> bool:
    """Return False: nothing reads the program. Follows PyTorch's."""
    return False


def is_tracing() -> bool:
    """Return False: no trace is recorded. Follows ``torch.jit.is_tracing``."""
    return False


watch("jit")
