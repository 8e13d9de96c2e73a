"""Tensors by name in a ``.safetensors`` file, for exchange with other programs.

Written from the format's specification (https://github.com/huggingface/safetensors#format): eight
bytes with the length of the header, least significant first; the header, JSON, with dtype, shape
and place of each tensor; then the numbers, row-major and little-endian, without gaps. Loading runs
no code, believes nothing that it has not checked, and asks for no more memory than the file is
long. Functions are named as in ``safetensors.torch``.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.io.files import replacing
from tinygrad_mnist.serialization import CheckpointError
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.device import check_device

_MAX_HEADER = 100_000_000
"""The longest header that the specification allows."""

# In the order in which the format's own library writes tensors: so every tensor starts at a
# multiple of its item size.
_DTYPES = {
    "I64": "<i8", "F64": "<f8", "F32": "<f4", "I32": "<i4", "F16": "<f2", "I16": "<i2",
    "I8": "|i1", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_RANKS = {name: rank for rank, name in enumerate(_DTYPES)}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_SIZES = {name: np.dtype(code).itemsize for name, code in _DTYPES.items()} | {"BF16": 2}


class SafetensorError(CheckpointError):
    """A file isn't in this format, is damaged, or has a dtype that isn't supported.

    Examples
    --------
    >>> from tinygrad_mnist import safetensors
    >>> try:
    ...     safetensors.load(b"hello")
    ... except safetensors.SafetensorError:
    ...     print("not in this format")
    not in this format
    """


class _Entry(NamedTuple):
    """A tensor's entry in the header, validated."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def save_file(
    tensors: Mapping[str, Tensor],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Save tensors by name; an existing file is replaced when the new one is complete.

    Follows ``safetensors.torch.save_file``.

    Parameters
    ----------
    tensors
        Tensors of any layout, such as a ``state_dict()``. No two may share memory, since they
        would not when loaded; for tied parameters there is :func:`save_model`.
    filename
        The path of the file.
    metadata
        Strings by name, to be kept in the file.

    Raises
    ------
    ValueError
        Naming what isn't a Tensor, or isn't a string.
    RuntimeError
        Naming tensors that share memory.

    Examples
    --------
    >>> from tinygrad_mnist.safetensors import load_file, save_file
    >>> import tempfile
    >>> from tinygrad_mnist import tensor
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> save_file({"weight": tensor([1.0, 2.0])}, path)
    >>> load_file(path)
    {'weight': tensor([1., 2.])}
    """
    pieces = list(_pieces("save_file", tensors, metadata))
    with replacing(filename) as file:
        for piece in pieces:
            file.write(piece)


def save(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes that :func:`save_file` would write.

    Parameters
    ----------
    tensors
        Tensors by name, of any shapes.
    metadata
        Strings by name, to be kept beside them.

    Returns
    -------
    Bytes.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from tinygrad_mnist.safetensors import load, save
    >>> load(save({"x": ones(2)}))
    {'x': tensor([1., 1.])}
    """
    return b"".join(_pieces("save", tensors, metadata))


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """Load tensors by name; bfloat16 becomes float32, since NumPy doesn't know it.

    Follows ``safetensors.torch.load_file``.

    Parameters
    ----------
    filename
        The path of the file.
    device
        The CPU.

    Returns
    -------
    Tensors by name, of the shapes and dtypes that were saved.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    SafetensorError
        Naming the file, when it is damaged or of another format, or a tensor's dtype isn't known
        here.

    Examples
    --------
    >>> import tempfile
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import safetensors
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> safetensors.save_file(torch.nn.Linear(2, 1).state_dict(), path)
    >>> {name: tuple(x.shape) for name, x in safetensors.load_file(path).items()}
    {'bias': (1,), 'weight': (1, 2)}
    """
    check_device(device)
    with safe_open(filename) as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def load(data: bytes) -> dict[str, Tensor]:
    """Load tensors from what :func:`save` has returned.

    Errors are those of :func:`load_file`.

    Parameters
    ----------
    data
        The bytes.

    Returns
    -------
    Tensors by name, of the shapes and dtypes that were saved.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import safetensors
    >>> safetensors.load(safetensors.save({"x": torch.ones(2)}))
    {'x': tensor([1., 1.])}
    """
    file = _Reader(io.BytesIO(data), "the data")
    return {name: file.tensor(name) for name in file.entries}


def save_model(
    model: Any,
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    force_contiguous: bool = True,
) -> None:
    """Save a module's state; parameters that are tied are saved once.

    The metadata says which name stands for which others. Follows ``safetensors.torch.save_model``.

    Parameters
    ----------
    model
        The module.
    filename
        The path of the file.
    metadata
        Strings by name, to be kept beside the tensors.
    force_contiguous
        Accepted: any layout can be saved.

    Examples
    --------
    >>> from tinygrad_mnist.safetensors import load_model, save_model
    >>> import tempfile
    >>> from tinygrad_mnist import nn
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> save_model(nn.Linear(2, 1), path)
    >>> load_model(nn.Linear(2, 1), path)
    ([], [])
    """
    state = model.state_dict()
    notes = dict(metadata or {})
    for first, *others in _tied(state):
        for name in others:
            notes.setdefault(name, first)
            del state[name]
    save_file(state, filename, notes or None)


def load_model(
    model: Any, filename: str | os.PathLike[str], strict: bool = True, device: Any = "cpu"
) -> tuple[list[str], list[str]]:
    """Load a module's state from what :func:`save_model` or :func:`save_file` has saved.

    Follows ``safetensors.torch.load_model``.

    Parameters
    ----------
    model
        The module, whose parameters have the shapes of the file's.
    filename
        The path of the file.
    strict
        Whether missing and unexpected names are an error.
    device
        The CPU.

    Returns
    -------
    The names that were missing and those that were unexpected; both empty where strict.

    Raises
    ------
    RuntimeError
        Listing every missing, unexpected and misshapen name where strict; nothing is changed then.

    Examples
    --------
    >>> import tempfile
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import safetensors
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> safetensors.save_file({"weight": torch.ones(1, 2)}, path)
    >>> model = torch.nn.Linear(2, 1)
    >>> safetensors.load_model(model, path, strict=False), model.weight.tolist()
    ((['bias'], []), [[1.0, 1.0]])
    """
    state = load_file(filename, device)
    for group in _tied(model.state_dict()):
        present = [name for name in group if name in state]
        for name in group if present else ():
            state.setdefault(name, state[present[0]])
    missing, unexpected = model.load_state_dict(state, strict=strict)
    return list(missing), list(unexpected)


class safe_open:
    """Open a file to look at its header, and to load some of its tensors.

    Follows ``safetensors.safe_open``. Errors are those of :func:`load_file`.

    Parameters
    ----------
    filename
        The path of the file.
    framework
        Accepted: tensors are this package's.
    device
        The CPU.

    Examples
    --------
    >>> from tinygrad_mnist.safetensors import safe_open, save_file
    >>> import tempfile
    >>> from tinygrad_mnist import ones
    >>> path = tempfile.mkdtemp() + "/two.safetensors"
    >>> save_file({"a": ones(1), "b": ones(2)}, path, {"made by": "hand"})
    >>> with safe_open(path) as file:
    ...     print(file.keys(), file.metadata(), file.get_tensor("b"))
    ['a', 'b'] {'made by': 'hand'} tensor([1., 1.])
    """

    def __init__(
        self, filename: str | os.PathLike[str], framework: str = "pt", device: Any = "cpu"
    ) -> None:
        check_device(device)
        self._file = open(filename, "rb")
        try:
            self._reader = _Reader(self._file, os.fspath(filename))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def keys(self) -> list[str]:
        """Return the names of the tensors."""
        return list(self._reader.entries)

    def metadata(self) -> dict[str, str] | None:
        """Return the strings that were saved beside them, or None."""
        return self._reader.metadata

    def get_tensor(self, name: str) -> Tensor:
        """Load one tensor.

        Parameters
        ----------
        name
            Its name.

        Returns
        -------
        A tensor of the shape and dtype that was saved.
        """
        return self._reader.tensor(name)


def _pieces(
    function: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None
) -> Iterator[bytes]:
    """Yield the parts of a file, after everything was validated."""
    if not isinstance(tensors, Mapping):
        raise ValueError(f"{function}: expected a dict of tensors, got {type(tensors).__name__}")
    for name, x in tensors.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"{function}: {name!r} can't be the name of a tensor; use another")
        if not isinstance(x, Tensor):
            raise ValueError(f"{function}: {name!r} is a {type(x).__name__}, not a Tensor")
    for name, note in (metadata or {}).items():
        if not isinstance(name, str) or not isinstance(note, str):
            raise ValueError(f"{function}: metadata must be strings, got {name!r}: {note!r}")
    _refuse_shared(function, tensors)
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    named = [
        (_NAMES[x._array.dtype.newbyteorder("<")], name, x._array) for name, x in tensors.items()
    ]
    named.sort(key=lambda item: (_RANKS[item[0]], item[1]))
    offset = 0
    for dtype, name, array in named:
        end = offset + array.nbytes
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{function}: a name can't be written as UTF-8: {error}") from None
    text += b" " * (-len(text) % 8)
    if len(text) > _MAX_HEADER:
        raise ValueError(f"{function}: the names and shapes take {len(text)} bytes, too many")
    yield len(text).to_bytes(8, "little") + text
    for _, _, array in named:
        yield array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _refuse_shared(function: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors of which some memory is common."""
    spans = sorted(
        (*np.lib.array_utils.byte_bounds(x._array), name)
        for name, x in tensors.items()
        if x._array.size
    )
    for i, (_, high, name) in enumerate(spans):
        for low, _, other in spans[i + 1 :]:
            if low >= high:
                break
            if np.shares_memory(tensors[name]._array, tensors[other]._array):
                raise RuntimeError(
                    f"{function}: {name!r} and {other!r} share memory, and would not when loaded; "
                    f"clone() one of them, or use save_model for tied parameters"
                )


def _tied(state: Mapping[str, Tensor]) -> list[list[str]]:
    """Return the groups of names that stand for the same tensor, sorted."""
    groups: dict[Any, list[str]] = {}
    for name, x in state.items():
        if x._array.size:
            key = (x.data_ptr(), x._array.shape, x._array.strides, x._array.dtype)
            groups.setdefault(key, []).append(name)
    return [sorted(group) for group in groups.values() if len(group) > 1]


class _Reader:
    """A file whose header has been read and checked."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8:
            raise self._damage("it is shorter than eight bytes")
        if length > _MAX_HEADER or length > size - 8:
            raise self._damage(f"its header has {length} bytes, too many for a file of {size}")
        text = file.read(length)
        if not text.startswith(b"{"):
            raise self._damage("its header doesn't begin with '{'")
        try:
            header = json.loads(text.decode(), object_pairs_hook=_without_repetition)
        except (ValueError, RecursionError) as error:
            raise self._damage(f"its header is no JSON: {error}") from None
        self._start = 8 + length
        self.metadata = self._check_metadata(header.pop("__metadata__", None))
        self.entries = {key: self._check_entry(key, about) for key, about in header.items()}
        self._check_places(size - self._start)

    def _damage(self, what: str) -> SafetensorError:
        return SafetensorError(f"load: {self._name} is damaged or of another format: {what}")

    def _check_metadata(self, notes: Any) -> dict[str, str] | None:
        if notes is None:
            return None
        if not isinstance(notes, dict) or not all(isinstance(v, str) for v in notes.values()):
            raise self._damage("its __metadata__ isn't made of strings")
        return notes

    def _check_entry(self, name: str, about: Any) -> _Entry:
        if not isinstance(about, dict) or set(about) != {"dtype", "shape", "data_offsets"}:
            raise self._damage(f"{name!r} must have dtype, shape and data_offsets")
        dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
        for numbers in (shape, offsets):
            whole = isinstance(numbers, list) and all(type(n) is int and n >= 0 for n in numbers)
            if not whole or len(numbers) > 64 or max(numbers, default=0) >= 2**63:
                raise self._damage(f"{name!r} has shape {shape!r} and data_offsets {offsets!r}")
        if not isinstance(dtype, str) or dtype not in _SIZES:
            raise SafetensorError(
                f"load: {self._name}: {name!r} is of dtype {dtype!r}, which can't be read here; "
                f"known are {', '.join(_SIZES)}"
            )
        if math.prod(n or 1 for n in shape) >= 2**59:
            raise self._damage(f"{name!r} has shape {shape}, larger than an array can be")
        if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * _SIZES[dtype]:
            raise self._damage(
                f"{name!r} is {dtype} of shape {shape}, but its data_offsets are {offsets}"
            )
        return _Entry(dtype, tuple(shape), *offsets)

    def _check_places(self, size: int) -> None:
        """Check that the tensors fill the rest of the file: no overlap, no gap, nothing after."""
        end = 0
        for name, entry in sorted(self.entries.items(), key=lambda item: item[1][2:]):
            if entry.begin != end:
                raise self._damage(
                    f"{name!r} begins at byte {entry.begin}, but the one before ends at {end}"
                )
            end = entry.end
        if end != size:
            raise self._damage(f"its tensors take {end} bytes, but {size} follow the header")

    def tensor(self, name: str) -> Tensor:
        """Read one tensor."""
        entry = self.entries.get(name)
        if entry is None:
            raise SafetensorError(f"get_tensor: {self._name} has no tensor {name!r}")
        raw = np.empty(entry.end - entry.begin, np.uint8)
        self._file.seek(self._start + entry.begin)
        if self._file.readinto(raw) != raw.size:  # type: ignore[attr-defined]  # a buffered file has it
            raise self._damage(f"it ends inside of {name!r}")
        if entry.dtype == "BF16":
            # A bfloat16 is the upper half of a float32.
            array = raw.view("<u2").astype(np.uint32)
            array <<= np.uint32(16)
            array = array.view(np.float32)
        elif entry.dtype == "BOOL" and raw.max(initial=0) > 1:
            raise self._damage(f"{name!r} is BOOL, but has bytes other than 0 and 1")
        else:
            array = raw.view(_DTYPES[entry.dtype])
        native = array.astype(np.dtype(array.dtype.char), copy=False)
        return wrap(native.reshape(entry.shape))


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of a JSON object, whose names must differ."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name occurs twice")
    return made
