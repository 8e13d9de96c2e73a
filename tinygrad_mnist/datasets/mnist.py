"""MNIST: 70,000 handwritten digits, found in a folder, in the cache, or downloaded."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, NamedTuple

import numpy as np

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.datasets.idx import IDXError, read_idx
from tinygrad_mnist.io.files import replacing
from tinygrad_mnist.tensor import Tensor, from_numpy
from tinygrad_mnist.utils.data import Dataset

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""The mirrors, in the order in which they are tried."""

SLOWEST = 10_000
"""The least bytes a second that a mirror must send."""

VARIABLE = "TINYGRAD_MNIST_DATA"
"""The environment variable that may name a folder with the four files."""


class File(NamedTuple):
    """One of the four files, with its size and checksum after decompression."""

    name: str
    size: int
    sha256: str


FILES = {
    (True, "images"): File("train-images-idx3-ubyte", 47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    (True, "labels"): File("train-labels-idx1-ubyte", 60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    (False, "images"): File("t10k-images-idx3-ubyte", 7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    (False, "labels"): File("t10k-labels-idx1-ubyte", 10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}  # fmt: skip

_HELP = (
    f"without a network, put the four files into a folder and name it with folder=, --data or the "
    f"variable {VARIABLE}; or use the embedded sample (load_sample, --dataset sample), which needs "
    f"none"
)


class DownloadError(RuntimeError):
    """No mirror gave a file with the right checksum.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import DownloadError
    >>> issubclass(DownloadError, RuntimeError)
    True
    """


class MNIST(Dataset[tuple[Any, Any]]):
    """The MNIST database of handwritten digits (LeCun, Cortes and Burges).

    Attributes and arguments follow ``torchvision.datasets.MNIST``; but a sample's image is a
    uint8 Tensor of shape (28, 28) where torchvision gives a PIL image.

    Parameters
    ----------
    root
        The folder of the cache: files are kept in ``root/MNIST/raw``, as torchvision keeps them.
    train
        The 60,000 training images, or the 10,000 test images.
    transform, target_transform
        Functions of an image, and of a label.
    download
        Download the files if they are not in the cache.
    folder
        A folder that holds the four files, compressed or not; nothing is downloaded then. The
        default is the environment variable ``TINYGRAD_MNIST_DATA``.

    Attributes
    ----------
    data : Tensor
        Images, uint8, of shape (N, 28, 28).
    targets : Tensor
        Labels, int64, of shape (N,).

    Raises
    ------
    FileNotFoundError
        When the files are not there and download is False.
    DownloadError
        When no mirror could be reached, or none gave the right bytes.
    IDXError
        When a local file is damaged.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import MNIST
    >>> try:
    ...     image, label = MNIST(folder="no/such/folder")[0]
    ... except FileNotFoundError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    MNIST: the folder no/such/folder does not exist; ...
    """

    classes = (
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four",
        "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine",
    )  # fmt: skip

    def __init__(
        self,
        root: str | os.PathLike[str] = "data",
        train: bool = True,
        transform: Callable[[Tensor], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = False,
        *,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self.root = Path(root)
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        local = folder if folder is not None else os.environ.get(VARIABLE)
        if local is not None and not Path(local).is_dir():
            raise FileNotFoundError(f"MNIST: the folder {local} does not exist; {_HELP}")
        images, labels = (
            read_file(FILES[train, part], self.raw_folder, local, download)
            for part in ("images", "labels")
        )
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise IDXError(
                f"MNIST: the images have shape {images.shape} and the labels {labels.shape}; they "
                f"don't belong together"
            )
        if images.shape[1:] != (28, 28) or not len(images) or labels.min() < 0 or labels.max() > 9:
            raise IDXError(
                f"MNIST: {len(images)} images of shape {images.shape[1:]} with labels from "
                f"{labels.min(initial=0)} to {labels.max(initial=0)} are not MNIST's: its images "
                f"are (28, 28), its labels go from 0 to 9"
            )
        self.data = from_numpy(images)
        self.targets = from_numpy(labels.astype(np.int64))

    @property
    def raw_folder(self) -> Path:
        """The folder of the cache."""
        return self.root / "MNIST" / "raw"

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class by its name."""
        return {name: i for i, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = self.data[index]
        label: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def __repr__(self) -> str:
        part = "train" if self.train else "test"
        return f"Dataset MNIST\n    Number of datapoints: {len(self)}\n    Split: {part}"


def read_file(
    file: File, cache: Path, folder: str | os.PathLike[str] | None, download: bool
) -> np.ndarray:
    """Read one of the four files from a local folder, or from the cache, downloaded if need be."""
    if folder is not None:
        for path in (Path(folder) / file.name, Path(folder) / f"{file.name}.gz"):
            if path.exists():
                return read_idx(path)
        raise FileNotFoundError(
            f"MNIST: {Path(folder)} holds neither {file.name} nor {file.name}.gz; {_HELP}"
        )
    for path in (cache / file.name, cache / f"{file.name}.gz"):
        if path.exists():
            try:
                if _digest(path, file.size) == file.sha256:
                    return read_idx(path)
            except (OSError, EOFError, zlib.error, IDXError):
                pass
            if not download:
                raise IDXError(
                    f"MNIST: {path} is damaged: its SHA-256 is not {file.sha256}; delete it, or "
                    f"pass download=True to get it again"
                )
    if not download:
        raise FileNotFoundError(
            f"MNIST: {file.name} is not in {cache}; pass download=True to download it; {_HELP}"
        )
    return read_idx(fetch(file, cache))


def _digest(path: Path, size: int) -> str:
    """Return the SHA-256 of a file's bytes, after decompression; no more than one over its size."""
    total = hashlib.sha256()
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        left = size + 1
        while piece := file.read(min(left, 2**20)):
            total.update(piece)
            left -= len(piece)
    return total.hexdigest()


def fetch(
    file: File, cache: Path, mirrors: tuple[str, ...] | None = None, timeout: float = 20.0
) -> Path:
    """Download a file into the cache: the first mirror whose bytes are right.

    What arrives is decompressed, and checked as it comes, into a temporary file, which gets its
    name only when it is complete; so the cache never holds half a file.

    Raises
    ------
    DownloadError
        Saying what went wrong with each mirror, and what to do without a network.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"MNIST: can't write to the cache {cache}: {error}; {_HELP}") from error
    problems = []
    for mirror in MIRRORS if mirrors is None else mirrors:
        url = f"{mirror}{file.name}.gz"
        try:
            with replacing(cache / file.name) as out:
                _download(url, file, out, timeout)
            return cache / file.name
        except (OSError, EOFError, ValueError, zlib.error) as error:
            problems.append(f"{url}: {error}")
    listed = "\n  ".join(problems)
    raise DownloadError(f"MNIST: could not download {file.name}:\n  {listed}\n{_HELP}")


def _download(url: str, file: File, out: IO[bytes], timeout: float) -> None:
    """Download a URL, decompressed, into a file; raise if the checksum is wrong."""
    total = hashlib.sha256()
    written = received = 0
    started = time.monotonic()
    stream = zlib.decompressobj(wbits=31)
    pieces = _received(url, file.size + 2**16, timeout)
    length: int = next(pieces)
    with _progress(file.name, length or None) as bar:
        for piece in pieces:
            received += len(piece)
            if time.monotonic() - started > timeout + received / SLOWEST:
                raise TimeoutError(f"too slow: {received} bytes in {timeout:g} seconds and more")
            bar.update(len(piece))
            while piece and not stream.eof:
                # Bounded, so that a hostile file can't expand without limit.
                content = stream.decompress(piece, 2**20)
                piece = stream.unconsumed_tail
                written += len(content)
                if written > file.size:
                    raise ValueError(f"it holds more than {file.size} bytes")
                total.update(content)
                out.write(content)
            if stream.eof:
                break
    if not stream.eof:
        raise EOFError("the download ended too early")
    if total.hexdigest() != file.sha256:
        raise ValueError(f"the SHA-256 of its {written} bytes is not {file.sha256}")


def _received(url: str, limit: int, timeout: float) -> Iterator[Any]:
    """Yield the length that a server announces, or 0, and then the content in pieces.

    What a socket's timeout doesn't bound (looking up a name, a server that sends byte after byte of
    a header) a thread waits for, and is left to itself.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    given_up = threading.Event()

    def fetch() -> None:
        received = 0
        try:
            with late("urllib.request").urlopen(url, timeout=timeout) as response:
                answers.put(int(response.headers.get("Content-Length") or 0))
                while not given_up.is_set() and (piece := response.read1(2**16)):
                    received += len(piece)
                    if received > limit:
                        raise ValueError(f"it sends more than {limit} bytes")
                    answers.put(piece)
            answers.put(None)
        except Exception as error:  # without its traceback, which holds the connection
            kind = "" if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: "
            answers.put(ConnectionError(f"{kind}{error}"))

    threading.Thread(target=fetch, name="download", daemon=True).start()
    try:
        while True:
            try:
                answer = answers.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError(f"no answer for {timeout:g} seconds") from None
            if answer is None:
                return
            if isinstance(answer, ConnectionError):
                raise answer
            yield answer
    finally:
        given_up.set()


def _progress(name: str, total: int | None) -> Any:
    """Return a progress bar, which hides where there is no terminal."""
    try:
        from tqdm import tqdm
    except ImportError:
        return contextlib.nullcontext(SimpleNamespace(update=lambda count: None))
    return tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=None, leave=False)
