"""One definition a function: what makes ``torch.f``, ``x.f()`` and ``x.f_()`` of it.

A family's file defines plain functions whose first argument is a tensor. :func:`export` puts the
checks around one that every public function has, and :func:`publish`, in the last line of the
file, makes methods of them. Tensor's class takes them from :data:`METHODS`.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, overload

import numpy as np

from tinygrad_mnist._runtime.naming import Names, bools_of, complain, kind, refuse_bool
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.inplace import apply_inplace, check_writable, original, store
from tinygrad_mnist.autograd.modes import modes, recording
from tinygrad_mnist.ops import Op, dtypes
from tinygrad_mnist.ops.promotion import REFUSED
from tinygrad_mnist.tensor.arguments import as_number, need_tensor, write_out

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Binary, P, R, Unary, WithAxis, WithOut

F = TypeVar("F", bound=Callable[..., Any])

METHODS: dict[str, Callable[..., Any]] = {}
"""The methods that the families' functions are, by name."""


class _Forms(NamedTuple):
    """The forms in which a function is offered besides itself."""

    method: Callable[..., Any] | None
    inplace: Callable[..., Any] | None


_FORMS: dict[Callable[..., Any], _Forms] = {}
"""The forms of the functions that are still to be published."""


@overload
def export(call: F, /) -> F: ...
@overload
def export(
    *,
    inplace: bool | Callable[..., Any] = False,
    method: bool | Callable[..., Any] = True,
    fast: bool = False,
    first: Callable[..., Any] | None = None,
) -> Callable[[F], F]: ...
@overload
def export(
    *,
    takes: Literal["out"],
    inplace: bool | Callable[..., Any] = False,
    method: bool | Callable[..., Any] = True,
    fast: bool = False,
    first: Callable[..., Any] | None = None,
) -> Callable[[Callable[P, R]], WithOut[P, R]]: ...
@overload
def export(
    *,
    takes: Literal["axis"],
    inplace: bool | Callable[..., Any] = False,
    method: bool | Callable[..., Any] = True,
    fast: bool = False,
    first: Callable[..., Any] | None = None,
) -> Callable[[Callable[P, R]], WithAxis[P, R]]: ...
def export(
    call: Any = None,
    /,
    *,
    inplace: bool | Callable[..., Any] = False,
    method: bool | Callable[..., Any] = True,
    fast: bool = False,
    first: Callable[..., Any] | None = None,
    takes: str | None = None,
) -> Any:
    """Make a public function, and a method, of a function whose first argument is a tensor.

    The first argument may be named ``input``; ``out=`` names a tensor, or a tuple of them, for the
    result. Errors begin with the function's name. If that has an underscore in front, such as
    ``_view``, there is only the method, ``x.view()``.

    Parameters
    ----------
    inplace
        Whether there is an in-place method too, ``x.f_()``; or what makes it, if it isn't
        :func:`in_place`.
    method
        Whether it is offered as a method; or the method, where that takes other arguments.
    fast
        Whether the method is the function as it is, without checks around it: for what is little
        more than one operation, which checks its inputs itself.
    first
        What the function, not the method, does about its first arguments: :func:`scalar_first`.
    takes
        What type checkers let it take besides: ``"out"``, or ``"axis"`` as well. When it runs,
        every function takes ``out``, and NumPy's names for ``dim`` and ``keepdim``.
    """
    if call is None:
        return functools.partial(export, inplace=inplace, method=method, fast=fast, first=first)
    is_function = call.__name__[0] != "_"
    call.__name__ = call.__qualname__ = call.__name__.lstrip("_")
    if callable(method):
        method.__name__ = call.__name__
    own = call
    if method and not fast:
        own = checked(method if callable(method) else call, takes_out=False)
    public = checked(call) if is_function else own
    if first is not None:
        public = first(call, public)
    make = in_place if inplace is True else inplace
    _FORMS[public] = _Forms(own if method else None, make(own) if make else None)
    return public


def unary(op: Op, example: str = "", answer: str = "", *, inplace: bool = False) -> Unary:
    """Make the public function, and the method, of an operation on one tensor.

    Parameters
    ----------
    example, answer
        Numbers to try it on, and what it makes of them, for the docstring: ``"[4.0]", "[2.]"``.
    inplace
        Whether there is an in-place method too.
    """

    def call(input: Tensor) -> Tensor:
        return apply(op, input)

    make = functools.partial(_operated, op) if inplace else False
    public: Unary = _exported(op, call, _ONE, example, answer, inplace=make, fast=True)
    return public


def binary(
    op: Op,
    example: str = "",
    answer: str = "",
    *,
    inplace: bool = False,
    tensors: bool = False,
    scalars: bool = False,
) -> Binary:
    """Make the public function, and the method, of an operation on two tensors.

    Parameters
    ----------
    example, answer
        Numbers to try it on, and what it makes of them: ``"[1, 2], [3, 4]", "[4, 6]"``.
    inplace
        Whether there is an in-place method too.
    tensors
        Whether the second must be a tensor, not a number.
    scalars
        Whether the function's first may be a number, too.
    """

    def call(input: Tensor, other: Any) -> Tensor:
        return apply(op, input, need_tensor("other", other) if tensors else other)

    first = scalar_first if scalars else None
    two = _TWO if tensors else _TWO_OR_NUMBERS if scalars else _TWO_OR_NUMBER
    public: Binary = _exported(
        op, call, two, example, answer, inplace=inplace, fast=not tensors, first=first
    )
    return public


_ONE = """input
    A tensor of shape (*)."""
_TWO = """input, other
    Tensors whose shapes broadcast to (*), computed in their common dtype."""
_TWO_OR_NUMBER = f"{_TWO}\n    The second may be a number."
_TWO_OR_NUMBERS = f"{_TWO}\n    One of them may be a number."
_MADE = """{doc}

``{formula}``, element by element. {follows}

Parameters
----------
{takes}

Returns
-------
A tensor of shape (*){floats}.
"""
_REFUSES = """
Raises
------
RuntimeError
    For {refused}.
"""
_TRIED = """
Examples
--------
>>> import tinygrad_mnist as torch
>>> torch.{name}({example})
tensor({answer})
"""


def _exported(op: Op, call: Any, takes: str, example: str, answer: str, **settings: Any) -> Any:
    """Export a function under an operation's name, with a docstring made of its entry."""
    call.__name__ = call.__qualname__ = op.name
    said = [op.doc, op.formula, op.torch]
    for own, public in zip(op.inputs, ("input", "other"), strict=False):
        said = [re.sub(rf"\b{own}\b", public, text) for text in said]
    doc, formula, composed = said
    same = f"torch.{op.name}(" in op.torch
    follows = f"Follows ``torch.{op.name}``." if same else f"In PyTorch: ``{composed}``."
    floats = ", floating point; integers become the default dtype"
    refused = REFUSED.get(op.check, "") if op.check else ""
    floats *= op.promotes == "float" and not refused
    text = _MADE.format(doc=doc, formula=formula, follows=follows, takes=takes, floats=floats)
    if refused:
        text += _REFUSES.format(refused=refused)
    if example:
        tensors = example.replace("[", "torch.tensor([").replace("]", "])")
        text += _TRIED.format(name=op.name, example=tensors, answer=answer)
    call.__doc__ = text
    decorate: Any = export(**settings)
    return decorate(call)


def publish(space: dict[str, Any], *others: str) -> list[str]:
    """Make the exported functions of a module methods, and return the names that it offers.

    Parameters
    ----------
    space
        The module's ``globals()``.
    others
        Names that it offers besides.
    """
    names, published = list(others), set()
    for name, value in list(space.items()):
        forms = _FORMS.get(value) if type(value) is FunctionType else None
        if forms is None:
            continue
        published.add(value)
        if name[0] != "_":
            names.append(name)
        name = name.lstrip("_")
        if forms.method is not None:
            _add_method(name, forms.method)
        if forms.inplace is not None:
            _add_method(name + "_", forms.inplace)
    for value in published:
        del _FORMS[value]  # a module that imports it doesn't publish it again
    return names


def _add_method(name: str, method: Callable[..., Any]) -> None:
    METHODS[name] = method
    name_method(name, method)
    if hasattr(TensorBase, "kind"):  # the class is there already: the module was imported late
        setattr(TensorBase.kind, name, method)


def name_method(name: str, method: Callable[..., Any]) -> None:
    """Name a function as a method of Tensor: so Python's errors call it, and pickles find it."""
    if method.__module__ != "tinygrad_mnist":  # otherwise it has its name: this is an alias
        method.__name__, method.__qualname__ = name, f"Tensor.{name}"
        method.__module__ = "tinygrad_mnist"


def checked(call: Callable[..., Any], takes_out: bool = True) -> Callable[..., Any]:
    """Put the checks around a function that every public one has; a method takes no ``out``."""
    name, names, bools = call.__name__, Names(call), bools_of(call)
    bound = 0 if takes_out else 1  # a method's tensor isn't counted

    least = min((i for i, _ in bools), default=0)  # fewer arguments than that need no look

    @functools.wraps(call)
    def public(*args: Any, **kwargs: Any) -> Any:
        out = None
        try:
            if kwargs or not args:
                args, kwargs, out = _read(call, names, args, kwargs, takes_out)
            if not isinstance(args[0], TensorBase):
                raise TypeError(
                    f"{name}(): argument 'input' (position 1) must be Tensor, not {kind(args[0])}"
                )
            if bools and (kwargs or len(args) > least):
                for i, flag in bools:
                    value = args[i] if i < len(args) else kwargs.get(flag, True)
                    if value is not True and value is not False:
                        refuse_bool(call, flag, value)
            result = call(*args, **kwargs)
            return result if out is None else write_out(name, result, out)
        except Exception as error:
            complain(name, error, call, args, kwargs, bound)
            raise

    public.__qualname__ = name
    return public


def _read(
    call: Callable[..., Any],
    names: Names,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    takes_out: bool,
) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Return the arguments under the function's own names, and what ``out`` names."""
    if not args:
        own = inspect.unwrap(call).__code__.co_varnames[0]
        first = next((n for n in ("input", "tensor", "self", own) if n in kwargs), None)
        if first is None:
            raise TypeError(f"{call.__name__}() missing 1 required positional argument: 'input'")
        args = (kwargs.pop(first),)
    args, kwargs = names.read(args, kwargs)
    return args, kwargs, kwargs.pop("out", None) if takes_out else None


# First arguments


def scalar_first(call: Callable[..., Any], public: Callable[..., Any]) -> Callable[..., Any]:
    """Let the first operand of a function of two be a number, too."""
    name = call.__name__

    @functools.wraps(call)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            if not args and kwargs:
                args = tuple(kwargs.pop(n) for n in ("input", "self") if n in kwargs)
            if args and not isinstance(args[0], TensorBase):
                number = as_number("input", args[0])
                other = args[1] if len(args) > 1 else kwargs.get("other", kwargs.get("exponent"))
                array = other._array if isinstance(other, TensorBase) else number
                first = np.asarray(number, dtypes.result_type(number, array))
                args = (wrap(first), *args[1:])
        except Exception as error:
            complain(name, error, call, args, kwargs)
            raise
        return public(*args, **kwargs)

    return function


def beta_first(call: Callable[..., Any], public: Callable[..., Any]) -> Callable[..., Any]:
    """Let beta stand before the tensor, as in the older form of a function."""

    @functools.wraps(call)
    def function(*args: Any, **kwargs: Any) -> Any:
        if len(args) > 3 or (len(args) > 1 and not isinstance(args[0], TensorBase)):
            if isinstance(args[0], TensorBase):
                raise TypeError(
                    f"{call.__name__}() takes 3 tensors by position, but {len(args)} arguments "
                    f"were given; numbers are given by name: beta=, alpha="
                )
            args = (*args[1:2], args[0], *args[2:])
            if len(args) < 4:  # the tensors are named
                kwargs["beta"], args = args[1], (args[0], *args[2:])
        return public(*args, **kwargs)

    return function


# In-place methods


def _in_place(
    call: Callable[..., Any],
    write: Callable[..., Any],
    does: str = "Write what {} returns into self.",
) -> Callable[..., Any]:
    """Name a method after the function that it does in place, in errors too."""
    name = call.__name__ + "_"

    @functools.wraps(call)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return write(self, *args, **kwargs)
        except Exception as error:
            complain(name, error, call, (self, *args), kwargs, bound=1)
            raise

    method.__name__ = method.__qualname__ = name
    method.__doc__ = does.format(f":meth:`{call.__name__}`")
    return method


def _operated(op: Op, call: Callable[..., Any]) -> Callable[..., Any]:
    """Make the in-place method of one operation."""
    return _in_place(call, lambda self: apply_inplace(op, self))


def in_place(call: Callable[..., Any]) -> Callable[..., Any]:
    """Make the in-place method of a function: its result is written into the tensor."""
    name = call.__name__ + "_"

    def write(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_writable(name, self, *args, *kwargs.values())
        first = original(self, *args, *kwargs.values())
        return store(name, self, call(first, *args, **kwargs))

    return _in_place(call, write)


def view_in_place(call: Callable[..., Any]) -> Callable[..., Any]:
    """Make the in-place method of a view: no element is written, the tensor becomes the view."""
    name = call.__name__ + "_"

    def become(self: Any, *args: Any, **kwargs: Any) -> Any:
        if modes.enabled and self._requires_grad and self._node is None:
            raise RuntimeError(
                f"{name}: a leaf Variable that requires grad can't be changed by an in-place "
                f"operation; use {call.__name__}, which makes a view"
            )
        # What a tensor was computed from doesn't change with its shape, under no_grad either.
        # A view whose memory was written to since gets its history anew anyway.
        computed = self._node is not None and not _is_outdated(self)
        with recording(modes.enabled or computed):
            view = call(self, *args, **kwargs)
        self._array, self._fixed_order = view._array, view._fixed_order
        if not _is_outdated(self):
            self._node = view._node
        return self

    return _in_place(call, become, "Make self the view that {} returns.")


def _is_outdated(x: TensorBase) -> bool:
    """Whether a view's memory was written to since its history was made."""
    return x._base is not None and x._seen != x._version.count
