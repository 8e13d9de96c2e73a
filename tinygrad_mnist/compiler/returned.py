"""What a function returns, as it is made anew from the arrays of each call.

A tensor that was computed is a new one on its array. One that was given is returned itself. A view
stays a view: of an argument, of a tensor that the function reaches, or of what it has computed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeAlias

from tinygrad_mnist.autograd.graph import TensorBase, Version, wrap
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.compiler.number import Number
from tinygrad_mnist.compiler.trace import Value

Place: TypeAlias = int | TensorBase
"""Where a tensor is found that was there before: the number of an argument, or the tensor."""


class Argument(int):
    """Stands for an argument, by its number among all tensors that are given."""


class Output(int):
    """Stands for a tensor that is computed, by its number among these."""


class Taken(int):
    """Stands for a number, or an array that isn't a tensor's, by its number among these."""


@dataclass
class Made:
    """Stands for an instance of a dataclass that is made anew, by its attributes."""

    kind: type
    parts: dict[str, Any]

    def make(self) -> Any:
        """Return a new instance."""
        made: Any = object.__new__(self.kind)
        for name, part in self.parts.items():
            object.__setattr__(made, name, part)
        return made


@dataclass(eq=False)
class GradientOf:
    """Stands for the gradient that is left in a tensor: the very one, whoever changes it."""

    leaf: TensorBase


class Fresh(int):
    """Stands for the version of memory that the program has made, by its number among these."""


@dataclass(eq=False)
class Computed:
    """A tensor that the program computes.

    Attributes
    ----------
    value
        Its array in the program.
    version
        Whose version it shares: that of a tensor that was there, or of memory that is new.
    base
        Of what it is a view, if it is one.
    fixed_order, origin
        As of the tensor that was recorded.
    """

    value: Value
    version: Place | Fresh
    base: Place | Output | None = None
    fixed_order: bool = False
    origin: str = ""


@dataclass(eq=False)
class Returned:
    """What is returned, with numbers in the place of tensors.

    Attributes
    ----------
    structure
        The result, in which stand :class:`Argument` and :class:`Output`.
    computed
        The tensors that are computed; the bases of views among them, though nobody sees those.
    tensors
        The recorded ones.
    taken
        Numbers and arrays that are returned as they are.
    numbers
        Which of these are Python's numbers.
    """

    structure: Any = None
    computed: list[Computed] = field(default_factory=list)
    tensors: list[TensorBase] = field(default_factory=list)
    taken: list[Value] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    fresh: dict[int, Fresh] = field(default_factory=dict)

    def is_plain(self) -> bool:
        """Whether each tensor that is computed has memory of its own, as nearly always."""
        return len(self.fresh) == len(self.computed) and all(
            type(x.version) is Fresh
            and x.base is None
            and not x.fixed_order
            and x.value.storage.origin == "made"
            for x in self.computed
        )

    def is_one_tensor(self) -> bool:
        """Whether one tensor that is computed is all that is returned, as of a training step."""
        return type(self.structure) is Output and len(self.computed) == 1

    def make(
        self, arrays: Sequence[Any], given: Sequence[TensorBase], versions: Sequence[Version]
    ) -> list[TensorBase]:
        """Return new tensors on the arrays of the outputs."""
        made: list[TensorBase] = []
        for spec, array in zip(self.computed, arrays, strict=False):
            if spec.value.storage.origin == "constant":
                array = array.copy()  # the program needs it again
            made.append(wrap(array, None, version_of(spec.version, given, versions)))
            made[-1]._fixed_order = spec.fixed_order
        for spec, tensor in zip(self.computed, made, strict=True):
            if spec.base is not None:
                base = spec.base
                tensor._base = made[base] if type(base) is Output else tensor_at(base, given)
                tensor._origin = spec.origin
                tensor._seen = tensor._version.count
        return made

    def result(
        self, made: Sequence[TensorBase], given: Sequence[TensorBase], taken: Sequence[Any]
    ) -> Any:
        """Return what the function returns."""
        if type(self.structure) is Output:
            return made[self.structure]

        def put(x: Any) -> Any:
            kind = type(x)
            if kind is Output:
                return made[x]
            if kind is Made:
                return x.make()
            if kind is GradientOf:
                return x.leaf._grad
            return given[x] if kind is Argument else taken[x] if kind is Taken else x

        return map_structure(self.structure, put)


def tensor_at(place: Any, given: Sequence[TensorBase]) -> TensorBase:
    """Return a tensor that was there before."""
    return given[place] if isinstance(place, int) else place


def version_of(at: Any, given: Sequence[TensorBase], versions: Sequence[Version]) -> Version:
    """Return the version of memory."""
    return versions[at] if type(at) is Fresh else tensor_at(at, given)._version


def describe(
    result: Any,
    places: dict[int, Place],
    known: dict[int, Place],
    value_of: Callable[[TensorBase], Value | None],
    gradients: Mapping[int, TensorBase],
) -> Returned:
    """Describe what a recorded call has returned.

    Parameters
    ----------
    result
        It.
    places
        The tensors that were there, by identity.
    known
        Their versions, likewise.
    value_of
        Returns the value of a tensor that was made, or None for others.
    gradients
        Tensors of the state by their gradients' identities.
    """
    returned = Returned()
    numbers: dict[int, Output] = {}

    def version(x: TensorBase) -> Place | Fresh:
        at = known.get(id(x._version))
        if at is None:
            at = returned.fresh.setdefault(id(x._version), Fresh(len(returned.fresh)))
        return at

    def number(x: TensorBase, value: Value) -> Output:
        if id(x) not in numbers:
            numbers[id(x)] = Output(len(numbers))
            spec = Computed(value, version(x), None, x._fixed_order, x._origin)
            returned.computed.append(spec)
            returned.tensors.append(x)
            if (base := x._base) is not None:
                if id(base) in places:
                    spec.base = places[id(base)]
                elif (of := value_of(base)) is not None:
                    spec.base = number(base, of)
        return numbers[id(x)]

    def stand_in(x: Any) -> Any:
        if type(x) is Recorded or type(x) is Number:
            if type(x) is Number:
                returned.numbers.add(len(returned.taken))
            returned.taken.append(x.value)
            return Taken(len(returned.taken) - 1)
        if not isinstance(x, TensorBase):
            return x
        at = places.get(id(x))
        if at is not None:
            return Argument(at) if isinstance(at, int) else at
        if id(x) in gradients:
            return GradientOf(gradients[id(x)])
        value = value_of(x)
        return x if value is None else number(x, value)

    returned.structure = map_structure(result, stand_in)
    return returned


def map_structure(x: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested tuples, lists and dicts with every leaf changed, and what stands for others."""
    if type(x) is Made:
        return change(Made(x.kind, map_structure(x.parts, change)))
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(map_structure(part, change) for part in x))
    if type(x) is tuple or type(x) is list:
        return type(x)([map_structure(part, change) for part in x])
    if type(x) is dict:
        return {key: map_structure(part, change) for key, part in x.items()}
    return change(x)


def opened(x: Any, known: Collection[int]) -> Any:
    """Return a result in which :class:`Made` stands for each instance of a dataclass.

    Those that were there before, by identity, stay; so do others where they are met again: what is
    made anew would be two.
    """
    met = set(known)

    def open_up(x: Any) -> Any:
        parts = None if id(x) in met else attributes_of_data(x)
        if parts is None:
            return x
        met.add(id(x))
        return Made(type(x), map_structure(parts, open_up))

    return map_structure(x, open_up)


def put_real(x: Any, real: Callable[[Any], Any]) -> Any:
    """Return a result with every leaf changed: in what it consists of itself, tuples apart."""
    met: set[int] = set()

    def change(x: Any) -> Any:
        if isinstance(x, tuple):
            parts = [change(part) for part in x]
            if all(new is old for new, old in zip(parts, x, strict=True)):
                return x
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
        kind, data = type(x), attributes_of_data(x)
        if id(x) in met or not (kind in (list, dict) or data is not None):
            return real(x)
        met.add(id(x))
        held = data if data is not None else x
        for key in list(range(len(x)) if kind is list else held):
            new = change(held[key])
            if data is not None:
                object.__setattr__(x, key, new)
            elif new is not held[key]:
                x[key] = new
        return x

    return change(x)


def attributes_of_data(x: Any) -> dict[str, Any] | None:
    """Return the attributes of an instance of a dataclass, if it has nothing else."""
    kind = type(x)
    if not is_dataclass(kind) or kind.__new__ is not object.__new__:
        return None
    names = {f.name for f in fields(kind)}
    slots = set(_slots(kind))
    own = dict(getattr(x, "__dict__", {}))
    if slots <= names and not any(_is_computed(kind, name) for name in own):
        return own | {name: getattr(x, name) for name in slots if hasattr(x, name)}
    return None


def _slots(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        yield from (n for n, x in vars(base).items() if isinstance(x, types.MemberDescriptorType))


def _is_computed(kind: type, name: str) -> bool:
    """Whether setting an attribute calls something."""
    return hasattr(type(getattr(kind, name, None)), "__set__")
