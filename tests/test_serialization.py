"""Checkpoints: what is saved comes back; what is damaged is refused, by name."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import serialization
from tinygrad_mnist.serialization import CheckpointError

kinds = st.sampled_from(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?"])
tensors = kinds.flatmap(lambda kind: arrays(kind, array_shapes(min_dims=0, min_side=0))).map(
    lambda a: tg.from_numpy(np.asarray(a))
)
numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
nested = st.recursive(
    numbers | tensors,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.floats(allow_nan=False), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, tg.Tensor):
        return (
            isinstance(b, tg.Tensor)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and np.array_equal(a.numpy(), b.numpy(), equal_nan=a.is_floating_point())
        )
    if isinstance(a, float):
        return type(b) is float and (a == b or (math.isnan(a) and math.isnan(b)))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@given(obj=nested)
def test_what_is_saved_comes_back(obj: Any, tmp_path: Path) -> None:
    tg.save(obj, tmp_path / "x.npz")
    assert same(obj, tg.load(tmp_path / "x.npz"))


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: a.T,
        np.asfortranarray,
        lambda a: a[::2, ::-1],
        lambda a: np.broadcast_to(a[:1], (9, 5)),
    ],
    ids=["transposed", "column-major", "strided", "broadcast"],
)
def test_memory_layout_does_not_matter(layout: Any, tmp_path: Path) -> None:
    array = layout(np.arange(20.0).reshape(4, 5))
    tg.save({"x": tg.from_numpy(array)}, tmp_path / "x.npz")
    np.testing.assert_array_equal(tg.load(tmp_path / "x.npz")["x"].numpy(), array)


def test_training_resumes_exactly_from_a_checkpoint(tmp_path: Path) -> None:
    def start() -> tuple[Any, Any]:
        tg.manual_seed(0)
        net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Dropout(0.5), tg.nn.Linear(4, 1))
        return net, tg.optim.Adam(net.parameters(), lr=0.1, amsgrad=True)

    def train(net: Any, optimizer: Any, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            net(tg.randn(5, 3)).square().sum().backward()
            optimizer.step()

    net, optimizer = start()
    train(net, optimizer, 6)
    other, resumed = start()
    train(other, resumed, 3)
    state = {
        "net": other.state_dict(),
        "optimizer": resumed.state_dict(),
        "random": tg.get_rng_state(),
    }
    tg.save(state, tmp_path / "c.npz")
    other, resumed = start()
    loaded = tg.load(tmp_path / "c.npz")
    other.load_state_dict(loaded["net"])
    resumed.load_state_dict(loaded["optimizer"])
    tg.set_rng_state(loaded["random"])
    train(other, resumed, 3)
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        assert tg.equal(a, b)


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        ({"a": [1, object()]}, r"\['a'\]\[1\] is a object"),
        ({("x", object()): 1}, "key of"),
        ({tg.ones(1): 1}, "key of"),
        ({"f": lambda: 0}, "is a function"),
        ([np.array(["text"])], r"\[0\] is an array of <U4"),
        ({"s": {1, object()}}, "is a object"),
        (range(3), "is a range"),
    ],
)
def test_what_cannot_be_saved_is_named_and_nothing_is_written(
    obj: Any, words: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=words):
        tg.save(obj, tmp_path / "x.npz")
    assert list(tmp_path.iterdir()) == []


def test_object_that_contains_itself_is_refused(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TypeError, match="contains itself"):
        tg.save(loop, tmp_path / "x.npz")


def test_every_altered_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    tg.save({"w": tg.randn(3, 4), "epoch": 3}, path)
    whole = path.read_bytes()
    for position in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[position] ^= 0x41
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match=r"model\.npz"):
            tg.load(path)


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    tg.save([tg.ones(3)], path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"model\.npz"):
            tg.load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError):
        tg.load(path)


def sealed(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Make a file with a right checksum around anything."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.comment = b"0" * 64
        for name, content in entries.items():
            archive.writestr(name, content)
    body = out.getvalue()[:-64]
    return body + serialization._digest(io.BytesIO(body), len(body))


def structure(**changes: Any) -> bytes:
    header = {"format": "tinygrad_mnist checkpoint", "version": 1, "root": None, "arrays": []}
    return json.dumps({**header, **changes}).encode()


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


ONE = {"dtype": "<f4", "shape": [1]}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"text" * 100, sealed({}), sealed({"structure.json": b"[]"}),
        sealed({"structure.json": structure(version=9)}),
        sealed({"structure.json": structure(format="other")}),
        sealed({"structure.json": structure(root={"tensor": 5})}),
        sealed({"structure.json": structure(root={"pickle": "x"})}),
        sealed({"structure.json": structure(), "extra": b""}),
        sealed({"structure.json": structure(arrays=[ONE])}),
        sealed({"structure.json": structure(arrays=[{"dtype": "<f4", "shape": [2**40]}]), "0.npy": npy(np.ones(1, "f4"))}),
        sealed({"structure.json": structure(arrays=[{"dtype": "O", "shape": [1]}]), "0.npy": npy(np.array([{}], object))}),
        sealed({"structure.json": structure(arrays=[{"dtype": "<f8", "shape": [1]}]), "0.npy": npy(np.array([{}], object))}),
        sealed({"structure.json": structure(arrays=[ONE]), "0.npy": npy(np.ones(1, "f4")) + b"x"}),
        sealed({"structure.json": structure(arrays=[ONE]), "0.npy": npy(np.ones(1, "i4"))}),
        sealed({"structure.json": structure()}, zipfile.ZIP_DEFLATED),
    ],
    ids=lambda content: f"{len(content)} bytes",  # not the content: it holds the time
)  # fmt: skip
def test_foreign_or_hostile_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.npz"):
        tg.load(path)


def test_failed_save_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.npz"
    tg.save({"epoch": 1}, path)

    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tg.save({"epoch": 2}, path)
    monkeypatch.undo()
    assert tg.load(path) == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_missing_file_and_folder_are_file_not_found_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tg.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError):
        tg.save({}, tmp_path / "none" / "x.npz")


def test_numpy_can_open_the_file(tmp_path: Path) -> None:
    tg.save({"w": tg.ones(2)}, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as archive:
        assert archive["0"].tolist() == [1.0, 1.0]


def test_open_files_and_pytorchs_settings_are_taken(tmp_path: Path) -> None:
    state = {"w": tg.ones(2), "epoch": 3}
    buffer = io.BytesIO()
    tg.save(state, buffer)
    buffer.seek(0)
    assert same(tg.load(buffer, map_location="cpu", weights_only=True), state)
    with open(tmp_path / "x", "wb") as file:
        tg.save(state, file, pickle_protocol=4)
    with open(tmp_path / "x", "rb") as file:
        assert same(tg.load(file, map_location=tg.device("cpu"), weights_only=False), state)
    assert same(tg.load(str(tmp_path / "x"), map_location=lambda storage, where: storage), state)


def test_loaded_dtypes_are_numpys_own(tmp_path: Path) -> None:
    """The engine compares dtypes by identity where it can."""
    tg.save([tg.ones(2), tg.ones(2).long()], tmp_path / "x")
    for x in tg.load(tmp_path / "x"):
        assert x.numpy().dtype is np.dtype(x.numpy().dtype.str)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: tg.save({}, 3), TypeError, "expected a path or an open file, got int"),
        (lambda p: tg.load(3), TypeError, "expected a path or an open file, got int"),
        (lambda p: tg.save({}, p / "x", protocol=3), TypeError, "protocol"),
        (lambda p: tg.load(p / "x", map_location="cuda"), RuntimeError, "cuda"),
        (lambda p: tg.load(p), OSError, "directory"),
        (lambda p: tg.load(io.BytesIO(b"text")), CheckpointError, "the open file"),
        (lambda p: tg.save(tg.nn.Linear(1, 1), p / "x"), TypeError, "state_dict"),
    ],
)
def test_bad_call_gets_a_sentence(call: Any, error: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        call(tmp_path)


def test_file_of_another_program_is_recognised(tmp_path: Path, torch: Any) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "theirs.pt")
    with pytest.raises(CheckpointError, match=r"theirs\.pt.*safetensors\.torch\.save_file"):
        tg.load(tmp_path / "theirs.pt")
    tg.safetensors.save_file({"w": tg.ones(2)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"use safetensors\.load_file"):
        tg.load(tmp_path / "x.safetensors")


def test_whole_training_state_comes_back(tmp_path: Path) -> None:
    net = tg.nn.Linear(2, 1)
    optimizer = tg.optim.Adam(net.parameters(), lr=0.1)
    net(tg.ones(3, 2)).sum().backward()
    optimizer.step()
    generator = tg.Generator().manual_seed(3)
    state = {
        "model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7,
        "history": [0.5, float("inf")], "best": None, "done": False, "name": "run",
        "generator": generator.get_state(), "shape": net.weight.shape, "dtype": tg.float32,
    }  # fmt: skip
    tg.save(state, tmp_path / "c")
    loaded = tg.load(tmp_path / "c", weights_only=True)
    assert list(loaded) == list(state)
    assert loaded["epoch"] == 7
    assert loaded["history"] == [0.5, float("inf")]
    assert loaded["shape"] == (1, 2)
    assert loaded["dtype"] is tg.float32
    drawn = tg.rand(3, generator=generator)
    generator.set_state(loaded["generator"])
    assert tg.equal(tg.rand(3, generator=generator), drawn)
    net.load_state_dict(loaded["model"])
    optimizer.load_state_dict(loaded["optimizer"])
