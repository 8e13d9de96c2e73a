"""What a step can reach: the tensors and numbers that it may read besides its arguments.

Numbers are frozen into a program, so they are watched: a program is used only as long as they are
what they were. They are found where Python keeps them: in the globals and closures that the code
names, in the attributes of modules and other objects, and in the lists and dicts among those.
An attribute counts only if some code that is reached has its name; and afterwards, when it is
known which attributes were looked up, only if it is one of these.
"""

from __future__ import annotations

import array
import dis
import functools
import io
import operator
import random
import sys
import threading
import types
import weakref
from collections import defaultdict, deque
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler.effects import is_pure
from tinygrad_mnist.compiler.keeping import Keeping, is_kept
from tinygrad_mnist.compiler.ownership import (
    is_foreign,
    is_foreign_module,
    is_made_by_python,
    is_ours,
    of_unknown_contents,
    runs_unseen,
)
from tinygrad_mnist.compiler.reads import UNTOLD, Reads
from tinygrad_mnist.compiler.watches import MISSING, NUMBERS, Watch
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer
from tinygrad_mnist.optim.lr_scheduler import LRScheduler
from tinygrad_mnist.tensor.generator import Generator

MOST = 20_000
"""How many places may be watched."""

DYNAMIC = frozenset({
    "getattr", "hasattr", "setattr", "delattr", "vars", "dir", "__dict__", "__getattribute__",
    "attrgetter", "methodcaller", "eval", "exec", "locals", "globals", "asdict", "astuple",
    "__getstate__", "__setattr__", "__delattr__", "getmembers", "getattr_static",
})  # fmt: skip
"""Names in whose presence any attribute may be read."""

ASKING = DYNAMIC | {"AttributeError"}
"""Names in whose presence an attribute that isn't there makes a difference."""

SETTINGS = frozenset({
    "param_groups", "state", "state_dict", "defaults", "get_last_lr", "get_lr", "last_epoch",
    "base_lrs", "_last_lr", "_step_count",
})  # fmt: skip
"""Names by which code may read the settings of an optimizer or a schedule."""

_ON_REQUEST = frozenset({
    "__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__", "__del__",
    "__repr__", "__str__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__",
})  # fmt: skip
"""Methods that don't run just because there is an instance."""

UNSEEN = frozenset({"map", "filter", "starmap"})
"""Functions written in C that call others when nobody sees it."""

COLLECTIONS = (list, tuple, deque, dict, set, frozenset, bytearray, array.array)

_OF_SCHEDULES = ("step", "get_lr", "_get_closed_form_lr")
"""Methods of a schedule that are run anew at each step, as one call."""

STREAMS = (random.Random, np.random.Generator, np.random.RandomState, np.random.BitGenerator)


class Surroundings:
    """What a function can reach.

    Parameters
    ----------
    function, arguments
        The function, and what it is called with.
    before, reads
        What was found before the function ran, and what it has read: all else is left out.

    Attributes
    ----------
    tensors
        The tensors, each once.
    watched
        The places of numbers.
    arrays
        The places of NumPy's arrays.
    streams
        Generators of random numbers that aren't this library's.
    flags
        The places of modules' training flags, by the modules' identities.
    refused
        Why the function can't be compiled, if it reads all of this.
    too_much
        Why it can't in any case, if that is more than can be watched.
    """

    def __init__(
        self,
        function: Any,
        arguments: Any = (),
        before: Surroundings | None = None,
        reads: Reads | None = None,
    ) -> None:
        self.tensors: list[TensorBase] = []
        self.watched: list[Watch] = []
        self.arrays: list[Watch] = []
        self.streams: list[Any] = []
        self.flags: dict[int, Watch] = {}
        self.refused = ""
        self.too_much = ""
        self._kinds: set[type] = set()
        """Classes of objects that can tell which attributes are read."""
        self._has_cache = False
        self._given = function, arguments
        self._kept: set[tuple[str, int, Any]] = set()
        """Places of tensors that are given to the function anew at each call."""
        self._before = before
        self._reads = reads
        self._inside: list[Watch] = []
        """Places that the step may not change, but others may."""
        self._names: set[str] = set() if reads is None else reads.names()
        self._classes: set[type] = set()
        self._looked_up: set[tuple[int, int]] = set()
        self._places: dict[tuple[str, int, Any], Watch] = {}
        self._waiting: dict[str, list[tuple[Any, str, str]]] = {}
        self._owners: list[tuple[Any, str]] = []
        """Optimizers and schedules."""
        self._seen: dict[int, Any] = {}
        self._queue: deque[tuple[Any, str]] = deque([(function, "")])
        self._walk()
        self._arguments(arguments, "its arguments")
        self._walk()
        self._settings()

    def told(self) -> Reads:
        """Return what hears of the attributes that the function reads.

        What stands behind a cache is read when nobody hears it.
        """
        kinds = {type(x) for x, _ in self._owners}
        if not self._has_cache:
            kinds |= self._kinds
        elif not self._names.isdisjoint(SETTINGS):
            return Reads(kinds, everything=True)
        return Reads(kinds, everything=not self._names.isdisjoint(UNTOLD))

    def narrowed(self, reads: Reads) -> Surroundings:
        """Return what the function has reached indeed, by the attributes that it has read."""
        return Surroundings(*self._given, before=self, reads=reads)

    def objects(self) -> list[Any]:
        """Return what was found."""
        return list(self._seen.values())

    def attached(self) -> dict[int | None, frozenset[str]] | None:
        """Return the attributes that tensors may have, if some code asks whether there are any."""
        if self._names.isdisjoint(ASKING):
            return None
        known: dict[int | None, frozenset[str]] = {None: OF_TENSORS}
        for t in self.tensors:
            known[id(t)] = OF_TENSORS.union(attributes_of(t))
        return known

    def asked_for(self, x: TensorBase) -> str:
        """Return an attribute of a tensor that some code asks for; empty if there is none."""
        return next(filter(self._wants, attributes_of(x)), "")

    def changes(self) -> list[Watch]:
        """Return the places that aren't what they were."""
        return [w for w in (*self.watched, *self._inside) if w.changed()]

    def change(self) -> str:
        """Name the first of them; empty if there is none."""
        return next((w.path for w in (*self.watched, *self._inside) if w.changed()), "")

    def kept(self) -> list[Watch]:
        """Return the places with other tensors than before, if nothing else has changed."""
        changes = self.changes()
        inside = any(w in self._inside for w in changes)
        return changes if not inside and all(map(is_kept, changes)) else []

    def _walk(self) -> None:
        while self._queue and not self.too_much:
            x, path = self._queue.popleft()
            try:
                self._visit(x, path)
            except Exception as error:  # of a script's own __getattr__, __len__, ...
                self._refuse(f"what {path} holds can't be looked at: {error!r}")
            if len(self.watched) > MOST:
                self.too_much = (
                    f"it reaches more than {MOST:,} Python objects and numbers; give it what "
                    f"it needs as arguments"
                )

    def _watch(self, kind: str, holder: Any, key: Any, path: str) -> None:
        if _place(kind, holder, key) in self._kept:
            return
        watch = self._watch_only(kind, holder, key, path)
        if isinstance(watch.expected, np.ndarray):
            if watch not in self.arrays:
                self.arrays.append(watch)
        elif kind not in ("length", "content", "keys"):
            self._queue.append((watch.expected, path))

    def _watch_only(self, kind: str, holder: Any, key: Any, path: str) -> Watch:
        """Watch the identity of something that isn't looked into."""
        place = _place(kind, holder, key)
        if place not in self._places:
            known = self._before and self._before._places.get(place)
            self._places[place] = known or Watch(kind, holder, key, path)
            self.watched.append(self._places[place])
        return self._places[place]

    def _arguments(self, x: Any, path: str) -> None:
        """Walk over arguments: their containers are others at each call."""
        if isinstance(x, np.ndarray) and type(x) is not np.ndarray:
            self._refuse(f"{path} is a {type(x).__name__}; pass numpy.asarray() of it")
        if isinstance(x, (TensorBase, np.ndarray, *NUMBERS)):
            return
        if isinstance(x, tuple) or type(x) in (list, dict):
            if not isinstance(x, tuple):
                self._inside.append(Watch("length", x, None, f"the length of {path}"))
            for key, item in x.items() if isinstance(x, dict) else enumerate(x):
                where = f"the argument {key}" if isinstance(key, str) else path
                if not isinstance(x, tuple):
                    self._inside.append(Watch("entry", x, key, where))
                self._arguments(item, where)
        else:
            self._queue.append((x, path))

    # What is found

    def _visit(self, x: Any, path: str) -> None:
        if x is MISSING or id(x) in self._seen:
            return
        if isinstance(x, NUMBERS) and not is_made_by_python(type(x)):
            return
        self._seen[id(x)] = x
        if isinstance(x, TensorBase):
            self._tensor(x, path)
        elif isinstance(x, types.FunctionType):
            self._function(x, path)
        elif isinstance(x, types.MethodType):
            self._queue += ((x.__self__, path or "self"), (x.__func__, path))
        elif isinstance(x, types.BuiltinMethodType | types.MethodWrapperType):
            self._add_names(DYNAMIC & {x.__name__})
            self._queue.append((x.__self__, path))
        elif isinstance(x, operator.attrgetter | operator.methodcaller):
            self._add_names({type(x).__name__})
        elif isinstance(x, weakref.ReferenceType):
            self._watch("referent", x, None, path)
        elif isinstance(x, weakref.WeakSet | weakref.WeakKeyDictionary):
            self._watch("length", x, None, f"the length of {path}")
            self._queue.extend((item, path) for item in x)
            if isinstance(x, weakref.WeakKeyDictionary):
                self._queue.extend((item, path) for item in x.values())
        elif isinstance(x, functools.partial):
            if isinstance(x.func, types.BuiltinFunctionType) and not is_pure(x.func):
                self._refuse_call(x.func)
            self._queue += ((x.func, path), (x.args, path), (x.keywords, path))
        elif isinstance(x, types.ModuleType):
            own = () if is_ours(x.__name__) else list(x.__dict__.items())
            for name, item in own:
                if not name.startswith("__") and _may_change(x, item):
                    self._named(x, name, "entry", path)
        elif x is sys.modules:
            self._refuse("it reads sys.modules; import what it needs")
        elif isinstance(x, Generator):
            return
        elif isinstance(x, STREAMS):
            self.streams.append(x)
        elif isinstance(x, Module):
            self._module(x, path)
        elif isinstance(x, ArrayOptimizer):
            self._optimizer(x, path)
        elif isinstance(x, LRScheduler):
            self._owner(x, path)
        elif isinstance(x, type):
            self._class(x, path)
            self._constructors(x, path)
        elif isinstance(x, list | tuple | deque):
            self._sequence(x, path)
        elif isinstance(x, dict | types.MappingProxyType):
            self._dict(x, path)
        elif isinstance(x, set | frozenset):
            self._set(x, path)
        elif isinstance(x, bytearray | array.array):
            self._watch("content", x, None, path)
        elif isinstance(x, threading.local):
            self._refuse(f"it reads {path}, which is another thing in each thread")
        elif _is_data(x) and not _is_iterator(x):
            if hasattr(x, "__len__"):
                self._watch("length", x, None, f"the length of {path}")
        elif isinstance(x, io.IOBase) or _is_iterator(x):
            self._refuse(
                f"it reads {path}, an iterator or a file, which moves on from call to call; pass "
                f"what it gives as an argument"
            )
        elif isinstance(x, functools._lru_cache_wrapper):
            self._has_cache = True
            self._queue.append((x.__wrapped__, path))
        elif isinstance(x, Keeping):
            self._kept = {_place(w.kind, w.holder, w.key) for w in x.places}
            self._queue.append((x.function, path))
        elif is_ours(type(x).__module__) and callable(getattr(x, "__wrapped__", None)):
            self._queue.append((x.__wrapped__, path))  # a compiled function
        else:
            kind: type = type(x)
            if of_unknown_contents(kind):
                self._refuse(
                    f"it reads {path}, a {kind.__name__}, whose contents can't be watched; pass "
                    f"what it needs of it as an argument"
                )
            self._object(x, path)
            return
        if isinstance(x, COLLECTIONS) and is_made_by_python(type(x)):
            self._object(x, path)

    def _refuse(self, why: str) -> None:
        self.refused = self.refused or why

    def _refuse_call(self, function: Any) -> None:
        self._refuse(
            f"it may call {function.__name__} by way of another function, which does or depends on "
            f"something outside"
        )

    def _tensor(self, x: TensorBase, path: str) -> None:
        self.tensors.append(x)
        if not is_ours(type(x).__module__):
            self._class(type(x), path)
        for name in attributes_of(x):
            self._named(x, name, "entry", path)
        for hooks in (x._hooks, x._after):
            if hooks:
                self._queue.append((hooks, f"the hooks of {path}"))

    def _sequence(self, x: Any, path: str) -> None:
        if isinstance(x, tuple):
            for i, item in enumerate(x):
                if isinstance(item, np.ndarray):
                    self._array_within(item, path)
                self._queue.append((item, f"{path}[{i}]"))
        elif all(map(_is_number, x)):
            self._watch("content", x, None, path)
        else:
            self._watch("length", x, None, f"the length of {path}")
            for i in range(len(x)):
                self._watch("item", x, i, f"{path}[{i}]")

    def _dict(self, x: Any, path: str) -> None:
        self._queue.extend((key, path) for key in x)
        if isinstance(x, defaultdict):
            self._queue.append((x.default_factory, path))
        if all(_is_number(item) for item in x.values()):
            self._watch("content", x, None, path)
            return
        self._watch("keys", x, None, f"the keys of {path}")
        for key in x:
            shown = repr(key) if isinstance(key, str | int) else "..."
            self._watch("entry", x, key, f"{path}[{shown}]")

    def _set(self, x: Any, path: str) -> None:
        if not isinstance(x, frozenset):
            self._watch("content", x, None, path)
        self._queue.extend((item, path) for item in x)

    def _array_within(self, x: np.ndarray, path: str) -> None:
        self._refuse(
            f"it reads {path}, a tuple with a NumPy array in it, whose numbers can't be watched; "
            f"keep a tensor there, or pass it as an argument"
        )

    # Objects with attributes

    def _module(self, x: Module, path: str) -> None:
        own, path = x.__dict__, path or type(x).__name__
        self.flags[id(x)] = Watch("entry", own, "training", f"{path}.training")
        self._watch("entry", own, "_hooked", f"{path}._hooked")
        for name in ("_parameters", "_buffers", "_modules"):
            register = own.get(name, {})
            self._watch("entry", own, name, f"{path}.{name}")
            self._seen[id(register)] = register
            self._watch("keys", register, None, f"the names of {path}.{name}")
            for key in register:
                self._watch("entry", register, key, f"{path}.{key}")
        if own.get("_hooked"):
            for name, hooks in own.items():
                if name.endswith("hooks") and "state" not in name and isinstance(hooks, dict):
                    self._watch("length", hooks, None, f"the hooks of {path}")
                    self._queue.append((hooks, f"the hooks of {path}"))
        known = _known_of_modules()
        self._attributes(x, [name for name in own if name not in known], path)

    def _object(self, x: Any, path: str) -> None:
        names = list(getattr(x, "__dict__", ()))
        self._attributes(x, names, path)
        for kind in type(x).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name.startswith("__"):
                    name = f"_{kind.__name__.lstrip('_')}{name}"
                if hasattr(x, name):
                    self._attribute(x, name, "attribute", path)

    def _attributes(self, x: Any, names: list[str], path: str) -> None:
        """Watch the attributes that some code has the names of: all, if it isn't a script's own."""
        kind = type(x)
        open_to_all = any(base is not Module and is_ours(base.__module__) for base in kind.__mro__)
        whole = is_ours(kind.__module__) or any(map(runs_unseen, kind.__mro__))
        if not whole and tells(kind):
            self._kinds.add(kind)
        for name in names:
            always = whole or (open_to_all and not name.startswith("_"))
            self._attribute(x, name, "entry", path, always)
        if hasattr(x, "__dict__"):
            how = "length" if isinstance(x, Module) else "keys"
            self._watch(how, x.__dict__, None, f"the number of attributes of {path}")
        self._watch_only("type", x, None, f"the class of {path}")
        self._class(kind, path)

    def _attribute(self, x: Any, name: str, kind: str, path: str, always: bool = False) -> None:
        """Watch an attribute if it is known that it was read, or that it may be."""
        holder = x.__dict__ if kind == "entry" else x
        if self._before is None or self._reads is None or not self._reads.tell_of(x):
            if always:
                self._watch(kind, holder, name, f"{path}.{name}")
            else:
                self._named(x, name, kind, path)
        elif self._reads.has(x, name):
            place = _place(kind, holder, name)
            known = place in self._before._places or place in self._kept
            if not known and self._reads.has_set(x, name):
                self._refuse(f"it sets {path}.{name}, which Python does")
            self._watch(kind, holder, name, f"{path}.{name}")

    def _owner(self, x: Any, path: str) -> None:
        """Remember an optimizer or a schedule, and watch what a script's kind of it has."""
        self._owners.append((x, path))
        if not is_ours(type(x).__module__):
            self._class(type(x), path)

    def _settings(self) -> None:
        """Find the settings of optimizers and schedules.

        Their own steps change these, in a program as well. So they are watched only if the function
        reads or sets them itself, which is known when it has run; till then they are kept apart.
        """
        apart = {name: getattr(self, name) for name in ("watched", "tensors", "arrays", "refused")}
        self.__dict__.update({name: type(x)(x) for name, x in apart.items()})
        for x, path in self._owners:
            for name in list(x.__dict__):
                if name != "_scratch":
                    self._attribute(x, name, "entry", path, always=True)
        self._walk()
        if self._reads is None:
            self.__dict__.update(apart)

    def asked_of(self, *owners: Any) -> str:
        """Name a setting of optimizers or schedules that the function has read or set."""
        paths = (
            f"{path}.{name}"
            for x, path in self._owners
            for name in x.__dict__
            if any(x is owner for owner in owners) and name != "optimizer"
            if self._reads is not None and self._reads.has(x, name)
        )
        return next(paths, "")

    def live(self) -> set[TensorBase]:
        """Return the tensors that optimizers' steps change besides parameters."""
        states = [x.state.values() for x, _ in self._owners if isinstance(x, ArrayOptimizer)]
        return {t for kept in states for state in kept for t in state.values()
                if isinstance(t, TensorBase)}  # fmt: skip

    def _named(self, x: Any, name: str, kind: str, path: str) -> None:
        """Watch an attribute as soon as some code has its name."""
        where = f"{path}.{name}" if path else name
        if self._wants(name):
            self._watch(kind, x.__dict__ if kind == "entry" else x, name, where)
        else:
            self._waiting.setdefault(name, []).append((x, kind, where))

    def _wants(self, name: str) -> bool:
        return name in self._names or not self._names.isdisjoint(DYNAMIC)

    def _optimizer(self, x: ArrayOptimizer, path: str) -> None:
        """Watch which parameters there are; settings and state are read anew at each step."""
        own = x.__dict__
        self._watch_only("entry", own, "param_groups", f"{path}.param_groups")
        self._watch_only("entry", own, "state", f"{path}.state")
        self._watch("length", x.param_groups, None, f"the number of groups of {path}")
        for i, group in enumerate(x.param_groups):
            where = f"{path}.param_groups[{i}]"
            self._watch_only("item", x.param_groups, i, where)
            self._watch_only("entry", group, "params", f"{where}['params']")
            self._watch_only("entry", group, "maximize", f"{where}['maximize']")
            self._watch("length", group["params"], None, f"the number of {where}['params']")
            for k in range(len(group["params"])):
                self._watch("item", group["params"], k, f"{where}['params'][{k}]")
        for when in ("pre", "post"):
            hooks = f"_optimizer_step_{when}_hooks"
            self._watch("entry", own, hooks, f"the hooks of {path}")
        self._owner(x, path)

    def _class(self, x: type, path: str) -> None:
        """Watch what a class lends its instances."""
        if is_foreign(x) or x in self._classes:
            return
        self._classes.add(x)
        if type(x) is not type:
            self._class(type(x), path)
        self._watch_only("length", x.__dict__, None, f"the number of attributes of {x.__name__}")
        self._watch_only("attribute", x, "__bases__", f"the bases of {x.__name__}")
        ours = any(is_ours(base.__module__) for base in x.__mro__)
        live = _OF_SCHEDULES if issubclass(x, LRScheduler) else ()
        for name, item in list(x.__dict__.items()):
            if name in live:
                continue
            if functions_of(item):
                called = name.startswith("__") and name not in _ON_REQUEST
                if ours and (self._reads is None or not self._reads.tell_of_all(x)):
                    called = True  # the library has names of its own for methods
                if called or self._wants(name):
                    self._method(x, name, path)
                else:
                    self._waiting.setdefault(name, []).append((x, "method", path))
            elif not name.startswith("__") and not isinstance(item, types.GetSetDescriptorType):
                if not isinstance(item, types.MemberDescriptorType):
                    where = f"{x.__name__}.{name}"
                    if self._wants(name) or ours:
                        self._watch("class", x, name, where)
                    else:
                        self._waiting.setdefault(name, []).append((x, "class", where))
        for base in x.__bases__:
            self._class(base, path)

    def _constructors(self, x: type, path: str) -> None:
        """Watch what runs when an instance is made: a class that code names may be called."""
        for base in x.__mro__:
            if not is_foreign(base):
                for name in _ON_REQUEST & base.__dict__.keys():
                    if functions_of(base.__dict__[name]):
                        self._method(base, name, path)

    def _method(self, x: type, name: str, path: str) -> None:
        self._watch_only("class", x, name, f"{x.__name__}.{name}")
        self._queue.extend((function, path) for function in functions_of(x.__dict__[name]))

    # Code

    def _function(self, x: types.FunctionType, path: str) -> None:
        if hasattr(x, "assumed_constant"):
            return
        wrapped = getattr(x, "__wrapped__", None)
        if wrapped is not None:
            self._queue.append((wrapped, path))
        foreign = is_foreign(x)
        for name, cell in zip(x.__code__.co_freevars, x.__closure__ or (), strict=True):
            if foreign:  # what it was given by a script, but not its own
                if isinstance(held_by(cell), _GIVEN):
                    self._queue.append((held_by(cell), f"the variable {name}"))
            else:
                self._watch("cell", cell, None, f"the variable {name}")
        if foreign:
            return
        self._watch_only("attribute", x, "__code__", f"the code of {x.__name__}")
        for name in ("__defaults__", "__kwdefaults__"):
            self._watch_only("attribute", x, name, f"the defaults of {x.__name__}")
        self._watch("keys", x.__dict__, None, f"the number of attributes of {x.__name__}")
        for name in list(x.__dict__):
            self._named(x, name, "entry", path or x.__name__)
        for default in (*(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values()):
            if isinstance(default, np.ndarray):
                self._array_within(default, f"a default of {x.__name__}")
            self._queue.append((default, f"a default of {x.__name__}"))
        self._code(x.__code__, x.__globals__)

    def _code(self, code: types.CodeType, names: dict[str, Any]) -> None:
        for name in _globals_of(code):
            if name in names:
                self._global(names, name, code)
            elif not hasattr(_builtins, name):
                self._watch_only("entry", names, name, f"the variable {name}")
        for name in _imported(code):
            if name in sys.modules:
                self._global(sys.modules, name, code)
        if "_version" in code.co_names:
            self._refuse("it reads how often a tensor was written to, which goes on at each call")
        if not UNSEEN.isdisjoint(code.co_names):
            self._called_unseen(code, names)
        self._add_names(set(code.co_names))
        for constant in code.co_consts:
            if isinstance(constant, tuple) and all(isinstance(x, str) for x in constant):
                self._add_names(set(constant))  # the attributes of a pattern in a match statement
            if isinstance(constant, types.CodeType):
                self._code(constant, names)

    def _called_unseen(self, code: types.CodeType, names: dict[str, Any]) -> None:
        """Refuse functions that Python isn't told of, as others call them that are written in C."""
        modules = [
            vars(x) for n in code.co_names if isinstance(x := names.get(n), types.ModuleType)
        ]
        for name in reversed(code.co_names):  # in time.sleep it's the last that is called
            for place in (names, vars(_builtins), *modules):
                found = place.get(name)
                if isinstance(found, types.BuiltinFunctionType) and not is_pure(found):
                    self._refuse_call(found)

    def _add_names(self, names: Set[str]) -> None:
        new = names - self._names
        self._names |= new
        released = list(self._waiting) if not new.isdisjoint(DYNAMIC) else new & set(self._waiting)
        for name in released:
            for x, kind, where in self._waiting.pop(name, ()):
                if kind == "method":
                    self._method(x, name, where)
                else:
                    self._watch(kind, x.__dict__ if kind == "entry" else x, name, where)

    def _global(self, names: dict[str, Any], name: str, code: types.CodeType) -> None:
        value = names[name]
        if isinstance(value, types.ModuleType):
            if (id(value), id(code)) in self._looked_up:
                return
            self._looked_up.add((id(value), id(code)))
            self._watch_only("entry", names, name, f"the variable {name}")
            inner = vars(value)
            dynamic = not (is_foreign_module(value.__name__) or DYNAMIC.isdisjoint(code.co_names))
            for attribute in list(inner) if dynamic else code.co_names:
                if attribute in inner and not attribute.startswith("__"):
                    found, where = inner[attribute], f"{name}.{attribute}"
                    if isinstance(found, types.ModuleType):
                        self._global(inner, attribute, code)
                    elif _may_change(value, found):
                        self._watch("entry", inner, attribute, where)
                    else:
                        self._watch_only("entry", inner, attribute, where)
            return
        self._watch("entry", names, name, f"the variable {name}")


def _place(kind: str, holder: Any, key: Any) -> tuple[str, int, Any]:
    return kind, id(holder), key if isinstance(key, str | int) else id(key)


def functions_of(item: Any) -> list[Any]:
    """Return the functions of what stands in a class: a method's, or those of a property."""
    if isinstance(item, property):
        found = [item.fget, item.fset, item.fdel]
    elif isinstance(item, functools.cached_property | functools.partialmethod):
        found = [item.func]
    else:
        found = [getattr(item, "__func__", item)]
    return [x for x in found if isinstance(x, types.FunctionType | functools.partial)]


def attributes_of(x: TensorBase) -> list[str]:
    """Return the names of what a script has attached to a tensor."""
    return [name for name in x.__dict__ if name not in OF_TENSORS]


OF_TENSORS = frozenset(TensorBase.__annotations__) | {"persistent"}
"""Attributes that tensors have by themselves."""


def held_by(cell: types.CellType) -> Any:
    """Return what a variable of an enclosing function holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


_GIVEN = (types.FunctionType, types.MethodType, functools.partial, Module, TensorBase,
          list, tuple, dict, LRScheduler, ArrayOptimizer)  # fmt: skip
_builtins = sys.modules["builtins"]


def _may_change(module: types.ModuleType, x: Any) -> bool:
    """Whether something in a module of Python is to be looked into, such as the environment."""
    if is_ours(module.__name__):
        return False
    return isinstance(x, list | set | deque | Mapping) or not is_foreign_module(module.__name__)


def tells(kind: type) -> bool:
    """Whether a class can tell what is read of its instances."""
    return is_made_by_python(kind) and not kind.__flags__ & _IMMUTABLE


_IMMUTABLE = 1 << 8
"""The flag of a class that nobody can change (``Py_TPFLAGS_IMMUTABLETYPE``)."""


def _is_number(x: Any) -> bool:
    """Whether something is only a number: one of a kind that a script has made may be more."""
    return isinstance(x, NUMBERS) and not is_made_by_python(type(x))


def _is_data(x: Any) -> bool:
    """Whether something is a loader or a dataset of the library: a step may ask its length."""
    return type(x).__module__.startswith(f"{__name__.split('.')[0]}.utils.data")


@functools.lru_cache(4096)
def _instructions(code: types.CodeType) -> list[tuple[str, Any]]:
    return [(i.opname, i.argval) for i in dis.get_instructions(code) if i.opname in _NAMING]


def _imported(code: types.CodeType) -> list[str]:
    """Return the modules that code imports itself."""
    return [name for how, name in _instructions(code) if how == "IMPORT_NAME"]


def _globals_of(code: types.CodeType) -> list[str]:
    """Return the names that code looks up among the globals."""
    return [name for how, name in _instructions(code) if how != "IMPORT_NAME"]


_NAMING = frozenset({"IMPORT_NAME", "LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL",
                     "LOAD_FROM_DICT_OR_GLOBALS"})  # fmt: skip


def _is_iterator(x: Any) -> bool:
    return hasattr(type(x), "__next__") and not isinstance(x, Module)


@functools.cache
def _known_of_modules() -> frozenset[str]:
    """Return the attributes that every module has."""
    return frozenset(vars(Module())) | {"_hooked"}
