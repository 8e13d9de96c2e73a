"""Whether operations are recorded: grad mode and inference mode, per thread."""

from __future__ import annotations

import contextvars
import functools
import inspect
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast, overload

import numpy as np

from tinygrad_mnist._runtime.naming import warn

if TYPE_CHECKING:
    from tinygrad_mnist.autograd.observer import Observer

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")


class _Modes(threading.local):
    enabled = True
    inference = False
    observers: tuple[Observer, ...] = ()
    """What is told of each operation and each rule; operations ask for it only if there is any."""
    tracer: Any = None
    """The observer that notes each call of NumPy's, and runs what it notes itself."""
    last_call: Any = None
    """The operation computed last, if observers are told of it."""
    walk: Any = None
    """The backward pass that is running, while observers are told of its rules."""
    saving: Any = None
    """A script's hooks on saved tensors: one to pack, and one to unpack."""
    saving_refused = ""

    def __init__(self) -> None:
        self.pending: list[Callable[[], None]] | None = None
        """Functions to call when the backward pass that is running is over."""
        self.depth = 0
        """How many calls of backward are running, one inside of another."""
        self.stored: list[Callable[[], None]] = []
        """Functions to call when the outermost of them has stored all gradients."""


modes = _Modes()
"""The modes of the running thread; a new thread starts with recording on, as in PyTorch."""


class _Quiet(threading.local):
    """Runs NumPy without floating-point warnings: infinity and NaN are results here.

    Entering ``np.errstate`` costs more than a small operation does; running in a context in
    which it was entered once does not.
    """

    def __init__(self) -> None:
        with np.errstate(all="ignore"):
            self.unobserved = contextvars.copy_context().run
        self.run: Callable[..., Any] = self.unobserved

    def is_running(self) -> bool:
        """Whether something runs in the context now, so that it can't be entered again."""
        try:
            self.run(bool)
        except RuntimeError:
            return True
        return False


quiet = _Quiet()


def switch(values: Mapping[str, Any]) -> None:
    """Set modes of the running thread; observers listen where operations are run."""
    modes.__dict__.update(values)
    if "observers" in values:
        from tinygrad_mnist.autograd.observer import run_observed

        quiet.run = run_observed if modes.observers else quiet.unobserved
        modes.last_call = None


def one_call(function: F) -> F:
    """Decorate what a tracer notes as one call, because it looks at numbers or keeps a state.

    Arrays that it writes to are those that it takes under the names ``out`` or ``outs``.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if modes.tracer is None:
            return function(*args, **kwargs)
        return modes.tracer.one_call(function, args, kwargs)

    return cast(F, call)


def fixed(function: Callable[..., R], *arrays: Any) -> R:
    """Ask about arrays what no number in them changes: where they lie in memory."""
    if modes.tracer is None:
        return function(*arrays)
    return cast(R, modes.tracer.fixed(function, arrays))


class recording:
    """Switch recording on or off for a block: the engine's own, with no checks."""

    __slots__ = ("enabled", "previous")

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __enter__(self) -> None:
        self.previous = modes.enabled
        modes.enabled = self.enabled

    def __exit__(self, *error: object) -> None:
        modes.enabled = self.previous


class Mode:
    """A mode as a context manager and a decorator, restored whatever happens inside.

    The values to restore form a stack, so one object may be entered again inside itself.
    """

    switched: ClassVar[dict[str, Any]] = {}
    """The values of a mode that is always the same; others give them to the constructor."""

    def __init__(self, **values: Any) -> None:
        self._values: dict[str, Any] = values or self.switched
        self._previous: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._previous.append({name: getattr(modes, name) for name in self._values})
        switch(self._values)
        return self

    def __exit__(self, *error: object) -> None:
        switch(self._previous.pop())

    def _fresh(self) -> Mode:
        """Return the mode for one call of what it decorates; calls may overlap."""
        return Mode(**self._values)

    def __call__(self, function: F) -> F:
        """Decorate a function, or a generator function, to run in this mode."""
        if isinstance(function, type):
            warn(
                f"{type(self).__name__}: decorating a class is deprecated: it becomes a function "
                f"that makes instances; decorate its methods",
                FutureWarning,
            )
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return cast(F, decorated)

    def _wrap_generator(self, function: F) -> F:
        """Run each piece of a generator in the mode, and the code between outside of it."""

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                generator = function(*args, **kwargs)
            advance, value = generator.send, None
            while True:
                try:
                    with self._fresh():
                        item = advance(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    advance, value = generator.send, (yield item)
                except GeneratorExit:
                    with self._fresh():
                        generator.close()
                    raise
                except BaseException as error:
                    advance, value = generator.throw, error

        return cast(F, decorated)


class Switch(Mode):
    """A mode that needs no argument, so that ``@no_grad`` decorates as ``@no_grad()`` does.

    Subclasses have no ``__init__``, from which mypy would conclude that both give a mode.
    """

    @overload
    def __new__(cls) -> Self: ...

    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]  # not an instance

    def __new__(cls, *given: Any, **named: Any) -> Any:
        """Create the mode, or decorate a function in it."""
        mode = super().__new__(cls)
        if not given and not named:
            return mode
        if named or len(given) > 1 or not callable(given[0]):
            raise TypeError(f"{cls.__name__}: takes no argument but a function to decorate")
        mode.__init__()  # type: ignore[misc]  # Python calls it for instances only
        return mode(given[0])


class SwitchNow(Mode):
    """A mode that is switched at once, and back again if used as a context manager."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self._before = {name: getattr(modes, name) for name in values}
        switch(values)

    def __enter__(self) -> Self:
        """Keep the mode, and remember the one before construction."""
        self._previous.append(self._before)
        switch(self._values)
        return self


class no_grad(Switch):
    """Switch recording off: as a context manager or a decorator, in this thread only.

    Follows ``torch.no_grad``.

    Parameters
    ----------
    given, named
        As a decorator, the function.

    Examples
    --------
    >>> from tinygrad_mnist import no_grad, tensor
    >>> x = tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """

    switched: ClassVar[dict[str, bool]] = {"enabled": False}


class enable_grad(Switch):
    """Switch recording on again inside :class:`no_grad`.

    Follows ``torch.enable_grad``.

    Parameters
    ----------
    given, named
        As a decorator, the function.

    Examples
    --------
    >>> from tinygrad_mnist import enable_grad, is_grad_enabled, no_grad
    >>> with no_grad(), enable_grad():
    ...     is_grad_enabled()
    True
    """

    switched: ClassVar[dict[str, bool]] = {"enabled": True}


class set_grad_enabled(SwitchNow):
    """Switch recording on or off: at once, and back again if used as a context manager.

    Follows ``torch.set_grad_enabled``.

    Parameters
    ----------
    mode
        Whether operations are recorded.

    Examples
    --------
    >>> from tinygrad_mnist import is_grad_enabled, set_grad_enabled
    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled: expects True or False, not {type(mode).__name__}")
        super().__init__(enabled=mode)
        self.mode = mode

    def __call__(self, function: F) -> F:
        """Decorate a function; the surrounding mode stays as it was."""
        switch(self._before)
        return super().__call__(function)


class inference_mode(Mode):
    """Switch recording off for code that will never be differentiated.

    Here it is :class:`no_grad` that :func:`is_inference_mode_enabled` can see: tensors made inside
    stay usable outside, where PyTorch would refuse some of them. Follows ``torch.inference_mode``.

    Parameters
    ----------
    mode
        Whether it is on.

    Examples
    --------
    >>> from tinygrad_mnist import inference_mode, is_grad_enabled
    >>> with inference_mode():
    ...     is_grad_enabled()
    False
    """

    @overload
    def __new__(cls, mode: bool = True) -> Self: ...

    @overload
    def __new__(cls, mode: F) -> F: ...  # type: ignore[misc]  # not an instance

    def __new__(cls, mode: Any = True) -> Any:
        """Create the mode, or decorate directly where used as ``@inference_mode``."""
        self = super().__new__(cls)
        if not callable(mode):
            return self
        self.__init__()  # type: ignore[misc]  # Python calls it for instances only
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(enabled=not mode, inference=bool(mode))
        self.mode = bool(mode)


def is_grad_enabled() -> bool:
    """Return whether operations are recorded in this thread.

    Follows ``torch.is_grad_enabled``.

    Returns
    -------
    True or False.

    Examples
    --------
    >>> from tinygrad_mnist import is_grad_enabled
    >>> is_grad_enabled()
    True
    """
    return modes.enabled


def is_inference_mode_enabled() -> bool:
    """Return whether this thread is inside :class:`inference_mode`.

    Follows ``torch.is_inference_mode_enabled``.

    Returns
    -------
    True or False.

    Examples
    --------
    >>> from tinygrad_mnist import is_inference_mode_enabled
    >>> is_inference_mode_enabled()
    False
    """
    return modes.inference
