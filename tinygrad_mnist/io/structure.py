"""The description of nested objects as JSON and a list of arrays, and back.

Whatever is described comes back as what it was. Types are compared exactly: of what is derived from
them, such as an ``IntEnum`` or a ``defaultdict``, a description would lose the kind, so it is
refused. An object that occurs twice is one object when it is built again, and tensors that share
memory share it.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import Version, share
from tinygrad_mnist.nn.parameter import Buffer, Parameter
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Size, Tensor
from tinygrad_mnist.tensor.device import device

_MAX_DEPTH = 200
_TENSORS: dict[type, str] = {Tensor: "tensor", Parameter: "parameter", Buffer: "buffer"}
_SEQUENCES: dict[type, str] = {list: "list", tuple: "tuple", Size: "size"}
_DICTS: dict[type, str] = {dict: "dict", OrderedDict: "ordered", Counter: "counter"}


class Description:
    """The description of an object: ``root`` is for JSON, ``arrays`` are what it refers to.

    Raises
    ------
    TypeError
        Naming where in the object something lies that can't be described.
    """

    def __init__(self, obj: Any) -> None:
        self.arrays: list[np.ndarray] = []
        self._tensors: list[tuple[dict[str, Any], np.ndarray]] = []
        self._numbers: dict[int, int] = {}
        self.root = self._describe(obj, "", frozenset())
        self._store_tensors()

    def _describe(self, obj: Any, where: str, above: frozenset[int]) -> Any:
        """Describe an object, or refer to it by its number if it occurs again.

        It gets its number after what is in it, as when it is built.
        """
        simple = _simple(obj)
        if simple is not None or obj is None:
            return simple
        if isinstance(obj, np.generic):
            return {"scalar": self._add(np.asarray(obj), where)}
        if id(obj) in self._numbers:
            return {"same": self._numbers[id(obj)]}
        if id(obj) in above or len(above) >= _MAX_DEPTH:
            raise TypeError(f"save: {where or 'the object'} contains itself, or is nested too deep")
        node = self._compound(obj, where, above | {id(obj)})
        self._numbers[id(obj)] = len(self._numbers)
        return node

    def _compound(self, obj: Any, where: str, above: frozenset[int]) -> dict[str, Any]:
        kind = type(obj)
        if kind in _TENSORS:
            node: dict[str, Any] = {_TENSORS[kind]: None}
            if obj.requires_grad:
                node["requires_grad"] = True
            if kind is Buffer:
                node["persistent"] = obj.persistent
            self._tensors.append((node, obj._array))
            return node
        if kind is np.ndarray:
            return {"array": self._add(obj, where)}
        if kind in _SEQUENCES:
            parts = [self._describe(x, f"{where}[{i}]", above) for i, x in enumerate(obj)]
            return {_SEQUENCES[kind]: parts}
        if kind is set:
            # In an order that doesn't depend on how Python hashes strings in this run.
            return {"set": sorted((_key(x, f"{x!r} in {where}") for x in obj), key=json.dumps)}
        if kind in _DICTS:
            items = []
            for key, value in obj.items():
                place = f"{where}[{key!r}]"
                described = _key(key, f"the key of {place}")
                items.append([described, self._describe(value, place, above)])
            if kind is not OrderedDict:
                return {_DICTS[kind]: items}
            attributes = vars(obj)  # such as a state_dict()'s _metadata
            about = self._describe(attributes, f"vars({where})", above) if attributes else None
            return {"ordered": items, "attributes": about}
        raise TypeError(
            f"save: {where or 'the object'} is a {_name(kind)}, which can't be saved; save "
            f"state_dict()s, tensors, numbers, strings, and dicts, lists and tuples of them"
        )

    def _add(self, array: np.ndarray, where: str) -> int:
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"save: {where or 'the object'} is an array of {array.dtype}, not numbers"
            )
        # Not np.ascontiguousarray: that would make a 0-d array one-dimensional.
        self.arrays.append(np.array(array, order="C", copy=None))
        return len(self.arrays) - 1

    def _store_tensors(self) -> None:
        """Add the tensors' arrays: one for those that are the same, or overlap in memory."""
        alike: dict[Any, tuple[np.ndarray, list[dict[str, Any]]]] = {}
        for node, array in self._tensors:
            place = id(array) if not array.size else array.ctypes.data
            key = (place, array.shape, array.strides, array.dtype)
            alike.setdefault(key, (array, []))[1].append(node)
        end = 0
        group: list[Any] = []
        spans = [(*np.lib.array_utils.byte_bounds(a), i) for i, (a, _) in enumerate(alike.values())]
        tensors = list(alike.values())
        for low, high, i in sorted(spans):
            if low >= end:
                self._store(group)
                group = []
            group.append((low, high, *tensors[i]))
            end = max(end, high)
        self._store(group)

    def _store(self, group: list[tuple[int, int, np.ndarray, list[dict[str, Any]]]]) -> None:
        """Add tensors that overlap, but not with others: the memory, and how each lies in it.

        What lies between their elements isn't theirs, and not stored.
        """
        if not group:
            return
        start, end = group[0][0], max(high for _, high, _, _ in group)
        alone = len(group) == 1 and group[0][2].nbytes <= end - start
        memory = np.zeros(0 if alone else end - start, np.uint8)
        number = -1 if alone else self._add(memory, "")
        for _, _, array, nodes in group:
            little = array.dtype.newbyteorder("<")
            if alone:
                number = self._add(array.astype(little, copy=False), "")
                view = {}
            else:
                offset = array.ctypes.data - start
                np.ndarray(array.shape, little, memory, offset, array.strides)[...] = array
                view = {"view": [little.str, list(array.shape), offset, list(array.strides)]}
            for node in nodes:
                node[next(iter(node))] = number
                node.update(view)


def _name(kind: type) -> str:
    inherited = next((k.__name__ for k in kind.__mro__[1:] if _is_known(k)), "")
    return f"{kind.__name__}, derived from {inherited}" if inherited else kind.__name__


def _is_known(kind: type) -> bool:
    simple = (bool, int, float, complex, str, bytes, set, np.ndarray)
    return any(kind in known for known in (_TENSORS, _SEQUENCES, _DICTS, simple))


def _simple(obj: Any) -> Any:
    """Describe an object without parts, or return None."""
    kind = type(obj)
    if kind is bool or kind is str:
        return obj
    found = ({name: describe(obj)} for name, (own, describe, _) in _SIMPLE.items() if own is kind)
    return next(found, None)


def _key(key: Any, what: str) -> Any:
    """Describe the key of a dict, or a member of a set."""
    if type(key) is tuple:
        return {"tuple": [_key(part, what) for part in key]}
    described = _simple(key)
    if described is None and key is not None:
        raise TypeError(f"save: {what} is a {_name(type(key))}; use str or int")
    return described


class Builder:
    """Builds objects from their description.

    Raises
    ------
    ValueError, KeyError, IndexError, TypeError
        When the description makes no sense.
    """

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self._arrays = arrays
        self._versions = [Version() for _ in arrays]
        self._built: list[Any] = []

    def build(self, node: Any) -> Any:
        """Build an object from its description."""
        if node is None or isinstance(node, bool | str):
            return node
        kind, value = next(iter(node.items()))
        if kind in _SIMPLE:
            return _SIMPLE[kind][2](value)
        if kind == "scalar":
            return self._arrays[value][()]
        if kind == "same":
            return self._built[value]
        made = self._compound(kind, value, node)
        self._built.append(made)
        return made

    def _compound(self, kind: str, value: Any, node: dict[str, Any]) -> Any:
        if kind in ("tensor", "parameter", "buffer"):
            return self._tensor(kind, value, node)
        if kind == "array":
            return self._arrays[value]
        if kind in ("list", "tuple", "size"):
            parts = [self.build(part) for part in value]
            return parts if kind == "list" else tuple(parts) if kind == "tuple" else Size(parts)
        if kind == "set":
            return {_build_key(part) for part in value}
        if kind in ("dict", "counter"):
            items = {_build_key(key): self.build(item) for key, item in value}
            return items if kind == "dict" else Counter(items)
        if kind == "ordered":
            made = OrderedDict((_build_key(key), self.build(item)) for key, item in value)
            if node["attributes"] is not None:
                vars(made).update(self.build(node["attributes"]))
            return made
        raise ValueError(f"its structure names an unknown kind, {kind!r}")

    def _tensor(self, kind: str, number: int, node: dict[str, Any]) -> Tensor:
        array = self._arrays[number]
        if "view" in node:
            code, shape, offset, strides = node["view"]
            dtype = np.dtype(code)
            if dtype.kind not in "fiub" or array.dtype != np.uint8:
                raise ValueError(f"a tensor of {dtype} is said to lie in memory of {array.dtype}")
            array = np.ndarray(shape, dtype, array, offset, strides)  # it checks that all is inside
            if 0 in array.strides:
                array.flags.writeable = False  # as what expand() gives
        array = array.astype(np.dtype(array.dtype.char), copy=False)
        tensor: Tensor = share(array, self._versions[number])
        grad = node.get("requires_grad", False)
        if kind == "parameter":
            return Parameter(tensor, grad)
        if kind == "buffer":
            tensor = Buffer(tensor, persistent=node["persistent"])
        return tensor.requires_grad_(grad)


def _build_key(node: Any) -> Any:
    if isinstance(node, dict) and "tuple" in node:
        return tuple(_build_key(part) for part in node["tuple"])
    if node is None or isinstance(node, bool | str):
        return node
    ((kind, value),) = node.items()
    return _SIMPLE[kind][2](value)


_SIMPLE: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "int": (int, lambda n: str(n) if abs(n) < 2**64 else hex(n), lambda text: int(text, 0)),
    "float": (float, float.hex, float.fromhex),
    "complex": (
        complex,
        lambda number: [number.real.hex(), number.imag.hex()],
        lambda parts: complex(*map(float.fromhex, parts)),
    ),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "dtype": (dtypes.dtype, lambda dtype: dtype.name, lambda name: dtypes.of(np.dtype(name))),
    "device": (device, str, device),
}
"""Types of objects without parts, by name, each with how it is described and built again."""
