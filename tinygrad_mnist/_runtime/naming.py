"""Errors begin with the name of the public function that was called."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NoReturn, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C")

DOCUMENTED = (NotImplementedError, IndexError, TypeError, RuntimeError, ValueError)
"""The kinds of errors that a public function raises."""


def kind(value: Any) -> str:
    """Return the name of a value's type, as PyTorch's errors give it."""
    name = type(value).__name__
    return {"NoneType": "None", "ndarray": "NumPy array"}.get(name, name)


def complain(
    name: str,
    error: Exception,
    call: Callable[..., Any] | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    bound: int = 0,
) -> None:
    """Raise an error as one of the documented kinds, beginning with the function's name.

    An error of ours that lacks no more than its name is left to the caller, who raises it again: a
    traceback then shows no line of this file.

    A name of something inside gives way to it. What NumPy or Python have raised is said in words of
    our own, with the arguments under the names of the parameters of ``call``. What Python raises
    where an argument is of a wrong kind becomes a TypeError; numbers too large for their place, and
    sizes too large for the memory, become a RuntimeError, as in PyTorch.

    Where Python counts arguments, those that are ``bound``, such as a method's ``self``, aren't
    the caller's.
    """
    try:
        if isinstance(error, Warning) or not isinstance(error, _TRANSLATED):
            return
        if _comes_from_outside(error):
            return
        from tinygrad_mnist._runtime import wording  # only now: hardly any program needs it

        values = wording.arguments(call, args, kwargs or {})
        text = wording.message(error)
        if not wording.is_ours(error) or wording.worded_by_python(text):
            if isinstance(call, functools.partial):
                bound = len(call.args)
            if refused := wording.signature(error, name, values, bound):
                raise TypeError(refused) from None
            message = wording.explained(error, values)
        else:
            message = wording.tidy(text, values)
            if (cut := wording.without_given(message)) != message and values:
                message = cut + wording.given(values)
            if message == text and wording.begins_with(text, name) and isinstance(error, _NAMED):
                return
            message = wording.without_name(message)
        if isinstance(error, KeyError | AssertionError) and wording.is_ours(error):
            kind: type[Exception] = KeyError if isinstance(error, KeyError) else AssertionError
        elif isinstance(error, AttributeError | KeyError):
            kind = TypeError
        else:
            kind = next((k for k in DOCUMENTED if isinstance(error, k)), RuntimeError)
            if type(error).__module__.startswith("tinygrad_mnist."):
                kind = type(error)  # such as LinAlgError
        if " (position " in message:  # PyTorch's form, where an argument is of a wrong kind
            name += "()"
        if message.startswith(("missing ", "takes ")):
            raise kind(f"{name}() {message}") from None
        if kind is type(error) and wording.is_ours(error):
            error.args = (f"{name}: {message}",)  # its traceback still ends where it was raised
            return
        raise kind(f"{name}: {message}") from wording.cause(error)
    finally:
        del error  # its traceback holds this frame: that would be a cycle


_NAMED = (*DOCUMENTED, AssertionError, KeyError)
_TRANSLATED = (
    *DOCUMENTED,
    AssertionError,
    AttributeError,
    ArithmeticError,
    LookupError,
    MemoryError,
)
_ROOMS = {"tinygrad_mnist", "numpy", "scipy", *sys.stdlib_module_names} - {"__main__"}


def _comes_from_outside(error: Exception) -> bool:
    """Whether an error passed through code of the caller's own, such as a module or a callback."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _ROOMS:
            return True
        trace = trace.tb_next
    return False


def complain_unnamed(
    name: str,
    error: Exception,
    call: Callable[..., Any] | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    bound: int = 0,
) -> None:
    """Do as :func:`complain`, but leave a sentence alone that begins with some other name."""
    try:
        found = re.match(r"([\w.]+)(\(\))?: ", str(error))
        if found and isinstance(error, _NAMED):
            name = found[1]
        elif isinstance(error, KeyError) and " " in str(error):
            return
        complain(name, error, call, args, kwargs, bound)
    finally:
        del error


OTHER_NAMES = {
    "axis": "dim", "keepdims": "keepdim", "axis0": "dim0", "axis1": "dim1",
    "split_size_or_sections": "split_size",
    "sections": "indices_or_sections", "indices": "indices_or_sections",
    "tensor_indices_or_sections": "indices_or_sections",
    "element": "elements", "test_element": "test_elements", "self": "input", "train": "training",
    "input": "A", "other": "B", "b": "B",
}  # fmt: skip
"""Names that PyTorch takes besides the one that a function has for an argument."""


class Names:
    """The other names that PyTorch accepts for a function's arguments.

    ``axis`` and ``keepdims`` are NumPy's for ``dim`` and ``keepdim``; some arguments have a name of
    their own in each of PyTorch's overloads (:data:`OTHER_NAMES`). What can be given as several
    numbers (``x.permute(1, 0)``) can also be given as one tuple by its name (``dims=(1, 0)``).

    The signature is read when it is first needed: there are hundreds of functions to import.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    @functools.cached_property
    def renamed(self) -> dict[str, str]:
        """The function's own name for each of the others."""
        names = inspect.signature(self._call).parameters
        return {other: name for other, name in OTHER_NAMES.items() if name in names}

    @functools.cached_property
    def several(self) -> str:
        """The name of the arguments of which there can be any number, or an empty one."""
        parameters = inspect.signature(self._call).parameters.values()
        return next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "")

    def read(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments under the function's own names."""
        for other, name in self.renamed.items():
            if other in kwargs and name not in kwargs:
                kwargs[name] = kwargs.pop(other)
        if self.several in kwargs:
            args = (*args, kwargs.pop(self.several))
        return args, kwargs


def called(call: Callable[..., Any]) -> str:
    """Return the name under which users know a function: an operator's without underscores."""
    name = call.__name__
    return name.strip("_") if name.startswith("_") else name


Bools = tuple[tuple[int, str], ...]


def bools_of(call: Callable[..., Any]) -> Bools:
    """Return the places and names of the arguments that must be True or False.

    ``x.sum(0, 1)`` means two dimensions, so 1 is not taken for ``keepdim=True``.
    """
    inner = inspect.unwrap(call)
    code, kinds = inner.__code__, inner.__annotations__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(
        (i if i < code.co_argcount else sys.maxsize, name)
        for i, name in enumerate(names)
        if kinds.get(name) in ("bool", "builtins.bool")
    )


def refuse_bool(call: Callable[..., Any], name: str, value: Any) -> NoReturn:
    """Say that an argument must be True or False."""
    raise TypeError(
        f"{called(call)}(): argument '{name}' must be bool, not {type(value).__name__}; several "
        f"dimensions are given as a tuple"
    )


def named(
    call: F, complain: Callable[..., None] = complain, bools: Bools = (), bound: int = 0
) -> F:
    """Let the errors of a function begin with its name, whatever inside of it has raised them."""
    names = Names(call)

    @functools.wraps(call)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            if kwargs:
                args, kwargs = names.read(args, kwargs)
            for i, name in bools:
                value = args[i] if i < len(args) else kwargs.get(name, True)
                if value is not True and value is not False:
                    refuse_bool(call, name, value)
            return call(*args, **kwargs)
        except Exception as error:
            complain(called(call), error, call, args, kwargs, bound)
            raise

    return cast(F, checked)


def named_if_nameless(call: F) -> F:
    """Do as :func:`named`, but for a function that runs others: an error says which failed."""
    return named(call, complain_unnamed)


def named_methods(cls: type[C]) -> type[C]:
    """Let the errors of all public methods of a class begin with the method's name."""
    for name, method in list(vars(cls).items()):
        if not name.startswith("_") and isinstance(method, FunctionType):
            setattr(cls, name, named(method, bools=bools_of(method), bound=1))
    return cls


def named_class(cls: type[C]) -> type[C]:
    """Let the errors of a class's constructor and methods name them, if the class is our own."""
    if cls.__module__.startswith("tinygrad_mnist."):
        named_init(named_methods(cls))
    return cls


def named_init(cls: type[C]) -> type[C]:
    """Let the errors of a constructor begin with the class's name, if the class is our own."""
    make = cls.__dict__.get("__init__")
    if not isinstance(make, FunctionType) or not cls.__module__.startswith("tinygrad_mnist."):
        return cls

    @functools.wraps(make)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            make(self, *args, **kwargs)
        except Exception as error:
            complain(type(self).__name__, error, make, (self, *args), kwargs, bound=1)
            raise

    cls.__init__ = init  # type: ignore[method-assign]  # the method, wrapped
    return cls


class NamedInit:
    """Base of classes whose subclasses' constructors name the class in their errors."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        named_init(cls)


def locate(place: Any, path: str = "") -> None:
    """Let pickle find the functions of a module or class there, if they say another place.

    A function that is made of a method, or by a decorator, is not where its definition stands.
    """
    module = getattr(place, "__module__", place.__name__)
    known = [pair for kind in getattr(place, "__mro__", [place]) for pair in vars(kind).items()]
    for name, function in known:
        if type(function) is not FunctionType or not function.__module__.startswith(_OURS):
            continue
        found: Any = sys.modules.get(function.__module__)
        for part in function.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is not function:
            function.__module__, function.__qualname__ = module, path + name


_OURS = "tinygrad_mnist"


def warn(message: str, kind: type[Warning] = UserWarning) -> None:
    """Warn of the caller's own line, however many of ours lie between."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, kind, stacklevel=level)


def deprecated(module: str, function: F) -> F:
    """Make the name that a function had before it got its underscore: it warns."""
    name = function.__name__.rstrip("_")

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        warn(f"{module}.{name} is now {module}.{function.__name__}", FutureWarning)
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return cast(F, call)
