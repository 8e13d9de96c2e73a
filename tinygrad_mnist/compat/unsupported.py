"""Unsupported PyTorch names: asking for one raises an error that says what to use instead.

There is one table, in :mod:`~tinygrad_mnist.compat.unsupported_names`, which is read when something
is missing.

- A name of a module (``torch.compile``, ``from torch.nn import LazyLinear``) is an AttributeError
  or ImportError with a hint, and ``hasattr`` is False: :func:`watch`.
- A method (``x.to_sparse()``) is an AttributeError with a hint: :func:`missing`.
- A module that scripts import, and leave alone where there is one process and no GPU
  (``torch.distributed``), can be imported. What is in it are :class:`StandIn` s, which can be
  imported, named in annotations and ``isinstance``, inherited from, and raise when they are called.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

METHODS = """
align_to as_strided_ as_strided_scatter ccol_indices cdouble cfloat chalf coalesce col_indices
const_data_ptr crow_indices dense_dim dequantize dim_order eig frexp geqrf grad_dtype hardshrink
hash_tensor i0 i0_ igamma igamma_ igammac igammac_ imag index index_reduce index_reduce_ indices
int_repr ipu is_coalesced is_set_to istft log_normal_ lstsq lu lu_solve map2_ module_load mtia
names new_empty_strided nonzero_static orgqr ormqr pin_memory polygamma polygamma_ prelu
q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme
record_stream refine_names reinforce rename resize resize_as resize_as_sparse_ row_indices set_
share_memory_ slice_inverse smm solve sparse_dim sparse_mask sparse_resize_
sparse_resize_and_clear_ sspaddmm stft storage storage_type symeig to_dense to_mkldnn
to_padded_tensor to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr
triangular_solve untyped_storage values volatile xpu
"""
"""Unsupported methods of PyTorch's Tensor."""

_OWN = "tinygrad_mnist"


def explain(path: str, name: str) -> str:
    """Return the hint for an unsupported name, or an empty string if PyTorch has no such name."""
    from tinygrad_mnist.compat import unsupported_names as names

    full = f"{path}.{name}".lstrip(".")
    if full in names.HINTS:
        return f": it is not offered here; {names.HINTS[full]}"
    if name in names.NAMES.get(path, "").split():
        return ": it is one of PyTorch's names that are not offered here"
    return ""


def lookup(path: str, name: str) -> Any:
    """Return a missing name of a module: a lazily imported object, or a stand-in.

    Raises
    ------
    AttributeError
        For every other name, with what to use in its place.
    """
    from tinygrad_mnist.compat import unsupported_names as names

    for home, listed in names.LATE.get(path, {}).items():
        if any(fnmatchcase(name, pattern) for pattern in listed.split()):
            module = importlib.import_module(f"{_OWN}.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    full = f"{path}.{name}".lstrip(".")
    if full in names.MODULES:
        return importlib.import_module(f"{_OWN}.{full}")
    stands = names.MODULES.get(path)
    if stands is not None and stands.has(name):
        return stand_in(full)
    own = f"{_OWN}.{path}".rstrip(".")
    raise AttributeError(f"module {own!r} has no attribute {name!r}{explain(path, name)}")


def watch(*paths: str) -> None:
    """Give modules a ``__getattr__`` that says what to use in place of an unsupported name."""
    for path in paths:
        module = sys.modules[f"{_OWN}.{path}".rstrip(".")]
        vars(module).setdefault("__path__", [])  # then a missing name is looked for by Finder, too
        vars(module).setdefault("__getattr__", functools.partial(lookup, path))


@functools.cache
def stand_in(path: str) -> Any:
    """Make a stand-in for a class or function; exceptions get a class that is never raised."""
    parent, _, name = path.rpartition(".")
    space: dict[str, Any] = {"__module__": f"torch.{parent}".rstrip(".")}
    if name.endswith(("Error", "Exception")):
        return type(name, (RuntimeError,), space)
    if name.endswith("Warning"):
        return type(name, (UserWarning,), space)
    return StandIn(name, (), space | {"_path": path})


class StandIn(type):
    """The metaclass of stand-ins for unsupported classes and functions."""

    _path: str

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Raise: say what to use instead."""
        from tinygrad_mnist.compat import unsupported_names as names

        raise NotImplementedError(f"{cls._path} isn't offered here: {names.reason(cls._path)}")

    def __getattr__(cls, name: str) -> Any:
        """Return another stand-in, such as ``ReduceOp.SUM``."""
        if name.startswith("_"):
            raise AttributeError(name)
        return stand_in(f"{cls._path}.{name}")

    def __getitem__(cls, item: Any) -> Any:
        """Return the stand-in itself, for annotations such as ``Future[int]``."""
        return cls


class _Finder:
    """Import finder of the table's modules; ``from ... import`` explains a missing name."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the module's specification, or None if it isn't one of the table's."""
        package, _, full = name.partition(".")
        if package != _OWN or not full:
            return None
        from tinygrad_mnist.compat import unsupported_names as names

        if full in names.MODULES or names.below(full):
            return ModuleSpec(name, _Loader(), is_package=True)  # type: ignore[arg-type]  # it has what a loader needs
        parent, _, last = full.rpartition(".")
        if hint := explain(parent, last):
            module = f"{_OWN}.{parent}".rstrip(".")
            raise ImportError(f"cannot import name {last!r} from {module!r}{hint}", name=name)
        return None


class _Loader:
    """Import loader of the table's modules."""

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """Return None: Python creates the module."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Add the module's functions that have a meaningful answer."""
        from tinygrad_mnist.compat import unsupported_names as names

        path = module.__name__.removeprefix(f"{_OWN}.")
        stands = names.MODULES.get(path)
        module.__doc__ = f"PyTorch's {path}, which isn't offered here: {names.reason(path)}."
        if stands is None:
            module.__getattr__ = functools.partial(_below, path)  # type: ignore[method-assign]  # PEP 562
            return
        for kind, listed in (("no", stands.no), ("same", stands.same), ("none", stands.none)):
            for name in listed.split():
                setattr(module, name, _answering(kind, f"{path}.{name}"))
        watch(path)


def _below(path: str, name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {path!r} has no attribute {name!r}")
    return stand_in(f"{path}.{name}")


def _answering(kind: str, path: str) -> Callable[..., Any]:
    """Make a function that returns False, its argument (a decorator), or None."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        if kind == "no":
            return False
        if kind == "none":
            return None
        return args[0] if args and callable(args[0]) else lambda function: function

    what = {"no": "False", "same": "the function or module that is given, as it is", "none": "None"}
    answer.__name__ = answer.__qualname__ = path.rpartition(".")[2]
    answer.__doc__ = f"Return {what[kind]}. Follows ``torch.{path}``."
    return answer


class _Missing:
    """Descriptor of an unsupported method: access raises an AttributeError."""

    def __init__(self, path: str, name: str) -> None:
        self.path, self.name = path, name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Raise: say what to use instead."""
        raise AttributeError(
            f"{self.path!r} object has no attribute {self.name!r}{explain(self.path, self.name)}"
        )


def missing(kind: str, names: str) -> type:
    """Make a base class whose attributes say what to use instead of unsupported methods."""
    return type("Missing", (), {name: _Missing(kind, name) for name in names.split()})


sys.meta_path.append(_Finder)
