"""The IDX reader: what is whole is read, what isn't is refused by name."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tinygrad_mnist.datasets import IDXError, read_idx, write_idx


@given(
    array=st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).flatmap(
        lambda kind: arrays(kind, array_shapes(max_dims=4, min_side=0))
    ),
    suffix=st.sampled_from(["", ".gz"]),
)
def test_what_is_written_is_read(array: np.ndarray, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"numbers{suffix}"
    write_idx(path, array)
    back = read_idx(path)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_compression_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.arange(3, dtype=np.uint8))
    (tmp_path / "a.gz").rename(tmp_path / "plain")
    assert read_idx(tmp_path / "plain").tolist() == [0, 1, 2]


HEAD = struct.pack(">BBBBII", 0, 0, 8, 2, 2, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "only 0 bytes"),
        (b"\0\0\x08", "only 3 bytes"),
        (b"\x89PNG\r\n\x1a\n", "another format"),
        (b"\0\0\x07\x01" + bytes(8), "another format"),
        (b"\0\0\x08\0", "no dimension"),
        (HEAD[:9], "truncated within the header"),
        (HEAD + bytes(5), "truncated: the header announces"),
        (HEAD + bytes(7), "longer than the 6 bytes"),
        (struct.pack(">BBBBIII", 0, 0, 14, 3, 2**31, 2**31, 2**31), "more than the"),
        (
            struct.pack(">BBBBI", 0, 0, 8, 1, 2**30) + bytes(10),
            "only 10 are there|more than the 67108864 accepted",
        ),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_file_is_refused_by_name(
    content: bytes, words: str, compressed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "digits-idx"
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(IDXError, match=words) as error:
        read_idx(path)
    assert str(path) in str(error.value)


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(HEAD + np.random.default_rng(0).bytes(6))
    path = tmp_path / "digits.gz"
    path.write_bytes(whole[:-10])
    with pytest.raises(IDXError, match=r"digits\.gz: the gzip file is truncated"):
        read_idx(path)
    path.write_bytes(whole[:-8] + b"\0\0\0\0" + whole[-4:])
    with pytest.raises(IDXError, match="damaged"):
        read_idx(path)


def test_expanding_gzip_is_read_no_further_than_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(HEAD + bytes(50_000_000)))
    with pytest.raises(IDXError, match="longer than the 6 bytes"):
        read_idx(path)


def test_small_file_that_expands_to_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    head = struct.pack(">BBBBI", 0, 0, 8, 1, 2**30)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(4):
            file.write(bytes(2**20))
    with pytest.raises(IDXError, match=r"more than the 67108864 accepted.*max_bytes"):
        read_idx(path)
    with pytest.raises(IDXError, match="only 4194304 are there"):
        read_idx(path, max_bytes=2**31)


def test_zeros_that_expand_to_what_mnist_has_are_read(tmp_path: Path) -> None:
    write_idx(tmp_path / "x.gz", np.zeros((60_000, 28, 28), np.uint8))
    assert (tmp_path / "x.gz").stat().st_size < 100_000
    assert read_idx(tmp_path / "x.gz").shape == (60_000, 28, 28)


@pytest.mark.parametrize("array", [np.zeros(2, np.int64), np.array(1, np.uint8), np.array(["a"])])
def test_what_has_no_form_is_refused(array: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no IDX form"):
        write_idx(tmp_path / "x", array)


def test_missing_file_is_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none")


@pytest.mark.parametrize(
    "lengths",
    [(1,) * 100, (0, 2**32 - 1, 2**32 - 1, 2**32 - 1), (2**32 - 1, 2**32 - 1, 0)],
    ids=str,
)
def test_a_header_of_impossible_shapes_is_refused(lengths: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "x"
    head = bytes([0, 0, 0x0E, len(lengths)]) + b"".join(n.to_bytes(4, "big") for n in lengths)
    path.write_bytes(head + b"\0" * 8)
    with pytest.raises(IDXError, match="which no array has"):
        read_idx(path)
