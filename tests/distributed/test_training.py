"""Several processes train as one does, and go on from a checkpoint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed.several import LIMIT, PROGRAMS, Ended, environment, launch, needs_jax
from sweeps import IS_LONG

from tinygrad_mnist.distributed.monitor import free_port


def train(folder: Path, count: int, *words: object, options: tuple[object, ...] = ()) -> Ended:
    folder.mkdir(exist_ok=True)
    return launch(count, PROGRAMS / "train.py", folder, *words, options=options)


def results(folder: Path, count: int) -> list[dict[str, Any]]:
    """Return losses and weights as each process has them."""
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(count)]


def trained(folder: Path, count: int, *words: object) -> dict[str, Any]:
    """Train, and return losses and weights, which all processes share bit for bit."""
    ended = train(folder, count, *words)
    assert ended.code == 0, ended.err
    first, *others = results(folder, count)
    assert all(other == first for other in others)
    return first


def assert_close(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    np.testing.assert_allclose(mine["losses"], theirs["losses"], rtol=1e-5)
    for a, b in zip(mine["weights"], theirs["weights"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a single process comes to, without JAX."""
    found = trained(tmp_path_factory.mktemp("one"), 1)
    assert found["losses"][-1] < 0.8 * found["losses"][0]
    return found


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes come to."""
    return trained(tmp_path_factory.mktemp("two"), 2)


@needs_jax
def test_two_processes_have_the_losses_of_one(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert_close(two, one)


@needs_jax
@pytest.mark.slow
def test_four_processes_have_the_losses_of_one(one: dict[str, Any], tmp_path: Path) -> None:
    assert_close(trained(tmp_path, 4), one)


@needs_jax
def test_compiled_steps_exchange_what_uncompiled_ones_do() -> None:
    ended = launch(2, PROGRAMS / "compiled.py")
    assert (ended.code, ended.out.count("the same")) == (0, 2), ended.err


@needs_jax
@pytest.mark.slow
def test_a_restart_goes_on_bit_for_bit_and_with_another_number_within_rounding(
    two: dict[str, Any], tmp_path: Path
) -> None:
    trained(tmp_path / "parts", 2, "--epochs", 2)
    other = tmp_path / "other"
    other.mkdir()
    (other / "checkpoint.npz").write_bytes((tmp_path / "parts" / "checkpoint.npz").read_bytes())
    assert trained(tmp_path / "parts", 2) == two
    assert_close(trained(other, 4), two)


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "raise"] if IS_LONG else ["kill"])
def test_the_launcher_starts_anew_and_the_result_is_that_of_a_run_without_a_fault(
    fault: str, two: dict[str, Any], tmp_path: Path
) -> None:
    ended = train(tmp_path, 2, "--fault", fault, options=("--max-restarts", 1))
    assert ended.code == 0, ended.err
    assert "starting all anew (1 of 1)" in ended.err
    assert results(tmp_path, 2) == [two] * 2


@needs_jax
@pytest.mark.slow
def test_launchers_of_two_hosts_start_anew_together(tmp_path: Path) -> None:
    """Both are on this host, which they reach by an address that isn't the usual one."""
    whole = trained(tmp_path / "whole", 4)
    options = ["--nnodes=2", "--master-addr=127.0.0.2", f"--master-port={free_port()}"]
    words = [*options, "--max-restarts=1", str(PROGRAMS / "train.py"), str(tmp_path)]
    head = [sys.executable, "-m", "tinygrad_mnist.distributed.run", "--nproc-per-node=2"]
    launchers = [
        subprocess.Popen(
            [*head, f"--node-rank={host}", *words, "--fault=kill", "--rank=3"],
            stderr=subprocess.PIPE, text=True, env=environment(),
        )
        for host in range(2)
    ]  # fmt: skip
    said = [launcher.communicate(timeout=LIMIT)[1] for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0, 0], said
    assert "launcher: the job has ended: rank 3 is gone" in said[0]
    assert "launcher: rank 3 is lost: it was ended by the signal SIGKILL" in said[1]
    assert results(tmp_path, 4) == [whole] * 4
