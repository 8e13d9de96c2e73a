"""Atomic replacement of files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tinygrad_mnist._runtime.lazy_imports import late

try:
    import fcntl
except ImportError:  # there is none on Windows
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".unfinished"
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""Error numbers of writing, which Python raises without the file's name."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes the place of ``path`` once it is complete.

    It is written beside its destination, flushed to disk, and renamed: a crash, a full disk or an
    exception in the block leaves the old file whole, and nothing beside it. What a killed process
    has left beside it is removed when the next file is written there. A file that is replaced
    passes on its mode. What isn't a regular file, such as a device or a pipe, is written to.

    Raises
    ------
    OSError
        Naming the file, when it can't be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(path) as file:
    ...     count = file.write(b"whole")
    >>> path.read_bytes()
    b'whole'
    """
    temporary = None
    try:
        old = _status(path)
        if old is not None and (not stat.S_ISREG(old.st_mode) or not old.st_nlink):
            with _into(path) as out:
                yield out
            return
        target = Path(os.path.realpath(path))  # a link goes on pointing where it did
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"can't write {target}: the folder {target.parent} does not exist"
            )
        _remove_unfinished(target.parent)
        with _beside(target, 0o666 if old is None else stat.S_IMODE(old.st_mode)) as out:
            temporary = out.name
            yield out
            out.flush()
            if old is not None:
                _pass_on(old, out.fileno())
            os.fsync(out.fileno())
            os.replace(temporary, target)
        _sync_folder(target.parent)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):  # it is gone if it has got its name already
                os.unlink(temporary)
        raise _explained(error, path, temporary) from None


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file to write", os.fspath(path))
    return status


@contextmanager
def _into(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file, then copy it into a target that can't be replaced, such as a pipe."""
    with late("tempfile").TemporaryFile() as out:
        yield out
        out.seek(0)
        with open(path, "wb") as destination:
            late("shutil").copyfileobj(out, destination)


def _beside(target: Path, mode: int) -> IO[bytes]:
    """Open a new file, locked as long as it is open, so that others see that it is being written.

    Its name ends with random digits; its mode lets nobody read more than the final one does.
    """
    while True:
        name = target.parent / f".{target.name[:40]}.{os.urandom(4).hex()}{_SUFFIX}"
        out = open(name, "x+b", opener=lambda p, flags: os.open(p, flags, mode))
        try:
            _lock(out.fileno(), wait=True)
            if os.fstat(out.fileno()).st_nlink:
                return out
            out.close()  # another thread or process has just removed it, before it was locked
        except BaseException:
            out.close()
            os.unlink(name)
            raise


def _lock(handle: int, wait: bool = False) -> bool:
    """Lock a file, and wait for the lock if asked to; return whether that succeeded."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, AttributeError):
        return False
    return True


def _remove_unfinished(folder: Path) -> None:
    """Remove files that a killed process has left: nobody holds their locks."""
    with os.scandir(folder) as entries:
        names = [e.path for e in entries if e.name[:1] == "." and e.name.endswith(_SUFFIX)]
    for name in names:
        with contextlib.suppress(OSError):
            handle = os.open(name, os.O_RDWR)
            try:
                if _lock(handle):
                    os.unlink(name)
            finally:
                os.close(handle)


def _pass_on(old: os.stat_result, handle: int) -> None:
    """Copy the mode, and where permitted the owner, of the file that is replaced."""
    if hasattr(os, "fchown"):
        with contextlib.suppress(OSError):
            os.fchown(handle, old.st_uid, old.st_gid)
        os.fchmod(handle, stat.S_IMODE(old.st_mode))


def _explained(
    error: BaseException, path: str | os.PathLike[str], temporary: str | None
) -> BaseException:
    """Return the error to raise: an interrupt unchanged, a disk's error with the file's name."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, KeyboardInterrupt):  # closing what it has broken off may have failed
            return below
        below = below.__context__
    if isinstance(error, OSError) and error.errno is not None:
        unnamed = error.filename is None and error.errno in _OF_THE_DISK
        if unnamed or str(error.filename).endswith(_SUFFIX):
            return OSError(error.errno, error.strerror, os.fspath(path))
    return error


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system allows it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
