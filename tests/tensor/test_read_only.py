"""Memory that is read-only by a flag, by nature, or by a form of DLPack that doesn't say."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.tensor import exchange


@pytest.fixture(autouse=True)
def not_warned_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_warned", [])


def frozen() -> np.ndarray:
    array = np.arange(3.0)
    array.flags.writeable = False
    return array


def frozen_view() -> np.ndarray:
    """As pandas 3 gives the values of a DataFrame."""
    view = np.arange(6.0).reshape(2, 3).T.view()
    view.flags.writeable = False
    return view


MAKERS = {
    "from_numpy": lambda t, a: t.from_numpy(a),
    "as_tensor": lambda t, a: t.as_tensor(a),
    "asarray": lambda t, a: t.asarray(a),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    "array", [frozen, frozen_view, lambda: frozen()[1:], lambda: frozen_view()[1]]
)
def test_read_only_array_is_written_to_as_in_pytorch(make: Any, array: Any, torch: Any) -> None:
    for t in (tg, torch):
        given = array()
        whole = given if given.base is None else given.base
        flags = given.flags.writeable, whole.flags.writeable
        with warnings.catch_warnings():
            if t is torch:
                warnings.simplefilter("ignore")  # it warns once in the life of a process
                x = make(t, given)
            else:
                with pytest.warns(UserWarning, match="is not writable"):
                    x = make(t, given)
        before = given.tolist()
        x -= 1
        x[..., 0] = 9.0
        assert given.tolist() == x.tolist() != before
        assert (given.flags.writeable, whole.flags.writeable) == flags


def test_warning_is_given_once() -> None:
    with pytest.warns(UserWarning, match=r"^from_numpy: the array is not writable") as seen:
        tg.from_numpy(frozen())
        tg.as_tensor(frozen())
    assert len(seen) == 1
    assert Path(seen[0].filename).name == Path(__file__).name


def test_copies_need_no_warning() -> None:
    assert tg.tensor(frozen()).add_(1).tolist() == [1.0, 2.0, 3.0]
    assert tg.as_tensor(frozen(), dtype=tg.float32).add_(1).tolist() == [1.0, 2.0, 3.0]
    assert tg.asarray(frozen(), copy=True).add_(1).tolist() == [1.0, 2.0, 3.0]


def test_bytes_stay_what_they_are() -> None:
    data = b"\1\2\3\4"
    with pytest.warns(UserWarning, match=r"^frombuffer: "):
        x = tg.frombuffer(data, dtype=tg.uint8)
    x += 1
    assert x.tolist() == [2, 3, 4, 5]
    assert data == b"\1\2\3\4"
    y = tg.from_numpy(np.frombuffer(data, np.uint8))
    y[0] = 9
    assert data[0] == 1


def test_file_that_is_mapped_for_reading_is_not_copied_and_not_written_to(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4.0))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    with pytest.warns(UserWarning, match="not writable"):
        x = tg.from_numpy(mapped)
    assert np.shares_memory(x.numpy(), mapped)
    assert (x * 2).tolist() == [0.0, 2.0, 4.0, 6.0]
    with pytest.raises(RuntimeError, match=r"made from a read-only array; clone\(\) it first"):
        x.add_(1)


def test_array_whose_elements_repeat_is_refused_as_in_pytorch(torch: Any) -> None:
    for t in (tg, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = t.from_numpy(np.broadcast_to(np.ones(1), (3,)))
        with pytest.raises(RuntimeError):
            x.add_(1)


def test_memory_taken_over_can_be_written_to(torch: Any) -> None:
    array = np.zeros(2)
    tg.from_dlpack(array)[0] = 1
    assert array.tolist() == [1.0, 0.0]
    for t in (tg, torch):
        x = t.zeros(2, 2)
        t.from_dlpack(t.utils.dlpack.to_dlpack(x))[0] = 5
        t.from_dlpack(x)[1, 1] = 7
        t.from_dlpack(x.t())[0, 1] = 6
        assert x.tolist() == [[5.0, 5.0], [6.0, 7.0]]
    theirs = torch.zeros(2)
    tg.from_dlpack(theirs)[0] = 3
    tg.from_dlpack(torch.utils.dlpack.to_dlpack(theirs))[1] = 4
    assert theirs.tolist() == [3.0, 4.0]


def test_memory_taken_over_lives_as_long_as_the_tensor() -> None:
    x = tg.from_dlpack(tg.utils.dlpack.to_dlpack(tg.full((1000,), 3.0)))
    del_me = [tg.zeros(1000) for _ in range(50)]
    x += 1
    assert x.sum().item() == 4000.0
    assert len(del_me) == 50


class OldForm:
    """A library that gives the older form of DLPack only, as NumPy 2.0 does."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, stream: Any = None) -> Any:
        return self.array.__dlpack__()

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def test_older_form_of_dlpack_may_be_written_to() -> None:
    array = np.zeros((2, 3))
    x = tg.from_dlpack(OldForm(array[:, 1:].T))
    x[0] = 1
    assert array.tolist() == [[0, 1, 0], [0, 1, 0]]
    x = tg.from_dlpack(OldForm(array), copy=True)
    x += 1
    assert array.sum() == 2
