"""Processes that don't make the same exchange are told so, and get no wrong numbers."""

from __future__ import annotations

import re

import pytest
from distributed.several import PROGRAMS, launch, needs_jax

from tinygrad_mnist.distributed.monitor import ENDED_BY_ANOTHER

pytestmark = needs_jax

SAID = {
    "dtype": ("all_reduce (SUM) of [4] float32", "all_reduce (SUM) of [4] int32"),
    "shape": ("all_reduce (SUM) of [2, 6] float32", "all_reduce (SUM) of [3, 4] float32"),
    "operation": ("all_reduce (SUM) of [4] float32", "all_reduce (AVG) of [4] float32"),
    "source": ("broadcast (from rank 0) of [3] float32", "broadcast (from rank 1) of [3] float32"),
    "target": ("reduce to rank 0 (SUM) of [3] float32", "reduce to rank 1 (SUM) of [3] float32"),
    "gathered": ("all_gather of [2, 6] float32", "all_gather of [3, 4] float32"),
    "name": ("all_reduce (SUM) of [1] float32", "barrier"),
}
ENDS = {
    "read": "rank {} makes all_reduce (SUM) of {} float32, and another process something else",
    "unread": "rank {} makes all_reduce (SUM) of {} float32, and another process something else",
    "operation": "the processes don't do the same: as collective number 12 rank ",
    "length": "",  # Gloo aborts one, or the other is quicker to see it by the mark
}
SECONDS = 60
"""From start to end, of a job whose processes wait for each other for three minutes."""


@pytest.mark.parametrize(
    "end", ["read", *(pytest.param(x, marks=pytest.mark.slow) for x in [*ENDS][1:])]
)
def test_processes_that_do_not_do_the_same_are_told_so(end: str) -> None:
    ended = launch(2, PROGRAMS / "mismatches.py", end, options=("--heartbeat-timeout", 10))
    for name, both in SAID.items():
        for rank, what in enumerate(both):
            assert f"[{rank}] {name}: rank {rank} makes {what}, and another process" in ended.out
    last = ended.err.splitlines()[-1]
    found = [ENDS[end].format(rank, shape) for rank, shape in enumerate(("[2, 6]", "[3, 4]"))]
    assert any(words in last for words in found), ended.err
    if end == "length":
        named = r" all_gather of \[[34]\] float32"
        aborted = rf"it was ended by the signal SIGABRT: .*, while it was in{named}$"
        assert re.search(rf"{aborted}|rank \d makes{named}, and another", last), last
    assert "handed out" not in ended.out
    assert ended.code in (1, ENDED_BY_ANOTHER, 134)
    assert ended.seconds < SECONDS
