"""Where processes meet; notices one that is dead, stopped or elsewhere, and ends the job.

JAX's own watch takes minutes, and a collective waits for a lost process for ever. So every process
has a connection to a hub in rank 0, over which it says each second that it lives and in which
collective it is. When all have come, the hub says where JAX's own service is. From then on it ends
the job, with a rank and a reason, if

- a connection breaks: the process was killed, or its host is gone;
- nothing is heard for some seconds: the process was stopped;
- a process ends by an exception, whose words it sends;
- one waits in a collective that another has left the job without, or doesn't come to in time;
- two wait in different ones that are the same by number: they would wait for ever.

If the hub itself is lost, so is rank 0, and each process sees it. A process that is waiting in a
collective can't be interrupted; it is ended by ``os._exit``. Checkpoints are replaced whole, so
they stay whole.

Messages are lines of JSON; who connects and doesn't say which rank it is, is not heard.
"""

from __future__ import annotations

import json
import mmap
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.distributed.errors import DistError, DistNetworkError
from tinygrad_mnist.distributed.marks import mismatch

ENDED_BY_ANOTHER = 75
"""The exit code of a process that ends because another one was lost (sysexits' EX_TEMPFAIL)."""

LONGEST_LINE = 4096
LONGEST_PLACE = 256
"""Of what a process is in so many bytes are shown to the launcher."""
MOST = 16
"""Of a step's collectives, so many are told of."""

AGAIN = 0.1
"""Seconds until a process tries again to reach rank 0, which may have started later."""


def beat_of(silence: float) -> float:
    """Return how many seconds pass between two words, if so many without one are too many."""
    return min(1.0, silence / 5)


class Clock:
    """The time in which a process itself was running: if a host stands still, no process is late.

    Parameters
    ----------
    beat
        How many seconds pass at most between two looks at the clock, in a process that runs.
    """

    def __init__(self, beat: float) -> None:
        self._most, self._time, self._looked = 2 * beat, 0.0, time.monotonic()

    def now(self) -> float:
        """Return the seconds that have passed."""
        before, self._looked = self._looked, time.monotonic()
        self._time += min(self._looked - before, self._most)
        return self._time


class Connection:
    """A socket for lines of JSON, and what is known of who is at its other end."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.rank = -1
        self.heard = self.since = 0.0
        self.made = self.first = 0
        self.inside: list[str] = []
        self.left = False
        self._rest = b""
        self._sending = threading.Lock()

    def close(self) -> None:
        """Break the connection, which whoever listens at either end notices."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is broken already

    def fileno(self) -> int:
        """Return the socket's number, for selectors."""
        return self.sock.fileno()

    def send(self, **message: Any) -> None:
        """Send a message; that there is nobody to receive it is noticed by reading."""
        with self._sending:
            try:
                self.sock.sendall(json.dumps(message).encode() + b"\n")
            except OSError:
                pass

    def receive(self) -> list[dict[str, Any]] | None:
        """Return the messages that have come, or None if the connection is broken."""
        try:
            part = self.sock.recv(65536)
        except OSError:
            return None
        *lines, self._rest = (self._rest + part).split(b"\n")
        if not part or len(self._rest) > LONGEST_LINE:
            return None
        try:
            messages = [json.loads(line) for line in lines]
        except ValueError:
            return None
        return messages if all(isinstance(m, dict) for m in messages) else None


@dataclass(eq=False)
class Followed:
    """Collectives that a program makes while its process goes on.

    Attributes
    ----------
    number
        That of the last.
    whats
        What each is.
    marks
        An array of JAX's that is ready when they have been made: a number for each, which is 0 if
        all processes have made it. None: JAX hasn't returned it yet.
    """

    number: int
    whats: Sequence[str]
    marks: Any = None

    def is_ready(self) -> bool:
        """Whether they have been made."""
        return self.marks is not None and self.marks.is_ready()

    def look(self, rank: int) -> None:
        """Raise an error if another process has done something else."""
        for number, what in zip(np.asarray(self.marks), self.whats, strict=True):
            if number:
                raise mismatch(rank, what)


class Hub(threading.Thread):
    """The thread in rank 0 to which all processes are connected.

    Parameters
    ----------
    size
        How many processes there are.
    port
        Where to listen; 0 for any.
    silence
        After how many seconds without a word a process is lost.
    patience
        How many seconds one process may wait in a collective for another one.
    local
        Whether all processes are on this host.
    """

    def __init__(self, size: int, port: int, silence: float, patience: float, local: bool) -> None:
        super().__init__(name="distributed hub", daemon=True)
        self._listener = _listen_at(port, local, size + 16)
        self.port: int = self._listener.getsockname()[1]
        self._size, self._local = size, local
        self._silence, self._patience = silence, patience
        self._beat = beat_of(silence)
        self._clock = Clock(self._beat)
        self._ranks: dict[int, Connection] = {}
        self._reason = ""
        self._closed = False

    def run(self) -> None:
        """Listen, judge, and say that all is well, until it is closed."""
        next_beat = 0.0
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._closed:
                self._hear(selector, self._beat)
                if (now := self._clock.now()) >= next_beat:
                    if not self.missing():
                        self._judge(now)
                    next_beat = now + self._beat
                    for connection in self._ranks.values():
                        connection.send(well=True)
            for key in list(selector.get_map().values()):
                if isinstance(key.fileobj, Connection):
                    key.fileobj.sock.close()

    def missing(self) -> list[int]:
        """Return the ranks that haven't come yet."""
        return [rank for rank in range(self._size) if rank not in self._ranks]

    def close(self) -> None:
        """End the thread, when all processes have left."""
        self._closed = True
        self.join()

    def _hear(self, selector: selectors.BaseSelector, seconds: float) -> None:
        """Take what comes within some seconds."""
        for key, _ in selector.select(seconds):
            if key.fileobj is self._listener:
                selector.register(Connection(self._listener.accept()[0]), selectors.EVENT_READ)
            elif isinstance(key.fileobj, Connection):
                self._listen(key.fileobj, selector)

    def _listen(self, connection: Connection, selector: selectors.BaseSelector) -> None:
        messages, now = connection.receive(), self._clock.now()
        connection.heard = now
        for message in messages or ():
            if connection.rank < 0 and not self._welcome(connection, message):
                messages = None
                break
            if "failed" in message:
                self._end(f"rank {connection.rank} failed: {message['failed']}")
            if "made" in message:
                place = (message["made"], message["first"], message["inside"])
                if place != (connection.made, connection.first, connection.inside):
                    connection.made, connection.first, connection.inside = place
                    connection.since = now
            connection.left = connection.left or "left" in message
        if messages is None:
            selector.unregister(connection)
            connection.sock.close()
            if self._ranks.get(connection.rank) is connection and not connection.left:
                self._end(f"rank {connection.rank} is gone: it was killed, or its host is lost")

    def _welcome(self, connection: Connection, message: dict[str, Any]) -> bool:
        """Take a process in that says which it is, and let all begin when it is the last."""
        rank, size = message.get("rank"), message.get("size")
        if not isinstance(rank, int) or not isinstance(size, int):
            return False  # a stranger
        if size != self._size or rank not in range(size) or rank in self._ranks:
            connection.send(
                refused=f"rank {rank} of {size} isn't one that rank 0, of {self._size}, waits for"
            )
            return False
        connection.rank = rank
        self._ranks[rank] = connection
        if self._reason:
            connection.send(over=self._reason)
        elif not self.missing():
            port = free_port(self._local)
            for other in self._ranks.values():
                other.send(port=port)
        return True

    def _judge(self, now: float) -> None:
        """End the job if a process is silent, or one that is waited for won't come."""
        present = [c for c in self._ranks.values() if not c.left]
        for c in present:
            if now - c.heard > self._silence:
                self._end(
                    f"rank {c.rank} has been silent for {now - c.heard:.0f} s: it is stopped, or "
                    f"its host is lost"
                )
                return
        waiting = [c for c in present if c.inside]
        # Who finds it out by the marks says so itself, with a traceback.
        if different := _different([c for c in waiting if now - c.since > 2 * self._beat]):
            self._end(different)
            return
        for c in waiting:
            late = [o for o in self._ranks.values() if o.made < c.made]
            gone = [o for o in late if o.left]
            if gone or now - c.since > self._patience:
                names = ", ".join(str(o.rank) for o in sorted(gone or late, key=lambda o: o.rank))
                what = "has left without it" if gone else "doesn't come to it"
                who = f"rank {names} {what}" if names else "all have come to it, and it doesn't end"
                more = f", or one of the {c.made - c.first} after it" if c.made > c.first else ""
                self._end(
                    f"{who}: rank {c.rank} waits in {c.inside[0]}, its collective number {c.first}"
                    f"{more}, since {now - c.since:.0f} s"
                )
                return

    def _end(self, reason: str) -> None:
        """Tell all processes that the job is over, and why; the first reason counts."""
        if not self._reason:
            self._reason = reason
            for connection in self._ranks.values():
                connection.send(over=reason)


def _different(waiting: Sequence[Connection]) -> str:
    """Return which two wait in collectives that are the same by number alone, and in which."""
    found: dict[int, tuple[str, int]] = {}
    for c in waiting:
        for number, what in enumerate(c.inside, c.first):
            other, rank = found.setdefault(number, (what, c.rank))
            if other != what:
                return (
                    f"the processes don't do the same: as collective number {number} rank {rank} "
                    f"makes {other}, rank {c.rank} {what}"
                )
    return ""


class Monitor(threading.Thread):
    """The thread in each process that is connected to the hub.

    Parameters
    ----------
    rank, size
        The number of this process, and how many there are.
    address, port
        Where the hub is.
    patience
        For how many seconds to wait for the others.
    silence
        After how many seconds without a word the hub is lost.
    on_end
        What to do when the job is over: it is given the reason, and whether this process has to say
        it, as rank 0 can't. It doesn't return.

    Attributes
    ----------
    port
        Where JAX's service is to be, on the host of rank 0.

    Raises
    ------
    DistNetworkError
        When the hub can't be reached, or not all processes come.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        address: str,
        port: int,
        patience: float,
        silence: float,
        on_end: Callable[[str, bool], None],
    ) -> None:
        super().__init__(name="distributed monitor", daemon=True)
        end = time.monotonic() + patience
        self._hub = Connection(_reach(address, port, end))
        self._hub.send(rank=rank, size=size)
        try:
            self.port = self._meet(end)
        except BaseException:
            self._hub.sock.close()
            raise
        self._rank, self._silence, self._on_end = rank, silence, on_end
        self._made, self._inside = 0, ""
        self._shown = _shown()
        self._followed: tuple[Followed, ...] = ()
        self._leaving = False
        self._failed: threading.Event | None = None

    def _meet(self, end: float) -> int:
        """Wait for all processes to come, and return where JAX's service is to be."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._hub, selectors.EVENT_READ)
            while selector.select(max(0.0, end - time.monotonic())):
                messages = self._hub.receive()
                if messages is None:
                    raise DistNetworkError("rank 0 is gone")
                for message in messages:
                    if "port" in message:
                        return int(message["port"])
                    if "refused" in message or "over" in message:
                        raise DistNetworkError(message.get("refused") or message["over"])
        raise DistNetworkError("not all of them have come")

    def run(self) -> None:
        """Say each second where this process is, and hear whether all is well."""
        beat = beat_of(self._silence)
        clock = Clock(beat)
        with selectors.DefaultSelector() as selector, self._hub.sock:
            selector.register(self._hub, selectors.EVENT_READ)
            while True:
                made, whats = self._place()
                first = made - max(len(whats) - 1, 0)
                self._hub.send(made=made, first=first, inside=whats[:MOST])
                try:
                    self.look()
                except DistError as error:  # the script may wait elsewhere
                    self._hub.send(failed=f"{type(error).__name__}: {error}")
                next_beat = clock.now() + beat
                while (now := clock.now()) < next_beat:
                    if selector.select(next_beat - now):
                        if not self._listen():
                            return
                        self._hub.heard = clock.now()
                if (silent := now - self._hub.heard) > self._silence:
                    self._end(
                        f"rank 0 has been silent for {silent:.0f} s: it is stopped, or its host "
                        f"is lost",
                        True,
                    )
                    return

    def _place(self) -> tuple[int, Sequence[str]]:
        """Return what this process waits in, if in anything, and the number of the last of it."""
        for x in self._followed:
            if not x.is_ready():
                return x.number, x.whats
        return self._made, [self._inside] if self._inside else []

    def _listen(self) -> bool:
        """Return whether the job goes on."""
        messages = self._hub.receive()
        if messages is None:
            if not self._leaving:
                self._end("rank 0 is gone: it was killed, or its host is lost", True)
            return False
        reasons = [message["over"] for message in messages if "over" in message]
        if reasons:
            self._end(reasons[0], False)
        return not reasons

    def _end(self, reason: str, speak: bool) -> None:
        if self._failed is not None:
            self._failed.set()  # all know by now
        else:
            self._on_end(reason, speak)

    @contextmanager
    def inside(self, what: str) -> Iterator[None]:
        """Say for a block that this process is in a collective."""
        self._made += 1
        self._inside = what
        self._shown[:] = what.encode()[:LONGEST_PLACE].ljust(LONGEST_PLACE, b"\0")
        try:
            yield
        except DistError:
            raise  # it says all
        except Exception:
            # If it is because another process is lost, the reason is on its way.
            time.sleep(min(self._silence, 2))
            raise
        finally:
            self._inside = ""
            self._shown[0] = 0

    def follow(self, whats: Sequence[str], marks: Any = None) -> Followed:
        """Know of collectives that a program makes by itself, until its marks are ready.

        JAX may not return them before: so this comes before it is called.
        """
        running = self.look()
        self._made += len(whats)
        followed = Followed(self._made, whats, marks)
        self._followed = (*running, followed)
        return followed

    def forget(self, followed: Followed) -> None:
        """Know no more of a program that couldn't be run."""
        self._followed = tuple(x for x in self._followed if x is not followed)

    def wait(self) -> None:
        """Wait for all programs that still run."""
        for x in self._followed:
            if x.marks is not None:
                x.marks.block_until_ready()

    def look(self) -> list[Followed]:
        """Return the programs that still run; raise an error if others did not the same as one."""
        running = []
        for x in self._followed:
            if x.is_ready():
                x.look(self._rank)
            else:
                running.append(x)
        return running

    def fail(self, words: str) -> None:
        """Tell all that this process fails, and return when they know."""
        self._failed = threading.Event()
        self._hub.send(failed=words[: LONGEST_LINE // 8])
        self._failed.wait(min(self._silence, 2))

    def leave(self) -> None:
        """Say that this process ends as it should, when what it has begun is done."""
        self.wait()
        self.look()
        self._leaving = True
        self._hub.send(made=self._made, first=self._made, inside=[], left=True)

    def close(self) -> None:
        """End the thread, when all processes have left."""
        self._hub.close()
        self.join()


def _listen_at(port: int, local: bool, backlog: int) -> socket.socket:
    """Return a socket that listens, on all interfaces if not all processes are on this host."""
    if local:
        return socket.create_server(("127.0.0.1", port), backlog=backlog)
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=backlog
        )
    return socket.create_server(("", port), backlog=backlog)


def free_port(local: bool = True) -> int:
    """Return a port of this host that nobody listens at."""
    with _listen_at(0, local, 1) as sock:
        port: int = sock.getsockname()[1]
        return port


def _reach(address: str, port: int, end: float) -> socket.socket:
    """Connect to the hub, which may not be there yet, until a time is over."""
    while True:
        try:
            return socket.create_connection((address, port), max(0.1, end - time.monotonic()))
        except OSError as error:
            if time.monotonic() + AGAIN > end:
                raise DistNetworkError(f"rank 0 can't be reached: {error}") from error
        time.sleep(AGAIN)


def end_process(reason: str, speak: bool) -> None:
    """End this process at once, since the job is over; print and note the reason."""
    note_error(reason)
    if speak:
        sys.stdout.flush()
        print(f"the job has ended: {reason}", file=sys.stderr, flush=True)
    os._exit(ENDED_BY_ANOTHER)


def place_file(note: str | Path) -> Path:
    """Return the file that says what a process is in; the launcher makes it, beside that note."""
    return Path(f"{note}.inside")


def _shown() -> mmap.mmap | bytearray:
    """Return the memory of that file, which stays when C++ aborts this process; or any."""
    try:
        with place_file(os.environ.get("TORCHELASTIC_ERROR_FILE", "")).open("r+b") as file:
            return mmap.mmap(file.fileno(), LONGEST_PLACE)
    except (OSError, ValueError):  # started by somebody else
        return bytearray(LONGEST_PLACE)


def note_error(reason: str) -> None:
    """Write a reason to the file that the launcher reads, if there is one."""
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if path:
        try:
            with open(path, "w") as file:
                json.dump({"message": reason}, file)
        except OSError:
            pass
