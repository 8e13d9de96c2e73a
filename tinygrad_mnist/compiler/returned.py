"""What a function returns, as it is made anew from the arrays of each call.

A tensor that was computed is a new one on its array. One that was given is returned itself. A view
stays a view: of an argument, of a tensor that the function reaches, or of what it has computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    """

    structure: Any = None
    computed: list[Computed] = field(default_factory=list)
    tensors: list[TensorBase] = field(default_factory=list)
    taken: list[Value] = field(default_factory=list)
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
            returned.taken.append(x.value)
            return Taken(len(returned.taken) - 1)
        if not isinstance(x, TensorBase):
            return x
        at = places.get(id(x))
        if at is not None:
            return Argument(at) if isinstance(at, int) else at
        value = value_of(x)
        return x if value is None else number(x, value)

    returned.structure = map_structure(result, stand_in)
    return returned


def map_structure(x: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested tuples, lists and dicts with every leaf changed."""
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(map_structure(part, change) for part in x))
    if type(x) is tuple or type(x) is list:
        return type(x)([map_structure(part, change) for part in x])
    if type(x) is dict:
        return {key: map_structure(part, change) for key, part in x.items()}
    return change(x)
