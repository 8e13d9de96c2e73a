"""The API reference: a page for each namespace, made from the docstrings of its public names.

The pages are written to ``docs/reference`` when the documentation is built. Each object is
described once, at its home; where else it is offered, an entry leads there. A public name without
a docstring stops the build; ``python docs/reference.py`` prints such names.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple, TypeVar, get_origin

import tinygrad_mnist
from tinygrad_mnist.autograd.observer import Observer
from tinygrad_mnist.compat.unsupported_names import LATE

PACKAGE = "tinygrad_mnist"
PAGES = {
    "torch": ("Functions of tensors", [""]),
    "tensor": ("Tensor", []),
    "autograd": ("autograd", ["autograd", "autograd.graph", "autograd.functional"]),
    "func": ("func", ["func"]),
    "linalg": ("linalg", ["linalg"]),
    "nn": ("nn", ["nn", "nn.parallel"]),
    "nn.functional": ("nn.functional", ["nn.functional"]),
    "nn.init": ("nn.init", ["nn.init"]),
    "nn.utils": (
        "nn.utils",
        ["nn.utils", "nn.utils.rnn", "nn.utils.parametrize", "nn.utils.parametrizations"],
    ),
    "optim": ("optim", ["optim", "optim.swa_utils", "optim.array_optimizer"]),
    "optim.lr_scheduler": ("optim.lr_scheduler", ["optim.lr_scheduler"]),
    "utils.data": ("utils.data", ["utils.data"]),
    "utils": ("utils", ["utils", "utils.checkpoint", "utils.dlpack"]),
    "distributed": ("distributed", ["distributed"]),
    "distributions": (
        "distributions",
        ["distributions", "distributions.transforms", "distributions.kl"],
    ),
    "datasets": ("datasets", ["datasets"]),
    "viz": ("viz", ["viz"]),
    "compiler": ("compiler", ["compiler"]),
    "learn": ("learn", ["learn"]),
    "mutation": ("mutation", ["mutation"]),
    "experiment": ("experiment", ["experiment"]),
    "playground": ("playground", ["playground"]),
    "files": ("Files", ["serialization", "safetensors"]),
    "special": ("special", ["special"]),
    "random": ("random", ["random"]),
    "testing": ("testing", ["testing"]),
    "others": (
        "Devices, precision and what else scripts import",
        [
            "amp", "cuda", "cuda.amp", "backends.cuda", "backends.cudnn", "backends.mps",
            "accelerator", "cpu", "jit", "fft", "profiler", "multiprocessing", "version",
        ],
    ),
}  # fmt: skip
"""The pages: name, title, and the namespaces that they describe."""

AT_TOP = ("tensor", "ops", "serialization")
"""Rooms whose names are offered at top level."""

GROUPED = {"": "tensor", "nn": "nn"}
"""Namespaces whose names are grouped by the file that defines them, and the folder of the files."""


class Entry(NamedTuple):
    """A public name: the namespace that offers it, and the object."""

    space: str
    name: str
    value: Any

    @property
    def path(self) -> str:
        """The full name, such as ``tinygrad_mnist.nn.Linear``."""
        return ".".join(filter(None, (PACKAGE, self.space, self.name)))


def module(space: str) -> ModuleType:
    """Import a namespace."""
    return importlib.import_module(".".join(filter(None, (PACKAGE, space))))


@cache
def public(space: str) -> list[Entry]:
    """Return the public names of a namespace, without modules and what others define.

    They are those of ``__all__``, or what the file defines or imports ``as`` the same name, and
    those that are imported when they are first asked for.
    """
    found = module(space)
    names = stated(found)
    late = " ".join(LATE.get(space, {}).values()).split()
    names = [n for n in dict.fromkeys([*names, *late]) if n[0] != "_" and "*" not in n]
    found_entries = (Entry(space, n, getattr(found, n)) for n in names)
    return [e for e in found_entries if not _is_module_or_type(e.value)]


def _is_module_or_type(value: Any) -> bool:
    """Return whether a value is a module, or a name for a type."""
    return isinstance(value, ModuleType | TypeVar) or get_origin(value) is not None


def stated(found: ModuleType) -> list[str]:
    """Return the names that a module says are public."""
    if hasattr(found, "__all__"):
        return list(found.__all__)
    names: list[str] = []
    for node in ast.parse(inspect.getsource(found)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            names += [a.name for a in node.names if a.asname == a.name]
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
    return names


def entries() -> Iterator[Entry]:
    """Yield every public name of every page."""
    for _, spaces in PAGES.values():
        for space in spaces:
            yield from public(space)


def is_object(value: Any) -> bool:
    """Return whether a value is described by a docstring of its own: a function or a class."""
    return isinstance(value, type) or callable(value)


def identity(value: Any) -> int:
    """Return what two names of one definition have in common."""
    return id(inspect.unwrap(value) if inspect.isfunction(value) else value)


@cache
def homes() -> dict[int, str]:
    """Return for each definition the name under which it is described.

    That is one that it calls itself, if there is one, in the namespace where it is defined.
    """
    found: dict[int, list[Entry]] = {}
    for entry in entries():
        if is_object(entry.value):
            found.setdefault(identity(entry.value), []).append(entry)

    def fits(entry: Entry) -> tuple[bool, bool]:
        where = getattr(entry.value, "__module__", "") or ""
        own = getattr(entry.value, "__name__", "") == entry.name
        room = where.removeprefix(PACKAGE).lstrip(".").partition(".")[0]
        here = entry.space.partition(".")[0] == ("" if room in AT_TOP else room)
        return not own, not here

    return {key: min(group, key=fits).path for key, group in found.items()}


def members(found: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class defines itself."""
    for name, value in vars(found).items():
        if name[0] != "_" and isinstance(
            value, FunctionType | property | classmethod | staticmethod
        ):
            yield name, value


def undocumented() -> list[str]:
    """Return the public names without a docstring; an overriding method may have its base's."""
    bare = []
    for entry in entries():
        if is_object(entry.value) and not inspect.getdoc(entry.value):
            bare.append(entry.path)
        if isinstance(entry.value, type) and entry.value.__module__.startswith(PACKAGE):
            bare += [
                f"{entry.path}.{name}"
                for name, _ in members(entry.value)
                if not inspect.getdoc(getattr(entry.value, name))
            ]
    return sorted(set(bare))


def write(folder: Path) -> None:
    """Write the pages, and remove those that are no more; what hasn't changed is left alone."""
    folder.mkdir(exist_ok=True)
    pages = {"index": _index(), **{name: page(name) for name in PAGES}}
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _heading(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]


def _index() -> str:
    lines = [
        *_heading("Reference", "="),
        "Every public name, as its docstring describes it; ``help()`` says the same. Names are "
        "PyTorch's, so that ``torch.nn.Linear`` stands at ``tinygrad_mnist.nn.Linear``.",
        "",
        ".. toctree::",
        "   :maxdepth: 1",
        "",
        *(f"   {name}" for name in PAGES),
    ]
    return "\n".join(lines) + "\n"


def page(name: str) -> str:
    """Return a page's text, in reStructuredText."""
    title, spaces = PAGES[name]
    lines = _heading(title, "=")
    if name == "tensor":
        lines += _tensor()
    for position, space in enumerate(spaces):
        if position:
            lines += _heading(space, "-")
        lines += [f".. py:module:: {'.'.join(filter(None, (PACKAGE, space)))}", ""]
        lines += [inspect.getdoc(module(space)) or "", ""]
        lines += _entries(space, "~" if position else "-")
    return "\n".join(lines) + "\n"


def _entries(space: str, line: str) -> list[str]:
    lines: list[str] = []
    for group, found in _groups(space):
        if group:
            lines += _heading(group, line)
        for entry in sorted(found, key=lambda e: e.name.lower()):
            lines += _entry(entry)
    return lines


def _groups(space: str) -> list[tuple[str, list[Entry]]]:
    """Return a namespace's names by the file that defines them, with a heading for each."""
    if space not in GROUPED:
        return [("", public(space))]
    files = _files(GROUPED[space])
    groups: dict[str, list[Entry]] = {}
    for entry in public(space):
        if not is_object(entry.value):
            group = "values"
        else:
            group = files.get(identity(entry.value), "further names")
        groups.setdefault(group, []).append(entry)
    last = ("values", "further names")
    order = sorted(groups, key=lambda g: (g in last, g))
    return [(g.replace("_", " ").capitalize(), groups[g]) for g in order]


@cache
def _files(folder: str) -> dict[int, str]:
    """Return the file of a folder that defines each of its functions and classes."""
    found: dict[int, str] = {}
    room = module(folder)
    for info in pkgutil.iter_modules(room.__path__):
        loaded = importlib.import_module(f"{room.__name__}.{info.name}")
        for name, value in vars(loaded).items():
            own = getattr(value, "__module__", "") == loaded.__name__
            if (
                name[0] != "_"
                and is_object(value)
                and (own or name in getattr(loaded, "__all__", ()))
            ):
                found.setdefault(identity(value), info.name)
    return found


def _entry(entry: Entry) -> list[str]:
    """Return the directive that describes a name, or leads to where it is described."""
    value = entry.value
    if not is_object(value):
        return [f".. py:data:: {entry.name}", "", f"   ``{value!r}``", ""]
    if value is tinygrad_mnist.Tensor:
        return [":doc:`Tensor <tensor>` has a page of its own.", ""]
    home = homes()[identity(value)]
    kind = "class" if isinstance(value, type) else "function"
    if home != entry.path:
        same = [f".. py:{kind}:: {entry.name}{_arguments(value)}", "   :no-index-entry:", ""]
        return [*same, f"   The same as :py:obj:`{home.removeprefix(PACKAGE + '.')} <{home}>`.", ""]
    if kind == "function" or not value.__module__.startswith(PACKAGE):
        return [f".. auto{kind}:: {entry.path}", ""]
    own = [name for name, member in members(value) if member.__doc__]
    if issubclass(value, Observer):  # whose calls are the engine's own
        own = [name for name in own if name not in vars(Observer)]
    shown = [f"   :members: {', '.join(own)}"] if own else []
    return [f".. autoclass:: {entry.path}", *shown, ""]


def _arguments(value: Any) -> str:
    """Return the names of a function's parameters, in brackets."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return "(...)"
    bare = [p.replace(annotation=p.empty) for p in parameters]
    return str(inspect.Signature(bare))


def _tensor() -> list[str]:
    """Return the page of Tensor's methods: those that are functions too lead to them."""
    found = tinygrad_mnist.Tensor
    lines = [f".. py:currentmodule:: {PACKAGE}", "", f".. autoclass:: {PACKAGE}.Tensor", ""]
    functions = homes()
    properties, methods = [], []
    for name in sorted(dir(found)):
        if name[0] == "_" or not hasattr(found, name):  # which loads the rare ones
            continue
        value = inspect.getattr_static(found, name)
        if not isinstance(value, FunctionType | property | classmethod | staticmethod):
            continue
        path = f"{PACKAGE}.Tensor.{name}"
        if isinstance(value, property):
            properties += [f".. autoproperty:: {path}", ""]
        elif identity(value) in functions:
            home = functions[identity(value)]
            arguments = _arguments(value).replace("(input, ", "(").replace("(input)", "()")
            summary = (inspect.getdoc(value) or "").partition("\n")[0]
            methods += [f".. py:method:: Tensor.{name}{arguments}", "", f"   {summary}"]
            methods += [f"   See :py:func:`{home.removeprefix(PACKAGE + '.')} <{home}>`.", ""]
        else:
            methods += [f".. automethod:: {path}", ""]
    return [*lines, *_heading("Properties", "-"), *properties, *_heading("Methods", "-"), *methods]


if __name__ == "__main__":
    print("\n".join(undocumented()) or "every public name has a docstring")
