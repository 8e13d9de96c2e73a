"""Held: a tensor whose numbers XLA keeps, and whoever asks for them gets.

Between two steps of a program a parameter needs no array of NumPy's. It has none: its attribute is
missing, and reading it fetches the numbers (``TensorBase.__getattr__``). On the CPU that is a look
at XLA's own memory, in which a write is seen by the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sys import getrefcount
from typing import Any

import jax
import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, Version
from tinygrad_mnist.compiler.xla.memory import address
from tinygrad_mnist.compiler.xla.placement import Placement
from tinygrad_mnist.compiler.xla.versions import ALIGNED, enable_x64

Array = Any


class Held:
    """The numbers of a tensor.

    Attributes
    ----------
    content
        Where XLA keeps them.
    where
        On which devices that is, if they were put there for a step.
    fields
        The tensor's attributes.
    """

    __slots__ = ("_shared", "content", "fields", "where")

    def __init__(self, tensor: TensorBase, content: Array = None) -> None:
        self.fields = tensor.__dict__
        self.content = content
        self.where: Any = None
        self._shared = False

    def fetch(self) -> np.ndarray:
        """Return them as an array, which the tensor has from now on."""
        if self.content.ndim:  # else it is a copy
            pending.wait()
        array = self.fields["_array"] = seen(self.content)
        return array

    def form(self) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return shape and dtype."""
        array: Any = self.fields.get("_array", self.content)
        return array.shape, array.dtype

    def is_empty(self) -> bool:
        """Whether there are none yet."""
        return self.content is None and "_array" not in self.fields

    def take(self, where: Any) -> Array:
        """Return them for a step, which gives them back changed: nobody else may have them.

        ``where`` says on which devices they are to be.
        """
        fields = self.fields
        if "_array" in fields:
            array = fields["_array"]
            known = _sees(array, self.content)
            del array
            self._shared = not _is_alone(fields)
            if self._shared or not known:
                self.content, self.where = put(fields["_array"], where), where
            if not self._shared:
                del fields["_array"]
        if self.where is not where:
            self.content, self.where = moved(self.content, where), where
        return self.content

    def lend(self, where: Any) -> Array:
        """Return them for a step that only reads them."""
        array = self.fields.get("_array")
        if array is not None and not _sees(array, self.content):
            del array
            return self.take(where)
        if self.where is not where:
            self.content, self.where = moved(self.content, where), where
        return self.content

    def adopt(self, where: Any) -> None:
        """Move them to XLA's memory, which the tensor's array is a look at."""
        self.content, self.where = put(self.fields["_array"], where), where
        self.fields["_array"] = seen(self.content)

    def leave(self) -> None:
        """Let the tensor have an array of NumPy's own, unless others see the one that it has."""
        if self.content is None:
            return
        array = self.fields.get("_array")
        if array is None or _sees(array, self.content):
            del array
            if "_array" not in self.fields or _is_alone(self.fields):
                self.fields["_array"] = np.array(seen(self.content))
        self.content = self.where = None

    def is_seen(self) -> bool:
        """Whether somebody may write to what a step reads."""
        return "_array" in self.fields

    def give(self, content: Array) -> None:
        """Take over what they have become."""
        self.content = content
        if self._shared:
            self.fields["_array"][...] = seen(content)


FEW = 8
"""How many results are noted before it is asked whether they are ready."""


class Pending:
    """Steps that may still be running: memory that they read mustn't be written to."""

    def __init__(self) -> None:
        self._results: list[Array] = []

    def add(self, result: Array) -> None:
        """Note a result of a step that has been sent off."""
        self._results.append(result)
        if len(self._results) > FEW:
            self._results = [x for x in self._results if not (x.is_deleted() or x.is_ready())]

    def wait(self) -> None:
        """Wait for all of them."""
        for x in self._results:
            if not x.is_deleted():
                x.block_until_ready()
        self._results.clear()


pending = Pending()


def held(tensor: TensorBase) -> Held:
    """Return what holds a tensor's numbers."""
    found: Held | None = tensor._held
    if found is None:
        found = tensor._held = Held(tensor)
    return found


def holding(content: Array) -> TensorBase:
    """Return a new tensor with the numbers of an array of JAX's, fetched when asked for."""
    tensor = object.__new__(TensorBase.kind)
    tensor._version = Version()
    tensor._held = Held(tensor, content)
    return tensor


def sent(where: Placement, tensor: TensorBase, size: int | None) -> TensorBase:
    """Return a tensor of a batch as one whose numbers are on the devices."""
    array = tensor._array
    if tensor._node is not None or tensor._requires_grad or not array.flags.c_contiguous:
        return tensor
    if size is not None and size % where.count:
        return tensor
    return holding(put(array, where.of_batch(array.shape, size)))


def put(array: np.ndarray, where: Any) -> Array:
    """Return a copy of an array as JAX's."""
    return moved(np.array(array, order="C"), where)  # which may use the memory given


def moved(array: Array, where: Any) -> Array:
    """Return an array on other devices."""
    with enable_x64(True):
        return jax.device_put(array, where)


def given(x: Any, where: Any) -> Any:
    """Return an input as XLA is given it: where it is a look at an array of JAX's, that.

    XLA takes memory that lies as it likes as it is, and reads it after the call has returned, when
    a script may have written to it: it gets a copy of such.
    """
    if type(x) is np.ndarray:
        base: Any = x.base
        if type(base) is not _Memory or x.shape != base.content.shape or not x.flags.c_contiguous:
            return x if address(x) % ALIGNED else x.copy()
        x = base.content
    elif type(x) in (float, int):
        return x
    there = x.sharding
    return x if there is where or there == where else moved(x, where)


def is_look(x: Any) -> bool:
    """Whether an array of NumPy's is a look at XLA's memory."""
    base: Any = x.base if type(x) is np.ndarray else None
    return type(base) is _Memory


def adopt(tensors: Iterable[TensorBase], where: Placement) -> None:
    """Let arrays that nobody else has lie in XLA's memory, where a program reads them as they are.

    That is possible on one CPU device. Who reads and writes them by NumPy doesn't notice.
    """
    if where.count > 1 or where.devices[0].platform != "cpu":
        return
    for t in tensors:
        array = t.__dict__.get("_array")
        if array is None or array.ndim == 0 or not array.flags.c_contiguous or is_look(array):
            continue
        is_plain = array.size and array.flags.writeable and t._base is None
        del array
        if is_plain and _is_alone(t.__dict__):
            keeper = held(t)
            keeper.adopt(where.whole)


def array_of(x: Any) -> Any:
    """Return an input as Python looks at it."""
    return x if type(x) is np.ndarray else np.asarray(x) if isinstance(x, jax.Array) else x


def entering(tensor: TensorBase) -> Any:
    """Return a tensor's numbers, wherever they are.

    An array that looks at XLA's memory, and that nobody else has, is given up: as long as there is
    one, each step has to wait for XLA, as somebody might write to it.
    """
    fields = tensor.__dict__
    array = fields.get("_array")
    if array is None:
        return tensor._held.content
    if type(array.base) is _Memory and tensor._held is not None:
        content = tensor._held.content
        del array
        if is_own_look(fields, content):
            del fields["_array"]
            return content
        return fields["_array"]
    return array


def _sees(array: np.ndarray, content: Array) -> bool:
    """Whether an array is a look at an array of JAX's."""
    base: Any = array.base
    return type(base) is _Memory and base.content is content


def is_own_look(fields: dict[str, Any], content: Array) -> bool:
    """Whether a tensor's array is a look at an array of JAX's, and nobody else has it."""
    return _sees(fields["_array"], content) and _is_alone(fields)


def _is_alone(fields: dict[str, Any]) -> bool:
    """Whether nothing but a tensor has its array, or sees its memory."""
    array = fields["_array"]
    if getrefcount(array) > _ALONE:
        return False
    base: Any = array.base
    if base is None or type(base) is _Memory:
        return True
    return isinstance(base, np.ndarray) and base.base is None and getrefcount(base) <= _ALONE


def _count() -> int:
    fields = {"_array": np.empty(1)}
    array = fields["_array"]
    return getrefcount(array)


_ALONE = _count()


class _Memory:
    """An array of JAX's as memory of NumPy's, which may be written to."""

    def __init__(self, content: Array) -> None:
        self.content = content
        self.__array_interface__ = {
            "version": 3, "shape": content.shape, "typestr": np.dtype(content.dtype).str,
            "data": (content.unsafe_buffer_pointer(), False),
        }  # fmt: skip


looks: list[Callable[[], object]] = []
"""What is called when numbers are there, before anybody gets them: it may raise an error."""


def seen(content: Array) -> np.ndarray:
    """Return an array of JAX's as one of NumPy's: without a copy on the CPU."""
    if content.ndim == 0 or not content.size or not _is_on_cpu(content):
        array = np.array(content)
    else:
        content.block_until_ready()
        array = np.asarray(_Memory(content))
    for look in looks:
        look()
    return array


def _is_on_cpu(content: Array) -> bool:
    """Whether an array is in the memory of one CPU device."""
    devices = content.devices()
    return len(devices) == 1 and next(iter(devices)).platform == "cpu"
