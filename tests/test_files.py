"""Files are replaced whole, keep what belongs to them, and leave nothing behind."""

from __future__ import annotations

import io
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.datasets.idx import write_idx
from tinygrad_mnist.io.files import replacing
from tinygrad_mnist.viz import LiveCurves

WRITERS: dict[str, Any] = {
    "checkpoint": lambda path: tg.save({"w": tg.ones(3), "n": 1}, path),
    "safetensors": lambda path: tg.safetensors.save_file({"w": tg.ones(3)}, path, {"a": "b"}),
    "model": lambda path: tg.safetensors.save_model(tg.nn.Flatten(), path),
    "idx": lambda path: write_idx(path, np.zeros(3, np.uint8)),
    "compressed idx": lambda path: write_idx(f"{path}.gz", np.zeros(3, np.uint8)),
    "curves": lambda path: LiveCurves(path).update({"train_cost": [1.0]}),
}
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
posix = pytest.mark.skipif(os.name != "posix", reason="modes, pipes and devices are POSIX's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@every_writer
def test_equal_content_gives_equal_bytes(
    write: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "a")
    (first,) = folder.iterdir()
    content = first.read_bytes()
    later = time.time() + 10**6
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "localtime", lambda *s: time.gmtime(later))
    write(folder / "a")
    assert first.read_bytes() == content


@posix
@every_writer
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_mode_of_a_replaced_file_stays(write: Any, mode: int, folder: Path) -> None:
    write(folder / "a")
    (path,) = folder.iterdir()
    path.chmod(mode)
    number = path.stat().st_ino
    write(folder / "a")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.stat().st_ino != number


@posix
def test_new_file_has_the_mode_that_others_get(folder: Path) -> None:
    (folder / "plain").write_text("")
    tg.save({}, folder / "a")
    assert (folder / "a").stat().st_mode == (folder / "plain").stat().st_mode


@posix
def test_link_goes_on_pointing_where_it_did(folder: Path) -> None:
    (folder / "real").mkdir()
    for name in ("there", "nowhere"):
        (folder / name).symlink_to(folder / "real" / name)
    tg.save(1, folder / "real" / "there")
    for name in ("there", "nowhere"):
        tg.save(2, folder / name)
        assert (folder / name).is_symlink()
        assert tg.load(folder / "real" / name) == 2


@posix
@every_writer
def test_device_is_written_to_and_not_replaced(write: Any, folder: Path) -> None:
    for device in ("null", "full"):
        node = folder / device
        if not Path("/dev", device).exists():
            continue
        node.symlink_to(f"/dev/{device}")
        (folder / f"{device}.gz").symlink_to(f"/dev/{device}")
        before = os.stat(f"/dev/{device}")
        if device == "null":
            write(node)
        else:
            with pytest.raises(OSError, match=r"No space left on device.*full"):
                write(node)
        after = os.stat(f"/dev/{device}")
        assert (before.st_mode, before.st_rdev) == (after.st_mode, after.st_rdev)
        assert node.is_symlink()


@posix
def test_pipe_gets_the_content(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((folder / "pipe").read_bytes()))
    reader.start()
    tg.save({"w": tg.ones(2)}, folder / "pipe")
    reader.join(10)
    assert tg.load(io.BytesIO(got[0]))["w"].tolist() == [1.0, 1.0]
    assert (folder / "pipe").is_fifo()


@posix
def test_what_a_pipe_gives_can_be_loaded(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    buffer = io.BytesIO()
    tg.save([1, tg.ones(2)], buffer)
    writer = threading.Thread(
        target=lambda: (folder / "pipe").write_bytes(buffer.getvalue()), daemon=True
    )
    writer.start()
    assert tg.load(folder / "pipe")[0] == 1
    writer.join(10)


@every_writer
def test_folder_is_refused_by_name(write: Any, folder: Path) -> None:
    for name in ("a", "a.gz"):
        (folder / name).mkdir()
    with pytest.raises(OSError, match=r"is a folder, not a file to write: .*a"):
        write(folder / "a")
    assert sorted(p.name for p in folder.iterdir()) == ["a", "a.gz"]


def test_full_disk_is_an_error_with_the_files_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tg.save(1, folder / "a.npz")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.npz") as error:
        tg.save(2, folder / "a.npz")
    assert error.value.errno == 28
    monkeypatch.undo()
    assert tg.load(folder / "a.npz") == 1
    assert [p.name for p in folder.iterdir()] == ["a.npz"]


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written_to_is_an_error_with_the_files_name(folder: Path) -> None:
    folder.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=r"a\.npz'$"):
            tg.save(1, folder / "a.npz")
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("stage", ["fsync", "fchmod", "replace", "fstat", "unlink", "open"])
def test_interrupt_is_an_interrupt_and_leaves_nothing(
    stage: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tg.save(1, folder / "a")
    real = getattr(os, stage, None)
    if real is None:
        pytest.skip("the system has no such call")

    def interrupted(*args: Any, **options: Any) -> None:
        if stage in ("replace", "fchmod"):
            real(*args, **options)  # it comes when that is done
        raise KeyboardInterrupt

    monkeypatch.setattr(os, stage, interrupted)
    if stage == "unlink":
        tg.save(2, folder / "a")
    else:
        with pytest.raises(KeyboardInterrupt):
            tg.save(2, folder / "a")
    monkeypatch.undo()
    assert tg.load(folder / "a") in (1, 2)
    tg.save(3, folder / "a")
    assert [p.name for p in folder.iterdir()] == ["a"]


def test_interrupt_that_breaks_the_closing_is_an_interrupt(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(folder / "a"):
        try:
            raise KeyboardInterrupt
        finally:
            raise ValueError("can't close while something is open")
    assert list(folder.iterdir()) == []


SAVES = """
import sys, tinygrad_mnist as tg
state = {str(i): tg.randn(200, 200) for i in range(20)}
print("ready", flush=True)
while True:
    tg.save(state, sys.argv[1])
"""


def saving(path: Path) -> Any:
    process = subprocess.Popen(
        [sys.executable, "-c", SAVES, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    return process


@posix
def test_interrupted_process_ends_with_an_interrupt(folder: Path) -> None:
    for delay in (0.01, 0.033):
        process = saving(folder / "a")
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert errors.strip().endswith("KeyboardInterrupt"), errors


@posix
def test_what_a_killed_process_has_left_is_removed_later(folder: Path) -> None:
    left = False
    for attempt in range(20):
        process = saving(folder / "a")
        time.sleep(0.01 + 0.003 * attempt)
        process.kill()
        process.communicate()
        left = any(p.name != "a" for p in folder.iterdir())
        if left:
            break
    assert left
    tg.save(1, folder / "b")
    assert {p.name for p in folder.iterdir()} <= {"a", "b"}


@posix
def test_what_others_are_writing_is_not_removed(folder: Path) -> None:
    with replacing(folder / "a") as outer:
        outer.write(b"a")
        with replacing(folder / "b") as inner:
            inner.write(b"b")
        outer.write(b"a")
    assert (folder / "a").read_bytes() == b"aa"
    assert sorted(p.name for p in folder.iterdir()) == ["a", "b"]


def test_threads_that_write_one_file_leave_one_of_their_versions(folder: Path) -> None:
    def write(number: int) -> None:
        for _ in range(20):
            tg.save({"n": number, "w": tg.full((50,), float(number))}, folder / "a")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # they get in each other's way at every step
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    found = tg.load(folder / "a")
    assert found["w"].tolist() == [found["n"]] * 50
    assert [p.name for p in folder.iterdir()] == ["a"]
