"""Steps that XLA runs in several processes: what they exchange, and when one of them is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from distributed.several import PROGRAMS, launch, needs_jax
from distributed.test_faults import PATIENCE, SECONDS, WORDS
from distributed.test_training import results, train, trained
from sweeps import IS_LONG

from tinygrad_mnist.distributed.monitor import ENDED_BY_ANOTHER

pytestmark = needs_jax


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_compiled_steps_exchange_what_uncompiled_ones_do(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    ended = launch(count, PROGRAMS / "xla.py")
    assert (ended.code, ended.out.count("the same")) == (0, count), ended.err
    assert f"{2 * count - 2} of the {2 * count} devices are those of other processes" in ended.out


@pytest.mark.slow
def test_a_run_that_starts_anew_comes_to_the_bits_of_one_without_a_fault(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", 2, "--compile", "xla")
    parts = tmp_path / "parts"
    words = ("--compile", "xla", "--fault", "kill")
    ended = train(parts, 2, *words, options=("--max-restarts", 1))
    assert (ended.code, "starting all anew (1 of 1)" in ended.err) == (0, True), ended.err
    assert results(parts, 2) == [whole] * 2


@pytest.mark.slow
@pytest.mark.parametrize("fault", WORDS if IS_LONG else ["kill", "sleep"])
def test_who_is_lost_while_others_wait_in_a_compiled_step_ends_the_job(
    fault: str, tmp_path: Path
) -> None:
    words = ["--fault", fault, "--timeout", PATIENCE, "--compile", "xla"]
    ended = launch(2, PROGRAMS / "train.py", tmp_path, *words)
    assert ended.at - float((tmp_path / "time").read_text()) < SECONDS
    assert ended.code == {"raise": 1, "kill": 137}.get(fault, ENDED_BY_ANOTHER)
    last = ended.err.splitlines()[-1]
    if fault in ("raise", "kill"):
        assert last.startswith("launcher: rank 1 is lost: "), ended.err
    else:
        assert last.startswith("launcher: the job has ended: " + WORDS[fault].format(1)), ended.err
    if fault in ("exit", "sleep"):
        assert "waits in DistributedDataParallel (" in last


@pytest.mark.slow
def test_a_process_that_leaves_before_a_small_step_of_the_others_ends_the_job() -> None:
    ended = launch(2, PROGRAMS / "uneven.py")  # JAX runs it before it returns
    assert ended.code == ENDED_BY_ANOTHER
    last = ended.err.splitlines()[-1]
    words = "rank 0 has left without it: rank 1 waits in all_reduce (SUM) of [8] float32"
    assert last.startswith(f"launcher: the job has ended: {words}"), ended.err
    assert ended.seconds < SECONDS


@pytest.mark.slow
def test_processes_that_run_different_programs_do_not_wait_for_ever() -> None:
    ended = launch(2, PROGRAMS / "different.py")
    assert ended.code == ENDED_BY_ANOTHER
    last = ended.err.splitlines()[-1]
    assert "the processes don't do the same: as collective number 13 rank " in last
    assert re.search(r"rank 0 (makes )?all_gather of \[1000\] float32", last), last
    assert re.search(r"rank 1 (makes )?all_reduce \(SUM\) of \[1000\] float32", last), last
