"""The IDX format, in which MNIST is published: a header of sizes, then the numbers.

Bytes 0 and 1 are zero, byte 2 is the type of the numbers, byte 3 how many dimensions there
are; then comes the length of each as a big-endian 32-bit integer, then the numbers,
big-endian, the last dimension fastest. Nothing that a header says is trusted: a file is read
only as far as its own sizes allow, and must end just there.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.io.files import replacing

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""NumPy's dtype for each type code."""

MAX_BYTES = 2**31
"""The most bytes of data that a header may announce; MNIST has 47 million."""

EXPANSION, SMALL = 100, 2**26
"""The greatest compression ratio that is accepted, and the size from which it is checked.

MNIST's expand to five times their size, and hostile ones to a thousand times.
"""


class IDXError(ValueError):
    """A file is not in the IDX format, or is damaged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from tinygrad_mnist.datasets import IDXError, read_idx
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "broken"
    >>> _ = path.write_bytes(b"hello")
    >>> try:
    ...     read_idx(path)
    ... except IDXError:
    ...     print("no IDX file")
    no IDX file
    """


def read_idx(path: str | os.PathLike[str], *, max_bytes: int | None = None) -> np.ndarray:
    """Read an IDX file, plain or compressed with gzip, into an array in the machine's byte order.

    Parameters
    ----------
    path
        The file.
    max_bytes
        The largest data to accept: 2 GiB unless given, and of a compressed file of less than that
        no more than a hundred times its size, or 64 MiB.

    Returns
    -------
    An array of the file's shape and dtype.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    IDXError
        Naming the file, when it is truncated, too long, damaged or in another format.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.datasets import read_idx, write_idx
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/numbers-idx1-ubyte"
    >>> write_idx(path, np.array([1, 2, 3], np.uint8))
    >>> read_idx(path)
    array([1, 2, 3], dtype=uint8)
    """
    path = Path(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            if compressed:
                limit = min(MAX_BYTES, max(SMALL, EXPANSION * size))
                with gzip.GzipFile(fileobj=file) as stream:
                    return _read(stream, path, limit if max_bytes is None else max_bytes, None)
            return _read(file, path, MAX_BYTES if max_bytes is None else max_bytes, size)
        except EOFError as error:
            raise IDXError(f"{path}: the gzip file is truncated; get it again") from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise IDXError(f"{path}: the gzip file is damaged ({error}); get it again") from error


def _read(stream: Any, path: Path, max_bytes: int, size: int | None) -> np.ndarray:
    """Read from a stream, of which the size is known or not."""
    head = stream.read(4)
    if len(head) < 4:
        raise IDXError(f"{path}: only {len(head)} bytes long; an IDX file has at least 4")
    if head[:2] != b"\0\0" or head[2] not in TYPES:
        raise IDXError(
            f"{path}: starts with bytes {head.hex(' ')}, but an IDX file starts with 00 00 and a "
            f"type code out of {', '.join(f'{code:02x}' for code in TYPES)}; this is another format"
        )
    dtype, dimensions = TYPES[head[2]], head[3]
    if not dimensions:
        raise IDXError(f"{path}: the header announces no dimension")
    lengths = stream.read(4 * dimensions)
    if len(lengths) < 4 * dimensions:
        raise IDXError(f"{path}: truncated within the header of {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", lengths)
    expected = math.prod(shape) * dtype.itemsize
    if expected > max_bytes:
        raise IDXError(
            f"{path}: the header announces shape {shape}, {expected} bytes, more than the "
            f"{max_bytes} accepted; the header is damaged, or raise max_bytes"
        )
    if dimensions > 32 or math.prod(n or 1 for n in shape) * dtype.itemsize > sys.maxsize:
        raise IDXError(
            f"{path}: the header announces {dimensions} dimensions of {shape[:4]}..., which no "
            f"array has; the header is damaged"
        )
    # A header may announce more than the file holds: then no memory is asked for, or it isn't used.
    there = expected if size is None else min(expected, size - 4 - 4 * dimensions)
    array = np.empty(shape if there == expected else 0, dtype)
    raw = array.reshape(-1).view(np.uint8)
    filled = 0
    while filled < raw.size and (count := stream.readinto(raw[filled : filled + 2**22])):
        filled += count
    if filled < expected:
        raise IDXError(
            f"{path}: truncated: the header announces shape {shape}, {expected} bytes of data, but "
            f"only {filled or there} are there; get it again"
        )
    if stream.read(1):
        raise IDXError(
            f"{path}: longer than the {expected} bytes of data that its header announces (shape "
            f"{shape}); it is damaged, or another format"
        )
    return array.astype(dtype.newbyteorder("="), copy=False)


def write_idx(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write an array as an IDX file, compressed if its name ends in ``.gz``.

    Parameters
    ----------
    path
        The file.
    array
        The array, of any shape but (), of uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    ValueError
        For a dtype that the format doesn't have, or an array without dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.datasets import read_idx, write_idx
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/zeros-idx2-ubyte"
    >>> write_idx(path, np.zeros((2, 3), np.uint8))
    >>> read_idx(path).shape
    (2, 3)
    """
    array = np.asarray(array)
    codes = {dtype.newbyteorder("="): code for code, dtype in TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or not 1 <= array.ndim <= 32:
        raise ValueError(
            f"write_idx: an array of {array.dtype} and shape {array.shape} has no IDX form; "
            f"convert it to uint8, int8, int16, int32, float32 or float64 with at least one "
            "dimension"
        )
    content = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    content += array.astype(TYPES[code]).tobytes()
    with replacing(path) as file:
        file.write(gzip.compress(content, mtime=0) if os.fspath(path).endswith(".gz") else content)
