"""What a step does besides NumPy's work, and what it asks the outside world: told to the tracer.

While a step is recorded, Python tells of each function that is called. Of those written in C, some
are known to depend on nothing but their arguments; with any other (``print``, ``open``,
``time.time``, ``random.random``, ...) a program would repeat what it said at the recording.
"""

from __future__ import annotations

import functools
import gc
import inspect
import os
import random
import sys
import types
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_mnist import serialization
from tinygrad_mnist._runtime import threads
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.autograd.observer import PACKAGE, Line
from tinygrad_mnist.compiler.ownership import KINDS, LIBRARY, PURE, STANDARD, USER
from tinygrad_mnist.compiler.reads import asker
from tinygrad_mnist.compiler.tracer import Tracer
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.generator import Generator

IMPURE = frozenset({"print", "open", "input", "exec", "eval", "compile", "breakpoint", "next",
                    "globals", "id", "warn", "warn_explicit", "fromfile"})  # fmt: skip
"""Functions in those modules that don't."""

PURE_TYPES = (list, dict, tuple, set, frozenset, str, bytes, bytearray, int, float, complex, bool,
              range, slice, type, types.MappingProxyType, types.GeneratorType, np.ndarray,
              np.generic, np.dtype, np.ufunc, types.CodeType, types.FunctionType,
              types.MethodType)  # fmt: skip
"""Types whose methods do nothing but to their own object."""

_DATA = os.path.join(PACKAGE, "utils", "data")


@functools.cache
def _settings() -> frozenset[int]:
    """Return the code of functions of this package that read or write what no program knows of."""
    functions: Iterable[Any] = (
        serialization.save, serialization.load, dtypes.set_default_dtype,
        threads.set_num_threads, Generator.manual_seed, Generator.seed, Generator.get_state,
        Generator.set_state,
    )  # fmt: skip
    return frozenset(id(inspect.unwrap(f).__code__) for f in functions)


def is_pure(function: Any) -> bool:
    """Whether a function written in C depends on nothing but its arguments."""
    owner = getattr(function, "__self__", None)
    name = function.__name__
    if owner is None or isinstance(owner, types.ModuleType):
        module = (getattr(function, "__module__", None) or getattr(owner, "__name__", "")) or ""
        return module.split(".")[0] in PURE and name not in IMPURE
    if isinstance(owner, type):
        return owner.__module__.split(".")[0] in PURE
    if isinstance(owner, PURE_TYPES):
        return True
    return type(owner).__module__ in ("collections", "itertools", "functools", "operator", "re",
                                      "_operator", "_struct")  # fmt: skip


class Effects:
    """Watches a recorded step as a context manager.

    Parameters
    ----------
    tracer
        What is told.
    streams
        Generators of random numbers that the step reaches.
    """

    def __init__(self, tracer: Tracer, streams: Iterable[Any]) -> None:
        self.tracer = tracer
        self.streams = list(streams)
        self._modes = (modes.enabled, modes.inference)
        self._settings = _settings()
        self._restored = False

    def __enter__(self) -> Effects:
        self._states = self._read()
        # What a collection of garbage calls is nothing that the step does.
        self._collects = gc.isenabled()
        gc.disable()
        sys.setprofile(self._seen)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)
        if self._collects:
            gc.enable()
        if not self.tracer.open:
            return
        if self._states != self._read():
            self.tracer.stop_somewhere("it draws from a random generator of NumPy's or Python's")
        elif self._modes != (modes.enabled, modes.inference):
            self.tracer.stop_somewhere("it leaves gradients switched on or off")
        elif self._restored and any(
            call.effect and call.operation.startswith("Generator.") for call in self.tracer.calls
        ):
            self.tracer.stop_somewhere("it draws the same random numbers again, at a checkpoint")

    def _read(self) -> list[Any]:
        """Return the states of the generators."""
        return [_state_of(x) for x in (random, np.random, *self.streams)]

    def _seen(self, frame: types.FrameType, event: str, function: Any) -> None:
        """Be told by Python of each call: as shortly as can be, since there are thousands."""
        if event == "c_call":
            if function is open or (
                KINDS[frame.f_code.co_filename] == USER and not is_pure(function)
            ):
                self._stop(frame, _name(function))
        elif event == "call":
            code = frame.f_code
            kind = KINDS[code.co_filename]
            if kind == LIBRARY:
                if id(code) in self._settings and not self._is_restored(frame, code.co_name):
                    self._stop(frame, code.co_name)
                elif code.co_name == "__iter__" and code.co_filename.startswith(_DATA):
                    self._stop(frame, code.co_qualname)
            elif kind == STANDARD:
                caller = asker(frame)
                if caller is not None and KINDS[caller.f_code.co_filename] == USER:
                    module = frame.f_globals.get("__name__", "")
                    self._stop(caller, f"{module}.{code.co_qualname}")

    def _is_restored(self, frame: types.FrameType, name: str) -> bool:
        """Whether a generator's state is asked for in order to draw the same numbers again.

        That makes no difference where none are drawn, and vmap only sees whether any are.
        """
        asker = _asker(frame) if name in ("get_state", "set_state") else ""
        self._restored |= asker == "checkpoint.py"
        return asker == "checkpoint.py" or (asker == "vmap.py" and name == "get_state")

    def _stop(self, frame: types.FrameType | None, name: str) -> None:
        if not self.tracer.open:
            return
        while frame is not None and KINDS[frame.f_code.co_filename] != USER:
            frame = frame.f_back
        line = None
        if frame is not None:
            line = Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        self.tracer.stop(f"it calls {name}, which does or depends on something outside", line)


def _asker(frame: types.FrameType) -> str:
    """Return the file from which a method is called, without the wrappers that name errors."""
    caller = frame.f_back
    while caller is not None and caller.f_code.co_filename.endswith(f"{os.sep}naming.py"):
        caller = caller.f_back
    return "" if caller is None else os.path.basename(caller.f_code.co_filename)


def _name(function: Any) -> str:
    owner = getattr(function, "__self__", None)
    if owner is None or isinstance(owner, types.ModuleType):
        module = getattr(function, "__module__", None) or ""
        name: str = function.__name__
        return name if module in ("", "builtins", "_io") else f"{module}.{name}"
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{kind.__name__}.{function.__name__}"


def _state_of(stream: Any) -> Any:
    """Return the state of a generator, as something that can be compared."""
    if stream is random or isinstance(stream, random.Random):
        return stream.getstate()
    if stream is np.random or isinstance(stream, np.random.RandomState):
        stream = stream.get_state(legacy=False)
        return stream["state"]["key"].tobytes(), stream["state"]["pos"], stream["gauss"]
    if isinstance(stream, np.random.Generator):
        stream = stream.bit_generator
    return repr(stream.state)
