"""Saved things come back as they were, sharing memory as before; or they are refused."""

from __future__ import annotations

import enum
import io
import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict, UserDict, defaultdict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_serialization import npy, sealed

import tinygrad_mnist as tg
from tinygrad_mnist import nn, serialization
from tinygrad_mnist.serialization import CheckpointError


def roundtrip(obj: Any, t: Any = tg) -> Any:
    buffer = io.BytesIO()
    t.save(obj, buffer)
    buffer.seek(0)
    return t.load(buffer)


def test_names_of_one_tensor_share_it_when_loaded(torch: Any) -> None:
    for t in (tg, torch):
        net = t.nn.Sequential(t.nn.Embedding(5, 3), t.nn.Linear(3, 5, bias=False))
        net[1].weight = net[0].weight
        state = roundtrip(net.state_dict(), t)
        state["0.weight"][1, 2] = 7.0
        assert state["1.weight"][1, 2] == 7.0
        other = t.nn.Sequential(t.nn.Embedding(5, 3), t.nn.Linear(3, 5, bias=False))
        other.load_state_dict(state)
        assert other[1].weight[1, 2] == 7.0


def test_linear_layers_that_share_a_weight_share_it_when_loaded() -> None:
    net = nn.ModuleDict({"a": nn.Linear(3, 4), "b": nn.Linear(3, 4)})
    net["b"].weight = net["a"].weight
    state = roundtrip(net.state_dict())
    state["a.weight"][0, 1] = 7.0
    assert state["b.weight"][0, 1] == 7.0
    assert state["a.bias"] is not state["b.bias"]


VIEWS: dict[str, Any] = {
    "the same": lambda x: [x, x],
    "detached": lambda x: [x, x.detach()],
    "a row": lambda x: [x, x[1]],
    "a part first": lambda x: [x[2:], x],
    "transposed": lambda x: [x, x.t()],
    "columns": lambda x: [x[:, 1], x[:, 2], x[:, 1:3]],
    "overlapping": lambda x: [x[:3], x[1:]],
    "strided": lambda x: [x[::2], x[:, ::3], x.flatten()],
    "expanded": lambda x: [x[:1].expand(3, 6), x],
    "three shapes": lambda x: [x.view(3, 8), x.view(-1), x.view(4, 6)],
    "windows": lambda x: [x.unfold(1, 4, 1)],
}


@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
def test_views_of_one_memory_share_it_when_loaded(views: Any, torch: Any) -> None:
    seen = []
    for t in (tg, torch):
        made = views(t.arange(24.0).view(4, 6))
        loaded = roundtrip(made, t)
        seen.append([v.tolist() for v in loaded])
        for after in loaded:
            if 0 not in after.stride():
                after[(0,) * after.ndim] += 100.0
            seen.append([v.tolist() for v in loaded])
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]


def test_what_a_view_does_not_show_is_not_saved() -> None:
    x = tg.arange(10_000.0)
    x[1] = 123.0
    buffer = io.BytesIO()
    tg.save([x[:100:2], x[2:100:2], x[50:51]], buffer)
    assert len(buffer.getvalue()) < 3000
    assert np.float32(123).tobytes() not in buffer.getvalue()


def test_expanded_tensor_is_saved_as_the_little_that_it_is(torch: Any) -> None:
    for t in (tg, torch):
        x = t.ones(1).expand(10**6)
        buffer = io.BytesIO()
        t.save(x, buffer)
        assert len(buffer.getvalue()) < 5000
        buffer.seek(0)
        loaded = t.load(buffer)
        assert loaded.shape == (10**6,)
        assert loaded.stride() == (0,)
        with pytest.raises(RuntimeError):
            loaded.add_(1)


def test_write_to_a_shared_tensor_is_noticed_after_loading(torch: Any) -> None:
    for t in (tg, torch):
        x = t.ones(3)
        a, b = roundtrip([x, x[1:]], t)
        a.requires_grad_()
        y = (a * a).sum()
        with t.no_grad():
            a.mul_(2)
        with pytest.raises(RuntimeError, match=r"modified by an inplace|changed|in.place"):
            y.backward()
        assert b.tolist() == [2.0, 2.0]


def test_objects_that_occur_twice_are_one_when_loaded(torch: Any) -> None:
    for t in (tg, torch):
        inner = [1, {"x": t.ones(2)}]
        obj = {"a": inner, "b": inner, "c": inner[1], "d": (inner[1]["x"], np.ones(2))}  # type: ignore[index]
        loaded = roundtrip({k: v for k, v in obj.items() if k != "d"} | {"d": obj["d"][:1]}, t)
        assert loaded["a"] is loaded["b"]
        assert loaded["c"] is loaded["a"][1]
        assert loaded["d"][0] is loaded["c"]["x"]


def example(t: Any) -> dict[str, Any]:
    ordered: Any = OrderedDict([("b", 1), ("a", OrderedDict())])
    ordered.note = {"made": "by hand"}
    return {
        "ordered": ordered, "size": t.Size([2, 3]), "device": t.device("cpu"), "dtype": t.float32,
        "set": {1, "a", (2, None)}, "bytes": b"\x00\xff", "complex": complex(1, float("inf")),
        "long": -(10**400), "text": "\x00\ud800é", "keys": {True: 1, (1, ("a", None)): 2, None: 3, 2.5: 4, b"x": 5},
        "counter": Counter("aab"), "number": 1, "truth": False, "real": -0.0, "none": None, "tuple": ((), [], {}),
        "state": t.nn.Linear(1, 1).state_dict(),
    }  # fmt: skip


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return (
            list(map(repr, a)) == list(map(repr, b))
            and all(same(x, y) for x, y in zip(a.values(), b.values(), strict=True))
            and (type(a) is dict or same(vars(a), vars(b)))
        )
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b) if not isinstance(a, set) else a == b


def test_types_come_back_as_what_they_were(torch: Any) -> None:
    for t in (tg, torch):
        obj = example(t)
        loaded = roundtrip(obj, t)
        for name, value in obj.items():
            assert same(value, loaded[name]), name
        assert loaded["ordered"].note == {"made": "by hand"}
        assert loaded["state"]._metadata == obj["state"]._metadata


def test_parameters_buffers_and_requires_grad_come_back(torch: Any) -> None:
    for t in (tg, torch):
        x = t.ones(2, requires_grad=True)
        y = x * 2
        parameter = t.nn.Parameter(t.ones(3), requires_grad=False)
        state = t.nn.Linear(1, 2).state_dict(keep_vars=True)
        loaded = roundtrip([x, y, y.detach(), parameter, state], t)
        assert [v.requires_grad for v in loaded[:4]] == [True, True, False, False]
        assert loaded[1].is_leaf
        assert type(loaded[3]) is t.nn.Parameter
        assert {type(v) for v in loaded[4].values()} == {t.nn.Parameter}
        assert all(v.requires_grad for v in loaded[4].values())
    kept = roundtrip(nn.Buffer(tg.ones(1), persistent=False))
    assert type(kept) is nn.Buffer
    assert kept.persistent is False


class Colour(enum.IntEnum):
    RED = 1


class Name(str, enum.Enum):  # noqa: UP042
    A = "a"


class Own(tg.Tensor):
    pass


Pair = namedtuple("Pair", ["x", "y"])

REFUSED: list[Any] = [
    Colour.RED, Name.A, {Colour.RED: 1}, {1: Colour.RED}, [Name.A], {Name.A}, type("I", (int,), {})(3),
    type("F", (float,), {})(3), type("S", (str,), {})("x"), type("L", (list,), {})(), type("D", (dict,), {})(),
    Pair(1, 2), defaultdict(list), type("C", (Counter,), {})(), UserDict(), frozenset([1]), bytearray(b"x"), range(3),
    np.ma.masked_array([1.0], [True]), np.array(["x"]), np.array([1j]), np.str_("x"),
    np.array([(1, 2)], dtype=[("a", int), ("b", int)]).view(np.recarray), np.datetime64("2020-01-01"),
    Own(2), slice(1), object(), len, int, {(1, object()): 1}, tg.Generator(), Path("x"), nn.Linear(1, 1),
    OrderedDict(a=Colour.RED), tg.max(tg.ones(1, 1), 1),
]  # fmt: skip


@pytest.mark.parametrize("obj", REFUSED, ids=lambda obj: type(obj).__name__)
def test_what_would_come_back_as_something_else_is_refused(obj: Any) -> None:
    with pytest.raises(TypeError, match=r"^save: "):
        roundtrip(obj)


def test_refusal_names_the_kind_that_it_is_derived_from() -> None:
    with pytest.raises(TypeError, match=r"\['mode'\] is a Colour, derived from int, which can't"):
        roundtrip({"mode": Colour.RED})


def test_byte_order_of_an_array_stays() -> None:
    for code in (">f4", "<i8"):
        array = np.array([1, 2], code)
        loaded = roundtrip({"a": array})["a"]
        assert loaded.dtype == array.dtype
        assert loaded.dtype.str == array.dtype.str
        assert loaded.tolist() == [1, 2]


def test_equal_content_gives_equal_bytes_whatever_the_memory_and_the_hashes() -> None:
    code = (
        "import io, sys, tinygrad_mnist as tg; b = io.BytesIO(); x = tg.arange(6.).view(2, 3);"
        "tg.save({'s': {'a', 'b', 'c', 1, 2.5, None}, 'x': [x, x[0]], 'y': tg.ones(2, 2).t()}, b);"
        "print(b.getvalue().hex())"
    )
    out = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(out) == 1


def test_files_of_the_first_version_are_read() -> None:
    root = {
        "dict": [
            ["w", {"tensor": 0, "requires_grad": True}],
            [{"int": "3"}, {"tuple": [{"float": "nan"}]}],
        ]
    }
    header = {
        "format": "tinygrad_mnist checkpoint", "version": 1, "root": root,
        "arrays": [{"dtype": "<f4", "shape": [2]}],
    }  # fmt: skip
    content = sealed(
        {"structure.json": json.dumps(header).encode(), "0.npy": npy(np.ones(2, "f4"))}
    )
    loaded = tg.load(io.BytesIO(content))
    assert repr(loaded) == "{'w': tensor([1., 1.], requires_grad=True), 3: (nan,)}"


def overlapping(count: int, array: np.ndarray) -> bytes:
    """Make a file whose entries all lie in the same place."""
    header = {
        "format": "tinygrad_mnist checkpoint", "version": 2,
        "root": {"list": [{"tensor": i} for i in range(count)]},
        "arrays": [{"dtype": array.dtype.str, "shape": list(array.shape)}] * count,
    }  # fmt: skip
    whole = sealed({"structure.json": json.dumps(header).encode(), "0.npy": npy(array)})
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        place = archive.start_dir
        first, second = archive.infolist()
    body, directory = whole[:place], whole[place:]
    start = directory.index(b"PK\1\2", 4)
    end = directory.index(b"PK\5\6")
    one = directory[start:end]
    names = [f"{i}.npy".encode() for i in range(count)]
    entries = directory[:start]
    for name in names:
        made = one[:28] + struct.pack("<H", len(name)) + one[30:46] + name
        entries += made
    tail = b"PK\5\6" + struct.pack(
        "<4H2LH", 0, 0, count + 1, count + 1, len(entries), place, 64
    )  # fmt: skip
    content = body + entries + tail
    assert first.filename == "structure.json"
    assert second.filename == "0.npy"
    return content + serialization._digest(io.BytesIO(content), len(content))


def test_entries_that_overlap_are_refused_before_they_are_read() -> None:
    content = overlapping(100, np.zeros(2**18, np.float32))
    assert len(content) < 2**21
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match="larger than the file"):
        tg.load(io.BytesIO(content))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize(
    "view",
    [
        ["<f4", [3], 0, [4]], ["<f4", [2], 4, [4]], ["<f4", [2], -4, [4]], ["<f4", [2], 0, [-4]],
        ["O", [1], 0, [8]], ["<f4", [2**62], 0, [4]], ["<f4", [2]], ["<f4", ["a"], 0, [4]], None,
    ],
    ids=str,
)  # fmt: skip
def test_view_outside_of_its_memory_is_refused(view: Any) -> None:
    header = {
        "format": "tinygrad_mnist checkpoint", "version": 2, "root": {"tensor": 0, "view": view},
        "arrays": [{"dtype": "|u1", "shape": [8]}],
    }  # fmt: skip
    content = sealed(
        {"structure.json": json.dumps(header).encode(), "0.npy": npy(np.zeros(8, "u1"))}
    )
    with pytest.raises(CheckpointError):
        tg.load(io.BytesIO(content))


def test_npy_header_that_asks_for_more_than_its_entry_is_refused() -> None:
    header = {
        "format": "tinygrad_mnist checkpoint", "version": 2, "root": {"tensor": 0},
        "arrays": [{"dtype": "<f4", "shape": [2]}],
    }  # fmt: skip
    lying = (
        npy(np.ones(2, "f4"))
        .replace(b"(2,), }", b"(2000000000000,), }")
        .replace(b"      \n", b"\n", 1)
    )
    content = sealed({"structure.json": json.dumps(header).encode(), "0.npy": lying})
    with pytest.raises(CheckpointError):
        tg.load(io.BytesIO(content))


def test_too_much_besides_arrays_is_refused_when_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialization, "_MAX_STRUCTURE", 1000)
    with pytest.raises(ValueError, match="make tensors or arrays of long lists"):
        roundtrip([0.5] * 1000)
