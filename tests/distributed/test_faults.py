"""A process that is lost ends the job within seconds, with its rank and the reason."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from distributed.several import PROGRAMS, by_hand, launch, needs_jax
from sweeps import IS_LONG

from tinygrad_mnist.distributed.monitor import ENDED_BY_ANOTHER

pytestmark = [needs_jax, pytest.mark.slow]

PATIENCE = 6
"""Seconds for which a process waits for another one, at the start and in a collective."""
SECONDS = 60
"""Between a fault and the end of all: it takes up to 6 to notice it, and 2 to end all, unless the host
stands still. JAX alone takes 100 and more."""

WORDS = {
    "raise": "rank {} failed: ValueError: a batch of nonsense",
    "kill": "rank {} is gone: it was killed, or its host is lost",
    "stop": "rank {} has been silent for ",
    "exit": "rank {} has left without it: rank ",
    "sleep": "rank {} doesn't come to it: rank ",
}
CODES = {"raise": 1, "kill": -signal.SIGKILL, "stop": -signal.SIGSTOP}


BY_RANK = [(fault, rank) for fault in WORDS for rank in (0, 1)]
"""Rank 0 is where all others report to."""


@pytest.mark.parametrize(
    ("fault", "rank"),
    BY_RANK if IS_LONG else [("raise", 1), ("kill", 0), ("stop", 1), ("exit", 1), ("sleep", 0)],
)
def test_processes_end_without_a_launcher(fault: str, rank: int, tmp_path: Path) -> None:
    words = ["--fault", fault, "--rank", rank, "--timeout", PATIENCE]
    ended = by_hand(2, PROGRAMS / "train.py", tmp_path, *words)
    assert ended[rank].code == CODES.get(fault, ENDED_BY_ANOTHER)
    left = ended[1 - rank]
    if (fault, rank) == ("kill", 0) and left.code == -signal.SIGABRT:
        assert "Terminating process because the JAX" in left.err  # it was quicker than the monitor
        return
    assert left.code == ENDED_BY_ANOTHER
    if (fault, rank) != ("raise", 0):  # its own traceback has said it
        assert WORDS[fault].format(rank) in ended[0].err + ended[1].err
    assert "Error: a batch of nonsense" in ended[rank].err or fault != "raise"
    assert ended[0].at - float((tmp_path / "time").read_text()) < SECONDS


@pytest.mark.parametrize("fault", WORDS if IS_LONG else ["raise", "stop"])
def test_the_launchers_last_line_says_who_and_why(fault: str, tmp_path: Path) -> None:
    words = ["--fault", fault, "--timeout", PATIENCE]
    ended = launch(4, PROGRAMS / "train.py", tmp_path, *words)
    last = ended.err.splitlines()[-1]
    found = {
        "raise": "launcher: rank 1 is lost: ValueError: a batch of nonsense (exit code 1)",
        "kill": "launcher: rank 1 is lost: it was ended by the signal SIGKILL",
    }.get(fault, "launcher: the job has ended: " + WORDS[fault].format(1))
    assert last.startswith(found), ended.err
    assert ended.code == {"raise": 1, "kill": 137}.get(fault, ENDED_BY_ANOTHER)
    assert ended.at - float((tmp_path / "time").read_text()) < SECONDS
