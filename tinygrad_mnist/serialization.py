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

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.files import replacing
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.device import check_device, device

if TYPE_CHECKING:
    import zipfile

_STRUCTURE = "structure.json"
_FORMAT = "tinygrad_mnist checkpoint"
_STORED = 0  # zipfile.ZIP_STORED; zipfile, like hashlib, is slow to import
_MAX_STRUCTURE = 64 * 2**20
_MAX_DEPTH = 200
_DIGEST = 64
"""The length of a SHA-256 in hexadecimal digits."""


class CheckpointError(RuntimeError):
    """A file is not a checkpoint, or is damaged."""


Destination = str | os.PathLike[str] | IO[bytes]


def save(obj: Any, f: Destination, *unused: Any, **options: Any) -> None:
    """Save nested dicts, lists and tuples of tensors, arrays, numbers, strings, bools and None.

    Follows ``torch.save`` in its use; the file is of another format.

    Parameters
    ----------
    obj
        What to save, such as a ``state_dict``. A tensor's history is not saved.
    f
        The path of the file; an existing file is replaced at once, when the new one is complete.
        Or an open binary file, or ``io.BytesIO``, to write to.
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
    >>> from tinygrad_mnist import tensor
    >>> path = tempfile.mkdtemp() + "/model.npz"
    >>> save({"epoch": 3, "weight": tensor([1.0, 2.0])}, path)
    >>> load(path)
    {'epoch': 3, 'weight': tensor([1., 2.])}
    """
    unknown = set(options) - {"pickle_module", "pickle_protocol", "_use_new_zipfile_serialization"}
    if unknown:
        raise TypeError(f"save: unexpected arguments {sorted(unknown)}")
    arrays: list[np.ndarray] = []
    described: list[dict[str, Any]] = []
    structure = _describe(obj, "", arrays, described, set())
    header = {"format": _FORMAT, "version": 1, "root": structure, "arrays": described}
    text = json.dumps(header, separators=(",", ":")).encode()
    if isinstance(f, str | os.PathLike):
        with replacing(f) as out:
            _write(out, text, arrays)
        return
    if not hasattr(f, "write"):
        raise TypeError(f"save: expected a path or an open file, got {type(f).__name__}")
    buffer = io.BytesIO()
    _write(buffer, text, arrays)
    f.write(buffer.getvalue())


def _write(out: IO[bytes], text: bytes, arrays: list[np.ndarray]) -> None:
    """Write the archive, and its checksum at the end."""
    import zipfile

    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = b"0" * _DIGEST
        archive.writestr(_STRUCTURE, text)
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
    import hashlib

    total = hashlib.sha256()
    while length > 0:
        piece = file.read(min(length, 2**20))
        if not piece:
            raise _DamageError("it ends too early")
        total.update(piece)
        length -= len(piece)
    return total.hexdigest().encode()


def _describe(
    obj: Any, where: str, arrays: list[np.ndarray], described: list[dict[str, Any]], above: set[int]
) -> Any:
    """Describe an object in JSON; its arrays are appended to the list."""
    if obj is None or isinstance(obj, bool | str):
        return obj
    if isinstance(obj, np.generic):
        obj = np.asarray(obj)
        return {"scalar": _add_array(obj, where, arrays, described)}
    if isinstance(obj, int):
        return {"int": str(obj)}
    if isinstance(obj, float):
        return {"float": obj.hex() if math.isfinite(obj) else repr(obj)}
    if isinstance(obj, Tensor):
        number = _add_array(obj._array, where, arrays, described)
        return {"tensor": number, "requires_grad": True} if _is_leaf(obj) else {"tensor": number}
    if isinstance(obj, np.ndarray):
        return {"array": _add_array(obj, where, arrays, described)}
    if isinstance(obj, dtypes.dtype):
        return {"dtype": obj.name}
    if isinstance(obj, dict | list | tuple):
        if id(obj) in above or len(above) >= _MAX_DEPTH:
            raise TypeError(f"save: {where or 'the object'} contains itself, or is nested too deep")
        inner = above | {id(obj)}
        if isinstance(obj, dict):
            items = []
            for key, value in obj.items():
                place = f"{where}[{key!r}]"
                if isinstance(key, bool) or not isinstance(key, str | int | float):
                    raise TypeError(
                        f"save: the key of {place} is a {type(key).__name__}; use str or int"
                    )
                saved_key = _describe(key, place, arrays, described, inner)
                items.append([saved_key, _describe(value, place, arrays, described, inner)])
            return {"dict": items}
        kind = "list" if isinstance(obj, list) else "tuple"
        return {
            kind: [
                _describe(value, f"{where}[{i}]", arrays, described, inner)
                for i, value in enumerate(obj)
            ]
        }
    raise TypeError(
        f"save: {where or 'the object'} is a {type(obj).__name__}, which can't be saved; save "
        f"state_dict()s, tensors, numbers, strings, and dicts, lists and tuples of them"
    )


def _is_leaf(tensor: Tensor) -> bool:
    return tensor._requires_grad and tensor._node is None


def _add_array(
    array: np.ndarray, where: str, arrays: list[np.ndarray], described: list[dict[str, Any]]
) -> int:
    if array.dtype.kind not in "fiub":
        raise TypeError(f"save: {where or 'the object'} is an array of {array.dtype}, not numbers")
    # Not np.ascontiguousarray: that would make a 0-d array one-dimensional.
    plain = np.array(array, dtype=array.dtype.newbyteorder("<"), order="C", copy=None)
    arrays.append(plain)
    described.append({"dtype": plain.dtype.str, "shape": list(plain.shape)})
    return len(arrays) - 1


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

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    CheckpointError
        Naming the file, when it is truncated, altered, or something else.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/numbers.npz"
    >>> save([1, 2.5, ("a", None)], path)
    >>> load(path)
    [1, 2.5, ('a', None)]
    """
    if isinstance(map_location, str | device):
        check_device(map_location)
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            return _load(file, str(Path(f)))
    if not hasattr(f, "read"):
        raise TypeError(f"load: expected a path or an open file, got {type(f).__name__}")
    return _load(io.BytesIO(f.read()), getattr(f, "name", None) or "the open file")


def _load(file: IO[bytes], path: Any) -> Any:
    """Read and check an open file, which errors call by its path."""
    import zipfile

    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(512)
        file.seek(0)
        if _digest(file, size - _DIGEST) != file.read(_DIGEST):
            raise _DamageError("its checksum is wrong" + _hint(start))
        archive = zipfile.ZipFile(file)
        header = _read_header(archive)
        arrays = [_read_array(archive, i, about, size) for i, about in enumerate(header["arrays"])]
        expected = {_STRUCTURE, *(f"{i}.npy" for i in range(len(arrays)))}
        if set(archive.namelist()) != expected or len(archive.namelist()) != len(expected):
            raise _DamageError("it holds other entries than its structure names")
        return _build(header["root"], arrays)
    except (_DamageError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise CheckpointError(
            f"load: {path} is truncated, altered or no checkpoint: {error}"
        ) from error
    except OSError:
        raise
    except Exception as error:  # whatever the readers of zip, JSON and arrays make of nonsense
        raise CheckpointError(f"load: {path} is damaged or no checkpoint: {error!r}") from error


def _hint(start: bytes) -> str:
    """Say what else a file seems to be."""
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
    """Something in the file isn't as it was written."""


def _read_header(archive: zipfile.ZipFile) -> dict[str, Any]:
    info = archive.getinfo(_STRUCTURE)
    if info.compress_type != _STORED or info.file_size > _MAX_STRUCTURE:
        raise _DamageError("its structure is compressed or too large")
    header: dict[str, Any] = json.loads(archive.read(info))
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise _DamageError("its structure is of another format")
    if header["version"] != 1:
        raise _DamageError(f"its version is {header['version']}, but this program reads version 1")
    return header


def _read_array(
    archive: zipfile.ZipFile, number: int, about: dict[str, Any], size: int
) -> np.ndarray:
    """Read one array, after checking that its size is what the file can hold."""
    dtype = np.dtype(about["dtype"])
    shape = tuple(about["shape"])
    if dtype.kind not in "fiub" or not all(type(n) is int and n >= 0 for n in shape):
        raise _DamageError(f"array {number} has dtype {dtype} and shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    info = archive.getinfo(f"{number}.npy")
    if info.compress_type != _STORED or info.file_size > size:
        raise _DamageError(f"array {number} is compressed, or larger than the file")
    if not expected < info.file_size <= expected + 4096:
        raise _DamageError(f"array {number} has {info.file_size} bytes, its shape says {expected}")
    with archive.open(info) as entry:
        array: np.ndarray = np.lib.format.read_array(entry, allow_pickle=False)
        if entry.read(1):
            raise _DamageError(f"array {number} is longer than its shape says")
    if array.shape != shape or array.dtype != dtype:
        raise _DamageError(f"array {number} is {array.dtype} {array.shape}, not {dtype} {shape}")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _build(node: Any, arrays: list[np.ndarray]) -> Any:
    """Rebuild an object from its description."""
    if node is None or isinstance(node, bool | str):
        return node
    kind, value = next(iter(node.items()))
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value) if value in ("nan", "inf", "-inf") else float.fromhex(value)
    if kind == "scalar":
        return arrays[value][()]
    if kind == "array":
        return arrays[value]
    if kind == "tensor":
        tensor: Tensor = wrap(arrays[value])
        return tensor.requires_grad_() if node.get("requires_grad") else tensor
    if kind == "dtype":
        return dtypes.of(np.dtype(value))
    if kind == "dict":
        return {_build(key, arrays): _build(item, arrays) for key, item in value}
    if kind in ("list", "tuple"):
        built = [_build(item, arrays) for item in value]
        return built if kind == "list" else tuple(built)
    raise _DamageError(f"its structure names an unknown kind, {kind!r}")
