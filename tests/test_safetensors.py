"""The .safetensors format: exchanged with its own library, and damaged in every way."""

from __future__ import annotations

import json
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import safetensors as S
from tinygrad_mnist.safetensors import SafetensorError

KINDS = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?"]
tensors = (
    st.sampled_from(KINDS)
    .flatmap(lambda kind: arrays(kind, array_shapes(min_dims=0, min_side=0, max_side=4)))
    .map(lambda a: tg.from_numpy(np.asarray(a)))
)
names = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda n: n != "__metadata__")
states = st.dictionaries(names, tensors, max_size=4)
notes = st.none() | st.dictionaries(names, names, max_size=2)


def same(a: Any, b: Any) -> None:
    """Whether two states hold the same bits under the same names."""
    assert sorted(a) == sorted(b)
    for name in a:
        assert str(a[name].dtype) == str(b[name].dtype)
        assert tuple(a[name].shape) == tuple(b[name].shape)
        assert a[name].numpy().tobytes() == b[name].numpy().tobytes()


@pytest.fixture
def theirs(torch: Any) -> Any:
    return pytest.importorskip("safetensors.torch")


@given(state=states, metadata=notes)
def test_what_is_saved_comes_back(state: Any, metadata: Any) -> None:
    data = S.save(state, metadata)
    same(state, S.load(data))
    assert len(data) >= 8
    assert struct.unpack("<Q", data[:8])[0] % 8 == 0


@given(state=states, metadata=notes)
def test_files_are_exchanged_with_the_formats_own_library(
    state: Any, metadata: Any, theirs: Any, torch: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.safetensors"
        S.save_file(state, path, metadata)
        loaded = theirs.load_file(path)
        same(state, loaded)
        with theirs.safe_open(path, "pt") as file:
            assert (file.metadata() or {}) == (metadata or {})
        theirs.save_file({k: v.contiguous() for k, v in loaded.items()}, path, metadata or None)
        same(state, S.load_file(path))
        assert S.save(state) == theirs.save(loaded)


def test_bfloat16_becomes_float32(theirs: Any, torch: Any, tmp_path: Path) -> None:
    given = torch.randn(50).to(torch.bfloat16)
    theirs.save_file({"x": given}, tmp_path / "x.safetensors")
    loaded = S.load_file(tmp_path / "x.safetensors")["x"]
    assert loaded.dtype == tg.float32
    assert loaded.tolist() == given.float().tolist()


def test_dtype_that_is_not_known_is_named(theirs: Any, torch: Any, tmp_path: Path) -> None:
    theirs.save_file({"odd": torch.ones(2).to(torch.complex64)}, tmp_path / "x.safetensors")
    with pytest.raises(SafetensorError, match="'odd' is of dtype 'C64'"):
        S.load_file(tmp_path / "x.safetensors")


def net(t: Any) -> Any:
    nn = t.nn
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_model_is_exchanged_with_pytorch(theirs: Any, torch: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    source = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    for a, b in ((tg, torch), (torch, tg)):
        first, second = net(a), net(b)
        save, load = (
            (S.save_model, theirs.load_model) if a is tg else (theirs.save_model, S.load_model)
        )
        save(first, str(path))
        missing, unexpected = load(second, str(path))
        assert (list(missing), list(unexpected)) == ([], [])
        np.testing.assert_allclose(
            first(a.tensor(source)).detach().numpy(), second(b.tensor(source)).detach().numpy(),
            rtol=1e-5, atol=1e-6,
        )  # fmt: skip


def tied(t: Any) -> Any:
    class Tied(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.z = t.nn.Linear(2, 2)
            self.a = t.nn.Linear(2, 2)
            self.a.weight = self.z.weight

    return Tied()


def test_tied_parameters_are_saved_once(theirs: Any, torch: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "model.safetensors")
    mine, other = tied(tg), tied(torch)
    with pytest.raises(
        RuntimeError, match=r"'z.weight' and 'a.weight' share memory|'a.weight' and"
    ):
        S.save_file(mine.state_dict(), path)
    S.save_model(mine, path, {"by": "test"})
    with S.safe_open(path) as file:
        assert file.keys() == ["a.bias", "a.weight", "z.bias"]
        assert file.metadata() == {"by": "test", "z.weight": "a.weight"}
    theirs.load_model(other, path)
    assert other.z.weight.tolist() == mine.z.weight.tolist()
    theirs.save_model(other, path)
    fresh = tied(tg)
    assert S.load_model(fresh, path) == ([], [])
    assert fresh.a.weight is fresh.z.weight
    assert fresh.z.weight.tolist() == mine.z.weight.tolist()


def test_model_with_other_names_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    S.save_file({"weight": tg.ones(1, 2), "other": tg.ones(1)}, path)
    model = tg.nn.Linear(2, 1)
    before = model.weight.tolist()
    with pytest.raises(RuntimeError, match=r'(?s)"bias".*"other"'):
        S.load_model(model, path)
    assert model.weight.tolist() == before
    assert S.load_model(model, path, strict=False) == (["bias"], ["other"])
    assert model.weight.tolist() == [[1.0, 1.0]]


def test_parts_of_one_buffer_may_be_saved_and_any_layout() -> None:
    x = tg.arange(12.0).reshape(3, 4)
    state = {"left": x[:, :2], "right": x[:, 2:], "column-major": tg.ones(3, 2).T.clone().T}
    same({k: v.contiguous() for k, v in state.items()}, S.load(S.save(state)))


def test_loaded_tensors_are_independent_and_can_be_written_to(tmp_path: Path) -> None:
    S.save_file({"a": tg.ones(2), "b": tg.ones(2)}, tmp_path / "x.safetensors")
    loaded = S.load_file(tmp_path / "x.safetensors")
    loaded["a"].fill_(3)
    assert loaded["b"].tolist() == [1.0, 1.0]
    assert loaded["a"].numpy().dtype is np.dtype(np.float32)


def test_failed_save_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    S.save_file({"a": tg.ones(1)}, path)
    monkeypatch.setattr(os, "fsync", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        S.save_file({"a": tg.zeros(1)}, path)
    monkeypatch.undo()
    assert S.load_file(path)["a"].item() == 1.0
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: S.save([1]), ValueError, "expected a dict of tensors, got list"),
        (lambda: S.save({"a": 3.0}), ValueError, "'a' is a float"),
        (lambda: S.save({1: tg.ones(1)}), ValueError, "1 can't be the name"),
        (lambda: S.save({"__metadata__": tg.ones(1)}), ValueError, "can't be the name"),
        (lambda: S.save({}, {"a": 1}), ValueError, "metadata must be strings"),
        (lambda: S.save({"\ud800": tg.ones(1)}), ValueError, "UTF-8"),
        (lambda: S.load_file("/none/x.safetensors"), FileNotFoundError, "none"),
        (lambda: S.load_file("x", device="cuda"), RuntimeError, "cuda"),
    ],
)
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def file_of(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


FOUR = bytes(4)
HOSTILE = {
    "empty": b"",
    "short": b"1234567",
    "header longer than the file": struct.pack("<Q", 2**63) + b"{}",
    "header a little longer": struct.pack("<Q", 3) + b"{}",
    "no object": file_of([]),
    "space first": file_of(b' {"x": 1}'),
    "no JSON": file_of(b"{x}"),
    "no UTF-8": file_of(b'{"\xff": 1}'),
    "deep": file_of(b'{"x":' + b"[" * 100_000),
    "name twice": file_of(b'{"x":%b,"x":%b}' % ((json.dumps(entry()).encode(),) * 2), FOUR),
    "entry without shape": file_of({"x": {"dtype": "F32", "data_offsets": [0, 4]}}, FOUR),
    "entry with more": file_of({"x": {**entry(), "more": 1}}, FOUR),
    "entry no object": file_of({"x": 3}),
    "unknown dtype": file_of({"x": entry("F9")}, FOUR),
    "dtype no string": file_of({"x": entry(["F32"])}, FOUR),
    "negative shape": file_of({"x": entry(shape=[-1])}, FOUR),
    "fractional shape": file_of({"x": entry(shape=[1.0])}, FOUR),
    "bool in shape": file_of({"x": entry(shape=[True])}, FOUR),
    "overflowing shape": file_of({"x": entry("U8", [2**62, 2**62, 0], [0, 0])}),
    "huge length": file_of({"x": entry("U8", [2**70, 0], [0, 0])}),
    "many dimensions": file_of({"x": entry("U8", [1] * 65, [0, 1])}, b"1"),
    "shape larger than its place": file_of({"x": entry(shape=[2])}, FOUR),
    "place larger than the file": file_of({"x": entry(shape=[2**40], offsets=[0, 2**42])}, FOUR),
    "offsets turned round": file_of({"x": entry(offsets=[4, 0])}, FOUR),
    "three offsets": file_of({"x": entry(offsets=[0, 4, 8])}, FOUR),
    "overlap": file_of({"x": entry(), "y": entry(offsets=[2, 6])}, bytes(6)),
    "same place": file_of({"x": entry(), "y": entry()}, FOUR),
    "gap": file_of({"x": entry(), "y": entry(offsets=[8, 12])}, bytes(12)),
    "gap in front": file_of({"x": entry(offsets=[4, 8])}, bytes(8)),
    "more after": file_of({"x": entry()}, bytes(5)),
    "truncated": file_of({"x": entry()}, bytes(3)),
    "metadata no object": file_of({"__metadata__": 3}),
    "metadata no strings": file_of({"__metadata__": {"a": 1}}),
    "BOOL of 2": file_of({"x": entry("BOOL", [1], [0, 1])}, b"\2"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(SafetensorError, match=r"model\.safetensors"):
        S.load_file(path)


@given(state=states, data=st.data())
@settings(max_examples=200)
def test_damaged_file_is_refused_or_read_whole(state: Any, data: Any) -> None:
    """Whatever happens to the bytes: the documented error, or tensors of the shapes it says."""
    whole = bytearray(S.save(state, {"note": "x"}))
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["set", "delete", "insert", "cut"]))
        place = data.draw(st.integers(0, max(len(whole) - 1, 0)))
        if kind == "set" and whole:
            whole[place] = data.draw(st.integers(0, 255))
        elif kind == "delete":
            del whole[place : place + data.draw(st.integers(1, 9))]
        elif kind == "insert":
            whole[place:place] = data.draw(st.binary(max_size=9))
        else:
            del whole[place:]
    try:
        loaded = S.load(bytes(whole))
    except SafetensorError:
        return
    for x in loaded.values():
        assert x.numpy().size * x.itemsize <= 2 * len(whole)


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    S.save_file({"a": tg.ones(2), "b": tg.zeros(3)}, path)
    with S.safe_open(path, framework="pt") as file:
        assert file.keys() == ["a", "b"]
        assert file.metadata() is None
        assert file.get_tensor("b").tolist() == [0.0] * 3
        with pytest.raises(SafetensorError, match="no tensor 'c'"):
            file.get_tensor("c")
