"""What the hub notices, with connections in this process in the place of other ones."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tinygrad_mnist.distributed.errors import DistBackendError, DistNetworkError
from tinygrad_mnist.distributed.monitor import (
    LONGEST_PLACE,
    Clock,
    Connection,
    Hub,
    Monitor,
    place_file,
)

SILENCE = 0.5
PATIENCE = 1.0


class Processes:
    """Monitors of several ranks, and the reasons that they were given."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.hub = Hub(size, 0, SILENCE, PATIENCE, local=True)
        self.hub.start()
        self.reasons: list[tuple[int, str, bool]] = []
        self.ended = threading.Event()
        with ThreadPoolExecutor(size) as pool:
            self.monitors = list(pool.map(self.meet, range(size)))
        for monitor in self.monitors:
            monitor.start()

    def meet(self, rank: int) -> Monitor:
        def end(reason: str, speak: bool) -> None:
            self.reasons.append((rank, reason, speak))
            self.ended.set()

        return Monitor(rank, self.size, "127.0.0.1", self.hub.port, 10, SILENCE, end)

    def reason(self) -> str:
        """Wait for the job to end, and return why it has."""
        assert self.ended.wait(10)
        time.sleep(SILENCE)  # all are told
        assert len({reason for _, reason, _ in self.reasons}) == 1, self.reasons
        return self.reasons[0][1]


@pytest.fixture
def three() -> Iterator[Processes]:
    processes = Processes(3)
    time.sleep(0.1)
    yield processes
    for monitor in processes.monitors:
        monitor.leave()
        monitor.close()
    processes.hub.close()


def test_all_is_well_while_all_speak(three: Processes) -> None:
    for _ in range(3):
        for monitor in three.monitors:
            with monitor.inside("all_reduce"):
                pass
        time.sleep(SILENCE)
    assert not three.reasons


def test_the_launcher_is_shown_what_a_process_is_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    note = tmp_path / "0.json"
    place_file(note).write_bytes(bytes(LONGEST_PLACE))
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(note))
    one = Processes(1)
    for what in ("all_reduce (SUM) of [3] float32", "barrier", "x" * 2 * LONGEST_PLACE):
        with one.monitors[0].inside(what):
            said = place_file(note).read_bytes().rstrip(b"\0").decode()
            assert said == what[:LONGEST_PLACE]
        assert place_file(note).read_bytes()[0] == 0
    one.monitors[0].leave()
    one.monitors[0].close()
    one.hub.close()


def test_a_broken_connection_ends_the_job(three: Processes) -> None:
    three.monitors[2]._hub.close()
    assert three.ended.wait(10)
    time.sleep(SILENCE)
    said = {rank: reason for rank, reason, _ in three.reasons}
    assert said[0] == said[1] == "rank 2 is gone: it was killed, or its host is lost"


def test_a_silent_process_ends_the_job(three: Processes) -> None:
    def stopped(**message: object) -> None:
        """Send nothing."""

    three.monitors[1]._hub.send = stopped  # type: ignore[method-assign]
    start = time.monotonic()
    assert three.reason().startswith("rank 1 has been silent for")
    assert time.monotonic() - start < 4 * SILENCE


def test_a_process_that_fails_sends_its_words_and_is_not_ended_itself(three: Processes) -> None:
    three.monitors[1].fail("ValueError: mine")
    assert three.reason() == "rank 1 failed: ValueError: mine"
    assert {rank for rank, _, _ in three.reasons} == {0, 2}
    assert not any(speak for _, _, speak in three.reasons)


def enter(three: Processes, *ranks: int) -> list[threading.Thread]:
    """Let ranks enter a collective, and wait in it."""

    def wait(monitor: Monitor) -> None:
        with monitor.inside("broadcast"):
            three.ended.wait(10)

    threads = [threading.Thread(target=wait, args=(three.monitors[rank],)) for rank in ranks]
    for thread in threads:
        thread.start()
    return threads


def test_a_process_that_is_waited_for_too_long_ends_the_job(three: Processes) -> None:
    threads = enter(three, 0, 2)
    words = (
        "rank 1 doesn't come to it: rank [02] waits in broadcast, its collective number 1, since"
    )
    assert re.match(words, three.reason())
    for thread in threads:
        thread.join()


def test_a_collective_that_does_not_end_ends_the_job(three: Processes) -> None:
    threads = enter(three, 0, 1, 2)
    words = r"all have come to it, and it doesn't end: rank \d waits in broadcast, its collective "
    assert re.match(words + "number 1, since 1 s", three.reason())
    for thread in threads:
        thread.join()


def test_a_process_that_has_left_is_not_waited_for(three: Processes) -> None:
    three.monitors[1].leave()
    time.sleep(2 * SILENCE)
    assert not three.reasons
    threads = enter(three, 0, 2)
    assert re.match("rank 1 has left without it: rank [02] waits in broadcast", three.reason())
    for thread in threads:
        thread.join()


class Marks:
    """What a program leaves of its exchanges: it is ready when it is told to be."""

    def __init__(self, *marks: int) -> None:
        self.ready = threading.Event()
        self.marks = marks

    def is_ready(self) -> bool:
        return self.ready.is_set()

    def block_until_ready(self) -> None:
        assert self.ready.wait(10)

    def __array__(self, dtype: None = None, copy: None = None) -> np.ndarray:
        return np.array(self.marks, np.uint32)


def test_who_does_not_come_to_what_a_program_does_by_itself_ends_the_job(three: Processes) -> None:
    marks = [Marks(0, 0, 0) for _ in range(4)]
    for rank, mark in zip((0, 1, 2, 0), marks, strict=True):
        three.monitors[rank].follow(["broadcast", "all_reduce", "all_reduce"], mark)
    time.sleep(SILENCE)
    for mark in marks[:3]:
        mark.ready.set()
    words = (
        r"rank 1, 2 doesn't come to it: rank 0 waits in broadcast, its collective number 4, "
        r"or one of the 2 after it, since"
    )
    assert re.match(words, three.reason())
    marks[3].ready.set()


def test_a_process_leaves_when_its_programs_are_done(three: Processes) -> None:
    mark = Marks(0)
    three.monitors[1].follow(["all_reduce"], mark)
    threading.Timer(SILENCE, mark.ready.set).start()
    three.monitors[1].leave()
    assert mark.is_ready()


def test_processes_that_wait_in_different_collectives_end_the_job(three: Processes) -> None:
    gathers, adds = Marks(0, 0), Marks(0)
    three.monitors[0].follow(["broadcast", "all_gather"], gathers)
    with three.monitors[2].inside("broadcast"):
        pass
    three.monitors[2].follow(["all_reduce"], adds)
    start = time.monotonic()
    words = "the processes don't do the same: as collective number 2 rank "
    found = three.reason()
    assert found.startswith(words)
    assert re.search(r"rank 0 (makes )?all_gather", found), found
    assert re.search(r"rank 2 (makes )?all_reduce", found), found
    assert time.monotonic() - start < PATIENCE + SILENCE  # the sleep until all are told
    gathers.ready.set(), adds.ready.set()


@pytest.mark.parametrize("how", ["look", "follow", "leave"])
def test_a_program_that_was_not_that_of_others_is_an_error(three: Processes, how: str) -> None:
    mark, monitor = Marks(0, 7), three.monitors[1]
    monitor.follow(["broadcast", "all_reduce"], mark)
    assert len(monitor.look()) == 1
    mark.ready.set()
    with pytest.raises(DistBackendError, match="rank 1 makes all_reduce, and another process"):
        monitor.follow(["barrier"], Marks(0)) if how == "follow" else getattr(monitor, how)()
    assert "rank 1 failed: DistBackendError: rank 1 makes all_reduce" in three.reason()
    mark.marks = (0, 0)


def test_that_the_hub_is_lost_is_said_by_all(three: Processes) -> None:
    three.hub.close()
    assert three.ended.wait(10)
    time.sleep(SILENCE)
    words = "rank 0 is gone: it was killed, or its host is lost"
    assert set(three.reasons) == {(rank, words, True) for rank in range(3)}


@pytest.mark.parametrize(
    "speak",
    [
        lambda c: c.send(failed="by a stranger"),
        lambda c: c.send(rank=2, left=True),
        lambda c: c.send(rank=True, size=None),
        lambda c: c.sock.sendall(b"GET / HTTP/1.1\r\n\r\n"),
        lambda c: c.sock.sendall(b"[1]\n"),
        lambda c: c.sock.sendall(b"x" * 100_000),
    ],
)
def test_strangers_are_not_heard(three: Processes, speak: Callable[[Connection], None]) -> None:
    stranger = Connection(socket.create_connection(("127.0.0.1", three.hub.port)))
    speak(stranger)
    stranger.sock.settimeout(5)
    try:
        assert stranger.sock.recv(1) == b""
    except ConnectionResetError:
        pass
    stranger.sock.close()
    time.sleep(SILENCE)
    assert not three.reasons


@pytest.mark.parametrize(("rank", "size"), [(1, 3), (3, 3), (-1, 3), (2, 4)])
def test_a_process_of_another_job_is_refused(three: Processes, rank: int, size: int) -> None:
    three.size = size
    with pytest.raises(
        DistNetworkError, match=f"rank {rank} of {size} isn't one that rank 0, of 3"
    ):
        three.meet(rank)
    time.sleep(SILENCE)
    assert not three.reasons


def test_processes_that_do_not_come_are_missed() -> None:
    hub = Hub(3, 0, SILENCE, PATIENCE, local=True)
    hub.start()
    with pytest.raises(DistNetworkError, match="not all of them have come"):
        Monitor(1, 3, "127.0.0.1", hub.port, 0.5, SILENCE, print)
    assert hub.missing() == [0, 2]
    hub.close()
    with pytest.raises(DistNetworkError, match="rank 0 can't be reached"):
        Monitor(1, 3, "127.0.0.1", hub.port, 0.5, SILENCE, print)


def test_a_host_that_stands_still_makes_no_process_late(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(0.1)
    before = clock.now()
    still = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: still)
    assert before < clock.now() <= before + 0.2
