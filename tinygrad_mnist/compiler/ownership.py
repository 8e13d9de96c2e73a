"""Whose code is: a script's, this package's, NumPy's, or Python's own."""

from __future__ import annotations

import functools
import os
import sys
import types

import numpy as np

from tinygrad_mnist.autograd.observer import PACKAGE

PURE = frozenset({
    "__future__", "_abc", "_bisect", "_collections", "_collections_abc", "_functools", "_heapq",
    "_operator", "_py_abc", "_sitebuiltins", "_statistics", "_struct", "_weakref", "_weakrefset",
    "abc", "bisect", "builtins", "cmath", "collections", "contextlib", "copy", "copyreg",
    "dataclasses", "decimal", "enum", "fractions", "functools", "heapq", "inspect",
    "itertools", "math", "numbers", "numpy", "operator", "re", "reprlib", "sre_compile",
    "statistics", "string", "struct", "sys", "textwrap", "types", "typing", "typing_extensions",
    "warnings", "weakref", "zlib",
})  # fmt: skip
"""Modules whose functions depend on their arguments only."""

_LIBRARIES = (PACKAGE, os.path.dirname(np.__file__) + os.sep)
_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = ("site-packages", "dist-packages")

USER, LIBRARY, PURE_MODULE, STANDARD = range(4)


class _Kinds(dict[str, int]):
    """Whose a file is, by its name."""

    def __missing__(self, file: str) -> int:
        self[file] = kind = _kind_of(file)
        return kind


KINDS = _Kinds()


def _kind_of(file: str) -> int:
    if file.startswith("<frozen "):
        name = file.removeprefix("<frozen ").removesuffix(">").split(".")[0]
        return PURE_MODULE if name in PURE or name == "importlib" else STANDARD
    if file.startswith(_LIBRARIES):
        return LIBRARY
    if file.startswith(_STANDARD) and not any(f"{os.sep}{x}{os.sep}" in file for x in _INSTALLED):
        name = file[len(_STANDARD) :].removesuffix(".py").split(os.sep)[0]
        return PURE_MODULE if name in PURE else STANDARD
    return USER


_PACKAGE = __name__.split(".")[0]


def is_ours(name: str | None) -> bool:
    """Whether a module is of this package."""
    return name is not None and (name == _PACKAGE or name.startswith(f"{_PACKAGE}."))


@functools.cache
def is_foreign_module(name: str | None) -> bool:
    """Whether a module isn't a script's: Python's own, NumPy's, or of this package."""
    root = (name or "builtins").split(".")[0]
    return root != "__main__" and (
        root in sys.stdlib_module_names or root in ("numpy", "scipy") or is_ours(name)
    )


def is_foreign(x: types.FunctionType | type) -> bool:
    """Whether a function or class isn't a script's.

    A function is told by its file: a wrapper has the module of what it is around. A class has none,
    but functions; where a namespace has no name, Python takes a script's class for its own.
    """
    if isinstance(x, types.FunctionType):
        return KINDS[x.__code__.co_filename] != USER
    if any(isinstance(f, types.FunctionType) and not is_foreign(f) for f in vars(x).values()):
        return False
    if x.__module__ in (None, "builtins"):
        return not x.__flags__ & _MADE_BY_PYTHON
    return is_foreign_module(x.__module__)


_MADE_BY_PYTHON = 1 << 9
"""The flag of a class that a ``class`` statement has made (``Py_TPFLAGS_HEAPTYPE``)."""


def is_made_by_python(x: type) -> bool:
    """Whether a ``class`` statement has made a class, so that instances may hold anything."""
    return "__module__" in x.__dict__ and bool(x.__flags__ & _MADE_BY_PYTHON)


@functools.cache
def runs_unseen(x: type) -> bool:
    """Whether a class has methods in Python that count as pure: they read what nobody names."""
    return x.__module__.split(".")[0] in PURE and any(
        isinstance(f, types.FunctionType) and name not in ("__init__", "__init_subclass__")
        for name, f in vars(x).items()
    )


@functools.cache
def of_unknown_contents(x: type) -> bool:
    """Whether instances hold what only code written in C can tell."""
    return x is memoryview or any(
        base.__module__.split(".")[0] not in _KNOWN and _is_extension(base.__module__)
        for base in x.__mro__
    )


def _is_extension(name: str) -> bool:
    """Whether a module is written in C."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return name in sys.builtin_module_names or (file or "").endswith((".so", ".pyd"))


_KNOWN = PURE | {"_contextvars", "_datetime", "_decimal", "_random", "_sre", "_thread", "_uuid",
                 "_zoneinfo", "datetime", "itertools"}  # fmt: skip
"""Modules written in C whose objects don't change, or are known."""
