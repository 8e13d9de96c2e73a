"""Saving and loading: nested containers of tensors, numbers and strings in one file.

The file is NumPy's ``.npz`` (a zip of arrays), so anyone can open it. One entry,
``structure.json``, says how the arrays are nested and what dtype and shape each must have. The
file ends with the SHA-256 of all that comes before it, as the zip's comment. There is no pickle:
loading runs no code. A file is written beside its destination, flushed to disk, and renamed, so
that a crash leaves the old one whole; it is read only after its checksum and its sizes were
checked, so that a damaged or small file can't ask for much memory.
"""

from __future__ import annotations

import io
import json
import math
import os
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.io.files import replacing
from tinygrad_mnist.io.structure import Builder, Description
from tinygrad_mnist.tensor.device import check_device, device

if TYPE_CHECKING:
    import zipfile

_STRUCTURE = "structure.json"
_FORMAT = "tinygrad_mnist checkpoint"
_STORED = 0  # zipfile.ZIP_STORED; zipfile, like hashlib, is slow to import
_MAX_STRUCTURE = 64 * 2**20
_DIGEST = 64
"""The length of a SHA-256 in hexadecimal digits."""


class CheckpointError(RuntimeError):
    """A file is not a checkpoint, or is damaged."""


Destination = str | os.PathLike[str] | IO[bytes]


def save(obj: Any, f: Destination, *unused: Any, **options: Any) -> None:
    """Save nested dicts, lists and tuples of tensors, arrays, numbers, strings, bools and None.

    What is loaded is of the same types. What occurs twice in the object is one thing when loaded,
    and tensors that share memory share it then too. Follows ``torch.save`` in its use; the file is
    of another format.

    Parameters
    ----------
    obj
        What to save, such as a ``state_dict``. A tensor's history is not saved.
    f
        The path of the file; an existing file is replaced at once, when the new one is complete. Or
        an open binary file, or ``io.BytesIO``, to write to.
    unused, options
        PyTorch's settings of pickling are accepted: nothing is pickled.

    Raises
    ------
    TypeError
        Naming where in the object something lies that can't be saved.
    OSError
        When the file can't be written, as when its folder is missing.

    Examples
    --------
    >>> import tempfile
    >>> import tinygrad_mnist as torch
    >>> path = tempfile.mkdtemp() + "/model.npz"
    >>> torch.save({"epoch": 3, "weight": torch.tensor([1.0, 2.0])}, path)
    >>> torch.load(path)
    {'epoch': 3, 'weight': tensor([1., 2.])}
    """
    unknown = set(options) - {"pickle_module", "pickle_protocol", "_use_new_zipfile_serialization"}
    if unknown:
        raise TypeError(f"save: unexpected arguments {sorted(unknown)}")
    content = Description(obj)
    described = [{"dtype": a.dtype.str, "shape": list(a.shape)} for a in content.arrays]
    header = {"format": _FORMAT, "version": 2, "root": content.root, "arrays": described}
    text = json.dumps(header, separators=(",", ":")).encode()
    if len(text) > _MAX_STRUCTURE:
        raise ValueError(
            f"save: what isn't arrays takes {len(text)} bytes, but a file can have no more than "
            f"{_MAX_STRUCTURE}; make tensors or arrays of long lists"
        )
    if isinstance(f, str | os.PathLike):
        with replacing(f) as out:
            _write(out, text, content.arrays)
        return
    if not hasattr(f, "write"):
        raise TypeError(f"save: expected a path or an open file, got {type(f).__name__}")
    buffer = io.BytesIO()
    _write(buffer, text, content.arrays)
    f.write(buffer.getvalue())


def _write(out: IO[bytes], text: bytes, arrays: list[np.ndarray]) -> None:
    """Write the archive, and its checksum at the end; equal content gives equal bytes."""
    zipfile = late("zipfile")
    with zipfile.ZipFile(out, "w", _STORED) as archive:
        archive.comment = b"0" * _DIGEST
        archive.writestr(zipfile.ZipInfo(_STRUCTURE), text)  # by its name it would get the time
        for i, array in enumerate(arrays):
            with archive.open(f"{i}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    end = out.seek(-_DIGEST, os.SEEK_END)
    out.seek(0)
    digest = _digest(out, end)
    out.seek(end)
    out.write(digest)


def _digest(file: IO[bytes], length: int) -> bytes:
    """Return the SHA-256 of the next bytes of a file, in hexadecimal digits."""
    total = late("hashlib").sha256()
    while length > 0:
        piece = file.read(min(length, 2**20))
        if not piece:
            raise _DamageError("it ends too early")
        total.update(piece)
        length -= len(piece)
    return total.hexdigest().encode()  # type: ignore[no-any-return]  # of hashlib


def load(
    f: Destination,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **options: Any,
) -> Any:
    """Load what :func:`save` has saved. No code in the file is run.

    Follows ``torch.load`` in its use.

    Parameters
    ----------
    f
        The path of the file; or an open binary file, or ``io.BytesIO``, read from where it stands.
    map_location
        The CPU, however it is said: there is no other device.
    pickle_module, weights_only, mmap, options
        Accepted: nothing is pickled, so loading is always as safe as with ``weights_only=True``.

    Returns
    -------
    What was saved.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    CheckpointError
        Naming the file, when it is truncated, altered, or something else.

    Examples
    --------
    >>> import tempfile
    >>> import tinygrad_mnist as torch
    >>> path = tempfile.mkdtemp() + "/numbers.npz"
    >>> torch.save([1, 2.5, ("a", None)], path)
    >>> torch.load(path)
    [1, 2.5, ('a', None)]
    """
    if isinstance(map_location, str | device):
        check_device(map_location)
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            return _load(file if file.seekable() else io.BytesIO(file.read()), str(Path(f)))
    if not hasattr(f, "read"):
        raise TypeError(f"load: expected a path or an open file, got {type(f).__name__}")
    return _load(io.BytesIO(f.read()), getattr(f, "name", None) or "the open file")


def _load(file: IO[bytes], path: Any) -> Any:
    """Read and check an open file, which errors call by its path."""
    zipfile = late("zipfile")
    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(512)
        file.seek(0)
        if _digest(file, size - _DIGEST) != file.read(_DIGEST):
            raise _DamageError("its checksum is wrong" + _hint(start))
        archive = zipfile.ZipFile(file)
        _check_sizes(archive, size)
        header = _read_header(archive)
        arrays = [_read_array(archive, i, about) for i, about in enumerate(header["arrays"])]
        expected = {_STRUCTURE, *(f"{i}.npy" for i in range(len(arrays)))}
        if set(archive.namelist()) != expected or len(archive.namelist()) != len(expected):
            raise _DamageError("it holds other entries than its structure names")
        return Builder(arrays).build(header["root"])
    except (_DamageError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise CheckpointError(
            f"load: {path} is truncated, altered or no checkpoint: {error}"
        ) from error
    except OSError:
        raise
    except Exception as error:  # whatever the readers of zip, JSON and arrays make of nonsense
        raise CheckpointError(f"load: {path} is damaged or no checkpoint: {error!r}") from error


def _hint(start: bytes) -> str:
    """Describe the format that a file seems to have."""
    if start[8:9] == b"{":
        return "; it looks like .safetensors: use safetensors.load_file"
    if not start:
        return "; it is empty"
    if b"data.pkl" in start or start[:1] == b"\x80":
        return (
            "; it looks like a file of PyTorch's torch.save, or another pickle: save its tensors "
            "there with safetensors.torch.save_file, and load them here with safetensors.load_file"
        )
    return ""


class _DamageError(Exception):
    """The file differs from what was written."""


def _read_header(archive: zipfile.ZipFile) -> dict[str, Any]:
    info = archive.getinfo(_STRUCTURE)
    if info.file_size > _MAX_STRUCTURE:
        raise _DamageError("its structure is too large")
    header: dict[str, Any] = json.loads(archive.read(info))
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise _DamageError("its structure is of another format")
    if header["version"] not in (1, 2):
        raise _DamageError(f"its version is {header['version']}, but this program reads 1 and 2")
    return header


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Check that the entries fit into the file side by side, before any of them is read."""
    entries = archive.infolist()
    if any(info.compress_type != _STORED for info in entries):
        raise _DamageError("an entry is compressed")
    if sum(info.file_size for info in entries) > size:
        raise _DamageError("its entries are larger than the file")


def _read_array(archive: zipfile.ZipFile, number: int, about: dict[str, Any]) -> np.ndarray:
    """Read one array, after checking that its size is what its entry holds."""
    dtype = np.dtype(about["dtype"])
    shape = tuple(about["shape"])
    if dtype.kind not in "fiub" or not all(type(n) is int and n >= 0 for n in shape):
        raise _DamageError(f"array {number} has dtype {dtype} and shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    info = archive.getinfo(f"{number}.npy")
    if not expected < info.file_size <= expected + 4096:
        raise _DamageError(f"array {number} has {info.file_size} bytes, its shape says {expected}")
    with archive.open(info) as entry:
        form = np.lib.format
        first = form.read_magic(entry) == (1, 0)
        found = (form.read_array_header_1_0 if first else form.read_array_header_2_0)(entry)
        if found != (shape, False, dtype):
            raise _DamageError(f"array {number} is {found}, not of {dtype} and shape {shape}")
        array = np.empty(shape, dtype)
        raw = array.reshape(-1).view(np.uint8)
        for start in range(0, expected, 2**20):
            part = raw[start : start + 2**20]
            part[:] = np.frombuffer(entry.read(part.size), np.uint8)
        if entry.read(1):
            raise _DamageError(f"array {number} is longer than its shape says")
    return array
