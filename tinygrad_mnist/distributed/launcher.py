"""Starts the processes of a job on this host, and ends all of them when one is lost."""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from tinygrad_mnist.distributed.monitor import (
    ENDED_BY_ANOTHER,
    LONGEST_PLACE,
    free_port,
    place_file,
)

GRACE = 5.0
"""Seconds for a process to end when it is told to."""

_SETTLES = 1.0
"""Seconds in which the process that was lost first is known, once others have ended for it."""

_PAUSE = 0.1
"""Seconds until an interrupt is seen, at most."""

_IMPATIENT = 3
"""After so many interrupts processes are killed, without waiting for them to end by themselves."""

_LONGEST = 300
"""Of a process's last line so many characters are told."""

_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG, of Linux


class Failure(NamedTuple):
    """Why a job has ended: the rank, if it is known, and the reason."""

    rank: int | None
    reason: str
    code: int


class Job(NamedTuple):
    """What to start on this host.

    Attributes
    ----------
    command
        The program and its arguments.
    processes
        How many processes to start here.
    hosts, host
        How many hosts there are, with as many processes each, and the number of this one.
    address, port
        Where the processes meet; a port of 0 is chosen anew at each start.
    prefix
        Whether to write the rank in front of each line that a process prints.
    environment
        Further variables.
    """

    command: Sequence[str]
    processes: int
    hosts: int = 1
    host: int = 0
    address: str = "127.0.0.1"
    port: int = 0
    prefix: bool = True
    environment: Mapping[str, str] = {}


class Processes:
    """The running processes of a job, as a context manager that leaves none behind.

    Parameters
    ----------
    job
        What to start.
    restarts, most_restarts
        How often the job has been started before, and how often it may be.
    interrupts
        Where signals that are to end the job are noted. They are no exceptions where they come:
        that would leave processes that are just being started, or ended.
    """

    def __init__(
        self, job: Job, restarts: int, most_restarts: int, interrupts: Sequence[int]
    ) -> None:
        self._job, self._interrupts = job, interrupts
        self._restarts, self._most_restarts = restarts, most_restarts
        self._folder = tempfile.TemporaryDirectory(prefix="tinygrad_mnist-")
        self._found: dict[int, subprocess.Popen[bytes]] = {}
        self._readers: dict[int, list[threading.Thread]] = {}
        self._thrown: dict[int, str] = {}
        self._last: dict[int, str] = {}

    def __enter__(self) -> Processes:
        try:
            self._start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._end_all()
        end = time.monotonic() + (_SETTLES if self._interrupts else GRACE)
        for thread in itertools.chain(*self._readers.values()):
            thread.join(max(0.0, end - time.monotonic()))
        self._folder.cleanup()

    def _start_all(self) -> None:
        job, restarts = self._job, self._restarts
        # Hosts that start anew meet at another port, where nobody is from before.
        port = job.port + restarts if job.port else free_port()
        for local in range(job.processes):
            if self._interrupts:
                return
            rank = job.host * job.processes + local
            size = job.hosts * job.processes
            variables = {
                "RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": local,
                "LOCAL_WORLD_SIZE": job.processes, "GROUP_RANK": job.host,
                "GROUP_WORLD_SIZE": job.hosts, "ROLE_RANK": rank, "ROLE_WORLD_SIZE": size,
                "ROLE_NAME": "default", "MASTER_ADDR": job.address, "MASTER_PORT": port,
                "TORCHELASTIC_RESTART_COUNT": restarts,
                "TORCHELASTIC_MAX_RESTARTS": self._most_restarts,
                "TORCHELASTIC_RUN_ID": os.getpid(), "TORCHELASTIC_ERROR_FILE": self._note(rank),
            }  # fmt: skip
            place_file(self._note(rank)).write_bytes(bytes(LONGEST_PLACE))
            self._start(rank, {name: str(value) for name, value in variables.items()})

    def _note(self, rank: int) -> Path:
        """Return the file in which a process says why it ends."""
        return Path(self._folder.name) / f"{rank}.json"

    def _start(self, rank: int, variables: dict[str, str]) -> None:
        job = self._job
        environment = {**os.environ, **job.environment, **variables}
        if job.prefix:  # lines are made whole here; else writes in pieces would mix them
            environment.setdefault("PYTHONUNBUFFERED", "1")
        if job.processes > 1:  # the cores are shared out already
            environment.setdefault("OMP_NUM_THREADS", "1")
        pipe = subprocess.PIPE if job.prefix else None
        process = subprocess.Popen(
            job.command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe,
            start_new_session=True, preexec_fn=_die_with_parent(),
        )  # fmt: skip
        self._found[rank] = process
        self._readers[rank] = []
        for stream, out in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            if stream is not None:
                hear = partial(self._hear, rank, out is sys.stderr)
                # Whoever has left the process's group may hold its pipe: nothing waits for that.
                thread = threading.Thread(
                    target=_copy_lines, args=(stream, out, f"[{rank}] ", hear), daemon=True
                )
                thread.start()
                self._readers[rank].append(thread)

    def _hear(self, rank: int, is_error: bool, line: str) -> None:
        """Remember what a process says last, and C++ before it aborts one, as Gloo does."""
        said = line.rpartition("\r")[2].strip()
        if is_error and said:
            self._last[rank] = said[:_LONGEST]
        if said.startswith("what():"):
            self._thrown[rank] = said.removeprefix("what():").strip()

    def wait(self, interval: float) -> Failure | None:
        """Return when all have ended as they should, or one has not: then why.

        Raises
        ------
        KeyboardInterrupt
            When an interrupt has been noted.
        """
        while True:
            if self._interrupts:
                raise KeyboardInterrupt
            codes = {rank: _poll(process) for rank, process in self._found.items()}
            if any(codes.values()):
                return self._failure(interval)
            if all(code == 0 for code in codes.values()):
                return None
            self._sleep(interval)

    def _sleep(self, seconds: float) -> None:
        """Wait, unless an interrupt comes."""
        end = time.monotonic() + seconds
        while not self._interrupts and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _PAUSE))

    def _failure(self, interval: float) -> Failure:
        """Return why the job has failed: by the first process, not by those that it has ended."""
        end = time.monotonic() + _SETTLES
        while True:
            codes = {rank: _poll(process) for rank, process in self._found.items()}
            for rank, code in codes.items():
                if code not in (None, 0, ENDED_BY_ANOTHER):
                    return Failure(rank, self._reason(rank, code), code)
            # All that are left wait for one that doesn't move, or is on another host.
            if None not in codes.values() or time.monotonic() > end:
                ended = next(r for r, code in codes.items() if code == ENDED_BY_ANOTHER)
                return Failure(None, self._said(ended) or "another process", ENDED_BY_ANOTHER)
            time.sleep(interval)

    def _reason(self, rank: int, code: int) -> str:
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = str(-code)
            self._hear_all_of(rank)
            why = ""
            if rank in self._thrown:
                what = place_file(self._note(rank)).read_bytes().partition(b"\0")[0].decode()
                why = f": {self._thrown[rank]}" + (f", while it was in {what}" if what else "")
            return f"it was ended by the signal {name}{why}"
        said = self._said(rank)
        if said:
            return f"{said} (exit code {code})"
        self._hear_all_of(rank)
        last = f"; its last line: {self._last[rank]}" if rank in self._last else ""
        return f"it has ended with exit code {code}{last}"

    def _hear_all_of(self, rank: int) -> None:
        """Wait for what a process that has ended has said, unless somebody holds its pipe."""
        for thread in self._readers[rank]:
            thread.join(_SETTLES)

    def _said(self, rank: int) -> str:
        try:
            return str(json.loads(self._note(rank).read_text())["message"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _end_all(self) -> None:
        """End what still runs, and all that it has started: kindly, and then not."""
        for kind, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 60.0)):
            running = [p for p in self._found.values() if _poll(p) is None]
            for process in running:
                _signal(process, kind)
            end = time.monotonic() + patience
            while any(_poll(p) is None for p in running) and time.monotonic() < end:
                if kind == signal.SIGTERM and len(self._interrupts) >= _IMPATIENT:
                    break
                time.sleep(0.01)


def _signal(process: subprocess.Popen[bytes], kind: signal.Signals) -> None:
    """Send a signal to a process and to those that it has started; one that is stopped goes on."""
    try:
        os.killpg(process.pid, kind)
        os.killpg(process.pid, signal.SIGCONT)
    except (ProcessLookupError, PermissionError):
        pass


def _poll(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code of a process that has ended, and end what it has left behind.

    That is done while its number can't be anybody else's: before the system is asked for the code.
    """
    if process.returncode is None and hasattr(os, "waitid"):
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        _signal(process, signal.SIGKILL)
    return process.poll()


def _die_with_parent() -> Callable[[], None] | None:
    """Return what a new process has to do to be ended with the launcher, where that can be."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_DIES_WITH_PARENT, signal.SIGKILL)


def _copy_lines(stream: IO[bytes], out: IO[str], prefix: str, hear: Callable[[str], None]) -> None:
    """Print the lines of a process, with a prefix, each whole."""
    with stream:
        for line in stream:
            text = line.decode(errors="replace").rstrip("\r\n")
            out.write(f"{prefix}{text}\n")
            out.flush()
            hear(text)


def launch(
    job: Job, max_restarts: int = 0, interval: float = 0.1, interrupts: Sequence[int] = ()
) -> int:
    """Run a job, anew when it fails, and return its exit code.

    Parameters
    ----------
    job
        What to start.
    max_restarts
        How often to start all processes anew when one is lost.
    interval
        Seconds between two looks at the processes.
    interrupts
        Where a handler notes signals that are to end the job.

    Raises
    ------
    KeyboardInterrupt
        When one has been noted, and all processes have ended.
    """
    restarts = 0
    while True:
        with Processes(job, restarts, max_restarts, interrupts) as processes:
            failure = processes.wait(interval)
        if failure is None:
            return 0
        who = "the job has ended" if failure.rank is None else f"rank {failure.rank} is lost"
        again = restarts < max_restarts and not interrupts
        then = f"; starting all anew ({restarts + 1} of {max_restarts})" if again else ""
        print(f"launcher: {who}: {failure.reason}{then}", file=sys.stderr, flush=True)
        if not again:
            return 128 - failure.code if failure.code < 0 else failure.code
        restarts += 1
