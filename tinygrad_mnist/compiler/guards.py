"""Guards: one function for a program, generated, that says whether it holds for a call.

It checks the arguments, the modes, every watched place and every tensor of the state, and returns
what the program is given; None if anything isn't as the program expects it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.compiler.arguments import COMPUTED, LEAF, UNTRACKED, Arguments, Place, tracking
from tinygrad_mnist.compiler.trace import owner
from tinygrad_mnist.compiler.watches import NUMBERS, Watch, content_of, same
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.optim import optimizer

FEW = 6
"""How many tensors are compared each with each."""

Entry = tuple[tuple[Any, ...], tuple[Any, ...]]
"""What a program is given: arrays and numbers, and the tensors among the arguments."""


def settings() -> tuple[Any, ...]:
    """Return what else a program depends on: modes, and hooks that are everywhere."""
    return (
        modes.enabled, modes.inference, modes.saving, dtypes.default_float(),
        len(optimizer._global_pre_hooks), len(optimizer._global_post_hooks),
    )  # fmt: skip


class Guards:
    """The guards of a program.

    Parameters
    ----------
    args, kwargs
        The arguments of the call that was recorded.
    arguments
        The same, taken apart.
    watched
        Places that must be as they were.
    state
        Tensors that must have the arrays that they had.
    moving
        Tensors whose arrays are given anew: these must lie in memory as they did.
    gradients
        Leaves whose gradient was looked at, each with the array that it had, or None, and whether
        it is given anew.
    written
        The memory, besides that of arguments, that the program writes to.
    kept
        Tensors of which shape and dtype are all that counts.
    changed
        Those of them that the program writes to: no argument may be a part of one.
    entering
        What reads an argument's numbers where they need be no array of NumPy's.
    writes_inputs
        Whether it writes to arguments or to gradients as well: then no argument may be a part of
        another or of a gradient, unless it was.
    reached
        What the function reaches besides its arguments, by identity: an argument is that, or isn't.
    attached
        The attributes that each tensor may have, by its identity, and under None an argument; None
        if no code asks for others.
    """

    def __init__(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arguments: Arguments,
        watched: Sequence[Watch],
        state: Sequence[TensorBase],
        moving: Sequence[TensorBase] = (),
        gradients: Sequence[tuple[TensorBase, np.ndarray | None, bool]] = (),
        written: Sequence[np.ndarray] = (),
        writes_inputs: bool = False,
        reached: Mapping[int, Any] | None = None,
        attached: Mapping[int | None, frozenset[str]] | None = None,
        kept: Collection[TensorBase] = (),
        changed: Collection[TensorBase] = (),
        entering: Callable[[TensorBase], Any] | None = None,
    ) -> None:
        self._entering = None if writes_inputs else entering
        self._reached = reached or {}
        self._attached = attached
        self.watched = watched
        self.state = [(t, t._array) for t in state]
        self.moving = [(t, _layout(t._array)) for t in moving]
        self.settings = settings()
        self._names: dict[int, str] = {}
        self._values: dict[str, Any] = {
            "same": same, "modes": modes, "settings": settings, "tracking": tracking,
            "expected_settings": self.settings, "overlaps": self._overlaps,
            "content_of": content_of, "reached": self._reached,
        }  # fmt: skip
        self._arguments = arguments
        self._variables: dict[Place, str] = {}
        self._inputs: list[str] = []
        self._arrays: list[str] = []
        self._tensors: list[str] = []
        self._gradients: list[str] = []
        self._known: dict[int, str] = {}
        self._written = {id(owner(x)) for x in written}
        self.lines: list[str] = ["if modes.observers or settings() != expected_settings:",
                                 "    return None"]  # fmt: skip
        self._of_arguments(args, kwargs)
        for names in (self._tensors, self._arrays):
            if len(names) > FEW:
                identities = ", ".join(f"id({name})" for name in names)
                self._need(f"len({{{identities}}}) == {len(names)}")
        self._of_state()
        self._of_kept(kept, changed)
        self._of_gradients(gradients)
        if writes_inputs:
            self._values["shared"] = self._shared
            arrays = [x for _, x in arguments.arrays]
            added_to = [x for _, x, given in gradients if x is not None and given]
            now = f"{_tuple(self._arrays)}, {_tuple(self._gradients)}"
            self._need(f"shared({now}) == {self._shared(arrays, added_to)}")
        checks = [w.check(self._name) for w in watched]
        for i in range(0, len(checks), 8):
            self._need(*checks[i : i + 8])
        self.lines.append(f"return ({_tuple(self._inputs)}, {_tuple(self._tensors)})")
        body = "\n        ".join(self.lines)
        self.text = (
            f"def enter(args, kwargs):\n    try:\n        {body}\n"
            f"    except Exception:\n        return None\n"
        )
        exec(compile(self.text, "<guards>", "exec"), self._values)
        del (
            self._arguments,
            self._known,
            self._attached,
        )  # the arguments of one call need not be kept
        self.enter: Callable[[Any, Any], Entry | None] = self._values["enter"]

    def why(self) -> tuple[str, Any]:
        """Say what has changed, and which tensor if one did; an empty string if nothing did."""
        for w in self.watched:
            if w.changed():
                return w.path, None
        for t, array in self.state:
            if t._array is not array:
                shape = list(array.shape)
                return f"the memory of a tensor of shape {shape}", t
        if self.settings != settings():
            return "a mode, such as whether gradients are computed", None
        return "", None

    def _name(self, x: Any) -> str:
        name = self._names.get(id(x))
        if name is None:
            name = self._names[id(x)] = f"o{len(self._names)}"
            self._values[name] = x
        return name

    def _need(self, *conditions: str) -> None:
        self.lines += [f"if not ({' and '.join(conditions)}):", "    return None"]

    # Arguments

    def _of_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._need(f"len(args) == {len(args)}", f"len(kwargs) == {len(kwargs)}")
        if len(kwargs) > 1:
            self._need(f"list(kwargs) == {self._name(list(kwargs))}")
        for i, x in enumerate(args):
            self._of_argument(x, f"args[{i}]", (i,))
        for name, x in kwargs.items():
            self._of_argument(x, f"kwargs[{name!r}]", (name,))

    def _of_argument(self, x: Any, read: str, place: Place) -> None:
        kind = type(x)
        name = f"a{len(self._variables)}"
        self._variables[place] = name
        self.lines.append(f"{name} = {read}")
        if kind in (list, dict) or isinstance(x, tuple):
            self._need(f"{name}.__class__ is {self._name(kind)}", f"len({name}) == {len(x)}")
            if not isinstance(x, tuple):
                self._need(self._is_reached(x, name))
            keys = list(x) if kind is dict else range(len(x))
            if kind is dict:
                self._need(f"list({name}) == {self._name(keys)}")
            for key in keys:
                inner = key if isinstance(key, int | str) else None
                text = repr(inner) if inner is not None else self._name(key)
                self._of_argument(x[key], f"{name}[{text}]", (*place, key))
        elif isinstance(x, TensorBase):
            self._of_tensor(x, name)
        elif kind is np.ndarray:
            self._need(f"{name}.__class__ is {self._name(kind)}")
            self._of_array(x, name)
        elif kind in (int, float) and place in self._arguments.moving:
            self._need(f"{name}.__class__ is {kind.__name__}")
            self._inputs.append(name)
        elif isinstance(x, NUMBERS):
            self._need(f"({name} is {self._name(x)} or same({name}, {self._name(x)}))")
        else:
            self._need(f"{name} is {self._name(x)}")

    def _of_tensor(self, x: TensorBase, name: str) -> None:
        known = self._known.get(id(x))
        if known is not None:
            self._need(f"{name} is {known}")
            return
        self._need(f"{name}.__class__ is {self._name(type(x))}", *self._others(name, "tensor"))
        self._known[id(x)] = name
        self._tensors.append(name)
        track = tracking(x)
        conditions = [
            self._is_reached(x, name),
            *self._attributes(x, name),
            f"{name}._requires_grad is {x._requires_grad}",
            f"{'' if x._hooks else 'not '}{name}._hooks",
        ]
        if track == UNTRACKED:
            conditions.append(
                f"{name}._node is None and ({name}._base is None or tracking({name}) == {track})"
            )
        elif track == LEAF:
            conditions.append(f"{name}._node is None")
        else:
            conditions.append(f"tracking({name}) == {COMPUTED}")
        entered, fixed_order = self._arguments.entered[id(x)]
        if not entered.flags.c_contiguous:
            conditions.append(f"{name}._fixed_order is {fixed_order}")
        self._need(*conditions)
        array = f"x{name[1:]}"
        if self._entering is not None and entered.flags.c_contiguous:
            self.lines.append(f"{array} = {self._name(self._entering)}({name})")
        else:
            self.lines.append(f"{array} = {name}._array")
        self._of_array(entered, array)

    def _of_array(self, x: np.ndarray, name: str) -> None:
        known = self._known.get(id(x))
        if known is not None:
            self._need(f"{name} is {known}")
            return
        self._need(*self._lies(x, name), *self._others(name, "array"))
        self._need(self._is_reached(x, name), *self._is_moving(x, name))
        if self._written:
            alone = f"{name}.base is None and id({name}) not in {self._name(self._written)}"
            if self._entering is not None:
                alone = f"{name}.__class__ is not {self._name(np.ndarray)} or {alone}"
            self._need(f"({alone} or not overlaps({name}))")
        self._known[id(x)] = name
        self._arrays.append(name)
        self._inputs.append(name)

    def _is_reached(self, x: Any, name: str) -> str:
        """Return that an argument is something that is reached otherwise too, or isn't."""
        if id(x) in self._reached:
            return f"{name} is {self._name(x)}"
        return f"id({name}) not in reached"

    def _is_moving(self, x: np.ndarray, name: str) -> list[str]:
        """Return the same of arrays that others exchange."""
        return [
            f"{name} {'is' if t._array is x else 'is not'} {self._name(t)}._array"
            for t, _ in self.moving
        ]

    def _attributes(self, x: TensorBase, name: str) -> list[str]:
        """Return that a tensor has no attributes that it hadn't before, if any are asked for."""
        if self._attached is None:
            return []
        known = self._attached.get(id(x), self._attached[None])
        return [f"{name}.__dict__.keys() <= {self._name(known)}"]

    def _others(self, name: str, what: str) -> list[str]:
        """Return that something isn't one of those before; of many, that is asked at the end."""
        others = self._tensors if what == "tensor" else self._arrays
        return [f"{name} is not {other}" for other in others[:FEW]]

    def _lies(self, x: np.ndarray, name: str) -> list[str]:
        dtype, strides = self._name(x.dtype), f"{name}.strides == {x.strides}"
        if self._entering is not None and x.flags.c_contiguous:
            strides = f"({name}.__class__ is not {self._name(np.ndarray)} or {strides})"
        return [
            f"{name}.shape == {x.shape}",
            strides,
            f"({name}.dtype is {dtype} or {name}.dtype == {dtype})",
        ]

    def _overlaps(self, array: np.ndarray) -> bool:
        """Whether an argument is memory that the program writes to under another name."""
        return id(owner(array)) in self._written

    def _shared(
        self, arrays: Sequence[np.ndarray], gradients: Sequence[np.ndarray]
    ) -> tuple[int, ...]:
        """Return which memory arguments are parts of: the state's, a gradient's, one another's."""
        known: dict[int, int] = {}
        for t, array in self.state:
            known.setdefault(id(owner(array)), id(t))
        for i, array in enumerate(gradients):  # which may lie in one array
            known.setdefault(id(owner(array)), -1 - i)
        return tuple([known.setdefault(id(owner(x)), i) for i, x in enumerate(arrays)])

    # State and gradients

    def _of_state(self) -> None:
        for t, array in self.state:
            self._need(f"{self._name(t)}._array is {self._name(array)}", *self._of_leaf(t))
        for t, _ in self.moving:
            name = f"x{len(self._inputs)}s"
            self.lines.append(f"{name} = {self._name(t)}._array")
            self._need(*self._lies(t._array, name), *self._of_leaf(t))
            self._inputs.append(name)

    def _of_kept(self, kept: Collection[TensorBase], changed: Collection[TensorBase]) -> None:
        self._values["form"], self._values["apart"] = form, is_apart
        for t in kept:
            name, fields, held = self._name(t), self._name(t.__dict__), self._name(t._held)
            is_alike = f"form({name}) == {self._name(form(t))}"
            if self._arrays and t in changed:
                is_alike += f" and apart({fields}, {', '.join(self._arrays)})"
            away = f'({name}._held is {held} and "_array" not in {fields})'
            self._need(f"({away} or {is_alike})", *self._of_leaf(t))

    def _of_leaf(self, t: TensorBase) -> list[str]:
        name = self._name(t)
        checks = [f"{name}._requires_grad is {t._requires_grad}", *self._attributes(t, name)]
        if tracking(t) == COMPUTED:
            checks.append(f"tracking({name}) == {COMPUTED}")
        elif form(t)[1].kind == "f":
            checks.append(f"{name}._node is None")
            checks += [
                f"len({name}.{hooks}) == {len(held)}" if (held := getattr(t, hooks)) else
                f"not {name}.{hooks}" for hooks in ("_hooks", "_after")
            ]  # fmt: skip
        return checks

    def _of_gradients(
        self, gradients: Sequence[tuple[TensorBase, np.ndarray | None, bool]]
    ) -> None:
        for leaf, entered, given in gradients:
            name = self._name(leaf)
            if entered is None:
                self._need(f"{name}._grad is None")
            elif not given:
                self._need(f"{name}._grad is not None")
            else:
                array = f"g{len(self._inputs)}"
                self.lines += [f"{array} = {name}._grad", "if " + array + " is None:",
                               "    return None", f"{array} = {array}._array"]  # fmt: skip
                self._need(*self._lies(entered, array))
                self._inputs.append(array)
                self._gradients.append(array)


def form(t: TensorBase) -> tuple[Any, ...]:
    """Return a tensor's shape and dtype, wherever its numbers are."""
    array = t.__dict__.get("_array")
    return t._held.form() if array is None else (array.shape, array.dtype)


def is_apart(fields: dict[str, Any], *arrays: Any) -> bool:
    """Whether no array is a part of the memory of a tensor with these attributes."""
    own = fields.get("_array")
    mine = None if own is None else owner(own)
    return all(type(x) is not np.ndarray or owner(x) is not mine for x in arrays)


def _layout(array: np.ndarray) -> tuple[Any, ...]:
    return array.shape, array.strides, array.dtype


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
