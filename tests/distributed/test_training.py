"""Several processes train as one does, and go on from a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed.several import PROGRAMS, Ended, launch, needs_jax


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


@needs_jax
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_processes_have_the_losses_of_one(
    count: int, one: dict[str, Any], tmp_path: Path
) -> None:
    assert_close(trained(tmp_path, count), one)


@needs_jax
def test_compiled_steps_exchange_what_uncompiled_ones_do() -> None:
    ended = launch(2, PROGRAMS / "compiled.py")
    assert (ended.code, ended.out.count("the same")) == (0, 2), ended.err


@needs_jax
@pytest.mark.slow
def test_a_restart_goes_on_bit_for_bit_and_with_another_number_within_rounding(
    one: dict[str, Any], tmp_path: Path
) -> None:
    whole = trained(tmp_path / "whole", 2)
    trained(tmp_path / "parts", 2, "--epochs", 2)
    other = tmp_path / "other"
    other.mkdir()
    (other / "checkpoint.npz").write_bytes((tmp_path / "parts" / "checkpoint.npz").read_bytes())
    assert trained(tmp_path / "parts", 2) == whole
    assert_close(trained(other, 4), whole)
    assert_close(whole, one)


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "raise"])
def test_the_launcher_starts_anew_and_the_result_is_that_of_a_run_without_a_fault(
    fault: str, tmp_path: Path
) -> None:
    whole = trained(tmp_path / "whole", 2)
    ended = train(tmp_path, 2, "--fault", fault, options=("--max-restarts", 1))
    assert ended.code == 0, ended.err
    assert "starting all anew (1 of 1)" in ended.err
    assert results(tmp_path, 2) == [whole] * 2
